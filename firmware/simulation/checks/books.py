"""Compares the central system's books with the meters of the world: to be called when nothing is under way."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from csms.books import Oddity, Transaction
from firmware.simulation.checks.findings import Rule

Broken = tuple[Rule, str]

_TIME = frozenset({Oddity.TIME_BACKWARDS, Oddity.AFTER_STOP})
_ONCE = frozenset({Oddity.SECOND_START, Oddity.SECOND_STOP, Oddity.STOP_WITHOUT_START, Oddity.VALUES_WITHOUT_START})
_ORDER = frozenset({Oddity.OVERLAP, Oddity.SEQUENCE_REUSED})


@dataclass(frozen=True, slots=True)
class Meter:
    """One EVSE as the world has it. `excused_wh` may be missing from the books: energy that no program could have counted."""

    register_wh: int
    charging: bool  # a transaction may be open
    excused_wh: int = 0


def compare(transactions: Iterable[Transaction], meters: Mapping[int, Meter]) -> Iterator[Broken]:
    """Everything that does not fit. Registers begin at 0 Wh."""
    everything = list(transactions)
    for transaction in everything:
        yield from _oddities(transaction)
    for number, meter in meters.items():
        yield from _chain(number, meter, [each for each in everything if evse_of(each) == number])


def evse_of(transaction: Transaction) -> int | None:
    """The EVSE of a transaction; OCPP 1.6 calls it connector."""
    return transaction.connector_id if transaction.evse_id is None else transaction.evse_id


def _oddities(transaction: Transaction) -> Iterator[Broken]:
    for anomaly in transaction.anomalies:
        text = f"transaction {transaction.transaction_id}: {anomaly.kind.value}: {anomaly.text}"
        if anomaly.kind in _TIME:
            yield Rule.TIME_FORWARD, text
        elif anomaly.kind in _ONCE:
            yield Rule.STARTS_ONCE, text
        elif anomaly.kind in _ORDER:
            yield Rule.FACTS_IN_ORDER, text
        else:
            yield Rule.BOOKS_SOUND, text


def _chain(number: int, meter: Meter, transactions: list[Transaction]) -> Iterator[Broken]:
    """A register moves only within transactions, so each begins where the one before it ended."""
    at_wh, before, missing_wh = 0, "the first day", 0
    for transaction in transactions:
        name = f"transaction {transaction.transaction_id}"
        if transaction.meter_start_wh is None or (transaction.meter_stop_wh is None and not transaction.open):
            yield Rule.ENERGY_EQUAL, f"{name} at EVSE {number} has no register"
            return
        gap_wh = transaction.meter_start_wh - at_wh
        if gap_wh < 0:
            yield Rule.ENERGY_EQUAL, f"{-gap_wh} Wh at EVSE {number} billed twice, by {name} and by {before}"
        elif gap_wh:
            missing_wh += gap_wh
            if missing_wh > meter.excused_wh:
                yield Rule.ENERGY_EQUAL, f"{gap_wh} Wh at EVSE {number} between {before} and {name} not billed"
        if transaction.open:
            yield from _open(number, meter, transaction, is_last=transaction is transactions[-1])
            return
        assert transaction.meter_stop_wh is not None
        at_wh, before = transaction.meter_stop_wh, name
    if meter.charging:
        yield Rule.STARTS_ONCE, f"EVSE {number} charges, and the books have no open transaction there"
        return
    gap_wh = meter.register_wh - at_wh
    if gap_wh and not 0 <= missing_wh + gap_wh <= meter.excused_wh:
        yield Rule.ENERGY_EQUAL, f"{gap_wh} Wh at EVSE {number} after {before} not billed"


def _open(number: int, meter: Meter, transaction: Transaction, *, is_last: bool) -> Iterator[Broken]:
    name = f"transaction {transaction.transaction_id}"
    if not is_last:
        yield Rule.STARTS_ONCE, f"{name} at EVSE {number} never ended"
    elif not meter.charging:
        yield Rule.STARTS_ONCE, f"{name} at EVSE {number} is open in the books, and not at the station"
