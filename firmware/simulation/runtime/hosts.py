"""Simulated machines: a name, an address, a power switch, and the processes on them."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from firmware.simulation.runtime.errors import SimulationError
from firmware.simulation.runtime.process import Exit, Main, Process, current_process

if TYPE_CHECKING:
    from firmware.simulation.runtime.loop import VirtualLoop
    from firmware.simulation.runtime.server import VirtualServer
    from firmware.simulation.runtime.trace import Trace

LOOPBACK = "127.0.0.1"
ANY = "*"  # listening on every address of the host
_FIRST_EPHEMERAL_PORT = 32768


@dataclass(slots=True)
class JobTiming:
    """How long a job on a machine's workers takes, evenly spread. May be changed while a simulation runs (a slow disk)."""

    shortest_s: float = 0.0005
    longest_s: float = 0.004


class Host:
    """A machine. `listeners` is keyed by (own address or ANY, port)."""

    def __init__(self, name: str, address: str) -> None:
        self.name = name
        self.address = address
        self.up = True
        self.jobs = JobTiming()
        self.writes_fail = False  # every write of its processes' jobs fails, as on a broken or full disk
        self.processes: list[Process] = []
        self.listeners: dict[tuple[str, int], VirtualServer] = {}
        self._next_port = _FIRST_EPHEMERAL_PORT

    def free_port(self) -> int:
        """A port number that was not used before on this host."""
        self._next_port += 1
        return self._next_port

    def listener(self, address: str, port: int) -> "VirtualServer | None":
        """Who listens there, if anybody."""
        return self.listeners.get((address, port)) or self.listeners.get((ANY, port))


class Processes:
    """Starts and ends processes, and switches hosts off and on."""

    def __init__(self, loop: "VirtualLoop", trace: "Trace", on_power: Callable[[Host], None]) -> None:
        self._loop = loop
        self._trace = trace
        self._on_power = on_power  # told after a host came back: stalled connections to it move again
        self._number = 0

    def spawn(self, host: Host, main: Main, *args: Any, name: str | None = None) -> Process:
        """Start `main(*args)` as a process of its own. It ends like `asyncio.run` does: left-over tasks are cancelled."""
        if not host.up:
            raise SimulationError(f"host {host.name} is switched off; call power_on first")
        self._number += 1
        process = Process(host, name or _name_of(main), self._number, self._loop)
        host.processes.append(process)
        self._trace.note(self._loop.time(), "spawn", host.name, process.number)
        process.main = self._loop.create_task(
            self._life(process, main, args), name=f"{host.name}/{process.name}", context=process.context
        )
        return process

    async def _life(self, process: Process, main: Main, args: tuple[Any, ...]) -> None:
        how = Exit.FINISHED
        try:
            process.result = await main(*args)
        except (Exception, asyncio.CancelledError, SystemExit) as error:  # noqa: BLE001 - it is the process that fails; kept for the caller
            process.error = error
            how = Exit.FAILED
        await _cancel_rest(process)
        self._release(process, power=False)
        self._trace.note(self._loop.time(), "exit", process.host.name, process.number, how.value)
        process.end(how)

    def kill(self, process: Process) -> None:
        """SIGKILL: nothing of the process runs any more; the host's kernel closes its connections."""
        self._stop(process, Exit.KILLED)

    def power_off(self, host: Host) -> None:
        """Cut the power: all processes are gone, and the network hears nothing of it."""
        host.up = False
        self._trace.note(self._loop.time(), "power-off", host.name)
        for process in list(host.processes):
            self._stop(process, Exit.POWER_LOST)

    def power_on(self, host: Host) -> None:
        """Power is back; nothing runs yet. Peers of old connections will be answered with a reset."""
        host.up = True
        self._trace.note(self._loop.time(), "power-on", host.name)
        self._on_power(host)

    def _stop(self, process: Process, how: Exit) -> None:
        if not process.alive:
            return
        self._trace.note(self._loop.time(), "stop", process.host.name, process.number, how.value)
        process.keep_suspended()
        process.end(how)
        self._release(process, power=how is Exit.POWER_LOST)
        self._loop.drop_timers(lambda context: context.get(current_process) is process)

    @staticmethod
    def _release(process: Process, *, power: bool) -> None:
        for server in list(process.servers):
            server.unbind()
        for transport in list(process.transports):
            transport.process_ended(power=power)
        process.host.processes.remove(process)


def _name_of(main: Main) -> str:
    name: str = getattr(main, "__qualname__", type(main).__name__)
    return name


async def _cancel_rest(process: Process) -> None:
    rest = [task for task in process.tasks() if task is not process.main]
    for task in rest:
        task.cancel()
    await asyncio.gather(*rest, return_exceptions=True)
