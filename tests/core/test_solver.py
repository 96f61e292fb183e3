"""The solver of charging profiles, against the rules one by one, and against a slow one that looks at every second."""

from decimal import ROUND_FLOOR, Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware.core.profiles import Kind, Period, Profile, Purpose, RateUnit, Recurrence, Schedule
from firmware.core.solver import (
    BOUNDARIES,
    Composite,
    Constraints,
    Wiring,
    composite,
    leading,
    next_change_ms,
    period_at,
    timeless,
)

A, W = RateUnit.CURRENT, RateUnit.POWER
THREE = Wiring(3, Decimal(230))
ONE = Wiring(1, Decimal(230))
NOON_MS = 1_780_315_200_000  # 2026-06-01T12:00:00Z, a Monday
DAY_MS = 86_400_000


def _profile(
    *periods: tuple[int, str],
    number: int = 1,
    purpose: Purpose = Purpose.TX_DEFAULT,
    kind: Kind = Kind.ABSOLUTE,
    start_ms: int | None = NOON_MS,
    stack: int = 0,
    evse: int = 0,
    unit: RateUnit = A,
    duration_s: int | None = None,
    recurrence: Recurrence | None = None,
    valid: tuple[int | None, int | None] = (None, None),
    phases: int | None = None,
    minimum: str | None = None,
    installed_ms: int | None = None,
) -> Profile:
    found = tuple(Period(start_s, Decimal(limit), phases) for start_s, limit in periods or ((0, "10"),))
    least = None if minimum is None else Decimal(minimum)
    schedule = Schedule(unit, found, duration_s, start_ms, least)
    return Profile(
        number, evse, purpose, stack, kind, schedule, recurrence, *valid, transaction=None, installed_ms=installed_ms
    )


def _at(profile: Profile, second: float, began_ms: int = NOON_MS) -> str | None:
    period = period_at(profile, NOON_MS + round(second * 1000), began_ms)
    return None if period is None else str(period.limit)


def _limit(constraints: Constraints, unit: RateUnit = A, second: float = 0) -> Decimal | None:
    limit = constraints.limit(NOON_MS + round(second * 1000), unit)
    return None if limit is None else limit.value


# ---- one profile --------------------------------------------------------------------------------------------------------


def test_a_period_holds_until_the_next_and_the_last_until_the_duration() -> None:
    """Each from its very start; before the schedule and after it the profile says nothing."""
    profile = _profile((0, "10"), (60, "20"), duration_s=120)
    moments = (-0.001, 0, 59.999, 60, 119.999, 120)
    assert [_at(profile, second) for second in moments] == [None, "10", "10", "20", "20", None]
    assert _at(_profile((0, "10"), (60, "20")), 1e9) == "20"


def test_periods_that_start_at_or_after_the_duration_never_hold() -> None:
    """The duration ends the schedule."""
    profile = _profile((0, "10"), (60, "20"), duration_s=60)
    assert [_at(profile, second) for second in (59, 60, 61)] == ["10", None, None]


def test_a_relative_schedule_counts_from_the_start_of_the_transaction() -> None:
    """And so does an absolute one without a start."""
    for start_ms, kind in ((None, Kind.RELATIVE), (NOON_MS, Kind.RELATIVE), (None, Kind.ABSOLUTE)):
        profile = _profile((0, "10"), (60, "20"), kind=kind, start_ms=start_ms)
        assert [_at(profile, second, NOON_MS + 5000) for second in (4, 5, 65)] == [None, "10", "20"]


def test_a_limit_of_the_station_without_a_start_counts_from_its_installation() -> None:
    """There is no transaction to count from."""
    profile = _profile((0, "10"), (60, "20"), purpose=Purpose.STATION_MAX, start_ms=None, installed_ms=NOON_MS)
    assert [_at(profile, second, NOON_MS + 999) for second in (0, 60)] == ["10", "20"]


@pytest.mark.parametrize(("recurrence", "cycle_s"), [(Recurrence.DAILY, 86_400), (Recurrence.WEEKLY, 604_800)])
def test_a_recurring_schedule_begins_anew_with_each_cycle(recurrence: Recurrence, cycle_s: int) -> None:
    """Not before its first start; what is longer than a cycle never comes to its end."""
    profile = _profile((0, "10"), (60, "20"), (cycle_s + 60, "30"), kind=Kind.RECURRING, recurrence=recurrence)
    assert [_at(profile, second) for second in (-1, 0, 60, cycle_s - 0.001)] == [None, "10", "20", "20"]
    assert [_at(profile, 3 * cycle_s + second) for second in (0, 59.999, 60, 120)] == ["10", "10", "20", "20"]


def test_a_recurring_schedule_pauses_between_its_duration_and_the_next_cycle() -> None:
    """Every time."""
    profile = _profile(kind=Kind.RECURRING, recurrence=Recurrence.DAILY, duration_s=3600)
    assert [_at(profile, 86_400 * 5 + second) for second in (0, 3599, 3600, 86_399)] == ["10", "10", None, None]


def test_a_profile_is_valid_from_its_first_moment_to_just_before_its_last() -> None:
    """Whatever its schedule says."""
    profile = _profile(start_ms=0, valid=(NOON_MS, NOON_MS + 60_000))
    assert [_at(profile, second) for second in (-0.001, 0, 59.999, 60)] == [None, "10", "10", None]


@pytest.mark.parametrize(
    ("profile", "second", "change"),
    [
        (_profile((0, "10"), (60, "20"), duration_s=120), -5, 0),
        (_profile((0, "10"), (60, "20"), duration_s=120), 0, 60),
        (_profile((0, "10"), (60, "20"), duration_s=120), 60, 120),
        (_profile((0, "10"), (60, "20"), duration_s=120), 120, None),
        (_profile((0, "10")), 0, None),
        (_profile((0, "10"), valid=(NOON_MS + 7000, NOON_MS + 9000)), 0, 7),
        (_profile((0, "10"), valid=(NOON_MS + 7000, NOON_MS + 9000)), 7, 9),
        (_profile((0, "10"), valid=(NOON_MS + 7000, NOON_MS + 9000)), 9, None),
        (_profile((0, "10"), kind=Kind.RECURRING, recurrence=Recurrence.DAILY), -5, 0),
        (_profile((0, "10"), kind=Kind.RECURRING, recurrence=Recurrence.DAILY), 0, 86_400),
        (_profile((0, "10"), (60, "20"), kind=Kind.RECURRING, recurrence=Recurrence.DAILY), 86_400, 86_460),
    ],
)
def test_the_next_boundary_is_known(profile: Profile, second: int, change: int | None) -> None:
    """The first after a moment, None when there is none."""
    expected = None if change is None else NOON_MS + change * 1000
    assert next_change_ms(profile, NOON_MS + second * 1000, NOON_MS) == expected


# ---- several ------------------------------------------------------------------------------------------------------------


def test_the_highest_level_that_says_something_leads() -> None:
    """When its schedule is over, or has not begun, the one below takes its place."""
    low = _profile((0, "10"), start_ms=0)
    high = _profile((0, "20"), number=2, stack=5, duration_s=60)
    found = [leading([low, high], NOON_MS + second * 1000, NOON_MS) for second in (-1, 0, 59, 60)]
    assert [led[0].id for led in found if led is not None] == [1, 2, 2, 1]
    assert leading([high], NOON_MS + 60_000, NOON_MS) is None


def test_at_the_same_level_the_profile_of_the_evse_displaces_that_of_the_station() -> None:
    """At another level the higher leads, wherever it was set."""
    everywhere, here = _profile((0, "10"), evse=0), _profile((0, "20"), number=2, evse=1)
    for profiles in ([everywhere, here], [here, everywhere]):
        led = leading(profiles, NOON_MS, NOON_MS)
        assert led is not None
        assert led[0] is here
    led = leading([_profile((0, "10"), evse=0, stack=1), here], NOON_MS, NOON_MS)
    assert led is not None
    assert led[0].evse == 0


def test_layers_bound_together_and_in_a_layer_the_first_group_that_speaks() -> None:
    """The profile of the transaction overrides the default while it lasts; the station's bounds whatever holds."""
    own = (_profile((0, "25"), purpose=Purpose.TX, duration_s=60),)
    default = (_profile((0, "13"), number=2),)
    station = (_profile((0, "20"), number=3, purpose=Purpose.STATION_MAX),)
    constraints = Constraints(THREE, NOON_MS, ((own, default), (station,)), (Decimal(32),))
    assert [_limit(constraints, second=second) for second in (0, 60)] == [Decimal(20), Decimal(13)]
    assert _limit(Constraints(THREE, NOON_MS)) is None


# ---- units --------------------------------------------------------------------------------------------------------------

CONVERSIONS = [
    # wiring, unit of the profile, limit, its phases, unit wanted, result
    (THREE, W, "11040", None, A, "16"),
    (THREE, W, "11040", 3, A, "16"),
    (THREE, W, "3680", 1, A, "16"),
    (THREE, W, "7360", 2, A, "16"),
    (ONE, W, "3680", None, A, "16"),
    (ONE, W, "3680", 3, A, "16"),  # phases that are not there change nothing about the others
    (THREE, A, "16", None, W, "11040"),
    (THREE, A, "16", 1, W, "3680"),
    (ONE, A, "16", None, W, "3680"),
    (THREE, A, "16.1", None, A, "16.1"),
    (THREE, W, "11040.3", None, W, "11040.3"),
    (Wiring(0, Decimal(400)), W, "20000", None, A, "50"),
]


@pytest.mark.parametrize(("wiring", "unit", "limit", "phases", "into", "expected"), CONVERSIONS)
def test_watts_are_amperes_times_volts_times_phases(
    wiring: Wiring, unit: RateUnit, limit: str, phases: int | None, into: RateUnit, expected: str
) -> None:
    """Amperes are per phase, watts of all phases together; direct current has none."""
    layer = ((_profile((0, limit), unit=unit, phases=phases),),)
    assert _limit(Constraints(wiring, NOON_MS, (layer,)), into) == Decimal(expected)


def test_a_schedule_ahead_is_rounded_down_to_tenths() -> None:
    """Nobody is promised more than is allowed, and nothing is lost to binary fractions."""
    layer = ((_profile((0, "10000"), unit=W),),)
    part, free = Constraints(THREE, NOON_MS, (layer,)), Constraints(THREE, NOON_MS)
    assert [str(period.limit) for period in composite([part], free, NOON_MS, 60, A).periods] == ["14.4"]
    assert [str(period.limit) for period in composite([part], free, NOON_MS, 60, W).periods] == ["10000.0"]


def test_the_rate_below_which_charging_is_of_no_use_is_that_of_the_leading_profile() -> None:
    """In amperes, like everything that is shared."""
    layer = ((_profile(unit=W, minimum="6900"), _profile(number=2, stack=1, duration_s=60)),)
    constraints = Constraints(THREE, NOON_MS, (layer,))
    assert [constraints.least_a(NOON_MS + second * 1000) for second in (0, 60)] == [None, Decimal(10)]


# ---- without the time ---------------------------------------------------------------------------------------------------


def test_without_a_clock_what_needs_one_counts_with_its_lowest_limit() -> None:
    """What counts from the start of a transaction needs none."""
    relative = _profile((0, "20"), (60, "10"), kind=Kind.RELATIVE, start_ms=None)
    assert timeless(relative) is relative
    needy = (
        _profile((0, "20"), (60, "10"), (120, "30")),
        _profile((0, "20"), (60, "10"), kind=Kind.RELATIVE, valid=(NOON_MS, None)),
        _profile((0, "20"), (60, "10"), kind=Kind.RECURRING, recurrence=Recurrence.DAILY, duration_s=90),
        _profile((0, "20"), (60, "10"), purpose=Purpose.STATION_MAX, start_ms=None, installed_ms=NOON_MS),
    )
    for profile in needy:
        for second in (0, 1e6):
            period = period_at(timeless(profile), round(second * 1000), 500_000_000)
            assert period is not None
            assert str(period.limit) == "10"


# ---- a whole schedule ahead ---------------------------------------------------------------------------------------------


def _told(found: Composite) -> list[tuple[int, str]]:
    return [(period.start_s, str(period.limit)) for period in found.periods]


def test_equal_neighbours_are_one_period_and_too_many_end_the_schedule_early() -> None:
    """The duration then says how far it is told."""
    layer = ((_profile((0, "10"), (10, "10"), (20, "12"), (30, "14"), (40, "16")),),)
    part, free = Constraints(THREE, NOON_MS, (layer,)), Constraints(THREE, NOON_MS)
    whole = composite([part], free, NOON_MS, 100, A)
    assert (_told(whole), whole.duration_s) == ([(0, "10.0"), (20, "12.0"), (30, "14.0"), (40, "16.0")], 100)
    cut = composite([part], free, NOON_MS, 100, A, max_periods=2)
    assert (_told(cut), cut.duration_s) == ([(0, "10.0"), (20, "12.0")], 30)


def test_a_schedule_with_endless_boundaries_is_told_as_far_as_is_sane() -> None:
    """A peer that asks for a thousand years gets an answer all the same, and soon."""
    layer = ((_profile((0, "10"), kind=Kind.RECURRING, recurrence=Recurrence.DAILY),),)
    part, free = Constraints(THREE, NOON_MS, (layer,)), Constraints(THREE, NOON_MS)
    found = composite([part], free, NOON_MS, 2**40, A)
    assert (_told(found), found.duration_s) == ([(0, "10.0")], BOUNDARIES * 86_400)


def test_the_station_is_the_sum_of_its_evses_within_its_own_limit() -> None:
    """Each with its own profile."""
    parts = [
        Constraints(THREE, NOON_MS, (((_profile((0, "10")),),),), (Decimal(32),)),
        Constraints(THREE, NOON_MS, (((_profile((0, "20"), (60, "6"), number=2),),),), (Decimal(32),)),
    ]
    whole = Constraints(THREE, NOON_MS, (((_profile((0, "25"), (30, "100"), number=3),),),))
    assert _told(composite(parts, whole, NOON_MS, 90, A)) == [(0, "25.0"), (30, "30.0"), (60, "16.0")]


def test_a_limit_of_the_station_is_per_phase_for_an_evse_with_fewer_phases() -> None:
    """11 kW of three phases are 16 A for one."""
    part = Constraints(ONE, NOON_MS, (), (Decimal(32),))
    whole = Constraints(THREE, NOON_MS, (((_profile((0, "11040"), unit=W),),),))
    assert _told(composite([part], whole, NOON_MS, 90, A)) == [(0, "16.0")]
    assert _told(composite([part], whole, NOON_MS, 90, W)) == [(0, "3680.0")]


# ---- the slow solver ----------------------------------------------------------------------------------------------------


def _slow_limit(profile: Profile, at_ms: int, began_ms: int) -> tuple[Decimal, RateUnit, int] | None:
    """Straight from the rules, with loops instead of arithmetic."""
    if profile.valid_from_ms is not None and at_ms < profile.valid_from_ms:
        return None
    if profile.valid_to_ms is not None and at_ms >= profile.valid_to_ms:
        return None
    schedule = profile.schedule
    start_ms = began_ms if profile.kind is Kind.RELATIVE or schedule.start_ms is None else schedule.start_ms
    if at_ms < start_ms:
        return None
    if profile.recurrence is not None:
        while start_ms + profile.recurrence.value * 1000 <= at_ms:
            start_ms += profile.recurrence.value * 1000
    elapsed_ms = at_ms - start_ms
    if schedule.duration_s is not None and elapsed_ms >= schedule.duration_s * 1000:
        return None
    in_force = [period for period in schedule.periods if period.start_s * 1000 <= elapsed_ms]
    return in_force[-1].limit, schedule.unit, in_force[-1].phases or 3


def _slow(
    groups: list[list[Profile]], station: list[Profile], wiring: Wiring, unit: RateUnit, at_ms: int, began_ms: int
) -> Decimal:
    """The limit at one moment, in tenths rounded down."""
    found = [Decimal(32) if unit is A else Decimal(32) * wiring.voltage_v * wiring.phases]
    for candidates in (groups, [station]):
        for group in candidates:
            best = None
            for profile in group:
                said = _slow_limit(profile, at_ms, began_ms)
                rank = (profile.stack, profile.evse)
                if said is not None and (best is None or rank > best[0]):
                    best = (rank, said)
            if best is not None:
                value, its_unit, phases = best[1]
                watts_an_ampere = wiring.voltage_v * min(phases, wiring.phases)
                if its_unit is not unit:
                    value = value / watts_an_ampere if unit is A else value * watts_an_ampere
                found.append(value)
                break
    return min(found).quantize(Decimal("0.1"), ROUND_FLOOR)


SPAN_S = 240
moments_ms = st.integers(-300, 300).map(lambda second: NOON_MS + second * 1000)


@st.composite
def _profiles(draw: st.DrawFn, purpose: Purpose, number: int) -> Profile:
    starts = sorted({0, *draw(st.lists(st.integers(1, SPAN_S), max_size=4))})
    unit = draw(st.sampled_from([A, W]))
    limits = st.integers(0, 400 if unit is A else 220_000)
    kind = draw(st.sampled_from([Kind.ABSOLUTE, Kind.RECURRING, Kind.RELATIVE]))
    if purpose is Purpose.STATION_MAX and kind is Kind.RELATIVE:
        kind = Kind.ABSOLUTE
    recurrence = draw(st.sampled_from(list(Recurrence))) if kind is Kind.RECURRING else None
    # so that a cycle turns over within the span
    start_ms = draw(moments_ms) - (recurrence.value * 1000 * draw(st.integers(0, 3)) if recurrence is not None else 0)
    periods = tuple(
        Period(start_s, Decimal(draw(limits)) / 10, draw(st.sampled_from([None, 1, 2, 3]))) for start_s in starts
    )
    schedule = Schedule(unit, periods, draw(st.none() | st.integers(0, 2 * SPAN_S)), start_ms)
    valid = draw(st.none() | moments_ms), draw(st.none() | moments_ms)
    stack, evse = (number, 0) if purpose is Purpose.STATION_MAX else (number // 2, number % 2)
    return Profile(number, evse, purpose, stack, kind, schedule, recurrence, *valid)


@settings(max_examples=60, deadline=None)
@given(st.data(), st.sampled_from([A, W]), st.sampled_from([ONE, THREE]), st.integers(-100, 0))
def test_the_schedule_ahead_is_what_a_look_at_every_second_finds(
    data: st.DataObject, unit: RateUnit, wiring: Wiring, began_s: int
) -> None:
    """In every second of it, for any profiles."""
    began_ms = NOON_MS + began_s * 1000
    numbers = iter(range(100))

    def some(purpose: Purpose) -> list[Profile]:
        return [data.draw(_profiles(purpose, next(numbers))) for _ in range(data.draw(st.integers(0, 3)))]

    own, default, station = some(Purpose.TX), some(Purpose.TX_DEFAULT), some(Purpose.STATION_MAX)
    part = Constraints(wiring, began_ms, ((tuple(own), tuple(default)),), (Decimal(32),))
    whole = Constraints(wiring, began_ms, ((tuple(station),),))
    found = composite([part], whole, NOON_MS, SPAN_S, unit)
    assert found.duration_s == SPAN_S
    assert found.periods[0].start_s == 0
    told = iter(found.periods)
    period, following = next(told), next(told, None)
    for second in range(SPAN_S):
        if following is not None and following.start_s <= second:
            period, following = following, next(told, None)
        expected = _slow([own, default], station, wiring, unit, NOON_MS + second * 1000, began_ms)
        assert period.limit == expected, f"second {second}"
