"""TriggerMessage (OCPP 1.6 edition 2, section 5.17) and messages of profiles that are not there (OCPP-J 1.6, section 4.2.3)."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.station.play import Play, play

ACCEPTED, REJECTED = {"status": "Accepted"}, {"status": "Rejected"}


async def _trigger(stage: Play, message: str, **more: Any) -> dict[str, Any]:
    """Ask for a message; the answer has to come before anything it causes."""
    before = len(stage.csms.received)
    answer = await stage.csms.ask("TriggerMessage", {"requestedMessage": message, **more})
    await asyncio.sleep(5)
    assert stage.csms.received[before] == "answer"
    return answer


def test_a_heartbeat_on_demand(tmp_path: Path) -> None:
    """Accepted, then Heartbeat; a connectorId is of no relevance and ignored."""

    async def scenario(stage: Play) -> None:
        assert await _trigger(stage, "Heartbeat") == ACCEPTED
        assert await _trigger(stage, "Heartbeat", connectorId=77) == ACCEPTED
        assert len(stage.csms.named("Heartbeat")) == 2

    play(tmp_path, scenario)


def test_a_status_on_demand(tmp_path: Path) -> None:
    """Of one connector, or of 0 and all; an unknown connector is Rejected."""

    async def scenario(stage: Play) -> None:
        assert await _trigger(stage, "StatusNotification", connectorId=2) == ACCEPTED
        assert await _trigger(stage, "StatusNotification") == ACCEPTED
        told = [call.payload["connectorId"] for call in stage.csms.named("StatusNotification")[3:]]
        assert told == [2, 0, 1, 2]
        assert await _trigger(stage, "StatusNotification", connectorId=3) == REJECTED
        assert len(stage.csms.named("StatusNotification")) == 7

    play(tmp_path, scenario)


def test_meter_values_on_demand(tmp_path: Path) -> None:
    """The measurands of MeterValuesSampledData, read now, context Trigger, with the transaction where one runs."""

    async def scenario(stage: Play) -> None:
        await stage.charge(30)
        assert await _trigger(stage, "MeterValues", connectorId=1) == ACCEPTED
        assert await _trigger(stage, "MeterValues") == ACCEPTED
        told = [call.payload for call in stage.csms.named("MeterValues")]
        assert [(payload["connectorId"], payload.get("transactionId")) for payload in told] == [
            (1, 1),
            (0, None),
            (1, 1),
            (2, None),
        ]
        for payload in told:
            (value,) = payload["meterValue"]
            assert [(sample["measurand"], sample["context"]) for sample in value["sampledValue"]] == [
                ("Energy.Active.Import.Register", "Trigger")
            ]
        assert await _trigger(stage, "MeterValues", connectorId=3) == REJECTED

    play(tmp_path, scenario, keys={"MeterValueSampleInterval": "0"})


def test_meter_values_that_would_be_empty_are_rejected(tmp_path: Path) -> None:
    """What is accepted has to follow: nothing could without a main meter for connector 0, or with an empty MeterValuesSampledData."""

    async def scenario(stage: Play) -> None:
        stage.app.engine.main_meter = None
        assert await _trigger(stage, "MeterValues", connectorId=0) == REJECTED
        await stage.set_key("MeterValuesSampledData", "")
        assert await _trigger(stage, "MeterValues", connectorId=1) == REJECTED
        assert await _trigger(stage, "MeterValues") == REJECTED
        assert stage.csms.named("MeterValues") == []

    play(tmp_path, scenario)


@pytest.mark.parametrize("message", ["DiagnosticsStatusNotification", "FirmwareStatusNotification"])
def test_nothing_going_on_is_idle(tmp_path: Path, message: str) -> None:
    """Where no upload and no update is under way the triggered status is Idle."""

    async def scenario(stage: Play) -> None:
        assert await _trigger(stage, message) == ACCEPTED
        assert [call.payload for call in stage.csms.named(message)] == [{"status": "Idle"}]

    play(tmp_path, scenario)


def test_a_message_that_cannot_be_triggered_is_refused(tmp_path: Path) -> None:
    """The schema names what can be asked for; anything else is a bad value."""

    async def scenario(stage: Play) -> None:
        assert await _trigger(stage, "StartTransaction") == {"error": "PropertyConstraintViolation"}

    play(tmp_path, scenario)


PROFILE = {
    "chargingProfileId": 1,
    "stackLevel": 0,
    "chargingProfilePurpose": "TxDefaultProfile",
    "chargingProfileKind": "Relative",
    "chargingSchedule": {"chargingRateUnit": "A", "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 16.0}]},
}
ABSENT: list[tuple[str, dict[str, Any]]] = [
    ("ReserveNow", {"connectorId": 1, "expiryDate": "2030-01-01T00:00:00Z", "idTag": "A", "reservationId": 1}),
    ("CancelReservation", {"reservationId": 1}),
    ("SetChargingProfile", {"connectorId": 1, "csChargingProfiles": PROFILE}),
    ("ClearChargingProfile", {}),
    ("GetCompositeSchedule", {"connectorId": 1, "duration": 60}),
    ("GetDiagnostics", {"location": "ftp://example/"}),
    ("UpdateFirmware", {"location": "ftp://example/x", "retrieveDate": "2030-01-01T00:00:00Z"}),
]


def test_a_known_message_of_an_absent_profile_is_not_supported(tmp_path: Path) -> None:
    """NotSupported where the action is known and its profile is not in SupportedFeatureProfiles."""

    async def scenario(stage: Play) -> None:
        for action, payload in ABSENT:
            assert await stage.csms.ask(action, payload) == {"error": "NotSupported"}, action

    play(tmp_path, scenario, settings={"station.profiles": "RemoteTrigger"})


def test_a_local_list_that_is_not_there_says_so_in_its_own_words(tmp_path: Path) -> None:
    """GetLocalListVersion answers -1 and SendLocalList NotSupported."""

    async def scenario(stage: Play) -> None:
        assert await stage.csms.ask("GetLocalListVersion", {}) == {"listVersion": -1}
        update = {"listVersion": 1, "updateType": "Full"}
        assert await stage.csms.ask("SendLocalList", update) == {"status": "NotSupported"}

    play(tmp_path, scenario, settings={"station.profiles": "RemoteTrigger"})
