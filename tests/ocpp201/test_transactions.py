"""Blocks C, E and J: tokens, transactions and meter values (OCPP 2.0.1 edition 3, part 2)."""

import asyncio
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.ocpp201.play import OTHER_TAG, TAG, Play, Scripted201, play
from tests.ocpp201.test_provisioning import get, named, put
from tests.station.scripted import Error

START = named("TxCtrlr", "TxStartPoint")
STOP = named("TxCtrlr", "TxStopPoint")
FIELDS = ("eventType", "triggerReason", "chargingState", "stoppedReason")


def seqs(csms: Scripted201) -> list[int]:
    """The numbers of all events."""
    return [event["seqNo"] for event in csms.events]


def test_a_transaction_may_begin_with_the_cable(tmp_path: Path) -> None:
    """TxStartPoint EVConnected: Started without a token, which comes with Authorized (E02)."""

    async def scenario(stage: Play, csms: Scripted201) -> None:
        assert await put(csms, (START, "EVConnected"), (STOP, "EVConnected")) == ["Accepted", "Accepted"]
        stage.plug()
        await csms.heard("TransactionEvent")
        stage.tap()
        await stage.charging()
        stage.tap()
        await asyncio.sleep(30)
        await stage.unplug()
        await csms.heard("TransactionEvent", 5)
        assert csms.told(*FIELDS) == [
            ("Started", "CablePluggedIn", "EVConnected", None),
            ("Updated", "Authorized", "EVConnected", None),
            ("Updated", "ChargingStateChanged", "Charging", None),
            ("Updated", "StopAuthorized", "EVConnected", None),
            ("Ended", "EVCommunicationLost", "Idle", "Local"),
        ]
        assert [event.get("idToken", {}).get("idToken") for event in csms.events] == [None, TAG, None, TAG, None]
        assert seqs(csms) == [0, 1, 2, 3, 4]

    play(tmp_path, scenario)


def test_a_vehicle_that_does_not_take_what_it_is_offered_is_told_as_suspended_after_a_moment(tmp_path: Path) -> None:
    """One that takes it at once is Charging with no pause before; one that does not is SuspendedEV (E02)."""

    async def scenario(stage: Play, csms: Scripted201) -> None:
        stage.plug()
        stage.do("evse/1/car/pause")
        stage.tap()
        await asyncio.sleep(5)
        assert csms.told(*FIELDS) == [("Started", "Authorized", "EVConnected", None)]
        await asyncio.sleep(15)
        assert csms.told(*FIELDS)[1:] == [("Updated", "ChargingStateChanged", "SuspendedEV", None)]

    play(tmp_path, scenario)


def test_a_transaction_may_begin_with_the_token_and_ends_when_nobody_plugs_in(tmp_path: Path) -> None:
    """TxStartPoint Authorized: Started while Idle; after EVConnectionTimeOut it ends with Timeout (E03.FR.05)."""

    async def scenario(stage: Play, csms: Scripted201) -> None:
        await put(csms, (START, "Authorized"))
        stage.tap()
        await csms.heard("TransactionEvent", 2)
        assert csms.told(*FIELDS) == [
            ("Started", "Authorized", "Idle", None),
            ("Ended", "EVConnectTimeout", "Idle", "Timeout"),
        ]

    play(tmp_path, scenario)


def test_start_and_stop_points_that_do_not_exist_here_are_refused(tmp_path: Path) -> None:
    """What the station cannot do is not in valuesList and is not accepted (E01.FR.20, E06.FR.17)."""

    async def scenario(stage: Play, csms: Scripted201) -> None:
        wrong = [
            (START, "EnergyTransfer"),
            (START, "ParkingBayOccupancy"),
            (STOP, "DataSigned"),
            (STOP, "Authorized,Authorized"),
        ]
        assert await put(csms, *wrong) == ["Rejected"] * 4
        assert await get(csms, START, STOP) == [("Accepted", "PowerPathClosed"), ("Accepted", "Authorized,EVConnected")]

    play(tmp_path, scenario)


def test_a_charge_without_a_connection_is_told_afterwards_as_offline(tmp_path: Path) -> None:
    """Every event with the time it happened and offline true, in order (E04, E08, E12)."""

    async def scenario(stage: Play, csms: Scripted201) -> None:
        await stage.charge(90)
        await put(csms, (named("AuthCtrlr", "OfflineTxForUnknownIdEnabled"), "true"))
        stage.tap()
        await stage.unplug()
        await stage.delivered()
        first = len(csms.events)
        await stage.offline()
        stage.plug()
        stage.tap(OTHER_TAG)
        await stage.charging()
        await asyncio.sleep(200)
        stage.tap(OTHER_TAG)
        await stage.unplug()
        began, ended_wh = stage.sim.wall_s(), stage.meter_wh()
        stage.start_csms()
        await stage.online()
        await stage.delivered()
        events = csms.events[first:]
        assert [event["eventType"] for event in (events[0], events[-1])] == ["Started", "Ended"]
        assert all(event["offline"] is True for event in events)
        assert seqs(csms)[first:] == list(range(len(events)))
        assert csms.registers("Transaction.End")[-1] == ended_wh
        assert events[-1]["timestamp"] < csms.time()
        assert began < stage.sim.wall_s()

    play(tmp_path, scenario)


def test_what_was_not_delivered_before_a_loss_is_offline_too(tmp_path: Path) -> None:
    """An event that still waits when the connection is lost is sent with offline true (E11)."""

    async def scenario(stage: Play, csms: Scripted201) -> None:
        csms.scripts["TransactionEvent"] = lambda call: None
        stage.plug()
        stage.tap()
        await csms.heard("TransactionEvent")
        await stage.offline()
        csms.scripts.clear()
        stage.start_csms()
        await stage.online()
        await stage.delivered()
        started = [call.payload for call in csms.named("TransactionEvent") if call.payload["seqNo"] == 0]
        assert [event.get("offline") for event in started] == [None, True]
        assert len({call.id for call in csms.named("TransactionEvent") if call.payload["seqNo"] == 0}) == 1

    play(tmp_path, scenario)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ([], ("Ended", "Deauthorized", "EVConnected", "DeAuthorized")),
        ([(STOP, "EVConnected")], ("Updated", "Deauthorized", "EVConnected", None)),
        (
            [(named("TxCtrlr", "StopTxOnInvalidId"), "false")],
            ("Updated", "ChargingStateChanged", "SuspendedEVSE", None),
        ),
    ],
)
def test_a_token_refused_in_the_answer_stops_the_energy(
    tmp_path: Path, settings: list[tuple[dict[str, Any], str]], expected: tuple[str, ...]
) -> None:
    """Ended, deauthorised or suspended, as StopTxOnInvalidId and TxStopPoint say (E05)."""

    async def scenario(stage: Play, csms: Scripted201) -> None:
        if settings:
            await put(csms, *settings)
        csms.judge("Blocked")
        stage.plug()
        stage.tap()
        await csms.heard("TransactionEvent")
        await asyncio.sleep(20)
        assert expected in csms.told(*FIELDS)
        assert csms.told(*FIELDS)[-1][2] != "Charging"
        assert seqs(csms) == list(range(len(csms.events)))

    play(tmp_path, scenario)


def test_energy_that_an_invalid_token_may_still_use_is_used_and_no_more(tmp_path: Path) -> None:
    """MaxEnergyOnInvalidId counts from the refusal (E05)."""

    async def scenario(stage: Play, csms: Scripted201) -> None:
        await put(
            csms, (named("TxCtrlr", "StopTxOnInvalidId"), "false"), (named("TxCtrlr", "MaxEnergyOnInvalidId"), "100")
        )
        csms.judge("Invalid")
        await stage.charge(600)
        assert 100 <= stage.meter_wh() < 130
        assert csms.told(*FIELDS)[-1][2] == "SuspendedEVSE"

    play(tmp_path, scenario)


def test_a_free_charge_is_not_stopped_because_nobody_is_known(tmp_path: Path) -> None:
    """NoAuthorization answered with Unknown is no verdict about anybody (C02)."""

    async def scenario(stage: Play, csms: Scripted201) -> None:
        csms.judge("Unknown")
        stage.plug()
        nobody = {"idToken": {"idToken": "", "type": "NoAuthorization"}, "remoteStartId": 3, "evseId": 1}
        assert (await csms.ask("RequestStartTransaction", nobody))["status"] == "Accepted"
        await stage.charging()
        await asyncio.sleep(60)
        assert csms.named("Authorize") == []
        assert csms.events[0]["idToken"] == {"idToken": "", "type": "NoAuthorization"}
        assert csms.told(*FIELDS)[-1][2] == "Charging"

    play(tmp_path, scenario)


def test_a_vehicle_that_leaves_ends_the_transaction_or_suspends_it(tmp_path: Path) -> None:
    """StopTxOnEVSideDisconnect decides (E09, E10)."""

    async def scenario(stage: Play, csms: Scripted201) -> None:
        await stage.charge(60)
        stage.do("evse/1/unplug", end="vehicle")
        await asyncio.sleep(5)
        assert csms.told(*FIELDS)[-1] == ("Ended", "EVCommunicationLost", "Idle", "EVDisconnected")
        stage.do("evse/1/unplug", end="station")
        await put(csms, (named("TxCtrlr", "StopTxOnEVSideDisconnect"), "false"))
        await stage.charge(60)
        stage.do("evse/1/unplug", end="vehicle")
        await asyncio.sleep(5)
        assert csms.told(*FIELDS)[-1] == ("Updated", "EVCommunicationLost", "Idle", None)
        stage.do("evse/1/plug", car="compact", end="vehicle")
        await stage.charging()
        triggers = [trigger for trigger, _ in csms.told("triggerReason", "chargingState")]
        assert "CablePluggedIn" in triggers[triggers.index("EVCommunicationLost") :]

    play(tmp_path, scenario)


def test_a_refused_event_is_tried_again_and_given_up_and_the_next_goes_out(tmp_path: Path) -> None:
    """MessageAttempts transmissions, then the queue moves on, and seqNo shows the gap (E13)."""

    async def scenario(stage: Play, csms: Scripted201) -> None:
        interval = named("OCPPCommCtrlr", "MessageAttemptInterval", "TransactionEvent")
        await put(csms, (interval, "10"))
        csms.scripts["TransactionEvent"] = lambda call: Error("InternalError") if call.payload["seqNo"] == 0 else {}
        await stage.charge(120)
        tries = [call for call in csms.named("TransactionEvent") if call.payload["seqNo"] == 0]
        assert [round(after.at - before.at) for before, after in pairwise(tries)] == [10, 20]
        assert len({call.id for call in tries}) == 1
        await stage.delivered()
        assert max(seqs(csms)) >= 2

    play(tmp_path, scenario)


def test_the_status_of_a_transaction_is_told(tmp_path: Path) -> None:
    """Whether it runs, and whether messages of it, or any, wait (E14)."""

    async def scenario(stage: Play, csms: Scripted201) -> None:
        assert await csms.ask("GetTransactionStatus", {}) == {"messagesInQueue": False}
        unknown = await csms.ask("GetTransactionStatus", {"transactionId": "nobody"})
        assert unknown == {"ongoingIndicator": False, "messagesInQueue": False}
        await stage.charge(10)
        await stage.delivered()
        key = csms.events[0]["transactionInfo"]["transactionId"]
        running = await csms.ask("GetTransactionStatus", {"transactionId": key})
        assert running == {"ongoingIndicator": True, "messagesInQueue": False}
        csms.scripts["TransactionEvent"] = lambda call: None
        stage.tap()
        await csms.heard("TransactionEvent", len(csms.named("TransactionEvent")) + 1)
        over = await csms.ask("GetTransactionStatus", {"transactionId": key})
        assert over == {"ongoingIndicator": False, "messagesInQueue": True}

    play(tmp_path, scenario)


def test_meter_values_of_begin_updates_and_end_are_as_configured(tmp_path: Path) -> None:
    """Each of the three measurand lists is told where it belongs, as numbers with their units (J02)."""

    async def scenario(stage: Play, csms: Scripted201) -> None:
        sampled = "SampledDataCtrlr"
        assert await put(
            csms,
            (named(sampled, "TxStartedMeasurands"), "Voltage"),
            (named(sampled, "TxUpdatedMeasurands"), "Power.Active.Import,Current.Import"),
            (named(sampled, "TxEndedMeasurands"), "Energy.Active.Import.Register"),
            (named(sampled, "TxUpdatedInterval"), "30"),
            (named(sampled, "TxUpdatedMeasurands"), "Temperature"),
        ) == ["Accepted"] * 4 + ["Rejected"]
        await stage.charge(65)
        await stage.finish()
        found = [
            (event["eventType"], sample["context"], sample["measurand"])
            for event in csms.events
            for value in event.get("meterValue", ())
            for sample in value["sampledValue"]
            if "phase" not in sample or sample["phase"].startswith("L1")
        ]
        register = "Energy.Active.Import.Register"
        assert found[:2] == [
            ("Started", "Transaction.Begin", register),
            ("Started", "Transaction.Begin", "Voltage"),
        ]
        assert ("Updated", "Sample.Periodic", "Power.Active.Import") in found
        assert ("Updated", "Sample.Periodic", "Current.Import") in found
        assert [item for item in found if item[0] == "Ended" and item[1] != "Sample.Periodic"] == [
            ("Ended", "Transaction.Begin", register),
            ("Ended", "Transaction.End", register),
        ]
        assert csms.registers("Transaction.End") == [stage.meter_wh()]

    play(tmp_path, scenario)


def test_clock_aligned_values_are_the_transactions_own_or_meter_values(tmp_path: Path) -> None:
    """An idle EVSE sends MeterValues at each mark, a charging one an event with MeterValueClock (J01)."""

    async def scenario(stage: Play, csms: Scripted201) -> None:
        await put(csms, (named("AlignedDataCtrlr", "Interval"), "60"))
        await stage.charge(130)
        told = {call.payload["evseId"] for call in csms.named("MeterValues")}
        assert 2 in told
        clock = [event for event in csms.events if event["triggerReason"] == "MeterValueClock"]
        assert len(clock) >= 2
        assert all(value["timestamp"].endswith(":00Z") for event in clock for value in event["meterValue"])

    play(tmp_path, scenario)


def test_a_token_is_asked_about_and_remembered(tmp_path: Path) -> None:
    """Authorize for what nobody knows; a cached token starts at once where LocalPreAuthorize says so (C01, C10, C12)."""

    async def scenario(stage: Play, csms: Scripted201) -> None:
        await put(csms, (named("AuthCtrlr", "LocalPreAuthorize"), "true"))
        for _ in range(2):
            await stage.charge(10)
            await stage.finish()
        assert [call.payload for call in csms.named("Authorize")] == [{"idToken": {"idToken": TAG, "type": "ISO14443"}}]
        assert await csms.ask("ClearCache", {}) == {"status": "Accepted"}
        await stage.charge(10)
        assert len(csms.named("Authorize")) == 2
        await put(csms, (named("AuthCacheCtrlr", "Enabled"), "false"))
        assert (await csms.ask("ClearCache", {}))["status"] == "Rejected"

    play(tmp_path, scenario)


def test_a_token_that_is_accepted_elsewhere_only_does_not_charge_here(tmp_path: Path) -> None:
    """idTokenInfo.evseId names the EVSEs that a token may use (C01.FR.07)."""

    async def scenario(stage: Play, csms: Scripted201) -> None:
        csms.authorise("Accepted", evseId=[2])
        stage.plug()
        stage.tap()
        await asyncio.sleep(10)
        assert csms.events == []
        stage.plug(2)
        stage.tap(TAG, 2)
        await stage.charging(2)

    play(tmp_path, scenario)


def test_a_token_of_the_same_group_ends_the_transaction(tmp_path: Path) -> None:
    """Who belongs to the group of the one who charges may stop it (C09)."""

    async def scenario(stage: Play, csms: Scripted201) -> None:
        csms.authorise("Accepted", groupIdToken={"idToken": "FAMILY", "type": "Central"})
        csms.scripts["TransactionEvent"] = lambda call: {}
        await stage.charge(30)
        stage.tap(OTHER_TAG)
        await stage.unplug()
        await stage.delivered()
        assert csms.told(*FIELDS)[-1] == ("Ended", "StopAuthorized", "EVConnected", "Local")
        assert csms.events[-1]["idToken"]["idToken"] == OTHER_TAG

    play(tmp_path, scenario)


def test_a_master_pass_ends_what_is_charging(tmp_path: Path) -> None:
    """A token of MasterPassGroupId stops, and never starts (C16)."""

    async def scenario(stage: Play, csms: Scripted201) -> None:
        await put(csms, (named("AuthCtrlr", "MasterPassGroupId"), "MASTERS"))
        await stage.charge(30)
        csms.authorise("Accepted", groupIdToken={"idToken": "MASTERS", "type": "Central"})
        stage.tap(OTHER_TAG)
        await stage.unplug()
        await stage.delivered()
        assert csms.told(*FIELDS)[-1] == ("Ended", "StopAuthorized", "EVConnected", "MasterPass")
        stage.plug()
        stage.tap(OTHER_TAG)
        await asyncio.sleep(20)
        assert [event["eventType"] for event in csms.events].count("Started") == 1

    play(tmp_path, scenario)


def test_an_answer_that_breaks_its_schema_is_used_as_far_as_it_goes(tmp_path: Path) -> None:
    """The verdict counts although the rest is wrong, and the queue is not blocked."""

    async def scenario(stage: Play, csms: Scripted201) -> None:
        csms.scripts["TransactionEvent"] = lambda call: {"idTokenInfo": {"status": "Blocked", "surprise": 1}}
        stage.plug()
        stage.tap()
        await csms.heard("TransactionEvent", 2)
        await stage.delivered()
        assert csms.told(*FIELDS)[-1] == ("Ended", "Deauthorized", "EVConnected", "DeAuthorized")

    play(tmp_path, scenario)
