"""Contacts bounce: a level counts once it has stood still."""

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

from hal.drivers.gpio_lines import InputLine, Lines, Pull
from hal.errors import DeviceLost

T = TypeVar("T")


class Debounce(Generic[T]):
    """Passes a value on once it has not changed for `settle_s`, and only when it differs from the last one passed on."""

    def __init__(self, value: T, settle_s: float, on_settled: Callable[[T], None]) -> None:
        self.value = value  # the settled one
        self._settle_s = settle_s
        self._on_settled = on_settled
        self._newest = value
        self._timer: asyncio.TimerHandle | None = None

    def feed(self, value: T) -> None:
        """The raw value is this now."""
        if value == self._newest:
            return
        self._newest = value
        self.stop()
        if value != self.value:
            self._timer = asyncio.get_running_loop().call_later(self._settle_s, self._settle)

    def stop(self) -> None:
        """Forget what has not settled yet."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _settle(self) -> None:
        self._timer = None
        self.value = self._newest
        self._on_settled(self.value)


class Contact:
    """A debounced input line. Its level at the start counts at once."""

    def __init__(
        self,
        lines: Lines,
        name: str,
        *,
        pull: Pull,
        settle_s: float,
        on_change: Callable[[bool], None],
        on_lost: Callable[[DeviceLost], None],
    ) -> None:
        self._line: InputLine = lines.input(name, pull=pull, on_change=self._raw, on_lost=on_lost)
        try:
            self._debounce = Debounce(self._line.read(), settle_s, on_change)
        except DeviceLost:
            self._line.close()
            raise

    @property
    def active(self) -> bool:
        """The settled level."""
        return self._debounce.value

    def close(self) -> None:
        """Release the line. Never raises."""
        self._debounce.stop()
        self._line.close()

    def _raw(self, level: bool) -> None:
        self._debounce.feed(level)
