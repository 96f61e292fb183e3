"""Reset and UnlockConnector (OCPP 1.6 edition 2, sections 5.14 and 5.18)."""

import asyncio
from pathlib import Path

import pytest

from firmware.app import Exit
from hal.types import LockState
from tests.station.play import Play, play

ACCEPTED = {"status": "Accepted"}
SOCKET, FIXED = 1, 2


async def _unlock(stage: Play, connector: int) -> dict[str, str]:
    return await stage.csms.ask("UnlockConnector", {"connectorId": connector})


def _lock(stage: Play) -> LockState:
    return stage.app.engine.station.evses[SOCKET].lock_state


@pytest.mark.parametrize("kind", ["Soft", "Hard"])
def test_a_reset_is_answered_and_then_carried_out(tmp_path: Path, kind: str) -> None:
    """Accepted, the program starts again, and boots as after any start."""

    async def scenario(stage: Play) -> None:
        assert await stage.csms.ask("Reset", {"type": kind}) == ACCEPTED
        await stage.csms.heard("BootNotification", 2)
        await stage.csms.heard("StatusNotification", 6)
        assert stage.exits == [Exit.RESTART]
        assert [call.payload["connectorId"] for call in stage.csms.named("StatusNotification")[3:]] == [0, 1, 2]

    play(tmp_path, scenario)


@pytest.mark.parametrize(("kind", "reason"), [("Soft", "SoftReset"), ("Hard", "HardReset")])
def test_a_reset_ends_every_transaction_first(tmp_path: Path, kind: str, reason: str) -> None:
    """The stops are sent before the restart, and no old transaction goes on after it."""

    async def scenario(stage: Play) -> None:
        await stage.charge(60, 1, "04A1")
        await stage.charge(60, 2, "04A2")
        assert await stage.csms.ask("Reset", {"type": kind}) == ACCEPTED
        boot = await stage.csms.heard("BootNotification", 2)
        stops = stage.csms.named("StopTransaction")
        assert [stop.payload["reason"] for stop in stops] == [reason] * 2
        assert all(stop.at < boot.at for stop in stops)
        await stage.online()
        await asyncio.sleep(60)
        assert [stage.status_now(connector) for connector in (1, 2)] == ["Preparing"] * 2
        assert len(stage.csms.named("StartTransaction")) == 2

    play(tmp_path, scenario)


@pytest.mark.parametrize("kind", ["Soft", "Hard"])
def test_what_could_not_be_told_before_a_reset_is_told_after_it(tmp_path: Path, kind: str) -> None:
    """A central system that answers no stop does not hold the reset up; the stop waits in the queue."""

    async def scenario(stage: Play) -> None:
        stage.csms.scripts["StopTransaction"] = lambda call: None
        await stage.charge(60)
        began = stage.sim.loop.time()
        assert await stage.csms.ask("Reset", {"type": kind}) == ACCEPTED
        boot = await stage.csms.heard("BootNotification", 2)
        assert boot.at - began < 25
        del stage.csms.scripts["StopTransaction"]
        await stage.delivered()
        stops = stage.csms.named("StopTransaction")
        assert len({stop.id for stop in stops}) == 1
        assert stage.csms.transactions[0]["stop"]["meterStop"] == stage.meter_wh()

    play(tmp_path, scenario)


def test_nothing_starts_while_a_reset_is_under_way(tmp_path: Path) -> None:
    """Between the command and the restart every start is refused, and a second Reset changes nothing."""

    async def scenario(stage: Play) -> None:
        stage.csms.scripts["StopTransaction"] = lambda call: None
        await stage.charge(60)
        assert await stage.csms.ask("Reset", {"type": "Soft"}) == ACCEPTED
        stage.plug(2)
        stage.tap("04A2", 2)
        answer = await stage.csms.ask("RemoteStartTransaction", {"idTag": "04A3", "connectorId": 2})
        assert answer == {"status": "Rejected"}
        assert await stage.csms.ask("Reset", {"type": "Hard"}) == ACCEPTED
        await stage.csms.heard("BootNotification", 2)
        await asyncio.sleep(60)
        assert len(stage.csms.named("BootNotification")) == 2
        assert len(stage.csms.named("StartTransaction")) == 1

    play(tmp_path, scenario)


@pytest.mark.parametrize(("orderly", "reason"), [(True, "Reboot"), (False, "PowerLoss")])
def test_an_open_transaction_is_closed_with_the_reason_it_was_left_for(
    tmp_path: Path, orderly: bool, reason: str
) -> None:
    """after_power_loss = close: Reboot after an orderly end of the program, PowerLoss after any other."""

    async def scenario(stage: Play) -> None:
        await stage.charge(120)
        if orderly:
            await stage.end_station()
        else:
            await stage.kill_station()
        await asyncio.sleep(10)
        await stage.start_station()
        stop = await stage.csms.heard("StopTransaction")
        assert stop.payload["reason"] == reason
        assert stop.payload["meterStop"] == stage.meter_wh()

    play(tmp_path, scenario, settings={"station.after_power_loss": "close"})


def test_unlocking_without_a_transaction(tmp_path: Path) -> None:
    """Unlocked, with or without a cable, and also while somebody is preparing."""

    async def scenario(stage: Play) -> None:
        assert await _unlock(stage, SOCKET) == {"status": "Unlocked"}
        stage.plug()
        await stage.status("Preparing")
        assert await _unlock(stage, SOCKET) == {"status": "Unlocked"}
        stage.do("evse/1/unplug")
        await stage.status("Available")

    play(tmp_path, scenario)


def test_unlocking_ends_the_transaction_first(tmp_path: Path) -> None:
    """Reason UnlockCommand, then the bolt moves out and stays out."""

    async def scenario(stage: Play) -> None:
        bolt: list[LockState] = []
        await stage.charge(60)
        stage.app.engine.observe(lambda event: bolt.append(_lock(stage)))
        assert await _unlock(stage, SOCKET) == {"status": "Unlocked"}
        assert _lock(stage) is LockState.UNLOCKED
        stop = await stage.csms.heard("StopTransaction")
        assert stop.payload["reason"] == "UnlockCommand"
        assert stop.payload["meterStop"] == stage.meter_wh()
        await asyncio.sleep(10)
        assert bolt == sorted(bolt)  # locked, then unlocked, and never locked again
        assert stage.status_now() == "Finishing"
        await stage.unplug()
        await stage.status("Available")

    play(tmp_path, scenario)


def test_a_connector_without_a_lock_cannot_be_unlocked(tmp_path: Path) -> None:
    """NotSupported for a fixed cable and for what does not exist; a transaction there goes on (errata)."""

    async def scenario(stage: Play) -> None:
        await stage.charge(60, FIXED)
        assert await _unlock(stage, FIXED) == {"status": "NotSupported"}
        assert await _unlock(stage, 3) == {"status": "NotSupported"}
        await asyncio.sleep(5)
        assert stage.status_now(FIXED) == "Charging"

    play(tmp_path, scenario)


def test_a_bolt_that_does_not_move_is_told(tmp_path: Path) -> None:
    """UnlockFailed and ConnectorLockFailure; once it moves again, so does the status."""

    async def scenario(stage: Play) -> None:
        await stage.charge(60)
        stage.do("evse/1/fault", code="lock-jammed", active=True)
        assert await _unlock(stage, SOCKET) == {"status": "UnlockFailed"}
        await stage.until(lambda: stage.csms.named("StatusNotification")[-1].payload["errorCode"] != "NoError")
        assert stage.csms.named("StatusNotification")[-1].payload["errorCode"] == "ConnectorLockFailure"
        await stage.csms.heard("StopTransaction")
        stage.do("evse/1/fault", code="lock-jammed", active=False)
        await asyncio.sleep(5)
        assert await _unlock(stage, SOCKET) == {"status": "Unlocked"}
        await stage.unplug()
        await stage.status("Available")

    play(tmp_path, scenario)


def test_a_lock_that_is_gone_cannot_be_unlocked(tmp_path: Path) -> None:
    """A dead lock controller is UnlockFailed, soon, and not silence."""

    async def scenario(stage: Play) -> None:
        stage.do("evse/1/device", device="lock", lost=True)
        assert await _unlock(stage, SOCKET) == {"status": "UnlockFailed"}
        await stage.status("Faulted")
        assert stage.csms.named("StatusNotification")[-1].payload["errorCode"] == "ConnectorLockFailure"
        stage.do("evse/1/device", device="lock", lost=False)
        await stage.status("Available")

    play(tmp_path, scenario)


def test_unlocking_frees_a_cable_held_for_a_refused_token(tmp_path: Path) -> None:
    """The operator can give a cable back that waits for its owner's tag."""

    async def scenario(stage: Play) -> None:
        stage.csms.scripts["StartTransaction"] = lambda call: stage.csms.start(call, "Invalid")
        stage.plug()
        stage.tap()
        await stage.csms.heard("StopTransaction")
        await stage.status("Finishing")
        assert _lock(stage) is LockState.LOCKED
        assert await _unlock(stage, SOCKET) == {"status": "Unlocked"}
        await asyncio.sleep(5)
        assert _lock(stage) is LockState.UNLOCKED
        await stage.unplug()
        await stage.status("Available")

    play(tmp_path, scenario)
