"""Makes a failing scenario shorter: fewer days, stations, faults and visits, as long as the same rule is still broken."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from firmware.simulation.checks.findings import Rule, Violation
from firmware.simulation.faults import DAY_S
from firmware.simulation.scenario import Result, Scenario

T = TypeVar("T")
Play = Callable[[Scenario], Result]


class Shortener:
    """Tries shorter scenarios with `play` until nothing can be left out or the budget of real seconds is spent."""

    def __init__(
        self, play: Play, *, budget_s: float = 120.0, real_time_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._play = play
        self._real_time_s = real_time_s
        self._until_s = real_time_s() + budget_s
        self.runs = 0

    def shorten(self, failing: Result) -> Result:
        """The shortest scenario found that breaks the first rule of `failing`, with what came of it."""
        violation = failing.violations[0]
        best = failing
        for candidate in self._coarse(failing.scenario, violation):
            best = self._try(candidate, violation.rule) or best
        best = self._without_kinds(best, violation.rule)
        best = self._fewer(best, violation.rule, lambda s: s.faults, lambda s, kept: replace(s, faults=tuple(kept)))
        return self._fewer(best, violation.rule, lambda s: s.visits, lambda s, kept: replace(s, visits=tuple(kept)))

    def _coarse(self, scenario: Scenario, violation: Violation) -> list[Scenario]:
        """Nothing after the night in which the rule broke; then only the station where it did."""
        ended = scenario.until(max(1, min(scenario.days, int(violation.at_s // DAY_S) + 1)))
        found = [scenario.until(max(1, int(violation.at_s // DAY_S))), ended]
        number = violation.station.removeprefix("CP")
        if scenario.stations > 1 and number.isdecimal():
            index = int(number)
            found.extend([_only(each, index) for each in found])
        return found

    def _without_kinds(self, best: Result, rule: Rule) -> Result:
        for kind in sorted({fault.kind for fault in best.scenario.faults}):
            faults = tuple(fault for fault in best.scenario.faults if fault.kind is not kind)
            best = self._try(replace(best.scenario, faults=faults), rule) or best
        return best

    def _fewer(
        self,
        best: Result,
        rule: Rule,
        parts: Callable[[Scenario], Sequence[T]],
        with_parts: Callable[[Scenario, list[T]], Scenario],
    ) -> Result:
        """Leave out ever smaller pieces: halves first, single ones last."""
        size = max(1, len(parts(best.scenario)) // 2)
        while True:
            at = 0
            while at < len(parts(best.scenario)):
                everything = list(parts(best.scenario))
                shorter = self._try(with_parts(best.scenario, everything[:at] + everything[at + size :]), rule)
                if shorter is None:
                    at += size
                else:
                    best = shorter
            if size == 1:
                return best
            size //= 2

    def _try(self, scenario: Scenario, rule: Rule) -> Result | None:
        """The result if the rule is still broken; None if not, or when the budget is spent."""
        if self._real_time_s() >= self._until_s:
            return None
        self.runs += 1
        result = self._play(scenario)
        return result if any(violation.rule is rule for violation in result.violations) else None


def _only(scenario: Scenario, index: int) -> Scenario:
    return replace(
        scenario,
        stations=index + 1,
        faults=tuple(fault for fault in scenario.faults if fault.station in {None, index}),
        visits=tuple(visit for visit in scenario.visits if visit.station == index),
    )
