"""Tasks and futures whose hash is a serial number, so that sets of them have the same order in every run.

asyncio keeps tasks in sets (`asyncio.wait`, a TaskGroup that aborts, `all_tasks`), and so do libraries with their
connections. The ordinary hash is a memory address, which differs from run to run.
"""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol, cast

if TYPE_CHECKING:
    from firmware.simulation.runtime.process import Process

_SERIAL = "_wayside_serial"


class Counting(Protocol):
    """A loop that hands out serial numbers."""

    def next_serial(self) -> int:
        """A number that this run has not handed out before."""


class SerialTask(asyncio.Task[Any]):
    """A task that is counted when it is first put into a set, and that knows the process it belongs to."""

    process: "Process | None" = None
    _serial: int

    def __hash__(self) -> int:
        try:
            return self._serial
        except AttributeError:
            self._serial = cast(Counting, self.get_loop()).next_serial()
            return self._serial


class SerialFuture(asyncio.Future[Any]):
    """A future that is counted when it is first put into a set."""

    _serial: int

    def __hash__(self) -> int:
        try:
            return self._serial
        except AttributeError:
            self._serial = cast(Counting, self.get_loop()).next_serial()
            return self._serial


class SerialHashes:
    """Gives classes of other people's objects a serial hash for the length of a run.

    Used for asyncio protocols, which servers like to keep in sets. A class is changed when its first object is met and changed
    back by `restore`; nothing looks at its objects outside the run.
    """

    def __init__(self, next_serial: Callable[[], int]) -> None:
        self._next_serial = next_serial
        self._changed: list[type] = []

    def adopt(self, thing: object) -> None:
        """See to it that the class of `thing` has a repeatable hash. A class with a hash of its own is left alone."""
        kind = type(thing)
        if kind.__hash__ is not object.__hash__ or not hasattr(thing, "__dict__"):
            return
        next_serial = self._next_serial

        def serial_hash(self: object) -> int:
            serial: int | None = self.__dict__.get(_SERIAL)
            if serial is None:
                serial = self.__dict__[_SERIAL] = next_serial()
            return serial

        self._changed.append(kind)
        kind.__hash__ = serial_hash  # type: ignore[method-assign]

    def restore(self) -> None:
        """Give every changed class its own hash back."""
        for kind in self._changed:
            del kind.__hash__
        self._changed.clear()
