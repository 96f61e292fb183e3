"""A StartTransaction that is answered with anything but Accepted (OCPP 1.6 edition 2, section 4.8)."""

import asyncio
from pathlib import Path

import pytest

from hal.types import LockState
from tests.station.play import OTHER_TAG, TAG, Play, play

STATUSES = ["Blocked", "Expired", "Invalid", "ConcurrentTx"]


def _refuse(stage: Play, status: str = "Invalid") -> None:
    stage.csms.scripts["StartTransaction"] = lambda call: stage.csms.start(call, status)


@pytest.mark.parametrize("status", STATUSES)
def test_an_invalid_token_ends_the_transaction(tmp_path: Path, status: str) -> None:
    """StopTransactionOnInvalidId=true: the transaction stops with DeAuthorized."""

    async def scenario(stage: Play) -> None:
        _refuse(stage, status)
        stage.plug()
        stage.tap()
        stop = await stage.csms.heard("StopTransaction")
        assert (stop.payload["reason"], stop.payload["transactionId"]) == ("DeAuthorized", 1)
        await stage.status("Finishing")

    play(tmp_path, scenario)


def test_the_cable_of_a_refused_token_is_held_for_it(tmp_path: Path) -> None:
    """After DeAuthorized only the same tag gets the cable back (errata); another one does not."""

    async def scenario(stage: Play) -> None:
        _refuse(stage)
        stage.plug()
        stage.tap()
        await stage.csms.heard("StopTransaction")
        await asyncio.sleep(5)
        assert stage.app.engine.station.evses[1].lock_state is LockState.LOCKED
        stage.csms.authorise("Blocked")
        stage.tap(OTHER_TAG)
        await asyncio.sleep(5)
        assert stage.app.engine.station.evses[1].lock_state is LockState.LOCKED
        stage.tap()
        await stage.unplug()
        await stage.status("Available")
        assert len(stage.csms.named("StartTransaction")) == 1

    play(tmp_path, scenario)


def test_a_held_cable_is_free_after_a_restart(tmp_path: Path) -> None:
    """Whom the cable waits for is not remembered: nobody is trapped by a crash."""

    async def scenario(stage: Play) -> None:
        _refuse(stage)
        stage.plug()
        stage.tap()
        await stage.csms.heard("StopTransaction")
        await asyncio.sleep(5)
        await stage.kill_station()
        await stage.start_station()
        await asyncio.sleep(5)
        await stage.unplug()
        await stage.status("Available")

    play(tmp_path, scenario)


def test_the_cable_of_a_refused_token_is_given_to_one_of_its_parent(tmp_path: Path) -> None:
    """A tag with the same parent releases the cable too."""

    async def scenario(stage: Play) -> None:
        stage.csms.authorise("Accepted", parentIdTag="FLEET")
        stage.csms.scripts["StartTransaction"] = lambda call: stage.csms.start(call, "Blocked", parentIdTag="FLEET")
        stage.tap(OTHER_TAG)
        await stage.csms.heard("Authorize")
        await asyncio.sleep(1)
        stage.tap(OTHER_TAG)
        await asyncio.sleep(1)
        stage.plug()
        stage.tap()
        await stage.csms.heard("StopTransaction")
        await asyncio.sleep(5)
        stage.tap(OTHER_TAG)
        await stage.unplug()

    play(tmp_path, scenario)


def test_an_invalid_token_only_loses_its_energy_where_the_key_says_so(tmp_path: Path) -> None:
    """StopTransactionOnInvalidId=false: SuspendedEVSE, the transaction stays open until its user ends it."""

    async def scenario(stage: Play) -> None:
        _refuse(stage)
        stage.plug()
        stage.tap()
        await stage.csms.heard("StartTransaction")
        await stage.status("SuspendedEVSE")
        await asyncio.sleep(5)
        energy = stage.meter_wh()
        await asyncio.sleep(600)
        assert stage.meter_wh() == energy
        assert stage.csms.named("StopTransaction") == []
        stage.tap()
        stop = await stage.csms.heard("StopTransaction")
        assert (stop.payload["reason"], stop.payload["idTag"]) == ("Local", TAG)
        assert stop.payload["meterStop"] == stage.meter_wh()

    play(tmp_path, scenario, keys={"StopTransactionOnInvalidId": "false"})


def test_an_invalid_token_may_be_allowed_some_energy(tmp_path: Path) -> None:
    """MaxEnergyOnInvalidId: so many watt hours more, and no more than flow in two seconds beyond."""

    async def scenario(stage: Play) -> None:
        _refuse(stage)
        stage.plug()
        stage.tap()
        await stage.status("Charging")
        await stage.status("SuspendedEVSE", timeout_s=600)
        await asyncio.sleep(60)
        power_w = 32 * 230 * 3
        assert 500 <= stage.meter_wh() <= 500 + power_w * 2 / 3600
        assert stage.csms.named("StopTransaction") == []

    play(tmp_path, scenario, keys={"StopTransactionOnInvalidId": "false", "MaxEnergyOnInvalidId": "500"})


def test_no_energy_is_allowed_where_the_transaction_stops(tmp_path: Path) -> None:
    """With StopTransactionOnInvalidId=true MaxEnergyOnInvalidId has no effect."""

    async def scenario(stage: Play) -> None:
        _refuse(stage)
        stage.plug()
        stage.tap()
        await stage.csms.heard("StopTransaction", timeout_s=10)

    play(tmp_path, scenario, keys={"MaxEnergyOnInvalidId": "5000"})


@pytest.mark.parametrize("stop_on_invalid", ["true", "false"])
def test_a_verdict_that_comes_late_counts_from_then_on(tmp_path: Path, stop_on_invalid: str) -> None:
    """A transaction begun offline is judged when its start is answered at last."""

    async def scenario(stage: Play) -> None:
        await stage.offline()
        await stage.charge(300)
        _refuse(stage)
        stage.start_csms()
        await stage.csms.heard("StartTransaction", timeout_s=600)
        await stage.status("Finishing" if stop_on_invalid == "true" else "SuspendedEVSE")
        await stage.delivered()
        assert len(stage.csms.named("StopTransaction")) == (stop_on_invalid == "true")

    keys = {"AllowOfflineTxForUnknownId": "true", "StopTransactionOnInvalidId": stop_on_invalid}
    play(tmp_path, scenario, keys=keys)


def test_a_verdict_after_the_end_only_goes_to_the_cache(tmp_path: Path) -> None:
    """When the transaction is over, an answer with Invalid changes nothing but what is known of the tag."""

    async def scenario(stage: Play) -> None:
        await stage.offline()
        await stage.charge(300)
        stage.tap()
        await stage.unplug()
        _refuse(stage)
        stage.start_csms()
        await stage.delivered()
        stop = stage.csms.named("StopTransaction")[0].payload
        assert (stop["reason"], stop["transactionId"]) == ("Local", 1)
        await stage.offline()
        stage.plug()
        stage.tap()
        await asyncio.sleep(20)
        assert stage.app.queue.stats().rows == 0

    play(tmp_path, scenario, keys={"AllowOfflineTxForUnknownId": "true"})


def test_an_allowance_outlives_a_crash(tmp_path: Path) -> None:
    """A transaction whose token is invalid stays so after a restart: no energy comes back."""

    async def scenario(stage: Play) -> None:
        _refuse(stage)
        stage.plug()
        stage.tap()
        await stage.status("SuspendedEVSE")
        await asyncio.sleep(5)
        await stage.kill_station()
        await stage.start_station()
        await stage.status("SuspendedEVSE")
        await asyncio.sleep(60)
        before = stage.meter_wh()
        await asyncio.sleep(300)
        assert stage.meter_wh() == before

    play(tmp_path, scenario, keys={"StopTransactionOnInvalidId": "false"})
