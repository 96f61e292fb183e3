"""A control pilot made of comparators on GPIO lines and a PWM channel, for boards without a charging microcontroller.

Rules (IEC 61851-1, annex A):

- The offer changes at most every 5 s, the last wish wins; beginning and ending an offer is not delayed.
- When the vehicle leaves state C, demand ends at once, and the contactor with it. When the offer ends while the vehicle is in
  state C, it has 6 s to stop drawing; then demand ends.
- States D (no ventilation here), E, F and unknown have no demand.
- While there is demand somebody must feed the dead-man timer (the GPIO contactor passes its own signs of life on), else the offer
  ends by itself.

What the board's hardware must do itself: peak detection of the pilot, the check of the vehicle's diode, and protection against
faults of this computer.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from hal.clock import Clock
from hal.codecs.control_pilot import DUTY_NOT_AVAILABLE, DUTY_NOTHING_OFFERED, PERIOD_S, duty, state_of_levels
from hal.drivers.dead_man import DeadMan, ThreadDeadMan
from hal.drivers.debounce import Debounce
from hal.drivers.gpio_lines import GpiodLines, InputLine, Lines, Pull
from hal.drivers.pwm_sysfs import SysfsPwm
from hal.errors import DeviceLost, DeviceRefused
from hal.registry import DriverContext, driver
from hal.streams import Broadcast
from hal.types import PilotReading, PilotState

log = logging.getLogger(__name__)

DEBOUNCE_S = 0.015  # of the 100 ms in which the contactor must be open
CHANGE_INTERVAL_S = 5.0
STOP_GRACE_S = 6.0
DEAD_MAN_S = 2.0


class GpioPilot:
    """Satisfies hal.pilot.ControlPilot.

    `levels` are input lines that are active while the pilot's positive peak is below 10.5 V, 7.5 V, 4.5 V and 1.5 V: the first
    two are needed, the others are for boards that have them.
    """

    def __init__(
        self,
        lines: Lines,
        pwm: SysfsPwm,
        clock: Clock,
        dead_man: DeadMan,
        *,
        levels: tuple[str, ...],
        pull: Pull = Pull.AS_IS,
    ) -> None:
        if not 2 <= len(levels) <= 4:
            raise ValueError(f"levels names 2 to 4 lines (below 10.5, 7.5, 4.5, 1.5 V), not {len(levels)}")
        self._lines = lines
        self._pwm = pwm
        self._clock = clock
        self._dead_man = dead_man
        self._names = levels
        self._pull = pull
        self._inputs: list[InputLine] = []
        self._state: Debounce[PilotState] = Debounce(PilotState.UNKNOWN, DEBOUNCE_S, self._settled)
        self._available = True
        self._wanted_a = 0.0
        self._offered_a = 0.0
        self._changed_at: float | None = (
            None  # monotonic time of the last change between two offers, or of the first offer
        )
        self._change_timer: asyncio.TimerHandle | None = None
        self._grace_timer: asyncio.TimerHandle | None = None
        self._demand = False
        self._on_demand: list[Callable[[bool], None]] = []
        self._readings: Broadcast[PilotReading] = Broadcast()

    def on_demand(self, listener: Callable[[bool], None]) -> None:
        """Call `listener` in the event loop when the contactor may be closed for this vehicle, and when it must open."""
        self._on_demand.append(listener)

    @property
    def dead_man_s(self) -> float:
        """Seconds of demand without `keep_alive` after which the offer ends."""
        return self._dead_man.after_s

    def keep_alive(self) -> None:
        """Feed the dead-man timer."""
        self._dead_man.feed()

    async def open(self) -> None:
        """Take the lines and the PWM channel, offering nothing. Raises DeviceLost."""
        await self.close()
        self._available, self._wanted_a, self._offered_a = True, 0.0, 0.0
        try:
            await self._pwm.open(DUTY_NOTHING_OFFERED)
            for name in self._names:
                line = self._lines.input(name, pull=self._pull, on_change=self._edge, on_lost=self._lost)
                self._inputs.append(line)
            self._state = Debounce(self._shown(), DEBOUNCE_S, self._settled)
        except DeviceLost:
            await self.close()
            raise

    async def read(self) -> PilotReading:
        """The present reading. Raises DeviceLost."""
        self._check()
        return self._reading()

    def changes(self) -> AsyncIterator[PilotReading]:
        """The present reading, then each change. Ends when closed; raises DeviceLost when a line is gone."""
        self._check()
        return self._readings.subscribe(self._reading())

    async def offer(self, current_a: float, phases: int | None = None) -> None:
        """Offer a current, or nothing with 0. This board has no way to switch phases.

        Beginning and ending take effect at once; a change less than 5 s after the one before waits for its time, longer than the
        contract's second, because the vehicle is not ready for it earlier. Raises DeviceRefused outside 6 to 80 A, DeviceLost.
        """
        del phases
        self._check()
        try:
            duty(current_a)
        except ValueError as error:
            raise DeviceRefused(str(error)) from error
        self._wanted_a = current_a
        self._apply()

    async def set_available(self, available: bool) -> None:
        """False shows the vehicle state F. Raises DeviceLost."""
        self._check()
        self._available = available
        self._apply()
        self._state.feed(self._shown())

    async def close(self) -> None:
        """Offer nothing and release. Never raises."""
        self._wanted_a = 0.0
        self._available = True
        if self._inputs:
            try:
                self._apply()
            except DeviceLost as error:
                log.critical("control pilot cannot be switched off error=%s", error)
        for timer in (self._change_timer, self._grace_timer):
            if timer is not None:
                timer.cancel()
        self._change_timer = self._grace_timer = None
        self._state.stop()
        for line in self._inputs:
            line.close()
        self._inputs.clear()
        self._set_demand(False)
        self._readings.end()

    def _check(self) -> None:
        if not self._inputs:
            raise DeviceLost("control pilot is not open; open it first")

    def _shown(self) -> PilotState:
        """What the comparators show now. While we show state F they show nothing. Raises DeviceLost."""
        if not self._available:
            return PilotState.F
        return state_of_levels(tuple(line.read() for line in self._inputs))

    def _reading(self) -> PilotReading:
        return PilotReading(self._state.value)

    def _edge(self, _level: bool) -> None:
        try:
            self._state.feed(self._shown())
        except DeviceLost as error:
            self._lost(error)

    def _settled(self, _state: PilotState) -> None:
        self._weigh_demand()
        self._readings.publish(self._reading())

    def _apply(self) -> None:
        """Bring the PWM to what is wanted, now or when its time has come. Raises DeviceLost."""
        if self._change_timer is not None:
            self._change_timer.cancel()
            self._change_timer = None
        target_a = self._wanted_a if self._available else 0.0
        now = self._clock.monotonic()
        if target_a and self._offered_a and target_a != self._offered_a and self._changed_at is not None:
            wait_s = self._changed_at + CHANGE_INTERVAL_S - now
            if wait_s > 0:
                self._change_timer = asyncio.get_running_loop().call_later(wait_s, self._apply_late)
                return
        if target_a != self._offered_a:
            self._changed_at = now
        self._offered_a = target_a
        self._pwm.set(duty(target_a) if self._available else DUTY_NOT_AVAILABLE)
        self._weigh_demand()

    def _apply_late(self) -> None:
        try:
            self._apply()
        except DeviceLost as error:
            self._lost(error)

    def _weigh_demand(self) -> None:
        """Demand needs state C, and an offer, or one that ended less than STOP_GRACE_S ago."""
        if self._grace_timer is not None and (self._offered_a or self._state.value is not PilotState.C):
            self._grace_timer.cancel()
            self._grace_timer = None
        if not self._available or self._state.value is not PilotState.C:
            self._set_demand(False)
        elif self._offered_a:
            self._set_demand(True)
        elif self._demand and self._grace_timer is None:
            self._grace_timer = asyncio.get_running_loop().call_later(STOP_GRACE_S, self._grace_over)

    def _grace_over(self) -> None:
        self._grace_timer = None
        log.warning("vehicle did not stop drawing after its offer ended grace_s=%g; the contactor opens", STOP_GRACE_S)
        self._set_demand(False)

    def _set_demand(self, demand: bool) -> None:
        if demand != self._demand:
            self._demand = demand
            if demand:
                self._dead_man.hold(self._cutter(asyncio.get_running_loop()))
            else:
                self._dead_man.release()
            for listener in self._on_demand:
                listener(demand)

    def _cutter(self, loop: asyncio.AbstractEventLoop) -> Callable[[], None]:
        """What the dead-man timer does, in whatever thread: the PWM first, the rest when the event loop is back."""

        def cut() -> None:
            self._cut()
            log.error("offer ended by the control pilot's dead-man timer after_s=%g", self._dead_man.after_s)
            if not loop.is_closed():
                loop.call_soon_threadsafe(self._withdraw)

        return cut

    def _cut(self) -> None:
        try:
            self._pwm.set(DUTY_NOTHING_OFFERED)
        except DeviceLost as error:
            log.critical("control pilot cannot be switched off error=%s", error)

    def _withdraw(self) -> None:
        self._wanted_a = 0.0
        self._set_demand(False)
        self._apply_late()

    def _lost(self, error: DeviceLost) -> None:
        """A line or the PWM is gone: nothing is offered, and nothing can be told any more."""
        log.error("control pilot lost error=%s", error)
        self._cut()
        self._state.stop()
        self._state.value = PilotState.UNKNOWN
        self._set_demand(False)
        self._readings.end(lambda: DeviceLost(str(error)))


@driver("pilot", "gpio")
def gpio_pilot(
    context: DriverContext,
    levels: tuple[str, ...],
    pwm_chip: str = "/sys/class/pwm/pwmchip0",
    pwm_channel: int = 0,
    pwm_inverted: bool = False,
    pull: Pull = Pull.AS_IS,
    dead_man_s: float = DEAD_MAN_S,
) -> GpioPilot:
    """The control pilot on a board's lines and PWM."""
    pwm = SysfsPwm(context.clock, Path(pwm_chip), pwm_channel, PERIOD_S, inverted=pwm_inverted)
    dead_man = ThreadDeadMan(dead_man_s, f"pilot {context.evse}")
    return GpioPilot(GpiodLines(), pwm, context.clock, dead_man, levels=levels, pull=pull)
