"""The hardware of one EVSE: compares what the core wants with what was last done, and does the difference.

Order matters and is fixed: denying comes before everything, offering and allowing come last. Start and end registers are read
with the contactor open, so that every watt hour belongs to exactly one transaction.
"""

import asyncio
import logging
from collections.abc import Callable

from boards import EvseHardware
from firmware.core.evse import Evse
from firmware.core.power import Desired, desired
from hal.clock import Clock
from hal.errors import HalError
from hal.meter import SigningMeter
from hal.types import Fault, FaultCode, LampSign, LockState, MeterReading, SignedReading

log = logging.getLogger(__name__)

OPEN_FEEDBACK_S = 0.5  # contactor: time to open after deny before it counts as welded
CLOSE_FEEDBACK_S = 3.0  # IEC 61851-1: closed within 3 s of state C
READ_TIMEOUT_S = 2.0
READ_TRIES = 2
RETRY_S = 1.0  # after a device did not obey


class EvseDriver:
    """Actuates one EVSE. All calls to the core go through the callbacks, which carry the time."""

    def __init__(
        self,
        evse: Evse,
        hardware: EvseHardware,
        clock: Clock,
        *,
        fault: Callable[[Fault], None],
        contactor_changed: Callable[[bool | None], None],
        lock_changed: Callable[[LockState], None],
    ) -> None:
        self.evse = evse
        self.hardware = hardware
        self._clock = clock
        self._fault = fault
        self._contactor_changed = contactor_changed
        self._lock_changed = lock_changed
        self._wake = asyncio.Event()
        self._busy = asyncio.Lock()
        self._allowed = False
        self._offered: float | None = None
        self._locked: bool | None = None
        self._in_service: bool | None = None
        self._sign: LampSign | None = None
        self._allowed_at_s = 0.0
        self._obeys = True
        self._halted = False
        self._missing = {"pilot", "contactor", "lock"} if hardware.lock is not None else {"pilot", "contactor"}
        self.last_reading: MeterReading | None = None
        self.last_read_s: float | None = None  # monotonic time of the last reading
        self.ticks = 0

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
        if self._allowed and not desired(self.evse).close:
            self.deny_now()  # do not wait for the task's turn
        self._wake.set()

    def deny_now(self) -> None:
        """Forbid energy from anywhere, without waiting."""
        self.hardware.contactor.deny_now()

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
                self._allowed = False
            # nothing that was done before holds for a device that was opened anew
            self._offered = self._locked = self._in_service = None
            self._wake.set()

        return tell

    async def run(self) -> None:
        """Follow the core for ever, and feed the contactor's dead-man timer."""
        while True:
            self._wake.clear()
            self.ticks += 1
            wanted = desired(self.evse)
            if not self._missing and not self._halted:
                async with self._busy:
                    await self._apply(wanted)
            if self._allowed:
                self.hardware.contactor.keep_alive()
            try:
                async with asyncio.timeout(self._patience_s()):
                    await self._wake.wait()
            except TimeoutError:
                self._check_closed()

    def _patience_s(self) -> float | None:
        """How long the task may sleep: to feed a dead-man timer, and to notice a contactor that does not close."""
        waits = [] if self._obeys else [RETRY_S]
        if not self._allowed:
            return min(waits, default=None)
        dead_man_s = self.hardware.contactor.dead_man_s
        if dead_man_s is not None:
            waits.append(dead_man_s / 4)
        if self.hardware.contactor.closed is False:
            waits.append(max(self._allowed_at_s + CLOSE_FEEDBACK_S - self._clock.monotonic(), 0.01))
        return min(waits, default=None)

    def _check_closed(self) -> None:
        overdue = self._clock.monotonic() - self._allowed_at_s >= CLOSE_FEEDBACK_S
        if self._allowed and overdue and self.hardware.contactor.closed is False and desired(self.evse).close:
            self._fault(Fault(FaultCode.CONTACTOR_STUCK_OPEN, active=True, text="contactor does not close"))

    async def _apply(self, wanted: Desired) -> None:
        try:
            if self._allowed and not wanted.close:
                await self._deny()
            if wanted.lock is not None and wanted.lock != self._locked:
                await self._drive_lock(wanted.lock)
            if wanted.in_service != self._in_service:
                await self.hardware.pilot.set_available(wanted.in_service)
                self._in_service = wanted.in_service
            if wanted.offer_a != self._offered:
                await self.hardware.pilot.offer(wanted.offer_a)
                self._offered = wanted.offer_a
            if wanted.close and not self._allowed and not self._halted and desired(self.evse).close:
                await self._allow()
        except HalError as error:
            log.error("evse does not obey evse=%d error=%s", self.evse.id, error)
            self.deny_now()
            self._allowed = self._obeys = False
            self._offered = None
            self._fault(Fault(FaultCode.PILOT_LOST, active=True, text=str(error)))
        else:
            if not self._obeys:
                self._obeys = True
                self._fault(Fault(FaultCode.PILOT_LOST, active=False, text="hardware obeys again"))
        await self._show(wanted.sign)

    async def _allow(self) -> None:
        await self.hardware.contactor.allow()
        if self._halted:
            self.deny_now()
            return
        self._allowed = True
        self._allowed_at_s = self._clock.monotonic()

    async def _deny(self) -> None:
        self.hardware.contactor.deny_now()
        self._allowed = False
        await self.hardware.contactor.deny()
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
        self._locked = locked
        good = state is (LockState.LOCKED if locked else LockState.UNLOCKED)
        self._fault(Fault(FaultCode.LOCK_JAMMED, active=not good, text=f"bolt is {state.value}" if not good else ""))
        self._lock_changed(state)

    async def unlock_now(self) -> LockState | None:
        """Drive the bolt out because somebody asked; None where there is no lock. Raises HalError."""
        lock = self.hardware.lock
        if lock is None:
            return None
        async with self._busy:
            state = await lock.unlock()
            self._locked = False
            self._lock_changed(state)
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

    # ---- observations -----------------------------------------------------------------------------------------------

    async def contactor_reported(self, closed: bool) -> None:
        """The feedback contact moved."""
        self._contactor_changed(closed)
        if closed and not self._allowed:
            await self._check_open()
        elif not closed and FaultCode.WELDED_CONTACTOR in self.evse.faults:
            self._fault(Fault(FaultCode.WELDED_CONTACTOR, active=False, text="contactor opened"))

    async def _check_open(self) -> None:
        await self._clock.sleep(OPEN_FEEDBACK_S)
        if not self._allowed and self.hardware.contactor.closed is True:
            self._fault(Fault(FaultCode.WELDED_CONTACTOR, active=True, text="contactor closed against our command"))

    async def read_meter(self) -> MeterReading | None:
        """The meter, with one more try; None when it is silent."""
        for _ in range(READ_TRIES):
            try:
                reading = await self.hardware.meter.read(READ_TIMEOUT_S)
            except HalError as error:
                log.warning("meter does not answer evse=%d error=%s", self.evse.id, error)
            else:
                self.last_reading, self.last_read_s = reading, self._clock.monotonic()
                return reading
        return None

    async def settled(self) -> None:
        """Wait until energy has stopped: denied, and the contactor reported open (or declared welded)."""
        async with self._busy:
            if self._allowed:
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
