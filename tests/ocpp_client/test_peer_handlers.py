"""Calls of the other side: read with suspicion, answered in order, whatever happens."""

import asyncio
from typing import Any

import pytest

from ocpp_client.errors import ConnectionLost, Refuse
from ocpp_client.peer import Incoming, Peer, Reply
from ocpp_client.sockets import WebSocket
from ocpp_client.v16 import (
    ChangeAvailabilityResponse,
    GetConfigurationResponse,
    HeartbeatRequest,
    ResetResponse,
    TriggerMessageRequest,
    TriggerMessageResponse,
)
from tests.ocpp_client.handling import CONFIGURATION, RESET, Handling, alive
from tests.ocpp_client.lines import answer_heartbeat, hear, line, quiet, station
from tests.ocpp_client.loops import VirtualLoop, run

# --- bad input


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('[2,"1","Reset",{"type":"Soft"}', "FormationViolation"),
        ('[2,"1","Reset",{"type":"Soft"},{}]', "FormationViolation"),
        ('[2,"1","Reset",{"type":"Soft"},{"type":"Soft"}]', "FormationViolation"),
        ('[2,"1","Reset",{"type":"Soft"}{}]', "FormationViolation"),
        ('[2,"1","Reset",{"type":NaN}]', "FormationViolation"),
        ('[2,"1","Reset",{"type":Infinity}]', "FormationViolation"),
        ('[2,"1","Reset",{"type":"\\ud800"}]', "FormationViolation"),
        ('[2,"1","Reset"]', "FormationViolation"),
        ('[2,"1",{"type":"Soft"}]', "FormationViolation"),
        ('[2,"1",17,{"type":"Soft"}]', "FormationViolation"),
        ('[2,"1","Reset",[]]', "ProtocolError"),
        ('[2,"1","Reset","Soft"]', "ProtocolError"),
        ('[2,"1","Reset",{}]', "OccurenceConstraintViolation"),
        ('[2,"1","Reset",null]', "OccurenceConstraintViolation"),
        ('[2,"1","Reset",{"type":17}]', "TypeConstraintViolation"),
        ('[2,"1","Reset",{"type":null}]', "TypeConstraintViolation"),
        ('[2,"1","Reset",{"type":"soft"}]', "PropertyConstraintViolation"),
        ('[2,"1","Reset",{"type":"Soft","evseId":1}]', "FormationViolation"),
        ('[2,"1","ChangeAvailability",{"connectorId":1e999,"type":"Operative"}]', "TypeConstraintViolation"),
        ('[2,"1","reset",{"type":"Soft"}]', "NotImplemented"),
        ('[2,"1","",{}]', "NotImplemented"),
        ('[2,"1","Reset\\u0000",{}]', "NotImplemented"),
        ('[2,"1","UnlockConnector",{"connectorId":1}]', "NotSupported"),
        ('[2,"1","DataTransfer",{"vendorId":"' + "x" * 1_000_000 + '"}]', "PropertyConstraintViolation"),
        ('[2,"1","' + "x" * 1_000_000 + '",{}]', "NotImplemented"),
    ],
    ids=lambda value: value[:60],
)
def test_bad_calls_get_their_callerror_and_keep_the_connection(text: str, code: str) -> None:
    """Each kind of wrong message is answered with the code for it, and the next messages are handled as ever."""

    async def main(_: VirtualLoop) -> None:
        async with line() as (ours, csms), station(ours) as peer:
            await csms.send(text)
            answer = await hear(csms)
            assert answer[:3] == [4, "1", code]
            assert 0 <= len(answer[3]) <= 255
            await alive(csms, peer)

    run(main)


def test_a_message_id_too_long_is_told_its_sender() -> None:
    """The id can be read, so its sender can be answered, although the id breaks the rule."""

    async def main(_: VirtualLoop) -> None:
        async with line() as (ours, csms), station(ours) as peer:
            await csms.send(RESET.format("x" * 37))
            assert (await hear(csms))[:3] == [4, "x" * 37, "FormationViolation"]
            await alive(csms, peer)

    run(main)


@pytest.mark.parametrize("text", ["", "hello", "{}", "[2]", '[2,17,"Reset",{}]', '[7,"1","Reset",{}]', "[" * 100_000])
def test_what_cannot_be_answered_is_logged(text: str, caplog: pytest.LogCaptureFixture) -> None:
    """Without a readable id 1.6 has no answer: silence, a line in the log, and the connection stays."""

    async def main(_: VirtualLoop) -> None:
        async with line() as (ours, csms), station(ours) as peer:
            await csms.send(text)
            assert await quiet(csms, 5)
            await alive(csms, peer)

    run(main)
    assert "malformed message fault=" in caplog.text


def test_an_unreadable_message_is_answered_from_2_0_1_on() -> None:
    """Later versions have an answer even for a message without a readable id."""

    async def main(_: VirtualLoop) -> None:
        async with line("ocpp2.0.1") as (ours, csms), station(ours, protocol="ocpp2.0.1"):
            await csms.send("hello")
            assert (await hear(csms))[:3] == [4, "-1", "RpcFrameworkError"]

    run(main)


def test_binary_messages_are_ignored(caplog: pytest.LogCaptureFixture) -> None:
    """OCPP-J is text; a binary message is noted and dropped."""

    async def main(_: VirtualLoop) -> None:
        async with line() as (ours, csms), station(ours) as peer:
            await csms._connection.send(b"[2]")  # type: ignore[attr-defined]  # the interface sends no binary
            await alive(csms, peer)

    run(main)
    assert "binary message ignored bytes=3" in caplog.text


def test_secrets_of_a_bad_message_stay_out_of_answer_and_log(caplog: pytest.LogCaptureFixture) -> None:
    """A rejected value is never echoed: it may be a password."""

    async def main(_: VirtualLoop) -> None:
        async with line() as (ours, csms), station(ours):
            await csms.send('[2,"1","ChangeConfiguration",{"key":"AuthorizationKey","value":["hunter2"]}]')
            assert "hunter2" not in str(await hear(csms))

    run(main)
    assert "hunter2" not in caplog.text


# --- handlers


def test_calls_are_answered_in_the_order_they_came() -> None:
    """The second CALL is not begun before the first is answered, however many arrive."""

    async def main(_: VirtualLoop) -> None:
        handling = Handling(at_once=False)
        async with line() as (ours, csms), station(ours, handler=handling):
            for name in "abc":
                await csms.send(RESET.format(name))
            await asyncio.sleep(1)
            assert handling.asked == ["a"]
            handling.go.set()
            assert [(await hear(csms))[1] for _ in "abc"] == ["a", "b", "c"]

    run(main)


def test_a_slow_handler_does_not_hold_up_the_next_call_for_ever() -> None:
    """After `patience_s` the next CALL has its turn; the slow one is answered when it is ready."""

    async def main(loop: VirtualLoop) -> None:
        handling = Handling(at_once=False)

        async def handle(call: Incoming) -> Reply:
            return await handling(call) if call.action == "Reset" else Reply(GetConfigurationResponse())

        async with line() as (ours, csms), station(ours, handler=handle, patience_s=3):
            await csms.send(RESET.format("slow"))
            await csms.send(CONFIGURATION.format("next"))
            assert (await hear(csms))[1] == "next"
            assert loop.now == pytest.approx(1003, abs=0.2)
            handling.go.set()
            assert (await hear(csms))[1] == "slow"

    run(main)


def test_a_handler_may_call() -> None:
    """A CALL made inside a handler is answered although the handler has not answered yet."""

    async def main(_: VirtualLoop) -> None:
        peers: list[Peer] = []

        async def handle(_call: Incoming) -> Reply:
            await peers[0].call(HeartbeatRequest())
            return Reply(ResetResponse(status="Accepted"))

        async with line() as (ours, csms), station(ours, handler=handle) as peer:
            peers.append(peer)
            await csms.send(RESET.format("r"))
            assert (await answer_heartbeat(csms))[2] == "Heartbeat"
            assert await hear(csms) == [3, "r", {"status": "Accepted"}]

    run(main)


def test_the_answer_goes_before_what_follows_from_it() -> None:
    """TriggerMessage is answered first; then comes the message that was asked for."""

    async def main(_: VirtualLoop) -> None:
        peers: list[Peer] = []

        async def handle(call: Incoming) -> Reply:
            assert isinstance(call.request, TriggerMessageRequest)

            async def heartbeat() -> None:
                await peers[0].call(HeartbeatRequest())

            return Reply(TriggerMessageResponse(status="Accepted"), after=heartbeat)

        async with line() as (ours, csms), station(ours, handler=handle) as peer:
            peers.append(peer)
            for name in "ab":
                await csms.send(f'[2,"{name}","TriggerMessage",{{"requestedMessage":"Heartbeat"}}]')
            heard = [await hear(csms) for _ in range(3)]
            # The second answer does not wait for the answer to what followed from the first.
            assert [message[:2] for message in heard] in (
                [[3, "a"], [2, "1"], [3, "b"]],
                [[3, "a"], [3, "b"], [2, "1"]],
            )

    run(main)


def test_a_failing_follow_up_hurts_nobody(caplog: pytest.LogCaptureFixture) -> None:
    """What an `after` raises ends in the log; the connection and later calls do not notice."""

    async def main(_: VirtualLoop) -> None:
        async def handle(call: Incoming) -> Reply:
            async def fail() -> None:
                raise ConnectionLost(1006) if call.message_id == "a" else KeyError("nothing there")

            return Reply(ResetResponse(status="Accepted"), after=fail)

        async with line() as (ours, csms), station(ours, handler=handle) as peer:
            for name in "ab":
                await csms.send(RESET.format(name))
                assert (await hear(csms))[1] == name
            await alive_after_follow_ups(csms, peer)

    run(main)
    assert caplog.text.count("follow-up failed action=Reset") == 2


async def alive_after_follow_ups(csms: WebSocket, peer: Peer) -> None:
    """Let the follow-ups end, then prove that the connection is alive."""
    await asyncio.sleep(1)
    await alive(csms, peer)


def test_a_handler_may_refuse() -> None:
    """Refuse becomes a CALLERROR with its code, text and details."""

    async def main(_: VirtualLoop) -> None:
        async def handle(_call: Incoming) -> Reply:
            raise Refuse("SecurityError", "not registered", {"since": 5})

        async with line() as (ours, csms), station(ours, handler=handle):
            await csms.send(RESET.format("1"))
            assert await hear(csms) == [4, "1", "SecurityError", "not registered", {"since": 5}]

    run(main)


async def _bug(_: Incoming) -> Reply:
    raise KeyError("hunter2")


async def _wrong_response(_: Incoming) -> Reply:
    return Reply(ChangeAvailabilityResponse(status="Accepted"))


async def _too_large(_: Incoming) -> Reply:
    return Reply(GetConfigurationResponse(unknown_key=("x" * 50,) * 2000))


async def _bad_details(_: Incoming) -> Reply:
    raise Refuse("GenericError", "", {"when": float("nan")})


@pytest.mark.parametrize("handler", [_bug, _wrong_response, _too_large, _bad_details])
def test_a_failing_handler_is_an_internal_error(handler: Any, caplog: pytest.LogCaptureFixture) -> None:
    """A bug on our side is answered, logged with its traceback, told without details, and survived."""

    async def main(_: VirtualLoop) -> None:
        async with line() as (ours, csms), station(ours, handler=handler) as peer:
            await csms.send(CONFIGURATION.format("1"))
            answer = await hear(csms)
            assert answer[:3] == [4, "1", "InternalError"]
            assert "hunter2" not in str(answer)
            await alive(csms, peer)

    run(main)
    assert "handler failed action=GetConfiguration id='1'\nTraceback" in caplog.text


def test_too_many_calls_at_once_are_refused() -> None:
    """What exceeds the bound is told to come again later; what was admitted is answered."""

    async def main(_: VirtualLoop) -> None:
        handling = Handling(at_once=False)
        async with line() as (ours, csms), station(ours, handler=handling, max_inbound=3):
            for number in range(5):
                await csms.send(RESET.format(number))
            for number in (3, 4):
                refusal = await hear(csms)
                assert refusal[:3] == [4, str(number), "InternalError"]
                assert refusal[3].startswith("busy")
            handling.go.set()
            assert [(await hear(csms))[:2] for _ in range(3)] == [[3, "0"], [3, "1"], [3, "2"]]
            await csms.send(RESET.format(4))
            assert (await hear(csms))[:2] == [3, "4"]

    run(main)
