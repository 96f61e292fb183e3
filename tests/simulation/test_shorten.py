"""Making a failure shorter: what is not needed goes, what is needed stays."""

from dataclasses import replace

import pytest

from firmware.simulation.checks.findings import Rule, Violation
from firmware.simulation.faults import DAY_S, Fault, FaultKind
from firmware.simulation.scenario import Result, Scenario, scenario
from firmware.simulation.shorten import Shortener


def _fails_if(*needed: tuple[FaultKind, float], visit: int, station: int = 0) -> "Player":
    return Player(set(needed), visit, station)


class Player:
    """Plays nothing: a scenario fails when all the needed faults and the needed visit are in it."""

    def __init__(self, needed: set[tuple[FaultKind, float]], visit: int, station: int) -> None:
        self._needed = needed
        self._visit = visit
        self._station = station
        self.played = 0

    def play(self, wanted: Scenario) -> Result:
        """The verdict; the rule breaks at noon of the second day."""
        self.played += 1
        faults = {(fault.kind, fault.at_s) for fault in wanted.faults}
        visits = {visit.number for visit in wanted.visits if visit.station == self._station}
        breaks = self._needed <= faults and self._visit in visits and wanted.days >= 2
        name = f"CP{self._station:03d}"
        found = (Violation(Rule.ENERGY_EQUAL, name, 1.5 * DAY_S, "?"),) if breaks else ()
        return Result(wanted, found, "", wanted.ends_s, 1.0)


def _needed_of(whole: Scenario, station: int = 0) -> list[tuple[FaultKind, float]]:
    first_days = [fault for fault in whole.faults if fault.at_s < 1.4 * DAY_S and fault.station == station]
    return [(fault.kind, fault.at_s) for fault in (first_days[3], first_days[-1])]


@pytest.mark.parametrize("station", [0, 1])
def test_only_what_is_needed_is_left(station: int) -> None:
    """Two faults and one visit of a month at three stations remain, on the shortest number of days."""
    whole = scenario(1, days=30, stations=3)
    needed = _needed_of(whole, station)
    player = _fails_if(*needed, visit=2, station=station)
    shortener = Shortener(player.play)
    shortest = shortener.shorten(player.play(whole))
    assert [(fault.kind, fault.at_s) for fault in shortest.scenario.faults] == needed
    assert {visit.number for visit in shortest.scenario.visits} == {2}
    assert len({visit.station for visit in shortest.scenario.visits}) == 1
    assert (shortest.scenario.days, shortest.scenario.stations) == (2, station + 1)
    assert player.played == shortener.runs + 1


def test_the_budget_of_real_time_is_kept() -> None:
    """When the time is spent, the best so far is the answer."""
    whole = scenario(1, days=10)
    player = _fails_if(*_needed_of(whole), visit=2)
    now_s = 0.0

    def play(wanted: Scenario) -> Result:
        nonlocal now_s
        now_s += 10.0
        return player.play(wanted)

    shortener = Shortener(play, budget_s=45.0, real_time_s=lambda: now_s)
    shortest = shortener.shorten(player.play(whole))
    assert shortener.runs == 5
    assert not shortest.passed


def test_another_rule_broken_is_another_failure() -> None:
    """A shorter run that breaks something else is not taken for the same."""
    whole = scenario(1, days=2)

    def play(wanted: Scenario) -> Result:
        rule = Rule.ENERGY_EQUAL if wanted == whole else Rule.NO_CRASH
        return Result(wanted, (Violation(rule, "CP000", 100.0, "?"),), "", 1.0, 1.0)

    assert Shortener(play).shorten(play(whole)).scenario == whole


def test_a_fault_can_be_left_out_without_moving_the_others() -> None:
    """Plans are data: a scenario without one fault is otherwise the same."""
    whole = scenario(1, days=2)
    part = replace(whole, faults=whole.faults[1:])
    assert isinstance(part.faults[0], Fault)
    assert part.visits == whole.visits
