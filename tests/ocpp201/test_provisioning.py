"""Block B: variables, reports, reset, registration (OCPP 2.0.1 edition 3, part 2)."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.ocpp201.play import Play, Scripted201, play
from tests.station.scripted import Error

PROBE = {"location": "dummy://dummy", "retrieveDateTime": "2026-03-01T10:00:00Z", "signature": "☺"}
UNSUPPORTED: dict[str, dict[str, Any]] = {
    "UpdateFirmware": {"requestId": 1, "firmware": PROBE},
    "GetCompositeSchedule": {"duration": 60, "evseId": 1},
    "SetMonitoringLevel": {"severity": 5},
}


def named(component: str, variable: str, instance: str | None = None, **evse: int) -> dict[str, Any]:
    """Component and variable as a message names them."""
    return {
        "component": {"name": component, **({"evse": evse} if evse else {})},
        "variable": {"name": variable, **({"instance": instance} if instance else {})},
    }


async def get(csms: Scripted201, *asked: dict[str, Any]) -> list[tuple[str, str | None]]:
    """Status and value of variables."""
    answer = await csms.ask("GetVariables", {"getVariableData": list(asked)})
    return [(found["attributeStatus"], found.get("attributeValue")) for found in answer["getVariableResult"]]


async def put(csms: Scripted201, *asked: tuple[dict[str, Any], str]) -> list[str]:
    """Set variables; returns a status each."""
    data = [{**variable, "attributeValue": value} for variable, value in asked]
    answer = await csms.ask("SetVariables", {"setVariableData": data})
    return [found["attributeStatus"] for found in answer["setVariableResult"]]


async def report(csms: Scripted201, action: str, **payload: Any) -> list[dict[str, Any]]:
    """Ask for a report and return all of its data."""
    before = len(csms.named("NotifyReport"))
    assert (await csms.ask(action, {"requestId": 0, **payload}))["status"] == "Accepted"
    data: list[dict[str, Any]] = []
    for number in range(100):
        part = (await csms.heard("NotifyReport", before + number + 1)).payload
        assert (part["requestId"], part["seqNo"]) == (0, number)
        data += part["reportData"]
        if not part.get("tbc"):
            return data
    raise AssertionError("the report does not end")


INTERVAL = named("SampledDataCtrlr", "TxUpdatedInterval")


def test_variables_are_set_one_by_one_and_answered_in_order(tmp_path: Path) -> None:
    """What is wrong with one of them does not keep the others from being set (B05)."""

    async def scenario(stage: Play, csms: Scripted201) -> None:
        assert await put(
            csms,
            (INTERVAL, "30"),
            (named("NoSuchCtrlr", "TxUpdatedInterval"), "30"),
            (named("SampledDataCtrlr", "NoSuchVariable"), "30"),
            ({**INTERVAL, "attributeType": "Target"}, "30"),
            (INTERVAL, "often"),
            (INTERVAL, "-1"),
            (named("SecurityCtrlr", "SecurityProfile"), "3"),
            (named("txctrlr", "STOPTXONINVALIDID"), "false"),
        ) == [
            "Accepted",
            "UnknownComponent",
            "UnknownVariable",
            "NotSupportedAttributeType",
            "Rejected",
            "Rejected",
            "Rejected",
            "Accepted",
        ]
        assert await get(csms, INTERVAL, named("TxCtrlr", "StopTxOnInvalidId")) == [
            ("Accepted", "30"),
            ("Accepted", "false"),
        ]

    play(tmp_path, scenario)


def test_the_same_settings_answer_under_both_versions(tmp_path: Path) -> None:
    """A variable is a view of the setting that the key of 1.6 points to, and survives a restart."""

    async def scenario(stage: Play, csms: Scripted201) -> None:
        await put(csms, (INTERVAL, "17"))
        await stage.end_station()
        await stage.start_station()
        await stage.online()
        assert await get(csms, INTERVAL) == [("Accepted", "17")]
        stage.settings = {**stage.settings, "csms.protocols": "ocpp1.6"}
        csms.subprotocol = "ocpp1.6"
        await stage.end_station()
        await stage.start_station()
        await stage.online()
        assert await stage.key("MeterValueSampleInterval") == "17"

    play(tmp_path, scenario)


def test_variables_of_an_evse_and_a_connector_are_found_at_their_place(tmp_path: Path) -> None:
    """The three tiers are told apart; a component without the EVSE it needs is unknown (B06)."""

    async def scenario(stage: Play, csms: Scripted201) -> None:
        stage.plug()
        await stage.status("Occupied")
        assert await get(
            csms,
            named("ChargingStation", "AvailabilityState"),
            named("EVSE", "AvailabilityState", id=1),
            named("Connector", "AvailabilityState", id=1, connectorId=1),
            named("EVSE", "AvailabilityState", id=2),
            named("EVSE", "AvailabilityState"),
            named("EVSE", "AvailabilityState", id=9),
        ) == [
            ("Accepted", "Available"),
            ("Accepted", "Occupied"),
            ("Accepted", "Occupied"),
            ("Accepted", "Available"),
            ("UnknownComponent", None),
            ("UnknownComponent", None),
        ]

    play(tmp_path, scenario)


def test_a_password_can_be_written_and_not_read(tmp_path: Path) -> None:
    """It is in no answer and in no report, has its lengths, and is used from the next connection on (A01)."""

    async def scenario(stage: Play, csms: Scripted201) -> None:
        password = named("SecurityCtrlr", "BasicAuthPassword")
        assert await get(csms, password) == [("Rejected", None)]
        assert await put(csms, (password, "too short"), (password, "x" * 41)) == ["Rejected", "Rejected"]
        data = await report(csms, "GetBaseReport", reportBase="FullInventory")
        (found,) = [item for item in data if item["variable"]["name"] == "BasicAuthPassword"]
        assert found["variableAttribute"] == [{"mutability": "WriteOnly", "persistent": True}]
        assert await put(csms, (password, "a-long-enough-password")) == ["Accepted"]
        await stage.until(lambda: len(csms.connections) == 2)

    play(tmp_path, scenario)


def test_too_many_variables_at_once_are_refused(tmp_path: Path) -> None:
    """ItemsPerMessage is a limit (B05.FR.11, B06.FR.16)."""

    async def scenario(stage: Play, csms: Scripted201) -> None:
        answer = await csms.ask("GetVariables", {"getVariableData": [INTERVAL] * 51})
        assert answer == {"error": "OccurrenceConstraintViolation"}
        answer = await csms.ask("SetVariables", {"setVariableData": [{**INTERVAL, "attributeValue": "1"}] * 51})
        assert answer == {"error": "OccurrenceConstraintViolation"}

    play(tmp_path, scenario)


def test_a_full_report_is_numbered_from_zero_and_its_lists_hold_their_values(tmp_path: Path) -> None:
    """Each variable with its attribute and characteristics; what a list holds is in its valuesList (B07, OCTT B_53)."""

    async def scenario(stage: Play, csms: Scripted201) -> None:
        data = await report(csms, "GetBaseReport", reportBase="FullInventory")
        places = [str((item["component"], item["variable"])) for item in data]
        assert len(set(places)) == len(places)
        for item in data:
            characteristics = item["variableCharacteristics"]
            if not characteristics["dataType"].endswith("List"):
                continue
            values = characteristics["valuesList"].split(",")
            for attribute in item["variableAttribute"]:
                assert set(filter(None, attribute.get("value", "").split(","))) <= set(values), item

    play(tmp_path, scenario)


def test_a_configuration_report_has_what_can_be_written_and_a_summary_what_is_available(tmp_path: Path) -> None:
    """The three kinds of base report (B07)."""

    async def scenario(stage: Play, csms: Scripted201) -> None:
        configuration = await report(csms, "GetBaseReport", reportBase="ConfigurationInventory")
        assert {item["variableAttribute"][0]["mutability"] for item in configuration} == {"ReadWrite", "WriteOnly"}
        summary = await report(csms, "GetBaseReport", reportBase="SummaryInventory")
        assert [item["component"]["name"] for item in summary] == ["ChargingStation", *["EVSE", "Connector"] * 2]

    play(tmp_path, scenario)


def test_a_report_has_the_components_and_variables_that_were_asked_for(tmp_path: Path) -> None:
    """What is not named is left open; nothing found is said at once (B08)."""

    async def scenario(stage: Play, csms: Scripted201) -> None:
        asked = {"component": {"name": "Connector", "evse": {"id": 2}}, "variable": {"name": "AvailabilityState"}}
        (found,) = await report(csms, "GetReport", componentVariable=[asked])
        assert found["component"]["evse"] == {"id": 2, "connectorId": 1}
        both = await report(csms, "GetReport", componentVariable=[{**asked, "component": {"name": "Connector"}}])
        assert len(both) == 2
        limits = await report(csms, "GetReport", componentVariable=[{"component": {"name": "DeviceDataCtrlr"}}])
        assert len(limits) == 6
        cache = [{"component": {"name": "AuthCacheCtrlr"}}]
        enabled = await report(csms, "GetReport", componentCriteria=["Enabled"], componentVariable=cache)
        assert {item["variable"]["name"] for item in enabled} >= {"Available", "Enabled"}
        nothing = {"requestId": 5, "componentCriteria": ["Problem"]}
        assert await csms.ask("GetReport", nothing) == {"status": "EmptyResultSet"}

    play(tmp_path, scenario)


def test_one_report_at_a_time(tmp_path: Path) -> None:
    """While a report is under way another is refused (B07.FR.02)."""

    async def scenario(stage: Play, csms: Scripted201) -> None:
        gate = asyncio.Event()

        async def later(_: object) -> dict[str, Any]:
            await gate.wait()
            return {}

        csms.scripts["NotifyReport"] = later
        full = {"requestId": 1, "reportBase": "FullInventory"}
        assert (await csms.ask("GetBaseReport", full))["status"] == "Accepted"
        assert (await csms.ask("GetBaseReport", {**full, "requestId": 2}))["status"] == "Rejected"
        gate.set()
        await stage.until(lambda: not csms.named("NotifyReport")[-1].payload.get("tbc"))
        await asyncio.sleep(1)
        assert (await csms.ask("GetBaseReport", {**full, "requestId": 3}))["status"] == "Accepted"

    play(tmp_path, scenario)


@pytest.mark.parametrize("action", sorted(UNSUPPORTED))
def test_what_is_not_supported_is_refused_and_does_nothing(tmp_path: Path, action: str) -> None:
    """A firmware update that only probes is refused with a CALLERROR, and the station neither loads nor restarts."""

    async def scenario(stage: Play, csms: Scripted201) -> None:
        assert await csms.ask(action, UNSUPPORTED[action]) == {"error": "NotSupported"}
        await asyncio.sleep(30)
        assert len(csms.named("BootNotification")) == 1

    play(tmp_path, scenario)


def test_a_network_profile_is_refused_where_the_ways_are_configured_at_the_station(tmp_path: Path) -> None:
    """The slots are those of the configuration file."""

    async def scenario(stage: Play, csms: Scripted201) -> None:
        profile = {
            "ocppVersion": "OCPP20",
            "ocppTransport": "JSON",
            "ocppCsmsUrl": "wss://elsewhere/ocpp",
            "messageTimeout": 30,
            "securityProfile": 2,
            "ocppInterface": "Wired0",
        }
        answer = await csms.ask("SetNetworkProfile", {"configurationSlot": 1, "connectionData": profile})
        assert (answer["status"], answer["statusInfo"]["reasonCode"]) == ("Rejected", "InvalidConfSlot")

    play(tmp_path, scenario)


def test_a_reset_ends_the_transaction_and_says_so_at_the_next_boot(tmp_path: Path) -> None:
    """Immediate: Ended with ResetCommand and ImmediateReset, without a token; then BootNotification RemoteReset (B12)."""

    async def scenario(stage: Play, csms: Scripted201) -> None:
        await stage.charge(120)
        assert await csms.ask("Reset", {"type": "Immediate"}) == {"status": "Accepted"}
        boot = await csms.heard("BootNotification", 2)
        assert boot.payload["reason"] == "RemoteReset"
        ended = csms.events[-1]
        assert (ended["eventType"], ended["triggerReason"]) == ("Ended", "ResetCommand")
        assert ended["transactionInfo"]["stoppedReason"] == "ImmediateReset"
        assert "idToken" not in ended

    play(tmp_path, scenario)


def test_a_reset_when_idle_waits_for_the_transaction(tmp_path: Path) -> None:
    """OnIdle during a transaction is Scheduled, and done when it is over: ScheduledReset (B12)."""

    async def scenario(stage: Play, csms: Scripted201) -> None:
        await stage.charge(120)
        assert await csms.ask("Reset", {"type": "OnIdle"}) == {"status": "Scheduled"}
        await asyncio.sleep(600)
        assert len(csms.named("BootNotification")) == 1
        stage.tap()
        boot = await csms.heard("BootNotification", 2)
        assert boot.payload["reason"] == "ScheduledReset"
        assert csms.events[-1]["transactionInfo"]["stoppedReason"] == "Local"

    play(tmp_path, scenario)


def test_a_reset_of_one_evse_is_refused(tmp_path: Path) -> None:
    """AllowReset is false (B11.FR.10)."""

    async def scenario(stage: Play, csms: Scripted201) -> None:
        answer = await csms.ask("Reset", {"type": "Immediate", "evseId": 1})
        assert answer["status"] == "Rejected"

    play(tmp_path, scenario)


def test_while_pending_only_what_is_asked_for_is_sent(tmp_path: Path) -> None:
    """A pending station answers, reports when asked, starts nothing from afar, and boots again after the interval (B02)."""

    async def scenario(stage: Play, csms: Scripted201) -> None:
        csms.scripts["BootNotification"] = lambda call: {
            "status": "Pending",
            "currentTime": csms.time(),
            "interval": 100,
        }
        stage.start_csms()
        await stage.start_station()
        await csms.heard("BootNotification")
        await asyncio.sleep(1)
        assert await get(csms, INTERVAL) == [("Accepted", "60")]
        assert await report(csms, "GetBaseReport", reportBase="SummaryInventory")
        start = {"idToken": {"idToken": "T", "type": "Central"}, "remoteStartId": 1, "evseId": 1}
        assert (await csms.ask("RequestStartTransaction", start))["status"] == "Rejected"
        assert (await csms.ask("TriggerMessage", {"requestedMessage": "BootNotification"}))["status"] == "Accepted"
        assert (await csms.heard("BootNotification", 2)).payload["reason"] == "Triggered"
        del csms.scripts["BootNotification"]
        third = await csms.heard("BootNotification", 3)
        assert third.at - csms.named("BootNotification")[1].at >= 100
        await stage.online()
        assert {call.action for call in csms.calls[: csms.calls.index(third)]} == {"BootNotification", "NotifyReport"}

    play(tmp_path, scenario, connected=None)


def test_a_rejected_station_refuses_every_call(tmp_path: Path) -> None:
    """SecurityError while the last answer to BootNotification is Rejected (B03)."""

    async def scenario(stage: Play, csms: Scripted201) -> None:
        csms.scripts["BootNotification"] = lambda call: {
            "status": "Rejected",
            "currentTime": csms.time(),
            "interval": 30,
        }
        stage.start_csms()
        await stage.start_station()
        await csms.heard("BootNotification")
        await asyncio.sleep(1)
        assert await csms.ask("GetVariables", {"getVariableData": [INTERVAL]}) == {"error": "SecurityError"}
        del csms.scripts["BootNotification"]
        await stage.online()
        assert await get(csms, INTERVAL) == [("Accepted", "60")]

    play(tmp_path, scenario, connected=None)


def test_statuses_are_told_anew_after_a_long_time_offline_only(tmp_path: Path) -> None:
    """Within OfflineThreshold only what changed, beyond it every connector (B04)."""

    async def scenario(stage: Play, csms: Scripted201) -> None:
        await put(csms, (named("OCPPCommCtrlr", "OfflineThreshold"), "600"))
        for offline_s, told in ((60, []), (1200, [1, 2])):
            await stage.offline()
            before = len(csms.named("StatusNotification"))
            await asyncio.sleep(offline_s)
            stage.start_csms()
            await stage.online()
            await asyncio.sleep(5)
            assert [call.payload["evseId"] for call in csms.named("StatusNotification")[before:]] == told

    play(tmp_path, scenario)


def test_a_refused_boot_is_repeated(tmp_path: Path) -> None:
    """A CALLERROR to BootNotification leaves the station waiting, and it tries again (B01)."""

    async def scenario(stage: Play, csms: Scripted201) -> None:
        csms.scripts["BootNotification"] = lambda call: Error("InternalError")
        stage.start_csms()
        await stage.start_station()
        await csms.heard("BootNotification")
        del csms.scripts["BootNotification"]
        await stage.online()

    play(tmp_path, scenario, connected=None)
