"""The central system as a function of events: `handle(event, store) -> effects`.

No socket, no clock, no waiting: a WebSocket server in the same process, a proxy in front of a web service, or a cloud
gateway can all be its front door. All it knows between two events is in the store.
"""

import functools
from collections.abc import Callable, Iterator

from csms.core.effects import Close, DomainEvent, Effect, Emit
from csms.core.events import Command, Connected, Disconnected, Done, Event, Moment, Received, Restarted, Timer
from csms.core.inbound import Inbound
from csms.core.outbound import Outbound
from csms.core.policy import Policy
from csms.core.presence import CONNECTIONS, Presence
from csms.core.router import Router
from csms.core.store import Store
from ocpp_client.catalogue import catalogue
from ocpp_client.dialects import dialect
from ocpp_client.framing import Call, CallError, CallResult, Frame, Malformed, parse, split

REPLACED_CODE = 1001
REPLACED_REASON = "replaced by a newer connection of the same identity"


class Core:
    """Rules, and no state of its own."""

    def __init__(self, router: Router, *, new_id: Callable[[], str], policy: Policy | None = None) -> None:
        """`new_id` makes message ids: texts of at most 36 characters that never repeat."""
        self.policy = policy or Policy()
        messages = functools.cache(catalogue)
        self._outbound = Outbound(messages, router, self.policy, new_id)
        self._inbound = Inbound(messages, router, self.policy, self._outbound, new_id)

    def handle(self, event: Event, store: Store) -> list[Effect]:
        """What is to be done about an event, in this order. The store has changed when it returns."""
        return list(self._effects(event, store))

    def _effects(self, event: Event, store: Store) -> Iterator[Effect]:
        match event:
            case Received():
                yield from self._received(event, store)
            case Command():
                yield from self._outbound.command(event, store)
            case Timer():
                yield from self._outbound.timer(event, store)
            case Done():
                yield from self._inbound.done(event, store)
            case Connected():
                yield from self._connected(event, store)
            case Disconnected():
                yield from self._disconnected(event, store)
            case Restarted():
                for connection, _ in store.items(CONNECTIONS, ""):
                    yield from self._disconnected(Disconnected(connection, event.at), store)
                yield from self._outbound.restarted(event.at, store)
                self._inbound.restarted(store)

    def _connected(self, event: Connected, store: Store) -> Iterator[Effect]:
        older = Presence.of(store, event.station)
        Presence.begin(store, event)
        if older is not None:
            self._inbound.connection_ended(older.connection, store)
            yield Close(older.connection, REPLACED_CODE, REPLACED_REASON)
            yield from self._outbound.connection_ended(event.station, event.at, store)
        data = {"protocol": event.protocol, "remote": event.remote, "replaced": older is not None}
        yield Emit(DomainEvent("connected", event.station, event.at.utc, data))
        yield from self._outbound.send_next(event.station, event.at, store)

    def _disconnected(self, event: Disconnected, store: Store) -> Iterator[Effect]:
        presence = Presence.on(store, event.connection)
        if presence is None:
            return
        self._inbound.connection_ended(event.connection, store)
        current = presence.end(store)
        if current:
            yield from self._outbound.connection_ended(presence.station, event.at, store)
            yield from self._outbound.send_next(presence.station, event.at, store)
        data = {"code": event.code, "reason": event.reason, "was_current": current}
        yield Emit(DomainEvent("disconnected", presence.station, event.at.utc, data))

    def _received(self, event: Received, store: Store) -> Iterator[Effect]:
        presence = Presence.on(store, event.connection)
        if presence is None:
            yield Close(event.connection, 1011, "this connection is not known here; connect again")
            return
        if isinstance(event.text, bytes):
            yield _remark(presence, event.at, "binary-message")
            return
        if not presence.is_current(store):
            yield _remark(presence, event.at, "message-on-replaced-connection")
            return
        match _read(event.text, presence.protocol):
            case Call() as call:
                yield from self._inbound.called(presence, call, event.text, event.at, store)
            case CallResult() | CallError() as answer:
                yield from self._outbound.answered(presence, answer, event.at, store)
            case Malformed(message_type=3 | 4) as bad:
                yield from self._outbound.answered(presence, bad, event.at, store)
            case Malformed() as bad:
                yield from self._inbound.malformed(presence, bad, event.at)
            case _:
                yield _remark(presence, event.at, "unsupported-message-type")


def _read(text: str, protocol: str) -> Frame | Malformed:
    call = split(text)
    # The payload of a call is proven when its model reads it. An answer may be for a call without a model.
    return call if isinstance(call, Call) else parse(text, dialect(protocol))


def _remark(presence: Presence, at: Moment, what: str) -> Emit:
    return Emit(DomainEvent("remark", presence.station, at.utc, {"what": what}))
