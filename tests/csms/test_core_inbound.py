"""Calls of stations: executed once, answered right, whatever comes in."""

import json
from typing import Any

import pytest

from csms import v16
from csms.core.effects import Await
from csms.core.policy import Policy
from csms.core.router import Context, Router
from csms.stations import Boots
from ocpp_client.errors import Refuse
from ocpp_client.messages import Message
from ocpp_client.v16.core import (
    AuthorizeRequest,
    AuthorizeResponse,
    HeartbeatRequest,
    HeartbeatResponse,
    ResetRequest,
    StatusNotificationResponse,
)
from ocpp_client.v16.datatypes import IdTagInfo
from tests.csms.harness import Harness

BOOT = {"chargePointVendor": "Example", "chargePointModel": "Kerb 22"}
STATUS = {"connectorId": 1, "errorCode": "NoError", "status": "Available"}


@pytest.fixture
def harness() -> Harness:
    return Harness(v16.router())


def counting(answers: list[str]) -> Router:
    """A router whose StatusNotification handler counts how often it ran."""
    router = Router()

    @router.on("ocpp1.6", "StatusNotification")
    def status(context: Context, _request: Message) -> StatusNotificationResponse:
        answers.append(context.message_id)
        return StatusNotificationResponse()

    return router


def test_a_call_is_answered_with_its_id(harness: Harness) -> None:
    """The answer to a call carries the call's message id and the response's payload."""
    connection = harness.connect()
    assert harness.text(connection, '[2,"a-1","Heartbeat",{}]') == [
        [3, "a-1", {"currentTime": "2026-03-01T12:00:00.000Z"}]
    ]


def test_a_repeated_message_id_gets_the_stored_answer_and_is_not_executed_again() -> None:
    """The same call under the same id runs its handler once, also when it comes on another connection."""
    ran: list[str] = []
    harness = Harness(counting(ran))
    first = harness.call(harness.connect(), "StatusNotification", STATUS, "x")
    again = harness.call(harness.connect(), "StatusNotification", STATUS, "x")
    assert again == first
    assert ran == ["x"]
    assert harness.remarks() == ["repeated-message"]


def test_a_message_id_reused_for_another_content_is_a_new_call() -> None:
    """A station that numbers its messages anew after a boot is not given the answer of another message."""
    ran: list[str] = []
    harness = Harness(counting(ran))
    connection = harness.connect()
    harness.call(connection, "StatusNotification", STATUS, "1")
    harness.call(connection, "StatusNotification", {**STATUS, "status": "Faulted"}, "1")
    assert ran == ["1", "1"]


def test_the_time_is_never_told_from_memory_to_a_new_connection(harness: Harness) -> None:
    """A Heartbeat with a reused id after a reconnect gets the present time, not the stored answer."""
    early = harness.result(harness.connect(), "Heartbeat", {}, "1")
    harness.now_s += 60
    late = harness.result(harness.connect(), "Heartbeat", {}, "1")
    assert early["currentTime"] != late["currentTime"]


def test_a_refused_call_may_be_tried_again_under_its_id() -> None:
    """A CALLERROR is not stored: the same message is executed when it comes again."""
    router, willing = Router(), [False, True]

    @router.on("ocpp1.6", "StatusNotification")
    def status(_context: Context, _request: Message) -> StatusNotificationResponse:
        if not willing.pop(0):
            raise Refuse("InternalError", "not now")
        return StatusNotificationResponse()

    harness = Harness(router)
    connection = harness.connect()
    assert harness.call(connection, "StatusNotification", STATUS, "x")[:4] == [4, "x", "InternalError", "not now"]
    assert harness.call(connection, "StatusNotification", STATUS, "x") == [3, "x", {}]


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ('[2,"i","NoSuchThing",{}]', [4, "i", "NotImplemented"]),
        ('[2,"i","Reset",{"type":"Soft"}]', [4, "i", "NotSupported"]),
        ('[2,"i","Authorize",{}]', [4, "i", "OccurenceConstraintViolation"]),
        ('[2,"i","Authorize",{"idTag":5}]', [4, "i", "TypeConstraintViolation"]),
        ('[2,"i","Authorize",{"idTag":"' + "x" * 21 + '"}]', [4, "i", "PropertyConstraintViolation"]),
        ('[2,"i","Authorize",{"idTag":"A","more":1}]', [4, "i", "FormationViolation"]),
        ('[2,"i","Authorize",["A"]]', [4, "i", "ProtocolError"]),
        ('[2,"i","Authorize",{"idTag":"A"},7]', [4, "i", "FormationViolation"]),
        ('[2,"i","Authorize",{"idTag":}]', [4, "i", "FormationViolation"]),
        ('[2,"i","NoSuchThing",{"a":}]', [4, "i", "FormationViolation"]),
        ('[2,"i","Authorize",{"idTag":"A"}', [4, "i", "FormationViolation"]),
    ],
)
def test_what_cannot_be_executed_gets_its_callerror(harness: Harness, text: str, answer: list[Any]) -> None:
    """Each way of being wrong has its CALLERROR code in the spelling of 1.6, and changes nothing."""
    connection = harness.connect()
    (error,) = harness.text(connection, text)
    assert error[:3] == answer
    assert harness.store.items("answers", "CP1") == []


@pytest.mark.parametrize("text", ["no json", "{}", "[]", '[2,5,"Heartbeat",{}]', '[9,"i",{}]', b"\x00", '[3,"i",5]'])
def test_what_has_no_readable_id_is_not_answered_in_16(harness: Harness, text: str | bytes) -> None:
    """A message without a readable id of a call gets silence and a remark, and the next call is answered."""
    connection = harness.connect()
    assert harness.text(connection, text) == []
    assert len(harness.remarks()) == 1
    assert harness.call(connection, "Heartbeat", {})[0] == 3


def test_unreadable_messages_are_answered_with_id_minus_one_in_201(harness: Harness) -> None:
    """OCPP 2.0.1 answers an unreadable message with the id -1."""
    connection = harness.connect(protocol="ocpp2.0.1")
    assert harness.text(connection, "no json")[0][:3] == [4, "-1", "RpcFrameworkError"]


def test_a_message_on_an_unknown_connection_closes_it(harness: Harness) -> None:
    """A gateway that forgot to announce a connection is told to end it."""
    harness.text("never seen", '[2,"i","Heartbeat",{}]')
    assert [effect.code for effect in harness.closed()] == [1011]


def test_a_handler_that_fails_answers_internal_error_without_detail(caplog: pytest.LogCaptureFixture) -> None:
    """What a handler raises reaches the log, not the station."""
    router = Router()

    @router.on("ocpp1.6", "Heartbeat")
    def heartbeat(_context: Context, _request: Message) -> HeartbeatResponse:
        raise RuntimeError("secret 4711")

    answer = Harness(router)
    error = answer.call(answer.connect(), "Heartbeat", {})
    assert error[2:4] == ["InternalError", "the handler failed"]
    assert "secret 4711" in caplog.text


def test_a_handler_that_returns_the_wrong_message_answers_internal_error() -> None:
    """Only the response of the action that was called is an answer."""
    router = Router()
    router.on("ocpp1.6", "Heartbeat")(lambda _context, _request: StatusNotificationResponse())
    harness = Harness(router)
    assert harness.call(harness.connect(), "Heartbeat", {})[2] == "InternalError"


def test_a_second_handler_for_an_action_is_refused() -> None:
    """Two handlers in one router are a mistake, found when the second one is registered."""
    router = v16.router()
    with pytest.raises(ValueError, match=r"two handlers for ocpp1\.6 Heartbeat"):
        router.on("ocpp1.6", "Heartbeat")(lambda _context, _request: StatusNotificationResponse())


def test_own_handlers_win_and_hooks_run_around_all() -> None:
    """A router laid over another replaces its handlers; hooks of both run for every action."""
    seen: list[str] = []
    own = Router()

    @own.on("ocpp1.6", "Authorize")
    def authorize(_context: Context, request: AuthorizeRequest) -> AuthorizeResponse:
        return AuthorizeResponse(id_tag_info=IdTagInfo(status="Blocked", parent_id_tag=request.id_tag))

    @own.before
    def before(context: Context, _request: Message) -> None:
        seen.append(f"before {context.action}")

    @own.after
    def after(context: Context, _request: Message, response: Message) -> None:
        seen.append(f"after {context.action} {type(response).__name__}")

    harness = Harness(v16.router().overlaid(own))
    connection = harness.connect()
    info = {"parentIdTag": "A", "status": "Blocked"}
    assert harness.result(connection, "Authorize", {"idTag": "A"}) == {"idTagInfo": info}
    harness.result(connection, "Heartbeat", {})
    assert seen == [
        "before Authorize",
        "after Authorize AuthorizeResponse",
        "before Heartbeat",
        "after Heartbeat HeartbeatResponse",
    ]


def test_a_hook_may_refuse_before_the_handler_runs() -> None:
    """Refuse raised by a before hook becomes the CALLERROR, and the handler does not run."""
    ran: list[str] = []
    router = counting(ran)

    @router.before
    def before(_context: Context, _request: Message) -> None:
        raise Refuse("SecurityError", "go away")

    harness = Harness(router)
    assert harness.call(harness.connect(), "StatusNotification", STATUS)[2:4] == ["SecurityError", "go away"]
    assert ran == []


def test_what_a_handler_commands_follows_its_answer() -> None:
    """The answer goes out first, then the call the handler wished for."""
    router = Router()

    @router.on("ocpp1.6", "Heartbeat")
    def heartbeat(context: Context, _request: HeartbeatRequest) -> HeartbeatResponse:
        context.command("Reset", ResetRequest(type="Soft"))
        return HeartbeatResponse(current_time=context.at.utc)

    harness = Harness(router)
    sent = harness.text(harness.connect(), '[2,"i","Heartbeat",{}]')
    assert [(each[0], each[2] if each[0] == 2 else "") for each in sent] == [(3, ""), (2, "Reset")]


# --- asynchronous handlers


def later(protocol: str = "ocpp1.6") -> Router:
    """A router whose StatusNotification takes time; its other actions answer at once."""
    router = Router()

    async def status(_context: Context, _request: Message) -> Message:
        raise AssertionError("the harness ends jobs itself")

    router.on(protocol, "StatusNotification")(status)
    return v16.router().overlaid(router)


def close_awaitables(harness: Harness) -> None:
    for effect in harness.effects:
        if isinstance(effect, Await):
            effect.awaitable.close()  # type: ignore[attr-defined]


def test_calls_wait_for_a_running_handler_and_are_answered_in_order() -> None:
    """While a handler runs, the station's next calls wait; their answers follow in the order of arrival."""
    harness = Harness(later())
    connection = harness.connect()
    assert harness.text(connection, json.dumps([2, "slow", "StatusNotification", STATUS])) == []
    close_awaitables(harness)
    job = next(effect for effect in harness.effects if isinstance(effect, Await))
    assert harness.text(connection, '[2,"quick","Heartbeat",{}]') == []
    harness.finish(StatusNotificationResponse(), job)
    assert [answer[1] for answer in harness.sent(connection)] == ["slow", "quick"]


def test_a_call_that_is_still_being_executed_is_not_started_twice() -> None:
    """The repeated call waits for the running handler; the answer goes to the connection that asked last."""
    harness = Harness(later())
    first = harness.connect()
    text = json.dumps([2, "slow", "StatusNotification", STATUS])
    harness.text(first, text)
    close_awaitables(harness)
    job = next(effect for effect in harness.effects if isinstance(effect, Await))
    second = harness.connect()
    assert harness.text(second, text) == []
    assert not any(isinstance(effect, Await) for effect in harness.effects)
    harness.finish(StatusNotificationResponse(), job)
    assert harness.sent(first) == []
    assert harness.sent(second) == [[3, "slow", {}]]


def test_the_answer_to_a_dead_connection_is_kept_for_the_next_try() -> None:
    """A handler that ends after its connection answers nobody, and the repeated call gets the stored answer."""
    harness = Harness(later())
    connection = harness.connect()
    text = json.dumps([2, "slow", "StatusNotification", STATUS])
    harness.text(connection, text)
    close_awaitables(harness)
    job = next(effect for effect in harness.effects if isinstance(effect, Await))
    harness.disconnect(connection)
    harness.finish(StatusNotificationResponse(), job)
    assert harness.sent() == []
    assert harness.text(harness.connect(), text) == [[3, "slow", {}]]


def test_a_handler_that_takes_too_long_answers_internal_error() -> None:
    """The time-out of an asynchronous handler becomes a CALLERROR."""
    harness = Harness(later())
    connection = harness.connect()
    harness.text(connection, json.dumps([2, "slow", "StatusNotification", STATUS]))
    close_awaitables(harness)
    harness.finish(TimeoutError())
    assert harness.sent(connection)[0][2:4] == ["InternalError", "the handler took too long"]


def test_calls_waiting_for_a_handler_are_bounded() -> None:
    """One call more than may wait is refused at once, and those that wait are not lost."""
    router = later()
    harness = Harness(router, Policy(max_waiting_calls=2))
    connection = harness.connect()
    harness.text(connection, json.dumps([2, "slow", "StatusNotification", STATUS]))
    close_awaitables(harness)
    job = next(effect for effect in harness.effects if isinstance(effect, Await))
    assert harness.text(connection, '[2,"a","Heartbeat",{}]') == []
    assert harness.text(connection, '[2,"b","Heartbeat",{}]') == []
    assert harness.text(connection, '[2,"c","Heartbeat",{}]')[0][:3] == [4, "c", "InternalError"]
    harness.finish(StatusNotificationResponse(), job)
    assert [answer[1] for answer in harness.sent(connection)] == ["slow", "a", "b"]


# --- registration


def test_messages_before_acceptance_are_tolerated_by_default(harness: Harness) -> None:
    """A station that reconnects to a central system that forgot it needs no new boot."""
    assert harness.call(harness.connect(), "StatusNotification", STATUS)[0] == 3


def test_strict_registration_refuses_until_the_boot_is_accepted() -> None:
    """With strict registration a message before the accepted boot gets SecurityError, and is welcome afterwards."""
    harness = Harness(v16.router(), Policy(strict_registration=True))
    connection = harness.connect()
    assert harness.call(connection, "StatusNotification", STATUS, "s")[2] == "SecurityError"
    assert harness.remarks() == ["before-acceptance"]
    assert harness.result(connection, "BootNotification", BOOT)["status"] == "Accepted"
    assert harness.call(connection, "StatusNotification", STATUS, "s")[0] == 3
    assert harness.call(harness.connect(), "StatusNotification", STATUS)[0] == 3


def test_a_pending_station_may_send_only_what_it_was_asked_for() -> None:
    """While Pending, a triggered message is admitted under strict registration, and no other."""
    harness = Harness(v16.router(), Policy(strict_registration=True))
    connection = harness.connect()
    Boots(harness.store).hold("CP1", "Pending", times=1, retry_s=5)
    assert harness.result(connection, "BootNotification", BOOT) | {"currentTime": ""} == {
        "status": "Pending",
        "interval": 5,
        "currentTime": "",
    }
    assert harness.call(connection, "StatusNotification", STATUS)[2] == "SecurityError"
    harness.command("TriggerMessage", '{"requestedMessage":"StatusNotification"}')
    assert harness.call(connection, "StatusNotification", STATUS)[0] == 3
    assert harness.call(connection, "Heartbeat", {})[2] == "SecurityError"
    assert harness.result(connection, "BootNotification", BOOT)["status"] == "Accepted"
