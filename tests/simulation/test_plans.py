"""The plans of a run: what goes wrong and who comes, made from the seed alone."""

from itertools import pairwise

import pytest

from firmware.simulation.faults import ALL, CALM_FROM_S, DAWN_S, DAY_S, FaultKind, parse_kinds
from firmware.simulation.scenario import Scenario, scenario


def _scenario(seed: int = 1, *, kinds: frozenset[FaultKind] = ALL, days: int = 5) -> Scenario:
    return scenario(seed, days=days, stations=2, kinds=kinds)


def test_the_same_seed_makes_the_same_plans_and_another_makes_others() -> None:
    """Faults and visits are a function of the seed."""
    assert _scenario(1).faults == _scenario(1).faults
    assert _scenario(1).visits == _scenario(1).visits
    assert _scenario(1).faults != _scenario(2).faults
    assert _scenario(1).visits != _scenario(2).visits


def test_every_kind_of_fault_happens_within_a_month() -> None:
    """No kind is forgotten by the plan."""
    assert {fault.kind for fault in _scenario(days=30).faults} == ALL


def test_leaving_a_kind_out_moves_no_other_fault() -> None:
    """Each kind has chance of its own."""
    without = tuple(fault for fault in _scenario().faults if fault.kind is not FaultKind.CUT)
    assert _scenario(kinds=ALL - {FaultKind.CUT}).faults == without


def test_nights_end_calm() -> None:
    """Between two and five o'clock nothing goes wrong, and what went wrong before is mended."""
    faults = _scenario(days=30).faults
    assert len(faults) > 1_000
    for fault in faults:
        for day in range(32):
            assert fault.ends_s <= day * DAY_S + CALM_FROM_S + 1e-6 or fault.at_s >= day * DAY_S + DAWN_S


def test_visits_at_one_evse_do_not_overlap() -> None:
    """One vehicle leaves before the next one comes."""
    visits = _scenario().visits
    for station in (0, 1):
        for evse in (1, 2):
            here = [visit for visit in visits if (visit.station, visit.evse) == (station, evse)]
            assert len(here) > 10
            for before, after in pairwise(here):
                assert before.leaves_s < after.arrives_s
            assert all(visit.arrives_s < visit.leaves_s for visit in here)


def test_an_earlier_end_keeps_what_comes_before_it() -> None:
    """`until` only leaves out."""
    whole = _scenario()
    part = whole.until(2)
    assert part.faults == tuple(fault for fault in whole.faults if fault.at_s < 2 * DAY_S)
    assert part.visits == whole.visits[: len(part.visits)]
    assert part.ends_s < whole.ends_s


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("all", ALL),
        ("none", frozenset()),
        ("cut", {FaultKind.CUT}),
        ("cut, power-cut", {FaultKind.CUT, FaultKind.POWER_CUT}),
        ("-cut", ALL - {FaultKind.CUT}),
        ("all,-cut,-nat", ALL - {FaultKind.CUT, FaultKind.NAT}),
    ],
)
def test_kinds_are_chosen_by_words(text: str, kinds: frozenset[FaultKind]) -> None:
    """The words of the command line."""
    assert parse_kinds(text) == kinds


def test_an_unknown_word_is_refused_with_those_there_are() -> None:
    """A typing mistake does not silently leave a fault out."""
    with pytest.raises(ValueError, match=r"'cuts'.*black-hole"):
        parse_kinds("cuts")
