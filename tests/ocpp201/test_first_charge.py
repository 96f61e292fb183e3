"""A charge from plug to unplug under OCPP 2.0.1 (edition 3, part 2, use cases B01, C01, E01 to E09, G01)."""

import asyncio
from pathlib import Path

import pytest

from tests.ocpp201.play import TAG, Play, Scripted201, play

CARD = {"idToken": TAG, "type": "ISO14443"}


def test_boot_is_followed_by_the_status_of_every_connector(tmp_path: Path) -> None:
    """After Accepted a StatusNotification for each connector is sent before anything else; there is none for the station (B01)."""

    async def scenario(stage: Play, csms: Scripted201) -> None:
        assert [call.action for call in csms.calls] == ["BootNotification", "StatusNotification", "StatusNotification"]
        boot = csms.named("BootNotification")[0].payload
        assert boot["reason"] == "PowerUp"
        assert {"model", "vendorName"} <= set(boot["chargingStation"])
        told = [(call.payload["evseId"], call.payload["connectorId"]) for call in csms.named("StatusNotification")]
        assert told == [(1, 1), (2, 1)]

    play(tmp_path, scenario)


@pytest.mark.parametrize("order", ["plug first", "tap first"])
def test_a_charge_is_one_row_of_events_with_the_meters_registers(tmp_path: Path, order: str) -> None:
    """Started, updates and Ended follow each other without a gap, with the registers of begin and end (E01 to E07)."""

    async def scenario(stage: Play, csms: Scripted201) -> None:
        if order == "plug first":
            stage.plug()
            await stage.status("Occupied")
            stage.tap()
        else:
            stage.tap()
            await asyncio.sleep(1)
            stage.plug()
        await csms.heard("TransactionEvent", 2)
        await asyncio.sleep(170)
        stage.tap()
        await stage.unplug()
        await stage.status("Available")
        await stage.delivered()
        stop_wh = stage.meter_wh()
        assert stop_wh > 100
        first = "Authorized" if order == "plug first" else "CablePluggedIn"
        assert csms.told("eventType", "triggerReason", "chargingState") == [
            ("Started", first, "EVConnected"),
            ("Updated", "ChargingStateChanged", "Charging"),
            ("Updated", "MeterValuePeriodic", "Charging"),
            ("Updated", "MeterValuePeriodic", "Charging"),
            ("Ended", "StopAuthorized", "EVConnected"),
        ]
        assert [event["seqNo"] for event in csms.events] == [0, 1, 2, 3, 4]
        assert len({event["transactionInfo"]["transactionId"] for event in csms.events}) == 1
        assert [event.get("idToken") for event in csms.events] == [CARD, None, None, None, CARD]
        assert csms.events[-1]["transactionInfo"]["stoppedReason"] == "Local"
        assert all(event["evse"] == {"id": 1, "connectorId": 1} for event in csms.events)
        assert all("offline" not in event for event in csms.events)
        assert (csms.registers("Transaction.Begin"), csms.registers("Transaction.End")) == ([0], [stop_wh])
        assert csms.statuses() == ["Available", "Occupied", "Available"]

    play(tmp_path, scenario)
