"""When to read a meter, and which readings to keep when there are too many.

Periodic samples count from the start of the transaction, clock-aligned ones from midnight UTC and carry the mark as their
time. Both are computed from the time, not from the last one, so that a late wake-up never makes the series drift.
"""

import math
from collections.abc import Sequence
from enum import Flag, auto
from typing import TypeVar

T = TypeVar("T")
DAY_S = 86_400


class Use(Flag):
    """What a sample of a transaction is for: to be told now, to be kept for its end."""

    TOLD = auto()
    KEPT = auto()
    BOTH = TOLD | KEPT


def next_periodic(started_s: float, interval_s: int, now_s: float) -> float | None:
    """Monotonic time of the next sample strictly after `now_s`; None when sampling is off."""
    if interval_s <= 0:
        return None
    return started_s + (math.floor((now_s - started_s) / interval_s + 1e-9) + 1) * interval_s


def next_mark(interval_s: int, wall_s: float) -> float | None:
    """POSIX time of the next clock mark strictly after `wall_s`; None when aligned values are off.

    Marks are multiples of the interval since 00:00:00 UTC; an interval that does not divide the day starts anew at midnight.
    """
    if interval_s <= 0:
        return None
    midnight = math.floor(wall_s / DAY_S) * DAY_S
    mark = midnight + (math.floor((wall_s - midnight) / interval_s + 1e-9) + 1) * interval_s
    return min(mark, midnight + DAY_S)


def thin(items: Sequence[T], limit: int) -> tuple[T, ...]:
    """At most `limit` items: the first, the last, and evenly spaced ones between. `limit` is at least 2."""
    count = len(items)
    if count <= limit:
        return tuple(items)
    return tuple(items[round(i * (count - 1) / (limit - 1))] for i in range(limit))
