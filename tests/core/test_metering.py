"""When samples are due, which are kept, and how a limit is shared."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware.core.metering import DAY_S, next_mark, next_periodic, thin
from firmware.core.sharing import share

MIDNIGHT = 20_000 * DAY_S


@pytest.mark.parametrize(
    ("interval_s", "now_s", "due_s"),
    [(60, 100.0, 160.0), (60, 159.9, 160.0), (60, 160.0, 220.0), (60, 1000.0, 1060.0), (1, 100.5, 101.0)],
)
def test_periodic_samples_count_from_the_start(interval_s: int, now_s: float, due_s: float) -> None:
    """Start at 100 s: a late wake-up does not shift the series."""
    assert next_periodic(100.0, interval_s, now_s) == due_s


def test_no_interval_means_no_samples() -> None:
    """0 switches both kinds off."""
    assert next_periodic(0.0, 0, 5.0) is None
    assert next_mark(0, MIDNIGHT) is None


@pytest.mark.parametrize(
    ("interval_s", "after_midnight_s", "mark_s"),
    [
        (900, 0, 900),
        (900, 899.999, 900),
        (900, 900, 1800),
        (7000, 84_001, DAY_S),
        (DAY_S, 5, DAY_S),
        (100_000, 5, DAY_S),
    ],
)
def test_marks_count_from_midnight(interval_s: int, after_midnight_s: float, mark_s: float) -> None:
    """An interval that does not divide the day starts anew at midnight UTC."""
    assert next_mark(interval_s, MIDNIGHT + after_midnight_s) == MIDNIGHT + mark_s


@settings(max_examples=100, deadline=None)
@given(st.integers(1, DAY_S), st.floats(0, 2e9))
def test_the_next_mark_is_ahead_and_the_nearest(interval_s: int, wall_s: float) -> None:
    """Never in the past, never further than one interval."""
    mark = next_mark(interval_s, wall_s)
    assert mark is not None
    assert 0 < mark - wall_s + 1e-3 <= interval_s + 2e-3


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(), max_size=60), st.integers(2, 20))
def test_thinning_keeps_first_and_last_in_order(items: list[int], limit: int) -> None:
    """At most `limit`, evenly, each item at most once."""
    numbered = list(enumerate(items))
    kept = thin(numbered, limit)
    assert len(kept) == min(limit, len(items))
    assert sorted(set(kept)) == list(kept)
    if items:
        assert (kept[0], kept[-1]) == (numbered[0], numbered[-1])
    if len(kept) > 2:
        gaps = [after[0] - before[0] for before, after in itertools.pairwise(kept)]
        assert max(gaps) - min(gaps) <= 1


@pytest.mark.parametrize(
    ("limit_a", "wanted", "shares"),
    [
        (32, {1: 32, 2: 32}, {1: 16, 2: 16}),
        (32, {1: 10, 2: 32}, {1: 10, 2: 22}),
        (11, {1: 32, 2: 32}, {1: 11, 2: 0}),
        (5, {1: 32}, {1: 0}),
        (63, {1: 32}, {1: 32}),
        (40, {2: 4, 1: 32}, {2: 0, 1: 32}),
        (0, {}, {}),
    ],
)
def test_a_limit_is_shared(limit_a: float, wanted: dict[int, float], shares: dict[int, float]) -> None:
    """Equally, what one leaves to the others, and first come first where it does not suffice for all."""
    assert share(limit_a, wanted) == shares


@pytest.mark.parametrize(
    ("limit_a", "wanted", "least", "shares"),
    [
        (32, {1: 32, 2: 32}, {2: 20}, {1: 12, 2: 20}),
        (20, {1: 32, 2: 32}, {2: 20}, {1: 20, 2: 0}),
        (20, {2: 32, 1: 32}, {2: 20}, {2: 20, 1: 0}),
        (30, {1: 32, 2: 15, 3: 32}, {2: 16}, {1: 15, 2: 0, 3: 15}),
        (40, {1: 32, 2: 8, 3: 8}, {1: 15}, {1: 24, 2: 8, 3: 8}),
    ],
)
def test_nobody_gets_less_than_is_of_use(
    limit_a: float, wanted: dict[int, float], least: dict[int, float], shares: dict[int, float]
) -> None:
    """Who cannot have that gets nothing, and the others share it."""
    assert share(limit_a, wanted, least) == shares


@settings(max_examples=100, deadline=None)
@given(
    st.floats(0, 200),
    st.dictionaries(st.integers(1, 9), st.floats(0, 80), max_size=6),
    st.dictionaries(st.integers(1, 9), st.floats(0, 40), max_size=6),
)
def test_shares_never_exceed_the_limit_nor_the_wish(
    limit_a: float, wanted: dict[int, float], least: dict[int, float]
) -> None:
    """Each share is nothing, or enough to charge with; and nothing is left while somebody who is served wants more."""
    shares = share(limit_a, wanted, least)
    assert sum(shares.values()) <= limit_a + 1e-9
    for key, amount in shares.items():
        assert amount <= wanted[key] + 1e-9
        assert amount == 0 or amount >= max(6, least.get(key, 0)) - 1e-9
    if any(0 < amount < wanted[key] - 1e-6 for key, amount in shares.items()):
        assert sum(shares.values()) >= limit_a - 1e-6
