"""A vehicle at the end of the cable: its battery, what its charger can draw, and how it behaves on the control pilot.

The rules of its behaviour, all of them timers that run whether or not somebody looks:

- It sees a change of the offer `reaction_s` later.
- It asks for energy (state C) `ask_delay_s` after it sees an offer of at least its minimum, unless it is paused, full or never asks.
- It stops asking (back to B) at once when it is paused or full, and when it sees the offer end.
- It draws nothing until `draw_delay_s` after it asks and finds power, then climbs in stairs for `ramp_s`.
"""

from collections import deque
from dataclasses import dataclass, replace

RAMP_STAIRS = 4
PERCENT = 100.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CarSpec:
    """What a vehicle is like. Currents in amperes per phase; ValueError for values that no vehicle has."""

    battery_wh: float = 60_000.0
    soc_percent: float = 40.0
    target_percent: float = 100.0  # where it stops asking
    phases: int = 3
    max_current_a: float = 16.0
    min_current_a: float = 6.0  # draws nothing when offered less
    taper_from_percent: float = 80.0  # from here its maximum falls in a straight line …
    trickle_current_a: float = 1.0  # … to this at 100 %
    efficiency: float = 0.9  # of what it draws, this part reaches the battery
    power_factor: float = 1.0
    ask_delay_s: float = 1.0
    draw_delay_s: float = 1.0
    ramp_s: float = 2.0
    reaction_s: float = 0.5
    asks: bool = True
    needs_ventilation: bool = False  # asks with state D
    exceeds_by_a: float = 0.0  # draws so much more than it is offered
    tells_soc: bool = False  # its state of charge appears in meter readings

    def __post_init__(self) -> None:
        for name, low, high in _RANGES:
            value = getattr(self, name)
            if not low <= value <= high:
                raise ValueError(f"{name} must be from {low:g} to {high:g}, is {value!r}")
        if self.trickle_current_a > self.max_current_a:
            raise ValueError("trickle_current_a must not be above max_current_a")


_RANGES: tuple[tuple[str, float, float], ...] = (
    ("battery_wh", 100.0, 2_000_000.0),
    ("soc_percent", 0.0, PERCENT),
    ("target_percent", 0.0, PERCENT),
    ("phases", 1, 3),
    ("max_current_a", 1.0, 500.0),
    ("min_current_a", 0.0, 80.0),
    ("taper_from_percent", 0.0, PERCENT),
    ("trickle_current_a", 0.1, 500.0),
    ("efficiency", 0.1, 1.0),
    ("power_factor", 0.1, 1.0),
    ("ask_delay_s", 0.0, 86_400.0),
    ("draw_delay_s", 0.0, 3_600.0),
    ("ramp_s", 0.0, 3_600.0),
    ("reaction_s", 0.0, 60.0),
    ("exceeds_by_a", 0.0, 100.0),
)

_COMPACT = CarSpec(battery_wh=52_000, max_current_a=32.0, soc_percent=35.0)

PRESETS: dict[str, CarSpec] = {
    "compact": _COMPACT,
    "long-range": CarSpec(battery_wh=78_000, max_current_a=16.0, soc_percent=55.0, tells_soc=True),
    "one-phase": CarSpec(battery_wh=39_000, phases=1, max_current_a=32.0, soc_percent=48.0),
    "two-phase": CarSpec(battery_wh=58_000, phases=2, max_current_a=16.0, soc_percent=30.0),
    "hybrid": CarSpec(battery_wh=11_500, phases=1, max_current_a=16.0, soc_percent=20.0, taper_from_percent=90.0),
    "van": CarSpec(battery_wh=90_000, max_current_a=32.0, soc_percent=34.0, ramp_s=10.0),
    "full": replace(_COMPACT, soc_percent=100.0),
    "nearly-full": replace(_COMPACT, soc_percent=98.0),
    "never-asks": replace(_COMPACT, asks=False),
    "slow-to-ask": replace(_COMPACT, ask_delay_s=120.0, draw_delay_s=20.0, reaction_s=5.0),
    "stubborn": replace(_COMPACT, max_current_a=20.0, exceeds_by_a=2.0),
    "ventilated": replace(_COMPACT, needs_ventilation=True),
}


class Car:
    """One vehicle, driven by what it sees on the control pilot and at its inlet. Times are monotonic seconds.

    `stored_wh` is what the battery held when the present stretch of charging began; whoever integrates the stretch writes it.
    """

    def __init__(self, spec: CarSpec, name: str = "") -> None:
        self.spec = spec
        self.name = name
        self.stored_wh = spec.battery_wh * spec.soc_percent / PERCENT
        self.paused = False
        self.asking = False
        self._seen_a = 0.0  # the offer as the car knows it
        self._share = 0.0  # of that it draws so much: 0 before power is there, stairs, then 1
        self._offered_a = 0.0
        self._powered = False
        self._live = False
        self._ask_at: float | None = None
        self._sights: deque[tuple[float, float]] = deque()  # (when, offer it will see)
        self._stairs: deque[tuple[float, float]] = deque()  # (when, share)

    @property
    def target_wh(self) -> float:
        """Energy in the battery at which it stops asking."""
        return self.spec.battery_wh * self.spec.target_percent / PERCENT

    @property
    def full(self) -> bool:
        """True once the target is reached."""
        return self.stored_wh >= self.target_wh

    @property
    def limit_a(self) -> float:
        """Current per phase that it would draw now if its battery took it; 0 unless it asks and has power."""
        if not self._live or self.spec.needs_ventilation or self._seen_a < self.spec.min_current_a:
            return 0.0
        return self._share * (self._seen_a + self.spec.exceeds_by_a)

    def sees(self, at: float, offered_a: float, powered: bool) -> None:
        """Tell it what is on the pilot and whether there is voltage at its inlet."""
        if offered_a != self._offered_a:
            self._offered_a = offered_a
            self._sights.append((at + self.spec.reaction_s, offered_a))
        self._powered = powered
        self._consider(at)

    def pause(self, at: float) -> None:
        """Its driver stops the charge in the vehicle."""
        self.paused = True
        self._consider(at)

    def resume(self, at: float) -> None:
        """Its driver lets it charge again."""
        self.paused = False
        self._consider(at)

    def leaves(self) -> None:
        """The cable is pulled: it forgets the offer. Battery and pause stay."""
        self.asking = self._live = self._powered = False
        self._seen_a = self._offered_a = self._share = 0.0
        self._ask_at = None
        self._sights.clear()
        self._stairs.clear()

    def next_event(self) -> float | None:
        """When it will next change its mind by itself."""
        times = [queue[0][0] for queue in (self._sights, self._stairs) if queue]
        if self._ask_at is not None:
            times.append(self._ask_at)
        return min(times, default=None)

    def step(self, at: float) -> None:
        """Carry out what is due."""
        while self._sights and self._sights[0][0] <= at:
            self._seen_a = self._sights.popleft()[1]
        if self._ask_at is not None and self._ask_at <= at:
            self._ask_at = None
            self.asking = True
        while self._stairs and self._stairs[0][0] <= at:
            self._share = self._stairs.popleft()[1]
        self._consider(at)

    def _consider(self, at: float) -> None:
        willing = self.spec.asks and not self.paused and not self.full
        wants = willing and self._seen_a > 0 and self._seen_a >= self.spec.min_current_a
        if not wants:
            self.asking = False
            self._ask_at = None
        elif not self.asking and self._ask_at is None:
            self._ask_at = at + self.spec.ask_delay_s
        live = self.asking and self._powered
        if live and not self._live:
            begin = at + self.spec.draw_delay_s
            stair_s = self.spec.ramp_s / RAMP_STAIRS
            self._stairs = deque((begin + n * stair_s, n / RAMP_STAIRS) for n in range(1, RAMP_STAIRS + 1))
        elif not live:
            self._stairs.clear()
            self._share = 0.0
        self._live = live
