"""The books: every transaction stations have reported, with what is odd about it.

This file reads; `ledger` writes. Rows are keyed (station, transaction id), facts are kept beside them in a log.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from csms.core.store import Record, Store

TRANSACTIONS = "transactions"
OPEN = "open"
FACTS = "facts"


class Oddity(StrEnum):
    """What can be wrong with a transaction's messages. Recording goes on: the books show it, the operator decides."""

    STOP_WITHOUT_START = "stop-without-start"
    VALUES_WITHOUT_START = "values-without-start"
    SECOND_START = "second-start"
    SECOND_STOP = "second-stop"
    OVERLAP = "overlap"  # another transaction was still open on the same connector or EVSE
    TIME_BACKWARDS = "time-backwards"
    ENERGY_NEGATIVE = "energy-negative"  # the meter ran backwards between start and stop
    REGISTER_BACKWARDS = "register-backwards"  # a reading below an earlier one
    AFTER_STOP = "after-stop"  # a message about a moment after the stop
    SEQUENCE_GAP = "sequence-gap"  # the transaction ended, and some of its seqNos never came
    SEQUENCE_REUSED = "sequence-reused"  # two different events under one seqNo
    WRONG_CONNECTOR = "wrong-connector"  # messages of one transaction name different connectors or EVSEs


@dataclass(frozen=True, slots=True)
class Anomaly:
    """One oddity, with the figures that show it and the message that brought it."""

    kind: Oddity
    text: str
    message_id: str


@dataclass(frozen=True, slots=True)
class Sample:
    """One sampled value, its omitted fields filled with the protocol's defaults. `value` is as it was on the wire."""

    at: datetime
    value: str
    measurand: str = "Energy.Active.Import.Register"
    unit: str = "Wh"
    context: str = "Sample.Periodic"
    phase: str | None = None
    location: str = "Outlet"
    format: str = "Raw"  # or SignedData (1.6): the value is opaque
    multiplier: int = 0  # 2.0.1: the value counts in powers of ten of its unit
    signed: dict[str, str] | None = None  # 2.0.1: the signed meter value that came beside the value


class FactKind(StrEnum):
    """What a message says about its transaction."""

    START = "start"
    UPDATE = "update"
    STOP = "stop"


@dataclass(frozen=True, slots=True)
class Fact:
    """One message about a transaction, in the words of no particular version.

    `at` is the station's time. Meter registers are in Wh. `sequence` is the seqNo of 2.0.1, `details` holds what only
    some versions report (trigger reason, charging state, reservation …), JSON-able.
    """

    kind: FactKind
    action: str
    message_id: str
    at: datetime
    connector_id: int | None = None
    evse_id: int | None = None
    id_token: str | None = None
    meter_start_wh: int | None = None
    meter_stop_wh: int | None = None
    register_wh: int | None = None
    reason: str | None = None
    sequence: int | None = None
    offline: bool = False
    verdict: str | None = None  # what the station was told of the token; not a word of the station's
    samples: tuple[Sample, ...] = ()
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Transaction:
    """One transaction as the books have it. Times are the station's; unknown is None; energy is in Wh."""

    station: str
    transaction_id: str  # the number of 1.6 as decimal text, the station's own text in 2.0.1
    protocol: str
    connector_id: int | None
    evse_id: int | None
    id_token: str | None
    stop_id_token: str | None
    started_at: datetime | None
    stopped_at: datetime | None
    meter_start_wh: int | None
    meter_stop_wh: int | None
    meter_last_wh: int | None
    reason: str | None
    open: bool
    heard_at: datetime  # when the central system first heard of it, by its own clock
    duplicates: int  # messages that said again what was recorded already
    sequence_ranges: tuple[tuple[int, int], ...]  # the seqNos seen, as closed ranges
    anomalies: tuple[Anomaly, ...]
    details: dict[str, Any]
    _load_facts: Callable[[], tuple[Fact, ...]] = field(repr=False, compare=False)

    @property
    def energy_wh(self) -> int | None:
        """Stop register minus start register, or None while one of them is unknown."""
        if self.meter_start_wh is None or self.meter_stop_wh is None:
            return None
        return self.meter_stop_wh - self.meter_start_wh

    @property
    def missing_sequence(self) -> tuple[int, ...]:
        """The seqNos below the highest one that never came, at most the first hundred."""
        return missing(self.sequence_ranges)

    @property
    def facts(self) -> tuple[Fact, ...]:
        """The messages of this transaction in order of arrival, repeated ones left out."""
        return self._load_facts()

    @property
    def samples(self) -> tuple[Sample, ...]:
        """All sampled values in order of arrival."""
        return tuple(sample for fact in self.facts for sample in fact.samples)

    @property
    def message_ids(self) -> tuple[str, ...]:
        """The ids of the messages that were recorded."""
        return tuple(fact.message_id for fact in self.facts)


class Books:
    """Reads what was recorded."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def transactions(self, station: str | None = None, *, open_only: bool = False) -> list[Transaction]:
        """The transactions of one station, or of all, in the order in which they were first heard of."""
        stations = self._store.owners(TRANSACTIONS) if station is None else [station]
        found = [self._view(row) for owner in stations for _, row in self._store.items(TRANSACTIONS, owner)]
        found.sort(key=lambda transaction: transaction.heard_at)
        return [transaction for transaction in found if transaction.open] if open_only else found

    def transaction(self, station: str, transaction_id: str | int) -> Transaction | None:
        """One transaction, or None if the station never spoke of it."""
        row = self._store.get(TRANSACTIONS, station, str(transaction_id))
        return None if row is None else self._view(row)

    def _view(self, row: Record) -> Transaction:
        key, store = facts_owner(row["station"], row["key"]), self._store
        return Transaction(
            station=row["station"],
            transaction_id=row["transaction_id"],
            protocol=row["protocol"],
            connector_id=row["connector_id"],
            evse_id=row["evse_id"],
            id_token=row["id_token"],
            stop_id_token=row["stop_id_token"],
            started_at=_moment(row["started_at"]),
            stopped_at=_moment(row["stopped_at"]),
            meter_start_wh=row["meter_start_wh"],
            meter_stop_wh=row["meter_stop_wh"],
            meter_last_wh=row["meter_last_wh"],
            reason=row["reason"],
            open=row["open"],
            heard_at=datetime.fromisoformat(row["heard_at"]),
            duplicates=row["duplicates"],
            sequence_ranges=tuple((first, last) for first, last in row["sequence"]),
            anomalies=tuple(
                Anomaly(kind=Oddity(each["kind"]), text=each["text"], message_id=each["message_id"])
                for each in row["anomalies"]
            ),
            details=row["details"],
            _load_facts=lambda: tuple(fact_of(entry) for entry in store.entries(FACTS, key)),
        )


def missing(ranges: Iterable[Sequence[int]]) -> tuple[int, ...]:
    """The numbers from 0 up that closed ranges leave out below their highest one, at most a hundred."""
    found: list[int] = []
    expected = 0
    for first, last in ranges:
        found.extend(range(expected, min(first, expected + 100 - len(found))))
        expected = last + 1
    return tuple(found)


def facts_owner(station: str, key: str) -> str:
    """The owner of a transaction's facts. A line feed cannot occur in an identity, so two never meet."""
    return f"{station}\n{key}"


def stamp(moment: datetime) -> str:
    """UTC in a fixed width, so that texts sort as the moments do."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def record_of(fact: Fact) -> Record:
    """The JSON-able form of a fact."""
    record = _fields_of(fact)
    record["at"] = stamp(fact.at)
    record["samples"] = [{**_fields_of(sample), "at": stamp(sample.at)} for sample in fact.samples]
    record["details"] = dict(fact.details)
    return record


def _fields_of(value: Fact | Sample) -> Record:
    """Without the deep copies of `dataclasses.asdict`: a fact is frozen, and every message of a transaction passes here."""
    return {name: getattr(value, name) for name in value.__slots__}


def fact_of(record: Record) -> Fact:
    """The fact that `record_of` wrote."""
    samples = tuple(Sample(**{**sample, "at": datetime.fromisoformat(sample["at"])}) for sample in record["samples"])
    return Fact(
        **{
            **record,
            "kind": FactKind(record["kind"]),
            "at": datetime.fromisoformat(record["at"]),
            "samples": samples,
        }
    )


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
