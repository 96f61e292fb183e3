"""An EVSE of the world as JSON: what outlives the program, and what the world shows of itself."""

from dataclasses import fields
from typing import Any

from hal.mock.car import Car, CarSpec
from hal.mock.errors import WorldError
from hal.mock.evse import MockEvse
from hal.mock.flow import Flow
from hal.mock.state import Memory
from hal.types import LockState

_SPEC = tuple(field.name for field in fields(CarSpec))


def remember(evse: MockEvse) -> Memory:
    """What of an EVSE outlives the program: registers, cable, bolt and vehicle."""
    import_mwh = evse.import_mwh()  # moves everything to the present
    cable = evse.cable
    return {
        "import_mwh": import_mwh,
        "reactive_mvarh": evse.reactive_mvarh(),
        "cable": {
            "at_station": cable.at_station,
            "at_vehicle": cable.at_vehicle,
            "limit_a": cable.limit_a,
            "bolt": cable.bolt.value,
        },
        "car": None if evse.car is None else _remember_car(evse, evse.car),
        "bay_occupied": evse.bay_occupied,
    }


def recall(evse: MockEvse, memory: Memory) -> None:
    """Bring an EVSE into the state that `remember` noted. Raises WorldError for a memory of another make."""
    try:
        cable = memory["cable"]
        evse.flow = Flow(int(memory["import_mwh"]), int(memory["reactive_mvarh"]))
        evse.cable.at_station = evse.cable.fixed or bool(cable["at_station"])
        evse.cable.at_vehicle = bool(cable["at_vehicle"]) and memory["car"] is not None
        evse.cable.limit_a = float(cable["limit_a"])
        evse.cable.bolt = LockState(cable["bolt"])
        evse.car = None if memory["car"] is None else _recall_car(memory["car"])
        evse.bay_occupied = bool(memory["bay_occupied"])
    except (KeyError, TypeError, ValueError) as error:
        raise WorldError(
            f"the world's memory of EVSE {evse.id} cannot be used ({error!r}); delete it to begin with registers at 0"
        ) from error
    evse.changed_outside()


def _remember_car(evse: MockEvse, car: Car) -> Memory:
    return {
        "name": car.name,
        "spec": {name: getattr(car.spec, name) for name in _SPEC},
        "stored_wh": evse.flow.stored_wh(evse.now, car),
        "paused": car.paused,
    }


def _recall_car(memory: Memory) -> Car:
    car = Car(CarSpec(**memory["spec"]), memory["name"])
    car.stored_wh = float(memory["stored_wh"])
    car.paused = bool(memory["paused"])
    return car


def show(evse: MockEvse) -> dict[str, Any]:
    """Everything that somebody who stands beside the EVSE could see, JSON-able. Looking changes nothing."""
    pilot = evse.pilot_reading()
    car = evse.car
    return {
        "plugged": {"station": evse.cable.at_station, "vehicle": evse.cable.at_vehicle},
        "cable": {"fixed": evse.cable.fixed, "limit_a": evse.cable.limit_a},
        "lock": evse.cable.lock_state.value,
        "pilot": pilot.state.value,
        "offered_a": evse.offered_a,
        "offered_phases": evse.offered_phases,
        "drawn_a": list(evse.drawn_a()),
        "power_w": sum(evse.power_w()),
        "contactor": {
            "commanded": evse.gear.commanded,
            "closed": evse.gear.closed,
            "switchings": len(evse.gear.history),
        },
        "meter": {"import_mwh": evse.import_mwh()},
        "car": None
        if car is None
        else {
            "name": car.name,
            "asks": car.asking,
            "paused": car.paused,
            "full": car.full,
            "battery_wh": car.spec.battery_wh,
            "soc_percent": evse.soc_percent(),
            "phases": car.spec.phases,
            "max_current_a": car.spec.max_current_a,
        },
        "faults": [code.value for code in evse.faults.codes],
        "lost_devices": evse.ports.lost,
        "lamp": evse.lamp.sign.value,
        "bay_occupied": evse.bay_occupied,
        "temperature_c": evse.temperature_c,
    }
