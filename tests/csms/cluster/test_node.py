"""Two nodes on the bus in memory: what is too fine to be hit with processes."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from csms.app import Csms
from csms.cluster.asking import NodeSilent, Question
from csms.cluster.bus import BusSettings, BusUnavailable, Message
from csms.cluster.memory_bus import Exchange, MemoryBus
from csms.cluster.node import Node
from csms.config import CsmsConfig
from csms.core.effects import OutcomeKind
from tests.csms.conftest import PATIENCE_S, Raw, dialled

SETTINGS = BusSettings(lease_s=0.5, waiting_commands=2)


class Pair:
    """Two central systems on one exchange."""

    def __init__(self) -> None:
        self.exchange = Exchange(SETTINGS)
        self.a, self.b = (self._csms(name) for name in ("A", "B"))

    def _csms(self, name: str) -> Csms:
        node = Node(MemoryBus(self.exchange, name, f"life of {name}"), settings=SETTINGS)
        return Csms(CsmsConfig(api_host=None), node=node)


@pytest.fixture
async def pair() -> AsyncIterator[Pair]:
    pair = Pair()
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(pair.a)
        await stack.enter_async_context(pair.b)
        yield pair
        pair.exchange.reachable = True


async def answer(raw: Raw) -> str:
    call = await raw.receive()
    await raw.send([3, call[1], {"status": "Accepted"}])
    message_id: str = call[1]
    return message_id


async def here(csms: Csms) -> None:
    await csms.wait_for(lambda: csms.is_connected("CP1"), PATIENCE_S)


async def test_a_command_finds_its_station(pair: Pair) -> None:
    """The payload is checked against the version the station speaks, wherever it is; the outcome comes back."""
    async with dialled(pair.b) as raw:
        await here(pair.b)
        asked = asyncio.create_task(pair.a.command("CP1", "Reset", {"type": "Soft"}, timeout_s=PATIENCE_S))
        message_id = await answer(raw)
        outcome = await asked
    assert (outcome.kind, outcome.message_id, outcome.response) == ("answered", message_id, {"status": "Accepted"})


async def test_a_node_that_has_its_fill_is_busy(pair: Pair) -> None:
    """Beyond the bound a caller waits for room, and is told when there is none: nothing is dropped."""
    pair.exchange.streams["B"].read = {str(number): _filler(number) for number in range(2)}
    async with dialled(pair.b) as raw:
        await here(pair.b)
        refused = await pair.a.command("CP1", "ClearCache", timeout_s=0.2)
        assert refused.kind is OutcomeKind.EXPIRED  # no room before its deadline
        busy = await pair.a.command("CP1", "ClearCache", timeout_s=PATIENCE_S)
        assert (busy.kind, busy.message_id) == (OutcomeKind.BUSY, None)
        waiting = asyncio.create_task(pair.a.command("CP1", "ClearCache", timeout_s=PATIENCE_S))
        await asyncio.sleep(0)
        pair.exchange.streams["B"].read.clear()
        await answer(raw)
        assert (await waiting).kind is OutcomeKind.ANSWERED


def _filler(number: int) -> Message:
    return Message(str(number), "{}")


async def test_during_an_outage_stations_are_not_taken(pair: Pair) -> None:
    """A newcomer is closed with 1013; one that is connected goes on, and its own node still calls it."""
    async with dialled(pair.a) as raw:
        await here(pair.a)
        pair.exchange.reachable = False
        async with dialled(pair.a, "CP2") as refused:
            assert await refused.closed() == 1013
        assert (await raw.ask([2, "h", "Heartbeat", {}]))[0] == 3
        with pytest.raises(BusUnavailable):
            await pair.a.broadcast("ClearCache", "{}")


async def test_another_node_s_outcome_is_uncertain_after_an_outage(pair: Pair) -> None:
    """The command was posted, then the bus went away for good: the caller is told that the station may have seen it."""
    async with dialled(pair.b) as raw:
        await here(pair.b)
        asked = asyncio.create_task(pair.a.command("CP1", "ClearCache", timeout_s=0.5))
        call = await raw.receive()
        pair.exchange.reachable = False
        outcome = await asked
    assert (outcome.kind, outcome.message_id) == (OutcomeKind.TIMEOUT, call[1])


async def test_a_station_that_moved_is_looked_up_again(pair: Pair) -> None:
    """What a node remembers of a station's place may be old; the command still arrives, once."""
    async with dialled(pair.b) as old:
        await here(pair.b)
        asked = asyncio.create_task(pair.a.command("CP1", "ClearCache", timeout_s=PATIENCE_S))
        await answer(old)
        assert (await asked).kind is OutcomeKind.ANSWERED
    async with dialled(pair.b) as new:  # another connection, so another epoch
        await here(pair.b)
        asked = asyncio.create_task(pair.a.command("CP1", "ClearCache", timeout_s=PATIENCE_S))
        await answer(new)
        assert (await asked).kind is OutcomeKind.ANSWERED


async def test_the_bus_in_memory_is_told_in_the_figures(pair: Pair) -> None:
    """The same metrics as on Redis."""
    async with dialled(pair.a):
        await here(pair.a)
        text = await pair.a.metrics()
    assert '# TYPE wayside_csms_stations_present gauge\nwayside_csms_stations_present{node="A"} 1\n' in text
    assert 'wayside_csms_command_seconds_bucket{le="+Inf"} 0\n' in text


async def test_after_a_loss_a_station_is_taken_when_all_have_written_what_they_know(pair: Pair) -> None:
    """A station that moves right after the bus lost its data waits until its older node could put its books back."""
    async with dialled(pair.b) as old:
        await here(pair.b)
        pair.exchange.forget()
        begun_s = asyncio.get_running_loop().time()
        async with dialled(pair.a) as new:
            assert (await new.ask([2, "h", "Heartbeat", {}]))[0] == 3
            assert asyncio.get_running_loop().time() - begun_s >= SETTINGS.lease_s
            assert pair.a.node is not None
            assert pair.b.node is not None
            assert (pair.a.node.members.losses, pair.b.node.members.losses) == (1, 1)
            assert await old.closed() == 1001


async def test_a_question_about_an_older_connection_is_not_acted_on(pair: Pair) -> None:
    """A request that comes when the station has connected anew must not touch its new connection."""
    async with dialled(pair.b):
        await here(pair.b)
        question = Question("DELETE", "/api/stations/CP1/connection", "code=1012")
        assert pair.a.node is not None
        answer = await pair.a.node.asking.ask("B", question, station="CP1", epoch=0)
        assert (answer.status, json.loads(answer.body)["error"]["code"]) == (409, "moved")
        assert pair.b.is_connected("CP1")


async def test_a_silent_node_is_told_apart(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who asks a node that does not answer is told so; a list of all nodes goes on without it."""
    monkeypatch.setattr("csms.cluster.asking.ASK_TIMEOUT_S", 0.05)
    question = Question("GET", "/api/stations", "")
    assert pair.a.node is not None
    assert pair.b.node is not None
    (answer,) = await pair.a.ask_others(question)
    assert (answer.status, answer.body) == (200, "[]")
    pair.b.node.asking.serve = None
    with pytest.raises(NodeSilent, match="node B"):
        await pair.a.node.asking.ask("B", question)
    assert await pair.a.ask_others(question) == []
