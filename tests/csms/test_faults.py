"""Faults on purpose: each does what it says, as often as it says, and the same again from the same seed."""

import asyncio
from typing import Any

import pytest
from pydantic import ValidationError
from websockets.exceptions import InvalidStatus

from csms.app import Csms
from csms.faults import ActivePlan, FaultPlan, Write
from csms.faults.seeded import seeded
from tests.csms.conftest import PATIENCE_S, dialled, running

BOOT = [2, "b", "BootNotification", {"chargePointVendor": "Example", "chargePointModel": "Kerb 22"}]


def plan(*rules: dict[str, Any], seed: int = 0) -> FaultPlan:
    return FaultPlan.model_validate({"rules": rules, "seed": seed})


def heartbeat(message_id: str) -> list[Any]:
    return [2, message_id, "Heartbeat", {}]


# --- what a plan decides


def answers(active: ActivePlan, count: int, action: str = "Heartbeat") -> list[int]:
    """How many texts go out for each of so many answers."""
    return [len(active.answer(action, str(number), "[3]")) for number in range(count)]


def test_a_rule_acts_after_so_many_occasions_so_many_times() -> None:
    """`after` lets occasions pass, `times` bounds what follows."""
    assert answers(ActivePlan(plan({"fault": "never", "after": 2, "times": 3})), 8) == [1, 1, 0, 0, 0, 1, 1, 1]


def test_a_rule_about_an_action_leaves_others_alone() -> None:
    """Other actions are no occasion: they are neither spoilt nor counted."""
    active = ActivePlan(plan({"fault": "never", "action": "Authorize", "times": 1}))
    assert answers(active, 3) == [1, 1, 1]
    assert answers(active, 2, "Authorize") == [0, 1]


def test_the_first_rule_that_acts_is_the_only_one() -> None:
    """Rules are tried in order; one that is used up gives way to the next."""
    active = ActivePlan(plan({"fault": "never", "times": 1}, {"fault": "twice", "times": 1}))
    assert answers(active, 3) == [0, 2, 1]


def test_probability_is_drawn_from_the_seed() -> None:
    """The same seed spoils the same answers, another seed others, and about as many as asked for."""
    first, again, other = (
        answers(ActivePlan(plan({"fault": "never", "probability": 0.3}, seed=seed)), 1000) for seed in (1, 1, 2)
    )
    assert first == again
    assert first != other
    assert 200 < first.count(0) < 400


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({"fault": "late", "delay_s": 5}, [Write("[3]", 5.0)]),
        ({"fault": "never"}, []),
        ({"fault": "twice"}, [Write("[3]"), Write("[3]")]),
        ({"fault": "error", "code": "SecurityError"}, [Write('[4,"i","SecurityError","",{}]')]),
        ({"fault": "answer", "payload": {"transactionId": "x"}}, [Write('[3,"i",{"transactionId":"x"}]')]),
        ({"fault": "text", "text": '[3,"{id}",'}, [Write('[3,"i",')]),
    ],
)
def test_each_fault_of_an_answer(rule: dict[str, Any], expected: list[Write]) -> None:
    """What goes out instead of an answer, for each kind of rule."""
    assert ActivePlan(plan(rule)).answer("Heartbeat", "i", "[3]") == expected


@pytest.mark.parametrize(
    "bad",
    [
        {"rules": [{"fault": "late"}]},
        {"rules": [{"fault": "laet", "delay_s": 1}]},
        {"rules": [{"fault": "never", "acton": "Heartbeat"}]},
        {"rules": [{"fault": "close", "code": 5}]},
        {"rules": [{"fault": "never", "probability": 0}]},
        {"rules": [{"fault": "never"}] * 101},
        {},
    ],
)
def test_a_wrong_plan_is_refused(bad: Any) -> None:
    """A plan with an unknown fault, a misspelt field or a value out of range is none."""
    with pytest.raises(ValidationError):
        FaultPlan.model_validate(bad)


def test_a_seed_gives_a_plan() -> None:
    """The same seed and station give the same plan, others another; all faults occur, and none of them for ever."""
    plans = [seeded(number, "CP1") for number in range(200)]
    assert plans[7] == seeded(7, "CP1") != seeded(7, "CP2")
    assert len({each.model_dump_json() for each in plans}) == 200
    rules = [rule for each in plans for rule in each.rules]
    assert len({rule.fault for rule in rules}) == 14
    assert all(rule.times is not None or getattr(rule, "probability", 1) < 0.2 for rule in rules)


# --- on the wire


async def test_every_station_has_the_faults_of_its_seed() -> None:
    """A seed in the settings spoils every station from its first connection on, until it is told otherwise."""
    async with running(faults_seed=3) as csms:
        assert csms.faults("CP1") == seeded(3, "CP1")
        csms.set_faults("CP1", None)
        assert csms.faults("CP1") is None
        async with dialled(csms) as raw:
            for number in range(30):
                assert (await raw.ask(heartbeat(str(number))))[:2] == [3, str(number)]


async def test_a_lost_answer_was_executed_and_a_lost_call_was_not(csms: Csms) -> None:
    """`never` executes the call unless told otherwise; the station's retry finds the one or the other."""
    start = {"connectorId": 1, "idTag": "T", "meterStart": 0, "timestamp": "2026-03-01T10:00:00Z"}
    for executed, count in ((False, 0), (True, 1)):
        csms.set_faults("CP1", plan({"fault": "never", "executed": executed, "times": 1}))
        async with dialled(csms) as raw:
            await raw.send([2, "s", "StartTransaction", start])
            await raw.ask(heartbeat("h"))
            assert len(csms.books.transactions("CP1")) == count
            assert (await raw.ask([2, "s", "StartTransaction", start]))[2]["transactionId"] == 1
    assert len(csms.books.transactions("CP1")) == 1


async def test_a_refused_call_that_is_not_executed_leaves_no_trace(csms: Csms) -> None:
    """`error` with executed=false refuses without executing."""
    csms.set_faults("CP1", plan({"fault": "error", "code": "GenericError", "executed": False}))
    async with dialled(csms) as raw:
        assert (await raw.ask(BOOT))[:3] == [4, "b", "GenericError"]
    assert csms.stations.description("CP1")["boot"] is None


async def test_a_late_answer_comes_after_what_was_asked_later(csms: Csms) -> None:
    """A late answer does not hold up the next one."""
    csms.set_faults("CP1", plan({"fault": "late", "delay_s": 0.02, "times": 1}))
    async with dialled(csms) as raw:
        await raw.send(heartbeat("late"))
        await raw.send(heartbeat("next"))
        assert [(await raw.receive())[1] for _ in range(2)] == ["next", "late"]


async def test_a_late_answer_to_a_station_that_has_gone_is_dropped(csms: Csms) -> None:
    """A delayed answer whose connection has ended harms nobody."""
    csms.set_faults("CP1", plan({"fault": "late", "delay_s": 0.01, "times": 1}))
    async with dialled(csms) as raw:
        await raw.send(heartbeat("late"))
        await csms.wait_for(lambda: csms.hub.kept()[-1].event.kind == "heartbeat", PATIENCE_S)
    async with dialled(csms) as raw:
        await asyncio.sleep(0.02)
        assert (await raw.ask(heartbeat("h")))[1] == "h"


async def test_a_stop_calls_off_what_was_to_come_late(csms: Csms) -> None:
    """A delayed answer and a running command do not outlive the central system."""
    csms.set_faults("CP1", plan({"fault": "late", "delay_s": 3600}))
    async with dialled(csms) as raw:
        await raw.send(heartbeat("late"))
        await csms.wait_for(lambda: csms.hub.kept()[-1].event.kind == "heartbeat", PATIENCE_S)
        command = asyncio.create_task(csms.command("CP1", "ClearCache", timeout_s=3600))
        await raw.receive()
        await csms.stop()
        assert (await command).kind == "not_connected"


async def test_the_same_answer_twice(csms: Csms) -> None:
    """`twice` sends one answer two times."""
    csms.set_faults("CP1", plan({"fault": "twice"}))
    async with dialled(csms) as raw:
        assert await raw.ask(heartbeat("h")) == await raw.receive()


async def test_a_text_that_is_no_answer(csms: Csms) -> None:
    """`text` sends anything at all."""
    csms.set_faults("CP1", plan({"fault": "text", "text": "{broken {id}"}))
    async with dialled(csms) as raw:
        await raw.send(heartbeat("h"))
        assert await raw.socket.recv() == "{broken h"


async def test_boots_are_held_back(csms: Csms) -> None:
    """`boot` answers so many boots with its status and retry interval; removing the plan ends it."""
    csms.set_faults("CP1", plan({"fault": "boot", "status": "Pending", "times": 2, "retry_s": 0}))
    async with dialled(csms) as raw:
        found = [(await raw.ask([*BOOT[:1], str(number), *BOOT[2:]]))[2] for number in range(3)]
        assert [(each["status"], each["interval"]) for each in found] == [
            ("Pending", 0),
            ("Pending", 0),
            ("Accepted", 300),
        ]
        csms.set_faults("CP1", plan({"fault": "boot", "status": "Rejected"}))
        assert (await raw.ask([2, "r", *BOOT[2:]]))[2]["status"] == "Rejected"
        csms.set_faults("CP1", None)
        assert (await raw.ask([2, "a", *BOOT[2:]]))[2]["status"] == "Accepted"


async def test_a_close_after_so_many_messages(csms: Csms) -> None:
    """`close` lets messages pass, then closes with its code once the message has been answered."""
    csms.set_faults("CP1", plan({"fault": "close", "code": 1013, "reason": "later", "after": 1, "times": 1}))
    async with dialled(csms) as raw:
        await raw.ask(heartbeat("1"))
        assert (await raw.ask(heartbeat("2")))[1] == "2"
        assert await raw.closed() == 1013
    async with dialled(csms) as raw:
        assert (await raw.ask(heartbeat("3")))[1] == "3"


async def test_a_dropped_connection_has_no_close_frame(csms: Csms) -> None:
    """`drop` ends the TCP connection: the client sees 1006."""
    csms.set_faults("CP1", plan({"fault": "drop"}))
    async with dialled(csms) as raw:
        await raw.send(heartbeat("1"))
        assert await raw.closed() == 1006


async def test_a_frozen_connection_answers_no_ping(csms: Csms) -> None:
    """`freeze` stops reading: neither calls nor pings are answered, and the connection stays open."""
    csms.set_faults("CP1", plan({"fault": "freeze"}))
    async with dialled(csms) as raw:
        await raw.ask(heartbeat("1"))
        pong = await raw.socket.ping()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(pong, 0.03)
        raw.socket.transport.abort()


async def refusal(csms: Csms) -> Any:
    with pytest.raises(InvalidStatus) as refused:
        async with dialled(csms):
            pass
    return refused.value.response


async def test_a_refused_upgrade(csms: Csms) -> None:
    """`refuse` answers the upgrade with its status and Retry-After, so many times."""
    csms.set_faults("CP1", plan({"fault": "refuse", "status": 429, "retry_after_s": 3, "times": 1}))
    refused = await refusal(csms)
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "3")
    async with dialled(csms) as raw:
        await raw.ask(heartbeat("1"))
    csms.set_faults("CP1", plan({"fault": "refuse", "status": 502}))
    assert "Retry-After" not in (await refusal(csms)).headers


async def test_an_upgrade_without_a_subprotocol(csms: Csms) -> None:
    """`no-subprotocol` names none and speaks OCPP all the same."""
    csms.set_faults("CP1", plan({"fault": "no-subprotocol"}))
    async with dialled(csms) as raw:
        assert raw.socket.subprotocol is None
        assert (await raw.ask(heartbeat("1")))[0] == 3


async def test_an_upgrade_with_the_wrong_subprotocol(csms: Csms) -> None:
    """`wrong-subprotocol` names another one and never answers."""
    csms.set_faults("CP1", plan({"fault": "wrong-subprotocol", "subprotocol": "ocpp2.0"}))
    async with dialled(csms, protocols=("ocpp1.6", "ocpp2.0")) as raw:
        assert raw.socket.subprotocol == "ocpp2.0"
        await raw.send(heartbeat("1"))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(raw.socket.recv(), 0.03)


async def test_a_slow_line_takes_its_time_both_ways(csms: Csms) -> None:
    """`slow` carries so many bytes a second: a message and its answer take as long as their length asks for."""
    csms.set_faults("CP1", plan({"fault": "slow", "bytes_per_s": 1000, "times": 1}))
    loop = asyncio.get_running_loop()
    async with dialled(csms) as raw:
        await raw.ask(heartbeat("1"))
        began_s = loop.time()
        payload = {"vendorId": "Example", "data": "x" * 200}
        await raw.ask([2, "d", "DataTransfer", payload])
        assert loop.time() - began_s > 0.23  # more than 200 bytes there, more than 30 back


async def test_a_restart_closes_and_lets_nobody_in_for_a_while(csms: Csms) -> None:
    """`restart` closes with 1012 after the answer and answers upgrades 503; afterwards all is as before."""
    csms.set_faults("CP1", plan({"fault": "restart", "down_s": 3600, "after": 1, "times": 1}))
    async with dialled(csms) as raw:
        await raw.ask(heartbeat("1"))
        await raw.ask(heartbeat("2"))
        assert await raw.closed() == 1012
    assert (await refusal(csms)).status_code == 503
    async with dialled(csms, "CP2") as other:
        assert (await other.ask(heartbeat("1")))[0] == 3
    csms.set_faults("CP1", None)
    async with dialled(csms) as raw:
        assert (await raw.ask(heartbeat("3")))[0] == 3


def test_a_restart_ends() -> None:
    """Stations are let in again from the very moment on."""
    active = ActivePlan(plan({"fault": "restart", "down_s": 5}))
    assert not active.is_down(0)
    active.go_down(105)
    assert (active.is_down(104.9), active.is_down(105)) == (True, False)


async def test_faults_of_one_station_spare_the_others(csms: Csms) -> None:
    """A plan is for one station only, and commands to it are never spoilt."""
    csms.set_faults("CP1", plan({"fault": "never"}))
    async with dialled(csms, "CP1") as spoilt, dialled(csms, "CP2") as spared:
        await spoilt.send(heartbeat("1"))
        assert (await spared.ask(heartbeat("1")))[0] == 3
        command = asyncio.create_task(csms.command("CP1", "ClearCache", timeout_s=PATIENCE_S))
        call = await spoilt.receive()
        await spoilt.send([3, call[1], {"status": "Rejected"}])
        assert (await command).response == {"status": "Rejected"}


async def test_a_connection_that_is_closed_at_once(csms: Csms) -> None:
    """`close-at-once` accepts the upgrade and closes before a word is said; the station was never connected."""
    csms.set_faults("CP1", plan({"fault": "close-at-once", "code": 1008, "times": 1}))
    async with dialled(csms) as raw:
        assert await raw.closed() == 1008
    assert csms.stations.known() == []
    async with dialled(csms) as raw:
        assert (await raw.ask(heartbeat("1")))[0] == 3


async def test_a_call_that_is_sent_twice(csms: Csms) -> None:
    """`call-twice` repeats a command under its message id; the first answer is the outcome."""
    csms.set_faults("CP1", plan({"fault": "call-twice", "action": "ClearCache", "times": 1}))
    async with dialled(csms) as raw:
        await raw.ask(heartbeat("1"))
        command = asyncio.create_task(csms.command("CP1", "ClearCache", timeout_s=PATIENCE_S))
        call = await raw.receive()
        assert await raw.receive() == call
        await raw.send([3, call[1], {"status": "Accepted"}])
        await raw.send([3, call[1], {"status": "Rejected"}])
        assert (await command).response == {"status": "Accepted"}
        assert (await raw.ask(heartbeat("2")))[0] == 3
        assert csms.hub.kept()[-2].event.data["what"] == "unexpected-answer"
