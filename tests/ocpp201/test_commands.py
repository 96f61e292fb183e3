"""Blocks D, F, G and P: what the central system commands (OCPP 2.0.1 edition 3, part 2)."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from firmware.vendors import VendorAnswer, VendorResult
from tests.ocpp201.play import OTHER_TAG, TAG, Play, Scripted201, play
from tests.ocpp201.test_provisioning import named, put

FIELDS = ("eventType", "triggerReason", "stoppedReason", "remoteStartId")
CARD = {"idToken": TAG, "type": "ISO14443"}
MADE = {"idToken": "made-for-this", "type": "Central"}


def start(token: dict[str, str] | None = None, **more: Any) -> dict[str, Any]:
    """A RequestStartTransaction for EVSE 1."""
    return {"idToken": token or CARD, "remoteStartId": 42, "evseId": 1, **more}


async def status(csms: Scripted201, action: str, payload: dict[str, Any]) -> tuple[str, str | None]:
    """The status of an answer and its reason."""
    answer = await csms.ask(action, payload)
    return answer["status"], answer.get("statusInfo", {}).get("reasonCode")


@pytest.mark.parametrize("plug_first", [True, False])
def test_a_remote_start_is_a_start_with_its_number(tmp_path: Path, plug_first: bool) -> None:
    """Checked like a card; remoteStartId and token come with the event that begins (F01, F02)."""

    async def scenario(stage: Play, csms: Scripted201) -> None:
        if plug_first:
            stage.plug()
        assert await csms.ask("RequestStartTransaction", start()) == {"status": "Accepted"}
        await csms.heard("Authorize")
        if not plug_first:
            await asyncio.sleep(5)
            stage.plug()
        await stage.charging()
        trigger = "RemoteStart" if plug_first else "CablePluggedIn"
        assert csms.told(*FIELDS)[0] == ("Started", trigger, None, 42)
        assert csms.events[0]["idToken"] == CARD
        assert all("remoteStartId" not in event["transactionInfo"] for event in csms.events[1:])

    play(tmp_path, scenario)


def test_a_token_made_for_the_start_is_not_asked_about(tmp_path: Path) -> None:
    """Central tokens come from the central system itself (C05)."""

    async def scenario(stage: Play, csms: Scripted201) -> None:
        stage.plug()
        assert await csms.ask("RequestStartTransaction", start(MADE)) == {"status": "Accepted"}
        await stage.charging()
        assert csms.named("Authorize") == []
        assert csms.events[0]["idToken"] == MADE

    play(tmp_path, scenario)


def test_a_remote_start_claims_the_transaction_that_the_cable_began(tmp_path: Path) -> None:
    """The answer names the transaction that runs already (F02.FR.05)."""

    async def scenario(stage: Play, csms: Scripted201) -> None:
        await put(csms, (named("TxCtrlr", "TxStartPoint"), "EVConnected"))
        stage.plug()
        await csms.heard("TransactionEvent")
        key = csms.events[0]["transactionInfo"]["transactionId"]
        assert await csms.ask("RequestStartTransaction", start(MADE)) == {"status": "Accepted", "transactionId": key}
        await stage.charging()
        assert csms.told(*FIELDS)[1] == ("Updated", "RemoteStart", None, 42)

    play(tmp_path, scenario)


def test_a_remote_start_is_refused_where_it_cannot_be(tmp_path: Path) -> None:
    """Unknown, busy and unavailable EVSEs are refused with their reason (F01)."""

    async def scenario(stage: Play, csms: Scripted201) -> None:
        assert await status(csms, "RequestStartTransaction", start(evseId=9)) == ("Rejected", "UnknownEvse")
        await stage.charge(10)
        assert await status(csms, "RequestStartTransaction", start()) == ("Rejected", "Occupied")
        await csms.ask("ChangeAvailability", {"operationalStatus": "Inoperative", "evse": {"id": 2}})
        assert await status(csms, "RequestStartTransaction", start(evseId=2)) == ("Rejected", "Unavailable")
        assert (await status(csms, "RequestStartTransaction", {"idToken": CARD, "remoteStartId": 1}))[0] == "Rejected"

    play(tmp_path, scenario)


def test_a_remote_start_without_a_vehicle_lapses(tmp_path: Path) -> None:
    """Nobody plugs in within EVConnectionTimeOut: nothing began, and the EVSE is free again (F02.FR.07)."""

    async def scenario(stage: Play, csms: Scripted201) -> None:
        await csms.ask("RequestStartTransaction", start(MADE))
        await asyncio.sleep(70)
        stage.plug()
        await asyncio.sleep(10)
        assert csms.events == []

    play(tmp_path, scenario)


def test_a_remote_stop_ends_the_transaction_or_its_authorisation(tmp_path: Path) -> None:
    """RemoteStop with stoppedReason Remote; an unknown transaction is refused (F03)."""

    async def scenario(stage: Play, csms: Scripted201) -> None:
        await stage.charge(60)
        key = csms.events[0]["transactionInfo"]["transactionId"]
        nobody = {"transactionId": "nobody"}
        assert await status(csms, "RequestStopTransaction", nobody) == ("Rejected", "TxNotFound")
        assert await csms.ask("RequestStopTransaction", {"transactionId": key}) == {"status": "Accepted"}
        await stage.unplug()
        await stage.delivered()
        assert csms.told(*FIELDS)[-1] == ("Ended", "RemoteStop", "Remote", None)
        await put(csms, (named("TxCtrlr", "TxStopPoint"), "EVConnected"))
        await stage.charge(60)
        key = csms.events[-1]["transactionInfo"]["transactionId"]
        await csms.ask("RequestStopTransaction", {"transactionId": key})
        await stage.unplug()
        await asyncio.sleep(5)
        assert csms.told(*FIELDS)[-2:] == [
            ("Updated", "RemoteStop", None, None),
            ("Ended", "EVCommunicationLost", "Remote", None),
        ]

    play(tmp_path, scenario)


def test_a_connector_is_unlocked_only_where_nobody_charges(tmp_path: Path) -> None:
    """An authorised transaction keeps its cable; a free socket and an unknown one are told apart (F05)."""

    async def scenario(stage: Play, csms: Scripted201) -> None:
        one = {"evseId": 1, "connectorId": 1}
        assert await csms.ask("UnlockConnector", one) == {"status": "Unlocked"}
        assert (await csms.ask("UnlockConnector", {"evseId": 9, "connectorId": 1}))["status"] == "UnknownConnector"
        assert (await csms.ask("UnlockConnector", {"evseId": 1, "connectorId": 2}))["status"] == "UnknownConnector"
        await stage.charge(10)
        assert (await csms.ask("UnlockConnector", one))["status"] == "OngoingAuthorizedTransaction"
        await asyncio.sleep(5)
        assert csms.told(*FIELDS)[-1][0] == "Updated"

    play(tmp_path, scenario)


def test_triggered_messages_follow_the_answer(tmp_path: Path) -> None:
    """Each message on demand, refused or unknown where it cannot be sent (F06)."""

    async def scenario(stage: Play, csms: Scripted201) -> None:
        async def trigger(message: str, **evse: int) -> str:
            asked = {"requestedMessage": message, **({"evse": evse} if evse else {})}
            return (await status(csms, "TriggerMessage", asked))[0]

        assert await trigger("BootNotification") == "Rejected"
        assert await trigger("TransactionEvent") == "Rejected"
        assert await trigger("StatusNotification") == "Rejected"
        assert await trigger("StatusNotification", id=9, connectorId=1) == "Rejected"
        assert await trigger("LogStatusNotification") == "NotImplemented"
        before = len(csms.received)
        assert await trigger("Heartbeat") == "Accepted"
        await csms.heard("Heartbeat")
        assert csms.received[before:] == ["answer", "Heartbeat"]
        assert await trigger("StatusNotification", id=2, connectorId=1) == "Accepted"
        assert (await csms.heard("StatusNotification", 3)).payload["evseId"] == 2
        assert await trigger("MeterValues", id=1) == "Accepted"
        values = (await csms.heard("MeterValues")).payload
        assert values["evseId"] == 1
        assert values["meterValue"][0]["sampledValue"][0]["context"] == "Trigger"
        await stage.charge(10)
        await stage.delivered()
        count = len(csms.events)
        assert await trigger("TransactionEvent", id=1) == "Accepted"
        await csms.heard("TransactionEvent", count + 1)
        event = csms.events[-1]
        assert (event["eventType"], event["triggerReason"]) == ("Updated", "Trigger")
        assert (event["transactionInfo"]["chargingState"], event["seqNo"]) == ("Charging", count)
        assert event["meterValue"][0]["sampledValue"][0]["context"] == "Trigger"

    play(tmp_path, scenario)


def test_availability_is_changed_for_an_evse_and_for_the_station(tmp_path: Path) -> None:
    """At once where nobody charges, else Scheduled; over a restart; unknown ones are refused (G03, G04)."""

    async def scenario(stage: Play, csms: Scripted201) -> None:
        def change(word: str, **evse: int) -> dict[str, Any]:
            return {"operationalStatus": word, **({"evse": evse} if evse else {})}

        assert await status(csms, "ChangeAvailability", change("Inoperative", id=9)) == ("Rejected", "UnknownEvse")
        assert (await status(csms, "ChangeAvailability", change("Inoperative", id=2, connectorId=1)))[0] == "Accepted"
        await stage.status("Unavailable", 2)
        await stage.charge(10)
        assert (await status(csms, "ChangeAvailability", change("Inoperative")))[0] == "Scheduled"
        assert stage.status_now() == "Occupied"
        stage.tap()
        await stage.status("Unavailable")
        await stage.unplug()
        await stage.end_station()
        await stage.start_station()
        await stage.online()
        assert (stage.status_now(1), stage.status_now(2)) == ("Unavailable", "Unavailable")
        assert (await status(csms, "ChangeAvailability", change("Operative")))[0] == "Accepted"
        await stage.status("Available")

    play(tmp_path, scenario)


def test_a_fault_is_told_and_taken_back(tmp_path: Path) -> None:
    """Faulted while it lasts, with a transaction that ends for it (G01, E06)."""

    async def scenario(stage: Play, csms: Scripted201) -> None:
        await stage.charge(30)
        stage.do("evse/1/fault", code="ground-fault")
        await stage.status("Faulted")
        await asyncio.sleep(5)
        assert csms.told("eventType", "triggerReason", "stoppedReason")[-1] == (
            "Ended",
            "AbnormalCondition",
            "GroundFault",
        )
        stage.do("evse/1/fault", code="ground-fault", active=False)
        await stage.status("Occupied")

    play(tmp_path, scenario)


def test_the_local_list_decides_offline(tmp_path: Path) -> None:
    """Whole and in parts, with versions; who is on it charges without the central system (D01, D02, C13)."""

    async def scenario(stage: Play, csms: Scripted201) -> None:
        def entry(tag: str, word: str = "Accepted") -> dict[str, Any]:
            return {"idToken": {"idToken": tag, "type": "ISO14443"}, "idTokenInfo": {"status": word}}

        whole = {"versionNumber": 7, "updateType": "Full", "localAuthorizationList": [entry(TAG)]}
        assert await csms.ask("GetLocalListVersion", {}) == {"versionNumber": 0}
        assert await csms.ask("SendLocalList", whole) == {"status": "Accepted"}
        assert await csms.ask("GetLocalListVersion", {}) == {"versionNumber": 7}
        part = {"versionNumber": 7, "updateType": "Differential", "localAuthorizationList": [entry(OTHER_TAG)]}
        assert (await csms.ask("SendLocalList", part))["status"] == "VersionMismatch"
        assert (await csms.ask("SendLocalList", {**part, "versionNumber": 0}))["status"] == "Failed"
        await stage.offline()
        await stage.charge(30)
        stage.start_csms()
        await stage.online()
        assert csms.named("Authorize") == []
        await put(csms, (named("LocalAuthListCtrlr", "Enabled"), "false"))
        assert await csms.ask("GetLocalListVersion", {}) == {"versionNumber": 0}
        assert await status(csms, "SendLocalList", {**whole, "versionNumber": 8}) == ("Failed", "NotEnabled")

    play(tmp_path, scenario)


def test_a_vendors_message_reaches_its_handler(tmp_path: Path) -> None:
    """Vendors register themselves; whoever did not is unknown (P01)."""

    async def scenario(stage: Play, csms: Scripted201) -> None:
        async def echo(message_id: str | None, data: Any) -> VendorAnswer:
            return VendorAnswer(VendorResult.ACCEPTED, {"heard": [message_id, data]})

        stage.app.vendors.register("com.example", echo)
        asked = {"vendorId": "com.example", "messageId": "m", "data": {"any": ["json", 1]}}
        answer = await csms.ask("DataTransfer", asked)
        assert answer == {"status": "Accepted", "data": {"heard": ["m", {"any": ["json", 1]}]}}
        assert await csms.ask("DataTransfer", {"vendorId": "nobody"}) == {"status": "UnknownVendorId"}

    play(tmp_path, scenario)
