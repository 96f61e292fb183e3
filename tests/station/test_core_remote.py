"""RemoteStartTransaction, RemoteStopTransaction, DataTransfer (OCPP 1.6 edition 2, sections 5.6, 5.11 and 5.12)."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from firmware.vendors import VendorAnswer, VendorResult
from hal.types import LockState
from tests.station.play import OTHER_TAG, TAG, Play, play

ACCEPTED, REJECTED = {"status": "Accepted"}, {"status": "Rejected"}


async def _start(stage: Play, connector: int | None = 1, **more: Any) -> dict[str, Any]:
    where = {} if connector is None else {"connectorId": connector}
    return await stage.csms.ask("RemoteStartTransaction", {"idTag": TAG, **where, **more})


async def _stop(stage: Play, transaction_id: int) -> dict[str, Any]:
    return await stage.csms.ask("RemoteStopTransaction", {"transactionId": transaction_id})


def test_a_remote_start_of_a_plugged_in_vehicle_charges(tmp_path: Path) -> None:
    """Accepted, Authorize, then the transaction with the tag of the request."""

    async def scenario(stage: Play) -> None:
        stage.plug()
        assert await _start(stage) == ACCEPTED
        await stage.status("Charging")
        start = await stage.csms.heard("StartTransaction")
        assert (start.payload["idTag"], start.payload["connectorId"]) == (TAG, 1)

    play(tmp_path, scenario)


def test_the_answer_goes_before_everything_it_causes(tmp_path: Path) -> None:
    """RemoteStartTransaction.conf is on the wire before Authorize, StatusNotification and StartTransaction."""

    async def scenario(stage: Play) -> None:
        await stage.set_key("AuthorizeRemoteTxRequests", "false")
        stage.plug()
        await stage.status("Preparing")
        await asyncio.sleep(1)
        before = len(stage.csms.received)
        assert await _start(stage) == ACCEPTED
        await stage.csms.heard("StartTransaction")
        assert stage.csms.received[before] == "answer"

    play(tmp_path, scenario)


def test_a_remote_start_waits_for_the_vehicle_and_lapses(tmp_path: Path) -> None:
    """Nobody plugged in: Preparing until ConnectionTimeOut is over, then Available."""

    async def scenario(stage: Play) -> None:
        assert await _start(stage) == ACCEPTED
        await stage.status("Preparing")
        await stage.status("Available", timeout_s=45)
        assert await _start(stage) == ACCEPTED
        await stage.status("Preparing")
        stage.plug()
        await stage.status("Charging")
        assert len(stage.csms.named("StartTransaction")) == 1

    play(tmp_path, scenario, keys={"ConnectionTimeOut": "30"})


def test_without_a_connector_the_station_chooses_where_a_vehicle_is(tmp_path: Path) -> None:
    """No connectorId: the plugged-in one is taken, and when none is free the request is Rejected."""

    async def scenario(stage: Play) -> None:
        stage.plug(2)
        assert await _start(stage, None) == ACCEPTED
        await stage.status("Charging", 2)
        assert await _start(stage, None) == ACCEPTED
        await stage.status("Preparing", 1)
        assert await _start(stage, None) == REJECTED

    play(tmp_path, scenario)


def test_a_remote_start_that_cannot_be_is_rejected(tmp_path: Path) -> None:
    """Connector 0, unknown, for nobody's tag, faulted, taken by a token, charging, and finishing ones."""

    async def scenario(stage: Play) -> None:
        assert await _start(stage, 0) == REJECTED
        assert await _start(stage, 3) == REJECTED
        assert await stage.csms.ask("RemoteStartTransaction", {"connectorId": 1, "idTag": ""}) == REJECTED
        stage.do("evse/2/fault", code="ground-fault", active=True)
        assert await _start(stage, 2) == REJECTED
        stage.tap()
        await stage.status("Preparing")
        assert await _start(stage) == REJECTED
        stage.plug()
        await stage.status("Charging")
        assert await _start(stage) == REJECTED
        stage.tap()
        await stage.status("Finishing")
        assert await _start(stage) == REJECTED
        assert len(stage.csms.named("StartTransaction")) == 1

    play(tmp_path, scenario)


def test_a_charging_profile_is_ignored_without_smart_charging(tmp_path: Path) -> None:
    """The request is obeyed as if there were no profile."""

    async def scenario(stage: Play) -> None:
        profile = {
            "chargingProfileId": 1,
            "stackLevel": 0,
            "chargingProfilePurpose": "TxProfile",
            "chargingProfileKind": "Relative",
            "chargingSchedule": {
                "chargingRateUnit": "A",
                "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 6.1}],
            },
        }
        stage.plug()
        assert await _start(stage, chargingProfile=profile) == ACCEPTED
        await stage.status("Charging")

    play(tmp_path, scenario)


def test_a_remote_stop_ends_the_transaction_and_gives_the_cable_back(tmp_path: Path) -> None:
    """Accepted, reason Remote without an idTag, unlocked."""

    async def scenario(stage: Play) -> None:
        await stage.charge(120)
        assert await _stop(stage, 1) == ACCEPTED
        stop = await stage.csms.heard("StopTransaction")
        assert (stop.payload["reason"], stop.payload.get("idTag")) == ("Remote", None)
        assert stop.payload["meterStop"] == stage.meter_wh()
        await stage.status("Finishing")
        await stage.unplug()
        await stage.status("Available")

    play(tmp_path, scenario)


def test_a_remote_stop_of_nothing_is_rejected(tmp_path: Path) -> None:
    """An id that was never given, and one whose transaction is over."""

    async def scenario(stage: Play) -> None:
        assert await _stop(stage, 1) == REJECTED
        await stage.charge(60)
        assert await _stop(stage, 2) == REJECTED
        assert stage.status_now() == "Charging"
        assert await _stop(stage, 1) == ACCEPTED
        assert await _stop(stage, 1) == REJECTED
        await stage.delivered()
        assert await _stop(stage, 1) == REJECTED
        assert len(stage.csms.named("StopTransaction")) == 1

    play(tmp_path, scenario)


def test_a_remote_stop_finds_its_transaction_after_a_restart(tmp_path: Path) -> None:
    """The central system's id of a running transaction outlives a crash."""

    async def scenario(stage: Play) -> None:
        await stage.charge(60)
        await stage.kill_station()
        await stage.start_station()
        await stage.status("Charging")
        await stage.online()
        assert await _stop(stage, 1) == ACCEPTED
        stop = await stage.csms.heard("StopTransaction")
        assert (stop.payload["reason"], stop.payload["transactionId"]) == ("Remote", 1)

    play(tmp_path, scenario)


@pytest.mark.parametrize("tag", [TAG, OTHER_TAG])
def test_a_remote_start_is_stopped_by_its_own_tag_only(tmp_path: Path, tag: str) -> None:
    """The idTag of the request is that of the transaction, whoever sent it."""

    async def scenario(stage: Play) -> None:
        stage.plug()
        await _start(stage)
        await stage.status("Charging")
        stage.tap(tag)
        await asyncio.sleep(20)
        assert stage.status_now() == ("Finishing" if tag == TAG else "Charging")

    play(tmp_path, scenario)


def test_a_stop_while_the_start_is_unanswered_is_rejected_and_later_obeyed(tmp_path: Path) -> None:
    """Without an id nobody can name the transaction; once the start was answered it can be stopped."""

    async def scenario(stage: Play) -> None:
        stage.csms.scripts["StartTransaction"] = lambda call: None
        stage.plug()
        stage.tap()
        start = await stage.csms.heard("StartTransaction")
        assert await _stop(stage, 1) == REJECTED
        await stage.csms.say(json.dumps([3, start.id, stage.csms.start(start)]))
        await asyncio.sleep(1)
        assert await _stop(stage, 1) == ACCEPTED

    play(tmp_path, scenario)


def test_data_of_an_unknown_vendor_is_refused(tmp_path: Path) -> None:
    """UnknownVendorId, and nothing else in the answer."""

    async def scenario(stage: Play) -> None:
        answer = await stage.csms.ask("DataTransfer", {"vendorId": "com.example", "messageId": "x", "data": "{}"})
        assert answer == {"status": "UnknownVendorId"}

    play(tmp_path, scenario)


def test_data_of_a_known_vendor_goes_to_its_handler(tmp_path: Path) -> None:
    """A registered vendor answers for itself."""

    async def scenario(stage: Play) -> None:
        async def echo(message_id: str | None, data: Any) -> VendorAnswer:
            if message_id != "echo":
                return VendorAnswer(VendorResult.UNKNOWN_MESSAGE)
            return VendorAnswer(VendorResult.ACCEPTED, data)

        stage.app.vendors.register("com.example", echo)
        answer = await stage.csms.ask("DataTransfer", {"vendorId": "com.example", "messageId": "echo", "data": "hi"})
        assert answer == {"status": "Accepted", "data": "hi"}
        answer = await stage.csms.ask("DataTransfer", {"vendorId": "com.example"})
        assert answer == {"status": "UnknownMessageId"}

    play(tmp_path, scenario)


def test_a_remote_start_frees_no_cable_held_for_another(tmp_path: Path) -> None:
    """A cable that waits for a refused token stays locked while the central system asks for a start there."""

    async def scenario(stage: Play) -> None:
        stage.csms.scripts["StartTransaction"] = lambda call: stage.csms.start(call, "Invalid")
        stage.plug()
        stage.tap()
        await stage.csms.heard("StopTransaction")
        await stage.status("Finishing")
        assert await _start(stage) == REJECTED
        assert stage.app.engine.station.evses[1].lock_state is LockState.LOCKED

    play(tmp_path, scenario)
