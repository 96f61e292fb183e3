"""What a run consists of, and what came of it: plain data, so that a failing run can be repeated and made shorter."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial

from firmware.app import App
from firmware.simulation import faults as fault_plan
from firmware.simulation import life
from firmware.simulation.checks.findings import Violation
from firmware.simulation.faults import DAWN_S, DAY_S, Fault, FaultKind
from firmware.simulation.life import Visit
from firmware.simulation.program import run_app
from firmware.simulation.site import Program

VISITS_PER_DAY = 6.0  # and EVSE
# Patient with a central system that refuses: a start that is given up leaves books that cannot be compared any more.
SETTINGS = {"TransactionMessageAttempts": "10", "TransactionMessageRetryInterval": "20"}


@dataclass(frozen=True, slots=True)
class Scenario:
    """A seed and the plans made from it. The run ends with the calm of the night after the last day."""

    seed: int
    days: int
    stations: int
    faults: tuple[Fault, ...]
    visits: tuple[Visit, ...]
    program: Program
    protocols: tuple[str, ...] = ("ocpp1.6",)  # spoken in turns, from station to station and from seed to seed

    @property
    def ends_s(self) -> float:
        """Virtual length of the run."""
        return self.days * DAY_S + DAWN_S

    def protocol_of(self, station: int) -> str:
        """What a station speaks."""
        return self.protocols[(self.seed + station) % len(self.protocols)]

    def until(self, days: int) -> "Scenario":
        """The same, ended earlier."""
        until_s = days * DAY_S
        return replace(
            self,
            days=days,
            faults=tuple(fault for fault in self.faults if fault.at_s < until_s),
            visits=tuple(visit for visit in self.visits if visit.arrives_s < until_s),
        )


def scenario(
    seed: int,
    *,
    days: int = 1,
    stations: int = 1,
    kinds: frozenset[FaultKind] = fault_plan.ALL,
    evses: int = 2,
    visits_per_day: float = VISITS_PER_DAY,
    protocols: tuple[str, ...] = ("ocpp1.6",),
    change: Callable[[App], None] | None = None,
) -> Scenario:
    """The run that a seed stands for. `change` breaks each application on purpose before it runs."""
    program = partial(run_app, settings=SETTINGS)
    if change is not None:
        program = partial(program, change=change)
    visits = life.plan(seed, days=days, stations=stations, evses=evses, visits_per_day=visits_per_day)
    moments: dict[int, list[float]] = {station: [] for station in range(stations)}
    for visit in visits:
        moments[visit.station].extend(visit.eventful_s)
    for times in moments.values():
        times.sort()
    return Scenario(
        seed=seed,
        days=days,
        stations=stations,
        faults=tuple(fault_plan.plan(seed, days=days, moments=moments, kinds=kinds)),
        visits=tuple(visits),
        program=program,
        protocols=protocols,
    )


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a run. `digest` is that of its trace; `statistics` are counts of what happened."""

    scenario: Scenario
    violations: tuple[Violation, ...]
    digest: str
    virtual_s: float
    real_s: float
    statistics: Mapping[str, int] = field(default_factory=dict)
    faults: Mapping[FaultKind, int] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        """True when every rule held."""
        return not self.violations

    @property
    def speed(self) -> float:
        """Times real time, of one station."""
        return self.virtual_s * self.scenario.stations / self.real_s if self.real_s else 0.0
