"""Our CALLs: one in flight, matched by id, ended by answer, error, time-out or loss."""

import asyncio
import logging
from typing import Any

import pytest

from ocpp_client import v21, v201
from ocpp_client.errors import AnswerInvalid, CallError, CallTimeout, ConnectionLost, MessageTooLarge
from ocpp_client.peer import CALL_TIMEOUT_S, Incoming, Reply
from ocpp_client.sockets import WebSocket
from ocpp_client.v16 import (
    DataTransferRequest,
    GetConfigurationResponse,
    HeartbeatRequest,
    StartTransactionRequest,
)
from tests.ocpp_client.lines import HEARTBEAT_ANSWER, answer_heartbeat, ended, hear, line, quiet, soon, station
from tests.ocpp_client.loops import VirtualLoop, run

HEARTBEAT = HeartbeatRequest()
START = StartTransactionRequest.model_validate(
    {"connectorId": 1, "idTag": "A", "meterStart": 0, "timestamp": "2026-05-01T12:00:00Z"}, strict=False
)


async def configuration(_: Incoming) -> Reply:
    """Answer a GetConfiguration with nothing."""
    return Reply(GetConfigurationResponse())


def test_a_call_returns_the_typed_answer() -> None:
    """The CALL goes out compact, and its CALLRESULT comes back as the model of its action."""

    async def main(_: VirtualLoop) -> None:
        async with line() as (ours, csms), station(ours) as peer:
            calling = soon(peer.call(HEARTBEAT))
            assert await csms.receive() == '[2,"1","Heartbeat",{}]'
            await csms.send(f'[3,"1",{HEARTBEAT_ANSWER}]')
            answer = await calling
            assert answer.current_time.isoformat() == "2026-05-01T12:00:00+00:00"

    run(main)


def test_a_repeated_message_may_keep_its_id() -> None:
    """The caller may give the id; one longer than 36 characters is refused before anything is sent."""

    async def main(_: VirtualLoop) -> None:
        async with line() as (ours, csms), station(ours) as peer:
            calling = soon(peer.call(HEARTBEAT, message_id="kept"))
            assert (await answer_heartbeat(csms))[1] == "kept"
            await calling
            with pytest.raises(ValueError, match="36 characters"):
                await peer.call(HEARTBEAT, message_id="x" * 37)

    run(main)


def test_one_call_is_in_flight_and_the_others_take_turns() -> None:
    """No second CALL leaves before the first has its answer; they leave in the order they were made."""

    async def main(loop: VirtualLoop) -> None:
        async with line() as (ours, csms), station(ours) as peer:
            callings = [soon(peer.call(HEARTBEAT, message_id=name)) for name in "abc"]
            for name in "abc":
                call = await hear(csms)
                assert call[1] == name
                assert await quiet(csms, 5)
                await csms.send(f'[3,"{name}",{HEARTBEAT_ANSWER}]')
            await asyncio.gather(*callings)
            assert loop.now < 1000 + CALL_TIMEOUT_S

    run(main)


def test_a_caller_who_goes_away_does_not_free_the_place() -> None:
    """A cancelled call still occupies the connection until it is answered: the rule counts messages, not callers."""

    async def main(_: VirtualLoop) -> None:
        async with line() as (ours, csms), station(ours) as peer:
            gone = soon(peer.call(HEARTBEAT, message_id="gone"))
            await hear(csms)
            gone.cancel()
            following = soon(peer.call(HEARTBEAT, message_id="next"))
            assert await quiet(csms, 5)
            await csms.send(f'[3,"gone",{HEARTBEAT_ANSWER}]')
            assert (await hear(csms))[1] == "next"
            await csms.send(f'[3,"next",{HEARTBEAT_ANSWER}]')
            await following

    run(main)


def test_a_caller_who_goes_away_while_sending_does_not_free_the_place() -> None:
    """The message may be on its way already: it is, here, as soon as the other side reads again."""

    async def main(_: VirtualLoop) -> None:
        async with line() as (ours, csms), station(ours) as peer:
            csms.pause_reading()
            filling = [soon(ours.send("x" * 30_000)) for _ in range(3)]
            gone = soon(peer.call(HEARTBEAT, message_id="gone"))
            await asyncio.sleep(1)
            gone.cancel()
            following = soon(peer.call(HEARTBEAT, message_id="next"))
            csms.resume_reading()
            for _filler in filling:
                await csms.receive()
            assert (await hear(csms))[1] == "gone"
            assert await quiet(csms, 5)
            await csms.send(f'[3,"gone",{HEARTBEAT_ANSWER}]')
            assert (await answer_heartbeat(csms))[1] == "next"
            await asyncio.gather(following, *filling)

    run(main)


def test_calls_of_the_csms_are_answered_while_ours_waits() -> None:
    """A server with one slot for both directions answers nothing before its own CALL is answered: no deadlock."""

    async def main(_: VirtualLoop) -> None:
        async with line() as (ours, csms), station(ours, handler=configuration) as peer:
            calling = soon(peer.call(HEARTBEAT))
            await hear(csms)
            await csms.send('[2,"s1","GetConfiguration",{"key":[]}]')
            assert await hear(csms) == [3, "s1", {}]
            await csms.send(f'[3,"1",{HEARTBEAT_ANSWER}]')
            await calling

    run(main)


def test_a_call_survives_a_server_that_stalls_for_thirty_seconds() -> None:
    """A CALL of theirs that got lost holds up our next answer for 30.0 s: the standard time-out is longer."""

    async def main(loop: VirtualLoop) -> None:
        async with line() as (ours, csms), station(ours) as peer:
            calling = soon(peer.call(HEARTBEAT))
            call = await hear(csms)
            await asyncio.sleep(30.0)
            await csms.send(f'[3,"{call[1]}",{HEARTBEAT_ANSWER}]')
            await calling
            assert loop.now > 1030

    run(main)


def test_silence_is_a_timeout_and_a_late_answer_is_ignored(caplog: pytest.LogCaptureFixture) -> None:
    """The time-out frees the place; the answer that comes later is logged and given to nobody."""

    async def main(loop: VirtualLoop) -> None:
        async with line() as (ours, csms), station(ours) as peer:
            begun = loop.now
            with pytest.raises(CallTimeout, match="Heartbeat not answered within 10 s") as caught:
                await peer.call(HEARTBEAT, timeout_s=10)
            assert caught.value.evidence() == {"action": "Heartbeat", "timeout_s": 10}
            assert loop.now == pytest.approx(begun + 10)
            calling = soon(peer.call(HEARTBEAT))
            await hear(csms)
            await hear(csms)
            await csms.send(f'[3,"1",{HEARTBEAT_ANSWER}]')
            await csms.send(f'[3,"9",{HEARTBEAT_ANSWER}]')
            await asyncio.sleep(1)
            assert not calling.done()
            await csms.send(f'[3,"2",{HEARTBEAT_ANSWER}]')
            await calling

    run(main)
    assert "answer late, ignored id=1" in caplog.text
    assert "answer to no call of ours, ignored id='9'" in caplog.text


def test_two_unanswered_calls_in_a_row_end_the_connection() -> None:
    """An open socket that gives no answers is a dead one (old and new socket alive together can end like that)."""

    async def main(_: VirtualLoop) -> None:
        async with line() as (ours, csms), station(ours) as peer:
            for _attempt in range(2):
                with pytest.raises(CallTimeout):
                    await peer.call(HEARTBEAT, timeout_s=10)
                await hear(csms)
            lost = await ended(peer)
            assert (lost.cause, lost.code) == ("unanswered", 1001)
            with pytest.raises(ConnectionLost):
                await peer.call(HEARTBEAT)

    run(main)


def test_an_answer_between_silences_keeps_the_connection() -> None:
    """Only silence in a row counts: an answer, in time or late, begins the count anew."""

    async def main(_: VirtualLoop) -> None:
        async with line() as (ours, csms), station(ours) as peer:
            for late in (False, True):
                with pytest.raises(CallTimeout):
                    await peer.call(HEARTBEAT, timeout_s=10)
                missed = await hear(csms)
                if late:
                    await csms.send(f'[3,"{missed[1]}",{HEARTBEAT_ANSWER}]')
                    await asyncio.sleep(1)
                else:
                    calling = soon(peer.call(HEARTBEAT))
                    await answer_heartbeat(csms)
                    await calling
            with pytest.raises(CallTimeout):
                await peer.call(HEARTBEAT, timeout_s=10)
            await hear(csms)
            calling = soon(peer.call(HEARTBEAT))
            await answer_heartbeat(csms)
            await calling

    run(main)


@pytest.mark.parametrize("code", ["NotSupported", "NotImplemented", "InternalError", "FormatViolation", "Made Up"])
def test_a_callerror_reaches_the_caller(code: str) -> None:
    """Servers refuse ordinary messages with whatever code; the caller gets code, text and details."""

    async def main(_: VirtualLoop) -> None:
        async with line() as (ours, csms), station(ours) as peer:
            calling = soon(peer.call(DataTransferRequest(vendor_id="x")))
            await hear(csms)
            await csms.send(f'[4,"1","{code}","no",{{"a":1}}]')
            with pytest.raises(CallError, match=f"DataTransfer answered with {code}: no") as caught:
                await calling
            assert (caught.value.code, caught.value.details) == (code, {"a": 1})

    run(main)


@pytest.mark.parametrize("nobody", ["null", '"-1"'])
def test_an_error_without_an_id_cuts_the_wait_short(nobody: str) -> None:
    """It most likely means the CALL in flight: two seconds later, that has failed with this error."""

    async def main(loop: VirtualLoop) -> None:
        async with line() as (ours, csms), station(ours) as peer:
            begun = loop.now
            calling = soon(peer.call(HEARTBEAT))
            await hear(csms)
            for _ in range(2):
                await csms.send(f'[4,{nobody},"InternalError","?",{{}}]')
            with pytest.raises(CallError, match="InternalError"):
                await calling
            assert loop.now < begun + 3

    run(main)


def test_the_true_answer_wins_over_an_error_without_an_id() -> None:
    """The error may have meant an answer of ours: a CALLRESULT that still comes is taken."""

    async def main(_: VirtualLoop) -> None:
        async with line() as (ours, csms), station(ours) as peer:
            await csms.send('[4,"-1","InternalError","?",{}]')
            calling = soon(peer.call(HEARTBEAT))
            await hear(csms)
            await csms.send('[4,"-1","InternalError","?",{}]')
            await asyncio.sleep(1)
            await csms.send(f'[3,"1",{HEARTBEAT_ANSWER}]')
            await calling

    run(main)


def test_an_answer_against_its_schema_keeps_what_is_usable() -> None:
    """StartTransaction refused without a transactionId, and with a field too many: the status can still be used."""

    async def main(_: VirtualLoop) -> None:
        async with line() as (ours, csms), station(ours) as peer:
            calling = soon(peer.call(START))
            await hear(csms)
            await csms.send('[3,"1",{"idTagInfo":{"status":"Invalid"},"why":"because"}]')
            with pytest.raises(AnswerInvalid, match="transactionId") as caught:
                await calling
            assert caught.value.raw == {"idTagInfo": {"status": "Invalid"}, "why": "because"}
            assert caught.value.usable["id_tag_info"].status == "Invalid"

    run(main)


@pytest.mark.parametrize(
    "answer", ['[3,"1",{},{}]', '[3,"1"]', '[3,"1",{"a":}]', '[3,"1",5]', '[4,"1",7,"",{}]', '[3,"1",{"a":NaN}]']
)
def test_a_malformed_answer_fails_its_call_at_once(answer: str) -> None:
    """If the id can be read, the caller need not wait for a time-out; nobody answers an answer."""

    async def main(loop: VirtualLoop) -> None:
        async with line() as (ours, csms), station(ours) as peer:
            calling = soon(peer.call(HEARTBEAT))
            await hear(csms)
            await csms.send(answer)
            with pytest.raises(AnswerInvalid):
                await calling
            assert loop.now < 1001
            following = soon(peer.call(HEARTBEAT))
            assert (await answer_heartbeat(csms))[2] == "Heartbeat"
            await following

    run(main)


def test_a_message_too_large_is_not_sent() -> None:
    """What exceeds the limit is refused before sending: unchanged it would end every connection (close code 1009)."""

    async def main(_: VirtualLoop) -> None:
        async with line() as (ours, csms), station(ours, max_message_bytes=2000) as peer:
            with pytest.raises(MessageTooLarge, match="DataTransfer takes 20") as caught:
                await peer.call(DataTransferRequest(vendor_id="x", data="é" * 1000))
            assert caught.value.limit_bytes == 2000
            calling = soon(peer.call(HEARTBEAT))
            assert (await answer_heartbeat(csms))[2] == "Heartbeat"
            await calling

    run(main)


def test_a_lost_connection_fails_all_calls_at_once() -> None:
    """The call in flight, those that wait and those that come later all learn it immediately."""

    async def main(loop: VirtualLoop) -> None:
        async with line() as (ours, csms), station(ours) as peer:
            callings = [soon(peer.call(HEARTBEAT)) for _ in range(3)]
            await hear(csms)
            csms.abort()
            for calling in callings:
                with pytest.raises(ConnectionLost):
                    await calling
            with pytest.raises(ConnectionLost):
                await peer.call(HEARTBEAT)
            assert (await ended(peer)).cause == "broken"
            assert loop.now < 1001

    run(main)


def test_stopping_the_peer_fails_its_calls() -> None:
    """A run that is cancelled leaves no caller behind."""

    async def main(_: VirtualLoop) -> None:
        async with line() as (ours, csms):
            async with station(ours) as peer:
                calling = soon(peer.call(HEARTBEAT))
                await hear(csms)
            with pytest.raises(ConnectionLost, match="local") as caught:
                await calling
            assert caught.value.cause == "local"

    run(main)


def test_a_call_that_cannot_be_written_ends_the_connection() -> None:
    """A peer that reads nothing fills every buffer; the first time-out of such a call is enough."""

    async def main(loop: VirtualLoop) -> None:
        async with line() as (ours, csms), station(ours, max_message_bytes=10**6) as peer:
            csms.pause_reading()
            calling = soon(peer.call(DataTransferRequest(vendor_id="x", data="x" * 200_000), timeout_s=10))
            lost = await ended(peer)
            assert lost.cause == "unanswered"
            with pytest.raises((CallTimeout, ConnectionLost)):
                await calling
            assert loop.now < 1013

    run(main)


def test_frames_can_be_watched() -> None:
    """The hook sees every text in both directions, with its time."""
    seen: list[tuple[str, str, float]] = []

    async def main(_: VirtualLoop) -> None:
        def watch(direction: str, text: str, at: float) -> None:
            seen.append((direction, text, at))

        async with line() as (ours, csms), station(ours, on_frame=watch) as peer:
            calling = soon(peer.call(HEARTBEAT))
            await answer_heartbeat(csms)
            await calling

    run(main)
    assert [(way, text) for way, text, _ in seen] == [
        ("out", '[2,"1","Heartbeat",{}]'),
        ("in", f'[3,"1",{HEARTBEAT_ANSWER}]'),
    ]
    assert 1000 < seen[0][2] < seen[1][2] < 1001


def test_raw_calls_take_any_action_and_payload() -> None:
    """What no model covers can be sent as text, and comes back as text."""

    async def main(_: VirtualLoop) -> None:
        async with line() as (ours, csms), station(ours) as peer:
            calling = soon(peer.call_raw("Vendor\n", '{"a":1}'))
            assert await hear(csms) == [2, "1", "Vendor\n", {"a": 1}]
            await csms.send('[3,"1",{ "b" : 2 }]')
            assert await calling == '{ "b" : 2 }'

    run(main)


# --- 2.1


def stream_data() -> Any:
    """One value of a periodic event stream."""
    return v21.NotifyPeriodicEventStreamRequest.model_validate(
        {"id": 1, "pending": 0, "basetime": "2026-05-01T12:00:00Z", "data": [{"t": 0, "v": "1"}]}, strict=False
    )


def test_a_send_needs_no_answer_and_no_turn() -> None:
    """SEND of 2.1 leaves even while a CALL is in flight; older versions have none."""

    async def main(_: VirtualLoop) -> None:
        async with line("ocpp2.1") as (ours, csms), station(ours, protocol="ocpp2.1") as peer:
            calling = soon(peer.call(v21.HeartbeatRequest()))
            await hear(csms)
            await peer.send(stream_data())
            sent = await hear(csms)
            assert (sent[0], sent[2], sent[3]["id"]) == (6, "NotifyPeriodicEventStream", 1)
            await csms.send(f'[3,"1",{HEARTBEAT_ANSWER}]')
            await calling
        async with line("ocpp2.0.1") as (ours, _csms), station(ours, protocol="ocpp2.0.1") as peer:
            with pytest.raises(ValueError, match=r"ocpp2\.0\.1 has no unanswered messages"):
                await peer.send(v201.HeartbeatRequest())

    run(main)


async def bad_answer(csms: WebSocket) -> Any:
    """Answer a Heartbeat without its only field, and return what follows."""
    call = await hear(csms)
    await csms.send(f'[3,"{call[1]}",{{}}]')
    try:
        async with asyncio.timeout(1):
            return await hear(csms)
    except TimeoutError:
        return None


def test_a_bad_answer_is_refused_where_the_version_allows_it() -> None:
    """2.1 tells the CSMS with a CALLRESULTERROR what was wrong with its answer; 2.0.1 stays silent."""

    async def main(_: VirtualLoop) -> None:
        async with line("ocpp2.1") as (ours, csms), station(ours, protocol="ocpp2.1") as peer:
            calling = soon(peer.call(v21.HeartbeatRequest()))
            refusal = await bad_answer(csms)
            assert refusal[:3] == [5, "1", "OccurrenceConstraintViolation"]
            with pytest.raises(AnswerInvalid):
                await calling
        async with line("ocpp2.0.1") as (ours, csms), station(ours, protocol="ocpp2.0.1") as peer:
            calling = soon(peer.call(v201.HeartbeatRequest()))
            assert await bad_answer(csms) is None
            with pytest.raises(AnswerInvalid):
                await calling

    run(main)


def test_a_refused_answer_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """A CALLRESULTERROR about an answer of ours is for a person to read; nothing else happens."""

    async def main(_: VirtualLoop) -> None:
        async with line("ocpp2.1") as (ours, csms), station(ours, protocol="ocpp2.1"):
            await csms.send('[5,"7","FormatViolation","what?",{}]')
            await asyncio.sleep(1)

    with caplog.at_level(logging.WARNING):
        run(main)
    assert "answer refused id='7' code='FormatViolation' text='what?'" in caplog.text
