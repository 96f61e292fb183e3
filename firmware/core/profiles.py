"""Charging profiles: limits over time that the central system, or another authority, sets.

Limits are decimals as they came in. Moments are POSIX milliseconds, so that a boundary is met exactly; spans of a schedule are whole
seconds. EVSE 0 stands for the station, or for each of its EVSEs.
"""

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from enum import Enum, StrEnum
from itertools import pairwise
from typing import Any

from firmware.core.settings import PROFILE_MAX_PERIODS, PROFILE_MAX_STACK, PROFILE_UNITS, Settings
from firmware.core.values import Outcome, rejected

STATION = 0  # stands for the station where a profile names an EVSE


class Purpose(StrEnum):
    """What a profile limits."""

    STATION_MAX = "station-max"  # all EVSEs together
    EXTERNAL = "external"  # the same, or one EVSE, by somebody else than the central system
    TX_DEFAULT = "tx-default"  # transactions without a profile of their own
    TX = "tx"  # one transaction


class Kind(StrEnum):
    """What the start of a schedule counts from."""

    ABSOLUTE = "absolute"
    RECURRING = "recurring"
    RELATIVE = "relative"  # the start of the transaction


class Recurrence(Enum):
    """Length of a cycle in seconds."""

    DAILY = 86_400
    WEEKLY = 604_800


class RateUnit(StrEnum):
    """Unit of limits: amperes per phase, or watts of all phases together."""

    CURRENT = "A"
    POWER = "W"


@dataclass(frozen=True, slots=True)
class Period:
    """A limit from `start_s` after the start of its schedule to the next period. `phases` None: as many as there are."""

    start_s: int
    limit: Decimal
    phases: int | None = None


@dataclass(frozen=True, slots=True)
class Schedule:
    """Limits one after the other. The last holds for ever where there is no duration; `minimum` is of no use to go below."""

    unit: RateUnit
    periods: tuple[Period, ...]
    duration_s: int | None = None
    start_ms: int | None = None
    minimum: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Profile:
    """One profile. Valid from `valid_from_ms` to just before `valid_to_ms`; of several the highest `stack` leads."""

    id: int
    evse: int
    purpose: Purpose
    stack: int
    kind: Kind
    schedule: Schedule
    recurrence: Recurrence | None = None
    valid_from_ms: int | None = None
    valid_to_ms: int | None = None
    transaction: str | None = None  # our own key, for TX
    installed_ms: int | None = None

    @property
    def slot(self) -> tuple[Purpose, int, int, str | None]:
        """What only one profile can be at a time, for those who replace by this."""
        return self.purpose, self.stack, self.evse, self.transaction


def problem_of(profile: Profile, settings: Settings) -> Outcome | None:
    """Why a profile cannot be kept whatever the station is doing; None when it can."""
    schedule = profile.schedule
    starts = [period.start_s for period in schedule.periods]
    if not 0 <= profile.stack <= settings[PROFILE_MAX_STACK]:
        return rejected("InvalidStackLevel", f"stack level {profile.stack}")
    if not starts or starts[0] != 0 or any(later <= earlier for earlier, later in pairwise(starts)):
        return rejected("InvalidSchedule", "periods start at 0 and ascend")
    if len(starts) > settings[PROFILE_MAX_PERIODS]:
        return rejected("TooLargeElement", f"{len(starts)} periods")
    if any(value < 0 for value in (*(period.limit for period in schedule.periods), schedule.minimum or 0)):
        return rejected("InvalidSchedule", "a limit below 0")
    if (schedule.duration_s or 0) < 0:
        return rejected("InvalidSchedule", "a duration below 0")
    if any(period.phases is not None and not 1 <= period.phases <= 3 for period in schedule.periods):
        return rejected("InvalidSchedule", "phases are 1 to 3")
    if schedule.unit.name not in settings[PROFILE_UNITS]:
        return rejected("UnsupportedRateUnit", schedule.unit.value)
    if profile.kind is Kind.RECURRING and (profile.recurrence is None or schedule.start_ms is None):
        return rejected("InvalidProfile", "a recurring schedule has a start and a cycle")
    if profile.purpose is Purpose.STATION_MAX and (profile.evse != STATION or profile.kind is Kind.RELATIVE):
        return rejected("InvalidProfile", "a limit of the station is for all of it, and not relative to a transaction")
    if profile.purpose is Purpose.TX and profile.evse == STATION:
        return rejected("InvalidProfile", "a transaction is at one EVSE")
    return None


def profile_row(profile: Profile) -> dict[str, Any]:
    """A profile as JSON-able data; limits are text, so that they stay what they are."""
    schedule = profile.schedule
    return {
        "id": profile.id,
        "evse": profile.evse,
        "purpose": profile.purpose.value,
        "stack": profile.stack,
        "kind": profile.kind.value,
        "recurrence": profile.recurrence.name if profile.recurrence is not None else None,
        "valid_from_ms": profile.valid_from_ms,
        "valid_to_ms": profile.valid_to_ms,
        "transaction": profile.transaction,
        "installed_ms": profile.installed_ms,
        "unit": schedule.unit.value,
        "periods": [[period.start_s, str(period.limit), period.phases] for period in schedule.periods],
        "duration_s": schedule.duration_s,
        "start_ms": schedule.start_ms,
        "minimum": str(schedule.minimum) if schedule.minimum is not None else None,
    }


def row_profile(row: dict[str, Any]) -> Profile:
    """The reverse of `profile_row`. Raises ValueError for what is none."""
    try:
        schedule = Schedule(
            RateUnit(row["unit"]),
            tuple(Period(start_s, Decimal(limit), phases) for start_s, limit, phases in row["periods"]),
            row["duration_s"],
            row["start_ms"],
            Decimal(row["minimum"]) if row["minimum"] is not None else None,
        )
        return Profile(
            row["id"],
            row["evse"],
            Purpose(row["purpose"]),
            row["stack"],
            Kind(row["kind"]),
            schedule,
            Recurrence[row["recurrence"]] if row["recurrence"] is not None else None,
            row["valid_from_ms"],
            row["valid_to_ms"],
            row["transaction"],
            row["installed_ms"],
        )
    except (KeyError, TypeError, InvalidOperation) as error:
        raise ValueError(f"a row is not a charging profile: {error!r}") from error
