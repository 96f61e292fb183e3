"""Moments as people read them."""

from datetime import UTC, datetime

from hal.clock import Clock


def iso(wall_s: float | None) -> str | None:
    """POSIX seconds as RFC 3339 in UTC with milliseconds; None for an unknown time or one that no calendar has."""
    if wall_s is None:
        return None
    try:
        return datetime.fromtimestamp(wall_s, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    except (ValueError, OverflowError, OSError):
        return None


def moment(clock: Clock, monotonic_s: float) -> str | None:
    """The wall time of a moment of this boot, by what the clock says now."""
    now = clock.now()
    return None if now.wall_s is None else iso(now.wall_s - now.monotonic_s + monotonic_s)
