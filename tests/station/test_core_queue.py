"""The queue of transaction messages (OCPP 1.6 edition 2, sections 3.7 and 4.8 with errata)."""

import asyncio
import itertools
import json
from pathlib import Path

import pytest

from tests.station.play import Play, play
from tests.station.scripted import Answer, Call, Error

KNOWN = {"AllowOfflineTxForUnknownId": "true"}
TRANSACTION_MESSAGES = ("StartTransaction", "MeterValues", "StopTransaction")


def _gaps(calls: list[Call]) -> list[int]:
    return [round(later.at - earlier.at) for earlier, later in itertools.pairwise(calls)]


def _queue(stage: Play) -> list[Call]:
    return [call for call in stage.csms.calls if call.action in TRANSACTION_MESSAGES]


async def _session(stage: Play, seconds: float = 150) -> None:
    await stage.charge(seconds)
    stage.tap()
    await stage.unplug()


@pytest.mark.parametrize("failure", [Error("InternalError"), None])
def test_a_message_is_sent_so_often_with_growing_pauses_and_then_given_up(
    tmp_path: Path, failure: Error | None
) -> None:
    """TransactionMessageAttempts transmissions; before the next one, so many intervals as were made (plus the time-out)."""

    async def scenario(stage: Play) -> None:
        stage.csms.scripts["StopTransaction"] = lambda call: failure
        await stage.charge(60)
        stage.tap()
        await stage.csms.heard("StopTransaction", 3, timeout_s=600)
        await stage.delivered()
        wait_s = 0 if failure else 10
        assert _gaps(stage.csms.named("StopTransaction")) == [60 + wait_s, 120 + wait_s]
        assert len({call.id for call in stage.csms.named("StopTransaction")}) == 1

    play(tmp_path, scenario, keys={"MessageTimeout": "10"})


def test_the_attempts_and_the_interval_are_settings(tmp_path: Path) -> None:
    """TransactionMessageAttempts=2, TransactionMessageRetryInterval=7: one pause of seven seconds."""

    async def scenario(stage: Play) -> None:
        await stage.set_key("TransactionMessageAttempts", "2")
        await stage.set_key("TransactionMessageRetryInterval", "7")
        stage.csms.scripts["StopTransaction"] = lambda call: Error()
        await stage.charge(60)
        stage.tap()
        await stage.csms.heard("StopTransaction")
        await stage.delivered()
        assert _gaps(stage.csms.named("StopTransaction")) == [7]

    play(tmp_path, scenario)


@pytest.mark.parametrize("attempts", ["0", "1"])
def test_no_attempts_means_one_transmission(tmp_path: Path, attempts: str) -> None:
    """A message is transmitted once, whatever the key says."""

    async def scenario(stage: Play) -> None:
        stage.csms.scripts["StopTransaction"] = lambda call: Error()
        await _session(stage)
        await stage.csms.heard("StopTransaction")
        await stage.delivered()
        assert len(stage.csms.named("StopTransaction")) == 1

    play(tmp_path, scenario, keys={"TransactionMessageAttempts": attempts})


def test_being_offline_is_no_attempt(tmp_path: Path) -> None:
    """However long and often the central system is away, nothing is given up."""

    async def scenario(stage: Play) -> None:
        await stage.offline()
        await _session(stage)
        stage.csms.scripts["StartTransaction"] = lambda call: None
        for _ in range(5):
            await asyncio.sleep(1000)
            stage.start_csms()
            await stage.csms.heard("StartTransaction", len(stage.csms.named("StartTransaction")) + 1, timeout_s=600)
            stage.stop_csms()
        del stage.csms.scripts["StartTransaction"]
        stage.start_csms()
        await stage.delivered()
        assert len({call.id for call in stage.csms.named("StartTransaction")}) == 1
        assert stage.csms.transactions[-1]["stop"]["meterStop"] == stage.meter_wh()
        assert stage.app.queue.stats().dead == 0

    play(tmp_path, scenario, keys=KNOWN)


def test_a_connection_lost_before_the_answer_is_no_attempt(tmp_path: Path) -> None:
    """A message under way when the connection breaks goes out again at once after the reconnect, under its id."""

    async def scenario(stage: Play) -> None:
        async def cut(_: Call) -> Answer:
            stage.csms.connections[-1].transport.abort()
            return None

        stage.csms.scripts["StartTransaction"] = cut
        stage.plug()
        stage.tap()
        await stage.csms.heard("StartTransaction", 4, timeout_s=300)
        stage.csms.scripts["StartTransaction"] = stage.csms.start
        await stage.csms.heard("StartTransaction", 5, timeout_s=300)
        await asyncio.sleep(120)
        assert len(stage.csms.named("StartTransaction")) == 5
        assert len({call.id for call in stage.csms.named("StartTransaction")}) == 1

    play(tmp_path, scenario)


def test_a_retry_goes_on_counting_over_a_restart(tmp_path: Path) -> None:
    """Attempts that were made before a crash are made; the pause goes on as well."""

    async def scenario(stage: Play) -> None:
        stage.csms.scripts["StopTransaction"] = lambda call: Error()
        await stage.charge(60)
        stage.tap()
        await stage.csms.heard("StopTransaction", 2)
        await asyncio.sleep(1)
        await stage.kill_station()
        await stage.start_station()
        await stage.csms.heard("StopTransaction", 3, timeout_s=200)
        await stage.delivered()
        assert _gaps(stage.csms.named("StopTransaction"))[1] == pytest.approx(120, abs=3)
        assert len({call.id for call in stage.csms.named("StopTransaction")}) == 1

    play(tmp_path, scenario)


def test_everything_is_told_in_the_order_it_happened_over_all_connectors(tmp_path: Path) -> None:
    """After an offline period one message after the other, oldest first, whichever connector it is about."""

    async def scenario(stage: Play) -> None:
        await stage.offline()
        await stage.charge(90, 1, "04A1")
        await stage.charge(90, 2, "04A2")
        stage.tap("04A1", 1)
        await asyncio.sleep(30)
        stage.tap("04A2", 2)
        await asyncio.sleep(30)
        stage.start_csms()
        await stage.delivered()
        calls = _queue(stage)
        times = [
            call.payload["meterValue"][0]["timestamp"] if call.action == "MeterValues" else call.payload["timestamp"]
            for call in calls
        ]
        assert times == sorted(times)
        assert [call.action for call in calls if call.action != "MeterValues"] == [
            *["StartTransaction"] * 2,
            *["StopTransaction"] * 2,
        ]

    play(tmp_path, scenario, keys=KNOWN)


def test_meter_values_and_stop_carry_the_id_of_the_late_start(tmp_path: Path) -> None:
    """They wait behind the start and go with the id that its answer gave."""

    async def scenario(stage: Play) -> None:
        await stage.offline()
        await _session(stage, 200)
        stage.csms.scripts["StartTransaction"] = lambda call: {
            "transactionId": -77,
            "idTagInfo": {"status": "Accepted"},
        }
        stage.start_csms()
        await stage.delivered()
        assert [call.action for call in _queue(stage)] == ["StartTransaction", *["MeterValues"] * 3, "StopTransaction"]
        assert {call.payload["transactionId"] for call in _queue(stage)[1:]} == {-77}

    play(tmp_path, scenario, keys=KNOWN)


def test_after_a_start_that_was_given_up_the_rest_goes_with_minus_one(tmp_path: Path) -> None:
    """A start that is never accepted does not keep the energy from being told: transactionId -1 (errata)."""

    async def scenario(stage: Play) -> None:
        stage.csms.scripts["StartTransaction"] = lambda call: Error()
        await _session(stage, 400)
        await stage.delivered()
        assert len(stage.csms.named("StartTransaction")) == 2
        told = _queue(stage)[2:]
        assert {call.action for call in told} == {"MeterValues", "StopTransaction"}
        assert {call.payload["transactionId"] for call in told} == {-1}
        assert told[-1].payload["meterStop"] == stage.meter_wh()
        assert stage.app.queue.stats().dead == 1

    keys = {"TransactionMessageAttempts": "2", "TransactionMessageRetryInterval": "10"}
    play(tmp_path, scenario, keys=keys)


def test_other_messages_overtake_the_queue(tmp_path: Path) -> None:
    """While a message waits for its next attempt, tokens are asked about, statuses are told and the heart beats."""

    async def scenario(stage: Play) -> None:
        await stage.set_key("HeartbeatInterval", "30")
        stage.csms.scripts["StartTransaction"] = lambda call: Error()
        await stage.charge(1)
        first = await stage.csms.heard("StartTransaction")
        before = len(stage.csms.calls)
        stage.plug(2)
        stage.tap("04A2", 2)
        await stage.csms.heard("StartTransaction", 2, timeout_s=700)
        between = {call.action for call in stage.csms.calls[before:-1]}
        assert between >= {"Authorize", "StatusNotification", "Heartbeat"}
        assert not between & set(TRANSACTION_MESSAGES)
        assert stage.csms.named("StartTransaction")[1].id == first.id

    play(tmp_path, scenario, keys={"TransactionMessageRetryInterval": "600"})


def test_one_call_is_under_way_at_a_time(tmp_path: Path) -> None:
    """No CALL is sent before the one before it was answered."""

    async def scenario(stage: Play) -> None:
        under_way, most = 0, 0

        async def slowly(call: Call) -> Answer:
            nonlocal under_way, most
            under_way += 1
            most = max(most, under_way)
            await asyncio.sleep(3)
            under_way -= 1
            return stage.csms.kindly(call)

        actions = ("Authorize", "StatusNotification", "Heartbeat", *TRANSACTION_MESSAGES)
        stage.csms.scripts = dict.fromkeys(actions, slowly)
        await stage.charge(100, 1, "04A1")
        await stage.charge(100, 2, "04A2")
        stage.tap("04A1", 1)
        stage.tap("04A2", 2)
        await stage.csms.heard("StopTransaction", 2)
        await stage.delivered()
        assert most == 1

    play(tmp_path, scenario, keys={"MeterValueSampleInterval": "10"})


@pytest.mark.parametrize("limit_bytes", [4000, 400])
def test_a_stop_that_is_too_large_is_told_with_less_data(tmp_path: Path, limit_bytes: int) -> None:
    """A central system that closes with 1009 gets the stop with fewer and fewer values, at last with none; nothing is given up."""

    async def scenario(stage: Play) -> None:
        async def stop(call: Call) -> Answer:
            if len(json.dumps(call.payload)) > limit_bytes:
                await stage.csms.close(1009, "message too big")
                return None
            return stage.csms.stop(call)

        stage.csms.scripts["StopTransaction"] = stop
        await stage.charge(1000)
        stage.tap()
        await stage.until(lambda: stage.csms.transactions[0]["stop"], 600)
        last = stage.csms.transactions[0]["stop"]
        assert last["meterStop"] == stage.meter_wh()
        contexts = [value["sampledValue"][0]["context"] for value in last.get("transactionData", [])]
        assert not contexts or (contexts[0], contexts[-1]) == ("Transaction.Begin", "Transaction.End")
        assert bool(contexts) is (limit_bytes == 4000)
        assert stage.app.queue.stats().dead == 0

    play(
        tmp_path,
        scenario,
        keys={"StopTxnSampledData": "Energy.Active.Import.Register", "MeterValueSampleInterval": "10"},
    )
