"""What central systems in the field do to calls and their answers: nothing is stuck, and what is usable is used."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from tests.station.play import Play, play
from tests.station.scripted import Answer, Call, Error

KNOWN = {"AllowOfflineTxForUnknownId": "true"}


def test_a_server_with_one_slot_for_both_directions_is_no_deadlock(tmp_path: Path) -> None:
    """It answers our call only after we have answered its own."""

    async def scenario(stage: Play) -> None:
        async def mine_first(call: Call) -> Answer:
            await stage.csms.ask("GetConfiguration", {"key": ["HeartbeatInterval"]})
            return stage.csms.kindly(call)

        for action in ("Authorize", "StartTransaction", "StatusNotification", "MeterValues"):
            stage.csms.scripts[action] = mine_first
        await stage.charge(100)
        await stage.csms.heard("MeterValues")
        assert len(stage.csms.connections) == 1
        await stage.finish()
        await stage.charge_exactly()

    play(tmp_path, scenario)


def test_an_answer_after_thirty_seconds_is_in_time(tmp_path: Path) -> None:
    """A server that waited 30.0 s for something else before it answers us is not given up."""

    async def scenario(stage: Play) -> None:
        async def late(call: Call) -> Answer:
            await asyncio.sleep(30.2)
            return stage.csms.start(call)

        stage.csms.scripts["StartTransaction"] = late
        await stage.charge(100)
        await stage.finish()
        assert len(stage.csms.named("StartTransaction")) == 1
        await stage.charge_exactly()

    play(tmp_path, scenario)


def test_a_call_that_comes_while_another_is_open_is_lost_on_some_servers(tmp_path: Path) -> None:
    """Pipelined calls go unanswered there, so none is sent."""

    async def scenario(stage: Play) -> None:
        busy = False

        async def one_at_a_time(call: Call) -> Answer:
            nonlocal busy
            if busy:
                return None
            busy = True
            await asyncio.sleep(2)
            busy = False
            return stage.csms.kindly(call)

        actions = ("Authorize", "StartTransaction", "StopTransaction", "StatusNotification", "MeterValues", "Heartbeat")
        stage.csms.scripts = dict.fromkeys(actions, one_at_a_time)
        await stage.charge(200)
        await stage.finish()
        ids = [call.id for call in stage.csms.calls]
        assert len(ids) == len(set(ids))
        await stage.charge_exactly()

    play(tmp_path, scenario, keys={"MeterValueSampleInterval": "5"})


@pytest.mark.parametrize("message_id", [None, "-1"])
def test_an_error_without_an_id_ends_the_call_it_must_mean(tmp_path: Path, message_id: str | None) -> None:
    """CALLERRORs with message id null or "-1" count as a refusal, soon, and nothing is stuck."""

    async def scenario(stage: Play) -> None:
        error = json.dumps([4, message_id, "InternalError", "", {}])
        stage.csms.scripts = {"StartTransaction": lambda call: error, "Heartbeat": lambda call: error}
        await stage.charge(30)
        await stage.csms.heard("StartTransaction", 3, timeout_s=300)
        await stage.finish()
        assert len(stage.csms.connections) == 1
        assert [call.payload["transactionId"] for call in stage.csms.named("StopTransaction")] == [-1]
        await stage.charge_exactly()

    play(tmp_path, scenario)


@pytest.mark.parametrize("code", ["NotSupported", "NotImplemented", "InternalError"])
def test_a_refused_authorize_leaves_the_token_to_the_station(tmp_path: Path, code: str) -> None:
    """As if offline for this token."""

    async def scenario(stage: Play) -> None:
        stage.csms.scripts["Authorize"] = lambda call: Error(code)
        await stage.charge(60)
        await stage.finish()
        assert stage.csms.transactions[0]["stop"]["meterStop"] == stage.meter_wh()

    play(tmp_path, scenario, keys=KNOWN)


@pytest.mark.parametrize("code", ["NotSupported", "NotImplemented"])
def test_meter_values_that_nobody_wants_hold_nothing_up(tmp_path: Path, code: str) -> None:
    """A server without MeterValues gets each once, and the stop without delay."""

    async def scenario(stage: Play) -> None:
        stage.csms.scripts["MeterValues"] = lambda call: Error(code)
        await stage.charge(300)
        stage.tap()
        stop = await stage.csms.heard("StopTransaction", timeout_s=20)
        assert stop.payload["meterStop"] == stage.meter_wh()
        ids = [call.id for call in stage.csms.named("MeterValues")]
        assert len(ids) == len(set(ids)) == 5

    play(tmp_path, scenario)


def test_ordinary_messages_that_are_refused_hold_nothing_up(tmp_path: Path) -> None:
    """Statuses, heartbeats and triggered statuses may be refused for ever."""

    async def scenario(stage: Play) -> None:
        actions = ("StatusNotification", "Heartbeat", "FirmwareStatusNotification", "DiagnosticsStatusNotification")
        stage.csms.scripts = {action: lambda call: Error("NotSupported") for action in actions}
        for action in actions:
            await stage.csms.ask("TriggerMessage", {"requestedMessage": action})
        await stage.charge(100)
        await stage.finish()
        assert len(stage.csms.connections) == 1
        await stage.charge_exactly()

    play(tmp_path, scenario)


# ---- answers against the schema ----------------------------------------------------------------------------------------


def test_a_start_refused_without_an_id_ends_the_transaction(tmp_path: Path) -> None:
    """No transactionId, only the verdict; the stop goes with -1, nothing is asked again."""

    async def scenario(stage: Play) -> None:
        stage.csms.scripts["StartTransaction"] = lambda call: {"idTagInfo": {"status": "Invalid"}}
        stage.plug()
        stage.tap()
        stop = await stage.csms.heard("StopTransaction")
        assert (stop.payload["transactionId"], stop.payload["reason"]) == (-1, "DeAuthorized")
        await asyncio.sleep(300)
        assert len(stage.csms.named("StartTransaction")) == 1
        stage.tap()
        await stage.unplug()
        await stage.charge_exactly()

    play(tmp_path, scenario)


EXTRA = {"status": "Accepted", "note": "ours", "balance": 3}


def test_fields_that_are_too_many_do_not_matter(tmp_path: Path) -> None:
    """What the schema knows of an answer is used, the rest is logged."""

    async def scenario(stage: Play) -> None:
        stage.csms.scripts = {
            "BootNotification": lambda call: {**_kind(stage, call), "vendor": "x", "interval": 77},
            "Authorize": lambda call: {"idTagInfo": EXTRA, "more": []},
            "StartTransaction": lambda call: {**_kind(stage, call), "idTagInfo": EXTRA, "cost": 0},
            "StatusNotification": lambda call: {"ok": True},
            "MeterValues": lambda call: {"ok": True},
            "Heartbeat": lambda call: {**_kind(stage, call), "server": "x"},
            "StopTransaction": lambda call: {**_kind(stage, call), "reason": "other"},
        }
        stage.start_csms()
        await stage.start_station()
        await stage.online()
        await stage.charge(100)
        await stage.finish()
        assert await stage.key("HeartbeatInterval") == "77"
        (transaction,) = stage.csms.transactions
        assert transaction["stop"]["meterStop"] == stage.meter_wh()
        counts = {call.action: 0 for call in stage.csms.calls}
        for call in stage.csms.calls:
            counts[call.action] += 1
        assert counts["StartTransaction"] == counts["StopTransaction"] == counts["MeterValues"] == 1
        assert len(stage.csms.connections) == 1

    play(tmp_path, scenario, connected=None)


def _kind(stage: Play, call: Call) -> dict[str, Any]:
    answer = stage.csms.kindly(call)
    assert isinstance(answer, dict)
    return answer


def test_a_verdict_among_fields_that_are_too_many_counts(tmp_path: Path) -> None:
    """Blocked is Blocked, whatever stands beside it."""

    async def scenario(stage: Play) -> None:
        stage.csms.scripts["Authorize"] = lambda call: {"idTagInfo": {**EXTRA, "status": "Blocked"}}
        stage.plug()
        stage.tap()
        await asyncio.sleep(20)
        assert stage.csms.named("StartTransaction") == []
        stage.csms.scripts.clear()
        info = {**EXTRA, "status": "Invalid"}
        stage.csms.scripts["StartTransaction"] = lambda call: {**_kind(stage, call), "idTagInfo": info}
        stage.tap()
        stop = await stage.csms.heard("StopTransaction")
        assert (stop.payload["transactionId"], stop.payload["reason"]) == (1, "DeAuthorized")

    play(tmp_path, scenario, keys=KNOWN)


@pytest.mark.parametrize("answer", ["[]", '"yes"', "{}", '{"idTagInfo":7}', '{"transactionId":"x"}', "null"])
def test_answers_that_say_nothing_are_answers(tmp_path: Path, answer: str) -> None:
    """A start or stop answered with nonsense is delivered: not sent again for ever, and the charge goes on."""

    async def scenario(stage: Play) -> None:
        def nonsense(call: Call) -> str:
            return f'[3,"{call.id}",{answer}]'

        stage.csms.scripts = {"StartTransaction": nonsense, "StopTransaction": nonsense, "MeterValues": nonsense}
        await stage.charge(100)
        await stage.finish()
        assert len(stage.csms.named("StartTransaction")) == 1
        stops = [call.payload for call in stage.csms.named("StopTransaction")]
        assert [(stop["transactionId"], stop["meterStop"]) for stop in stops] == [(-1, stage.meter_wh())]
        await stage.charge_exactly()

    play(tmp_path, scenario)
