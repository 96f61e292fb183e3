"""The vehicle end of the cable is pulled during a charge (OCPP 1.6 edition 2, section 9.1, with errata)."""

import asyncio
from pathlib import Path

import pytest

from hal.types import LockState
from tests.station.play import OTHER_TAG, TAG, Play, play

SOCKET, FIXED = 1, 2


def _keys(stop: str, unlock: str) -> dict[str, str]:
    return {"StopTransactionOnEVSideDisconnect": stop, "UnlockConnectorOnEVSideDisconnect": unlock}


def _locked(stage: Play) -> bool:
    return stage.app.engine.station.evses[SOCKET].lock_state is LockState.LOCKED


async def _pull(stage: Play, evse: int = SOCKET) -> None:
    await stage.charge(60, evse=evse)
    stage.do(f"evse/{evse}/unplug", end="vehicle")
    await asyncio.sleep(5)


def _info(stage: Play) -> tuple[str, str, str | None]:
    told = [call.payload for call in stage.csms.named("StatusNotification") if call.payload["connectorId"] == SOCKET]
    return told[-1]["status"], told[-1]["errorCode"], told[-1].get("info")


def test_the_transaction_stops_and_the_cable_is_free(tmp_path: Path) -> None:
    """true, true: EVDisconnected, Finishing with its reason, the lock opens, and Available once the cable is out."""

    async def scenario(stage: Play) -> None:
        await _pull(stage)
        stop = await stage.csms.heard("StopTransaction")
        assert stop.payload["reason"] == "EVDisconnected"
        assert "idTag" not in stop.payload
        assert _info(stage) == ("Finishing", "NoError", "EV side disconnected")
        assert not _locked(stage)
        stage.do("evse/1/unplug", end="station")
        await stage.status("Available")

    play(tmp_path, scenario, keys=_keys("true", "true"))


@pytest.mark.parametrize("tag", [TAG, OTHER_TAG])
def test_the_cable_stays_locked_for_its_owner(tmp_path: Path, tag: str) -> None:
    """true, false: the transaction stops, and only the starter's tag or one of its parent opens the lock."""

    async def scenario(stage: Play) -> None:
        stage.csms.authorise("Accepted", parentIdTag="FLEET")
        stage.tap(OTHER_TAG)
        await stage.csms.heard("Authorize")
        await asyncio.sleep(1)
        stage.tap(OTHER_TAG)
        await asyncio.sleep(1)
        await _pull(stage)
        stop = await stage.csms.heard("StopTransaction")
        assert stop.payload["reason"] == "EVDisconnected"
        await asyncio.sleep(60)
        assert _locked(stage)
        stage.tap(tag)
        await asyncio.sleep(5)
        assert not _locked(stage)
        stage.do("evse/1/unplug", end="station")
        await stage.status("Available")

    play(tmp_path, scenario, keys=_keys("true", "false"))


@pytest.mark.parametrize("unlock", ["true", "false"])
def test_the_transaction_goes_on_and_the_cable_stays_locked(tmp_path: Path, unlock: str) -> None:
    """false: SuspendedEV with its reason, nothing is unlocked whatever the other key says, and plugging in again resumes."""

    async def scenario(stage: Play) -> None:
        await _pull(stage)
        assert _info(stage) == ("SuspendedEV", "NoError", "EV side disconnected")
        assert _locked(stage)
        before = stage.meter_wh()
        await asyncio.sleep(600)
        assert stage.meter_wh() == before
        stage.do("evse/1/plug", end="vehicle")
        await stage.status("Charging")
        await asyncio.sleep(60)
        assert stage.meter_wh() > before
        assert _info(stage) == ("Charging", "NoError", None)
        stage.tap()
        stop = await stage.csms.heard("StopTransaction")
        assert stop.payload["reason"] == "Local"
        await stage.unplug()
        await stage.delivered()
        assert len(stage.csms.named("StartTransaction")) == 1

    play(tmp_path, scenario, keys=_keys("false", unlock))


def test_a_fixed_cable_that_is_pulled_is_available_at_once(tmp_path: Path) -> None:
    """true at a fixed cable: the stop, and nothing is left to do for the user."""

    async def scenario(stage: Play) -> None:
        await _pull(stage, FIXED)
        stop = await stage.csms.heard("StopTransaction")
        assert stop.payload["reason"] == "EVDisconnected"
        await stage.delivered()
        await asyncio.sleep(1)
        assert stage.csms.statuses(FIXED)[-1] == "Available"

    play(tmp_path, scenario, keys=_keys("true", "true"))


def test_a_fixed_cable_can_come_back_to_its_transaction(tmp_path: Path) -> None:
    """false at a fixed cable: SuspendedEV until it is plugged in again."""

    async def scenario(stage: Play) -> None:
        await _pull(stage, FIXED)
        assert stage.status_now(FIXED) == "SuspendedEV"
        stage.plug(FIXED)
        await stage.status("Charging", FIXED)
        assert stage.csms.named("StopTransaction") == []

    play(tmp_path, scenario, keys=_keys("false", "true"))


def test_a_remote_stop_ends_a_transaction_whose_vehicle_is_away(tmp_path: Path) -> None:
    """false: who never comes back can be ended by the central system, and the cable is free."""

    async def scenario(stage: Play) -> None:
        await _pull(stage)
        assert await stage.csms.ask("RemoteStopTransaction", {"transactionId": 1}) == {"status": "Accepted"}
        stop = await stage.csms.heard("StopTransaction")
        assert stop.payload["reason"] == "Remote"
        await asyncio.sleep(5)
        assert not _locked(stage)

    play(tmp_path, scenario, keys=_keys("false", "false"))
