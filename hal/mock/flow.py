"""Energy on its way from the mains through the meter into a battery, counted in whole stretches."""

import math
from dataclasses import dataclass

from hal.mock.car import Car
from hal.mock.charge import Charge, charge_of
from hal.mock.register import Register


@dataclass(frozen=True, slots=True)
class Stretch:
    """What makes one stretch of charging: as long as nothing of it changes, it is the same stretch."""

    car: Car
    limit_a: float
    voltage_v: float  # sum over the phases in use


class Flow:
    """The present stretch and the meter's registers. Times are monotonic seconds.

    Looking changes nothing: only a change of the stretch counts energy, so that any pattern of looks gives the same register.
    """

    def __init__(self, import_mwh: int = 0, reactive_mvarh: int = 0) -> None:
        self.imported = Register(import_mwh)
        self.reactive = Register(reactive_mvarh)
        self._stretch: Stretch | None = None
        self._charge: Charge | None = None
        self._since = 0.0

    def plan(self, at: float, stretch: Stretch | None) -> None:
        """From now on energy flows like this; None, or a limit of 0, for not at all."""
        if stretch == self._stretch:
            return
        self.count(at)
        self._since = at
        self._stretch = stretch
        self._charge = None if stretch is None else charge_of(stretch.car, stretch.limit_a, stretch.voltage_v)

    def full_at(self) -> float | None:
        """When the battery will have reached its target; None while nothing flows."""
        return None if self._charge is None else self._since + self._charge.full_after_s

    def count(self, at: float) -> None:
        """End the stretch: what flowed goes to the registers and into the battery."""
        if self._charge is not None and self._stretch is not None:
            car, elapsed_s = self._stretch.car, at - self._since
            energy_mwh = self._charge.drawn_mwh(elapsed_s)
            self.imported.add(energy_mwh)
            self.reactive.add(energy_mwh * tangent(car))
            full = at >= self._since + self._charge.full_after_s  # as in full_at, bit for bit
            car.stored_wh = car.target_wh if full else self._charge.stored_wh(elapsed_s)
        self._charge = self._stretch = None

    def current_a(self, at: float) -> float:
        """Current per phase in use."""
        return self._charge.current_a(at - self._since) if self._charge else 0.0

    def stored_wh(self, at: float, car: Car) -> float:
        """What the car's battery holds."""
        return self._charge.stored_wh(at - self._since) if self._charge else car.stored_wh

    def import_mwh(self, at: float) -> int:
        """The active register as it stands now."""
        return self.imported.shown_mwh(self._under_way_mwh(at))

    def reactive_mvarh(self, at: float) -> int:
        """The reactive register as it stands now."""
        factor = tangent(self._stretch.car) if self._stretch else 0.0
        return self.reactive.shown_mwh(self._under_way_mwh(at) * factor)

    def _under_way_mwh(self, at: float) -> float:
        return self._charge.drawn_mwh(at - self._since) if self._charge else 0.0


def tangent(car: Car) -> float:
    """Reactive power per active power of a car."""
    factor = car.spec.power_factor
    return math.sqrt(1.0 - factor * factor) / factor
