"""Statuses of long work, on their way to a central system that may not be there.

While somebody listens every one is told, in order. Of what happened while nobody did, the newest is told. One that is not answered is
told again, a few times.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final, Generic, TypeVar

from hal.clock import Clock

T = TypeVar("T")

TRIES: Final = 3
RETRY_S: Final = 60.0


class Notices(Generic[T]):
    """A line of notices with at most one listener."""

    def __init__(self, clock: Clock, *, told: Callable[[T], None] = lambda _: None) -> None:
        """`told` hears of each notice that was delivered, or given up."""
        self._clock = clock
        self._told = told
        self._waiting: deque[T] = deque()
        self._wake = asyncio.Event()
        self._empty = asyncio.Event()
        self._empty.set()
        self._listening = False

    def post(self, notice: T) -> None:
        """One more."""
        if not self._listening:
            self._waiting.clear()
        self._waiting.append(notice)
        self._empty.clear()
        self._wake.set()

    async def empty(self) -> None:
        """Wait until everything has been told."""
        await self._empty.wait()

    async def run(self, tell: Callable[[T], Awaitable[bool]]) -> None:
        """Tell for as long as a connection lasts; `tell` returns False when nobody answered."""
        self._listening = True
        tries = 0
        try:
            while True:
                self._wake.clear()
                if not self._waiting:
                    self._empty.set()
                    await self._wake.wait()
                    continue
                notice = self._waiting[0]
                tries += 1
                if await tell(notice) or tries >= TRIES:
                    tries = 0
                    self._waiting.popleft()
                    self._told(notice)
                else:
                    await self._clock.sleep(RETRY_S)
        finally:
            self._listening = False
            while len(self._waiting) > 1:
                self._waiting.popleft()
