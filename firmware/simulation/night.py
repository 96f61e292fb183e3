"""The comparison of every night, when the faults are over: is everybody online, is everything delivered, do the books agree?"""

import asyncio
import gc
from collections.abc import Iterator, Sequence

from firmware.app import App
from firmware.engine import journal
from firmware.simulation.central import Central
from firmware.simulation.checks.books import Broken, Meter, compare
from firmware.simulation.checks.findings import Findings, Rule
from firmware.simulation.faults import CALM_FROM_S, DAY_S, FaultKind
from firmware.simulation.runtime import Simulation
from firmware.simulation.site import Site

ONLINE_WITHIN_S = 900.0  # of the faults' end: back-off cap with jitter, dialling, a silent connection noticed
RESEND_AT_S = ONLINE_WITHIN_S + 60.0  # somebody looks at the dead letters
COMPARE_AT_S = 2 * 3600.0
TRIES = 6  # something may just be under way
BETWEEN_TRIES_S = 45.0
MORE_TASKS = 12  # than in the first night
MORE_TIMES, MORE_OBJECTS = 1.5, 2_000  # objects: so many times those of the first night, and so many more a station
PROGRAM = ("firmware", "hal", "ocpp_client", "offline_queue")
BOUNDED = frozenset({"firmware.frames"})  # a ring that takes days to fill
MOST_FILES = 20
MOST_LETTERS = 1_000
# Faults of the central system's making, after which a message may end as a dead letter.
REFUSING = frozenset(
    {
        FaultKind.CSMS_ERROR,
        FaultKind.CSMS_NEVER,
        FaultKind.CSMS_LATE,
        FaultKind.CSMS_CLOSES,
        FaultKind.CSMS_RESTART,
    }
)


class NightWatch:
    """Looks at every site once a night. `may_refuse`: the central system refuses messages in this run."""

    def __init__(
        self, sim: Simulation, central: Central, sites: Sequence[Site], findings: Findings, *, may_refuse: bool
    ) -> None:
        self._sim = sim
        self._central = central
        self._sites = sites
        self._findings = findings
        self._may_refuse = may_refuse
        self._tasks: dict[str, int] = {}
        self._objects: int | None = None
        self._incomplete: set[str] = set()  # sites with transactions whose start was given up
        self.resent = 0

    async def watch(self, days: int) -> None:
        """Every night of the run."""
        for day in range(1, days + 1):
            calm_s = day * DAY_S + CALM_FROM_S
            await self._until(calm_s + ONLINE_WITHIN_S)
            for site in self._sites:
                if not self._central.is_connected(site.identity):
                    self._findings.report(Rule.ONLINE_AGAIN, site.identity, f"offline {ONLINE_WITHIN_S:.0f} s after")
            await self._until(calm_s + RESEND_AT_S)
            for site in self._sites:
                await self._resend(site)
            await self._until(calm_s + COMPARE_AT_S)
            for site in self._sites:
                await self._compare(site)
            self._weigh()

    async def _until(self, at_s: float) -> None:
        await asyncio.sleep(max(0.0, at_s - self._sim.loop.time()))

    async def _resend(self, site: Site) -> None:
        """Put the dead letters back, as an operator does with `wayside queue retry`."""
        if site.app is None or not site.app.queue.stats().dead:
            return
        resent = await site.perform(_retry_all(site.app))
        self._sim.note("resent", site.identity, resent)
        self.resent += resent
        self._incomplete.add(site.identity)
        if not self._may_refuse:
            self._findings.report(Rule.NO_DEAD_LETTERS, site.identity, f"{resent} messages were given up")

    async def _compare(self, site: Site) -> None:
        broken: list[Broken] = []
        for _ in range(TRIES):
            broken = list(self._look_at(site))
            if not broken:
                return
            await asyncio.sleep(BETWEEN_TRIES_S)
        for rule, text in broken:
            self._findings.report(rule, site.identity, text)

    def _look_at(self, site: Site) -> Iterator[Broken]:
        app = site.app
        if app is None or not site.running:
            yield Rule.NO_CRASH, "the program does not run"
            return
        stats = app.queue.stats()
        if stats.rows:
            yield Rule.NO_BACKLOG, f"waiting: {dict(stats.depth)}"
        yield from self._litter(site)
        if stats.dead or site.identity in self._incomplete:
            return  # a start that was given up: its transaction has another number in the books, or none
        meters = {
            evse.id: Meter(
                register_wh=evse.import_mwh() // 1000,
                charging=app.engine.station.evses[evse.id].running is not None,
                excused_wh=site.excused_wh[evse.id],
            )
            for evse in site.world.evses
        }
        yield from compare(self._central.books.transactions(site.identity), meters)

    def _weigh(self) -> None:
        """Memory: the objects of all programs together, counted after a collection of garbage."""
        objects = count_objects()
        if self._objects is None:
            self._objects = objects
        most = MORE_TIMES * self._objects + MORE_OBJECTS * len(self._sites)
        if objects > most:
            text = f"{objects} objects, {self._objects} in the first night"
            self._findings.report(Rule.NO_LITTER, "all stations", text)

    def _litter(self, site: Site) -> Iterator[Broken]:
        assert site.process is not None
        tasks = len(site.process.tasks())
        usual = self._tasks.setdefault(site.identity, tasks)
        if tasks > usual + MORE_TASKS:
            yield Rule.NO_LITTER, f"{tasks} tasks, {usual} in the first night"
        files = sum(1 for _ in site.disk.path.rglob("*"))
        if files > MOST_FILES:
            yield Rule.NO_LITTER, f"{files} files in the state directory"


def count_objects() -> int:
    """Objects whose class is one of the program's."""
    gc.collect()
    return sum(1 for thing in gc.get_objects() if _is_the_programs(type(thing).__module__))


def _is_the_programs(module: object) -> bool:
    if not isinstance(module, str) or not module.startswith(PROGRAM):
        return False
    return module not in BOUNDED and not module.startswith("firmware.simulation")


async def _retry_all(app: App) -> int:
    ids = [letter.id for letter in await app.queue.dead(MOST_LETTERS) if letter.lane == journal.LANE]
    resent = await app.queue.retry(ids)
    app.outbox.wake()
    return resent
