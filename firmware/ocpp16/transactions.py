"""Transactions and meter values of OCPP 1.6 (edition 2, sections 4.4, 4.7, 4.8, 4.10): facts rendered as messages.

The central system's integer for a transaction is stored in the commit that acknowledges the start, under our own key. Until it is
known, later facts of the transaction wait behind the start in the queue; when the start was given up they go with -1 (errata).
"""

import json
import logging
from collections.abc import Callable, Mapping
from typing import Any

from firmware.core.facts import Fact, FactKind, decode
from firmware.core.metering import thin
from firmware.core.station import Station
from firmware.core.values import Token, TokenInfo, Verdict
from firmware.engine.engine import Engine
from firmware.engine.timeline import Timeline
from firmware.ocpp16.words import (
    id_tag,
    meter_value,
    moment,
    reason,
    salvaged_info,
    signed_value,
    token_info,
    transaction_value,
)
from firmware.outbox import NOTHING, REMOTE_IDS, AnyRequest, Settled
from hal.types import Instant
from ocpp_client.messages import Response
from ocpp_client.v16 import (
    MeterValuesRequest,
    StartTransactionRequest,
    StartTransactionResponse,
    StopTransactionRequest,
    StopTransactionResponse,
)
from ocpp_client.v16.datatypes import IdTagInfo
from offline_queue import Queue, Record

log = logging.getLogger(__name__)

GIVEN_UP = -1  # transactionId of what follows a start that was never accepted (errata to section 4.8)
DECODED_KEPT = 2  # facts: one that waits for its answer, and one that is rendered meanwhile


class Transactions:
    """Renders transaction facts and takes in their answers."""

    lanes: tuple[str, ...] = ("transaction",)

    def __init__(self, engine: Engine, timeline: Timeline, *, settled: Callable[[int], None]) -> None:
        """`settled` is told the EVSE whose stop was delivered."""
        self._engine = engine
        self._timeline = timeline
        self._settled = settled
        self._ids: dict[str, tuple[int, int]] = {}  # our key -> (transactionId, evse)
        self._older: dict[int, str] = {}  # every integer ever given to a transaction that still runs
        self._tellings: dict[int, int] = {}  # how often a start that is not answered yet was rendered, by record
        self._since_s = engine.clock.monotonic()  # what happened before is of an earlier run
        self._decoded: dict[
            int, Fact
        ] = {}  # of the record under way and the one after it: rendered first, settled later

    async def load(self, queue: Queue) -> None:
        """Read the ids of transactions that are not over."""
        self._ids.clear()
        self._older.clear()
        for key, data in (await queue.items(REMOTE_IDS)).items():
            number, evse = json.loads(data)
            self._learn(key, number, evse)

    def _learn(self, key: str, number: int, evse: int) -> None:
        self._ids[key] = (number, evse)
        if number != GIVEN_UP:
            self._older[number] = key

    def _forget(self, key: str) -> None:
        self._ids.pop(key, None)
        self._older = {number: other for number, other in self._older.items() if other != key}

    def key_of(self, transaction_id: int) -> str | None:
        """Our key for the central system's integer."""
        return self._older.get(transaction_id)

    def id_of(self, key: str) -> int | None:
        """The central system's integer for our key, None while it is not known."""
        known = self._ids.get(key)
        return known[0] if known else None

    def owes_stop(self, evse: int) -> bool:
        """True while the central system thinks that a transaction runs here which is over."""
        running = self._engine.station.evses[evse].running
        return any(number == evse and (running is None or running.id != key) for key, (_, number) in self._ids.items())

    def _fact(self, record: Record) -> Fact:
        fact = self._decoded.get(record.id)
        if fact is None:
            if len(self._decoded) == DECODED_KEPT:
                del self._decoded[next(iter(self._decoded))]
            fact = self._decoded[record.id] = decode(record.payload)
        return fact

    # ---- Renderer ---------------------------------------------------------------------------------------------------

    def render(self, record: Record) -> AnyRequest | None:
        """The message of a fact; None for facts that 1.6 does not tell."""
        fact = self._fact(record)
        match fact.kind:
            case FactKind.STARTED:
                self._tellings[record.id] = self._tellings.get(record.id, 0) + 1
                return StartTransactionRequest(
                    connector_id=fact.evse,
                    id_tag=id_tag(fact.token),
                    meter_start=fact.meter_wh or 0,
                    timestamp=moment(self._time(fact.at)),
                    reservation_id=fact.reservation_id,
                )
            case FactKind.ENDED:
                return self._stop(fact)
            case FactKind.SAMPLED | FactKind.METERED if fact.frames:
                number = self._ids.get(fact.transaction, (GIVEN_UP, 0))[0] if fact.transaction else None
                values = tuple(meter_value(frame, self._time(frame.at)) for frame in fact.frames)
                return MeterValuesRequest(connector_id=fact.evse, transaction_id=number, meter_value=values)
        return None

    def _stop(self, fact: Fact) -> StopTransactionRequest:
        data = tuple(transaction_value(frame, self._time(frame.at)) for frame in fact.frames)
        if fact.signed is not None:
            data += (signed_value(fact.signed, self._time(fact.at)),)
        return StopTransactionRequest(
            transaction_id=self._ids.get(fact.transaction, (GIVEN_UP, 0))[0],
            id_tag=id_tag(fact.token) or None,
            meter_stop=fact.meter_wh or 0,
            timestamp=moment(self._time(fact.at)),
            reason=reason(fact.cause),
            transaction_data=data or None,
        )

    def _time(self, at: Instant) -> float:
        dated = self._timeline.date(at)
        if not dated.exact:
            log.warning("time of a fact is a bound only boot=%s monotonic_s=%.1f", at.boot, at.monotonic_s)
        return dated.wall_s

    def delivered(self, record: Record, answer: Response | Mapping[str, Any]) -> Settled:
        """Store the id of a start; let the token's verdict take effect; forget the id after the stop."""
        fact = self._fact(record)
        match fact.kind:
            case FactKind.STARTED:
                return self._started(fact, answer, repeated=self._repeated(record, fact))
            case FactKind.ENDED:
                return self._over(fact, _info(answer))
        return NOTHING

    def _repeated(self, record: Record, fact: Fact) -> bool:
        """True when the start may have reached the central system before: then it can find its own transaction in the way."""
        earlier_run = fact.at.boot != self._engine.clock.boot or fact.at.monotonic_s < self._since_s
        return self._tellings.pop(record.id, 1) > 1 or record.attempts > 0 or earlier_run

    def _started(self, fact: Fact, answer: Response | Mapping[str, Any], *, repeated: bool) -> Settled:
        number = answer.transaction_id if isinstance(answer, StartTransactionResponse) else None
        if isinstance(answer, Mapping):
            number = answer.get("transaction_id")
        info = _info(answer)
        if number is None:
            log.warning(
                "start answered without transactionId, going on with %d transaction=%s", GIVEN_UP, fact.transaction
            )
            number = GIVEN_UP
        if repeated and info is not None and info.verdict is Verdict.CONCURRENT:
            log.info("start told again meets itself, verdict ignored transaction=%s id=%d", fact.transaction, number)
            info = None
        self._learn(fact.transaction, number, fact.evse)

        def judge() -> None:
            if info is not None and fact.token is not None:
                self._judge(fact.transaction, fact.token, info)

        return Settled(put={(REMOTE_IDS, fact.transaction): json.dumps([number, fact.evse]).encode()}, after=judge)

    def _judge(self, key: str, token: Token, info: TokenInfo) -> None:
        def act(station: Station, now: Instant) -> None:
            station.desk.learn(token, info, now)
            found = station.transaction(key)
            if found is None:
                return
            evse, tx = found
            if info.accepted:
                tx.group = info.group or tx.group
            else:
                evse.deauthorise(key, info.verdict, now)

        self._engine.apply(act)

    def _over(self, fact: Fact, info: TokenInfo | None) -> Settled:
        known = self.id_of(fact.transaction) not in (None, GIVEN_UP)
        self._forget(fact.transaction)

        def tell() -> None:
            if info is not None and fact.token is not None and (known or info.accepted):
                token, verdict = fact.token, info  # about an unknown transaction it would be none about the token
                self._engine.apply(lambda station, now: station.desk.learn(token, verdict, now))
            self._settled(fact.evse)

        return Settled(delete=((REMOTE_IDS, fact.transaction),), after=tell)

    def given_up(self, record: Record) -> Settled:
        """A start that is given up leaves -1 for what follows; a stop that is given up ends the matter."""
        fact = self._fact(record)
        match fact.kind:
            case FactKind.STARTED:
                self._tellings.pop(record.id, None)
                self._learn(fact.transaction, GIVEN_UP, fact.evse)
                return Settled(put={(REMOTE_IDS, fact.transaction): json.dumps([GIVEN_UP, fact.evse]).encode()})
            case FactKind.ENDED:
                return self._over(fact, None)
        return NOTHING

    def smaller(self, record: Record, request: AnyRequest) -> AnyRequest | None:
        """A stop with a quarter of its meter data, first and last kept; then of that, and at last without any."""
        if not isinstance(request, StopTransactionRequest) or not request.transaction_data:
            return None
        count = len(request.transaction_data)
        data = thin(request.transaction_data, max(count // 4, 2)) if count > 2 else ()
        return request.model_copy(update={"transaction_data": data or None})


def _info(answer: Response | Mapping[str, Any]) -> TokenInfo | None:
    """The verdict in an answer, or in what is usable of it."""
    if isinstance(answer, Mapping):
        valid = answer.get("id_tag_info")
        return token_info(valid) if isinstance(valid, IdTagInfo) else salvaged_info(answer.get("idTagInfo"))
    if isinstance(answer, StartTransactionResponse | StopTransactionResponse) and answer.id_tag_info is not None:
        return token_info(answer.id_tag_info)
    return None
