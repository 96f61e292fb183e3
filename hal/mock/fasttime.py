"""An event loop whose time runs faster than real time, so that a whole program, timeouts included, runs fast on real sockets.

Only the loop's own time is scaled. What does not ask the loop (threads, other processes, the operating system) goes on in real
time, so a speed at which they cannot follow makes them look slow.
"""

import asyncio
import selectors
import time
from collections.abc import Callable
from select import select

HIGHEST_SPEED = 10_000.0
_FINE_WAIT_S = 0.05  # an epoll rounds up to whole milliseconds: shorter waits are measured more finely
_FD_SETSIZE = 1024  # the highest file descriptor, plus one, that select() takes


class _ScaledSelector(selectors.EpollSelector):
    """Waits for a part of the time asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.speed = 1.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """As ever, with `timeout` in scaled seconds."""
        if timeout is None or timeout <= 0 or self.speed == 1.0:
            return super().select(timeout)
        real_s = timeout / self.speed
        if real_s > _FINE_WAIT_S or self.fileno() >= _FD_SETSIZE:
            return super().select(real_s)
        # An epoll can itself be waited for, and select() counts microseconds.
        select([self.fileno()], [], [], real_s)
        return super().select(0)


class ScaledEventLoop(asyncio.SelectorEventLoop):
    """A selector event loop (Linux) that runs `speed` seconds in one real second. The speed can be changed at any time."""

    def __init__(self, speed: float = 1.0) -> None:
        self._speed = 1.0
        self._real_base_s = self._base_s = time.monotonic()
        self._scaled = _ScaledSelector()
        super().__init__(self._scaled)
        self.set_speed(speed)

    def time(self) -> float:
        """Scaled monotonic seconds. Continuous: a change of speed does not make it jump."""
        return self._base_s + (time.monotonic() - self._real_base_s) * self._speed

    @property
    def speed(self) -> float:
        """Seconds per real second."""
        return self._speed

    def set_speed(self, speed: float) -> None:
        """Run faster or slower from now on. To be called on the loop's own thread. ValueError outside 0 to 10000."""
        if not 0.0 < speed <= HIGHEST_SPEED:
            raise ValueError(f"speed must be above 0 and at most {HIGHEST_SPEED:g}, is {speed!r}")
        now = time.monotonic()
        self._base_s += (now - self._real_base_s) * self._speed
        self._real_base_s = now
        self._speed = speed
        self._scaled.speed = speed


def scaled_loop_factory(speed: float) -> Callable[[], ScaledEventLoop]:
    """For asyncio.Runner: loops that begin at this speed."""
    return lambda: ScaledEventLoop(speed)
