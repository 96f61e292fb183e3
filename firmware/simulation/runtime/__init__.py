"""Virtual time: an event loop, a network, processes and workers in which an unmodified asyncio program runs the same way every time.

`Simulation(seed).run(main)` runs `main` as the one who plays the world: it makes hosts, starts processes on them, breaks things.
"""

from firmware.simulation.runtime.clock import SimClock
from firmware.simulation.runtime.errors import Deadlock, Forbidden, LiveLock, SimulationError
from firmware.simulation.runtime.hosts import Host
from firmware.simulation.runtime.process import Exit, Process, current_process
from firmware.simulation.runtime.simulation import EPOCH_S, Simulation
from firmware.simulation.runtime.trace import Trace

__all__ = [
    "EPOCH_S",
    "Deadlock",
    "Exit",
    "Forbidden",
    "Host",
    "LiveLock",
    "Process",
    "SimClock",
    "Simulation",
    "SimulationError",
    "Trace",
    "current_process",
]
