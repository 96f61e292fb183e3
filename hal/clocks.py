"""The clock of a real machine."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

from hal.types import Instant, TimeTrust

SERVER_TIME_GOOD_S = 86_400.0
"""A quartz of 50 ppm is then off by four seconds."""

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def read_boot_id(path: Path = BOOT_ID) -> str:
    """The kernel's identifier of this boot. Raises OSError where the kernel gives none."""
    return path.read_text(encoding="ascii").strip()


def assume_synchronised() -> TimeTrust:
    """The trust source of a machine whose wall time somebody else vouches for (a desktop, a container)."""
    return TimeTrust.SYNCHRONISED


class SystemClock:
    """Monotonic time of the event loop, wall time of the operating system.

    `trust_source` tells how far the operating system's time can be believed; it is asked at every look. While it does not
    vouch for its time, a time server's answer counts instead, for `SERVER_TIME_GOOD_S`, else one of the central system; either is
    carried on by monotonic time, so that a step of the operating system's clock does not move it. The operating system's
    clock itself is never set.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        *,
        boot: str,
        trust_source: Callable[[], TimeTrust] = assume_synchronised,
        wall_s: Callable[[], float] = time.time,
    ) -> None:
        self._loop = loop
        self._boot = boot
        self._trust_source = trust_source
        self._wall_s = wall_s
        self._csms_base_s: float | None = None  # POSIX seconds at monotonic zero, from the central system
        self._server_base_s: float | None = None  # the same from a time server
        self._server_until_s = 0.0  # monotonic

    @property
    def boot(self) -> str:
        """Identifies this boot of the machine's monotonic clock."""
        return self._boot

    def monotonic(self) -> float:
        """Seconds of the event loop's clock."""
        return self._loop.time()

    def wall(self) -> float | None:
        """POSIX seconds, or None while the clock is known to be wrong."""
        return self.now().wall_s

    @property
    def trust(self) -> TimeTrust:
        """How far `wall` can be believed."""
        return self.now().trust

    def now(self) -> Instant:
        """Both at one moment."""
        monotonic_s = self._loop.time()
        trust = self._trust_source()
        wall_s: float | None = None
        if (
            trust is not TimeTrust.SYNCHRONISED
            and self._server_base_s is not None
            and monotonic_s < self._server_until_s
        ):
            trust, wall_s = TimeTrust.SYNCHRONISED, self._server_base_s + monotonic_s
        elif trust is not TimeTrust.SYNCHRONISED and self._csms_base_s is not None:
            trust, wall_s = TimeTrust.CSMS, self._csms_base_s + monotonic_s
        elif trust is not TimeTrust.UNKNOWN:
            wall_s = self._wall_s()
        return Instant(monotonic_s, self._boot, wall_s, trust)

    def set_from_csms(self, posix_s: float) -> float:
        """Correct wall time; returns the step in seconds, 0.0 when the operating system is synchronised."""
        before = self.now()
        if before.trust is TimeTrust.SYNCHRONISED:
            return 0.0
        self._csms_base_s = posix_s - before.monotonic_s
        return posix_s - (self._wall_s() if before.wall_s is None else before.wall_s)

    @property
    def kept_by_system(self) -> bool:
        """Whether the operating system vouches for its time."""
        return self._trust_source() is TimeTrust.SYNCHRONISED

    def set_from_server(self, posix_s: float, at_s: float) -> None:
        """Take a time server's time, `posix_s` at the monotonic moment `at_s`. It counts while nobody better is there."""
        self._server_base_s = posix_s - at_s
        self._server_until_s = at_s + SERVER_TIME_GOOD_S

    async def sleep(self, seconds: float) -> None:
        """Wait on the event loop."""
        await asyncio.sleep(seconds)
