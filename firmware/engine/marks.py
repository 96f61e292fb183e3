"""The marks of clock-aligned samples on both clocks, each once."""

from firmware.core.metering import next_mark
from hal.types import Instant


class ClockMarks:
    """Marks of one series. A clock that is set back a little does not bring the last mark again."""

    def __init__(self) -> None:
        self._last_wall_s: float | None = None

    def next(self, interval_s: int, since_s: float, now: Instant) -> tuple[float | None, float | None]:
        """The next mark after the monotonic time `since_s`: its monotonic and its POSIX time; None while there is none."""
        if now.wall_s is None or not now.trust.usable:
            return None, None
        ahead_s = now.wall_s - now.monotonic_s
        wall_s = next_mark(interval_s, ahead_s + since_s)
        if wall_s is not None and wall_s == self._last_wall_s:
            wall_s = next_mark(interval_s, wall_s)
        return (None, None) if wall_s is None else (wall_s - ahead_s, wall_s)

    def passed(self, wall_s: float | None) -> None:
        """This mark has been served."""
        self._last_wall_s = wall_s
