"""Time that tests move: by hand for physics, by jumps for programs on an event loop."""

import asyncio
import functools
import heapq
import itertools
import selectors
from collections.abc import Callable, Coroutine
from contextvars import Context
from typing import Any, TypeVar

from hal.mock.clock import MockClock
from hal.types import TimeTrust

T = TypeVar("T")
START_WALL_S = 1_700_000_000.0


class _Call:
    def __init__(self, callback: Callable[[], object]) -> None:
        self.callback: Callable[[], object] | None = callback

    def cancel(self) -> None:
        self.callback = None


class ManualTime:
    """A time source without a loop: it stands still until `advance`, which makes the calls that are due on the way.

    With `early_s` it makes them a little too early, as event loops do whose clock is coarse.
    """

    def __init__(self, start: float = 1000.0, early_s: float = 0.0) -> None:
        self._now = start
        self._early_s = early_s
        self.contexts: list[Context] = []  # of all calls asked for, where given
        self._numbers = itertools.count()
        self._calls: list[tuple[float, int, _Call]] = []

    def time(self) -> float:
        return self._now

    def call_at(
        self, when: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> _Call:
        call = _Call(functools.partial(callback, *args))
        if context is not None:
            self.contexts.append(context)
        heapq.heappush(self._calls, (when, next(self._numbers), call))
        return call

    def advance(self, seconds: float) -> None:
        end = self._now + seconds
        while self._calls and self._calls[0][0] <= end:
            when, _, call = heapq.heappop(self._calls)
            self._now = max(self._now, when - self._early_s)
            if call.callback is not None:
                call.callback()
        self._now = end

    def jump(self, seconds: float) -> None:
        """Move on without making any call, as when a loop was blocked."""
        self._now += seconds


class _JumpingSelector(selectors.DefaultSelector):
    """Instead of waiting, moves the loop's time to when the wait would have ended."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1000.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready and timeout:
            self.now += timeout
        return ready


class JumpingLoop(asyncio.SelectorEventLoop):
    """An event loop in which waiting takes no time. For programs without sockets."""

    def __init__(self) -> None:
        self._jumper = _JumpingSelector()
        super().__init__(self._jumper)

    def time(self) -> float:
        return self._jumper.now


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine on a loop whose time jumps."""
    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        return runner.run(main)


def clock_on(source: ManualTime | asyncio.AbstractEventLoop, trust: TimeTrust = TimeTrust.SYNCHRONISED) -> MockClock:
    """A mock clock of a station that began at a known wall time."""
    return MockClock(source, wall_s=START_WALL_S, boot="boot-1", trust=trust)
