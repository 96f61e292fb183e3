"""The clock of one simulated machine: monotonic time is the loop's, wall time may be wrong and drift."""

import asyncio

from hal.types import Instant, TimeTrust


class SimClock:
    """Satisfies `hal.clock.Clock` in virtual time.

    True wall time is `epoch_s` (POSIX seconds) plus the loop's time. The machine's own wall clock is off by `offset_s` and gains
    `drift_ppm` microseconds each second; both can be changed while the program runs.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        *,
        epoch_s: float,
        boot: str,
        trust: TimeTrust = TimeTrust.SYNCHRONISED,
        offset_s: float = 0.0,
        drift_ppm: float = 0.0,
    ) -> None:
        self._loop = loop
        self._epoch_s = epoch_s
        self._boot = boot
        self._trust = trust
        self._offset_s = offset_s
        self._drift_ppm = drift_ppm
        self._drift_since_s = loop.time()

    @property
    def boot(self) -> str:
        """Identifies this boot of the simulated machine."""
        return self._boot

    @property
    def trust(self) -> TimeTrust:
        """How far wall time can be believed."""
        return self._trust

    def monotonic(self) -> float:
        """Seconds of virtual time."""
        return self._loop.time()

    def true_wall(self) -> float:
        """What a perfect clock would show: for checkers, not for the program."""
        return self._epoch_s + self._loop.time()

    def wall(self) -> float | None:
        """POSIX seconds as the machine believes them, or None while it knows it cannot tell."""
        if self._trust is TimeTrust.UNKNOWN:
            return None
        return self.true_wall() + self.error_s()

    def error_s(self) -> float:
        """How far wall time is off now, in seconds."""
        return self._offset_s + (self._loop.time() - self._drift_since_s) * self._drift_ppm * 1e-6

    def now(self) -> Instant:
        """Both at one moment."""
        return Instant(self.monotonic(), self._boot, self.wall(), self._trust)

    def set_from_csms(self, posix_s: float) -> float:
        """Correct wall time unless it is synchronised; the step in seconds."""
        if self._trust is TimeTrust.SYNCHRONISED:
            return 0.0
        step_s = posix_s - (self.true_wall() + self.error_s())
        self.jump(step_s)
        self._trust = TimeTrust.CSMS
        return step_s

    async def sleep(self, seconds: float) -> None:
        """Wait in virtual time."""
        await asyncio.sleep(seconds)

    def jump(self, seconds: float) -> None:
        """Move wall time forwards, or backwards with a negative number."""
        self._offset_s += seconds

    def set_drift(self, drift_ppm: float) -> None:
        """Gain `drift_ppm` microseconds a second from now on; what was gained so far stays."""
        self._offset_s = self.error_s()
        self._drift_since_s = self._loop.time()
        self._drift_ppm = drift_ppm

    def set_trust(self, trust: TimeTrust) -> None:
        """Say how far the machine believes its own clock."""
        self._trust = trust
