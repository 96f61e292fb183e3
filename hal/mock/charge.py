"""One stretch of charging under a constant limit, in closed form.

A battery takes its charger's full current up to a knee; from there the current falls in a straight line of the stored energy
down to a trickle at 100 %. Under a constant limit that gives a level part and then an exponential approach, so that energy
at any moment is a formula: it does not depend on how often somebody looks.
"""

import math
from dataclasses import dataclass

from hal.mock.car import PERCENT, Car

SECONDS_PER_HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class Charge:
    """A stretch that begins with `start_wh` in the battery. Made by `charge_of`."""

    start_wh: float
    level_a: float  # per phase, while the battery takes all that the limit allows
    level_s: float  # how long that lasts
    falling_a: float  # per phase, at the beginning of the falling part
    slope_a_per_wh: float  # 0 where nothing falls
    falling_s: float
    rate: float  # watt hours stored per second and ampere
    efficiency: float
    stop_wh: float

    @property
    def full_after_s(self) -> float:
        """Seconds until the vehicle's target is reached."""
        return self.level_s + self.falling_s

    def current_a(self, elapsed_s: float) -> float:
        """Current per phase after so many seconds."""
        if elapsed_s < self.level_s:
            return self.level_a
        if elapsed_s >= self.full_after_s:
            return 0.0
        return self.falling_a * math.exp(-self.rate * self.slope_a_per_wh * (elapsed_s - self.level_s))

    def stored_wh(self, elapsed_s: float) -> float:
        """What the battery holds after so many seconds."""
        return self.stop_wh if elapsed_s >= self.full_after_s else self.start_wh + self._gain_wh(elapsed_s)

    def drawn_mwh(self, elapsed_s: float) -> float:
        """What has passed the meter after so many seconds, milliwatt hours."""
        return self._gain_wh(elapsed_s) / self.efficiency * 1000.0

    def _gain_wh(self, elapsed_s: float) -> float:
        if elapsed_s >= self.full_after_s:
            return self.stop_wh - self.start_wh
        gain_wh = self.rate * self.level_a * min(elapsed_s, self.level_s)
        if elapsed_s > self.level_s:
            exponent = -self.rate * self.slope_a_per_wh * (elapsed_s - self.level_s)
            gain_wh -= self.falling_a / self.slope_a_per_wh * math.expm1(exponent)
        return min(gain_wh, self.stop_wh - self.start_wh)


def charge_of(car: Car, limit_a: float, voltage_v: float) -> Charge | None:
    """The stretch that begins now for a car under a limit; `voltage_v` is the sum over the phases it uses.

    None when nothing flows.
    """
    spec, start_wh, stop_wh = car.spec, car.stored_wh, car.target_wh
    level_a = min(limit_a, spec.max_current_a)
    if level_a <= 0 or voltage_v <= 0 or start_wh >= stop_wh:
        return None
    rate = voltage_v * spec.power_factor * spec.efficiency / SECONDS_PER_HOUR
    knee_wh = spec.battery_wh * spec.taper_from_percent / PERCENT
    span_wh = spec.battery_wh - knee_wh
    slope = (spec.max_current_a - spec.trickle_current_a) / span_wh if span_wh > 0 else 0.0
    bend_wh = knee_wh + (spec.max_current_a - level_a) / slope if slope > 0 else stop_wh
    level_wh = max(0.0, min(bend_wh, stop_wh) - start_wh)
    falling_a = falling_s = 0.0
    if bend_wh < stop_wh:
        from_wh = max(start_wh, bend_wh)
        falling_a = min(level_a, spec.max_current_a - slope * (from_wh - knee_wh))
        last_a = spec.max_current_a - slope * (stop_wh - knee_wh)
        falling_s = math.log1p(slope * (stop_wh - from_wh) / last_a) / (rate * slope)
    return Charge(
        start_wh=start_wh,
        level_a=level_a,
        level_s=level_wh / (rate * level_a),
        falling_a=falling_a,
        slope_a_per_wh=slope,
        falling_s=falling_s,
        rate=rate,
        efficiency=spec.efficiency,
        stop_wh=stop_wh,
    )
