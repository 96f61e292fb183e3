"""Plays a scenario: the unmodified program on mock boards, the reference central system, people, mischief, and the watchers."""

import asyncio
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from firmware.simulation.central import Central
from firmware.simulation.checks.contactor import watch
from firmware.simulation.checks.findings import Findings, Rule
from firmware.simulation.checks.wire import WireWatch
from firmware.simulation.life import Visit
from firmware.simulation.mischief import Mischief
from firmware.simulation.night import REFUSING, NightWatch
from firmware.simulation.people import People
from firmware.simulation.program import board
from firmware.simulation.runtime import Simulation
from firmware.simulation.scenario import Result, Scenario
from firmware.simulation.site import Site
from firmware.simulation.story import logs_heard
from hal.mock.evse import MockEvse

MEMORY_DISK = Path("/dev/shm")  # noqa: S108 - a private folder is made in it
APART_S = 0.7  # between the starts of two stations
LOOK_EVERY_S = 300.0
OBEYS_WITHIN_S = 5.0
ROUNDING_A = 0.1
PROGRESS_EVERY_S = 1800.0

Progress = Callable[[float, float], None]  # virtual seconds played, and of how many


def play(
    scenario: Scenario,
    *,
    keep_trace: Callable[[str], object] | None = None,
    progress: Progress | None = None,
    to_the_end: bool = False,
) -> Result:
    """Play a scenario until its end or the first broken rule (`to_the_end`: go on and collect them).

    `keep_trace` gets the story line by line: what happened, the OCPP frames, and what the programs logged.
    """
    began_s = time.perf_counter()
    sim = Simulation(scenario.seed, keep_trace=keep_trace, keep_segments=False)
    with _scratch_disk() as root:
        day = _Day(sim, scenario, root, progress, to_the_end=to_the_end)
        with logs_heard(sim, day.defect):
            sim.run(day.pass_by)
    for problem in sim.problems:
        day.findings.report(Rule.NO_CRASH, "unhandled", problem)
    return Result(
        scenario=scenario,
        violations=tuple(day.findings.violations),
        digest=sim.trace.digest,
        virtual_s=sim.loop.time(),
        real_s=time.perf_counter() - began_s,
        statistics=day.statistics(),
        faults=dict(day.mischief.count) if day.mischief is not None else {},
    )


class _Day:
    """One run in progress."""

    def __init__(
        self, sim: Simulation, scenario: Scenario, root: Path, progress: Progress | None, *, to_the_end: bool
    ) -> None:
        self._sim = sim
        self._scenario = scenario
        self._root = root
        self._progress = progress
        self._to_the_end = to_the_end
        self.findings = Findings(sim.loop.time)
        self.mischief: Mischief | None = None
        self._wire = WireWatch(self.findings, sim.loop.time)
        self._sites: list[Site] = []
        self._people: list[People] = []
        self._night: NightWatch | None = None
        self._transactions = 0
        self._energy_wh = 0

    def defect(self, host: str, text: str) -> None:
        """A program has admitted a defect of its own."""
        self.findings.report(Rule.NO_CRASH, host.upper(), text)

    async def pass_by(self, _: Simulation) -> None:
        """The whole scenario."""
        central = Central(self._sim, self._wire.connected)
        central.start()
        await asyncio.sleep(APART_S)
        for index in range(self._scenario.stations):
            self._add_site(index, central)
            await asyncio.sleep(APART_S)
        self.mischief = Mischief(self._sim, central, self._sites, self._scenario.faults)
        kinds = {fault.kind for fault in self._scenario.faults}
        self._night = NightWatch(
            self._sim, central, self._sites, self.findings, may_refuse=not kinds.isdisjoint(REFUSING)
        )
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self.mischief.happen())
                tasks.create_task(self._night.watch(self._scenario.days))
                tasks.create_task(self._look_around())
                tasks.create_task(self._show_progress())
                for people in self._people:
                    tasks.create_task(people.live())
                await self._over()
                raise _Over
        except* _Over:
            pass
        self._count(central)

    def _frame(self, station: str, from_station: bool, text: str) -> None:
        if self._sim.trace.is_kept:
            self._sim.trace.remark(self._sim.loop.time(), f"{station} {'>' if from_station else '<'} {text}")
        self._wire.frame(station, from_station, text)

    async def _over(self) -> None:
        """Return at the end of the run, or when a rule is broken."""
        try:
            async with asyncio.timeout_at(self._scenario.ends_s):
                await (asyncio.Event() if self._to_the_end else self.findings.first).wait()
        except TimeoutError:
            pass

    def _add_site(self, index: int, central: Central) -> None:
        site = Site(
            self._sim,
            index,
            url=central.url,
            root=self._root,
            board=board(),
            program=self._scenario.program,
            started=lambda site: self._wire.program_started(site.identity),
            on_frame=self._frame,
            crashed=lambda site, error: self.findings.report(Rule.NO_CRASH, site.identity, repr(error)),
            protocol=self._scenario.protocol_of(index),
        )
        for evse in site.world.evses:
            watch(evse, site.disk.path, lambda text: self.findings.report(Rule.START_ON_DISK, site.identity, text))
        self._sites.append(site)
        self._people.append(People(self._sim, site, central, self._scenario.visits, self._cable_trapped))
        site.start()

    def _cable_trapped(self, site: Site, visit: Visit) -> None:
        self.findings.report(Rule.CABLE_FREE, site.identity, f"the driver of visit {visit.number} at EVSE {visit.evse}")

    async def _look_around(self) -> None:
        """What can be seen from outside at any time."""
        while True:
            suspects = [
                (site, evse) for site in self._sites for evse in site.world.evses if _offers_too_much(site, evse)
            ]
            if suspects:
                await asyncio.sleep(OBEYS_WITHIN_S)
            for site, evse in suspects:
                if _offers_too_much(site, evse):
                    self.findings.report(Rule.OFFER_BOUNDED, site.identity, f"{evse.offered_a} A at EVSE {evse.id}")
            await asyncio.sleep(LOOK_EVERY_S)

    async def _show_progress(self) -> None:
        while self._progress is not None:
            self._progress(self._sim.loop.time(), self._scenario.ends_s)
            await asyncio.sleep(PROGRESS_EVERY_S)

    def _count(self, central: Central) -> None:
        transactions = central.books.transactions()
        self._transactions = len(transactions)
        self._energy_wh = sum(transaction.energy_wh or 0 for transaction in transactions)

    def statistics(self) -> dict[str, int]:
        """Counts for people to read."""
        counts: Counter[str] = Counter()
        for people in self._people:
            counts.update(people.count)
        counts["transactions"] = self._transactions
        counts["energy (kWh)"] = self._energy_wh // 1000
        counts["frames"] = self._wire.frames
        counts["program starts"] = sum(site.starts for site in self._sites)
        counts["machine boots"] = sum(site.boots for site in self._sites)
        counts["messages sent again by hand"] = self._night.resent if self._night is not None else 0
        counts["callbacks"] = self._sim.loop.steps
        return dict(counts)


class _Over(Exception):
    """Leaves the TaskGroup."""


def _offers_too_much(site: Site, evse: MockEvse) -> bool:
    limits_a = [evse.cable.limit_a] if site.world.limit_a is None else [evse.cable.limit_a, site.world.limit_a]
    return evse.offered_a > min(limits_a) + ROUNDING_A


@contextmanager
def _scratch_disk() -> Iterator[Path]:
    """A folder in memory where there is one: the virtual disk has its own timing."""
    parent = MEMORY_DISK if MEMORY_DISK.is_dir() else None
    with tempfile.TemporaryDirectory(prefix="wayside-", dir=parent) as root:
        yield Path(root)
