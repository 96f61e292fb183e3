"""Simulated processes: everything a program starts carries its process in a context variable, so that it can be stopped dead.

A killed process runs nothing more: no callback, no `except`, no `finally`. That is what a power cut and SIGKILL do, and what
cancelling its tasks would not do.
"""

import asyncio
from collections.abc import Callable, Coroutine
from contextvars import Context, ContextVar
from enum import Enum
from typing import TYPE_CHECKING, Any

from firmware.simulation.runtime.errors import SimulationError

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from firmware.simulation.runtime.executor import Workers
    from firmware.simulation.runtime.hosts import Host
    from firmware.simulation.runtime.server import VirtualServer
    from firmware.simulation.runtime.transport import VirtualTransport

Main = Callable[..., Coroutine[Any, Any, Any]]


class Exit(Enum):
    """How a process ended."""

    FINISHED = "finished"
    FAILED = "failed"  # its main coroutine raised
    KILLED = "killed"  # the host lives on: peers are told
    POWER_LOST = "power lost"  # silence


class Process:
    """One incarnation of a program on a host. Made by `Processes.spawn`."""

    def __init__(self, host: "Host", name: str, number: int, loop: asyncio.AbstractEventLoop) -> None:
        self.host = host
        self.name = name
        self.number = number
        self.alive = True
        self.exit: Exit | None = None
        self.result: Any = None  # what the main coroutine returned
        self.error: BaseException | None = None  # what it raised
        self.context = Context()
        self.context.run(current_process.set, self)
        self.main: asyncio.Task[Any] | None = None
        # The operating system's tables: what it must clean up when the process ends.
        self.transports: dict[VirtualTransport, None] = {}  # in the order of opening; both ends of one over loopback
        self.servers: list[VirtualServer] = []
        self.workers: dict[Executor | None, Workers] = {}
        self.signal_handlers: dict[int, tuple[Callable[..., object], tuple[Any, ...]]] = {}
        self._loop = loop
        self._waiters: list[asyncio.Future[None]] = []
        self._suspended: list[asyncio.Task[Any]] = []

    def __repr__(self) -> str:
        return f"<process {self.number} {self.name!r} on {self.host.name}>"

    async def wait(self) -> Exit:
        """Wait until the process has ended, in whatever way."""
        while self.exit is None:
            waiter: asyncio.Future[None] = self._loop.create_future()
            self._waiters.append(waiter)
            await waiter
        return self.exit

    def signal(self, number: int) -> None:
        """Deliver a signal for which the program has set a handler on the loop."""
        try:
            callback, args = self.signal_handlers[number]
        except KeyError:
            raise SimulationError(f"{self!r} has no handler for signal {number}") from None
        self._loop.call_soon(callback, *args, context=self.context)

    def tasks(self) -> list[asyncio.Task[Any]]:
        """The unfinished tasks of this process, oldest first."""
        found = [task for task in asyncio.all_tasks(self._loop) if getattr(task, "process", None) is self]
        return sorted(found, key=hash)

    def keep_suspended(self) -> None:
        """Hold on to the unfinished tasks: one that nobody refers to would run its `finally` blocks."""
        self._suspended = self.tasks()

    def forget(self) -> None:
        """Let go of everything, once buried."""
        self._suspended.clear()
        self.workers.clear()
        self.signal_handlers.clear()
        self.main = None

    def end(self, how: Exit) -> None:
        """Mark as ended and wake those who wait. Called once, by `Processes`."""
        self.alive = False
        self.exit = how
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)
        self._waiters.clear()


current_process: ContextVar[Process | None] = ContextVar("wayside_process", default=None)
