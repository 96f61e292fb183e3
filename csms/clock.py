"""Where the central system takes its time from."""

import asyncio
from datetime import UTC, datetime
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
