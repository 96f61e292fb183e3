"""The usual sequences on the wire, whole (OCPP 1.6 edition 2, sections 3 and 4)."""

import asyncio
from pathlib import Path

from tests.station.play import Play, play

HELLO = ["BootNotification", "SN0 Available", "SN1 Available", "SN2 Available"]


def _wire(stage: Play, since: int = 4) -> list[str]:
    """What the station said, one word each: actions, statuses as `SN1 Charging`, and runs of the same as one."""
    words: list[str] = []
    for call in stage.csms.calls[since:]:
        word = call.action
        if word == "StatusNotification":
            word = f"SN{call.payload['connectorId']} {call.payload['status']}"
        if not words or words[-1] != word:
            words.append(word)
    return words


def test_cold_boot(tmp_path: Path) -> None:
    """Boot, the statuses of 0 and every connector, then the heart beats."""

    async def scenario(stage: Play) -> None:
        await stage.csms.heard("Heartbeat", timeout_s=400)
        assert _wire(stage, 0) == [*HELLO, "Heartbeat"]

    play(tmp_path, scenario)


def test_plug_first(tmp_path: Path) -> None:
    """Preparing, Authorize, start, charging with samples, stop, Finishing, Available."""

    async def scenario(stage: Play) -> None:
        stage.plug()
        await stage.csms.heard("StatusNotification", 4)
        stage.tap()
        await stage.status("Charging")
        await asyncio.sleep(100)
        stage.tap()
        await stage.delivered()
        await asyncio.sleep(1)
        await stage.unplug()
        await stage.status("Available")
        await asyncio.sleep(1)
        wire = [word for word in _wire(stage) if word != "SN1 SuspendedEV"]
        assert wire in (
            [
                "SN1 Preparing",
                "Authorize",
                "StartTransaction",
                "SN1 Charging",
                "MeterValues",
                *ends,
                "SN1 Available",
            ]
            for ends in (["SN1 Finishing", "StopTransaction"], ["StopTransaction", "SN1 Finishing"])
        )

    play(tmp_path, scenario)


def test_tag_first(tmp_path: Path) -> None:
    """Authorize and Preparing in either order, then plug, start and charging."""

    async def scenario(stage: Play) -> None:
        stage.tap()
        await stage.csms.heard("StatusNotification", 4)
        await asyncio.sleep(10)
        stage.plug()
        await stage.status("Charging")
        await asyncio.sleep(1)
        wire = [word for word in _wire(stage) if word != "SN1 SuspendedEV"]
        assert set(wire[:2]) == {"Authorize", "SN1 Preparing"}
        assert wire[2:] == ["StartTransaction", "SN1 Charging"]

    play(tmp_path, scenario)


def test_remote_start(tmp_path: Path) -> None:
    """Accepted, Authorize, Preparing, start, charging."""

    async def scenario(stage: Play) -> None:
        start = {"idTag": "REMOTE", "connectorId": 2}
        assert await stage.csms.ask("RemoteStartTransaction", start) == {"status": "Accepted"}
        await stage.csms.heard("StatusNotification", 4)
        await asyncio.sleep(5)
        stage.plug(2)
        await stage.status("Charging", 2)
        await asyncio.sleep(1)
        wire = [word for word in _wire(stage) if word != "SN2 SuspendedEV"]
        assert set(wire[:2]) == {"Authorize", "SN2 Preparing"}
        assert wire[2:] == ["StartTransaction", "SN2 Charging"]

    play(tmp_path, scenario)


def test_soft_reset_with_a_transaction(tmp_path: Path) -> None:
    """Stop, then a boot like a cold one, with the cable that is still in."""

    async def scenario(stage: Play) -> None:
        await stage.charge(30)
        await asyncio.sleep(1)
        before = len(stage.csms.calls)
        await stage.csms.ask("Reset", {"type": "Soft"})
        await stage.csms.heard("StatusNotification", 9)
        await asyncio.sleep(5)
        wire = _wire(stage, before)
        assert set(wire[:2]) == {"StopTransaction", "SN1 Finishing"}
        assert wire[2:4] == ["BootNotification", "SN0 Available"]
        assert set(wire[4:]) <= {"SN1 Available", "SN1 Preparing", "SN2 Available"}
        assert stage.csms.statuses()[-1] == "Preparing"

    play(tmp_path, scenario)


def test_a_charge_that_began_offline(tmp_path: Path) -> None:
    """The old start, the samples with the new id, the stop."""

    async def scenario(stage: Play) -> None:
        await stage.offline()
        began = stage.sim.wall_s()
        await stage.charge(200)
        stage.start_csms()
        await stage.online()
        await asyncio.sleep(30)
        stage.tap()
        await stage.delivered()
        await asyncio.sleep(1)
        wire = [word for word in _wire(stage) if word not in ("Heartbeat", "SN2 Available")]
        assert wire in (
            ["SN1 Charging", "StartTransaction", "MeterValues", *ends]
            for ends in (["SN1 Finishing", "StopTransaction"], ["StopTransaction", "SN1 Finishing"])
        )
        start = stage.csms.named("StartTransaction")[0]
        assert start.at + stage.sim.epoch_s - began > 180
        assert {call.payload["transactionId"] for call in stage.csms.named("MeterValues")} == {1}

    play(tmp_path, scenario, keys={"AllowOfflineTxForUnknownId": "true"})
