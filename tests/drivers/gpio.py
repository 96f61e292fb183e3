"""GPIO lines without a kernel: what stands in at the seam of hal/drivers/gpio_lines.py, and wiring between lines."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from hal.drivers.gpio_lines import InputLine, OutputLine, Pull
from hal.errors import DeviceLost


@dataclass
class FakeLine:
    """One line. `history` holds (loop time, level) of every change."""

    name: str
    level: bool = False
    history: list[tuple[float, bool]] = field(default_factory=list)
    lost: bool = False
    users: int = 0
    pull: Pull | None = None
    wires: list[Callable[[bool], None]] = field(default_factory=list)  # told of each change
    on_change: Callable[[bool], None] | None = None
    on_lost: Callable[[DeviceLost], None] | None = None

    def drive(self, level: bool) -> None:
        """Somebody outside, or the program, drives the line."""
        if level == self.level:
            return
        self.level = level
        self.history.append((asyncio.get_running_loop().time(), level))
        if self.on_change is not None:
            self.on_change(level)
        for wire in self.wires:
            wire(level)

    def lose(self) -> None:
        """The chip is gone."""
        self.lost = True
        if self.on_lost is not None:
            self.on_lost(self.error())

    def error(self) -> DeviceLost:
        """What the program is told of it."""
        return DeviceLost(f"GPIO line {self.name} is gone")

    def check(self) -> None:
        """Raise it."""
        if self.lost:
            raise self.error()


class _Output:
    def __init__(self, line: FakeLine) -> None:
        self._line = line

    def set(self, active: bool) -> None:
        self._line.check()
        self._line.drive(active)

    def close(self) -> None:
        if not self._line.lost:
            self._line.drive(False)
        self._line.users -= 1


class _Input:
    def __init__(self, line: FakeLine) -> None:
        self._line = line

    def read(self) -> bool:
        self._line.check()
        return self._line.level

    def close(self) -> None:
        self._line.on_change = self._line.on_lost = None
        self._line.users -= 1


class FakeLines:
    """A board's lines, made when they are first named. `missing` are not there."""

    def __init__(self, *missing: str) -> None:
        self._missing = missing
        self._lines: dict[str, FakeLine] = {}

    def __getitem__(self, name: str) -> FakeLine:
        return self._lines.setdefault(name, FakeLine(name))

    def active(self, name: str) -> bool:
        """The level of a line."""
        return self[name].level

    def output(self, name: str) -> OutputLine:
        """A line to drive."""
        return _Output(self._take(name))

    def input(
        self, name: str, *, pull: Pull, on_change: Callable[[bool], None], on_lost: Callable[[DeviceLost], None]
    ) -> InputLine:
        """A line to watch."""
        line = self._take(name)
        line.pull, line.on_change, line.on_lost = pull, on_change, on_lost
        return _Input(line)

    def wire(self, source: str, sink: str, delay_s: float, *, inverted: bool = False, bounces: int = 0) -> None:
        """Iron: `sink` follows `source` after a while, bouncing first."""

        def follow(level: bool) -> None:
            loop = asyncio.get_running_loop()
            for bounce in range(2 * bounces + 1):
                target = (level if bounce % 2 == 0 else not level) is not inverted
                loop.call_later(delay_s + bounce * 0.001, self[sink].drive, target)

        self[source].wires.append(follow)

    @property
    def in_use(self) -> list[str]:
        """Lines that are requested now."""
        return [name for name, line in self._lines.items() if line.users]

    def _take(self, name: str) -> FakeLine:
        if name in self._missing:
            raise DeviceLost(f"no GPIO line is named {name}")
        line = self[name]
        line.check()
        assert not line.users, f"line {name} is in use already"
        line.users += 1
        return line
