"""Monotonic time, as it is handed to everything that waits."""

import asyncio
from typing import Protocol


class Clock(Protocol):
    """Time that only goes forward. Wall time is no concern of this room."""

    def monotonic(self) -> float:
        """Return seconds since some fixed, unknown moment."""
        ...

    async def sleep(self, delay_s: float) -> None:
        """Return after ``delay_s`` seconds; at once, but not before other tasks had their turn, if it is not positive."""
        ...


class LoopClock:
    """The running event loop's own time: real on a real loop, virtual on a virtual one."""

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    async def sleep(self, delay_s: float) -> None:
        await asyncio.sleep(max(delay_s, 0.0))
