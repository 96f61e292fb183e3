"""The closed form of a charge against plain small-step integration of the same physics."""

import itertools
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hal.mock.car import PRESETS, Car, CarSpec
from hal.mock.charge import charge_of


def current_of(spec: CarSpec, stored_wh: float, limit_a: float) -> float:
    """The rule itself, written down independently: flat, then a straight line down to the trickle at 100 %."""
    knee, top = spec.battery_wh * spec.taper_from_percent / 100, spec.battery_wh
    own = spec.max_current_a
    if stored_wh > knee:
        own -= (spec.max_current_a - spec.trickle_current_a) * (stored_wh - knee) / (top - knee)
    return min(limit_a, own)


@settings(max_examples=40, deadline=None)
@given(
    soc=st.floats(0, 99.5),
    target=st.floats(50, 100),
    taper=st.floats(0, 100),
    maximum=st.floats(6, 63),
    trickle=st.floats(0.2, 6),
    limit=st.floats(0.5, 80),
)
def test_closed_form_equals_small_steps(
    soc: float, target: float, taper: float, maximum: float, trickle: float, limit: float
) -> None:
    """Energy and current agree with a step-by-step integration at many moments of a charge."""
    spec = CarSpec(
        battery_wh=10_000,
        soc_percent=soc,
        target_percent=target,
        taper_from_percent=taper,
        max_current_a=maximum,
        trickle_current_a=trickle,
    )
    car = Car(spec)
    charge = charge_of(car, limit, 690.0)
    if charge is None:
        assert soc >= target
        return
    steps = 2000
    step_s = charge.full_after_s / steps
    stored = car.stored_wh
    for number in range(steps):
        if number % 250 == 0:
            assert charge.stored_wh(number * step_s) == pytest.approx(stored, abs=2.0)
            assert charge.current_a(number * step_s) == pytest.approx(current_of(spec, stored, limit), abs=0.1)
        # Midpoint rule: the current at the middle of the step.
        half = stored + current_of(spec, stored, limit) * 690.0 * spec.efficiency * step_s / 7200
        stored += current_of(spec, half, limit) * 690.0 * spec.efficiency * step_s / 3600
    assert stored == pytest.approx(car.target_wh, abs=2.0)
    assert charge.stored_wh(charge.full_after_s) == car.target_wh
    assert charge.current_a(charge.full_after_s) == 0.0


@settings(max_examples=50, deadline=None)
@given(moments=st.lists(st.floats(0, 100_000), min_size=2, max_size=30))
def test_energy_never_falls_with_time(moments: list[float]) -> None:
    """Later is never less, also across the bend and the end."""
    charge = charge_of(Car(PRESETS["compact"]), 20.0, 690.0)
    assert charge is not None
    energies = [charge.drawn_mwh(moment) for moment in sorted(moments)]
    assert all(later >= earlier for earlier, later in itertools.pairwise(energies))


def test_energy_at_the_meter_is_stored_energy_over_efficiency() -> None:
    """What the charger loses has passed the meter."""
    car = Car(CarSpec(battery_wh=50_000, soc_percent=50, efficiency=0.8))
    charge = charge_of(car, 16.0, 690.0)
    assert charge is not None
    gained_wh = charge.stored_wh(1800) - car.stored_wh
    assert gained_wh == pytest.approx(0.8 * 16 * 690 * 0.5)
    assert charge.drawn_mwh(1800) == pytest.approx(gained_wh / 0.8 * 1000)


@pytest.mark.parametrize(("limit_a", "voltage_v", "soc"), [(0.0, 690.0, 50.0), (16.0, 0.0, 50.0), (16.0, 690.0, 100.0)])
def test_nothing_flows_without_limit_voltage_or_room(limit_a: float, voltage_v: float, soc: float) -> None:
    """Each of the three alone stops a charge."""
    assert charge_of(Car(CarSpec(soc_percent=soc)), limit_a, voltage_v) is None


def test_almost_flat_taper_takes_its_time() -> None:
    """A fall too small for floats to see is a level current, not a leap to the end."""
    flat = charge_of(Car(CarSpec(max_current_a=6.0, trickle_current_a=6.0)), 6.0, 690.0)
    nearly = charge_of(Car(CarSpec(max_current_a=math.nextafter(6.0, 7.0), trickle_current_a=6.0)), 7.0, 690.0)
    assert flat is not None
    assert nearly is not None
    assert nearly.full_after_s == pytest.approx(flat.full_after_s)


def test_taper_follows_an_exponential_to_the_trickle() -> None:
    """At the target of 100 % the current has fallen to the trickle."""
    charge = charge_of(Car(CarSpec(soc_percent=90, max_current_a=32, trickle_current_a=2)), 32.0, 690.0)
    assert charge is not None
    assert charge.level_s == 0.0
    assert charge.current_a(0) == pytest.approx(17.0)
    assert charge.current_a(charge.full_after_s * 0.999999) == pytest.approx(2.0, rel=1e-3)
    half = charge.full_after_s / 2
    assert charge.current_a(half) == pytest.approx(math.sqrt(17.0 * 2.0))
