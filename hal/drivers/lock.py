"""A connector lock whose bolt is driven by a motor on two GPIO lines, with a contact that shows its position."""

import asyncio
import logging

from hal.clock import Clock
from hal.drivers.debounce import Contact
from hal.drivers.gpio_lines import GpiodLines, Lines, OutputLine, Pull
from hal.errors import DeviceLost
from hal.registry import DriverContext, driver
from hal.types import LockState

log = logging.getLogger(__name__)

DEBOUNCE_S = 0.010
PULSE_S = 0.6  # the motor is never driven longer in one go: it would burn
TRIES = 2  # a plug that is not quite in often goes in the second time
REST_S = 0.2  # between two pulses


class GpioLock:
    """Satisfies hal.lock.ConnectorLock.

    `drive_in` and `drive_out` are output lines (the two sides of an H-bridge, never active together), `locked` an input line
    that is active while the bolt is in. A bolt that does not move is driven back and tried again, and is jammed if that fails;
    all of it takes less than 3 s.
    """

    def __init__(
        self,
        lines: Lines,
        clock: Clock,
        *,
        drive_in: str,
        drive_out: str,
        locked: str,
        pull: Pull = Pull.AS_IS,
        pulse_s: float = PULSE_S,
    ) -> None:
        if not 0.05 <= pulse_s <= 0.75:
            raise ValueError(f"pulse_s must be from 0.05 to 0.75, is {pulse_s!r}")
        self._lines = lines
        self._clock = clock
        self._names = (drive_in, drive_out)
        self._locked_name = locked
        self._pull = pull
        self._pulse_s = pulse_s
        self._drives: tuple[OutputLine, ...] = ()
        self._contact: Contact | None = None
        self._jammed = False
        self._moved = asyncio.Event()  # set at each change of the contact
        self._driving = asyncio.Lock()

    @property
    def state(self) -> LockState:
        """The position that the contact shows, or JAMMED after a move that failed; UNKNOWN while it cannot be told."""
        if self._contact is None:
            return LockState.UNKNOWN
        if self._jammed:
            return LockState.JAMMED
        return LockState.LOCKED if self._contact.active else LockState.UNLOCKED

    async def open(self) -> None:
        """Take the lines; the bolt stays where it is. Raises DeviceLost."""
        await self.close()
        try:
            for name in self._names:
                self._drives += (self._lines.output(name),)
            self._contact = Contact(
                self._lines,
                self._locked_name,
                pull=self._pull,
                settle_s=DEBOUNCE_S,
                on_change=self._changed,
                on_lost=self._lost,
            )
        except DeviceLost:
            await self.close()
            raise
        self._jammed = False

    async def lock(self) -> LockState:
        """Drive the bolt in and return where it is. Raises DeviceLost."""
        return await self._move(locked=True)

    async def unlock(self) -> LockState:
        """Drive the bolt out and return where it is. Raises DeviceLost."""
        return await self._move(locked=False)

    async def close(self) -> None:
        """Release the lines; the bolt stays where it is. Never raises."""
        for line in (*self._drives, self._contact):
            if line is not None:
                line.close()
        self._drives = ()
        self._contact = None

    async def _move(self, *, locked: bool) -> LockState:
        async with self._driving:
            for attempt in range(TRIES):
                if attempt:
                    log.warning("connector lock tried again locked=%s contact=%s", locked, self._locked_name)
                    await self._pulse(not locked)
                    await self._clock.sleep(REST_S)
                if self._position().active is not locked:
                    await self._pulse(locked)
                if self._position().active is locked:
                    self._jammed = False
                    return self.state
            self._jammed = True
            log.error("connector lock jammed locked=%s contact=%s", locked, self._locked_name)
            return self.state

    async def _pulse(self, locked: bool) -> None:
        """Drive the motor until the contact changes, at most `pulse_s`."""
        self._position()
        drive = self._drives[0 if locked else 1]
        self._moved.clear()
        drive.set(True)
        try:
            async with asyncio.timeout(self._pulse_s):
                await self._moved.wait()
        except TimeoutError:
            pass
        finally:
            drive.set(False)

    def _position(self) -> Contact:
        if self._contact is None:
            raise DeviceLost(f"connector lock with contact {self._locked_name} is not open, or its lines are gone")
        return self._contact

    def _changed(self, _active: bool) -> None:
        self._jammed = False  # whoever moved the bolt, it is where the contact shows it now
        self._moved.set()

    def _lost(self, error: DeviceLost) -> None:
        log.error("connector lock lost contact=%s error=%s", self._locked_name, error)
        if self._contact is not None:
            self._contact.close()
            self._contact = None
        self._moved.set()


@driver("lock", "gpio")
def gpio_lock(
    context: DriverContext,
    drive_in: str,
    drive_out: str,
    locked: str,
    pull: Pull = Pull.AS_IS,
    pulse_s: float = PULSE_S,
) -> GpioLock:
    """The connector lock on a board's lines."""
    return GpioLock(
        GpiodLines(), context.clock, drive_in=drive_in, drive_out=drive_out, locked=locked, pull=pull, pulse_s=pulse_s
    )
