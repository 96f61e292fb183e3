"""Connector states and StatusNotification (OCPP 1.6 edition 2, section 4.9, with errata)."""

import asyncio
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.station.play import Play, play
from tests.station.scripted import Error


def _told(stage: Play, connector: int = 1) -> list[dict[str, Any]]:
    found = stage.csms.named("StatusNotification")
    return [call.payload for call in found if call.payload["connectorId"] == connector]


def _fault(stage: Play, code: str, active: bool = True, evse: int = 1) -> None:
    stage.do(f"evse/{evse}/fault", code=code, active=active)


def test_every_status_carries_the_time_since_when_it_holds(tmp_path: Path) -> None:
    """The timestamp is that of the change, also when it is told late."""

    async def scenario(stage: Play) -> None:
        await stage.offline()
        stage.plug()
        plugged = stage.sim.wall_s()
        await asyncio.sleep(500)
        stage.start_csms()
        told = await stage.csms.heard("StatusNotification", 4, timeout_s=600)
        assert told.payload["status"] == "Preparing"
        assert abs(datetime.fromisoformat(told.payload["timestamp"]).timestamp() - plugged) < 1

    play(tmp_path, scenario)


def test_the_vehicle_suspends_and_resumes(tmp_path: Path) -> None:
    """A vehicle that stops asking makes SuspendedEV, and Charging again when it asks."""

    async def scenario(stage: Play) -> None:
        await stage.charge(60)
        stage.do("evse/1/car/pause")
        await stage.status("SuspendedEV")
        stage.do("evse/1/car/resume")
        await stage.status("Charging")
        await asyncio.sleep(1)
        assert stage.csms.statuses()[-3:] == ["Charging", "SuspendedEV", "Charging"]

    play(tmp_path, scenario)


def test_the_station_suspends_and_that_wins_over_the_vehicle(tmp_path: Path) -> None:
    """An offer of nothing makes SuspendedEVSE, whatever the vehicle does; the transaction stays."""

    async def scenario(stage: Play) -> None:
        await stage.charge(60)
        stage.do("limit", current_a=0)
        await stage.status("SuspendedEVSE")
        stage.do("evse/1/car/pause")
        await asyncio.sleep(5)
        assert stage.status_now() == "SuspendedEVSE"
        stage.do("limit", current_a=None)
        await stage.status("SuspendedEV")
        stage.do("evse/1/car/resume")
        await stage.status("Charging")
        assert stage.csms.named("StopTransaction") == []

    play(tmp_path, scenario)


def test_a_status_shorter_than_the_minimum_is_never_told(tmp_path: Path) -> None:
    """MinimumStatusDuration holds a status back until it has lasted that long."""

    async def scenario(stage: Play) -> None:
        stage.plug()
        stage.tap()
        await stage.status("Charging")
        charging = stage.sim.loop.time()
        told = await stage.csms.heard("StatusNotification", 4)
        assert told.payload["status"] == "Charging"
        assert told.at - charging == pytest.approx(20, abs=0.2)

    play(tmp_path, scenario, keys={"MinimumStatusDuration": "20"})


FAULTS = {
    "ground-fault": "GroundFailure",
    "leakage": "GroundFailure",
    "no-ground": "GroundFailure",
    "over-temperature": "HighTemperature",
    "over-current": "OverCurrentFailure",
    "over-voltage": "OverVoltage",
    "under-voltage": "UnderVoltage",
    "internal": "InternalError",
    "diode": "OtherError",  # EVCommunicationError is a warning only and never goes with Faulted
    "door-open": "OtherError",
    "ventilation": "OtherError",
}


def test_a_fault_is_told_with_its_error_code_and_its_end_with_no_error(tmp_path: Path) -> None:
    """Faulted carries the protocol's word for the fault; what has none is OtherError with our word as vendorErrorCode."""

    async def scenario(stage: Play) -> None:
        for code, word in FAULTS.items():
            _fault(stage, code)
            await stage.status("Faulted")
            await asyncio.sleep(1)
            told = _told(stage)[-1]
            assert (told["status"], told["errorCode"]) == ("Faulted", word)
            if word == "OtherError" and code != "diode":
                assert told["vendorErrorCode"] == code
            _fault(stage, code, active=False)
            await stage.status("Available")
            await asyncio.sleep(1)
            assert (_told(stage)[-1]["status"], _told(stage)[-1]["errorCode"]) == ("Available", "NoError")
        assert stage.csms.statuses(2) == ["Available"]

    play(tmp_path, scenario)


def test_a_fault_that_does_not_forbid_charging_is_a_warning(tmp_path: Path) -> None:
    """A lost reader is told with the present status, and charging goes on."""

    async def scenario(stage: Play) -> None:
        await stage.charge(60)
        stage.do("device", device="reader", lost=True)
        await stage.until(lambda: _told(stage)[-1]["errorCode"] == "ReaderFailure")
        assert _told(stage)[-1]["status"] == "Charging"
        assert _told(stage, 0)[-1]["status"] == "Available"
        stage.do("device", device="reader", lost=False)
        await stage.until(lambda: _told(stage)[-1]["errorCode"] == "NoError")

    play(tmp_path, scenario)


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("ground-fault", "Other"),
        ("over-current", "Other"),
        ("emergency-stop", "EmergencyStop"),
        ("power-loss", "PowerLoss"),
    ],
)
def test_a_dangerous_fault_ends_the_transaction(tmp_path: Path, code: str, reason: str) -> None:
    """The stop names the emergency button, everything else is Other; the cable in makes Finishing once the fault is over."""

    async def scenario(stage: Play) -> None:
        await stage.charge(120)
        _fault(stage, code)
        stop = await stage.csms.heard("StopTransaction")
        assert stop.payload["reason"] == reason
        assert stop.payload["meterStop"] == stage.meter_wh()
        assert stage.status_now() == "Faulted"
        _fault(stage, code, active=False)
        await stage.status("Finishing")

    play(tmp_path, scenario)


def test_a_fault_that_may_pass_keeps_the_transaction(tmp_path: Path) -> None:
    """While it is too hot no energy flows; afterwards the same transaction goes on."""

    async def scenario(stage: Play) -> None:
        await stage.charge(120)
        stage.do("evse/1/temperature", celsius=95.0)
        await stage.status("Faulted")
        await asyncio.sleep(2)
        before = stage.meter_wh()
        await asyncio.sleep(120)
        assert stage.meter_wh() == before
        stage.do("evse/1/temperature", celsius=40.0)
        await stage.status("Charging")
        assert stage.csms.named("StopTransaction") == []
        assert len(stage.csms.named("StartTransaction")) == 1

    play(tmp_path, scenario)


def test_a_station_wide_fault_faults_everything(tmp_path: Path) -> None:
    """Connector 0 and each connector are Faulted while it lasts."""

    async def scenario(stage: Play) -> None:
        await stage.charge(60)
        stage.do("fault", code="emergency-stop", active=True)
        stop = await stage.csms.heard("StopTransaction")
        assert stop.payload["reason"] == "EmergencyStop"
        await asyncio.sleep(1)
        assert [_told(stage, connector)[-1]["status"] for connector in (0, 1, 2)] == ["Faulted"] * 3
        stage.do("fault", code="emergency-stop", active=False)
        await asyncio.sleep(5)
        assert [_told(stage, n)[-1]["status"] for n in (0, 1, 2)] == ["Available", "Finishing", "Available"]

    play(tmp_path, scenario)


def test_preparing_becomes_unavailable_by_way_of_available(tmp_path: Path) -> None:
    """The table has no way from Preparing to Unavailable: Available is told in between."""

    async def scenario(stage: Play) -> None:
        stage.plug()
        await stage.status("Preparing")
        await asyncio.sleep(1)
        await stage.csms.ask("ChangeAvailability", {"connectorId": 1, "type": "Inoperative"})
        await stage.status("Unavailable")
        await asyncio.sleep(1)
        assert stage.csms.statuses() == ["Available", "Preparing", "Available", "Unavailable"]

    play(tmp_path, scenario)


def test_connector_zero_does_not_follow_the_connectors(tmp_path: Path) -> None:
    """A charge, a fault or an unavailable connector changes nothing about connector 0."""

    async def scenario(stage: Play) -> None:
        await stage.charge(60)
        _fault(stage, "ground-fault", evse=2)
        await stage.csms.ask("ChangeAvailability", {"connectorId": 2, "type": "Inoperative"})
        await asyncio.sleep(5)
        assert stage.csms.statuses(0) == ["Available"]
        assert stage.csms.statuses(2)[-1] == "Faulted"

    play(tmp_path, scenario)


def test_of_an_offline_period_only_the_present_status_is_told(tmp_path: Path) -> None:
    """What came and went while offline is not told afterwards."""

    async def scenario(stage: Play) -> None:
        await stage.offline()
        stage.plug()
        await asyncio.sleep(30)
        await stage.unplug()
        stage.plug(2)
        await asyncio.sleep(30)
        stage.start_csms()
        await stage.online()
        await asyncio.sleep(5)
        assert [call.payload["connectorId"] for call in stage.csms.named("StatusNotification")[3:]] == [2]

    play(tmp_path, scenario)


def test_an_unanswered_status_is_told_again(tmp_path: Path) -> None:
    """A StatusNotification without an answer is repeated, if the status still holds."""

    async def scenario(stage: Play) -> None:
        stage.csms.scripts["StatusNotification"] = lambda call: None
        stage.plug()
        await stage.csms.heard("StatusNotification", 4)
        del stage.csms.scripts["StatusNotification"]
        again = await stage.csms.heard("StatusNotification", 5, timeout_s=200)
        assert (again.payload["connectorId"], again.payload["status"]) == (1, "Preparing")

    play(tmp_path, scenario)


def test_a_refused_status_is_not_told_again(tmp_path: Path) -> None:
    """A central system that answers CALLERROR is not asked for ever."""

    async def scenario(stage: Play) -> None:
        stage.csms.scripts["StatusNotification"] = lambda call: Error("NotSupported")
        stage.plug()
        await asyncio.sleep(1000)
        assert len(stage.csms.named("StatusNotification")) == 4
        assert len(stage.csms.connections) == 1

    play(tmp_path, scenario)


def test_a_jammed_lock_is_a_connector_lock_failure(tmp_path: Path) -> None:
    """A bolt that does not go in is told, no transaction starts, and charging begins once it works."""

    async def scenario(stage: Play) -> None:
        _fault(stage, "lock-jammed")
        stage.plug()
        stage.tap()
        await stage.until(lambda: _told(stage)[-1]["errorCode"] == "ConnectorLockFailure")
        assert _told(stage)[-1]["status"] == "Faulted"
        assert stage.csms.named("StartTransaction") == []
        _fault(stage, "lock-jammed", active=False)
        await stage.status("Charging")

    play(tmp_path, scenario, keys={"ConnectionTimeOut": "300"})


def test_an_input_that_comes_back_clears_its_fault(tmp_path: Path) -> None:
    """Fault inputs that are gone fault their EVSE, and no longer when they are back, though they have nothing to tell."""

    async def scenario(stage: Play) -> None:
        stage.do("evse/1/device", device="inputs", lost=True)
        await stage.status("Faulted")
        stage.do("evse/1/device", device="inputs", lost=False)
        await stage.status("Available")

    play(tmp_path, scenario)
