"""What central systems, and the gateways before them, do to a whole station: other nodes, closes, commands that come again."""

import asyncio
import logging
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path

import pytest
from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request, Response

from ocpp_client.causes import Cause
from tests.ocpp201.play import Scripted201
from tests.ocpp201.play import play as play201
from tests.station.play import OTHER_TAG, TAG, Play, play

WAYS = {"csms.endpoints": '[{"url": "ws://csms:9000/one"}, {"url": "ws://csms:9000/two", "priority": 1}]'}
TWO_HOURS_S = 7200.0


def admitting(*ways: str) -> Callable[[ServerConnection, Request], Response | None]:
    """A load balancer behind which only these ways lead to a server."""

    def upgrade(connection: ServerConnection, request: Request) -> Response | None:
        if request.path.split("/")[1] in ways:
            return None
        return connection.respond(HTTPStatus.BAD_GATEWAY, "nobody there")

    return upgrade


async def cut(stage: Play) -> None:
    """The connection breaks, and the station has noticed."""
    stage.csms.connections[-1].transport.abort()
    await stage.until(lambda: not stage.app.engine.station.context.online)


# --- another node


def test_a_transaction_goes_on_over_another_server(tmp_path: Path) -> None:
    """Nothing but the transaction's number lives on the server's side: begun with one, ended with the other, without a boot."""

    async def scenario(stage: Play) -> None:
        await stage.charge(60)
        stage.csms.on_upgrade = admitting("two")
        await cut(stage)
        await stage.online()
        assert stage.app.connection.endpoint.url.endswith("/two")
        await stage.finish()
        (transaction,) = stage.csms.transactions
        assert transaction["stop"]["transactionId"] == transaction["id"]
        assert [call.action for call in stage.csms.calls].count("BootNotification") == 1

    play(tmp_path, scenario, settings=WAYS)


def test_ocpp201_boots_again_on_another_way_and_only_there(tmp_path: Path) -> None:
    """B10.FR.10: a plain reconnect is no boot, another network profile is."""

    async def scenario(stage: Play, csms: Scripted201) -> None:
        await cut(stage)
        await stage.online()
        assert len(csms.named("BootNotification")) == 1
        csms.on_upgrade = admitting("two")
        await cut(stage)
        await stage.online()
        assert len(csms.named("BootNotification")) == 2
        await cut(stage)
        await stage.online()
        assert len(csms.named("BootNotification")) == 2

    play201(tmp_path, scenario, settings=WAYS)


# --- closes


def test_no_close_touches_a_running_transaction(tmp_path: Path) -> None:
    """Whatever code the server closes with, the car goes on charging, and the books are exact."""

    async def scenario(stage: Play) -> None:
        await stage.charge(60)
        for code in (1000, 1001, 1008, 1011, 1012, 1013, 4000, 4999):
            await stage.csms.connections[-1].close(code)
            await stage.until(lambda: not stage.app.engine.station.context.online)
            await stage.online()
            await asyncio.sleep(60)
            assert stage.status_now() == "Charging"
        await stage.finish()
        (transaction,) = stage.csms.transactions
        assert transaction["stop"]["meterStop"] == stage.meter_wh()

    play(tmp_path, scenario)


@pytest.mark.parametrize("code", [1001, None], ids=["going away", "without a word"])
def test_a_gateway_that_ends_every_session_is_normal(
    tmp_path: Path, code: int | None, caplog: pytest.LogCaptureFixture
) -> None:
    """Every two hours: no boot, no security event, no fault; after three the diagnosis names the pattern."""

    async def scenario(stage: Play) -> None:
        events: list[str] = []
        stage.app.connection.listen_security(lambda name, _: events.append(name))
        for _ in range(4):
            await asyncio.sleep(TWO_HOURS_S)
            if code is None:
                stage.csms.connections[-1].transport.abort()
            else:
                await stage.csms.connections[-1].close(code)
            await stage.until(lambda: not stage.app.engine.station.context.online)
            await stage.online()
        assert [call.action for call in stage.csms.calls].count("BootNotification") == 1
        assert (events, dict(stage.app.engine.station.context.faults)) == ([], {})
        newest = stage.app.connection.diagnoses[-1]
        assert newest.cause is Cause.SESSION_LIMIT
        assert "lasted about" in (newest.pattern or "")

    with caplog.at_level(logging.ERROR):
        play(tmp_path, scenario)
    assert [record.message for record in caplog.records] == []


def test_the_log_tells_cause_evidence_and_first_check_of_every_drop(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """One line for the statistician, one for the person who is sent there."""

    async def scenario(stage: Play) -> None:
        await stage.csms.connections[-1].close(1012, "update")
        await stage.until(lambda: not stage.app.engine.station.context.online)
        await stage.online()

    with caplog.at_level(logging.INFO):
        play(tmp_path, scenario)
    ended = next(record.message for record in caplog.records if record.message.startswith("connection ended"))
    assert "close_code=1012" in ended
    assert "close_reason='update'" in ended
    assert "next_attempt_s=" in ended
    diagnosis = next(record.message for record in caplog.records if record.message.startswith("diagnosis"))
    assert "cause=server-restart" in diagnosis
    assert "check first:" in diagnosis


# --- commands that come again


def test_a_second_remote_start_under_another_id_makes_no_second_session(tmp_path: Path) -> None:
    """An operator's double click, or a cluster that delivers twice: rejected, and one transaction."""

    async def scenario(stage: Play) -> None:
        stage.plug()
        await stage.status("Preparing")
        order = {"connectorId": 1, "idTag": TAG}
        answers = [(await stage.csms.ask("RemoteStartTransaction", order))["status"] for _ in range(2)]
        await stage.status("Charging")
        answers.append((await stage.csms.ask("RemoteStartTransaction", order))["status"])
        answers.append((await stage.csms.ask("RemoteStartTransaction", {**order, "idTag": OTHER_TAG}))["status"])
        assert answers == ["Accepted", "Rejected", "Rejected", "Rejected"]
        await stage.finish()
        assert len(stage.csms.transactions) == 1

    play(tmp_path, scenario)


def test_a_stale_stop_is_judged_by_the_present_state(tmp_path: Path) -> None:
    """A stalled CSMS sends a RemoteStop late: its transaction has ended, the next one is not touched by it."""

    async def scenario(stage: Play) -> None:
        await stage.charge(60)
        await stage.finish()
        await stage.charge(60)
        old = {"transactionId": stage.csms.transactions[0]["id"]}
        assert await stage.csms.ask("RemoteStopTransaction", old) == {"status": "Rejected"}
        assert stage.status_now() == "Charging"
        await stage.finish()

    play(tmp_path, scenario)


def test_resets_coalesce(tmp_path: Path) -> None:
    """The same order twice restarts the program once."""

    async def scenario(stage: Play) -> None:
        asking = [asyncio.ensure_future(stage.csms.ask("Reset", {"type": "Soft"})) for _ in range(2)]
        assert [answer["status"] for answer in await asyncio.gather(*asking)] == ["Accepted", "Accepted"]
        await stage.until(lambda: stage.exits)
        await stage.online()
        await asyncio.sleep(120)
        assert len(stage.exits) == 1

    play(tmp_path, scenario)
