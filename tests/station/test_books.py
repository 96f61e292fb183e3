"""The books come out exact whatever happens to the network, the central system and the program."""

import asyncio
from datetime import datetime
from pathlib import Path

import pytest

from tests.station.play import Play, play

KNOWN = {"AllowOfflineTxForUnknownId": "true"}


def _exact(stage: Play, count: int = 1) -> None:
    """Each transaction started and ended once there, and their energies add up to the meter."""
    assert [transaction["stop"] is not None for transaction in stage.csms.transactions] == [True] * count
    energy = sum(t["stop"]["meterStop"] - t["start"]["meterStart"] for t in stage.csms.transactions)
    assert energy == stage.meter_wh() > 0
    ids = [call.id for call in stage.csms.named("StartTransaction")]
    assert len(set(ids)) == count


async def _end(stage: Play) -> None:
    stage.tap()
    await stage.unplug()
    await stage.status("Available", timeout_s=900)
    await stage.delivered(3600)


@pytest.mark.parametrize("away", ["whole session", "start", "end", "middle"])
def test_the_session_is_exact_when_the_central_system_is_away(tmp_path: Path, away: str) -> None:
    """Start and stop once each, energy equal to the meter, times those of the events."""

    async def scenario(stage: Play) -> None:
        await asyncio.sleep(60)
        if away in ("whole session", "start"):
            stage.stop_csms()
            await stage.until(lambda: not stage.app.engine.station.context.online)
        began = stage.sim.wall_s()
        await stage.charge(600)
        if away == "start":
            stage.start_csms()
            await asyncio.sleep(1200)
        if away in ("middle", "end"):
            stage.stop_csms()
            await asyncio.sleep(600)
        if away == "middle":
            stage.start_csms()
            await asyncio.sleep(1200)
        if away in ("whole session", "end"):
            stage.tap()
            await stage.unplug()
            await asyncio.sleep(600)
            stage.start_csms()
            await stage.delivered(3600)
        else:
            await _end(stage)
        _exact(stage)
        started = stage.csms.transactions[0]["start"]["timestamp"]
        assert abs(_posix(started) - began) < 5

    play(tmp_path, scenario, settings={"station.charge_before_accepted": "true"}, keys=KNOWN)


def _posix(timestamp: str) -> float:
    return datetime.fromisoformat(timestamp).timestamp()


@pytest.mark.parametrize("connected", [True, False])
def test_a_killed_program_takes_its_transaction_up_again(tmp_path: Path, connected: bool) -> None:
    """SIGKILL in the middle of a charge: the transaction goes on after the restart, under the same books."""

    async def scenario(stage: Play) -> None:
        if not connected:
            stage.stop_csms()
        await stage.charge(600)
        await stage.kill_station()
        await asyncio.sleep(120)
        if not connected:
            stage.start_csms()
        await stage.start_station()
        await stage.status("Charging")
        await asyncio.sleep(600)
        await _end(stage)
        _exact(stage)

    play(tmp_path, scenario, keys=KNOWN)


def test_an_open_transaction_is_closed_after_power_loss_when_so_configured(tmp_path: Path) -> None:
    """With after_power_loss = close the transaction ends with reason PowerLoss and the register as it stands."""

    async def scenario(stage: Play) -> None:
        await stage.charge(600)
        await stage.kill_station()
        await asyncio.sleep(120)
        await stage.start_station()
        await stage.csms.heard("StopTransaction")
        await stage.delivered()
        _exact(stage)
        assert stage.csms.transactions[0]["stop"]["reason"] == "PowerLoss"
        assert stage.status_now() == "Finishing"

    play(tmp_path, scenario, settings={"station.after_power_loss": "close"})


def test_a_car_that_left_during_the_power_cut_ends_its_transaction(tmp_path: Path) -> None:
    """A transaction whose vehicle is gone at the restart is closed, whatever the setting."""

    async def scenario(stage: Play) -> None:
        await stage.charge(600, evse=2)
        await stage.kill_station()
        await asyncio.sleep(30)
        memory = stage.disk.path / "world.json"
        memory.unlink()
        await stage.start_station()
        await stage.csms.heard("StopTransaction")
        assert stage.csms.transactions[0]["stop"]["reason"] == "PowerLoss"

    play(tmp_path, scenario)


def test_a_terminated_program_resumes_its_transaction(tmp_path: Path) -> None:
    """SIGTERM leaves the transaction open; the next start goes on with it."""

    async def scenario(stage: Play) -> None:
        await stage.charge(300)
        await stage.end_station()
        await stage.start_station()
        await stage.status("Charging")
        await asyncio.sleep(300)
        await _end(stage)
        _exact(stage)

    play(tmp_path, scenario)


@pytest.mark.parametrize(("kind", "reason"), [("Soft", "SoftReset"), ("Hard", "HardReset")])
def test_a_reset_ends_the_transaction_and_the_program_starts_again(tmp_path: Path, kind: str, reason: str) -> None:
    """Reset: the answer first, then the stop with its reason, then a new boot."""

    async def scenario(stage: Play) -> None:
        await stage.charge(300)
        assert await stage.csms.ask("Reset", {"type": kind}) == {"status": "Accepted"}
        await stage.csms.heard("BootNotification", 2)
        await stage.csms.heard("StatusNotification", 9)
        await stage.delivered()
        _exact(stage)
        assert stage.csms.transactions[0]["stop"]["reason"] == reason
        assert stage.csms.statuses()[-1] in ("Preparing", "Finishing")

    play(tmp_path, scenario)
