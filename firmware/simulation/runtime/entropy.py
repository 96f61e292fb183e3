"""For the length of a run: chance comes from the seed, and what cannot be simulated raises.

Replaced and put back afterwards: `os.urandom` and what is built on it (secrets, uuid4, SystemRandom), the global `random` and
`random.Random()` without a seed, the date that HTTP servers write into a header, `Thread.start` and `time.sleep`. Wall and
monotonic time are not replaced: the program is given its clock.
"""

import email.utils
import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, NoReturn

from firmware.simulation.runtime.errors import Forbidden


@contextmanager
def seeded(rng: random.Random, wall_s: Callable[[], float]) -> Iterator[None]:
    """Take all chance from `rng`, and dates from `wall_s` (POSIX seconds), until left."""
    global_state = random.getstate()
    original_seed = random.Random.seed
    original_formatdate = email.utils.formatdate

    def seed(self: random.Random, a: Any = None, version: int = 2) -> None:
        original_seed(self, rng.getrandbits(64) if a is None else a, version)

    def formatdate(timeval: float | None = None, localtime: bool = False, usegmt: bool = False) -> str:
        return original_formatdate(wall_s() if timeval is None else timeval, localtime, usegmt)

    with ExitStack() as replaced:
        _replace(replaced, os, "urandom", rng.randbytes)
        _replace(replaced, random, "_urandom", rng.randbytes)
        _replace(replaced, random.Random, "seed", seed)
        _replace(replaced, email.utils, "formatdate", formatdate)
        _replace(replaced, threading.Thread, "start", _no_thread)
        _replace(replaced, time, "sleep", _no_sleep)
        random.seed(rng.getrandbits(64))
        try:
            yield
        finally:
            random.setstate(global_state)


def _replace(stack: ExitStack, owner: Any, name: str, value: Any) -> None:
    stack.callback(setattr, owner, name, getattr(owner, name))
    setattr(owner, name, value)


def _no_thread(thread: threading.Thread) -> NoReturn:
    raise Forbidden(f"a real thread was started in a simulation: {thread.name}; use loop.run_in_executor")


def _no_sleep(seconds: float) -> NoReturn:
    raise Forbidden(f"time.sleep({seconds}) in a simulation; await the clock's sleep instead")
