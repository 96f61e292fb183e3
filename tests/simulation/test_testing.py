"""The fixture for people who write a central system: their program, a virtual charge point, virtual time."""

import asyncio
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve

from firmware.simulation.pytest_plugin import wayside  # noqa: F401 - the fixture
from firmware.simulation.testing import Stage

Wayside = Callable[..., Any]


class SmallCentralSystem:
    """A central system of a few lines that knows nothing of Wayside."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.connections = 0

    async def run(self, port: int) -> None:
        """Serve for ever."""
        async with serve(self._talk, "0.0.0.0", port, subprotocols=["ocpp1.6"]) as server:  # type: ignore[list-item]
            await server.serve_forever()

    async def _talk(self, connection: ServerConnection) -> None:
        self.connections += 1
        async for text in connection:
            kind, message_id, action, payload = json.loads(text)
            assert kind == 2
            self.calls.append((action, payload))
            await connection.send(json.dumps([3, message_id, self._answer(action)]))

    def _answer(self, action: str) -> dict[str, Any]:
        now = datetime(2026, 6, 1, tzinfo=UTC).isoformat()
        answers: dict[str, dict[str, Any]] = {
            "BootNotification": {"status": "Accepted", "interval": 300, "currentTime": now},
            "Heartbeat": {"currentTime": now},
            "Authorize": {"idTagInfo": {"status": "Accepted"}},
            "StartTransaction": {"transactionId": 7, "idTagInfo": {"status": "Accepted"}},
        }
        return answers.get(action, {})

    def told(self, action: str) -> list[dict[str, Any]]:
        """The payloads of one action."""
        return [payload for name, payload in self.calls if name == action]


def test_an_hour_of_charging_is_told_to_another_central_system_at_once(wayside: Wayside) -> None:  # noqa: F811
    """Plug in, tap, an hour passes, tap, unplug: the transaction has the energy of the meter; real time hardly passes."""
    csms = SmallCentralSystem()

    async def scene(stage: Stage) -> None:
        stage.serve(csms.run, 9000)
        station = stage.charge_point("ws://csms:9000/ocpp")
        await stage.until(lambda: csms.told("BootNotification"))
        await stage.sleep(5)
        station.plug_in(1, "compact", soc_percent=20)
        station.tap("04A1B2C3D4E580")
        await stage.until(lambda: csms.told("StartTransaction"))
        assert station.is_locked(1)
        await stage.sleep(3600)
        station.pause_car(1)
        await stage.sleep(60)
        station.resume_car(1)
        await stage.sleep(60)
        station.tap("04A1B2C3D4E580")
        await stage.until(lambda: csms.told("StopTransaction"))
        await stage.sleep(5)
        station.unplug(1)
        start, stop = csms.told("StartTransaction")[0], csms.told("StopTransaction")[0]
        assert stop["transactionId"] == 7
        assert stop["meterStop"] - start["meterStart"] == station.energy_wh(1) > 10_000
        assert stage.time_s > 3600

    began_s = time.perf_counter()
    wayside(scene)
    assert time.perf_counter() - began_s < 20


def test_the_network_can_be_broken_and_the_power_cut(wayside: Wayside) -> None:  # noqa: F811
    """After a cut the station comes back by itself; after a power cut it boots and closes nothing that goes on."""
    csms = SmallCentralSystem()

    async def scene(stage: Stage) -> None:
        stage.serve(csms.run, 9000)
        station = stage.charge_point("ws://csms:9000/ocpp", {"HeartbeatInterval": "60"})
        await stage.until(lambda: csms.told("BootNotification"))
        stage.network.cut("cp000", "csms")
        await stage.until(lambda: csms.connections == 2)
        assert len(csms.told("BootNotification")) == 1
        station.raise_fault(1, "ground-fault")
        await stage.until(lambda: any(s["status"] == "Faulted" for s in csms.told("StatusNotification")))
        station.clear_fault(1, "ground-fault")
        station.power_off()
        await stage.sleep(60)
        station.power_on()
        await stage.until(lambda: len(csms.told("BootNotification")) == 2)
        assert station.state()["network"]["mode"] == "up"

    wayside(scene, seed=3)


def test_a_failing_scene_fails_the_test(wayside: Wayside) -> None:  # noqa: F811
    """What the scene raises comes out; what it waits for in vain times out in virtual time."""

    async def scene(stage: Stage) -> None:
        await stage.until(lambda: False, timeout_s=86_400)

    with pytest.raises(TimeoutError):
        wayside(scene)


def test_the_same_seed_gives_the_same_scene(wayside: Wayside) -> None:  # noqa: F811
    """A scene returns what it saw, twice the same."""

    async def scene(stage: Stage) -> list[str]:
        csms = SmallCentralSystem()
        process = stage.serve(csms.run, 9000)
        stage.charge_point("ws://csms:9000/ocpp")
        await stage.sleep(1_000)
        stage.kill(process)
        await asyncio.sleep(1)
        return [f"{action} {json.dumps(payload)}" for action, payload in csms.calls]

    first = wayside(scene, seed=5)
    assert len(first) > 3
    assert wayside(scene, seed=5) == first
