"""Where a mock device stands."""

from hal.mock.evse import MockEvse
from hal.mock.world import World
from hal.registry import DriverContext


def world_of(context: DriverContext) -> World:
    """The mock world of a board. ValueError on a board without one."""
    if not isinstance(context.world, World):
        raise ValueError("mock devices need a mock world, and this board has none")
    return context.world


def evse_of(context: DriverContext) -> MockEvse:
    """The EVSE at which a device stands. ValueError for a device of the whole station."""
    if context.evse is None:
        raise ValueError("this device belongs into an [[evse]] table")
    return world_of(context).evse(context.evse)


def place_of(context: DriverContext) -> MockEvse | World:
    """The EVSE at which a device stands, or the world for a device of the whole station."""
    return world_of(context) if context.evse is None else evse_of(context)
