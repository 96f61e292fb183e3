"""Scenarios on several cores: each as if it were alone."""

from firmware.simulation.day import play
from firmware.simulation.faults import FaultKind
from firmware.simulation.scenario import Scenario, scenario
from firmware.simulation.seeds import play_each


def _short(seed: int) -> Scenario:
    return scenario(seed, kinds=frozenset({FaultKind.CUT}), visits_per_day=2)


def test_a_run_in_a_process_of_its_own_takes_the_same_course() -> None:
    """Results come in the order asked for, with the trace that the same seed has in this process."""
    results = list(play_each([_short(4), _short(3)], jobs=2))
    assert [result.scenario.seed for result in results] == [4, 3]
    assert results[1].digest == play(_short(3)).digest


def test_who_stops_asking_ends_the_rest() -> None:
    """The first result is enough: what has not begun is given up and no process stays."""
    results = play_each([_short(seed) for seed in range(1, 20)], jobs=1)
    assert next(results).scenario.seed == 1
    results.close()
