"""One simulated charge point: its machine, its disk, the world around it, and the program that runs on it."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, TypeVar

from boards import BoardDescription
from firmware.app import App
from firmware.app import Exit as AppExit
from firmware.simulation.runtime import Exit, Process, Simulation
from firmware.simulation.runtime.disk import Disk
from firmware.simulation.words import words_of
from hal.mock.clock import MockClock
from hal.mock.world import World
from hal.types import TimeTrust

T = TypeVar("T")
RESTART_S = 2.0  # a supervisor starts an ended program again after this
ROOMY_BYTES = 1 << 30


class MachineClock(MockClock):
    """The clock of the station's machine: a power cut begins a new boot; wall time goes on, as with a battery-backed clock."""

    def reboot(self, boot: str) -> None:
        """The machine has started again."""
        self._boot = boot


class LastingWorld(World):
    """A world that outlives its programs in memory and needs no file for that."""

    def save(self) -> None:
        """Nothing to write down."""


@dataclass(frozen=True, slots=True)
class Environment:
    """What one incarnation of the program is given. It tells `running` of its application once that is put together."""

    identity: str
    url: str
    state_dir: Path
    world: World
    rng: Random
    free_bytes: Callable[[Path], int]
    running: Callable[[App], None]
    protocol: str = "ocpp1.6"


OnFrame = Callable[[str, bool, str], None]  # station, whether it is the sender, text
Program = Callable[[Environment], Coroutine[Any, Any, AppExit]]


class Site:
    """A charge point that can lose its program, its power, and come back.

    `started` is told of each start of the program, `crashed` of one that failed, `on_frame` of what it sends and receives.
    """

    def __init__(
        self,
        sim: Simulation,
        index: int,
        *,
        url: str,
        root: Path,
        board: BoardDescription,
        program: Program,
        started: Callable[["Site"], None],
        crashed: Callable[["Site", BaseException], None],
        on_frame: OnFrame,
        protocol: str = "ocpp1.6",
    ) -> None:
        self.index = index
        self.protocol = protocol
        self.words = words_of(protocol)  # those of its operators
        self.identity = f"CP{index:03d}"
        self.host = sim.host(self.identity.lower())
        self.disk = Disk(root / self.identity)
        self.clock = MachineClock(
            sim.loop, wall_s=sim.wall_s(), boot=f"{self.identity}/1", trust=TimeTrust.SYNCHRONISED
        )
        self.world = LastingWorld(self.clock)
        for evse in sorted(board.evse, key=lambda evse: evse.id):
            self.world.add_evse(
                evse.id,
                phases=evse.phases or board.board.phases,
                fixed_cable=evse.fixed_cable,
                cable_limit_a=evse.max_current_a,
            )
        self.app: App | None = None  # of the running program
        self.process: Process | None = None
        self.switching = asyncio.Lock()  # held by whoever switches the station off, until it is on again
        self.roomy_bytes = ROOMY_BYTES
        self.free_bytes = ROOMY_BYTES  # on its disk
        self.excused_wh = dict.fromkeys((evse.id for evse in self.world.evses), 0)  # that no program could have counted
        self.starts = 0
        self.boots = 1
        self._sim = sim
        self._url = url
        self._program = program
        self._started = started
        self._crashed = crashed
        self._on_frame = on_frame
        self._supervisor: asyncio.Task[None] | None = None

    @property
    def running(self) -> bool:
        """Whether the program runs."""
        return self.process is not None and self.process.alive

    def start(self) -> None:
        """Start the program, and again whenever it ends by itself."""
        self._spawn()
        self._supervisor = asyncio.create_task(self._supervise(), name=f"supervisor of {self.identity}")

    def _spawn(self) -> None:
        self.starts += 1
        self._started(self)
        environment = Environment(
            identity=self.identity,
            url=self._url,
            state_dir=self.disk.path,
            world=self.world,
            rng=self._sim.chance(f"{self.identity}/{self.starts}"),
            free_bytes=lambda _: self.free_bytes,
            running=self._is_running,
            protocol=self.protocol,
        )
        self.process = self._sim.processes.spawn(self.host, self._program, environment, name="wayside")

    def _is_running(self, app: App) -> None:
        self.app = app
        app.frames.listen(lambda frame: self._on_frame(self.identity, frame.direction == "out", frame.text))

    async def _supervise(self) -> None:
        while self.process is not None:
            process = self.process
            how = await process.wait()
            self.app = None
            if how is Exit.FAILED and process.error is not None:
                self._crashed(self, process.error)
            elif how is not Exit.FINISHED:
                return
            self.world.station_down()
            await asyncio.sleep(RESTART_S)
            self._spawn()

    async def perform(self, work: Coroutine[Any, Any, T]) -> T:
        """Do something within the running program, as its local control interface would."""
        assert self.process is not None
        return await self._sim.loop.create_task(work, context=self.process.context.copy())

    def kill(self) -> None:
        """The program is gone; the machine lives. The mock world lets its contactors fall open."""
        if self.process is not None and self.process.alive:
            self._sim.processes.kill(self.process)
        self._clear_away()

    def power_off(self) -> None:
        """Everything is dark."""
        self._sim.processes.power_off(self.host)
        self._clear_away()

    def power_on(self) -> None:
        """The machine boots; `start` brings the program."""
        self.boots += 1
        self.clock.reboot(f"{self.identity}/{self.boots}")
        self._sim.processes.power_on(self.host)

    def _clear_away(self) -> None:
        """Nothing that the dead program still does on its way out may reach the disk or the world."""
        process, self.process, self.app = self.process, None, None
        if self._supervisor is not None:
            self._supervisor.cancel()
            self._supervisor = None
        self.disk.freeze()
        self.world.station_down()
        if process is not None and not process.alive:
            self._sim.bury(process)
        self.disk.thaw()
