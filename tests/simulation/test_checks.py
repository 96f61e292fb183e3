"""The watchers, each with frames or books that break its rule."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from csms.books import Anomaly, Oddity, Transaction
from firmware.simulation.checks.books import Meter, compare
from firmware.simulation.checks.contactor import WatchedSwitchgear, evses_with_a_start_on_disk
from firmware.simulation.checks.findings import Findings, Rule, Violation
from firmware.simulation.checks.wire import WireWatch

NAME = "CP001"


class _Wire:
    """A watched connection with a clock."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.findings = Findings(lambda: self.now_s)
        self.watch = WireWatch(self.findings, lambda: self.now_s)
        self.watch.connected(NAME)

    def sends(self, message_id: str, action: str, payload: dict[str, Any] | None = None) -> None:
        self.watch.frame(NAME, True, json.dumps([2, message_id, action, payload or {}]))

    def gets(self, message_id: str, payload: dict[str, Any] | None = None) -> None:
        self.watch.frame(NAME, False, json.dumps([3, message_id, payload or {}]))

    def boots(self) -> None:
        self.sends("boot", "BootNotification")
        self.gets("boot", {"status": "Accepted"})

    @property
    def broken(self) -> list[Rule]:
        return [violation.rule for violation in self.findings.violations]


def test_an_orderly_station_breaks_no_rule() -> None:
    """Boot, answers, a reconnect with an unanswered call, a repetition under the old id, a new boot."""
    wire = _Wire()
    wire.boots()
    wire.sends("1", "StartTransaction", {"meterStart": 1})
    wire.watch.connected(NAME)
    wire.sends("1", "StartTransaction", {"meterStart": 1})
    wire.gets("1")
    wire.sends("2", "Heartbeat")
    wire.gets("2")
    wire.watch.program_started(NAME)
    wire.boots()
    assert wire.broken == []
    assert wire.watch.frames == 9


def test_two_calls_in_flight_are_seen() -> None:
    """A second CALL must wait for the answer to the first, or for its own patience."""
    wire = _Wire()
    wire.boots()
    wire.sends("1", "Heartbeat")
    wire.now_s = 31.0
    wire.sends("2", "Heartbeat")
    assert wire.broken == []
    wire.now_s = 32.0
    wire.sends("3", "Heartbeat")
    assert wire.broken == [Rule.ONE_CALL]


def test_messages_before_the_boot_are_seen() -> None:
    """After a start of the program the first message is BootNotification, and the others wait for its acceptance."""
    wire = _Wire()
    wire.sends("1", "Heartbeat")
    assert wire.broken == [Rule.BOOT_FIRST]
    wire = _Wire()
    wire.boots()
    wire.watch.program_started(NAME)
    wire.sends("1", "Heartbeat")
    assert wire.broken == [Rule.BOOT_FIRST]
    wire = _Wire()
    wire.sends("boot", "BootNotification")
    wire.gets("boot", {"status": "Pending"})
    wire.sends("1", "StatusNotification")  # may have been asked for
    wire.gets("1")
    assert wire.broken == []
    wire.sends("2", "StartTransaction")
    assert wire.broken == [Rule.BOOT_FIRST]


def test_one_message_under_two_ids_is_seen() -> None:
    """The same start under another id could be billed twice."""
    wire = _Wire()
    wire.boots()
    wire.sends("1", "StartTransaction", {"meterStart": 1, "idTag": "A"})
    wire.watch.connected(NAME)
    wire.sends("2", "StartTransaction", {"idTag": "A", "meterStart": 1})
    assert wire.broken == [Rule.ONE_ID]


def test_nonsense_from_the_central_system_is_not_the_stations_fault() -> None:
    """Faults on purpose may send anything."""
    wire = _Wire()
    wire.watch.frame(NAME, False, "no json")
    assert wire.broken == []


_AT = datetime(2026, 6, 1, tzinfo=UTC)
_FIRST = Transaction(
    station=NAME,
    transaction_id="1",
    protocol="ocpp1.6",
    connector_id=1,
    evse_id=None,
    id_token="A",
    heard_at=_AT,
    stop_id_token=None,
    started_at=_AT,
    stopped_at=_AT,
    meter_start_wh=0,
    meter_stop_wh=100,
    meter_last_wh=100,
    reason="Local",
    open=False,
    duplicates=0,
    sequence_ranges=(),
    anomalies=(),
    details={},
    _load_facts=tuple,
)
_SECOND = replace(_FIRST, transaction_id="2", meter_start_wh=100, meter_stop_wh=250)
_OPEN = replace(_SECOND, meter_stop_wh=None, stopped_at=None, open=True)


def _broken(
    transactions: list[Transaction], register_wh: int, *, charging: bool = False, excused_wh: int = 0
) -> list[Rule]:
    return [rule for rule, _ in compare(transactions, {1: Meter(register_wh, charging, excused_wh)})]


def test_books_that_agree_break_no_rule() -> None:
    """Closed transactions end to end, one still open, none at all, and energy that nobody could count."""
    assert _broken([_FIRST, _SECOND], 250) == []
    assert _broken([_FIRST, _OPEN], 260, charging=True) == []
    assert _broken([], 0) == []
    assert _broken([_FIRST, replace(_SECOND, meter_start_wh=110)], 250, excused_wh=10) == []


@pytest.mark.parametrize(
    ("transactions", "register_wh", "charging", "rule"),
    [
        ([_FIRST], 101, False, Rule.ENERGY_EQUAL),
        ([_FIRST, _SECOND], 249, False, Rule.ENERGY_EQUAL),
        ([_SECOND], 250, False, Rule.ENERGY_EQUAL),
        ([_FIRST, replace(_SECOND, meter_start_wh=99)], 250, False, Rule.ENERGY_EQUAL),
        ([_FIRST, replace(_SECOND, meter_start_wh=102)], 250, False, Rule.ENERGY_EQUAL),
        ([replace(_FIRST, meter_start_wh=None)], 100, False, Rule.ENERGY_EQUAL),
        ([_FIRST, _OPEN], 250, False, Rule.STARTS_ONCE),
        ([_FIRST, _SECOND], 250, True, Rule.STARTS_ONCE),
        ([replace(_FIRST, open=True), _SECOND], 250, False, Rule.STARTS_ONCE),
    ],
)
def test_books_that_do_not_agree_are_seen(
    transactions: list[Transaction], register_wh: int, charging: bool, rule: Rule
) -> None:
    """One watt hour too many or too few, billed twice, never ended, never begun."""
    assert _broken(transactions, register_wh, charging=charging) == [rule]


@pytest.mark.parametrize("oddity", list(Oddity))
def test_every_oddity_of_the_books_breaks_a_rule(oddity: Oddity) -> None:
    """Nothing that the central system finds strange is passed over."""
    strange = replace(_FIRST, anomalies=(Anomaly(oddity, "?", "1"),))
    assert len(_broken([strange], 100)) == 1


def test_a_contactor_tells_of_each_command_to_close() -> None:
    """Once for each time, and not for letting go."""
    told: list[None] = []
    gear = WatchedSwitchgear(lambda: told.append(None))
    for close in (False, True, True, False, True):
        gear.command(0.0, close)
    assert len(told) == 2


def test_a_missing_journal_has_no_starts(tmp_path: Path) -> None:
    """Before the first start of the program nothing is on disk."""
    state = tmp_path / "state"
    state.mkdir()
    assert evses_with_a_start_on_disk(state) == []


def test_a_violation_reads_as_a_sentence() -> None:
    """Time, station, rule and what was seen."""
    text = str(Violation(Rule.ONE_CALL, NAME, 90_061.5, "two of them"))
    assert text == "day 1 01:01:01.500 CP001: one CALL is in flight at a time: two of them"
