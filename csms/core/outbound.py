"""Calls of the central system to a station.

One call is on its way to a station at a time, the others wait in order. A row of the table `calls` (owner: station,
key: message id) is one call, the first row the one that is or will be sent next:

    command -> waiting -> sent -> answered | error | timeout | not_connected
                  |-> expired | not_connected
"""

import hashlib
import json
import logging
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

from csms.core.effects import (
    DomainEvent,
    Effect,
    Emit,
    Outcome,
    OutcomeKind,
    Resolve,
    Send,
    SetTimer,
    outcome_of_record,
    record_of_outcome,
)
from csms.core.events import Command, Moment, Timer
from csms.core.policy import Policy
from csms.core.presence import Presence
from csms.core.router import Context, Router
from csms.core.solicited import note_request
from csms.core.store import Record, Store
from ocpp_client.catalogue import Catalogue, UnknownAction
from ocpp_client.framing import CallError, CallResult, Malformed, encode_call
from ocpp_client.messages import MessageInvalid, from_wire, to_wire

log = logging.getLogger(__name__)

Messages: TypeAlias = Callable[[str], Catalogue]
"""Gives the messages of a protocol; kept by whoever calls often, because a catalogue remembers what it loaded."""

CALLS = "calls"
IDEMPOTENCY = "idempotency"


class Outbound:
    """The queue of calls to each station."""

    def __init__(self, messages: Messages, router: Router, policy: Policy, new_id: Callable[[], str]) -> None:
        self._messages = messages
        self._router = router
        self._policy = policy
        self._new_id = new_id

    def command(self, event: Command, store: Store) -> Iterator[Effect]:
        """Take a command: send it, let it wait, or say at once why not."""
        if event.idempotency_key is not None:
            known = store.get(IDEMPOTENCY, event.station, event.idempotency_key)
            if known is not None:
                yield from self._again(event, known, store)
                return
        refused = self._refusal(event, store)
        if refused is not None:
            yield Resolve(event.command_id, Outcome(refused, None, 0.0))
            return
        message_id = event.message_id or self._new_id()
        if event.idempotency_key is not None:
            known = {"content": content_of(event.action, event.payload), "message_id": message_id, "outcome": None}
            store.put(IDEMPOTENCY, event.station, event.idempotency_key, known)
        call = {
            "action": event.action,
            "payload": event.payload,
            "deadline_s": event.deadline_s,
            "given_s": event.at.monotonic_s,
            "sent": False,
            "command_ids": [event.command_id],
            "idempotency_key": event.idempotency_key,
        }
        store.put(CALLS, event.station, message_id, call)
        yield SetTimer(event.station, message_id, event.deadline_s)
        yield from self.send_next(event.station, event.at, store)

    def send_next(self, station: str, at: Moment, store: Store) -> Iterator[Effect]:
        """Send the first waiting call, unless one is on its way."""
        while (first := store.first(CALLS, station)) is not None and not first[1]["sent"]:
            message_id, call = first
            presence = Presence.of(store, station)
            if presence is None:
                yield from self._end(station, message_id, call, OutcomeKind.NOT_CONNECTED, at, store)
            elif at.monotonic_s >= call["deadline_s"]:
                yield from self._end(station, message_id, call, OutcomeKind.EXPIRED, at, store)
            else:
                store.put(CALLS, station, message_id, {**call, "sent": True})
                note_request(store, station, call["action"], call["payload"])
                text = encode_call(message_id, call["action"], call["payload"])
                yield Send(presence.connection, text, message_id, calls=call["action"])
                return

    def answered(
        self, presence: Presence, frame: CallResult | CallError | Malformed, at: Moment, store: Store
    ) -> Iterator[Effect]:
        """Take an answer, proven by `parse`; a malformed one ends its call too, if its id can be read."""
        call = None if frame.id is None else store.get(CALLS, presence.station, frame.id)
        if frame.id is None or call is None or not call["sent"]:
            data = {"what": "unexpected-answer", "message_id": frame.id}
            yield Emit(DomainEvent("remark", presence.station, at.utc, data))
            return
        kind, found = OutcomeKind.ANSWERED, dict[str, Any]()
        match frame:
            case CallError():
                kind = OutcomeKind.ERROR
                found["error_code"] = frame.code
                found["error_description"] = frame.description
                found["error_details"] = dict(frame.details)
            case CallResult():
                found["response"] = json.loads(frame.payload)
                found["violations"] = _violations(self._messages(presence.protocol), call["action"], frame.payload)
            case Malformed():
                found["violations"] = (frame.text,)
        yield from self._end(presence.station, frame.id, call, kind, at, store, **found)
        if isinstance(frame, CallResult) and not found["violations"]:
            yield from self._tell(presence, frame, call, at, store)
        yield from self.send_next(presence.station, at, store)

    def timer(self, event: Timer, store: Store) -> Iterator[Effect]:
        """A deadline has come."""
        call = store.get(CALLS, event.station, event.message_id)
        if call is None:
            return
        if event.at.monotonic_s < call["deadline_s"]:
            yield SetTimer(event.station, event.message_id, call["deadline_s"])
            return
        kind = OutcomeKind.TIMEOUT if call["sent"] else OutcomeKind.EXPIRED
        yield from self._end(event.station, event.message_id, call, kind, event.at, store)
        yield from self.send_next(event.station, event.at, store)

    def connection_ended(self, station: str, at: Moment, store: Store) -> Iterator[Effect]:
        """End the call that was on its way; nobody can tell whether the station saw it."""
        first = store.first(CALLS, station)
        if first is not None and first[1]["sent"]:
            yield from self._end(station, *first, OutcomeKind.NOT_CONNECTED, at, store)

    def restarted(self, at: Moment, store: Store) -> Iterator[Effect]:
        """End the calls of stations that were not connected any more when the process ended."""
        for station in store.owners(CALLS):
            yield from self.connection_ended(station, at, store)
            yield from self.send_next(station, at, store)

    def _tell(self, presence: Presence, answer: CallResult, call: Record, at: Moment, store: Store) -> Iterator[Effect]:
        """Tell the handlers that want to hear of answers to this action, and do what they wish."""
        action, protocol = call["action"], presence.protocol
        if not self._router.wants_answers(protocol, action):
            return
        messages = self._messages(protocol)
        try:
            request = from_wire(messages.request(action), call["payload"])
            response = from_wire(messages.response(action), answer.payload)
        except MessageInvalid:
            return  # sent unchecked; what such a call did nobody can tell
        context = Context(presence.station, protocol, presence.connection, answer.id, action, at, store, self._policy)
        try:
            self._router.run_answered(context, request, response)
        except Exception:
            log.exception("handler of an answer failed action=%s station=%s id=%s", action, presence.station, answer.id)
            return
        for wanted, request_wanted, timeout_s in context.commanded:
            wish = Command(
                self._new_id(), presence.station, wanted, to_wire(request_wanted), at.monotonic_s + timeout_s, at
            )
            yield from self.command(wish, store)
        for event in context.emitted:
            yield Emit(event)

    def _refusal(self, event: Command, store: Store) -> OutcomeKind | None:
        if event.at.monotonic_s >= event.deadline_s:
            return OutcomeKind.EXPIRED
        if Presence.of(store, event.station) is None:
            return OutcomeKind.NOT_CONNECTED
        if store.count(CALLS, event.station) > self._policy.max_waiting_commands:
            return OutcomeKind.BUSY
        return None

    def _again(self, event: Command, known: Record, store: Store) -> Iterator[Effect]:
        if known["content"] != content_of(event.action, event.payload):
            yield Resolve(event.command_id, Outcome(OutcomeKind.CONFLICT, None, 0.0))
        elif known["outcome"] is not None:
            yield Resolve(event.command_id, outcome_of_record(known["outcome"]))
        else:
            call = store.get(CALLS, event.station, known["message_id"])
            assert call is not None  # its end writes the outcome
            joined = {**call, "command_ids": [*call["command_ids"], event.command_id]}
            store.put(CALLS, event.station, known["message_id"], joined)

    def _end(
        self, station: str, message_id: str, call: Record, kind: OutcomeKind, at: Moment, store: Store, **found: Any
    ) -> Iterator[Effect]:
        elapsed_s = at.monotonic_s - call["given_s"]
        seen = message_id if call["sent"] else None
        outcome = Outcome(kind, seen, elapsed_s, **found)
        store.delete(CALLS, station, message_id)
        key = call["idempotency_key"]
        if key is not None and call["sent"]:
            known = store.get(IDEMPOTENCY, station, key)
            if known is not None:
                store.put(IDEMPOTENCY, station, key, {**known, "outcome": record_of_outcome(outcome)})
        elif key is not None:
            store.delete(IDEMPOTENCY, station, key)  # the station never saw it: asking again may help
        yield SetTimer(station, message_id, None)
        for command_id in call["command_ids"]:
            yield Resolve(command_id, outcome)


def _violations(messages: Catalogue, action: str, payload: str) -> tuple[str, ...]:
    try:
        from_wire(messages.response(action), payload)
    except UnknownAction:
        return ()  # sent unchecked; there is no schema to hold the answer against
    except MessageInvalid as error:
        return tuple(str(violation) for violation in error.violations)
    return ()


def content_of(action: str, payload: str) -> str:
    """A short text that differs for commands that differ."""
    return hashlib.blake2b(f"{action} {payload}".encode(), digest_size=12).hexdigest()
