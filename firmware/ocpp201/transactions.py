"""Functional blocks E and J of OCPP 2.0.1 (edition 3, part 2): facts rendered as TransactionEvent and MeterValues.

The transaction's identifier is our own key and `seqNo` the number of the fact, so nothing has to be remembered. The register at the
begin and at the end is always told, whatever TxStartedMeasurands and TxEndedMeasurands say: nothing else in the messages says what was
delivered.
"""

import logging
from collections.abc import Mapping
from typing import Any

from firmware.core.facts import Fact, FactKind, MeterFrame, Sample, SampleContext, Trigger, decode
from firmware.core.metering import thin
from firmware.core.station import Station
from firmware.core.values import Energy, Token, TokenInfo, TokenType, Verdict
from firmware.engine.engine import Engine
from firmware.engine.timeline import Timeline
from firmware.ocpp201.authorization import remembered
from firmware.ocpp201.status import ChargingState
from firmware.ocpp201.words import (
    REGISTER,
    STATES,
    TRIGGERS,
    id_token,
    meter_value,
    moment,
    reason,
    salvaged_info,
)
from firmware.outbox import NOTHING, REMOTE_IDS, AnyRequest, Settled
from hal.types import Instant
from ocpp_client.messages import Response
from ocpp_client.v201.datatypes import EVSEType, IdTokenInfoType, MeterValueType
from ocpp_client.v201.meter_values import MeterValuesRequest
from ocpp_client.v201.transactions import (
    TransactionEventEnumType,
    TransactionEventRequest,
    TransactionEventResponse,
    TransactionType,
)
from offline_queue import Record

log = logging.getLogger(__name__)

DECODED_KEPT = 2  # facts: one that waits for its answer, and one that is rendered meanwhile
_EVENTS: dict[FactKind, TransactionEventEnumType] = {FactKind.STARTED: "Started", FactKind.ENDED: "Ended"}
_BEGINNINGS = frozenset({Trigger.AUTHORIZED, Trigger.REMOTE_START})


class Transactions:
    """Renders transaction facts and takes in their answers."""

    lanes: tuple[str, ...] = ("transaction",)

    def __init__(self, engine: Engine, timeline: Timeline) -> None:
        self._engine = engine
        self._timeline = timeline
        self._connected_s = engine.clock.monotonic()  # what is older was told, or tried to be, on an earlier connection
        self._decoded: dict[int, Fact] = {}
        self._tellings: dict[
            int, int
        ] = {}  # how often an authorisation that is not answered yet was rendered, by record

    def connected(self) -> None:
        """A new connection begins: what waits from now on was recorded offline."""
        self._connected_s = self._engine.clock.monotonic()

    def _fact(self, record: Record) -> Fact:
        fact = self._decoded.get(record.id)
        if fact is None:
            if len(self._decoded) == DECODED_KEPT:
                del self._decoded[next(iter(self._decoded))]
            fact = self._decoded[record.id] = decode(record.payload)
        return fact

    # ---- Renderer ---------------------------------------------------------------------------------------------------

    def render(self, record: Record) -> AnyRequest | None:
        """The message of a fact; None for a reading that 2.0.1 has no word for."""
        fact = self._fact(record)
        if fact.kind is FactKind.METERED:
            values = self._values(fact, fact.frames)
            return MeterValuesRequest(evse_id=fact.evse, meter_value=values) if values else None
        if fact.token is not None:
            self._tellings[record.id] = self._tellings.get(record.id, 0) + 1
        begins = fact.kind is FactKind.STARTED or fact.trigger in _BEGINNINGS
        return TransactionEventRequest(
            event_type=_EVENTS.get(fact.kind, "Updated"),
            timestamp=moment(self._time(fact.at)),
            trigger_reason=TRIGGERS[fact.trigger],
            seq_no=fact.seq,
            offline=True if self._is_old(fact) else None,
            transaction_info=TransactionType(
                transaction_id=fact.transaction,
                charging_state=_state(fact),
                stopped_reason=reason(fact.cause) if fact.kind is FactKind.ENDED else None,
                remote_start_id=fact.remote_start_id if begins else None,
            ),
            evse=EVSEType(id=fact.evse, connector_id=fact.connector),
            id_token=id_token(fact.token) if fact.token is not None else None,
            reservation_id=fact.reservation_id if begins else None,
            meter_value=self._values(fact, _frames(fact)) or None,
        )

    def _is_old(self, fact: Fact) -> bool:
        """True for what was recorded without a connection, or still waited when one was lost."""
        clock = self._engine.clock
        return fact.offline or fact.at.boot != clock.boot or fact.at.monotonic_s < self._connected_s

    def _values(self, fact: Fact, frames: tuple[MeterFrame, ...]) -> tuple[MeterValueType, ...]:
        signed = [fact.signed if frame.context is SampleContext.END else None for frame in frames]
        found = (meter_value(f, self._time(f.at), s) for f, s in zip(frames, signed, strict=True))
        return tuple(value for value in found if value is not None)

    def _time(self, at: Instant) -> float:
        dated = self._timeline.date(at)
        if not dated.exact:
            log.warning("time of a fact is a bound only boot=%s monotonic_s=%.1f", at.boot, at.monotonic_s)
        return dated.wall_s

    def delivered(self, record: Record, answer: Response | Mapping[str, Any]) -> Settled:
        """Let a token's verdict take effect; an end leaves nothing to be remembered of the transaction."""
        fact = self._fact(record)
        info = self._verdict(answer)
        repeated = (
            self._tellings.pop(record.id, 1) > 1 or record.attempts > 0 or fact.at.boot != self._engine.clock.boot
        )
        if repeated and info is not None and info.verdict is Verdict.CONCURRENT and fact.kind is not FactKind.ENDED:
            log.info("start told again meets itself, verdict ignored transaction=%s", fact.transaction)
            info = None
        delete = ((REMOTE_IDS, fact.transaction),) if fact.kind is FactKind.ENDED else ()
        token = fact.token
        if info is None or token is None or token.type is TokenType.NO_AUTHORIZATION:
            return Settled(delete=delete) if delete else NOTHING
        verdict, asked = info, token
        return Settled(delete=delete, after=lambda: self._judge(fact, asked, verdict))

    def _verdict(self, answer: Response | Mapping[str, Any]) -> TokenInfo | None:
        if isinstance(answer, TransactionEventResponse):
            return remembered(answer.id_token_info, self._engine) if answer.id_token_info is not None else None
        if isinstance(answer, Mapping):
            valid = answer.get("id_token_info")
            return (
                remembered(valid, self._engine)
                if isinstance(valid, IdTokenInfoType)
                else salvaged_info(answer.get("idTokenInfo"))
            )
        return None

    def _judge(self, fact: Fact, token: Token, info: TokenInfo) -> None:
        def act(station: Station, now: Instant) -> None:
            station.desk.learn(token, info, now)
            found = station.transaction(fact.transaction)
            if found is None or not token.same_as(found[1].token):
                return
            evse, tx = found
            if info.accepted:
                tx.group = info.group or tx.group
            elif fact.kind is FactKind.STARTED or fact.trigger in _BEGINNINGS:
                evse.deauthorise(fact.transaction, info.verdict, now)

        self._engine.apply(act)

    def given_up(self, record: Record) -> Settled:
        """What follows goes out all the same: `seqNo` shows the gap."""
        fact = self._fact(record)
        self._tellings.pop(record.id, None)
        return Settled(delete=((REMOTE_IDS, fact.transaction),)) if fact.kind is FactKind.ENDED else NOTHING

    def smaller(self, record: Record, request: AnyRequest) -> AnyRequest | None:
        """An end with a quarter of its meter data, first and last kept; at last with these two."""
        if not isinstance(request, TransactionEventRequest) or not request.meter_value or len(request.meter_value) <= 2:
            return None
        data = thin(request.meter_value, max(len(request.meter_value) // 4, 2))
        return request.model_copy(update={"meter_value": data})


def _state(fact: Fact) -> ChargingState:
    if not fact.vehicle_connected:
        return "Idle"
    return STATES[Energy(fact.charging)] if fact.charging is not None else "EVConnected"


def _frames(fact: Fact) -> tuple[MeterFrame, ...]:
    """The frames of a fact, with the register at begin or end where they lack it."""
    context = {FactKind.STARTED: SampleContext.BEGIN, FactKind.ENDED: SampleContext.END}.get(fact.kind)
    if context is None or fact.meter_wh is None:
        return fact.frames
    here = next((frame for frame in fact.frames if frame.context is context), None)
    register = Sample(REGISTER, fact.meter_wh)
    if here is None:
        return (*fact.frames, MeterFrame(fact.at, context, (register,)))
    if any(sample.quantity == REGISTER and sample.phase is None for sample in here.samples):
        return fact.frames
    whole = MeterFrame(here.at, context, (register, *here.samples))
    return tuple(whole if frame is here else frame for frame in fact.frames)
