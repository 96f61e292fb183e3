"""What central systems in the field do to a connection, and right after the boot. The station comes through all of it."""

import asyncio
import itertools
import json
from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection

from firmware.core.quantities import QUANTITIES
from tests.station.play import Play, play
from tests.station.scripted import Answer, Call


def _more_than(times: list[float], count: int) -> bool:
    return len(times) > count


def _waits(times: list[float]) -> list[float]:
    return [later - earlier for earlier, later in itertools.pairwise(times)]


def _noting_connections(stage: Play, then: Any = None) -> list[float]:
    """The times of connections to come; `then` does something with each."""
    times: list[float] = []

    async def connected(socket: ServerConnection) -> None:
        times.append(stage.sim.loop.time())
        if then is not None:
            await then(socket)

    stage.csms.on_connect = connected
    return times


def test_no_subprotocol_is_taken_for_the_only_one_offered(tmp_path: Path) -> None:
    """An upgrade without a subprotocol, where one version was offered, serves; a setting forbids it."""

    async def scenario(stage: Play) -> None:
        stage.csms.subprotocol = None
        stage.start_csms()
        await stage.start_station()
        await stage.charge_exactly()

    play(tmp_path, scenario, connected=None)


def test_no_subprotocol_can_be_refused(tmp_path: Path) -> None:
    """With accept_missing_subprotocol = false the station closes such a connection, and tries again."""

    async def scenario(stage: Play) -> None:
        stage.csms.subprotocol = None
        stage.start_csms()
        await stage.start_station()
        await stage.until(lambda: len(stage.csms.connections) == 3)
        assert stage.csms.calls == []
        stage.csms.subprotocol = "ocpp1.6"
        await stage.charge_exactly()

    play(tmp_path, scenario, connected=None, settings={"csms.accept_missing_subprotocol": "false"})


def test_a_subprotocol_that_was_not_offered_is_no_agreement(tmp_path: Path) -> None:
    """A server that insists on another version is left, and tried again until it has come to its senses."""

    async def scenario(stage: Play) -> None:
        stage.csms.subprotocol, stage.csms.insists = "ocpp2.1", True
        stage.start_csms()
        await stage.start_station()
        await asyncio.sleep(60)
        assert stage.csms.calls == []
        stage.csms.subprotocol = "ocpp1.6"
        await stage.charge_exactly()

    play(tmp_path, scenario, connected=None)


def test_a_server_that_accepts_and_stays_mute_is_left(tmp_path: Path) -> None:
    """BootNotification without an answer ends in another connection."""

    async def scenario(stage: Play) -> None:
        stage.csms.scripts["BootNotification"] = lambda call: None
        stage.start_csms()
        await stage.start_station()
        await stage.until(lambda: len(stage.csms.connections) == 3, 600)
        del stage.csms.scripts["BootNotification"]
        await stage.charge_exactly()

    play(tmp_path, scenario, connected=None)


def test_the_servers_choice_of_version_counts(tmp_path: Path) -> None:
    """Whatever was offered, the station speaks what the server picked."""

    async def scenario(stage: Play) -> None:
        assert stage.csms.connections[0].subprotocol == "ocpp1.6"
        await stage.charge_exactly()

    play(tmp_path, scenario)


@pytest.mark.parametrize("code", [1000, 1008, 1013])
def test_a_refusal_after_the_upgrade_is_tried_again_with_growing_waits(tmp_path: Path, code: int) -> None:
    """Closed at once for an unknown identity, or for coming back too soon."""

    async def scenario(stage: Play) -> None:
        times = _noting_connections(stage, lambda socket: socket.close(code, "no"))
        stage.start_csms()
        await stage.start_station()
        await stage.until(lambda: len(times) == 6, 600)
        waits = _waits(times)
        assert min(waits) > 0.5
        assert sum(waits) > 30
        stage.csms.on_connect = None
        await stage.charge_exactly()

    play(tmp_path, scenario, connected=None)


@pytest.mark.parametrize("status", [400, 401, 404, 503])
def test_a_refused_upgrade_is_tried_again(tmp_path: Path, status: int) -> None:
    """HTTP instead of a WebSocket; the station never gives up."""

    async def scenario(stage: Play) -> None:
        asked = 0

        def refuse(connection: ServerConnection, _: Any) -> Any:
            nonlocal asked
            asked += 1
            return connection.respond(HTTPStatus(status), "no\n")

        stage.csms.on_upgrade = refuse
        stage.start_csms()
        await stage.start_station()
        await stage.until(lambda: asked == 4, 600)
        stage.csms.on_upgrade = None
        await stage.charge_exactly()

    play(tmp_path, scenario, connected=None)


def test_a_reconnect_is_never_at_once_and_the_waits_grow_until_a_connection_is_stable(tmp_path: Path) -> None:
    """Even a connection on which the boot was accepted does not reset the back-off if it ends a second later."""

    async def scenario(stage: Play) -> None:
        times = _noting_connections(stage)

        async def accepted_and_gone(call: Call) -> Answer:
            asyncio.get_running_loop().call_later(1.0, stage.csms.connections[-1].transport.abort)
            return stage.csms.kindly(call)

        stage.csms.scripts["BootNotification"] = accepted_and_gone
        stage.csms.scripts["Heartbeat"] = accepted_and_gone
        stage.csms.scripts["StatusNotification"] = accepted_and_gone
        stage.start_csms()
        await stage.start_station()
        await stage.until(lambda: len(times) >= 2, 600)
        for _ in range(4):
            stage.csms.connections[-1].transport.abort()
            count = len(times)
            await stage.until(partial(_more_than, times, count), 600)
        waits = _waits(times)
        assert min(waits) > 0.5
        assert waits[-1] > 4
        stage.csms.scripts.clear()
        await stage.charge_exactly()

    play(tmp_path, scenario, connected=None)


def test_an_answer_on_another_connection_is_not_taken(tmp_path: Path) -> None:
    """The answer to a call of the old socket that comes on the new one changes nothing."""

    async def scenario(stage: Play) -> None:
        stage.csms.scripts["Authorize"] = lambda call: None
        stage.plug()
        stage.tap()
        asked = await stage.csms.heard("Authorize")
        stage.csms.connections[-1].transport.abort()
        await stage.until(lambda: len(stage.csms.connections) == 2)
        await asyncio.sleep(5)
        await stage.csms.say(json.dumps([3, asked.id, {"idTagInfo": {"status": "Accepted"}}]))
        await asyncio.sleep(5)
        assert stage.csms.named("StartTransaction") == []
        stage.csms.scripts.clear()
        stage.do("evse/1/unplug")
        await stage.charge_exactly()

    play(tmp_path, scenario)


def test_a_connection_that_goes_mute_is_left(tmp_path: Path) -> None:
    """Two calls in a row without an answer end it, and nothing is lost."""

    async def scenario(stage: Play) -> None:
        await stage.charge(60)
        stage.csms.scripts = dict.fromkeys(("MeterValues", "Heartbeat", "StatusNotification"), lambda call: None)
        await stage.until(lambda: len(stage.csms.connections) == 2, 600)
        stage.csms.scripts.clear()
        await stage.finish()
        assert stage.csms.transactions[0]["stop"]["meterStop"] == stage.meter_wh()
        assert stage.app.queue.stats().dead == 0

    play(tmp_path, scenario)


def test_a_server_that_closes_quiet_connections_gets_them_back(tmp_path: Path) -> None:
    """Closed with 1001 after 120 s without an OCPP message; a charge in between is told exactly."""

    async def scenario(stage: Play) -> None:
        async def watch() -> None:
            while True:
                await asyncio.sleep(5)
                calls, socket = stage.csms.calls, stage.csms.connections[-1]
                if calls and stage.sim.loop.time() - calls[-1].at > 120 and socket.state.name == "OPEN":
                    await socket.close(1001, "idle")

        watching = asyncio.create_task(watch())
        await asyncio.sleep(3600)
        assert len(stage.csms.closed) > 3
        assert len(stage.csms.named("BootNotification")) == 1
        await stage.charge_exactly()
        await stage.set_key("HeartbeatInterval", "100")
        before = len(stage.csms.closed)
        await asyncio.sleep(1800)
        assert len(stage.csms.closed) == before
        watching.cancel()

    play(tmp_path, scenario, keys={"MeterValueSampleInterval": "300"})


@pytest.mark.parametrize("code", [1001, 1006, 1012])
def test_after_a_restart_of_the_server_everything_goes_on_without_a_boot(tmp_path: Path, code: int) -> None:
    """The connection comes back by itself, heartbeats are sent as usual, the charge goes on."""

    async def scenario(stage: Play) -> None:
        await stage.charge(60)
        if code == 1006:
            stage.stop_csms()
            stage.start_csms()
        else:
            await stage.csms.close(code, "restart")
        await stage.until(lambda: len(stage.csms.connections) == 2)
        await stage.csms.heard("Heartbeat", timeout_s=400)
        assert len(stage.csms.named("BootNotification")) == 1
        await stage.finish()
        assert stage.csms.transactions[0]["stop"]["meterStop"] == stage.meter_wh()

    play(tmp_path, scenario)


def test_calls_before_the_boots_answer_are_answered(tmp_path: Path) -> None:
    """The server asks first; what would send messages of ours before the registration is refused."""

    async def scenario(stage: Play) -> None:
        answered = asyncio.Event()

        async def held(call: Call) -> Answer:
            await answered.wait()
            return stage.csms.kindly(call)

        stage.csms.scripts["BootNotification"] = held
        stage.start_csms()
        await stage.start_station()
        await stage.csms.heard("BootNotification")
        assert await stage.key("NumberOfConnectors") == "2"
        await stage.set_key("MeterValueSampleInterval", "30")
        trigger = {"requestedMessage": "StatusNotification"}
        assert await stage.csms.ask("TriggerMessage", trigger) == {"status": "Rejected"}
        await asyncio.sleep(10)
        assert [call.action for call in stage.csms.calls] == ["BootNotification"]
        answered.set()
        await stage.charge_exactly()

    play(tmp_path, scenario, connected=None)


def test_a_burst_of_configuration_right_after_the_boot(tmp_path: Path) -> None:
    """Keys read and written, 22 measurands at once and one at a time, availability, a trigger: an answer for each."""

    async def scenario(stage: Play) -> None:
        stage.start_csms()
        await stage.start_station()
        await stage.csms.heard("BootNotification")
        change = [
            {"key": "MeterValuesSampledData", "value": ",".join(QUANTITIES)},
            {"key": "MeterValueSampleInterval", "value": "60"},
            {"key": "ClockAlignedDataInterval", "value": "900"},
            {"key": "WebSocketPingInterval", "value": "30"},
            *({"key": "MeterValuesSampledData", "value": name} for name in QUANTITIES),
        ]
        asked = [stage.csms.ask("GetConfiguration", {"key": ["SupportedFeatureProfiles", "HeartbeatInterval"]})]
        asked += [stage.csms.ask("ChangeConfiguration", one) for one in change]
        asked += [stage.csms.ask("ChangeAvailability", {"connectorId": 0, "type": "Operative"})]
        asked += [stage.csms.ask("TriggerMessage", {"requestedMessage": "StatusNotification"})]
        first, many, *rest = await asyncio.gather(*asked)
        assert {key["key"] for key in first["configurationKey"]} == {"SupportedFeatureProfiles", "HeartbeatInterval"}
        assert many == {"status": "Rejected"}
        assert [answer["status"] for answer in rest[:3]] == ["Accepted"] * 3
        taken = [name for name, answer in zip(QUANTITIES, rest[3:-2], strict=True) if answer["status"] == "Accepted"]
        assert {"Energy.Active.Import.Register", "Power.Active.Import", "Voltage"} <= set(taken)
        assert await stage.key("MeterValuesSampledData") == taken[-1]
        assert [answer["status"] for answer in rest[-2:]] == ["Accepted", "Accepted"]
        await stage.charge_exactly()

    play(tmp_path, scenario, connected=None)


def test_a_vendors_message_right_after_the_boot_is_answered(tmp_path: Path) -> None:
    """DataTransfer with something to resume, from a vendor nobody here knows."""

    async def scenario(stage: Play) -> None:
        data = {"vendorId": "org.example", "messageId": "resume", "data": json.dumps({"transactionId": 7})}
        assert await stage.csms.ask("DataTransfer", data) == {"status": "UnknownVendorId"}
        await stage.charge_exactly()

    play(tmp_path, scenario)


@pytest.mark.parametrize("interval_s", [10, 30, 60, 300, 3600])
def test_any_interval_will_do(tmp_path: Path, interval_s: int) -> None:
    """Heartbeats come as often as the server asks for."""

    async def scenario(stage: Play) -> None:
        stage.csms.interval_s = interval_s
        stage.start_csms()
        await stage.start_station()
        await stage.csms.heard("Heartbeat", 2, timeout_s=8000)
        first, second = stage.csms.named("Heartbeat")
        assert second.at - first.at == pytest.approx(interval_s, abs=0.5)

    play(tmp_path, scenario, connected=None)


@pytest.mark.parametrize("shape", ["%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S.123Z", "%Y-%m-%dT%H:%M:%S.%f+00:00"])
def test_any_spelling_of_the_time_will_do(tmp_path: Path, shape: str) -> None:
    """None, three or six digits of a second; Z or an offset."""

    async def scenario(stage: Play) -> None:
        def time() -> str:
            return datetime.fromtimestamp(stage.sim.wall_s(), UTC).strftime(shape)

        stage.csms.scripts["BootNotification"] = lambda call: {
            "status": "Accepted",
            "currentTime": time(),
            "interval": 60,
        }
        stage.csms.scripts["Heartbeat"] = lambda call: {"currentTime": time()}
        await stage.start_station()
        stage.do("clock", trust="unknown")
        stage.start_csms()
        await stage.csms.heard("Heartbeat", timeout_s=400)
        await asyncio.sleep(1)
        assert abs((stage.app.clock.wall() or 0.0) - stage.sim.wall_s()) < 1.5

    play(tmp_path, scenario, connected=None)


def test_an_empty_list_of_keys_asks_for_all(tmp_path: Path) -> None:
    """GetConfiguration with "key": []."""

    async def scenario(stage: Play) -> None:
        answer = await stage.csms.ask("GetConfiguration", {"key": []})
        assert len(answer["configurationKey"]) > 30

    play(tmp_path, scenario)
