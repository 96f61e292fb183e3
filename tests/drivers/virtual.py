"""Time for tests of drivers: real file descriptors, time-outs and pauses that take no time.

A loop whose clock stands still while anything happens on a descriptor or in a worker thread, and jumps to the next timer when
nothing does. So a driver can wait half a second for a device that stays silent, and the test goes on at once.
"""

import asyncio
import functools
import selectors
import uuid
from collections.abc import Awaitable, Callable, Coroutine
from random import Random
from typing import Any, ParamSpec, TypeVar

from hal.clocks import SystemClock
from hal.registry import DriverContext

P = ParamSpec("P")
T = TypeVar("T")

SHORT_S = 0.05
GRACE_BEFORE_SHORT_S = 0.002  # real time given to descriptors before a jump to a timer less than SHORT_S ahead
GRACE_BEFORE_LONG_S = 0.012  # the kernel moves bytes between the ends of a pseudo-terminal in a worker of its own
DEADLOCK_S = 10.0  # real time without anything to wait for


class _Selector(selectors.DefaultSelector):
    """Waits a moment for descriptors, then lets time jump."""

    loop: "JumpingLoop"

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Ready descriptors; none after a jump."""
        if timeout is not None and timeout <= 0:
            return super().select(0)
        if timeout is None or self.loop.jobs:
            ready = super().select(DEADLOCK_S)
            if not ready:
                raise RuntimeError("nothing happens any more: no timer, no data, no job")
            return ready
        ready = super().select(GRACE_BEFORE_SHORT_S if timeout < SHORT_S else GRACE_BEFORE_LONG_S)
        if not ready:
            self.loop.jump(timeout)
        return ready


class JumpingLoop(asyncio.SelectorEventLoop):
    """See the module."""

    def __init__(self) -> None:
        self.jobs = 0  # under way in worker threads; real time counts for them
        self._now = 1000.0
        selector = _Selector()
        selector.loop = self
        super().__init__(selector)

    def time(self) -> float:
        """Seconds that have been jumped."""
        return self._now

    def jump(self, seconds: float) -> None:
        """Let time pass."""
        self._now += seconds

    def run_in_executor(  # type: ignore[override] # the base class has type variables of Python 3.11 that do not match
        self, executor: Any, func: Callable[..., T], *args: Any
    ) -> asyncio.Future[T]:
        """Time stands still until the job is done."""
        self.jobs += 1
        job = super().run_in_executor(executor, func, *args)
        job.add_done_callback(self._job_done)
        return job

    def _job_done(self, _job: object) -> None:
        self.jobs -= 1


def virtually(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Run an asynchronous test in a jumping loop of its own. Tasks that it leaves behind fail it."""

    @functools.wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        with asyncio.Runner(loop_factory=JumpingLoop) as runner:
            runner.run(_alone(test(*args, **kwargs)))

    return run


async def _alone(test: Awaitable[None]) -> None:
    await test
    left = asyncio.all_tasks() - {asyncio.current_task()}
    assert not left, f"the driver left tasks behind: {left}"


def make_context(**others: Any) -> DriverContext:
    """What a board gives a driver, on the running loop."""
    clock = SystemClock(asyncio.get_running_loop(), boot=str(uuid.UUID(int=1)))
    return DriverContext(clock=clock, rng=Random(1), evse=1, others=others)
