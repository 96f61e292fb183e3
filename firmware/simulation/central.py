"""The reference central system as a process of the simulation, with books that survive its restarts."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from csms.app import Csms
from csms.books import Books
from csms.config import CsmsConfig, Limits
from csms.core.effects import Outcome, OutcomeKind
from csms.core.events import Moment
from csms.core.policy import Policy
from csms.core.presence import CONNECTIONS, PRESENCE
from csms.core.store import Record
from csms.faults.plan import FaultPlan
from csms.memory import MemoryStore
from firmware.simulation.runtime import Process, Simulation

PORT = 9000
HOST = "csms"
COMMAND_TIMEOUT_S = 30.0
MESSAGES_KEPT = 200  # per station: the story has them all


class _Clock:
    """The central system's clock is right."""

    def __init__(self, sim: Simulation) -> None:
        self._sim = sim

    def moment(self) -> Moment:
        """Now."""
        return Moment(self._sim.loop.time(), datetime.fromtimestamp(self._sim.wall_s(), UTC))


class _ObservedStore(MemoryStore):
    """Tells of every connection that the central system takes."""

    def __init__(self, on_connection: Callable[[str], None]) -> None:
        super().__init__({"messages": MESSAGES_KEPT})
        self._on_connection = on_connection

    def put(self, table: str, owner: str, key: str, value: Record) -> None:
        """Write a row."""
        if table == PRESENCE:
            self._on_connection(value["station"])
        super().put(table, owner, key, value)


class Central:
    """Starts, ends and commands the central system. `on_connection` is told of each station that connects."""

    def __init__(
        self,
        sim: Simulation,
        on_connection: Callable[[str], None],
        policy: Policy | None = None,
    ) -> None:
        self._sim = sim
        self._store = _ObservedStore(on_connection)
        self._config = CsmsConfig(
            host="0.0.0.0",  # noqa: S104 - of a simulated host
            port=PORT,
            api_host=None,
            policy=policy or Policy(),
            limits=Limits(connections_per_address=100),
        )
        self._plans: dict[str, FaultPlan] = {}
        self._process: Process | None = None
        self._stopping = asyncio.Event()
        self.books = Books(self._store)
        self.host = sim.host(HOST)
        self.csms: Csms | None = None
        self.starts = 0

    @property
    def url(self) -> str:
        """Where stations connect."""
        return f"ws://{HOST}:{PORT}/ocpp"

    def start(self) -> None:
        """Start the process; fault plans from before are in force again, connections from before are not."""
        for table in (PRESENCE, CONNECTIONS):
            for key, _ in self._store.items(table, ""):
                self._store.delete(table, "", key)
        self.starts += 1
        self._stopping = asyncio.Event()
        self._process = self._sim.processes.spawn(self.host, self._main, self._stopping, name="csms")

    async def _main(self, stopping: asyncio.Event) -> None:
        csms = Csms(
            self._config, store=self._store, clock=_Clock(self._sim), rng=self._sim.chance(f"csms/{self.starts}")
        )
        async with csms:
            for station, plan in self._plans.items():
                csms.set_faults(station, plan)
            self.csms = csms
            await stopping.wait()
        self.csms = None

    async def stop(self) -> None:
        """Let it close its connections and end."""
        process = self._process
        self.csms = None
        self._stopping.set()
        if process is not None:
            await process.wait()

    def kill(self) -> None:
        """End it without a word; its store is a database elsewhere and lives on."""
        process, self.csms = self._process, None
        if process is not None and process.alive:
            self._sim.processes.kill(process)
            self._sim.bury(process)

    def set_faults(self, station: str, plan: FaultPlan | None) -> None:
        """Misbehave towards a station, over restarts too; None ends it."""
        if plan is None:
            self._plans.pop(station, None)
        else:
            self._plans[station] = plan
        if self.csms is not None:
            self.csms.set_faults(station, plan)

    def is_connected(self, station: str) -> bool:
        """Whether the station has a connection and the central system runs."""
        return self.csms is not None and self.csms.is_connected(station)

    async def command(self, station: str, action: str, payload: dict[str, Any]) -> Outcome:
        """Call a station, as an operator or an app does; ends within a minute whatever happens to either side."""
        csms, process = self.csms, self._process
        if csms is None or process is None or not process.alive:
            return Outcome(OutcomeKind.NOT_CONNECTED, None, 0.0)
        call = csms.command(station, action, payload, timeout_s=COMMAND_TIMEOUT_S)
        task: asyncio.Task[Outcome] = self._sim.loop.create_task(call, context=process.context.copy())
        await asyncio.wait([task], timeout=2 * COMMAND_TIMEOUT_S)
        if task.done() and not task.cancelled():
            return task.result()
        return Outcome(OutcomeKind.TIMEOUT, None, 2 * COMMAND_TIMEOUT_S)
