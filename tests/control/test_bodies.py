"""`POST /api/mock/…` and `GET /api/mock`: what is done, and what is refused without changing anything."""

import asyncio
from pathlib import Path

import pytest

from firmware.control.answers import MAX_BODY_BYTES
from hal.mock.actions import ACTIONS
from tests.control.station import station

JSON = {"Content-Type": "application/json"}


async def test_every_action_is_listed_with_its_schema(tmp_path: Path) -> None:
    """The list is enough to build a form for each action."""
    async with station(tmp_path) as one:
        actions = (await one.http.get("/api/mock")).json()["actions"]
        assert [action["path"] for action in actions] == [action.path for action in ACTIONS]
        assert all(action["body"]["type"] == "object" and action["summary"] for action in actions)


async def test_an_action_answers_with_what_it_changed(tmp_path: Path) -> None:
    """The answer of a plug is the EVSE as it is then, and the program sees the vehicle."""
    async with station(tmp_path) as one:
        answer = await one.act("evse/1/plug", car="compact")
        assert answer["plugged"] == {"station": True, "vehicle": True}
        await one.until(lambda: one.word() == "Preparing")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"end": "middle"}, "end"),
        ({"colour": "red"}, "colour"),
        ({"car": {"soc_percent": 200}}, "car.soc_percent"),
        ({"car": "spaceship"}, "car"),
    ],
)
async def test_a_wrong_field_is_named(tmp_path: Path, body: dict[str, object], field: str) -> None:
    """A body that the action does not take is refused with the field at fault, and nothing is plugged in."""
    async with station(tmp_path) as one:
        refused = await one.http.post("/api/mock/evse/1/plug", json=body)
        assert refused.status_code == 400
        assert refused.json()["error"]["field"] == field
        assert refused.json()["error"]["message"]
        assert one.word() == "Available"


@pytest.mark.parametrize(
    "body",
    [b"{", b"[]", b'"text"', b'{"celsius": NaN}', b"\xff\xfe", b"[" * 30000, b"null"],
    ids=["cut off", "a list", "a text", "not a number", "no UTF-8", "too deep", "null"],
)
async def test_what_is_no_json_object_is_refused(tmp_path: Path, body: bytes) -> None:
    """Bodies that are not JSON objects are refused with a reason, whatever is wrong with them."""
    async with station(tmp_path) as one:
        refused = await one.http.post("/api/mock/evse/1/temperature", content=body, headers=JSON)
        assert refused.status_code == 400
        assert "JSON" in refused.json()["error"]["message"]


async def test_a_body_may_be_so_long_and_no_longer(tmp_path: Path) -> None:
    """The limit holds for bodies that tell their length and for those that come in pieces without end."""
    async with station(tmp_path) as one:
        fits = b'{"celsius": 20' + b" " * (MAX_BODY_BYTES - 15) + b"}"
        assert (await one.http.post("/api/mock/evse/1/temperature", content=fits, headers=JSON)).status_code == 200
        refused = await one.http.post("/api/mock/evse/1/temperature", content=fits + b" ", headers=JSON)
        assert refused.status_code == 413
        host, port = one.http.base_url.host, one.http.base_url.port
        reader, writer = await asyncio.open_connection(host, port)
        writer.write(
            f"POST /api/mock/fault HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Type: application/json\r\n"
            "Transfer-Encoding: chunked\r\n\r\n".encode()
        )
        for _ in range(20):
            writer.write(b"1000\r\n" + b" " * 0x1000 + b"\r\n")
        async with asyncio.timeout(5.0):
            assert (await reader.readline()).startswith(b"HTTP/1.1 413")
        writer.close()


async def test_actions_that_do_not_exist_are_not_found(tmp_path: Path) -> None:
    """Unknown actions, EVSEs and devices answer 404 and say what there is."""
    async with station(tmp_path) as one:
        for path, body, hint in (
            ("explode", {}, "evse/{evse}/plug"),
            ("evse/9/plug", {}, "1, 2"),
            ("evse/1/device", {"device": "flux-capacitor", "lost": True}, "meter"),
        ):
            refused = await one.http.post(f"/api/mock/{path}", json=body)
            assert refused.status_code == 404
            assert hint in refused.json()["error"]["message"]


async def test_what_the_world_cannot_do_now_is_a_conflict(tmp_path: Path) -> None:
    """Pausing a car that is not there is refused with 409 and what to do first."""
    async with station(tmp_path) as one:
        refused = await one.http.post("/api/mock/evse/1/car/pause", json={})
        assert refused.status_code == 409
        assert "plug one in" in refused.json()["error"]["message"]


async def test_an_action_without_fields_needs_no_body(tmp_path: Path) -> None:
    """An empty body is an empty object."""
    async with station(tmp_path) as one:
        await one.act("evse/1/plug", car="compact")
        paused = await one.http.post("/api/mock/evse/1/car/pause", headers=JSON)
        assert paused.json()["car"]["paused"] is True


async def test_a_power_cut_needs_a_program_that_can_die(tmp_path: Path) -> None:
    """Without a way to die the power cut is a conflict; with one it is carried out."""
    cuts: list[str] = []
    async with station(tmp_path) as one:
        refused = await one.http.post("/api/mock/power-cut", json={})
        assert refused.status_code == 409
        world = one.app.board.world
        assert world is not None
        world.on_power_cut = lambda: cuts.append("dark")
        assert (await one.http.post("/api/mock/power-cut", json={})).status_code == 200
    assert cuts == ["dark"]


async def test_paths_and_methods_that_do_not_exist_are_refused_in_json(tmp_path: Path) -> None:
    """Every refusal has the same shape."""
    async with station(tmp_path) as one:
        missing = await one.http.get("/api/nothing")
        assert (missing.status_code, missing.json()["error"]["field"]) == (404, "")
        wrong = await one.http.delete("/api/state")
        assert wrong.status_code == 405
        assert set(wrong.headers["Allow"].split(", ")) == {"GET", "HEAD"}
        assert "DELETE" in wrong.json()["error"]["message"]


async def test_a_defect_is_answered_and_costs_only_that_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A handler that breaks answers 500 in the common shape; the station and the other paths go on."""
    async with station(tmp_path) as one:
        with monkeypatch.context() as patch:
            patch.setattr("firmware.control.picture.evse_picture", lambda *_: 1 / 0)
            broken = await one.http.get("/api/state")
        assert broken.status_code == 500
        assert "ZeroDivisionError" in broken.json()["error"]["message"]
        assert (await one.http.get("/api/state")).status_code == 200
        assert one.app.engine.running
