"""Spreads domain events to those who listen, and wakes those who wait for something to be true."""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, TypeVar

from csms.core.effects import DomainEvent

log = logging.getLogger(__name__)

T = TypeVar("T")

KEPT_EVENTS: Final = 1_000
LAG_EVENTS: Final = 1_000


@dataclass(frozen=True, slots=True)
class Numbered:
    """An event with its place in the stream; numbers begin at 1 and have no gaps."""

    number: int
    event: DomainEvent


class Subscription:
    """One listener's view of the stream. It ends when the hub closes, or when the listener lags too far behind."""

    def __init__(self, backlog: list[Numbered]) -> None:
        self._waiting = deque(backlog)
        self._changed = asyncio.Event()
        self._ended = False

    def offer(self, numbered: Numbered) -> None:
        """Give the listener one more event."""
        if self._ended:
            return
        if len(self._waiting) >= LAG_EVENTS:
            log.warning("event listener dropped: too slow waiting=%d", len(self._waiting))
            self.end()
            return
        self._waiting.append(numbered)
        self._changed.set()

    def end(self) -> None:
        """Let the listener finish what it was given, and no more."""
        self._ended = True
        self._changed.set()

    def __aiter__(self) -> AsyncIterator[Numbered]:
        return self

    async def __anext__(self) -> Numbered:
        while not self._waiting:
            if self._ended:
                raise StopAsyncIteration
            self._changed.clear()
            await self._changed.wait()
        return self._waiting.popleft()


class Hub:
    """The stream of domain events of one central system."""

    def __init__(self) -> None:
        self._number = 0
        self._kept: deque[Numbered] = deque(maxlen=KEPT_EVENTS)
        self._subscriptions: list[Subscription] = []
        self._waiters: list[Callable[[], None]] = []
        self._closed = False

    def publish(self, event: DomainEvent) -> None:
        """Give an event to every listener."""
        self._number += 1
        numbered = Numbered(self._number, event)
        self._kept.append(numbered)
        for subscription in self._subscriptions:
            subscription.offer(numbered)

    def changed(self) -> None:
        """Something may have become true: look again for everyone who waits."""
        for look in tuple(self._waiters):
            look()

    def kept(self, after: int = 0) -> list[Numbered]:
        """The last thousand events, those after a number."""
        return [numbered for numbered in self._kept if numbered.number > after]

    @contextmanager
    def subscribe(self, after: int | None = None) -> Iterator[Subscription]:
        """Listen from now on, or from after an event that is still kept."""
        subscription = Subscription([] if after is None else self.kept(after))
        if self._closed:
            subscription.end()
        self._subscriptions.append(subscription)
        try:
            yield subscription
        finally:
            self._subscriptions.remove(subscription)

    async def wait_for(self, predicate: Callable[[], T], timeout_s: float | None = None) -> T:
        """Wait until the predicate is truthy and return what it gave; it is asked now and after every event.

        Raises TimeoutError, or whatever the predicate raises.
        """
        found: asyncio.Future[T] = asyncio.get_running_loop().create_future()

        def look() -> None:
            if found.done():
                return
            try:
                value = predicate()
            except Exception as error:  # noqa: BLE001 - it belongs to whoever waits
                found.set_exception(error)
                return
            if value:
                found.set_result(value)

        look()
        self._waiters.append(look)
        try:
            async with asyncio.timeout(timeout_s):
                return await found
        finally:
            self._waiters.remove(look)

    def close(self) -> None:
        """End every subscription."""
        self._closed = True
        for subscription in self._subscriptions:
            subscription.end()
