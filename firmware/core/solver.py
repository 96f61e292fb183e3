"""What charging profiles say at a moment, and when they next say something else. Pure.

A limit changes only at a boundary: where a validity, a schedule, a period, a cycle or a duration begins or ends. Between two boundaries
it is constant, so that going from one to the next tells a whole schedule exactly. Time is UTC, in milliseconds.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import ROUND_FLOOR, Decimal
from heapq import heappop, heappush

from firmware.core.profiles import Kind, Period, Profile, Purpose, RateUnit

TENTH = Decimal("0.1")
STANDARD_PHASES = 3  # of a limit that does not say for how many it is
BOUNDARIES = 500  # looked at for one composite schedule; one that has more is told as far as they reach


@dataclass(frozen=True, slots=True)
class Wiring:
    """How an EVSE, or the station, is connected: what turns watts into amperes. 0 phases: direct current."""

    phases: int
    voltage_v: Decimal


@dataclass(frozen=True, slots=True)
class Levels:
    """Amperes per phase at one moment, as far as profiles and settings bound them."""

    station_a: float | None = None  # all EVSEs together
    caps_a: Mapping[int, float] = field(default_factory=dict)  # by EVSE
    least_a: Mapping[int, float] = field(default_factory=dict)  # below which charging is of no use, by EVSE


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit with the phases it counts for."""

    value: Decimal
    phases: int

    def below(self, other: "Limit | None") -> "Limit":
        """The lower of the two."""
        return self if other is None or self.value <= other.value else other


def tenths(value: Decimal) -> Decimal:
    """Rounded down to tenths, as protocols carry limits."""
    return value.quantize(TENTH, ROUND_FLOOR)


def converted(value: Decimal, unit: RateUnit, into: RateUnit, phases: int, voltage_v: Decimal) -> Decimal:
    """A limit in the other unit: watts are amperes times nominal volts times phases."""
    if unit is into:
        return value
    volts = voltage_v * max(phases, 1)
    return value / volts if into is RateUnit.CURRENT else value * volts


# ---- one profile --------------------------------------------------------------------------------------------------------


def period_at(profile: Profile, at_ms: int, began_ms: int) -> Period | None:
    """The period in force; None while the profile says nothing. `began_ms` is the start of the transaction."""
    start_ms = _start_ms(profile, at_ms, began_ms)
    if not _valid(profile, at_ms) or start_ms is None or at_ms < start_ms:
        return None
    schedule, passed_ms = profile.schedule, at_ms - start_ms
    if schedule.duration_s is not None and passed_ms >= schedule.duration_s * 1000:
        return None
    return schedule.periods[bisect_right(schedule.periods, passed_ms, key=_period_ms) - 1]


def next_change_ms(profile: Profile, after_ms: int, began_ms: int) -> int | None:
    """The first moment after this one at which the profile may say something else; None: never."""
    if profile.valid_to_ms is not None and after_ms >= profile.valid_to_ms:
        return None
    return min((moment for moment in _boundaries(profile, after_ms, began_ms) if moment > after_ms), default=None)


def _boundaries(profile: Profile, at_ms: int, began_ms: int) -> Iterator[int]:
    for edge_ms in (profile.valid_from_ms, profile.valid_to_ms):
        if edge_ms is not None:
            yield edge_ms
    schedule = profile.schedule
    start_ms = _start_ms(profile, at_ms, began_ms)
    if start_ms is None:
        if schedule.start_ms is not None:
            yield schedule.start_ms
        return
    yield start_ms
    if profile.recurrence is not None:
        yield start_ms + profile.recurrence.value * 1000
    if schedule.duration_s is not None:
        yield start_ms + schedule.duration_s * 1000
    following = bisect_right(schedule.periods, at_ms - start_ms, key=_period_ms)
    if following < len(schedule.periods):
        yield start_ms + _period_ms(schedule.periods[following])


def _start_ms(profile: Profile, at_ms: int, began_ms: int) -> int | None:
    """What the periods count from; None before the first cycle of a recurring schedule."""
    given_ms = profile.schedule.start_ms
    if profile.kind is Kind.RECURRING and given_ms is not None and profile.recurrence is not None:
        cycle_ms = profile.recurrence.value * 1000
        return None if at_ms < given_ms else at_ms - (at_ms - given_ms) % cycle_ms
    if profile.kind is Kind.ABSOLUTE and given_ms is not None:
        return given_ms
    if profile.purpose in (Purpose.STATION_MAX, Purpose.EXTERNAL):  # no transaction to count from
        return profile.installed_ms or 0
    return began_ms


def _valid(profile: Profile, at_ms: int) -> bool:
    return (profile.valid_from_ms is None or profile.valid_from_ms <= at_ms) and (
        profile.valid_to_ms is None or at_ms < profile.valid_to_ms
    )


def _period_ms(period: Period) -> int:
    return period.start_s * 1000


# ---- several ------------------------------------------------------------------------------------------------------------


def leading(profiles: Iterable[Profile], at_ms: int, began_ms: int) -> tuple[Profile, Period] | None:
    """The profile that is in force, with its period: the highest level that says anything, an EVSE's own before the station's."""
    for profile in sorted(profiles, key=_rank, reverse=True):
        period = period_at(profile, at_ms, began_ms)
        if period is not None:
            return profile, period
    return None


def _rank(profile: Profile) -> tuple[int, bool]:
    return profile.stack, profile.evse != 0


@dataclass(frozen=True, slots=True)
class Constraints:
    """Everything that bounds an EVSE, or the station.

    Each layer bounds on its own; within one the first group with a profile in force speaks. `fixed_a` are limits that no profile made.
    """

    wiring: Wiring
    began_ms: int
    layers: tuple[tuple[tuple[Profile, ...], ...], ...] = ()
    fixed_a: tuple[Decimal, ...] = ()

    def limit(self, at_ms: int, unit: RateUnit) -> Limit | None:
        """The lowest of all limits; None where there is none."""
        found: Limit | None = None
        for amperes in self.fixed_a:
            found = self._limit(amperes, RateUnit.CURRENT, unit, None).below(found)
        for profile, period in self._in_force(at_ms):
            found = self._limit(period.limit, profile.schedule.unit, unit, period.phases).below(found)
        return found

    def least_a(self, at_ms: int) -> Decimal | None:
        """The current below which charging is of no use, as the profiles in force have it."""
        found = [
            self._limit(profile.schedule.minimum, profile.schedule.unit, RateUnit.CURRENT, period.phases).value
            for profile, period in self._in_force(at_ms)
            if profile.schedule.minimum is not None
        ]
        return max(found, default=None)

    def _in_force(self, at_ms: int) -> Iterator[tuple[Profile, Period]]:
        for groups in self.layers:
            led = (leading(group, at_ms, self.began_ms) for group in groups)
            first = next((found for found in led if found is not None), None)
            if first is not None:
                yield first

    def _limit(self, value: Decimal, unit: RateUnit, into: RateUnit, phases: int | None) -> Limit:
        """Phases beyond those that are wired change nothing about the current of the others."""
        used = min(phases or STANDARD_PHASES, self.wiring.phases)
        return Limit(converted(value, unit, into, used, self.wiring.voltage_v), used)

    def profiles(self) -> Iterator[Profile]:
        """Every profile, in force or not."""
        return (profile for groups in self.layers for group in groups for profile in group)

    def next_change_ms(self, after_ms: int) -> int | None:
        """The first moment after this one at which `limit` may differ; None: never."""
        moments = (next_change_ms(profile, after_ms, self.began_ms) for profile in self.profiles())
        return min((moment for moment in moments if moment is not None), default=None)


@dataclass(frozen=True, slots=True)
class Composite:
    """What may be charged with from a moment on. `duration_s` is less than asked for where there is too much to tell."""

    start_ms: int
    duration_s: int
    unit: RateUnit
    periods: tuple[Period, ...]


def composite(
    parts: Sequence[Constraints],
    whole: Constraints,
    start_ms: int,
    duration_s: int,
    unit: RateUnit,
    *,
    max_periods: int | None = None,
) -> Composite:
    """What the parts may take together, within what the whole may. What changes within a second holds from the next one on."""
    periods: list[Period] = []
    for count, at_ms in enumerate(_moments((*parts, whole), start_ms, start_ms + duration_s * 1000)):
        passed_s = (at_ms - start_ms) // 1000
        limit = _together(parts, whole, at_ms, unit)
        if limit is None:
            break
        period = Period(passed_s, tenths(limit.value), limit.phases)
        same = bool(periods) and (periods[-1].limit, periods[-1].phases) == (period.limit, period.phases)
        if count == BOUNDARIES or (not same and len(periods) == max_periods):
            return Composite(start_ms, passed_s, unit, tuple(periods))
        if not same:
            periods.append(period)
    return Composite(start_ms, duration_s, unit, tuple(periods))


def _moments(constraints: Sequence[Constraints], start_ms: int, end_ms: int) -> Iterator[int]:
    """The start, and every whole second after it by which something may have changed."""
    profiles = [(profile, each.began_ms) for each in constraints for profile in each.profiles()]
    due: list[tuple[int, int]] = []  # the next boundary of each, with its place above

    def wait(place: int, after_ms: int) -> None:
        profile, began_ms = profiles[place]
        boundary_ms = next_change_ms(profile, after_ms, began_ms)
        if boundary_ms is not None:
            heappush(due, (boundary_ms, place))

    for place in range(len(profiles)):
        wait(place, start_ms)
    at_ms = start_ms
    while at_ms < end_ms or at_ms == start_ms:
        yield at_ms
        if not due:
            return
        at_ms = start_ms - (start_ms - due[0][0]) // 1000 * 1000  # up to a whole second
        while due and due[0][0] <= at_ms:
            wait(heappop(due)[1], at_ms)


def _together(parts: Sequence[Constraints], whole: Constraints, at_ms: int, unit: RateUnit) -> Limit | None:
    limits = [limit for part in parts if (limit := part.limit(at_ms, unit)) is not None]
    found = (
        Limit(sum((limit.value for limit in limits), Decimal(0)), max(limit.phases for limit in limits))
        if limits
        else None
    )
    above = whole.limit(at_ms, unit)
    if above is None or len(parts) > 1 or parts[0].wiring == whole.wiring:
        return found if above is None else above.below(found)
    # what the station may take on each phase is what one EVSE may take on its own
    amperes = whole.limit(at_ms, RateUnit.CURRENT)
    assert amperes is not None
    wiring = parts[0].wiring
    value = converted(amperes.value, RateUnit.CURRENT, unit, wiring.phases, wiring.voltage_v)
    return Limit(value, wiring.phases).below(found)


def timeless(profile: Profile) -> Profile:
    """What is left of a profile while nobody knows what time it is: the lowest of its limits, if it needs the time at all."""
    schedule = profile.schedule
    of_station = profile.purpose in (Purpose.STATION_MAX, Purpose.EXTERNAL)
    counts_from_begin = profile.kind is Kind.RELATIVE or (schedule.start_ms is None and not of_station)
    if counts_from_begin and profile.valid_from_ms is None and profile.valid_to_ms is None:
        return profile
    lowest = replace(min(schedule.periods, key=lambda period: period.limit), start_s=0)
    constant = replace(schedule, periods=(lowest,), duration_s=None, start_ms=0)
    return replace(
        profile, kind=Kind.ABSOLUTE, recurrence=None, valid_from_ms=None, valid_to_ms=None, schedule=constant
    )
