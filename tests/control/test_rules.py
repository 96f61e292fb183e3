"""Frame rules over HTTP, on the whole program with a real connection to the reference central system."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from csms.app import Csms
from csms.config import CsmsConfig
from csms.core.effects import OutcomeKind
from tests.control.station import CARD, EAGER_CAR, Station, station

ID = "CP001"


@asynccontextmanager
async def connected(directory: Path, **overrides: str) -> AsyncIterator[tuple[Station, Csms]]:
    """A station that its central system has accepted."""
    async with (
        Csms(CsmsConfig(api_host=None)) as csms,
        station(directory, {"csms.url": csms.ws_url, **overrides}) as one,
    ):
        await one.until(lambda: one.app.engine.station.context.online)
        await csms.wait_for(lambda: csms.stations.status(ID, 2), 10)
        yield one, csms


async def rule(one: Station, **body: Any) -> int:
    """A new rule; its number."""
    response = await one.http.post("/api/rules", json=body)
    assert response.status_code == 200, response.text
    number: int = response.json()["number"]
    return number


async def rules(one: Station) -> dict[str, Any]:
    """All about the rules."""
    answer: dict[str, Any] = (await one.http.get("/api/rules")).json()
    return answer


async def clear_cache(csms: Csms, timeout_s: float = 10.0) -> OutcomeKind:
    """A command that is answered at once."""
    return (await csms.command(ID, "ClearCache", {}, timeout_s=timeout_s)).kind


@pytest.mark.parametrize("direction", ["in", "out"])
async def test_a_held_frame_waits_until_it_is_let_go(tmp_path: Path, direction: str) -> None:
    """A command on its way in and its answer on its way out; both go on as if nothing had been."""
    async with connected(tmp_path) as (one, csms):
        await rule(one, verb="hold", direction=direction, action="ClearCache")
        async with one.events() as events:
            command = asyncio.create_task(clear_cache(csms))
            while not (held := (await events.next("rules")).data["held"]):
                pass
            assert (held[0]["direction"], held[0]["action"]) == (direction, "ClearCache")
            assert not command.done()
            assert (await one.http.post("/api/rules/release", json={"held": held[0]["number"]})).json() == {
                "released": 1
            }
            assert await command is OutcomeKind.ANSWERED
        assert [mark["did"] for mark in (await rules(one))["marks"]] == ["held", "released"]


async def test_frames_pass_one_that_is_held(tmp_path: Path) -> None:
    """The station goes on reading while a frame waits."""
    async with connected(tmp_path) as (one, csms):
        await rule(one, verb="hold", direction="in", action="ClearCache", count=1)
        held = asyncio.create_task(clear_cache(csms, 0.1))
        assert await held is OutcomeKind.TIMEOUT
        assert await clear_cache(csms) is OutcomeKind.ANSWERED
        assert (await one.http.post("/api/rules/clear", json={})).json()["rules"] == []
        assert await clear_cache(csms) is OutcomeKind.ANSWERED


async def test_a_dropped_frame_never_arrives(tmp_path: Path) -> None:
    """The central system waits in vain for the one answer; the next one comes."""
    async with connected(tmp_path) as (one, csms):
        await rule(one, verb="drop", direction="out", kind="answer", action="ClearCache", count=1)
        assert await clear_cache(csms, 0.1) is OutcomeKind.TIMEOUT
        assert await clear_cache(csms) is OutcomeKind.ANSWERED


async def test_a_delayed_frame_comes_later(tmp_path: Path) -> None:
    """Both ways."""
    async with connected(tmp_path) as (one, csms):
        await rule(one, verb="delay", direction="out", action="ClearCache", delay_s=0.2)
        await rule(one, verb="delay", direction="in", action="ClearCache", delay_s=0.2)
        began_s = asyncio.get_running_loop().time()
        assert await clear_cache(csms) is OutcomeKind.ANSWERED
        assert asyncio.get_running_loop().time() - began_s >= 0.4


async def test_a_duplicated_call_is_carried_out_once(tmp_path: Path) -> None:
    """It is answered twice, with the same answer."""
    async with connected(tmp_path) as (one, csms):
        await rule(one, verb="duplicate", direction="in", kind="call", action="ClearCache")
        assert await clear_cache(csms) is OutcomeKind.ANSWERED
        await clear_cache(csms)  # behind the second answer to the first
        answers = [
            frame["text"]
            for frame in (await one.http.get("/api/frames")).json()["frames"]
            if frame["direction"] == "out"
        ]
        assert answers[-4] == answers[-3] != answers[-2] == answers[-1]


async def test_an_edited_answer_is_believed(tmp_path: Path) -> None:
    """The central system accepts the card; what arrives says that it is blocked."""
    async with connected(tmp_path) as (one, csms):
        await rule(one, verb="edit", direction="in", action="Authorize", change={"idTagInfo.status": "Blocked"})
        await one.act("evse/1/plug", car=EAGER_CAR)
        async with one.events("/api/events?since=0") as events:
            await one.act("token", token=CARD, evses=[1])
            while "Blocked" not in (await events.next("frame")).data["text"]:
                pass
        await csms.command(ID, "ClearCache", {})
        assert one.word(1) == "Preparing"
        assert "Blocked" in (await rules(one))["marks"][0]["text"]


async def test_what_is_held_is_gone_with_its_connection(tmp_path: Path) -> None:
    """A new connection begins without it."""
    async with connected(tmp_path, **{"csms.backoff_start_s": "0.5"}) as (one, csms):
        await rule(one, verb="hold", direction="in", action="ClearCache", count=1)
        assert await clear_cache(csms, 0.1) is OutcomeKind.TIMEOUT
        assert len((await rules(one))["held"]) == 1
        async with one.events() as events:
            one.app.connection.reconnect("a test")
            while (await events.next("rules")).data["held"]:
                pass


async def test_a_wrong_rule_is_refused_with_its_field(tmp_path: Path) -> None:
    """And what is not there is 404."""
    async with station(tmp_path) as one:
        for body, field in (
            ({}, "verb"),
            ({"verb": "explode"}, "verb"),
            ({"verb": "delay"}, "delay_s"),
            ({"verb": "drop", "colour": 1}, "colour"),
            ({"verb": "drop", "count": 0}, "count"),
        ):
            response = await one.http.post("/api/rules", json=body)
            assert (response.status_code, response.json()["error"]["field"]) == (400, field)
        for path in ("/api/rules/7", "/api/rules/7/remove"):
            assert (await one.http.post(path, json={"on": True} if path.endswith("7") else {})).status_code == 404
        assert (await one.http.post("/api/rules/release", json={"held": 7})).status_code == 404
