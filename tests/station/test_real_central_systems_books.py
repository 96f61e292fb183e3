"""What central systems in the field do to transactions: nothing is lost, doubled or stuck."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from hal.types import LockState
from tests.station.play import TAG, Play, play
from tests.station.scripted import Answer, Call, Error

KNOWN = {"AllowOfflineTxForUnknownId": "true"}


@pytest.mark.parametrize("second", ["the same id", "a new id", "ConcurrentTx"])
def test_a_repeated_start_may_be_answered_in_any_way(tmp_path: Path, second: str) -> None:
    """The existing id, a new one (the newest counts), or 0 with ConcurrentTx: the transaction lives on."""
    newest = {"the same id": 41, "a new id": 42, "ConcurrentTx": 0}[second]

    async def scenario(stage: Play) -> None:
        stage.csms.scripts["StartTransaction"] = lambda call: None
        stage.plug()
        stage.tap()
        await stage.csms.heard("StartTransaction")
        stage.csms.connections[-1].transport.abort()
        status = "ConcurrentTx" if second == "ConcurrentTx" else "Accepted"
        stage.csms.scripts["StartTransaction"] = lambda call: {"transactionId": newest, "idTagInfo": {"status": status}}
        await stage.csms.heard("StartTransaction", 2)
        await asyncio.sleep(200)
        assert stage.status_now() == "Charging"
        assert {call.payload["transactionId"] for call in stage.csms.named("MeterValues")} == {newest}
        answer = await stage.csms.ask("RemoteStopTransaction", {"transactionId": newest})
        assert answer == {"status": "Accepted"}
        stop = await stage.csms.heard("StopTransaction")
        assert (stop.payload["transactionId"], stop.payload["reason"]) == (newest, "Remote")
        await stage.unplug()
        await stage.charge_exactly()

    play(tmp_path, scenario)


def test_a_start_repeated_after_a_crash_does_not_end_by_its_own_shadow(tmp_path: Path) -> None:
    """ConcurrentTx for a start that an earlier run of the program may have told already."""

    async def scenario(stage: Play) -> None:
        stage.csms.scripts["StartTransaction"] = lambda call: None
        stage.plug()
        stage.tap()
        await stage.csms.heard("StartTransaction")
        await asyncio.sleep(5)
        await stage.kill_station()
        concurrent = {"transactionId": 0, "idTagInfo": {"status": "ConcurrentTx"}}
        stage.csms.scripts["StartTransaction"] = lambda call: concurrent
        await stage.start_station()
        await stage.csms.heard("StartTransaction", 2)
        await asyncio.sleep(60)
        assert stage.status_now() == "Charging"

    play(tmp_path, scenario)


def test_the_first_answer_concurrent_is_a_verdict(tmp_path: Path) -> None:
    """A start told for the first time and refused with ConcurrentTx is refused."""

    async def scenario(stage: Play) -> None:
        stage.csms.scripts["StartTransaction"] = lambda call: stage.csms.start(call, "ConcurrentTx")
        stage.plug()
        stage.tap()
        stop = await stage.csms.heard("StopTransaction")
        assert stop.payload["reason"] == "DeAuthorized"

    play(tmp_path, scenario)


@pytest.mark.parametrize("boots", [True, False])
def test_statuses_come_before_the_replayed_queue(tmp_path: Path, boots: bool) -> None:
    """A server that knows a connector only from its status gets that first, after a boot or a mere reconnect."""

    async def scenario(stage: Play) -> None:
        await stage.offline()
        await stage.charge(100)
        stage.tap()
        await stage.unplug()
        known: set[int] = set()

        def told(call: Call) -> Answer:
            known.add(call.payload["connectorId"])
            return {}

        def start(call: Call) -> Answer:
            if call.payload["connectorId"] in known:
                return stage.csms.start(call)
            return {"transactionId": 0, "idTagInfo": {"status": "Invalid"}}

        if boots:
            await stage.kill_station()
            await stage.start_station()
        stage.csms.scripts = {"StatusNotification": told, "StartTransaction": start}
        stage.start_csms()
        await stage.delivered()
        assert len(stage.csms.transactions) == 1
        assert stage.csms.transactions[0]["stop"]["meterStop"] == stage.meter_wh()

    play(tmp_path, scenario, keys=KNOWN)


@pytest.mark.parametrize("cut", [False, True])
def test_available_is_never_told_during_a_transaction(tmp_path: Path, cut: bool) -> None:
    """Not before the stop was delivered, not for this connector and not for connector 0."""

    async def scenario(stage: Play) -> None:
        open_here = False
        wrong: list[Call] = []

        def status(call: Call) -> Answer:
            if open_here and call.payload["status"] == "Available" and call.payload["connectorId"] in (0, 1):
                wrong.append(call)
            return {}

        def start(call: Call) -> Answer:
            nonlocal open_here
            open_here = True
            return stage.csms.start(call)

        def stop(call: Call) -> Answer | Error:
            nonlocal open_here
            if len(stage.csms.named("StopTransaction")) < 3:
                return Error()
            open_here = False
            return stage.csms.stop(call)

        stage.csms.scripts = {"StatusNotification": status, "StartTransaction": start, "StopTransaction": stop}
        await stage.charge(60)
        if cut:
            stage.csms.connections[-1].transport.abort()
            await stage.until(lambda: len(stage.csms.connections) == 2)
        stage.tap()
        await stage.unplug()
        await asyncio.sleep(30)
        assert stage.csms.statuses()[-1] == "Finishing"
        assert wrong == []
        await stage.delivered()
        await asyncio.sleep(5)
        assert stage.csms.statuses()[-1] == "Available"

    play(tmp_path, scenario)


def test_a_stop_that_breaks_the_servers_handler_goes_to_the_dead_letters(tmp_path: Path) -> None:
    """Closed with 1011 each time; after the allowed attempts the queue moves on."""

    async def scenario(stage: Play) -> None:
        async def crash(_: Call) -> Answer:
            await stage.csms.close(1011, "internal error")
            return None

        stage.csms.scripts["StopTransaction"] = crash
        await stage.charge(60)
        stage.tap()
        await stage.csms.heard("StopTransaction", 3, timeout_s=600)
        await stage.delivered()
        assert stage.app.queue.stats().dead == 1
        await stage.online()
        await stage.unplug()
        await stage.charge_exactly()
        assert len(stage.csms.named("StopTransaction")) == 4

    play(tmp_path, scenario)


@pytest.mark.parametrize("answer", [{}, {"idTagInfo": {"status": "Accepted"}}, {"idTagInfo": {"status": "Invalid"}}])
def test_any_answer_to_a_stop_means_delivered(tmp_path: Path, answer: dict[str, Any]) -> None:
    """{}, Accepted, or Invalid."""

    async def scenario(stage: Play) -> None:
        stage.csms.scripts["StopTransaction"] = lambda call: answer
        await stage.charge(60)
        await stage.finish()
        assert len(stage.csms.named("StopTransaction")) == 1
        await stage.charge_exactly()

    play(tmp_path, scenario)


def test_an_unknown_transaction_is_no_verdict_on_its_token(tmp_path: Path) -> None:
    """Invalid for a stop with -1 says that the id is unknown; the token stays good for an offline start."""

    async def scenario(stage: Play) -> None:
        stage.csms.scripts["StartTransaction"] = lambda call: Error()
        stage.csms.scripts["StopTransaction"] = lambda call: {"idTagInfo": {"status": "Invalid"}}
        await stage.charge(60)
        await stage.finish()
        assert stage.csms.named("StopTransaction")[0].payload["transactionId"] == -1
        await stage.offline()
        await stage.charge(60)

    play(tmp_path, scenario, keys={"TransactionMessageAttempts": "1"})


@pytest.mark.parametrize("transaction_id", [0, 815])
def test_an_invalid_tag_may_come_with_any_id(tmp_path: Path, transaction_id: int) -> None:
    """Id 0, or a real one; the stop names it, and the cable waits for its owner."""

    async def scenario(stage: Play) -> None:
        invalid = {"transactionId": transaction_id, "idTagInfo": {"status": "Invalid"}}
        stage.csms.scripts["StartTransaction"] = lambda call: invalid
        stage.plug()
        stage.tap()
        stop = await stage.csms.heard("StopTransaction")
        assert (stop.payload["transactionId"], stop.payload["reason"]) == (transaction_id, "DeAuthorized")
        await asyncio.sleep(5)
        assert stage.app.engine.station.evses[1].lock_state is LockState.LOCKED
        stage.tap(TAG)
        await stage.unplug()
        await stage.charge_exactly()

    play(tmp_path, scenario)


def test_limits_of_smart_charging_are_told_only_with_smart_charging(tmp_path: Path) -> None:
    """Ids and stack levels are taken from these keys, so they are there when profiles can be set and else are not."""

    async def scenario(stage: Play) -> None:
        wanted = ["ChargeProfileMaxStackLevel", "MaxChargingProfilesInstalled", "ChargingScheduleMaxPeriods"]
        answer = await stage.csms.ask("GetConfiguration", {"key": [*wanted, "SupportedFeatureProfiles"]})
        values = {key["key"]: key["value"] for key in answer["configurationKey"]}
        if "SmartCharging" in values["SupportedFeatureProfiles"].split(","):
            assert all(0 < int(values[name]) <= 1000 for name in wanted)
        else:
            assert answer["unknownKey"] == wanted

    play(tmp_path, scenario)


def test_what_was_answered_is_not_told_again_after_a_reconnect(tmp_path: Path) -> None:
    """A connection that breaks in the middle of a backlog costs no message twice but the one under way."""

    async def scenario(stage: Play) -> None:
        await stage.offline()
        await stage.charge(1000)

        async def cut(call: Call) -> Answer:
            if len(stage.csms.named("MeterValues")) == 10:
                stage.csms.connections[-1].transport.abort()
            return {}

        stage.csms.scripts["MeterValues"] = cut
        stage.start_csms()
        await stage.delivered()
        ids = [call.id for call in stage.csms.named("MeterValues")]
        assert len(ids) <= len(set(ids)) + 1

    play(tmp_path, scenario, keys={**KNOWN, "MeterValueSampleInterval": "20"})
