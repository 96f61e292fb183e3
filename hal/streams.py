"""Changes handed to any number of listeners, each of which misses none."""

import asyncio
import weakref
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Subscription(AsyncIterator[T]):
    """One listener's own queue, for one consuming task. Cancelling a wait loses nothing."""

    def __init__(self, *first: T) -> None:
        self._items: deque[T] = deque(first)
        self._news = asyncio.Event()
        self._ended = False
        self._failure: Callable[[], Exception] | None = None

    def push(self, item: T) -> None:
        """Queue one more item."""
        self._items.append(item)
        self._news.set()

    def end(self, failure: Callable[[], Exception] | None = None) -> None:
        """No more items: what is queued is still handed out, then the iteration stops, or raises what `failure` makes."""
        self._ended = True
        self._failure = failure
        self._news.set()

    def __aiter__(self) -> "Subscription[T]":
        return self

    async def __anext__(self) -> T:
        while not self._items:
            if self._ended:
                raise StopAsyncIteration if self._failure is None else self._failure()
            self._news.clear()
            await self._news.wait()
        return self._items.popleft()


class Broadcast(Generic[T]):
    """Hands every item to all present subscriptions, in the order in which they were made.

    A subscription counts from the call of `subscribe`, not from its first wait. It is held weakly: a listener that drops its
    iterator needs no farewell.
    """

    def __init__(self) -> None:
        self._subscriptions: list[weakref.ref[Subscription[T]]] = []

    def subscribe(self, *first: T) -> Subscription[T]:
        """A new subscription that begins with the items in `first`."""
        subscription = Subscription(*first)
        self._subscriptions = [ref for ref in self._subscriptions if ref() is not None]
        self._subscriptions.append(weakref.ref(subscription))
        return subscription

    def publish(self, item: T) -> None:
        """Queue an item for everybody."""
        for subscription in self._present():
            subscription.push(item)

    def end(self, failure: Callable[[], Exception] | None = None) -> None:
        """End every present subscription, with an error if `failure` makes one. New ones can be made afterwards."""
        for subscription in self._present():
            subscription.end(failure)
        self._subscriptions.clear()

    def _present(self) -> list[Subscription[T]]:
        return [subscription for ref in self._subscriptions if (subscription := ref()) is not None]
