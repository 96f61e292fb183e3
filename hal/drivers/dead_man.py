"""Dead-man timers: what is held while somebody keeps asking for it is let go when nobody does.

They stand in for hardware that a board does not have. A timer of the event loop is of no use when the loop itself is wedged, so
the one for real boards runs in a thread. Neither helps when the whole machine stops: only hardware does, and a board can feed a
retriggerable relay from a line that is toggled with each sign of life.
"""

import asyncio
import logging
import threading
from collections.abc import Callable
from typing import Protocol

log = logging.getLogger(__name__)


class DeadMan(Protocol):
    """Calls `cut` once when `feed` has not been called for `after_s` seconds since `hold`."""

    @property
    def after_s(self) -> float:
        """Seconds of silence."""

    def hold(self, cut: Callable[[], None]) -> None:
        """Begin to watch. `cut` may be called from another thread and must not raise."""

    def feed(self) -> None:
        """A sign of life."""

    def release(self) -> None:
        """Nothing is held any more."""


class LoopDeadMan:
    """A dead-man timer of the event loop, for what has a better guardian besides."""

    def __init__(self, after_s: float) -> None:
        self.after_s = _checked(after_s)
        self._cut: Callable[[], None] | None = None
        self._timer: asyncio.TimerHandle | None = None

    def hold(self, cut: Callable[[], None]) -> None:
        """Begin to watch."""
        self._cut = cut
        self.feed()

    def feed(self) -> None:
        """A sign of life."""
        if self._timer is not None:
            self._timer.cancel()
        if self._cut is not None:
            self._timer = asyncio.get_running_loop().call_later(self.after_s, self._expire)

    def release(self) -> None:
        """Nothing is held any more."""
        self._cut = None
        self.feed()

    def _expire(self) -> None:
        cut, self._cut = self._cut, None
        assert cut is not None  # releasing cancels the timer
        cut()


class ThreadDeadMan:
    """A dead-man timer in a thread of its own, which lives only while something is held."""

    def __init__(self, after_s: float, name: str) -> None:
        self.after_s = _checked(after_s)
        self._name = name
        self._watch: _Watch | None = None

    def hold(self, cut: Callable[[], None]) -> None:
        """Begin to watch."""
        self.release()
        self._watch = _Watch(self.after_s, cut)
        threading.Thread(target=self._watch.run, name=f"dead-man {self._name}", daemon=True).start()

    def feed(self) -> None:
        """A sign of life."""
        if self._watch is not None:
            self._watch.fed.set()

    def release(self) -> None:
        """Nothing is held any more."""
        if self._watch is not None:
            self._watch.over = True
            self._watch.fed.set()
            self._watch = None


class _Watch:
    """One holding."""

    def __init__(self, after_s: float, cut: Callable[[], None]) -> None:
        self.fed = threading.Event()
        self.over = False
        self._after_s = after_s
        self._cut = cut

    def run(self) -> None:
        """Body of the thread."""
        while self.fed.wait(self._after_s) and not self.over:
            self.fed.clear()
        if not self.over:
            self._cut()


def _checked(after_s: float) -> float:
    if not 0.05 <= after_s <= 60.0:
        raise ValueError(f"dead_man_s must be from 0.05 to 60, is {after_s!r}")
    return after_s
