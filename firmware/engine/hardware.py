"""The hardware of one EVSE: compares what the core wants with what was last done, and does the difference.

Order matters and is fixed: denying comes before everything, offering and allowing come last. Energy is forbidden at once, from
wherever it is found out that it must be (`deny_now`), and confirmed by the next pass of `run`. Start and end registers are read with
the contactor open, so that every watt hour belongs to exactly one transaction.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

from boards import EvseHardware
from firmware.core.evse import Evse
from firmware.core.power import desired
from firmware.core.values import Plug
from firmware.waiting import woken
from hal.clock import Clock
from hal.errors import DeviceLost, DeviceReplaced, HalError
from hal.meter import SigningMeter
from hal.types import Fault, FaultCode, LampSign, LockState, MeterReading, SignedReading

log = logging.getLogger(__name__)

OPEN_FEEDBACK_S = 0.5  # contactor: time to open after deny before it counts as welded
CLOSE_FEEDBACK_S = 3.0  # IEC 61851-1: closed within 3 s of state C
READ_TIMEOUT_S = 2.0
READ_TRIES = 2
LOCK_TRIES = 3  # a cable that pulls at the bolt is often moved by a second try
RETRY_S = 1.0  # after a device did not obey


@dataclass(frozen=True, slots=True)
class Disobedience:
    """A device failed: what that means, and whether it did because it is gone."""

    code: FaultCode
    lost: bool


class EvseDriver:
    """Actuates one EVSE. All calls to the core go through the callbacks, which carry the time.

    `loss` is told the fault of a contactor that is gone, which may be back in a moment; `fault` every other.
    """

    def __init__(
        self,
        evse: Evse,
        hardware: EvseHardware,
        clock: Clock,
        *,
        fault: Callable[[Fault], None],
        loss: Callable[[Fault], None],
        contactor_changed: Callable[[bool | None], None],
        lock_changed: Callable[[LockState], None],
    ) -> None:
        self.evse = evse
        self.hardware = hardware
        self._clock = clock
        self._fault = fault
        self._loss = loss
        self._contactor_changed = contactor_changed
        self._lock_changed = lock_changed
        self.ticks = 0  # passes of `run`, for the watchdog
        self._wake = asyncio.Event()
        self._busy = asyncio.Lock()
        self._allowed = False
        self._offered: float | None = None
        self._locked: bool | None = None
        self._in_service: bool | None = None
        self._sign: LampSign | None = None
        self._unconfirmed = False  # denied in haste: nobody has looked yet whether the contactor opened
        self._open_since_s = 0.0  # when it was allowed, or last reported open
        self._commanded_s = float("-inf")  # when it was last allowed or denied
        self._stuck_open = False  # it did not close; tried again with the next vehicle
        self._plug = evse.plug  # in the last pass
        self._jams = 0  # times in a row that the bolt did not get where it should
        self._at_work = FaultCode.CONTACTOR_STUCK_OPEN  # what it means when the device in use now fails
        self._disobeyed: Disobedience | None = None  # in the last pass
        self._halted = False
        self._missing = {"pilot", "contactor", "lock"} if hardware.lock is not None else {"pilot", "contactor"}
        self.lost = {name: asyncio.Event() for name in ("meter", "lock", "lamp")}  # for supervision: open it anew
        self.last_reading: MeterReading | None = None
        self.last_read_s: float | None = None  # monotonic time of the last reading

    @property
    def offered_a(self) -> float | None:
        """What the pilot was last told to offer, amperes per phase; None while it cannot be told."""
        return self._offered

    @property
    def allowed(self) -> bool:
        """True while the contactor has our permission."""
        return self._allowed

    # ---- levels -----------------------------------------------------------------------------------------------------

    def wake(self) -> None:
        """The core changed: look again."""
        if self._allowed and not self._permitted():
            self._deny_at_once()  # do not wait for the task's turn
        self._wake.set()

    def deny_now(self) -> None:
        """Forbid energy from anywhere, without waiting."""
        self.hardware.contactor.deny_now()

    def _deny_at_once(self) -> None:
        """Forbid energy now; the next pass confirms it."""
        self.deny_now()
        self._allowed = False
        self._unconfirmed = True
        self._commanded_s = self._clock.monotonic()

    def halt(self) -> None:
        """The program ends: forbid energy now and do nothing more. What the core wants no longer counts."""
        self._halted = True
        self._allowed = False
        self.deny_now()

    def available(self, device: str) -> Callable[[bool], None]:
        """For supervision: tells that the pilot, contactor or lock can (or cannot) be used."""

        def tell(there: bool) -> None:
            if there:
                self._missing.discard(device)
            else:
                self._missing.add(device)
                self._deny_at_once()
            # nothing that was done before holds for a device that was opened anew
            self._offered = self._locked = self._in_service = None
            self._wake.set()

        return tell

    async def run(self) -> None:
        """Follow the core for ever, and feed the contactor's dead-man timer."""
        while True:
            self._wake.clear()
            if not self._halted:
                async with self._busy:
                    await self._pass()
                self._forgive()
            self.ticks += 1
            if self._allowed:
                self.hardware.contactor.keep_alive()
            if not await woken(self._wake, self._patience_s()):
                self._check_closed()

    def _patience_s(self) -> float | None:
        """How long the task may sleep: to feed a dead-man timer, and to notice a contactor that does not close."""
        waits = [] if self._disobeyed is None else [RETRY_S]
        if not self._allowed:
            return min(waits, default=None)
        dead_man_s = self.hardware.contactor.dead_man_s
        if dead_man_s is not None:
            waits.append(dead_man_s / 4)
        if self.hardware.contactor.closed is False:
            waits.append(max(self._open_since_s + CLOSE_FEEDBACK_S - self._clock.monotonic(), 0.01))
        return min(waits, default=None)

    def _permitted(self) -> bool:
        """Whether the contactor may have our permission now: while the vehicle asks, or, where it follows the vehicle by itself, for as
        long as energy is allowed."""
        wanted = desired(self.evse)
        return wanted.offer_a > 0 if self.hardware.contactor.follows_vehicle else wanted.close

    def _check_closed(self) -> None:
        if not desired(self.evse).close or self.hardware.contactor.waiting:
            self._open_since_s = self._clock.monotonic()
        overdue = self._clock.monotonic() - self._open_since_s >= CLOSE_FEEDBACK_S
        if self._allowed and overdue and self.hardware.contactor.closed is False and desired(self.evse).close:
            self._stuck_open = True
            self._fault(Fault(FaultCode.CONTACTOR_STUCK_OPEN, active=True, text="contactor does not close"))

    def _forgive(self) -> None:
        """The vehicle has left: only another attempt can tell whether a contactor closes, and a bolt moves, again."""
        before, self._plug = self._plug, self.evse.plug
        if before is self._plug or self._plug is not Plug.UNPLUGGED:
            return
        if self._stuck_open:
            self._stuck_open = False
            self._fault(Fault(FaultCode.CONTACTOR_STUCK_OPEN, active=False, text="tried again with the next vehicle"))
        if self._jams:
            self._jams, self._locked = 0, None
            self._wake.set()

    async def _pass(self) -> None:
        """Do the difference. A device that fails ends the pass and is tried again after RETRY_S; energy is denied meanwhile."""
        try:
            self._at_work = FaultCode.CONTACTOR_STUCK_OPEN
            refused = self._unconfirmed or (self._allowed and not self._permitted())
            if refused and "contactor" not in self._missing:
                await self._deny()
            if not self._missing:
                await self._obey()
        except HalError as error:
            lost = isinstance(error, DeviceLost) and self._at_work is FaultCode.CONTACTOR_STUCK_OPEN
            failed = Disobedience(self._at_work, lost)
            log.error("device does not obey evse=%d fault=%s error=%s", self.evse.id, failed.code.value, error)
            if failed.code is FaultCode.LOCK_JAMMED:
                self._note_loss("lock", error)
            self._deny_at_once()
            self._offered = None
            self._obeyed(unless=failed)
            self._disobeyed = failed
            self._tell(failed, active=True, text=str(error))
        else:
            self._obeyed()
        await self._show(desired(self.evse).sign)

    async def _obey(self) -> None:
        """Bolt, pilot and, last, contactor."""
        wanted = desired(self.evse)
        self._at_work = FaultCode.LOCK_JAMMED
        if wanted.lock is not None and wanted.lock != self._locked:
            await self._drive_lock(wanted.lock)
        self._at_work = FaultCode.PILOT_LOST
        if wanted.in_service != self._in_service:
            await self.hardware.pilot.set_available(wanted.in_service)
            self._in_service = wanted.in_service
        if wanted.offer_a != self._offered:
            await self.hardware.pilot.offer(wanted.offer_a)
            self._offered = wanted.offer_a
        self._at_work = FaultCode.CONTACTOR_STUCK_OPEN
        if not self._allowed and not self._halted and self._permitted():
            await self._allow()

    def _obeyed(self, unless: Disobedience | None = None) -> None:
        """The device that failed in an earlier pass works again, unless it has just failed once more."""
        if self._disobeyed is not None and self._disobeyed != unless:
            self._tell(self._disobeyed, active=False, text="device obeys again")
            self._disobeyed = None

    def _tell(self, failed: Disobedience, *, active: bool, text: str) -> None:
        (self._loss if failed.lost else self._fault)(Fault(failed.code, active=active, text=text))

    def _note_loss(self, device: str, error: HalError) -> None:
        replaced = (
            isinstance(error, DeviceReplaced) and self.evse.running is None
        )  # two registers never meet in one transaction
        if replaced or isinstance(error, DeviceLost):
            self.lost[device].set()

    async def _allow(self) -> None:
        self._commanded_s = self._clock.monotonic()
        await self.hardware.contactor.allow()
        self._open_since_s = self._clock.monotonic()
        if self._halted or not self._permitted():
            self._deny_at_once()
            self._wake.set()
            return
        self._allowed = True

    async def _deny(self) -> None:
        self._deny_at_once()
        await self.hardware.contactor.deny()
        self._unconfirmed = False
        if not await self._feedback(False, OPEN_FEEDBACK_S):
            self._fault(Fault(FaultCode.WELDED_CONTACTOR, active=True, text="contactor still closed after deny"))

    async def _feedback(self, closed: bool, timeout_s: float) -> bool:
        """Wait for the feedback contact; True at once where there is none."""
        contactor = self.hardware.contactor
        deadline_s = self._clock.monotonic() + timeout_s
        while contactor.closed is not None and contactor.closed is not closed:
            if self._clock.monotonic() >= deadline_s:
                return False
            await self._clock.sleep(0.01)
        return True

    async def _drive_lock(self, locked: bool) -> None:
        lock = self.hardware.lock
        if lock is None:
            return
        state = await (lock.lock() if locked else lock.unlock())
        good = state is (LockState.LOCKED if locked else LockState.UNLOCKED)
        self._jams = 0 if good else self._jams + 1
        if good or self._jams >= LOCK_TRIES:
            self._locked = locked
        else:
            self._wake.set()  # once more
        self._fault(Fault(FaultCode.LOCK_JAMMED, active=not good, text=f"bolt is {state.value}" if not good else ""))
        self._lock_changed(state)

    async def unlock_now(self) -> LockState | None:
        """Drive the bolt out because somebody asked; None where there is no lock. Raises HalError.

        A cable that may be live stays locked: energy is denied first, and a welded contactor keeps the bolt where it is.
        """
        lock = self.hardware.lock
        if lock is None:
            return None
        async with self._busy:
            if self._allowed or self._unconfirmed:
                await self._deny()
            if FaultCode.WELDED_CONTACTOR in self.evse.faults:
                return lock.state
            try:
                state = await lock.unlock()
            except HalError as error:
                self._note_loss("lock", error)
                raise
            self._locked = False
            self._lock_changed(state)
            if state is LockState.UNLOCKED:
                self._jams = 0
                self._fault(Fault(FaultCode.LOCK_JAMMED, active=False))
            return state

    async def _show(self, sign: LampSign) -> None:
        if sign is not self._sign and self.hardware.lamp is not None:
            self._sign = sign
            await self.show(sign)

    async def show(self, sign: LampSign) -> None:
        """Show a sign; a broken lamp stops nothing."""
        if self.hardware.lamp is None:
            return
        try:
            await self.hardware.lamp.show(sign)
        except HalError as error:
            log.warning("lamp does not obey evse=%d error=%s", self.evse.id, error)
            self._note_loss("lamp", error)

    # ---- observations -----------------------------------------------------------------------------------------------

    async def contactor_reported(self, closed: bool) -> None:
        """The feedback contact moved."""
        if not closed:
            self._open_since_s = self._clock.monotonic()
        self._contactor_changed(closed)
        if closed and not self._allowed:
            await self._check_open()
        elif not closed and FaultCode.WELDED_CONTACTOR in self.evse.faults:
            self._fault(Fault(FaultCode.WELDED_CONTACTOR, active=False, text="contactor opened"))

    async def _check_open(self) -> None:
        await self._clock.sleep(OPEN_FEEDBACK_S)
        settled = self._clock.monotonic() - self._commanded_s >= OPEN_FEEDBACK_S  # else the command's own check decides
        if settled and not self._allowed and self.hardware.contactor.closed is True:
            self._fault(Fault(FaultCode.WELDED_CONTACTOR, active=True, text="contactor closed against our command"))

    async def read_meter(self) -> MeterReading | None:
        """The meter, with one more try; None when it is silent or does not tell its energy register."""
        for _ in range(READ_TRIES):
            try:
                reading = await self.hardware.meter.read(READ_TIMEOUT_S)
            except HalError as error:
                log.warning("meter does not answer evse=%d error=%s", self.evse.id, error)
                self._note_loss("meter", error)
            else:
                if reading.import_mwh is None:
                    log.warning("meter tells no energy register evse=%d", self.evse.id)
                    continue
                self.last_reading, self.last_read_s = reading, self._clock.monotonic()
                return reading
        return None

    async def settled(self) -> None:
        """Wait until energy has stopped: denied, and the contactor reported open (or declared welded)."""
        async with self._busy:
            if self._allowed or self._unconfirmed:
                try:
                    await self._deny()
                except HalError as error:
                    log.error("contactor does not confirm evse=%d error=%s", self.evse.id, error)
            else:
                await self._feedback(False, OPEN_FEEDBACK_S)

    async def start_signing(self, text: str) -> None:
        """Begin a signed measurement where the meter can."""
        if isinstance(self.hardware.meter, SigningMeter):
            try:
                await self.hardware.meter.start_transaction(text)
            except HalError as error:
                log.error("meter does not sign evse=%d error=%s", self.evse.id, error)

    async def stop_signing(self) -> SignedReading | None:
        """End it and return the record; None where there is none."""
        if not isinstance(self.hardware.meter, SigningMeter):
            return None
        try:
            return await self.hardware.meter.stop_transaction()
        except HalError as error:
            log.error("meter gives no signature evse=%d error=%s", self.evse.id, error)
            return None
