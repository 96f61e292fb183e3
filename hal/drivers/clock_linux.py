"""How far the wall time of a Linux machine can be believed.

Rules:

- The kernel knows: whoever keeps its time (timesyncd, chrony, ntpd, PTP) tells it so, and adjtimex() without a change needs no
  rights. After its source is gone the kernel takes hours to notice; nobody knows better.
- A time before the floor is certainly wrong. The floor is the newest of: when this file was made, the operating system's
  /usr/lib/clock-epoch, and the last time that was believed here, kept in a file.
- A synchronised kernel is believed against the kept time (which may come from a clock that ran ahead), but not against the others.
"""

import asyncio
import ctypes
import logging
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from hal.clock import Clock
from hal.clocks import SystemClock, read_boot_id
from hal.registry import DriverContext, driver
from hal.types import TimeTrust

log = logging.getLogger(__name__)

MADE_AT_S = 1_795_132_800.0  # 2026-11-20 00:00 UTC: no device with this file has an earlier time
CLOCK_EPOCH = Path("/usr/lib/clock-epoch")  # its modification time is when the image was made (systemd 251 and newer)
TIMESYNC_STAMP = Path("/run/systemd/timesync/synchronized")  # touched at each synchronisation, never removed
CHRONY = Path("/run/chrony/chronyd.pid")  # there while it runs
RTC = Path("/sys/class/rtc/rtc0/since_epoch")
KEEP_EVERY_S = 3600.0

_TIME_ERROR = 5  # what adjtimex() returns for a clock that is not synchronised
_STA_UNSYNC = 0x0040


class _Timex(ctypes.Structure):
    """The beginning of struct timex (linux/timex.h), with room for the rest of it."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_char * 512),
    )


class KernelClock:
    """Asks the kernel, by the C library's adjtimex()."""

    def __init__(self) -> None:
        self._library = ctypes.CDLL(None, use_errno=True)

    def synchronised(self) -> bool | None:
        """True when a source keeps the kernel's clock; None where it cannot be asked."""
        if not hasattr(self._library, "adjtimex"):
            return None
        answer = _Timex()  # modes 0: change nothing
        result: int = self._library.adjtimex(ctypes.byref(answer))
        if result < 0:
            log.warning("adjtimex failed error=%s", os.strerror(ctypes.get_errno()))
            return None
        return result != _TIME_ERROR and not answer.status & _STA_UNSYNC


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the machine shows of its time, for diagnostics. POSIX seconds; None where there is nothing to see."""

    kernel_synchronised: bool | None
    timesyncd_last_s: float | None
    chrony_running: bool
    rtc_s: float | None
    floor_s: float


class LinuxTime:
    """Judges the wall time. `kept` is a file for the last believed time, None for none."""

    def __init__(
        self,
        kept: Path | None = None,
        *,
        synchronised: Callable[[], bool | None] | None = None,
        wall_s: Callable[[], float] = time.time,
        clock_epoch: Path = CLOCK_EPOCH,
        timesync_stamp: Path = TIMESYNC_STAMP,
        chrony: Path = CHRONY,
        rtc: Path = RTC,
    ) -> None:
        self._kept = kept
        self._synchronised = KernelClock().synchronised if synchronised is None else synchronised
        self._wall_s = wall_s
        self._timesync_stamp = timesync_stamp
        self._chrony = chrony
        self._rtc = rtc
        self._image_s = max(MADE_AT_S, _modified_s(clock_epoch) or 0.0)
        self._kept_s = 0.0 if kept is None else self._read_kept(kept)

    @property
    def floor_s(self) -> float:
        """No earlier time can be right."""
        return max(self._image_s, self._kept_s)

    def trust(self) -> TimeTrust:
        """The trust source of `hal.clocks.SystemClock`. Takes microseconds."""
        now = self._wall_s()
        if now >= self._image_s and self._synchronised():
            return TimeTrust.SYNCHRONISED
        return TimeTrust.FLOOR if now >= self.floor_s else TimeTrust.UNKNOWN

    def keep(self, posix_s: float) -> None:
        """Write down a time that was believed, so that no later start goes back behind it. Blocks; never raises."""
        if self._kept is None:
            return
        fresh = self._kept.with_suffix(".new")
        try:
            with fresh.open("w", encoding="ascii") as file:
                file.write(f"{int(posix_s)}\n")
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(self._kept)
        except OSError as error:
            log.warning("time not kept file=%s error=%s", self._kept, error)
            return
        self._kept_s = posix_s

    async def keep_hourly(self, clock: Clock) -> None:
        """Keep the clock's time, every hour in which it is synchronised, until cancelled.

        What a central system says is not kept: it would become a floor under which TLS believes nothing any more.
        """
        while True:
            now = clock.now()
            if now.wall_s is not None and now.trust is TimeTrust.SYNCHRONISED:
                await asyncio.to_thread(self.keep, now.wall_s)
            await clock.sleep(KEEP_EVERY_S)

    def evidence(self) -> Evidence:
        """What there is to see. Reads files."""
        return Evidence(
            self._synchronised(),
            _modified_s(self._timesync_stamp),
            self._chrony.exists(),
            _number_in(self._rtc),
            self.floor_s,
        )

    def _read_kept(self, kept: Path) -> float:
        value = _number_in(kept)
        if value is None and kept.exists():
            log.warning("kept time is not a number file=%s; it will be written anew", kept)
        return value or 0.0


def _modified_s(file: Path) -> float | None:
    try:
        return file.stat().st_mtime
    except OSError:
        return None


def _number_in(file: Path) -> float | None:
    try:
        return float(int(file.read_text(encoding="ascii")))
    except (OSError, ValueError):
        return None


class LinuxClock(SystemClock):
    """Satisfies hal.clock.Clock. `time` judges its wall time; let `keep_time` run beside the program."""

    def __init__(self, loop: asyncio.AbstractEventLoop, boot: str, judge: LinuxTime) -> None:
        super().__init__(loop, boot=boot, trust_source=judge.trust)
        self.time = judge

    async def keep_time(self) -> None:
        """Satisfies hal.clock.TimeKeeper."""
        await self.time.keep_hourly(self)

    @property
    def floor_s(self) -> float:
        """POSIX seconds before which it cannot be."""
        return self.time.floor_s


@driver("clock", "linux")
def linux_clock(context: DriverContext, kept: str | None = None) -> LinuxClock:
    """The clock of this machine. `kept` is a file of the state directory for the last believed time."""
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        raise ValueError("this clock is made inside a running event loop, whose time it shows") from None
    return LinuxClock(loop, read_boot_id(), LinuxTime(None if kept is None else Path(kept)))
