"""Contract of time. Nobody in the program asks the operating system for it directly."""

from typing import Protocol, runtime_checkable

from hal.types import Instant, TimeTrust


class Clock(Protocol):
    """Monotonic time, wall time with its trust, and sleep: real, mocked or virtual.

    Monotonic time is that of the running event loop, so that deadlines and time-outs agree.
    """

    @property
    def boot(self) -> str:
        """Identifies this boot of the machine's monotonic clock."""

    def monotonic(self) -> float:
        """Seconds since some fixed moment of this boot. Never runs backwards."""

    def wall(self) -> float | None:
        """POSIX seconds, or None while the clock is known to be wrong."""

    @property
    def trust(self) -> TimeTrust:
        """How far `wall` can be believed."""

    def now(self) -> Instant:
        """Both at one moment."""

    def set_from_csms(self, posix_s: float) -> float:
        """Correct wall time from a central system's answer and return the step in seconds.

        A clock that the operating system has synchronised is left alone (returns 0.0).
        """

    async def sleep(self, seconds: float) -> None:
        """Wait."""


@runtime_checkable
class TimeKeeper(Protocol):
    """A clock that keeps the time over a loss of power, and wants a task for it."""

    async def keep_time(self) -> None:
        """Write the time down while it can be believed, until cancelled."""
