"""Worlds for tests, on time that is moved by hand."""

from dataclasses import replace
from typing import Any

from hal.mock.car import Car, CarSpec
from hal.mock.evse import MockEvse
from hal.mock.state import Store
from hal.mock.supply import Supply
from hal.mock.world import World
from tests.hal.timing import ManualTime, clock_on

# A car without delays, so that what a test does takes effect at once.
PROMPT = CarSpec(
    battery_wh=50_000,
    soc_percent=20,
    max_current_a=32,
    ask_delay_s=0,
    draw_delay_s=0,
    ramp_s=0,
    reaction_s=0,
    efficiency=0.9,
)
CONTACTOR_S = 0.03


def world_on(time: ManualTime, *, evses: int = 1, store: Store | None = None, supply: Supply | None = None) -> World:
    """A world with EVSEs that have detachable cables."""
    world = World(clock_on(time), store=store, supply=supply)
    for evse_id in range(1, evses + 1):
        world.add_evse(evse_id)
    return world


def prompt_car(**values: Any) -> Car:
    """A car without delays, with other values where given."""
    return Car(replace(PROMPT, **values))


def charging(time: ManualTime, world: World, car: Car | None = None, offered_a: float = 16.0) -> MockEvse:
    """EVSE 1 with a car that draws what it is offered from now on."""
    evse = world.evse(1)
    evse.plug(car=car or prompt_car())
    evse.command_contactor(True)
    time.advance(CONTACTOR_S)
    evse.offer(offered_a)
    return evse
