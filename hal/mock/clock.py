"""The station's clock in the desktop world: it can be wrong, drift, be corrected, and run fast."""

import asyncio
from collections.abc import Callable
from contextvars import Context
from typing import Any, Protocol, runtime_checkable

from hal.mock.errors import Impossible
from hal.types import Instant, TimeTrust


class Timer(Protocol):
    """A call that is going to happen."""

    def cancel(self) -> None:
        """Make it not happen."""


class TimeSource(Protocol):
    """What drives the world: every event loop satisfies it."""

    def time(self) -> float:
        """Monotonic seconds."""

    def call_at(
        self, when: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> Timer:
        """Call back at a monotonic time."""


@runtime_checkable
class Scalable(Protocol):
    """A time source whose speed can be changed while it runs."""

    @property
    def speed(self) -> float:
        """Seconds per real second."""

    def set_speed(self, speed: float) -> None:
        """Change it, without a jump."""


class MockClock:
    """Satisfies hal.clock.Clock over an event loop's time. True wall time begins at `wall_s`; the station sees it through
    `offset_s` (its error, seconds) and `drift_ppm` (how much too fast it runs, millionths)."""

    def __init__(
        self,
        source: TimeSource,
        *,
        wall_s: float,
        boot: str,
        trust: TimeTrust = TimeTrust.SYNCHRONISED,
    ) -> None:
        self._source = source
        self._boot = self._machine_boot = boot
        self._true_base_s = wall_s - source.time()
        self._trust = trust
        self._offset_s = 0.0
        self._drift_ppm = 0.0
        self._drift_since_s = source.time()
        self._scaled = self.speed != 1.0

    @property
    def boot(self) -> str:
        """Identifies this boot of the mock machine."""
        return self._boot

    def monotonic(self) -> float:
        """Seconds of the time source."""
        return self._source.time()

    def true_wall(self) -> float:
        """POSIX seconds of the world, whatever the station believes."""
        return self._true_base_s + self._source.time()

    def wall(self) -> float | None:
        """POSIX seconds as the station believes them; None while trust is `unknown`."""
        return None if self._trust is TimeTrust.UNKNOWN else self._believed()

    @property
    def trust(self) -> TimeTrust:
        """How far `wall` can be believed."""
        return self._trust

    def now(self) -> Instant:
        """Both at one moment."""
        return Instant(self._source.time(), self._boot, self.wall(), self._trust)

    def set_from_csms(self, posix_s: float) -> float:
        """Take over the central system's time; returns the step in seconds, 0.0 when the clock is synchronised."""
        if self._trust is TimeTrust.SYNCHRONISED:
            return 0.0
        step_s = posix_s - self._believed()
        self._offset_s += step_s
        self._trust = TimeTrust.CSMS
        return step_s

    async def sleep(self, seconds: float) -> None:
        """Wait on the event loop."""
        await asyncio.sleep(seconds)

    def call_at(self, when: float, callback: Callable[[], object], context: Context | None = None) -> Timer:
        """Call back at a monotonic time."""
        return self._source.call_at(when, callback, context=context)

    def reboot(self, boot: str) -> None:
        """The mock machine has started again: another boot, while wall time went on."""
        self._boot = boot

    @property
    def offset_s(self) -> float:
        """How far the station's wall time is ahead of the true one now, drift included."""
        return self._believed() - self.true_wall()

    def set_offset(self, seconds: float) -> None:
        """Make the station's wall time wrong by so many seconds from now on."""
        self._offset_s = seconds
        self._drift_since_s = self._source.time()

    @property
    def drift_ppm(self) -> float:
        """Millionths by which the station's wall time runs too fast."""
        return self._drift_ppm

    def set_drift(self, ppm: float) -> None:
        """Let the station's wall time run too fast, or too slowly when negative; the error so far stays."""
        self._offset_s = self.offset_s
        self._drift_since_s = self._source.time()
        self._drift_ppm = ppm

    def set_trust(self, trust: TimeTrust) -> None:
        """Decide how far the station may believe its wall time. A synchronised clock is right: its error ends."""
        self._trust = trust
        if trust is TimeTrust.SYNCHRONISED:
            self.set_offset(0.0)

    @property
    def speed(self) -> float:
        """Mock seconds per real second."""
        return self._source.speed if isinstance(self._source, Scalable) else 1.0

    def set_speed(self, speed: float) -> None:
        """Let the whole world run faster or slower. Raises Impossible on an event loop whose time is real."""
        if not isinstance(self._source, Scalable):
            raise Impossible("the speed of time cannot be changed: the program does not run on a scaled event loop")
        self._source.set_speed(speed)
        self._scaled = self._scaled or speed != 1.0

    @property
    def scaled_boot(self) -> str | None:
        """The boot of the real machine if time has run at another speed than its own since the start, else None.

        The next program of that boot finds a monotonic time that does not continue this one.
        """
        return self._machine_boot if self._scaled else None

    def _believed(self) -> float:
        drifted_s = (self._source.time() - self._drift_since_s) * self._drift_ppm / 1e6
        return self.true_wall() + self._offset_s + drifted_s
