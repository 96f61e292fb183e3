"""The back-off: growing, capped, jittered after the cap, never at once."""

from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocpp_client.backoff import Backoff, BackoffPolicy

SECONDS = st.floats(0, 1000)
POLICIES = st.builds(
    lambda start, factor, more, ratio, jitter: BackoffPolicy(
        start_s=start, factor=factor, cap_s=start + more, jitter_ratio=ratio, jitter_s=jitter
    ),
    SECONDS,
    st.floats(1, 10),
    SECONDS,
    st.floats(0, 0.99),
    SECONDS,
)
STEADY = BackoffPolicy(start_s=2, factor=2, cap_s=300, jitter_ratio=0)


def delays(policy: BackoffPolicy, count: int, seed: int = 1) -> list[float]:
    """Return the first delays of a fresh back-off."""
    backoff = Backoff(policy, Random(seed))
    return [backoff.next_delay_s() for _ in range(count)]


def test_delays_double_up_to_the_cap_and_stay() -> None:
    """Without jitter the series is plain to see, and it never ends."""
    assert delays(STEADY, 10) == [2, 4, 8, 16, 32, 64, 128, 256, 300, 300]
    backoff = Backoff(STEADY, Random(1))
    backoff.restore(10**9)
    assert backoff.next_delay_s() == 300


@settings(max_examples=200, deadline=None)
@given(POLICIES, st.integers(0, 10**6), st.integers())
def test_every_delay_lies_within_its_jitter(policy: BackoffPolicy, failures: int, seed: int) -> None:
    """Jitter surrounds the capped base; the floor holds whatever the numbers."""
    backoff = Backoff(policy, Random(seed))
    backoff.restore(failures)
    base = policy.base_s(failures)
    assert policy.start_s <= base <= policy.cap_s
    delay = backoff.next_delay_s()
    swing = base * policy.jitter_ratio
    assert max(base - swing, policy.floor_s) <= delay * (1 + 1e-9)
    assert delay <= max(base + swing + policy.jitter_s, policy.floor_s) * (1 + 1e-9)


@settings(max_examples=200, deadline=None)
@given(POLICIES, st.integers(0, 100))
def test_the_base_never_shrinks(policy: BackoffPolicy, failures: int) -> None:
    """One failure more never makes the base shorter."""
    assert policy.base_s(failures) <= policy.base_s(failures + 1) * (1 + 1e-9)


def test_jitter_is_added_after_the_cap() -> None:
    """At the cap, too, stations spread out, upwards and downwards."""
    policy = BackoffPolicy(start_s=300, cap_s=300, jitter_ratio=0.3)
    found = delays(policy, 200)
    assert min(found) < 230
    assert max(found) > 370
    assert len({round(delay, 3) for delay in found}) > 190


@settings(max_examples=200, deadline=None)
@given(POLICIES, st.integers(0, 50), st.floats(0, 10_000), st.integers())
def test_retry_after_is_a_floor_within_reason(
    policy: BackoffPolicy, failures: int, retry_after_s: float, seed: int
) -> None:
    """Nobody dials before the server wants it, up to an hour; nobody waits for ever because of it."""
    backoff = Backoff(policy, Random(seed))
    backoff.restore(failures)
    delay = backoff.next_delay_s(retry_after_s)
    if retry_after_s > policy.base_s(failures):
        assert delay >= min(retry_after_s, policy.max_retry_after_s)
    assert delay <= max(retry_after_s, 2 * policy.base_s(failures)) + policy.base_s(failures) + policy.jitter_s + 0.5


def test_retry_after_does_not_shorten_the_delay() -> None:
    """A server that asks for less than the back-off holds gets the back-off."""
    backoff = Backoff(STEADY, Random(1))
    backoff.restore(5)
    assert backoff.next_delay_s(3) == 64


def test_stations_told_the_same_retry_after_spread_out() -> None:
    """Jitter goes on top of what the server asked for."""
    policy = BackoffPolicy(start_s=10, cap_s=300, jitter_ratio=0.3)
    found = {round(Backoff(policy, Random(seed)).next_delay_s(120), 3) for seed in range(50)}
    assert len(found) > 45
    assert min(found) >= 120


def test_one_delay_can_be_spread_wide() -> None:
    """After a restart of the server, even the first attempts are scattered."""
    found = [Backoff(STEADY, Random(seed)).next_delay_s(spread_s=60) for seed in range(50)]
    assert min(found) >= 2
    assert max(found) > 50
    assert max(found) <= 62


def test_a_reset_begins_again() -> None:
    """After a proven connection the first delay is short again."""
    backoff = Backoff(STEADY, Random(1))
    assert [backoff.next_delay_s() for _ in range(3)] == [2, 4, 8]
    backoff.reset()
    assert backoff.state() == 0
    assert backoff.next_delay_s() == 2


def test_the_state_survives_a_restart() -> None:
    """A program that crashes in a loop does not hammer its server."""
    first = Backoff(STEADY, Random(1))
    for _ in range(3):
        first.next_delay_s()
    second = Backoff(STEADY, Random(2))
    second.restore(first.state())
    assert second.next_delay_s() == 16
    with pytest.raises(ValueError, match="-1 failures"):
        second.restore(-1)


def test_the_policy_can_change_on_the_way() -> None:
    """New numbers from the CSMS apply to the next delay; the failures so far still count."""
    backoff = Backoff(STEADY, Random(1))
    backoff.next_delay_s()
    backoff.policy = BackoffPolicy(start_s=10, cap_s=1000, jitter_ratio=0)
    assert backoff.next_delay_s() == 20


def test_the_form_of_2_0_1() -> None:
    """Minimum 10 s, doubled twice at most, a fresh random part each time (OCPP 2.0.1 part 4, section 5.3)."""
    plain = BackoffPolicy.ocpp201(wait_minimum_s=10, random_range_s=0, repeat_times=2)
    assert delays(plain, 5) == [10, 20, 40, 40, 40]
    spread = BackoffPolicy.ocpp201(wait_minimum_s=10, random_range_s=5, repeat_times=1)
    for seed in range(20):
        first, second, third = delays(spread, 3, seed)
        assert 10 <= first <= 15
        assert 20 <= second <= 25
        assert 20 <= third <= 25
    assert delays(BackoffPolicy.ocpp201(wait_minimum_s=0, random_range_s=0, repeat_times=5), 3) == [0.5, 0.5, 0.5]


@pytest.mark.parametrize(
    "numbers",
    [
        {"start_s": -1.0},
        {"cap_s": float("inf")},
        {"jitter_s": float("nan")},
        {"factor": 0.5},
        {"start_s": 10.0, "cap_s": 5.0},
        {"jitter_ratio": 1.0},
        {"jitter_ratio": -0.1},
    ],
)
def test_senseless_numbers_are_refused(numbers: dict[str, Any]) -> None:
    """A policy that could hammer, shrink or never end a wait is refused when it is made."""
    with pytest.raises(ValueError, match="back-off"):
        BackoffPolicy(**numbers)
