"""The same CALL again is answered, not executed; and the messages of 2.1 that nobody answers."""

import asyncio
import json
import logging
from typing import Any

import pytest

from ocpp_client import v21
from ocpp_client.answers import AnswerCache
from ocpp_client.errors import Refuse
from ocpp_client.peer import Incoming, Reply
from tests.ocpp_client.handling import CONFIGURATION, RESET, Handling
from tests.ocpp_client.lines import ended, hear, line, quiet, station
from tests.ocpp_client.loops import VirtualLoop, run

# --- the same CALL again


def test_a_repeated_call_is_answered_again_but_not_executed_again() -> None:
    """The same id with the same content gets the stored answer, refusals included."""

    async def main(_: VirtualLoop) -> None:
        handling = Handling()

        async def handle(call: Incoming) -> Reply:
            if call.action == "GetConfiguration":
                handling.asked.append(call.message_id)
                raise Refuse("GenericError")
            return await handling(call)

        async with line() as (ours, csms), station(ours, handler=handle):
            for text in (RESET.format("r"), CONFIGURATION.format("c")):
                await csms.send(text)
                answer = await hear(csms)
                await csms.send(text)
                assert await hear(csms) == answer
            assert handling.asked == ["r", "c"]

    run(main)


def test_a_call_repeated_on_the_next_connection_gets_the_answer_it_missed() -> None:
    """The connection broke while the handler was at work: it finishes, and its answer waits for the repetition."""

    async def main(_: VirtualLoop) -> None:
        handling, answers = Handling(at_once=False), AnswerCache()
        async with line() as (ours, csms), station(ours, handler=handling, answers=answers) as peer:
            await csms.send(RESET.format("r"))
            await asyncio.sleep(0.5)
            csms.abort()
            await asyncio.sleep(0.5)
            handling.go.set()
            await ended(peer)
        async with line() as (ours, csms), station(ours, handler=handling, answers=answers):
            await csms.send(RESET.format("r"))
            assert await hear(csms) == [3, "r", {"status": "Accepted"}]
        assert handling.asked == ["r"]

    run(main)


def test_a_handler_cut_off_by_the_loss_may_run_again() -> None:
    """A handler that does not finish within `drain_s` of the loss is cancelled, and its CALL forgotten."""

    async def main(loop: VirtualLoop) -> None:
        handling, answers = Handling(at_once=False), AnswerCache()
        async with line() as (ours, csms), station(ours, handler=handling, answers=answers, drain_s=2) as peer:
            await csms.send(RESET.format("r"))
            await asyncio.sleep(0.5)
            csms.abort()
            lost_at = loop.now
            await ended(peer)
            assert loop.now == pytest.approx(lost_at + 2, abs=0.1)
        handling.go.set()
        async with line() as (ours, csms), station(ours, handler=handling, answers=answers):
            await csms.send(RESET.format("r"))
            assert (await hear(csms))[:2] == [3, "r"]
        assert handling.asked == ["r", "r"]

    run(main)


def test_a_call_still_executing_is_not_begun_twice() -> None:
    """Repeated on a newer connection while its handler runs on the older: one execution, answered on the newer."""

    async def main(_: VirtualLoop) -> None:
        handling, answers = Handling(at_once=False), AnswerCache()
        options: dict[str, Any] = {"handler": handling, "answers": answers}
        async with (
            line() as (old, csms_old),
            line() as (new, csms_new),
            station(old, **options),
            station(new, **options),
        ):
            await csms_old.send(RESET.format("r"))
            await asyncio.sleep(1)
            csms_old.abort()
            await csms_new.send(RESET.format("r"))
            await asyncio.sleep(0.5)
            handling.go.set()
            assert await hear(csms_new) == [3, "r", {"status": "Accepted"}]
            assert handling.asked == ["r"]

    run(main)


def test_a_repetition_takes_over_what_was_cut_off() -> None:
    """If the execution it waits for is abandoned, the repeated CALL is executed itself."""

    async def main(_: VirtualLoop) -> None:
        handling, answers = Handling(at_once=False), AnswerCache()
        async with line() as (new, csms_new), station(new, handler=handling, answers=answers):
            async with line() as (old, csms_old), station(old, handler=handling, answers=answers):
                await csms_old.send(RESET.format("r"))
                await asyncio.sleep(1)
                await csms_new.send(RESET.format("r"))
                await asyncio.sleep(1)
                assert handling.asked == ["r"]
            await asyncio.sleep(1)
            assert handling.asked == ["r", "r"]
            handling.go.set()
            assert await hear(csms_new) == [3, "r", {"status": "Accepted"}]

    run(main)


def test_an_id_used_again_for_another_call_is_another_call() -> None:
    """Servers that count from 1 after each restart must not get the answers of yesterday."""

    async def main(_: VirtualLoop) -> None:
        handling = Handling()
        async with line() as (ours, csms), station(ours, handler=handling):
            await csms.send(RESET.format("1"))
            assert await hear(csms) == [3, "1", {"status": "Accepted"}]
            await csms.send(CONFIGURATION.format("1"))
            assert await hear(csms) == [3, "1", {}]

    run(main)


# --- 2.1

SEND = '[6,"s","NotifyPeriodicEventStream",{"id":1,"pending":0,"basetime":"2026-05-01T12:00:00Z","data":[{"t":0,"v":"1"}]}]'


def test_a_send_is_taken_and_never_answered() -> None:
    """SEND goes to its own handler; neither success nor failure nor nonsense is answered."""

    async def main(_: VirtualLoop) -> None:
        taken: list[Any] = []

        async def take(message: Incoming) -> None:
            taken.append(message.request)
            raise KeyError("a bug")

        async with line("ocpp2.1") as (ours, csms), station(ours, protocol="ocpp2.1", on_send=take):
            for text in (
                SEND,
                '[6,"s","NotifyPeriodicEventStream",{}]',
                '[6,"s","Vanish",{}]',
                '[6,"s","Reset",{"type":"OnIdle"}]',
            ):
                await csms.send(text)
            assert await quiet(csms, 5)
        assert [type(request) for request in taken] == [v21.NotifyPeriodicEventStreamRequest]
        async with line("ocpp2.1") as (ours, csms), station(ours, protocol="ocpp2.1", max_inbound=0):
            await csms.send(SEND)
            assert await quiet(csms, 5)

    run(main)


def test_an_unanswered_action_sent_as_a_call_is_refused() -> None:
    """There is no response to answer it with."""

    async def main(_: VirtualLoop) -> None:
        async with line("ocpp2.1") as (ours, csms), station(ours, protocol="ocpp2.1"):
            call = json.loads(SEND)
            await csms.send(json.dumps([2, *call[1:]]))
            assert (await hear(csms))[:3] == [4, "s", "NotSupported"]

    run(main)


def test_answers_that_cannot_be_sent_are_given_up(caplog: pytest.LogCaptureFixture) -> None:
    """The connection broke under the answer: noted, no more."""

    async def main(_: VirtualLoop) -> None:
        handling = Handling(at_once=False)
        async with line() as (ours, csms), station(ours, handler=handling) as peer:
            await csms.send(RESET.format("r"))
            await asyncio.sleep(0.5)
            ours.abort()
            handling.go.set()
            assert (await ended(peer)).cause == "broken"

    with caplog.at_level(logging.INFO):
        run(main)
    assert "answer not sent, connection lost cause=broken" in caplog.text
