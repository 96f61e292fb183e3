"""What every bus promises, proven in memory, on a real Redis and on a Redis Cluster."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest

from csms.cluster.bus import (
    Beat,
    Bus,
    BusSettings,
    BusUnavailable,
    KeyState,
    NodeNameTaken,
    Post,
    PostResult,
    State,
    Waiter,
)
from csms.cluster.memory_bus import Exchange, MemoryBus
from csms.cluster.redis_bus import RedisBus
from csms.redis_client import RedisClient
from csms.redis_settings import RedisSettings
from tests.csms.redis_server import RedisServer, needs_redis

SETTINGS = BusSettings(lease_s=0.3, waiting_commands=3)
SHORT_S = 0.05


class Place:
    """Where buses meet."""

    def __init__(self, server: RedisServer | None) -> None:
        """Without a server they meet in memory."""
        self.exchange = Exchange(SETTINGS)
        self.server = server
        self._lives = itertools.count(1)
        self._opened: list[RedisClient] = []

    def bus(self, node: str) -> Bus:
        """A new life of a node."""
        life = f"life-{next(self._lives)}"
        if self.server is None:
            return MemoryBus(self.exchange, node, life)
        client = RedisClient(RedisSettings(self.server.url, timeout_s=1.0, cluster=self.server.cluster))
        self._opened.append(client)
        return RedisBus(client, node, life, SETTINGS)

    async def forget(self) -> None:
        """All data is lost."""
        self.exchange.forget()
        if self.server is not None:
            await self.server.say("FLUSHALL")

    def end(self) -> None:
        """Nobody can reach it any more."""
        self.exchange.reachable = False
        if self.server is not None:
            self.server.stop()

    async def close(self) -> None:
        for client in self._opened:
            await client.close()


KINDS = ["memory", *(pytest.param(kind, marks=needs_redis) for kind in ("redis", "redis-cluster"))]


@pytest.fixture(params=KINDS)
async def place(request: pytest.FixtureRequest, redis_servers: dict[str, RedisServer]) -> AsyncIterator[Place]:
    place = Place(redis_servers.get(request.param))
    if place.server is not None:
        await place.server.start()
    yield place
    await place.close()


async def joined(place: Place, node: str) -> Bus:
    bus = place.bus(node)
    await bus.join()
    return bus


async def lease_over() -> None:
    """Wait until a node that gives no sign is gone: the lease is the bus's own, in real time."""
    await asyncio.sleep(SETTINGS.lease_s * 1.3)


async def test_a_message_comes_until_it_is_acknowledged(place: Place) -> None:
    """A node that dies with a message in hand finds it again in its next life, and never after it was acknowledged."""
    a, b = await joined(place, "A"), await joined(place, "B")
    await a.tell("B", "news")
    (message,) = await b.read(1)
    assert (message.body, message.command_id) == ("news", None)
    await lease_over()
    (again,) = await (later := await joined(place, "B")).read(SHORT_S)
    assert again == message
    await later.acknowledge(again.entry)
    assert await later.read(SHORT_S) == []
    figures = await later.figures()
    assert (figures.lag, figures.pending) == (0, 0)


async def test_a_command_is_begun_once(place: Place) -> None:
    """Whoever asks second is told that it was begun; then nobody can take it back."""
    a, b = await joined(place, "A"), await joined(place, "B")
    assert (await a.post(Post("c1", "B", "call", 5))).result is PostResult.ACCEPTED
    (message,) = await b.read(1)
    first, second = await b.begin(message), await b.begin(message)
    assert (first.state, second.state) == (State.BEGIN, State.BEGUN)
    assert 4 < first.remaining_s <= 5
    assert await a.withdraw("B", "c1") is State.BEGUN


async def test_a_command_taken_back_is_never_begun(place: Place) -> None:
    """The caller that gives up and the node that delivers cannot both win."""
    a, b = await joined(place, "A"), await joined(place, "B")
    await a.post(Post("c1", "B", "call", 5))
    assert await a.withdraw("B", "c1") is State.WITHDRAWN
    (message,) = await b.read(1)
    assert (await b.begin(message)).state is State.WITHDRAWN
    assert await a.withdraw("B", "c1") is State.WITHDRAWN
    assert await a.withdraw("B", "never posted") is State.UNKNOWN


async def test_a_command_is_not_begun_after_its_deadline(place: Place) -> None:
    """The bus's own clock decides, at the moment of delivery."""
    a, b = await joined(place, "A"), await joined(place, "B")
    await a.post(Post("c1", "B", "call", 0.02))
    (message,) = await b.read(1)
    await asyncio.sleep(0.03)
    assert (await b.begin(message)).state is State.EXPIRED
    assert await a.withdraw("B", "c1") is State.EXPIRED


async def test_posting_again_changes_nothing(place: Place) -> None:
    """A post whose answer was lost may be made again; the node gets one message."""
    a, b = await joined(place, "A"), await joined(place, "B")
    first = await a.post(Post("c1", "B", "call", 5))
    assert await a.post(Post("c1", "B", "call", 5)) == first
    assert len(await b.read(1)) == 1
    figures = await b.figures()
    assert (figures.lag, figures.pending) == (0, 1)


async def test_a_full_node_says_so(place: Place) -> None:
    """Beyond its bound a node takes no command, until one is dealt with; nothing is dropped in silence."""
    a, b = await joined(place, "A"), await joined(place, "B")
    results = [(await a.post(Post(f"c{number}", "B", "call", 5))).result for number in range(4)]
    assert results == [PostResult.ACCEPTED] * 3 + [PostResult.FULL]
    message, *_ = await b.read(1)
    await b.acknowledge(message.entry)
    assert (await a.post(Post("c3", "B", "call", 5))).result is PostResult.ACCEPTED


async def test_a_node_without_signs_of_life_is_gone(place: Place) -> None:
    """No command is posted to it, and whoever waits for it can see that its life is over."""
    a, b = await joined(place, "A"), await joined(place, "B")
    posted = await a.post(Post("c1", "B", "call", 5))
    assert await a.lives("B", posted.incarnation)
    assert await a.nodes() == ["A", "B"]
    await lease_over()
    await a.beat(())
    assert not await a.lives("B", posted.incarnation)
    assert (await a.post(Post("c2", "B", "call", 5))).result is PostResult.GONE
    assert await a.nodes() == ["A"]
    await b.beat(())
    assert await a.lives("B", posted.incarnation)
    await b.leave()
    assert not await a.lives("B", posted.incarnation)


async def test_a_name_belongs_to_one_life(place: Place) -> None:
    """A second process of the same name is refused while the first one lives, and the first one once the second does."""
    first, second = await joined(place, "A"), place.bus("A")
    with pytest.raises(NodeNameTaken, match="'A'"):
        await second.join()
    await lease_over()
    await second.join()
    with pytest.raises(NodeNameTaken):
        await first.beat(())


async def test_the_newer_connection_wins(place: Place) -> None:
    """A claim names what it replaced; the older connection can neither confirm itself nor take the newer one away."""
    a, b = await joined(place, "A"), await joined(place, "B")
    old = await a.claim("CP1", "c-old", "ocpp1.6")
    new = await b.claim("CP1", "c-new", "ocpp2.0.1")
    assert (old.older, new.older) == (None, old.held)
    assert new.held.epoch > old.held.epoch
    assert (await a.beat([old.held])).ours == (False,)
    await a.release(old.held)
    assert await a.owner("CP1") == new.held
    await b.release(new.held)
    assert await a.owner("CP1") is None


async def test_after_a_loss_the_newest_connection_still_wins(place: Place) -> None:
    """The bus loses everything; whoever confirms first, the connection with the greater epoch is the one that stays."""
    a, b = await joined(place, "A"), await joined(place, "B")
    old, new = await a.claim("CP1", "c-old", "ocpp1.6"), await b.claim("CP1", "c-new", "ocpp1.6")
    assert not await a.lost()
    await place.forget()
    assert await a.lost()
    assert await a.beat([old.held]) == Beat(forgotten=True, ours=(True,))
    assert await b.beat([new.held]) == Beat(forgotten=True, ours=(True,))
    assert await b.beat([new.held]) == Beat(forgotten=False, ours=(True,))
    assert not await a.lost()
    assert (await a.beat([old.held])).ours == (False,)
    assert await a.owner("CP1") == new.held
    assert (await a.claim("CP1", "c-newest", "ocpp1.6")).held.epoch > new.held.epoch


async def test_a_loss_is_not_hidden_by_reading(place: Place) -> None:
    """Whoever reads first after a loss, the next sign of life is told of it, and messages come again."""
    a, b = await joined(place, "A"), await joined(place, "B")
    await place.forget()
    with suppress(BusUnavailable):
        assert await b.read(SHORT_S) == []
    assert await b.lost()
    assert (await b.beat(())).forgotten
    await b.join()
    await a.tell("B", "news")
    assert [message.body for message in await b.read(1)] == ["news"]


async def test_a_key_belongs_to_its_first_command(place: Place) -> None:
    """Others wait for its outcome or are given it; another content is a conflict."""
    a, b = await joined(place, "A"), await joined(place, "B")
    assert (await a.open_key("CP1", "k", "reset", "c1", 5)).state is KeyState.NEW
    running = await b.open_key("CP1", "k", "reset", "c2", 5)
    assert (running.state, running.command_id) == (KeyState.RUNNING, "c1")
    assert (await b.open_key("CP1", "k", "unlock", "c3", 5)).state is KeyState.CONFLICT
    assert (await b.open_key("CP2", "k", "unlock", "c4", 5)).state is KeyState.NEW
    assert await a.close_key("CP1", "k", "c1", "done") == [Waiter("B", "c2")]
    known = await b.open_key("CP1", "k", "reset", "c5", 5)
    assert (known.state, known.command_id, known.outcome) == (KeyState.DONE, "c1", "done")


async def test_a_key_that_was_given_up_is_free(place: Place) -> None:
    """A command that the station never saw may be tried again under its key; a late closing changes nothing."""
    bus = await joined(place, "A")
    await bus.open_key("CP1", "k", "reset", "c1", 5)
    assert await bus.close_key("CP1", "k", "c1", None) == []
    assert (await bus.open_key("CP1", "k", "reset", "c2", 5)).state is KeyState.NEW
    assert await bus.close_key("CP1", "k", "c1", "late") == []
    assert (await bus.open_key("CP1", "k", "reset", "c2", 5)).state is KeyState.NEW


async def test_a_key_whose_owner_fell_silent_is_lost(place: Place) -> None:
    """After the deadline of a command nobody closed, its key is not given to another one."""
    bus = await joined(place, "A")
    await bus.open_key("CP1", "k", "reset", "c1", 0.02)
    await asyncio.sleep(0.03)
    lost = await bus.open_key("CP1", "k", "reset", "c2", 5)
    assert (lost.state, lost.command_id) == (KeyState.LOST, "c1")


async def test_an_outage_is_told(place: Place) -> None:
    """What cannot be reached raises BusUnavailable, whatever was wanted."""
    bus = await joined(place, "A")
    place.end()
    wishes: list[Callable[[], Awaitable[Any]]] = [
        lambda: bus.beat(()),
        lambda: bus.owner("CP1"),
        lambda: bus.tell("A", "x"),
        lambda: bus.read(SHORT_S),
        lambda: bus.post(Post("c", "A", "x", 1)),
        bus.figures,
    ]
    for wish in wishes:
        with pytest.raises(BusUnavailable):
            await wish()
