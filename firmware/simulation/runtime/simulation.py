"""One run of a simulated world: loop, network, processes, trace, and every source of chance, made from one seed."""

import asyncio
import gc
from collections.abc import Callable, Coroutine
from contextvars import Context
from random import Random
from traceback import format_exception
from typing import Any, TypeVar

from firmware.simulation.runtime.burial import bury, bury_rest
from firmware.simulation.runtime.clock import SimClock
from firmware.simulation.runtime.entropy import seeded
from firmware.simulation.runtime.executor import VirtualExecutors
from firmware.simulation.runtime.hosts import Host, Processes
from firmware.simulation.runtime.loop import VirtualLoop
from firmware.simulation.runtime.network import Network
from firmware.simulation.runtime.process import Process
from firmware.simulation.runtime.tasks import SerialFuture, SerialHashes, SerialTask
from firmware.simulation.runtime.trace import Trace

T = TypeVar("T")
EPOCH_S = 1_780_272_000.0  # 2026-06-01 00:00:00 UTC: where virtual time starts unless told otherwise


class Simulation:
    """Everything of one run. Use `run` once; then look at `trace`, `problems` and the counters of `loop`."""

    def __init__(
        self,
        seed: int,
        *,
        epoch_s: float = EPOCH_S,
        keep_trace: Callable[[str], object] | None = None,
        keep_segments: bool = True,
        callbacks_per_instant: int = 1_000_000,
    ) -> None:
        self.seed = seed
        self.epoch_s = epoch_s
        self.trace = Trace(keep_trace, keep_segments=keep_segments)
        self.loop = VirtualLoop(callbacks_per_instant=callbacks_per_instant)
        self.problems: list[str] = []  # exceptions that nobody took
        self._hashes = SerialHashes(self.loop.next_serial)
        kernel = Context()  # in which nobody's process is set
        self.network = Network(self.loop, self.trace, self.chance("network"), self._hashes, kernel)
        self.executors = VirtualExecutors(self.loop, self.trace, self.chance("executors"), kernel, self.network.outside)
        self.processes = Processes(self.loop, self.trace, self.network.power_returned)
        self.loop.attach(self.network, self.executors)
        self.loop.set_exception_handler(self._unhandled)

    def chance(self, name: str) -> Random:
        """A stream of chance of its own, so that one part's use of it does not shift another's."""
        return Random(f"{self.seed}/{name}")

    def wall_s(self) -> float:
        """True wall time now, POSIX seconds."""
        return self.epoch_s + self.loop.time()

    def clock(self, boot: str, **options: Any) -> SimClock:
        """A machine's clock; options as `SimClock`'s."""
        return SimClock(self.loop, epoch_s=self.epoch_s, boot=boot, **options)

    def host(self, name: str) -> Host:
        """A new machine on the network."""
        return self.network.add_host(name)

    def note(self, kind: str, *fields: object) -> None:
        """Write into the trace."""
        self.trace.note(self.loop.time(), kind, *fields)

    def bury(self, process: Process) -> None:
        """Free a dead process's memory and files; see `burial`."""
        bury(self.loop, process)

    def run(self, main: Callable[["Simulation"], Coroutine[Any, Any, T]]) -> T:
        """Run `main` to its end and clean up. It stands outside of every process: it is the one that plays the world."""
        collects = gc.isenabled()
        gc.collect()
        gc.freeze()
        gc.disable()  # its moments would depend on what ran before; the loop collects by its own count of callbacks
        try:
            with seeded(self.chance("entropy"), self.wall_s):
                return self._run(main)
        finally:
            self._hashes.restore()
            gc.unfreeze()
            if collects:
                gc.enable()

    def _run(self, main: Callable[["Simulation"], Coroutine[Any, Any, T]]) -> T:
        asyncio.set_event_loop(self.loop)  # what the dead do while they are buried may ask for the current loop
        try:
            return self.loop.run_until_complete(main(self))
        finally:
            for host in self.network.hosts.values():
                for process in list(host.processes):
                    self.processes.kill(process)
            bury_rest(self.loop)
            asyncio.set_event_loop(None)
            self.loop.close()

    def _is_of_the_dead(self, future: Any) -> bool:
        """Whether an exception that nobody took is one that a killed process had no time to take."""
        if isinstance(future, SerialTask) and future.process is not None:
            return not future.process.alive
        return isinstance(future, SerialFuture) and self.loop.dead_in_heap

    def _unhandled(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        if self.loop.burying or self._is_of_the_dead(context.get("task") or context.get("future")):
            return
        error = context.get("exception")
        text = "".join(format_exception(error)) if isinstance(error, BaseException) else ""
        self.problems.append(f"{self.loop.time():.6f} {context['message']}\n{text}")
        self.note("unhandled", context["message"], type(error).__name__)
