"""Frees what dead processes left in memory, without letting it have any effect.

A suspended coroutine cannot be thrown away in Python without its `finally` blocks running. So they run here, at a moment when
nothing they do matters: the process is marked dead, its connections are gone, its callbacks are dropped, its files have
been moved aside, and its devices are unplugged. What they raise is ignored.
"""

import asyncio
import gc
import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import copy_context
from typing import TYPE_CHECKING, Any

from firmware.simulation.runtime.errors import SimulationError

if TYPE_CHECKING:
    from firmware.simulation.runtime.loop import VirtualLoop
    from firmware.simulation.runtime.process import Process

_ROUNDS = 20  # a finally block may start a task; each round closes what the one before started
_CALLBACKS_WORTH = 50_000  # what a dead process leaves in cycles, measured in callbacks between collections
_AWAITS = 20  # a finally block may await; each close ends one of them

Tasks = Callable[[], list[asyncio.Task[Any]]]


def bury(loop: "VirtualLoop", process: "Process") -> None:
    """Close every coroutine of a dead process and let go of it. Must not be called from within that process."""
    if process.alive:
        raise SimulationError(f"{process!r} is alive; kill it first")
    with _quiet(loop):
        process.context.copy().run(_close_all, process.tasks)
        process.forget()
    loop.hasten_collection(_CALLBACKS_WORTH)


def bury_rest(loop: "VirtualLoop") -> None:
    """Close whatever is still suspended at the end of a run."""
    with _quiet(loop):
        copy_context().run(_close_all, lambda: sorted(asyncio.all_tasks(loop), key=hash))
        gc.collect()


def _close_all(tasks: Tasks) -> None:
    closed: set[asyncio.Task[Any]] = set()
    for _ in range(_ROUNDS):
        fresh = [task for task in tasks() if task not in closed]
        if not fresh:
            return
        for task in fresh:
            closed.add(task)
            task._log_destroy_pending = False  # type: ignore[attr-defined]
            _close(task)


def _close(task: asyncio.Task[Any]) -> None:
    coroutine = task.get_coro()
    for _ in range(_AWAITS):
        try:
            coroutine.close()
        except BaseException:  # noqa: BLE001, S112 - the dead cannot complain
            continue
        return


@contextmanager
def _quiet(loop: "VirtualLoop") -> Iterator[None]:
    hook, logging_below, running = sys.unraisablehook, logging.root.manager.disable, asyncio._get_running_loop()
    sys.unraisablehook = lambda _: None
    logging.disable(logging.CRITICAL)
    asyncio._set_running_loop(None)  # or `asyncio.current_task` would be the undertaker
    loop.burying = True
    try:
        yield
    finally:
        loop.burying = False
        asyncio._set_running_loop(running)
        logging.disable(logging_below)
        sys.unraisablehook = hook
