"""How messages about transactions enter the books.

The rules live here and are the same for every OCPP version:

- a message that says again what is recorded changes nothing but a count;
- the first start and the first stop stand, later ones that differ are anomalies;
- nothing is refused: a stop without a start opens the books for its transaction.
"""

import hashlib
import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from csms.books import (
    FACTS,
    OPEN,
    TRANSACTIONS,
    Anomaly,
    Fact,
    FactKind,
    Oddity,
    facts_owner,
    missing,
    record_of,
    stamp,
)
from csms.core.store import Record, Store

log = logging.getLogger(__name__)

MAX_ANOMALIES = 100
"""Kept per transaction; a station that repeats one mistake for ever cannot fill the store with it."""

MAX_TRANSACTIONS = 2_000
"""Kept per station. With one more the oldest goes, with its facts: a store that must keep all is no store in memory."""

GIVEN_UP = "-1"
"""The transaction id a 1.6 station uses once it has given up its StartTransaction (errata 4.1): not unique."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What recording one fact did. `key` is the row of its transaction, mostly the transaction id."""

    key: str
    repeated: bool
    opened: bool  # this fact is the first the books hear of the transaction
    closed: bool  # this fact stopped it
    anomalies: tuple[Anomaly, ...]


class Ledger:
    """Writes transactions into a store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def number_start(self, station: str, content: str) -> tuple[int, bool]:
        """The 1.6 transaction id for a StartTransaction with this content, and whether it was given out before.

        A station that never saw our answer asks again: same connector, idTag, time and meter mean the same transaction.
        """
        known = self._store.get("starts", station, content)
        if known is not None:
            return known["transaction_id"], True
        number = self._store.increment("transaction")
        while self._store.get(TRANSACTIONS, station, str(number)) is not None:
            number = self._store.increment("transaction")  # a counter that was lost begins below its old numbers
        self._store.put("starts", station, content, {"transaction_id": number})
        return number, False

    def record(self, station: str, protocol: str, transaction_id: str, fact: Fact, heard_at: datetime) -> Entry:
        """Enter one fact, heard at a moment of the central system's own clock."""
        entry = record_of(fact)
        digest = _digest(entry)
        key = self._key(station, protocol, transaction_id, digest)
        row = self._store.get(TRANSACTIONS, station, key)
        opened = row is None
        row = _blank(station, key, protocol, transaction_id, heard_at) if row is None else dict(row)
        if self._repeats(station, key, digest):
            row["duplicates"] += 1
            self._store.put(TRANSACTIONS, station, key, row)
            return Entry(key, repeated=True, opened=False, closed=False, anomalies=())
        anomalies = tuple(
            Anomaly(kind, text, fact.message_id)
            for kind, text in (
                *self._reused_sequence(station, key, fact),
                *_oddities(row, fact),
                *self._overlaps(row, fact),
            )
        )
        if opened:
            self._make_room(station)
        was_open = row["open"] and not opened
        _apply(row, fact)
        kept = [{"kind": each.kind.value, "text": each.text, "message_id": each.message_id} for each in anomalies]
        row["anomalies"] = [*row["anomalies"], *kept][:MAX_ANOMALIES]
        self._store.put(TRANSACTIONS, station, key, row)
        self._store.append(FACTS, facts_owner(station, key), entry)
        if row["open"]:
            place = {name: row[name] for name in ("connector_id", "evse_id", "id_token")}
            self._store.put(OPEN, station, key, place)
        else:
            self._store.delete(OPEN, station, key)
        closed = not row["open"] and (was_open or opened)
        return Entry(key, repeated=False, opened=opened, closed=closed, anomalies=anomalies)

    def _make_room(self, station: str) -> None:
        while self._store.count(TRANSACTIONS, station) >= MAX_TRANSACTIONS:
            oldest = self._store.first(TRANSACTIONS, station)
            assert oldest is not None  # there are many
            key = oldest[0]
            log.warning("oldest transaction forgotten station=%s transaction=%s", station, key)
            self._store.delete(TRANSACTIONS, station, key)
            self._store.delete(OPEN, station, key)
            self._store.drop(FACTS, facts_owner(station, key))
            self._store.drop("digests", facts_owner(station, key))

    def _key(self, station: str, protocol: str, transaction_id: str, digest: str) -> str:
        if (protocol, transaction_id) != ("ocpp1.6", GIVEN_UP):
            return transaction_id
        # Every given-up transaction has the same id: one that was stopped is followed by a new row, unless this is
        # that stop once more.
        number = 1
        while (row := self._store.get(TRANSACTIONS, station, _numbered(number))) is not None and not row["open"]:
            if self._store.get("digests", facts_owner(station, _numbered(number)), digest) is not None:
                break
            number += 1
        return _numbered(number)

    def _repeats(self, station: str, key: str, digest: str) -> bool:
        owner = facts_owner(station, key)
        if self._store.get("digests", owner, digest) is not None:
            return True
        self._store.put("digests", owner, digest, {})
        return False

    def _reused_sequence(self, station: str, key: str, fact: Fact) -> Iterator[tuple[Oddity, str]]:
        row = self._store.get(TRANSACTIONS, station, key)
        if row is not None and fact.sequence is not None and _seen(row["sequence"], fact.sequence):
            yield Oddity.SEQUENCE_REUSED, f"seqNo {fact.sequence} came before with other content"

    def _overlaps(self, row: Record, fact: Fact) -> Iterator[tuple[Oddity, str]]:
        if fact.kind is not FactKind.START:
            return
        place = ("evse_id", fact.evse_id) if fact.evse_id is not None else ("connector_id", fact.connector_id)
        for key, other in self._store.items(OPEN, row["station"]):
            if key != row["key"] and place[1] is not None and other[place[0]] == place[1]:
                yield Oddity.OVERLAP, f"transaction {key} is still open there"


def _numbered(number: int) -> str:
    return GIVEN_UP if number == 1 else f"{GIVEN_UP}~{number}"


def _blank(station: str, key: str, protocol: str, transaction_id: str, heard_at: datetime) -> Record:
    return {
        "station": station,
        "key": key,
        "transaction_id": transaction_id,
        "protocol": protocol,
        "connector_id": None,
        "evse_id": None,
        "id_token": None,
        "stop_id_token": None,
        "started_at": None,
        "stopped_at": None,
        "last_at": None,
        "meter_start_wh": None,
        "meter_stop_wh": None,
        "meter_last_wh": None,
        "reason": None,
        "open": True,
        "heard_at": stamp(heard_at),
        "duplicates": 0,
        "sequence": [],
        "anomalies": [],
        "details": {},
    }


def _oddities(row: Record, fact: Fact) -> Iterator[tuple[Oddity, str]]:
    """What is odd about a fact, given the transaction as it was before."""
    at = stamp(fact.at)
    started, stopped = row["started_at"], row["stopped_at"]
    match fact.kind:
        case FactKind.START if started is not None:
            yield Oddity.SECOND_START, f"started at {started} already, now again at {at}"
        case FactKind.UPDATE if started is None:
            yield Oddity.VALUES_WITHOUT_START, "the start was never reported"
        case FactKind.STOP if stopped is not None:
            yield Oddity.SECOND_STOP, f"stopped at {stopped} already, now again at {at}"
        case FactKind.STOP if started is None:
            yield Oddity.STOP_WITHOUT_START, "the start was never reported"
    if fact.kind is FactKind.STOP and fact.sequence is not None:
        gaps = missing(_with(row["sequence"], fact.sequence))
        if gaps:
            yield Oddity.SEQUENCE_GAP, f"never came: seqNo {', '.join(map(str, gaps))}"
    late = fact.sequence is not None and bool(row["sequence"]) and fact.sequence < row["sequence"][-1][1]
    if row["last_at"] is not None and at < row["last_at"] and not late:
        yield Oddity.TIME_BACKWARDS, f"{at} comes after {row['last_at']}"
    if fact.kind is FactKind.UPDATE and stopped is not None and at > stopped:
        yield Oddity.AFTER_STOP, f"stopped at {stopped}, yet something happened at {at}"
    yield from _meter_oddities(row, fact)
    for name in ("connector_id", "evse_id"):
        named = getattr(fact, name)
        if named is not None and row[name] is not None and named != row[name]:
            yield Oddity.WRONG_CONNECTOR, f"{name} {named}, at first {row[name]}"


def _meter_oddities(row: Record, fact: Fact) -> Iterator[tuple[Oddity, str]]:
    start = row["meter_start_wh"] if row["meter_start_wh"] is not None else fact.meter_start_wh
    last = row["meter_last_wh"]
    if fact.meter_stop_wh is not None and start is not None and fact.meter_stop_wh < start:
        yield Oddity.ENERGY_NEGATIVE, f"the meter stopped at {fact.meter_stop_wh} Wh, below its start of {start} Wh"
    elif fact.meter_stop_wh is not None and last is not None and fact.meter_stop_wh < last:
        yield Oddity.REGISTER_BACKWARDS, f"the meter stopped at {fact.meter_stop_wh} Wh after a reading of {last} Wh"
    if fact.register_wh is not None and last is not None and fact.register_wh < last:
        yield Oddity.REGISTER_BACKWARDS, f"a reading of {fact.register_wh} Wh after one of {last} Wh"


def _apply(row: Record, fact: Fact) -> None:
    at = stamp(fact.at)
    row["last_at"] = at if row["last_at"] is None else max(at, row["last_at"])
    for name in ("connector_id", "evse_id", "meter_start_wh"):
        if row[name] is None:
            row[name] = getattr(fact, name)
    readings = [
        wh for wh in (row["meter_last_wh"], fact.meter_start_wh, fact.register_wh, fact.meter_stop_wh) if wh is not None
    ]
    row["meter_last_wh"] = max(readings, default=None)
    told = {} if fact.verdict is None else {"authorization": fact.verdict}
    row["details"] = {**row["details"], **fact.details, **told}
    if fact.sequence is not None:
        row["sequence"] = _with(row["sequence"], fact.sequence)
    if fact.kind is FactKind.STOP:
        if row["stopped_at"] is None:
            row.update(
                open=False,
                stopped_at=at,
                meter_stop_wh=fact.meter_stop_wh,
                reason=fact.reason,
                stop_id_token=fact.id_token,
            )
        return
    if fact.kind is FactKind.START and row["started_at"] is None:
        row["started_at"] = at
    if row["id_token"] is None:
        row["id_token"] = fact.id_token


def _digest(entry: Record) -> str:
    """The content of a recorded fact; the same content under another message id is the same fact.

    A message is marked offline only when it is sent again, and the verdict on its token is ours.
    """
    content = {name: value for name, value in entry.items() if name not in ("message_id", "offline", "verdict")}
    return hashlib.blake2b(json.dumps(content, sort_keys=True).encode(), digest_size=12).hexdigest()


def _seen(ranges: list[list[int]], number: int) -> bool:
    return any(first <= number <= last for first, last in ranges)


def _with(ranges: list[list[int]], number: int) -> list[list[int]]:
    """The ranges and one more number, neighbours joined."""
    joined: list[list[int]] = []
    for first, last in sorted([*ranges, [number, number]]):
        if joined and first <= joined[-1][1] + 1:
            joined[-1][1] = max(last, joined[-1][1])
        else:
            joined.append([first, last])
    return joined
