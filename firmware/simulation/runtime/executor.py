"""Virtual workers under `run_in_executor`.

A job starts when one of its pool's workers is free, has its effect half-way through, and its result reaches the loop at the end.
A result that were ready at once would hide interleavings, because awaiting it would not yield. A pool given by the
program (`ThreadPoolExecutor(1)`) has as many virtual workers as it would have threads, so one worker still means one after the other.
"""

import asyncio
import heapq
import resource
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager, nullcontext
from contextvars import Context
from random import Random
from typing import TYPE_CHECKING, Any

from firmware.simulation.runtime.tasks import SerialFuture

if TYPE_CHECKING:
    from firmware.simulation.runtime.hosts import Host
    from firmware.simulation.runtime.loop import VirtualLoop
    from firmware.simulation.runtime.process import Process
    from firmware.simulation.runtime.trace import Trace

DEFAULT_WORKERS = 8  # of the loop's own pool: the same on every machine


class Workers:
    """The workers of one pool: when each is free again."""

    def __init__(self, number: int) -> None:
        self._free_at_s = [0.0] * number

    def reserve(self, now_s: float, takes_s: float) -> float:
        """Give the next free worker a job; the moment at which it starts."""
        starts_s = max(now_s, heapq.heappop(self._free_at_s))
        heapq.heappush(self._free_at_s, starts_s + takes_s)
        return starts_s


@contextmanager
def _writes_failing() -> Iterator[None]:
    """Let every write to a file fail with EFBIG, of this whole interpreter: jobs run one at a time, and nothing beside them."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


class JobFuture(SerialFuture):
    """The result of a job. Cancelled before the job has started, it keeps the job from running, as with real pools."""

    starts_s = 0.0
    called_off = False

    def cancel(self, msg: Any | None = None) -> bool:
        """Cancel the wait, and the job if it has not started."""
        if self.get_loop().time() < self.starts_s and not self.done():
            self.called_off = True
        return super().cancel(msg)


class VirtualExecutors:
    """All pools of all processes."""

    def __init__(self, loop: "VirtualLoop", trace: "Trace", rng: Random, context: Context, outside: "Host") -> None:
        """`outside` is the host of code that belongs to no process."""
        self._loop = loop
        self._host = outside
        self._trace = trace
        self._rng = rng
        self._context = context
        self._outside: dict[Executor | None, Workers] = {}

    def submit(
        self, process: "Process | None", executor: Executor | None, job: Callable[..., Any], args: tuple[Any, ...]
    ) -> asyncio.Future[Any]:
        """Queue a job; a dead process's job is dropped wherever it stands."""
        pools = self._outside if process is None else process.workers
        workers = pools.get(executor)
        if workers is None:
            number = DEFAULT_WORKERS if executor is None else getattr(executor, "_max_workers", 1)
            workers = pools[executor] = Workers(number)
        timing = (self._host if process is None else process.host).jobs
        takes_s = self._rng.uniform(timing.shortest_s, timing.longest_s)
        future = JobFuture(loop=self._loop)
        future.starts_s = workers.reserve(self._loop.time(), takes_s)
        self._loop.call_at(
            future.starts_s + takes_s / 2, self._run, process, future, job, args, takes_s / 2, context=self._context
        )
        return future

    def _run(
        self,
        process: "Process | None",
        future: JobFuture,
        job: Callable[..., Any],
        args: tuple[Any, ...],
        rest_s: float,
    ) -> None:
        if future.called_off or (process is not None and not process.alive):
            return
        result: Any = None
        error: Exception | None = None
        try:
            if process is None:
                result = job(*args)
            else:
                with _writes_failing() if process.host.writes_fail else nullcontext():
                    result = process.context.copy().run(job, *args)
        except Exception as caught:  # noqa: BLE001 - it belongs to whoever awaits the job
            error = caught
        name = getattr(job, "__qualname__", type(job).__name__)
        self._trace.note(self._loop.time(), "job", name, "ok" if error is None else type(error).__name__)
        self._loop.call_later(rest_s, self._finish, process, future, result, error, context=self._context)

    @staticmethod
    def _finish(process: "Process | None", future: JobFuture, result: Any, error: Exception | None) -> None:
        if future.done() or (process is not None and not process.alive):
            return
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)
