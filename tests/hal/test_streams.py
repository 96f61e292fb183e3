"""Streams of changes: several listeners, nothing lost, a clear end."""

import asyncio
import gc

import pytest

from hal.errors import DeviceLost
from hal.mock.ports import Ports
from hal.streams import Broadcast
from tests.hal.timing import run


def test_every_subscription_gets_every_item_in_order() -> None:
    """Two listeners of different speed both see everything."""

    async def main() -> None:
        news = Broadcast[int]()
        first, second = news.subscribe(0), news.subscribe()
        for item in (1, 2, 3):
            news.publish(item)
        news.end()
        assert [item async for item in first] == [0, 1, 2, 3]
        assert [item async for item in second] == [1, 2, 3]

    run(main())


def test_subscription_counts_from_the_call_not_from_the_first_wait() -> None:
    """A change between subscribing and iterating is not lost."""

    async def main() -> None:
        news = Broadcast[str]()
        subscription = news.subscribe()
        news.publish("early")
        assert await anext(subscription) == "early"

    run(main())


def test_cancelled_wait_loses_nothing() -> None:
    """A listener whose wait times out gets the next item afterwards."""

    async def main() -> None:
        news = Broadcast[str]()
        subscription = news.subscribe()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(5):
                await anext(subscription)
        news.publish("late")
        assert await anext(subscription) == "late"

    run(main())


def test_waiting_listener_wakes_for_an_item_and_for_the_end() -> None:
    """A listener that is already waiting is woken by both."""

    async def main() -> None:
        news = Broadcast[int]()
        subscription = news.subscribe()
        async with asyncio.TaskGroup() as group:
            first = group.create_task(anext(subscription))
            await asyncio.sleep(1)
            news.publish(7)
            assert await first == 7
            rest = group.create_task(anext(subscription, None))
            await asyncio.sleep(1)
            news.end()
            assert await rest is None

    run(main())


def test_items_after_the_end_are_not_delivered() -> None:
    """An ended subscription stays ended while new ones can be made."""

    async def main() -> None:
        news = Broadcast[int]()
        old = news.subscribe()
        news.end()
        new = news.subscribe()
        news.publish(1)
        news.end()
        assert [item async for item in old] == []
        assert [item async for item in new] == [1]

    run(main())


def test_dropped_subscription_is_forgotten() -> None:
    """A listener that drops its iterator leaves nothing behind."""
    news = Broadcast[int]()
    news.subscribe()
    gc.collect()
    kept = news.subscribe()
    assert len(news._subscriptions) == 1
    assert kept is not None


def test_lost_port_ends_its_streams_with_device_lost_after_what_is_queued() -> None:
    """Changes from before the loss still arrive, then the loss is told."""

    async def main() -> None:
        ports = Ports[int]("gauge")
        port = ports.attach()
        port.open()
        subscription = port.subscribe()
        ports.publish(1)
        ports.lose()
        assert await anext(subscription) == 1
        with pytest.raises(DeviceLost, match="gauge is gone; check its plug"):
            await anext(subscription)
        with pytest.raises(DeviceLost):
            port.open()
        ports.restore()
        with pytest.raises(DeviceLost, match="open it first"):
            port.check()
        port.open()
        port.check()

    run(main())


def test_closed_port_ends_its_streams_quietly() -> None:
    """Closing a device ends its iterators without an error."""

    async def main() -> None:
        port = Ports[int]("gauge").attach()
        port.open()
        subscription = port.subscribe()
        port.close()
        assert [item async for item in subscription] == []

    run(main())


def test_port_lets_through_only_what_it_accepts() -> None:
    """A filter applies to present items and to changes."""

    async def main() -> None:
        ports = Ports[int]("gauge")
        even = ports.attach(lambda item: item % 2 == 0)
        even.open()
        subscription = even.subscribe(1, 2)
        ports.publish(3)
        ports.publish(4)
        even.close()
        assert [item async for item in subscription] == [2, 4]

    run(main())
