"""Where the central system takes its time from."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Protocol

from csms.core.events import Moment


class Clock(Protocol):
    """Both times at once. Timers run on the event loop, so monotonic time must be the loop's time."""

    def moment(self) -> Moment:
        """Now."""


class SystemClock:
    """The running loop's time and the system's date."""

    def moment(self) -> Moment:
        return Moment(asyncio.get_running_loop().time(), datetime.now(UTC))


class LoopClock:
    """A date that goes with the loop's time: for loops that run faster than real time, or in time of their own."""

    def __init__(self, start: datetime) -> None:
        """`start` is the date at the first moment asked for; it must be aware."""
        self._start = start.astimezone(UTC)
        self._started_s: float | None = None

    def moment(self) -> Moment:
        now_s = asyncio.get_running_loop().time()
        if self._started_s is None:
            self._started_s = now_s
        return Moment(now_s, self._start + timedelta(seconds=now_s - self._started_s))
