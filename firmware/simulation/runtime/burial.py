"""Frees what a killed process left in memory, without letting it have any effect.

A suspended coroutine cannot be thrown away in Python without its `finally` blocks running. So they run here, at a moment when
nothing they do matters: the process is marked dead, its connections are gone, its callbacks are dropped, its files have
been moved aside, and its devices are unplugged. What they raise is ignored.
"""

import gc
import sys
from asyncio import Task
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from firmware.simulation.runtime.errors import SimulationError

if TYPE_CHECKING:
    from firmware.simulation.runtime.loop import VirtualLoop
    from firmware.simulation.runtime.process import Process

_ROUNDS = 20  # a finally block may await or start a task; each round closes what the one before left


def bury(loop: "VirtualLoop", process: "Process") -> None:
    """Close every coroutine of a dead process and collect it. Must not be called from within that process."""
    if process.alive:
        raise SimulationError(f"{process!r} is alive; kill it first")
    with _quiet(loop):
        process.context.run(_close_tasks, process)
        process.forget()
        gc.collect()


def _close_tasks(process: "Process") -> None:
    for _ in range(_ROUNDS):
        tasks = process.tasks()
        if not tasks:
            return
        for task in tasks:
            _close(task)


def _close(task: Task[Any]) -> None:
    ...


@contextmanager
def _quiet(loop: "VirtualLoop") -> Iterator[None]:
    hook = sys.unraisablehook
    sys.unraisablehook = lambda _: None
    loop.burying = True
    try:
        yield
    finally:
        loop.burying = False
        sys.unraisablehook = hook
