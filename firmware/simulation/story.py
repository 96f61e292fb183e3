"""What simulated programs log: into the story of a run that is kept, and a defect they admit to the watchers."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from firmware.simulation.runtime import Simulation, current_process

Admitted = Callable[[str, str], None]  # host, what was logged


class _Listener(logging.Handler):
    """Hears every record of the programs. One with a traceback is a defect, whatever its words."""

    def __init__(self, sim: Simulation, admitted: Admitted, level: int) -> None:
        super().__init__(level)
        self._sim = sim
        self._admitted = admitted

    def emit(self, record: logging.LogRecord) -> None:
        """Take one record."""
        process = current_process.get()
        host = "outside" if process is None else process.host.name
        text = f"{record.name}: {record.getMessage()}"
        if record.exc_info and record.exc_info[1] is not None:
            text += f" ({record.exc_info[1]!r})"
            self._admitted(host, text)
        self._sim.trace.remark(self._sim.loop.time(), f"{host} log {record.levelname.lower()} {text}")


@contextmanager
def logs_heard(sim: Simulation, admitted: Admitted) -> Iterator[None]:
    """For the length of a run, log records go to a listener and nowhere else. Without a story only errors are made."""
    level = logging.INFO if sim.trace.is_kept else logging.ERROR
    root = logging.getLogger()
    before = root.level, root.handlers[:], logging.root.manager.disable
    root.handlers[:] = [_Listener(sim, admitted, level)]
    root.setLevel(level)
    logging.disable(level - 1)
    try:
        yield
    finally:
        logging.disable(before[2])
        root.handlers[:] = before[1]
        root.setLevel(before[0])
