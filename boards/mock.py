"""Makes the mock world of a board."""

import json
from pathlib import Path

from pydantic import Field, ValidationError

from boards.description import BoardDescription
from boards.errors import BoardError
from boards.loader import board_error
from hal.clock import Clock
from hal.mock.bodies import Body, CarBody, SupplyBody
from hal.mock.clock import MockClock, TimeSource
from hal.mock.errors import BadBody
from hal.mock.state import FileStore, MemoryStore
from hal.mock.supply import Supply
from hal.mock.world import World

MEMORY_FILE = "world.json"


class NamedCar(CarBody):
    """`[[world.car]]`: one more vehicle in the garage."""

    name: str = Field(min_length=1)


class WorldTable(Body):
    """`[world]`: the mains, and vehicles beside the presets."""

    supply: SupplyBody = SupplyBody()
    car: tuple[NamedCar, ...] = ()


def make_world(
    description: BoardDescription, *, source: TimeSource, clock: Clock, state_dir: Path | None = None
) -> World:
    """The world of a mock board, with its EVSEs but without devices. Raises BoardError.

    Its time is that of `source`, an event loop. Its clock begins with the wall time, trust and boot of `clock`. With
    `state_dir`, registers, cables and vehicles outlive the program in a file there; without, they live as long as the world.
    """
    try:
        return _made(description, source, clock, state_dir)
    except BoardError as error:
        raise error.on(description.line_of(error.place)) from None


def _made(description: BoardDescription, source: TimeSource, clock: Clock, state_dir: Path | None) -> World:
    table = _table(description)
    start = clock.now()
    try:
        supply = table.supply.supply(Supply())
    except BadBody as error:
        raise BoardError(description.source, f"world.supply.{error.field}", str(error)) from None
    world = World(
        MockClock(source, wall_s=0.0 if start.wall_s is None else start.wall_s, boot=start.boot, trust=start.trust),
        supply=supply,
        store=MemoryStore() if state_dir is None else FileStore(state_dir / MEMORY_FILE),
    )
    for number, car in enumerate(table.car, 1):
        try:
            world.garage[car.name] = car.spec(world.garage)
        except BadBody as error:
            raise BoardError(description.source, f"world.car[{number}].{error.field}", str(error)) from None
    for evse in sorted(description.evse, key=lambda evse: evse.id):
        world.add_evse(
            evse.id,
            phases=evse.phases or description.board.phases,
            fixed_cable=evse.fixed_cable,
            cable_limit_a=evse.max_current_a,
        )
    return world


def _table(description: BoardDescription) -> WorldTable:
    try:
        return WorldTable.model_validate_json(json.dumps(description.world or {}, default=str))
    except ValidationError as error:
        raise board_error(error, description.source, "world") from None
