"""The scripting client against a real central system: what docs/csms.md shows works."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from csms.app import Csms
from csms.config import CsmsConfig
from csms.scripting import ApiRefused, ApiUnreachable, CsmsClient, Event
from tests.csms.conftest import PATIENCE_S, Raw, dialled, running

START = {"connectorId": 1, "idTag": "TAG", "meterStart": 100, "timestamp": "2026-03-01T10:00:00Z"}


@pytest.fixture
async def csms() -> AsyncIterator[Csms]:
    async with running(api_host="127.0.0.1") as system:
        yield system


@pytest.fixture
async def client(csms: Csms) -> AsyncIterator[CsmsClient]:
    async with CsmsClient(str(csms.api_url)) as client:
        yield client


async def accept(raw: Raw) -> str:
    """Answer the next call; its text."""
    text = await raw.socket.recv()
    assert isinstance(text, str)
    await raw.send([3, json.loads(text)[1], {"status": "Accepted"}])
    return text


async def test_a_charge_is_watched_from_a_script(csms: Csms, client: CsmsClient) -> None:
    """Wait for the station, call it, see its transaction begin in the stream, and read it."""
    station = client.station("CP/1")
    waiting = asyncio.create_task(station.connected(timeout_s=PATIENCE_S))
    async with client.events(station="CP/1") as events, dialled(csms, "CP%2F1") as raw:
        await waiting
        asked = asyncio.create_task(station.call("RemoteStartTransaction", {"idTag": "TAG"}))
        await accept(raw)
        reply = await asked
        assert (reply.outcome, reply.response, reply.violations) == ("answered", {"status": "Accepted"}, ())
        await raw.ask([2, "s", "StartTransaction", START])
        started = await events.wait_for("transaction-started", timeout_s=PATIENCE_S, connector_id=1)
        assert (started.station, started.data["id_token"]) == ("CP/1", "TAG")
        (found,) = await station.transactions(open_only=True)
        assert (found["meter_start_wh"], await client.transactions()) == (100, [found])
        assert [each["id"] for each in await client.stations()] == ["CP/1"]
        assert (await station.messages(limit=1))[0]["direction"] == "out"
        assert await station.notices() == []
        again = await _first(client, after=0)
        assert (again.number, again.kind) == (1, "connected")
        await station.disconnect(1012)
        assert await raw.closed() == 1012


async def _first(client: CsmsClient, after: int) -> Event:
    async with client.events(after=after) as events:
        async for event in events:
            return event
    raise AssertionError("nothing was kept")


async def test_an_unchecked_call_keeps_the_order_of_its_keys(csms: Csms, client: CsmsClient) -> None:
    """What a script sends unchecked goes out as it is, compactly."""
    async with dialled(csms) as raw:
        await raw.ask([2, "h", "Heartbeat", {}])
        asked = asyncio.create_task(client.station("CP1").call("Odd", {"z": 1, "a": [None, "ü"]}, unchecked=True))
        text = await accept(raw)
        assert text.endswith(',"Odd",{"z":1,"a":[null,"ü"]}]')
        assert (await asked).outcome == "answered"


async def test_calls_with_one_key_are_one_call(csms: Csms, client: CsmsClient) -> None:
    """The second one gets the reply of the first, checked or not."""
    station = client.station("CP1")
    async with dialled(csms) as raw:
        await raw.ask([2, "h", "Heartbeat", {}])
        first = asyncio.create_task(station.call("ClearCache", key="k"))
        await accept(raw)
        assert (await station.call("ClearCache", key="k")).message_id == (await first).message_id


async def test_many_stations_are_called_at_once(csms: Csms, client: CsmsClient) -> None:
    """A batch has a reply for each command, a broadcast one for each station."""
    async with dialled(csms, "A") as a, dialled(csms, "B") as b:
        for raw in (a, b):
            await raw.ask([2, "h", "Heartbeat", {}])
        wanted: list[tuple[str, str, Any]] = [
            ("A", "Reset", {"type": "Sideways"}),
            ("B", "ClearCache", {}),
            ("C", "ClearCache", {}),
            ("A", "NoSuchThing", {}),
        ]
        batch = asyncio.create_task(client.batch(wanted, timeout_s=PATIENCE_S))
        await accept(b)
        replies = await batch
        assert [reply.outcome for reply in replies] == ["invalid", "answered", "not_connected", "invalid"]
        assert "type" in replies[0].violations[0]
        odd = asyncio.create_task(client.batch(wanted[:1], timeout_s=PATIENCE_S, unchecked=True))
        assert (await accept(a)).endswith(',"Reset",{"type":"Sideways"}]')
        assert [reply.outcome for reply in await odd] == ["answered"]
        everyone = asyncio.create_task(client.broadcast("ClearCache", timeout_s=PATIENCE_S))
        for raw in (a, b):
            await accept(raw)
        assert {name: reply.outcome for name, reply in (await everyone).items()} == {"A": "answered", "B": "answered"}


async def test_faults_and_tokens_are_set_from_a_script(csms: Csms, client: CsmsClient) -> None:
    """A plan is at work until the station is told to behave."""
    station = client.station("CP1")
    await client.put_token("TAG", "Blocked", parent="FLEET")
    await station.misbehave({"fault": "twice"}, seed=3)
    async with dialled(csms) as raw:
        answer = await raw.ask([2, "a", "Authorize", {"idTag": "TAG"}])
        assert answer[2]["idTagInfo"] == {"status": "Blocked", "parentIdTag": "FLEET"}
        assert await raw.receive() == answer
        await station.behave()
        assert (await raw.ask([2, "b", "Heartbeat", {}]))[1] == "b"
        assert (await raw.ask([2, "c", "Heartbeat", {}]))[1] == "c"


async def test_what_is_refused_and_who_is_away_raise(csms: Csms, client: CsmsClient) -> None:
    """Refusals have status, code and what is wrong; a central system that is not there is told apart."""
    station = client.station("CP1")
    assert not await station.is_connected()
    async with dialled(csms) as raw:
        await raw.ask([2, "h", "Heartbeat", {}])
        with pytest.raises(ApiRefused, match="422 invalid-payload") as refused:
            await station.call("Reset", {"type": "Sideways"})
        assert refused.value.violations[0]["path"] == "type"
        with pytest.raises(TimeoutError):
            await station.until(station.transactions, timeout_s=0.05)
        async with client.events(station="CP1") as events:
            waiting = asyncio.create_task(events.wait_for("never"))
            await csms.stop()
            with pytest.raises(ApiUnreachable):
                await waiting
    with pytest.raises(ApiUnreachable):
        await station.is_connected()
    with pytest.raises(ApiUnreachable):
        async with client.events():
            pass


async def test_a_token_opens_the_api() -> None:
    """With the token everything works, the stream too; without it nothing does."""
    async with Csms(CsmsConfig(api_token="s3cret")) as csms:
        async with CsmsClient(str(csms.api_url), token="s3cret") as client, client.events():
            assert await client.stations() == []
        async with CsmsClient(str(csms.api_url)) as stranger:
            with pytest.raises(ApiRefused, match="401"):
                await stranger.stations()
            with pytest.raises(ApiRefused, match="401"):
                async with stranger.events():
                    pass
