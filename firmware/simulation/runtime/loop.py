"""An event loop whose clock jumps to the next deadline instead of waiting for it.

Rules:
- Time stands still while callbacks run; when none is ready it moves to the earliest timer.
- Timers of equal deadline run in the order in which they were set (the standard heap does not promise that).
- Connections go to the simulated network, jobs for an executor to virtual workers; there is no selector and no descriptor.
- A callback whose context belongs to a dead process is dropped: a process that lost power runs nothing, not even `finally`.
"""

import asyncio
import gc
import heapq
import socket
from asyncio.base_events import BaseEventLoop
from collections import Counter, deque
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from concurrent.futures import Executor
from contextvars import Context, copy_context
from itertools import count
from typing import Any

from firmware.simulation.runtime.errors import Deadlock, Forbidden, LiveLock
from firmware.simulation.runtime.executor import VirtualExecutors
from firmware.simulation.runtime.network import Network
from firmware.simulation.runtime.process import current_process
from firmware.simulation.runtime.server import VirtualServer
from firmware.simulation.runtime.tasks import SerialFuture, SerialTask

_SWEEP_FROM = 100  # cancelled timers worth a sweep of the heap
_COLLECT_EVERY = 500_000  # callbacks between two garbage collections
_LOOK_AT = 2_000  # callbacks looked at to tell what a live lock is made of


class VirtualHandle(asyncio.TimerHandle):
    """A callback with its context; a timer when it stands in the heap."""

    __slots__ = ()
    _callback: Callable[..., object] | None
    _context: Context
    _scheduled: bool
    _when: float

    def __init__(
        self,
        when: float,
        callback: Callable[..., object],
        args: Sequence[Any],
        loop: asyncio.AbstractEventLoop,
        context: Context | None,
    ) -> None:
        # What the two constructors above it do, without asyncio's debug mode: every callback of a run passes here.
        self._context = copy_context() if context is None else context
        self._loop = loop
        self._callback = callback
        self._args = args
        self._cancelled = False
        self._repr = None
        self._source_traceback = None
        self._when = when
        self._scheduled = False


class VirtualLoop(BaseEventLoop):
    """Runs one simulation. `run_until_complete` behaves as usual; `time()` is virtual and starts at 0."""

    _ready: deque[VirtualHandle]
    _scheduled: list[tuple[float, int, VirtualHandle]]
    _stopping: bool
    _timer_cancelled_count: int

    def __init__(self, *, callbacks_per_instant: int = 1_000_000) -> None:
        super().__init__()
        self._now_s = 0.0
        self._timer_order = count()
        self._serials = count(1)
        self._limit = callbacks_per_instant
        self._at_this_instant = 0
        self._network: Network | None = None
        self._executors: VirtualExecutors | None = None
        self._collect_at = _COLLECT_EVERY
        self.burying = False  # coroutines of the dead are being closed: nothing they start may live
        self.dead_in_heap = False  # what a dead process left has not been collected yet
        self.steps = 0  # callbacks run so far
        self.jumps = 0  # moments visited so far
        self.set_task_factory(self._make_task)  # type: ignore[arg-type]

    def attach(self, network: Network, executors: VirtualExecutors) -> None:
        """Give the loop the world it reaches. Called once, before anything runs."""
        self._network = network
        self._executors = executors

    def next_serial(self) -> int:
        """A number for an object's hash."""
        return next(self._serials)

    # Tasks and futures

    def create_future(self) -> asyncio.Future[Any]:
        """A future with a repeatable hash."""
        return SerialFuture(loop=self)

    @staticmethod
    def _make_task(loop: asyncio.AbstractEventLoop, coro: Coroutine[Any, Any, Any], **options: Any) -> SerialTask:
        task = SerialTask(coro, loop=loop, **options)
        context: Context | None = options.get("context")
        task.process = current_process.get() if context is None else context.get(current_process)
        return task

    # Time

    def time(self) -> float:
        """Virtual seconds since the start of the run."""
        return self._now_s

    def call_soon(  # type: ignore[override]
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        """Run a callback at this instant, after those that are ready already."""
        handle = VirtualHandle(self._now_s, callback, args, self, context)
        self._ready.append(handle)
        return handle

    call_soon_threadsafe = call_soon  # type: ignore[assignment]

    def call_later(  # type: ignore[override]
        self, delay: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """Run a callback `delay` virtual seconds from now."""
        return self.call_at(self._now_s + delay, callback, *args, context=context)

    def call_at(  # type: ignore[override]
        self, when: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """Run a callback at a moment of virtual time."""
        handle = VirtualHandle(when, callback, args, self, context)
        heapq.heappush(self._scheduled, (when, next(self._timer_order), handle))
        handle._scheduled = True
        return handle

    def _run_once(self) -> None:
        """One round: take what is due, or move time; then run what was ready at the start of the round."""
        ready = self._ready
        if self._timer_cancelled_count > _SWEEP_FROM and self._timer_cancelled_count * 2 > len(self._scheduled):
            self._sweep()
        if not ready and not self._stopping:
            self._move_time()
        if self._scheduled and self._scheduled[0][0] <= self._now_s:
            self._take_due()
        number = len(ready)
        self.steps += number
        self._at_this_instant += number
        if self._at_this_instant > self._limit:
            raise LiveLock(self._describe_live_lock())
        if self.steps > self._collect_at:
            self._collect_at = self.steps + _COLLECT_EVERY
            gc.collect()
            self.dead_in_heap = False
        for _ in range(number):
            handle = ready.popleft()
            if handle._cancelled:
                continue
            process = handle._context.get(current_process)
            if process is not None and not process.alive:
                continue
            try:
                handle._context.run(handle._callback, *handle._args)  # type: ignore[arg-type]
            except (SystemExit, KeyboardInterrupt):
                raise
            except BaseException as error:  # noqa: BLE001 - as every loop does: one callback's error is not the loop's
                self._report(handle, error)

    def _report(self, handle: VirtualHandle, error: BaseException) -> None:
        message = f"Exception in callback {_name_of(handle._callback)}"
        self.call_exception_handler({"message": message, "exception": error, "handle": handle})

    def _move_time(self) -> None:
        scheduled = self._scheduled
        while scheduled and scheduled[0][2]._cancelled:
            heapq.heappop(scheduled)[2]._scheduled = False
            self._timer_cancelled_count -= 1
        if not scheduled:
            raise Deadlock(self._describe_deadlock())
        when = scheduled[0][0]
        if when > self._now_s:
            self._now_s = when
            self.jumps += 1
            self._at_this_instant = 0

    def _take_due(self) -> None:
        scheduled, now_s = self._scheduled, self._now_s
        while scheduled and scheduled[0][0] <= now_s:
            handle = heapq.heappop(scheduled)[2]
            handle._scheduled = False
            if handle._cancelled:
                self._timer_cancelled_count -= 1
            else:
                self._ready.append(handle)

    def _sweep(self) -> None:
        self._scheduled = [entry for entry in self._scheduled if not entry[2]._cancelled]
        heapq.heapify(self._scheduled)
        self._timer_cancelled_count = 0

    def hasten_collection(self, callbacks: int) -> None:
        """Collect garbage earlier, as if so many callbacks more had run."""
        self._collect_at -= callbacks
        self.dead_in_heap = True

    def drop_timers(self, belongs: Callable[[Context], bool]) -> None:
        """Forget every timer whose context is one of those (a process that is no more)."""
        self._scheduled = [e for e in self._scheduled if not e[2]._cancelled and not belongs(e[2]._context)]
        heapq.heapify(self._scheduled)
        self._timer_cancelled_count = 0

    def _asyncgen_finalizer_hook(self, agen: AsyncGenerator[Any, Any]) -> None:
        if not self.burying:
            super()._asyncgen_finalizer_hook(agen)  # type: ignore[misc]

    def _describe_live_lock(self) -> str:
        names: Counter[str] = Counter()
        for handle in list(self._ready)[:_LOOK_AT]:
            names[_name_of(handle._callback)] += 1
        most = ", ".join(f"{name} x{number}" for name, number in names.most_common(5))
        return (
            f"{self._at_this_instant} callbacks at {self._now_s:.6f} s of virtual time and no end; waiting now: {most}"
        )

    def _describe_deadlock(self) -> str:
        lines = [f"nothing is ready and no timer is set at {self._now_s:.6f} s of virtual time; tasks:"]
        for task in sorted(asyncio.all_tasks(self), key=hash):
            frames = task.get_stack(limit=1)
            where = f"{frames[-1].f_code.co_filename}:{frames[-1].f_lineno}" if frames else "not started"
            lines.append(f"  {task.get_name()} at {where}")
        return "\n".join(lines)

    # The world outside

    def run_in_executor(self, executor: Executor | None, func: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:  # type: ignore[override]
        """Run a job on virtual workers of this executor's number; nothing runs in a thread."""
        assert self._executors is not None
        return self._executors.submit(current_process.get(), executor, func, args)

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:
        """Nothing to shut down: no thread was started."""

    async def create_connection(  # type: ignore[override]
        self,
        protocol_factory: Callable[[], asyncio.BaseProtocol],
        host: str | None = None,
        port: int | None = None,
        **options: Any,
    ) -> tuple[asyncio.Transport, asyncio.BaseProtocol]:
        """Connect to a listener of the simulated network. TLS and ready-made sockets are not simulated."""
        _refuse("create_connection", options, "ssl", "sock")
        assert self._network is not None
        if host is None or port is None:
            raise ValueError("host and port are needed to connect on the simulated network")
        return await self._network.connect(protocol_factory, host, port)

    async def create_server(  # type: ignore[override]
        self,
        protocol_factory: Callable[[], asyncio.BaseProtocol],
        host: str | Sequence[str] | None = None,
        port: int = 0,
        *,
        start_serving: bool = True,
        **options: Any,
    ) -> VirtualServer:
        """Listen on the simulated network, on the host of the calling process."""
        _refuse("create_server", options, "ssl", "sock")
        assert self._network is not None
        server = self._network.listen(protocol_factory, host, port)
        if start_serving:
            await server.start_serving()
        return server

    async def getaddrinfo(self, host: Any, port: Any, **_: Any) -> Any:
        """Resolve a name of the simulated network."""
        assert self._network is not None
        address = self._network.resolve(host.decode() if isinstance(host, bytes) else host)
        return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (address, int(port or 0)))]

    def add_signal_handler(self, sig: int, callback: Callable[..., object], *args: Any) -> None:  # type: ignore[override]
        """Remember what the calling process wants to do on a signal; `Process.signal` does it."""
        process = current_process.get()
        if process is None:
            raise Forbidden("a signal handler belongs to a process: start the program with Processes.spawn")
        process.signal_handlers[sig] = (callback, args)

    def remove_signal_handler(self, sig: int) -> bool:
        """Forget it again; True when there was one."""
        process = current_process.get()
        return process is not None and process.signal_handlers.pop(sig, None) is not None

    def _write_to_self(self) -> None:
        """Nothing sleeps in a selector, so nothing needs waking."""


def _refuse(what: str, options: dict[str, Any], *names: str) -> None:
    for name in names:
        if options.get(name) is not None and options[name] is not False:
            raise Forbidden(
                f"{what}({name}=...) is not simulated; use plain host and port, and ws:// instead of wss://"
            )


def _name_of(callback: Callable[..., object] | None) -> str:
    owner = getattr(callback, "__self__", None)
    if isinstance(owner, asyncio.Task):
        return f"task {owner.get_name()}"
    return getattr(callback, "__qualname__", repr(callback))
