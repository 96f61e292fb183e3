"""Who comes to charge, with what vehicle, and what they do: a list of visits made from the seed before the run begins.

People and vehicles behave as they do at a real pole: they tap before or after they plug in, twice, with the wrong card, at the
wrong moment; they start by app, never tap, never plug in, pause the charge in the vehicle, pull the plug and put it back, and
leave by every way there is.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from random import Random
from typing import TypeVar

from firmware.simulation.faults import DAY_S

T = TypeVar("T")
SHORTEST_STAY_S = 300.0


class Opening(StrEnum):
    """How a visit begins."""

    TAP_FIRST = "tap-first"
    PLUG_FIRST = "plug-first"
    BY_APP = "by-app"  # plugs in, then the central system starts
    APP_FIRST = "app-first"  # the central system starts, then they plug in
    ONLY_PLUG = "only-plug"  # never identifies
    ONLY_TAP = "only-tap"  # never plugs in


class Closing(StrEnum):
    """How a visit ends."""

    TAP = "tap"  # taps again, then unplugs
    BY_APP = "by-app"
    PULL = "pull"  # unlocks in the vehicle and pulls that end
    UNLOCK = "unlock"  # asks the operator to unlock the connector


class Deed(StrEnum):
    """What may happen in between."""

    PAUSE = "pause"
    RESUME = "resume"
    STRANGER = "stranger"  # somebody else's card is held to the reader
    UNKNOWN_CARD = "unknown-card"
    OWN_CARD = "own-card"  # ends the charge early, or starts it again
    DOUBLE_TAP = "double-tap"
    REPLUG = "replug"  # the vehicle's end is pulled and put back
    LIMIT = "limit"  # the local energy manager lowers the limit for a while


# Weight of each choice, in parts.
OPENINGS = {
    Opening.TAP_FIRST: 30,
    Opening.PLUG_FIRST: 40,
    Opening.BY_APP: 15,
    Opening.APP_FIRST: 7,
    Opening.ONLY_PLUG: 4,
    Opening.ONLY_TAP: 4,
}
CLOSINGS = {Closing.TAP: 55, Closing.BY_APP: 15, Closing.PULL: 25, Closing.UNLOCK: 5}
DEEDS = {
    Deed.PAUSE: 20,
    Deed.STRANGER: 20,
    Deed.UNKNOWN_CARD: 10,
    Deed.OWN_CARD: 10,
    Deed.DOUBLE_TAP: 10,
    Deed.REPLUG: 10,
    Deed.LIMIT: 10,
}
# Vehicles of the mock world's garage.
CARS = {
    "compact": 30,
    "long-range": 20,
    "one-phase": 15,
    "two-phase": 5,
    "hybrid": 15,
    "van": 5,
    "nearly-full": 5,
    "full": 2,
    "never-asks": 2,
    "slow-to-ask": 5,
    "stubborn": 3,
    "ventilated": 1,
}
CARDS = tuple(f"04A1B2C3D4{number:02X}80" for number in range(1, 41))
UNKNOWN_CARD = "04DEADBEEF0080"
BLOCKED_CARD = "04B10CCED00080"


@dataclass(frozen=True, slots=True)
class Moment:
    """A deed and when it is done."""

    at_s: float
    deed: Deed


@dataclass(frozen=True, slots=True)
class Visit:
    """One visit at one EVSE. Times are seconds of the run; `soc_percent` is the vehicle's on arrival."""

    number: int
    station: int
    evse: int
    arrives_s: float
    leaves_s: float
    car: str
    soc_percent: float
    card: str
    opening: Opening
    closing: Closing
    hesitates_s: float  # between the first step and the second
    moments: tuple[Moment, ...] = ()

    @property
    def eventful_s(self) -> list[float]:
        """The times at which something happens."""
        return [
            self.arrives_s,
            self.arrives_s + self.hesitates_s,
            self.arrives_s + self.hesitates_s + 2.0,
            *(moment.at_s for moment in self.moments),
            self.leaves_s,
            self.leaves_s + 0.4,
        ]


def plan(seed: int, *, days: int, stations: int, evses: int, visits_per_day: float) -> list[Visit]:
    """All visits of a run, in order of arrival. At one EVSE they do not overlap, and the last night is quiet."""
    visits: list[Visit] = []
    for station in range(stations):
        for evse in range(1, evses + 1):
            rng = Random(f"{seed}/life/{station}/{evse}")
            visits.extend(_at_evse(rng, station, evse, days, visits_per_day))
    visits.sort(key=lambda visit: (visit.arrives_s, visit.station, visit.evse))
    return visits


def _at_evse(rng: Random, station: int, evse: int, days: int, per_day: float) -> Iterator[Visit]:
    number = 0
    at_s = 0.0
    end_s = days * DAY_S
    while True:
        at_s += 60.0 + rng.expovariate(per_day / DAY_S)
        visit = _visit(rng, number, station, evse, at_s, end_s, median_s=DAY_S / per_day / 4)
        if visit is None:
            return
        yield visit
        number += 1
        at_s = visit.leaves_s


def _visit(
    rng: Random, number: int, station: int, evse: int, at_s: float, end_s: float, *, median_s: float
) -> Visit | None:
    stays_s = max(SHORTEST_STAY_S, rng.lognormvariate(math.log(median_s), 1.0))  # a few stay very long
    opening, closing = _one_of(rng, OPENINGS), _one_of(rng, CLOSINGS)
    car, card = _one_of(rng, CARS), rng.choice(CARDS)
    soc_percent = round(rng.uniform(5, 90), 1)
    hesitates_s = round(rng.choice((0.0, 0.2, 3.0, 15.0, 40.0, 90.0)) * rng.uniform(0.5, 1.5), 3)
    leaves_s = min(at_s + stays_s, end_s)
    deeds = tuple(_deeds(rng, at_s + hesitates_s + 30, leaves_s - 60))
    if leaves_s - at_s < SHORTEST_STAY_S:
        return None
    return Visit(number, station, evse, at_s, leaves_s, car, soc_percent, card, opening, closing, hesitates_s, deeds)


def _deeds(rng: Random, from_s: float, until_s: float) -> Iterator[Moment]:
    moments: list[Moment] = []
    for _ in range(rng.choice((0, 0, 0, 1, 1, 2, 4))):
        deed, at_s, then_s = _one_of(rng, DEEDS), rng.uniform(from_s, max(from_s, until_s)), rng.uniform(5, 1800)
        moments.append(Moment(at_s, deed))
        if deed is Deed.PAUSE:
            moments.append(Moment(at_s + then_s, Deed.RESUME))
    yield from sorted((moment for moment in moments if moment.at_s < until_s), key=lambda moment: moment.at_s)


def _one_of(rng: Random, weights: dict[T, int]) -> T:
    return rng.choices(list(weights), list(weights.values()))[0]
