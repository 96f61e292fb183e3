"""Calls of a station to the central system, and their answers.

A call is executed once: a message id that comes again with the same content gets the stored answer, on whatever
connection it comes, and a call that is still being executed is not started twice. Only results are stored. A refusal
changed nothing, so the station may well try the same message again.
"""

import hashlib
import inspect
import logging
from collections.abc import Callable, Iterator
from typing import Any, Final

from csms.core.effects import Await, DomainEvent, Effect, Emit, Job, Send
from csms.core.events import Command, Done, Moment
from csms.core.outbound import Messages, Outbound
from csms.core.policy import Policy
from csms.core.presence import Presence, registration
from csms.core.router import Context, Router
from csms.core.solicited import solicited
from csms.core.store import Store
from ocpp_client.catalogue import UnknownAction
from ocpp_client.dialects import dialect
from ocpp_client.errors import Refuse
from ocpp_client.framing import Call, CallError, Malformed, answer_to, encode_error, encode_result, parse
from ocpp_client.messages import Message, MessageInvalid, from_wire, to_wire

log = logging.getLogger(__name__)

ANSWERS = "answers"
FLEETING_ANSWERS = "fleeting"
RUNNING = "running"
WAITING = "waiting"

# Their answers carry the time, and many stations number their messages from 1 after every boot: a stored answer is good
# only on the connection on which it was given.
FLEETING: Final = frozenset({"BootNotification", "Heartbeat"})


class Inbound:
    """Executes the calls of stations, one at a time for each."""

    def __init__(
        self, messages: Messages, router: Router, policy: Policy, outbound: Outbound, new_id: Callable[[], str]
    ) -> None:
        self._messages = messages
        self._router = router
        self._policy = policy
        self._outbound = outbound
        self._new_id = new_id

    def called(self, presence: Presence, call: Call, text: str, at: Moment, store: Store) -> Iterator[Effect]:
        """Take a call. `text` is its whole message."""
        station, digest = presence.station, _digest(call)
        table, owner = _answers_of(presence.connection, station, call.action)
        stored = store.get(table, owner, call.id)
        if stored is not None and stored["digest"] == digest:
            yield Send(presence.connection, stored["text"], call.id, answers=call.action)
            yield _remark(presence, at, "repeated-message", action=call.action, message_id=call.id)
            return
        running = store.get(RUNNING, station, call.id)
        if running is not None and running["digest"] == digest:
            store.put(RUNNING, station, call.id, {**running, "connection": presence.connection})
            yield _remark(presence, at, "repeated-message", action=call.action, message_id=call.id)
        elif store.count(RUNNING, station) == 0:
            yield from self._execute(presence, call, text, at, store)
        elif store.count(WAITING, presence.connection) >= self._policy.max_waiting_calls:
            yield _refuse(
                presence, call, "InternalError", "busy: too many calls wait for an answer; send one at a time"
            )
        else:
            store.put(WAITING, presence.connection, call.id, {"text": text})

    def malformed(self, presence: Presence, bad: Malformed, at: Moment) -> Iterator[Effect]:
        """Answer a message that is no call, result or error, as far as its version allows an answer."""
        answer = answer_to(bad, dialect(presence.protocol))
        if answer is not None:
            yield Send(presence.connection, encode_error(answer), bad.id or "")
        yield _remark(presence, at, "malformed-message", fault=bad.fault.value, text=bad.text, message_id=bad.id)

    def done(self, event: Done, store: Store) -> Iterator[Effect]:
        """Take what came of an asynchronous handler, and go on with the calls that waited for it."""
        job, context = event.job, event.job.context
        assert isinstance(context, Context)
        running = store.get(RUNNING, job.station, job.message_id)
        store.delete(RUNNING, job.station, job.message_id)
        connection = job.connection if running is None else running["connection"]
        digest = "" if running is None else running["digest"]
        for effect in self._finish(context, job.request, event.result, digest, event.at, store):
            match effect:
                case Send(answers=answers) if answers is not None:
                    # The station may have come back on another connection. It gets the answer there only if it asked
                    # there again; otherwise its next try will find the stored one.
                    presence = Presence.on(store, connection)
                    if presence is not None and presence.is_current(store):
                        yield Send(connection, effect.text, effect.message_id, answers=answers)
                case _:
                    yield effect
        presence = Presence.of(store, job.station)
        while presence is not None and store.count(RUNNING, job.station) == 0:
            waiting = store.first(WAITING, presence.connection)
            if waiting is None:
                return
            store.delete(WAITING, presence.connection, waiting[0])
            call = parse(waiting[1]["text"], dialect(presence.protocol))
            assert isinstance(call, Call)
            yield from self.called(presence, call, waiting[1]["text"], event.at, store)

    def connection_ended(self, connection: str, store: Store) -> None:
        """Forget the calls that waited on a connection; the station sends them again."""
        store.drop(WAITING, connection)
        store.drop(FLEETING_ANSWERS, connection)

    def restarted(self, store: Store) -> None:
        """Forget the calls whose handlers ran when the process ended; the stations send them again."""
        for station in store.owners(RUNNING):
            store.drop(RUNNING, station)

    def _execute(self, presence: Presence, call: Call, text: str, at: Moment, store: Store) -> Iterator[Effect]:
        """Read, check and hand to the handler."""
        try:
            request = from_wire(self._messages(presence.protocol).request(call.action), call.payload)
        except UnknownAction as error:
            yield from self._unreadable(presence, call, text, "NotImplemented", [str(error)], at)
            return
        except MessageInvalid as error:
            code = dialect(presence.protocol).codes[error.violations[0].kind]
            yield from self._unreadable(presence, call, text, code, [str(each) for each in error.violations], at)
            return
        if not self._admits(presence, call.action, store):
            yield _refuse(presence, call, "SecurityError", "send a BootNotification and wait until it is accepted")
            yield _remark(presence, at, "before-acceptance", action=call.action, message_id=call.id)
            return
        handler = self._router.find(presence.protocol, call.action)
        if handler is None:
            yield _refuse(presence, call, "NotSupported", "not an action for a central system, or none takes it here")
            return
        digest = _digest(call)
        context = Context(
            presence.station, presence.protocol, presence.connection, call.id, call.action, at, store, self._policy
        )
        result: Any
        try:
            self._router.run_before(context, request)
            result = handler(context, request)
        except Exception as error:  # noqa: BLE001 - whatever a handler raises becomes a CALLERROR; _finish logs it
            result = error
        if inspect.isawaitable(result):
            store.put(RUNNING, presence.station, call.id, {"digest": digest, "connection": presence.connection})
            job = Job(presence.station, presence.connection, call.id, call.action, context, request)
            yield Await(job, result)
        else:
            yield from self._finish(context, request, result, digest, at, store)

    def _finish(
        self, context: Context, request: Message, result: Any, digest: str, at: Moment, store: Store
    ) -> Iterator[Effect]:
        """Answer a call whose handler returned or raised `result`, then do what the handler wished."""
        try:
            text = self._answer(context, request, result)
        except Refuse as refusal:
            error = CallError(context.message_id, refusal.code, refusal.description, refusal.details)
            yield Send(context.connection, encode_error(error), context.message_id, answers=context.action)
            return
        table, owner = _answers_of(context.connection, context.station, context.action)
        store.put(table, owner, context.message_id, {"action": context.action, "digest": digest, "text": text})
        yield Send(context.connection, text, context.message_id, answers=context.action)
        for action, command, timeout_s in context.commanded:
            deadline_s = at.monotonic_s + timeout_s
            wish = Command(self._new_id(), context.station, action, to_wire(command), deadline_s, at)
            yield from self._outbound.command(wish, store)
        for event in context.emitted:
            yield Emit(event)

    def _answer(self, context: Context, request: Message, result: Any) -> str:
        """The text of the result. Raises Refuse for everything that is none."""
        if isinstance(result, Refuse):
            raise result
        try:
            if isinstance(result, Exception):
                raise result
            expected = self._messages(context.protocol).response(context.action)
            if not isinstance(result, expected):
                raise TypeError(f"the handler returned {type(result).__name__}, not {expected.__name__}")
            self._router.run_after(context, request, result)
            return encode_result(context.message_id, to_wire(result))
        except Refuse:
            raise
        except Exception as error:
            description = "the handler took too long" if isinstance(error, TimeoutError) else "the handler failed"
            log.exception(
                "handler failed action=%s station=%s id=%s", context.action, context.station, context.message_id
            )
            raise Refuse("InternalError", description) from None

    def _unreadable(
        self, presence: Presence, call: Call, text: str, code: str, violations: list[str], at: Moment
    ) -> Iterator[Effect]:
        """Refuse a call that no model could read. Its payload may turn out to be no JSON object at all."""
        proven = parse(text, dialect(presence.protocol))
        if isinstance(proven, Malformed):
            yield from self.malformed(presence, proven, at)
            return
        yield _refuse(presence, call, code, violations[0])
        data = {"action": call.action, "message_id": call.id, "violations": violations}
        yield _remark(presence, at, "schema-violation", **data)

    def _admits(self, presence: Presence, action: str, store: Store) -> bool:
        if not self._policy.strict_registration or action == "BootNotification":
            return True
        status = registration(store, presence.station)
        return status == "Accepted" or (status == "Pending" and solicited(store, presence.station, action))


def _answers_of(connection: str, station: str, action: str) -> tuple[str, str]:
    """The table that keeps answers to an action, and the owner under which it does."""
    return (FLEETING_ANSWERS, connection) if action in FLEETING else (ANSWERS, station)


def _digest(call: Call) -> str:
    return hashlib.blake2b(f"{call.action} {call.payload}".encode(), digest_size=12).hexdigest()


def _refuse(presence: Presence, call: Call, code: str, description: str) -> Send:
    return Send(presence.connection, encode_error(CallError(call.id, code, description)), call.id, answers=call.action)


def _remark(presence: Presence, at: Moment, what: str, **data: Any) -> Emit:
    return Emit(DomainEvent("remark", presence.station, at.utc, {"what": what, **data}))
