"""What flows at an EVSE now, for people to see. Nothing here is written into a bill."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from boards import Board
from firmware.engine.hardware import EvseDriver
from hal.clock import Clock
from hal.types import FaultCode, MeterReading

if TYPE_CHECKING:
    from hal.mock.evse import MockEvse
    from hal.mock.world import World


@dataclass(frozen=True, slots=True)
class Reading:
    """A look at a meter, and how old it is. `age_s` is None while the meter has never been read."""

    values: MeterReading
    age_s: float | None


def present(driver: EvseDriver, board: Board, clock: Clock) -> Reading:
    """The last reading of the meter. On a mock board, where the world knows it at any moment, the present one, as long as the
    meter could be read."""
    if board.world is not None and _answers(board.world.evse(driver.evse.id)):
        return Reading(_of_world(board.world, driver.evse.id), 0.0)
    if driver.last_reading is None or driver.last_read_s is None:
        return Reading(MeterReading(), None)
    return Reading(driver.last_reading, clock.monotonic() - driver.last_read_s)


def _answers(evse: "MockEvse") -> bool:
    return FaultCode.METER_SILENT not in evse.faults and "meter" not in evse.ports.lost


def _of_world(world: "World", number: int) -> MeterReading:
    """What the mock meter would show, without reading it: a read is an event of the world and is saved by it."""
    evse = world.evse(number)
    powers = evse.power_w()
    tells_soc = evse.car is not None and evse.car.spec.tells_soc and evse.cable.complete
    return MeterReading(
        import_mwh=evse.import_mwh(),
        export_mwh=0,
        power_w=sum(powers),
        power_per_phase_w=powers,
        current_a=evse.drawn_a(),
        voltage_v=world.supply.displayed_v(evse.now)[: evse.phases],
        temperature_c=evse.temperature_c,
        soc_percent=evse.soc_percent() if tells_soc else None,
    )


def rounded(value: float | None, digits: int = 3) -> float | None:
    """A number that JSON has, without digits that nobody can measure; None for unknown and for what is no number."""
    return None if value is None or not math.isfinite(value) else round(value, digits)


def each_rounded(values: tuple[float | None, ...], digits: int = 3) -> list[float | None] | None:
    """The same for every phase; None when nothing is known of any."""
    return [rounded(value, digits) for value in values] if values else None


def whole_wh(value_mwh: int | None) -> int | None:
    """A register in whole watt hours, rounded down as its display is."""
    return None if value_mwh is None else value_mwh // 1000
