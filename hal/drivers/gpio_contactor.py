"""A contactor whose coil hangs on a GPIO line, with or without a feedback contact.

Rules:

- The coil is energised while energy is permitted and the vehicle asks (where the pilot's driver tells), and not before
  `min_closing_interval_s` after the last closing: contacts that close under load wear.
- The feedback contact must follow within `feedback_timeout_s`. One that does not, then or at any later moment, is a fault:
  closed against the command is a welded contactor, open against it one that is stuck. Either stays until the device is opened
  again, and nothing is permitted until then.
- Permission ends by itself when nobody feeds the dead-man timer.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from typing import Literal

from hal.clock import Clock
from hal.drivers.dead_man import DeadMan, ThreadDeadMan
from hal.drivers.debounce import Contact
from hal.drivers.gpio_lines import GpiodLines, Lines, OutputLine, Pull
from hal.drivers.pilot_gpio import GpioPilot
from hal.errors import DeviceLost, DeviceRefused
from hal.registry import DriverContext, driver
from hal.streams import Broadcast
from hal.types import Fault, FaultCode

log = logging.getLogger(__name__)

DEBOUNCE_S = 0.010
FEEDBACK_TIMEOUT_S = 0.250
MIN_CLOSING_INTERVAL_S = 10.0
DEAD_MAN_S = 2.0

FeedbackKind = Literal[
    "no", "nc"
]  # normally open: active when the contactor is closed; normally closed: the other way round


class GpioContactor:
    """Satisfies hal.contactor.Contactor, and hal.inputs.FaultSource for the faults that its feedback contact shows.

    `coil` is an output line, `feedback` an input line or None, `sign_of_life` an output line that changes with each `keep_alive`,
    for a relay in hardware that falls off without it.
    """

    def __init__(
        self,
        lines: Lines,
        clock: Clock,
        dead_man: DeadMan,
        *,
        coil: str,
        feedback: str | None = None,
        feedback_kind: FeedbackKind = "no",
        pull: Pull = Pull.AS_IS,
        sign_of_life: str | None = None,
        min_closing_interval_s: float = MIN_CLOSING_INTERVAL_S,
        feedback_timeout_s: float = FEEDBACK_TIMEOUT_S,
    ) -> None:
        if min_closing_interval_s < 0 or feedback_timeout_s <= DEBOUNCE_S:
            raise ValueError(
                "min_closing_interval_s must not be negative, feedback_timeout_s must be above the debounce time"
            )
        self._lines = lines
        self._clock = clock
        self._dead_man = dead_man
        self._names = (coil, feedback, sign_of_life)
        self._feedback_kind = feedback_kind
        self._pull = pull
        self._min_closing_interval_s = min_closing_interval_s
        self._feedback_timeout_s = feedback_timeout_s
        self._coil: OutputLine | None = None
        self._feedback: Contact | None = None
        self._sign_of_life: OutputLine | None = None
        self._sign_level = False
        self._allowed = False
        self._vehicle_asks = True  # until a pilot's driver tells otherwise
        self._energised = False
        self._closed_at: float | None = None  # monotonic time of the last closing
        self._close_timer: asyncio.TimerHandle | None = None
        self._check_timer: asyncio.TimerHandle | None = None
        self._settled = asyncio.Event()  # set while the feedback agrees with the coil, or has been found not to
        self._fault: Fault | None = None
        self._changes: Broadcast[bool] = Broadcast()
        self._faults: Broadcast[Fault] = Broadcast()
        self._pilot: GpioPilot | None = None

    @property
    def dead_man_s(self) -> float | None:
        """Seconds without `keep_alive` after which it denies by itself."""
        return self._dead_man.after_s

    @property
    def follows_vehicle(self) -> bool:
        """True when it opens and closes with the vehicle by itself, as long as it is allowed."""
        return self._pilot is not None

    @property
    def waiting(self) -> bool:
        """True while it is allowed and wanted but does not close yet, because it closed only a moment ago."""
        return self._close_timer is not None

    @property
    def closed(self) -> bool | None:
        """The feedback contact, debounced."""
        return None if self._feedback is None else self._means_closed(self._feedback.active)

    def follow(self, pilot: GpioPilot) -> None:
        """Let a pilot's driver tell whether the vehicle asks, and share our signs of life with it."""
        self._vehicle_asks = False
        self._pilot = pilot
        pilot.on_demand(self._demand)

    async def open(self) -> None:
        """Take the lines, deny, and forget what was found wrong before. Raises DeviceLost."""
        await self.close()
        coil, feedback, sign_of_life = self._names
        self._fault = None
        try:
            self._coil = self._lines.output(coil)
            if sign_of_life is not None:
                self._sign_of_life = self._lines.output(sign_of_life)
            if feedback is not None:
                self._feedback = Contact(
                    self._lines,
                    feedback,
                    pull=self._pull,
                    settle_s=DEBOUNCE_S,
                    on_change=self._feedback_changed,
                    on_lost=self._lost,
                )
        except DeviceLost:
            await self.close()
            raise
        self._expect_feedback()

    async def allow(self) -> None:
        """Permit energy, and wait for the contacts if they close now.

        They close later when the vehicle does not ask yet or the last closing is too recent. Raises DeviceRefused when the
        feedback contact does not follow, and after a fault; then the coil is let go.
        """
        self._coil_line()
        if self._fault is not None:
            raise DeviceRefused(f"{self._name}: {self._fault.text}")
        self._allowed = True
        self._apply()
        try:
            await self._settled.wait()
        except BaseException:
            self.deny_now()
            raise
        if self._fault is not None:
            raise DeviceRefused(f"{self._name}: {self._fault.text}")

    async def deny(self) -> None:
        """Let the coil go and wait for the contacts. Raises DeviceRefused when they stay closed, DeviceLost when the line is gone."""
        self._coil_line()
        self._allowed = False
        self._apply()
        await self._settled.wait()
        if self.closed:
            raise DeviceRefused(f"{self._name}: the contacts stay closed with the coil let go")

    def deny_now(self) -> None:
        """Let the coil go."""
        self._allowed = False
        try:
            self._apply()
        except DeviceLost as error:
            log.critical("contactor coil cannot be let go coil=%s error=%s", self._names[0], error)

    def keep_alive(self) -> None:
        """Feed the dead-man timer, the line for hardware, and the pilot's driver."""
        self._dead_man.feed()
        if self._pilot is not None:
            self._pilot.keep_alive()
        if self._sign_of_life is not None:
            self._sign_level = not self._sign_level
            try:
                self._sign_of_life.set(self._sign_level)
            except DeviceLost as error:
                self._lost(error)

    def changes(self) -> AsyncIterator[bool]:
        """Each change of the feedback contact. Ends when closed; raises DeviceLost when a line is gone."""
        self._coil_line()
        return self._changes.subscribe()

    def faults(self) -> AsyncIterator[Fault]:
        """The fault present, then each change. Ends when closed; raises DeviceLost when a line is gone."""
        self._coil_line()
        return self._faults.subscribe(*([] if self._fault is None else [self._fault]))

    async def close(self) -> None:
        """Deny and release the lines. Never raises."""
        self.deny_now()
        self._stop_timers()
        for line in (self._coil, self._feedback, self._sign_of_life):
            if line is not None:
                line.close()
        self._coil = self._feedback = self._sign_of_life = None
        self._settled.set()
        self._changes.end()
        self._faults.end()

    @property
    def _name(self) -> str:
        return f"contactor on {self._names[0]}"

    def _coil_line(self) -> OutputLine:
        if self._coil is None:
            raise DeviceLost(f"{self._name} is not open; open it first")
        return self._coil

    def _means_closed(self, level: bool) -> bool:
        return level is (self._feedback_kind == "no")

    def _demand(self, asks: bool) -> None:
        """The vehicle asks for energy, or does so no longer."""
        self._vehicle_asks = asks
        if self._coil is None:
            return
        try:
            self._apply()
        except DeviceLost as error:
            self._lost(error)

    def _apply(self) -> None:
        """Bring the coil to what permission and vehicle want. Raises DeviceLost."""
        wanted = self._allowed and self._vehicle_asks and self._fault is None
        if self._close_timer is not None:
            self._close_timer.cancel()
            self._close_timer = None
        if wanted == self._energised or self._coil is None:
            return
        if not wanted:
            self._energised = False
            self._dead_man.release()
            self._coil.set(False)
            self._expect_feedback()
            return
        wait_s = self._closing_wait_s()
        if wait_s > 0:
            log.info("contactor closes later coil=%s wait_s=%.1f", self._names[0], wait_s)
            self._close_timer = asyncio.get_running_loop().call_later(wait_s, self._demand, self._vehicle_asks)
            return
        self._coil.set(True)
        self._energised = True
        self._closed_at = self._clock.monotonic()
        self._dead_man.hold(self._cutter(self._coil, asyncio.get_running_loop()))
        self._expect_feedback()

    def _closing_wait_s(self) -> float:
        if self._closed_at is None:
            return 0.0
        return self._closed_at + self._min_closing_interval_s - self._clock.monotonic()

    def _cutter(self, coil: OutputLine, loop: asyncio.AbstractEventLoop) -> Callable[[], None]:
        """What the dead-man timer does, in whatever thread: the coil first, the rest when the event loop is back."""

        def cut() -> None:
            try:
                coil.set(False)
            except DeviceLost as error:
                log.critical("contactor coil cannot be let go coil=%s error=%s", self._names[0], error)
            log.error(
                "contactor denied by its dead-man timer coil=%s after_s=%g", self._names[0], self._dead_man.after_s
            )
            if not loop.is_closed():
                loop.call_soon_threadsafe(self.deny_now)

        return cut

    def _expect_feedback(self) -> None:
        """From now on the feedback contact has its time to agree with the coil."""
        if self._check_timer is not None:
            self._check_timer.cancel()
            self._check_timer = None
        if self.closed in {None, self._energised}:
            self._settled.set()
            return
        self._settled.clear()
        self._check_timer = asyncio.get_running_loop().call_later(self._feedback_timeout_s, self._disagrees)

    def _feedback_changed(self, level: bool) -> None:
        self._changes.publish(self._means_closed(level))
        self._expect_feedback()

    def _disagrees(self) -> None:
        """The feedback contact has not followed the coil in time, or has left it."""
        self._check_timer = None
        if self._fault is None:
            if self._energised:
                self._fault = Fault(
                    FaultCode.CONTACTOR_STUCK_OPEN, True, "the contacts are open with the coil energised"
                )
            else:
                self._fault = Fault(FaultCode.WELDED_CONTACTOR, True, "the contacts are closed with the coil let go")
            log.error("contactor fault coil=%s fault=%s", self._names[0], self._fault.text)
            self._faults.publish(self._fault)
        self.deny_now()
        self._settled.set()

    def _lost(self, error: DeviceLost) -> None:
        """A line is gone: nothing can be told any more."""
        log.error("contactor lost coil=%s error=%s", self._names[0], error)
        if self._feedback is not None:
            self._feedback.close()
            self._feedback = None  # what it showed last is no evidence any more
        self.deny_now()
        self._settled.set()
        self._changes.end(lambda: DeviceLost(str(error)))
        self._faults.end(lambda: DeviceLost(str(error)))

    def _stop_timers(self) -> None:
        for timer in (self._close_timer, self._check_timer):
            if timer is not None:
                timer.cancel()
        self._close_timer = self._check_timer = None


@driver("contactor", "gpio")
def gpio_contactor(
    context: DriverContext,
    coil: str,
    feedback: str | None = None,
    feedback_kind: FeedbackKind = "no",
    pull: Pull = Pull.AS_IS,
    sign_of_life: str | None = None,
    min_closing_interval_s: float = MIN_CLOSING_INTERVAL_S,
    feedback_timeout_s: float = FEEDBACK_TIMEOUT_S,
    dead_man_s: float = DEAD_MAN_S,
) -> GpioContactor:
    """The contactor on a board's lines. With a `gpio` pilot at the same EVSE it opens and closes with the vehicle by itself."""
    contactor = GpioContactor(
        GpiodLines(),
        context.clock,
        ThreadDeadMan(dead_man_s, coil),
        coil=coil,
        feedback=feedback,
        feedback_kind=feedback_kind,
        pull=pull,
        sign_of_life=sign_of_life,
        min_closing_interval_s=min_closing_interval_s,
        feedback_timeout_s=feedback_timeout_s,
    )
    pilot = context.others.get("pilot")
    if isinstance(pilot, GpioPilot):
        contactor.follow(pilot)
    return contactor
