"""What will go wrong, and when: a list made from the seed before the run begins.

Each kind has a stream of chance of its own, so that leaving a kind out (`--faults`, or while a failure is made shorter) does not
move the others. Nights end calm: from `CALM_FROM_S` to `DAWN_S` of each day nothing goes wrong and everything is mended, so that
the books can be compared.
"""

import math
from bisect import bisect
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from random import Random

DAY_S = 86_400.0
CALM_FROM_S = 2 * 3600.0
DAWN_S = 5 * 3600.0
NEAR_A_MOMENT = 0.7  # of the faults happen when something else does


class FaultKind(StrEnum):
    """What can go wrong. The words are those of `wayside simulate --faults`."""

    CUT = "cut"  # connections are reset
    REFUSED = "refused"
    BLACK_HOLE = "black-hole"
    HALF_OPEN = "half-open"  # the central system forgets the connection
    NAT = "nat"  # a middlebox forgets the connection: it is silent for good
    SLOW = "slow"
    LOSSY = "lossy"
    NAME_LOST = "name-lost"  # the name service fails
    CSMS_RESTART = "csms-restart"
    CSMS_LATE = "csms-late"
    CSMS_NEVER = "csms-never"
    CSMS_TWICE = "csms-twice"
    CSMS_ERROR = "csms-error"
    CSMS_CLOSES = "csms-closes"
    BOOT_HELD = "boot-held"  # BootNotification is answered Pending or Rejected for a while
    ODD_COMMANDS = "odd-commands"  # commands that do not fit the moment
    DOUBLE_COMMANDS = "double-commands"  # the same command twice
    CLOCK_JUMP = "clock-jump"
    CLOCK_DRIFT = "clock-drift"
    POWER_CUT = "power-cut"
    SHAKY_POWER = "shaky-power"  # several power cuts within a few minutes
    KILL = "kill"  # the program dies, the controller lives
    DISK_FULL = "disk-full"
    DISK_SLOW = "disk-slow"
    METER_SILENT = "meter-silent"
    CONTACTOR_WELDED = "contactor-welded"
    CONTACTOR_STUCK = "contactor-stuck"
    LOCK_JAMMED = "lock-jammed"
    READER_LOST = "reader-lost"
    PILOT_LOST = "pilot-lost"
    GROUND_FAULT = "ground-fault"


@dataclass(frozen=True, slots=True)
class Rule:
    """How often a kind happens on a day at one station, and for how long. `lasts_s` (0, 0) is over at once."""

    per_day: float
    lasts_s: tuple[float, float] = (0.0, 0.0)
    whole_system: bool = False  # hits the central system, not a station


_MINUTE = 60.0
_HOUR = 3600.0

RULES: dict[FaultKind, Rule] = {
    FaultKind.CUT: Rule(3.0),
    FaultKind.REFUSED: Rule(1.0, (10.0, 30 * _MINUTE)),
    FaultKind.BLACK_HOLE: Rule(2.0, (5.0, 40 * _MINUTE)),
    FaultKind.HALF_OPEN: Rule(1.0),
    FaultKind.NAT: Rule(1.0),
    FaultKind.SLOW: Rule(1.0, (5 * _MINUTE, 2 * _HOUR)),
    FaultKind.LOSSY: Rule(1.0, (5 * _MINUTE, 2 * _HOUR)),
    FaultKind.NAME_LOST: Rule(0.5, (_MINUTE, 20 * _MINUTE)),
    FaultKind.CSMS_RESTART: Rule(0.7, (1.0, 10 * _MINUTE), whole_system=True),
    FaultKind.CSMS_LATE: Rule(1.0, (10 * _MINUTE, _HOUR)),
    FaultKind.CSMS_NEVER: Rule(1.0, (_MINUTE, 20 * _MINUTE)),
    FaultKind.CSMS_TWICE: Rule(1.0, (10 * _MINUTE, 2 * _HOUR)),
    FaultKind.CSMS_ERROR: Rule(1.0, (_MINUTE, 20 * _MINUTE)),
    FaultKind.CSMS_CLOSES: Rule(1.0, (_MINUTE, 10 * _MINUTE)),
    FaultKind.BOOT_HELD: Rule(0.5, (_MINUTE, 20 * _MINUTE)),
    FaultKind.ODD_COMMANDS: Rule(6.0),
    FaultKind.DOUBLE_COMMANDS: Rule(3.0),
    FaultKind.CLOCK_JUMP: Rule(0.5),
    FaultKind.CLOCK_DRIFT: Rule(0.3, (_HOUR, 10 * _HOUR)),
    FaultKind.POWER_CUT: Rule(1.0, (1.0, 2 * _HOUR)),
    FaultKind.SHAKY_POWER: Rule(0.3, (_MINUTE, 4 * _MINUTE)),
    FaultKind.KILL: Rule(1.0, (1.0, 10.0)),
    FaultKind.DISK_FULL: Rule(0.5, (5 * _MINUTE, _HOUR)),
    FaultKind.DISK_SLOW: Rule(0.7, (_MINUTE, _HOUR)),
    FaultKind.METER_SILENT: Rule(0.7, (5.0, 30 * _MINUTE)),
    FaultKind.CONTACTOR_WELDED: Rule(0.2, (_MINUTE, _HOUR)),
    FaultKind.CONTACTOR_STUCK: Rule(0.2, (_MINUTE, _HOUR)),
    FaultKind.LOCK_JAMMED: Rule(0.3, (_MINUTE, _HOUR)),
    FaultKind.READER_LOST: Rule(0.3, (_MINUTE, _HOUR)),
    FaultKind.PILOT_LOST: Rule(0.3, (10.0, 30 * _MINUTE)),
    FaultKind.GROUND_FAULT: Rule(0.3, (10.0, 30 * _MINUTE)),
}
ALL = frozenset(FaultKind)


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong. `dice` seeds whatever else is decided when it happens."""

    kind: FaultKind
    at_s: float
    lasts_s: float
    station: int | None  # index; None: the central system
    dice: int

    @property
    def ends_s(self) -> float:
        """When it is mended."""
        return self.at_s + self.lasts_s


Moments = Mapping[int, Sequence[float]]


def plan(seed: int, *, days: int, moments: Moments, kinds: Collection[FaultKind]) -> list[Fault]:
    """All faults of a run, in order of time. `moments` are the times at which something happens at each station."""
    faults: list[Fault] = []
    everywhere = sorted(at_s for times in moments.values() for at_s in times)
    for kind in FaultKind:
        if kind not in kinds:
            continue
        places = {None: everywhere} if RULES[kind].whole_system else moments
        for place, times in places.items():
            rng = Random(f"{seed}/fault/{kind.value}/{place}")
            faults.extend(_of_kind(kind, place, days, times, rng))
    return sorted(
        faults, key=lambda fault: (fault.at_s, fault.kind.value, -1 if fault.station is None else fault.station)
    )


def _of_kind(kind: FaultKind, station: int | None, days: int, moments: Sequence[float], rng: Random) -> Iterator[Fault]:
    rule = RULES[kind]
    any_s = 0.0
    while True:
        any_s += rng.expovariate(rule.per_day / DAY_S)
        at_s = _near(any_s, moments, rng)
        lasts_s = _between(rng, *rule.lasts_s)
        dice = rng.getrandbits(48)
        if any_s >= days * DAY_S:
            return
        until_calm_s = _until_calm(at_s)
        if until_calm_s > 0:
            yield Fault(kind, at_s, min(lasts_s, until_calm_s), station, dice)


def _near(at_s: float, moments: Sequence[float], rng: Random) -> float:
    """Mostly the next moment at which something happens: that is when faults hurt."""
    before_s, keep = rng.choice((0.0, 0.0, 0.05, 0.5, 5.0)) * rng.uniform(-1, 1), rng.random()
    next_one = bisect(moments, at_s)
    if keep > NEAR_A_MOMENT or next_one == len(moments):
        return at_s
    return max(0.0, moments[next_one] + before_s)


def _between(rng: Random, shortest_s: float, longest_s: float) -> float:
    """Short times are as likely as long ones: the logarithm is evenly spread."""
    if longest_s == 0.0:
        return 0.0
    return math.exp(rng.uniform(math.log(shortest_s), math.log(longest_s)))


def _until_calm(at_s: float) -> float:
    """Seconds from a moment to the next calm; 0 or less within it. The first day begins at dawn."""
    time_of_day_s = at_s % DAY_S
    if time_of_day_s < CALM_FROM_S:
        return CALM_FROM_S - time_of_day_s
    if time_of_day_s < DAWN_S:
        return 0.0
    return DAY_S + CALM_FROM_S - time_of_day_s


def parse_kinds(text: str) -> frozenset[FaultKind]:
    """The kinds that a command line names: `all`, `none`, or words with commas between; `-word` leaves one out of all.

    Raises ValueError naming what there is.
    """
    words = [word.strip() for word in text.split(",") if word.strip()]
    if words == ["none"]:
        return frozenset()
    chosen: set[FaultKind] = set(ALL) if not words or words[0] == "all" or words[0].startswith("-") else set()
    for word in words:
        if word == "all":
            chosen |= ALL
        elif word.startswith("-"):
            chosen.discard(_kind(word[1:]))
        else:
            chosen.add(_kind(word))
    return frozenset(chosen)


def _kind(word: str) -> FaultKind:
    try:
        return FaultKind(word)
    except ValueError:
        known = ", ".join(kind.value for kind in FaultKind)
        raise ValueError(f"there is no fault {word!r}; there are: {known}; besides all and none") from None
