"""What the watchers found."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

MOST_KEPT = 50


class Rule(StrEnum):
    """Everything that is watched. The sources: core_model invariants, OCPP 1.6, and the promises of the program."""

    START_ON_DISK = "energy is allowed only when its transaction's start is on disk"
    ONE_CALL = "one CALL is in flight at a time"
    BOOT_FIRST = "BootNotification comes first, and nothing else before it is accepted"
    ONE_ID = "no message is sent twice under different ids"
    FACTS_IN_ORDER = "the messages of a transaction come in order"
    STARTS_ONCE = "every transaction starts once and ends once"
    TIME_FORWARD = "no time runs backwards within a transaction"
    BOOKS_SOUND = "the books of the central system show no oddity"
    ENERGY_EQUAL = "the energy in the books equals that of the meter"
    NO_BACKLOG = "the journal is empty once the faults are over"
    NO_DEAD_LETTERS = "nothing is given up unless the central system refused it"
    ONLINE_AGAIN = "the station is online again within the back-off bound"
    OFFER_BOUNDED = "no more current is offered than the lowest limit allows"
    CABLE_FREE = "drivers get their cables back"
    NO_CRASH = "no program crashes or logs a defect"
    NO_LITTER = "tasks and files return to their baseline"


@dataclass(frozen=True, slots=True)
class Violation:
    """A rule that did not hold. `at_s` is the virtual time at which it was seen."""

    rule: Rule
    station: str
    at_s: float
    text: str

    def __str__(self) -> str:
        days, rest_s = divmod(self.at_s, 86_400)
        hours, rest_s = divmod(rest_s, 3600)
        minutes, seconds = divmod(rest_s, 60)
        clock = f"day {int(days)} {int(hours):02}:{int(minutes):02}:{seconds:06.3f}"
        return f"{clock} {self.station}: {self.rule.value}: {self.text}"


class Findings:
    """Collects violations. `first` is set by the first one, for whoever wants to end the run there."""

    def __init__(self, time_s: Callable[[], float]) -> None:
        self._time_s = time_s
        self.violations: list[Violation] = []
        self.first = asyncio.Event()

    def report(self, rule: Rule, station: str, text: str) -> None:
        """A rule was broken."""
        if len(self.violations) < MOST_KEPT:
            self.violations.append(Violation(rule, station, self._time_s(), text))
        self.first.set()
