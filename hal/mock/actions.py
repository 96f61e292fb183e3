"""Every ability of the world as a table of JSON actions, for the local control interface, its documentation and its tests.

An action is named by a path (`evse/1/plug`) and takes a JSON object. Wrong bodies are refused with the field at fault, and
change nothing. What comes back is the EVSE, or the part of the world, that the action changed.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import ValidationError

from hal.mock.bodies import (
    Body,
    CarBody,
    ClockBody,
    DeviceBody,
    EmptyBody,
    FaultBody,
    FirmwareBody,
    KeyBody,
    LimitBody,
    ModemBody,
    NetworkBody,
    OccupiedBody,
    PilotBody,
    PlugBody,
    SupplyBody,
    SwipeBody,
    TemperatureBody,
    UnplugBody,
)
from hal.mock.car import Car
from hal.mock.errors import BadBody, UnknownAction
from hal.mock.evse import MockEvse
from hal.mock.memory import show
from hal.mock.world import World
from hal.types import FaultCode, PilotState, TimeTrust, TokenKind

B = TypeVar("B", bound=Body)
Answer = dict[str, Any]
Example = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Action:
    """One ability: its path (`{evse}` stands for a number), what it does, what it takes, and a body that works."""

    path: str
    summary: str
    body: type[Body]
    example: Example
    run: Callable[[World, int, Any], Answer]  # the number is 0 for actions of the station

    def matches(self, path: str) -> int | None:
        """The EVSE that a path names, 0 for a station action's own path, None for another action's path."""
        found = re.fullmatch(self.path.replace("{evse}", "([1-9][0-9]{0,3})"), path)
        if found is None:
            return None
        return int(found[1]) if found.groups() else 0


def perform(world: World, path: str, body: Mapping[str, Any]) -> Answer:
    """Carry out an action. Raises UnknownAction, BadBody naming the field, or Impossible; then nothing has changed."""
    for action in ACTIONS:
        evse_id = action.matches(path)
        if evse_id is not None:
            return action.run(world, evse_id, _checked(action.body, body))
    raise UnknownAction(f"there is no action {path!r}; there are: {', '.join(action.path for action in ACTIONS)}")


def catalogue() -> list[dict[str, Any]]:
    """All actions, machine-readable: path, summary, JSON schema of the body, and an example that works on the mock board."""
    return [
        {
            "path": action.path,
            "summary": action.summary,
            "body": action.body.model_json_schema(),
            "example": dict(action.example),
        }
        for action in ACTIONS
    ]


def _checked(model: type[B], body: Mapping[str, Any]) -> B:
    try:
        # By way of JSON, because strict validation takes a JSON array for a tuple and a word for an enumeration.
        return model.model_validate_json(json.dumps(body))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        reason = "unknown key" if first["type"] == "extra_forbidden" else first["msg"].removeprefix("Value error, ")
        raise BadBody(f"{field}: {reason}" if field else reason, field) from None
    except (TypeError, ValueError) as error:
        raise BadBody(f"the body is no JSON object: {error}") from None


def _plug(world: World, evse_id: int, body: PlugBody) -> Answer:
    evse = world.evse(evse_id)
    evse.plug(body.end, _car(world, body.car), body.cable_limit_a)
    return show(evse)


def _car(world: World, wanted: CarBody | str | None) -> Car | None:
    if wanted is None:
        return None
    body = CarBody(preset=wanted) if isinstance(wanted, str) else wanted
    try:
        return Car(body.spec(world.garage), body.preset or "compact")
    except BadBody as error:
        field = "car" if isinstance(wanted, str) else f"car.{error.field}"
        raise BadBody(f"{field}: {error}", field) from None


def _unplug(world: World, evse_id: int, body: UnplugBody) -> Answer:
    world.evse(evse_id).unplug(body.end)
    return show(world.evse(evse_id))


def _pause(world: World, evse_id: int, _body: EmptyBody) -> Answer:
    world.evse(evse_id).pause_car()
    return show(world.evse(evse_id))


def _resume(world: World, evse_id: int, _body: EmptyBody) -> Answer:
    world.evse(evse_id).resume_car()
    return show(world.evse(evse_id))


def _fault(place: MockEvse | World, body: FaultBody) -> None:
    if body.active:
        place.raise_fault(body.code, body.text, body.vendor_code)
    else:
        place.clear_fault(body.code)


def _evse_fault(world: World, evse_id: int, body: FaultBody) -> Answer:
    _fault(world.evse(evse_id), body)
    return show(world.evse(evse_id))


def _station_fault(world: World, _evse_id: int, body: FaultBody) -> Answer:
    _fault(world, body)
    return {"faults": [code.value for code in world.faults.codes]}


def _evse_device(world: World, evse_id: int, body: DeviceBody) -> Answer:
    evse = world.evse(evse_id)
    (evse.lose if body.lost else evse.restore)(body.device)
    return show(evse)


def _station_device(world: World, _evse_id: int, body: DeviceBody) -> Answer:
    ports = world.ports.named(body.device)
    (ports.lose if body.lost else ports.restore)()
    return {"lost_devices": world.ports.lost}


def _bay(world: World, evse_id: int, body: OccupiedBody) -> Answer:
    world.evse(evse_id).set_bay(body.occupied)
    return show(world.evse(evse_id))


def _temperature(world: World, evse_id: int, body: TemperatureBody) -> Answer:
    world.evse(evse_id).set_temperature(body.celsius)
    return show(world.evse(evse_id))


def _pilot(world: World, evse_id: int, body: PilotBody) -> Answer:
    world.evse(evse_id).force_pilot(body.forced)
    return show(world.evse(evse_id))


def _swipe(world: World, _evse_id: int, body: SwipeBody) -> Answer:
    try:
        read = world.swipe(body.token, body.kind, body.evses)
    except ValueError as error:
        raise BadBody(f"token: {error}", "token") from None
    return {"kind": read.kind.value, "evses": list(read.evses)}


def _network(world: World, _evse_id: int, body: NetworkBody) -> Answer:
    if body.latency_s is not None:
        world.network.set_latency(body.latency_s)
    if body.address is not None:
        world.network.change_address(body.address)
    if body.mode is not None:
        world.network.set_mode(body.mode)
    part: Answer = world.snapshot()["network"]
    return part


def _modem(world: World, _evse_id: int, body: ModemBody) -> Answer:
    world.modem.change(**body.given())
    part: Answer = world.snapshot()["modem"]
    return part


def _firmware(world: World, _evse_id: int, body: FirmwareBody) -> Answer:
    for name, value in body.given().items():
        if value is not None:
            setattr(world.firmware, name, value)
    part: Answer = world.snapshot()["firmware"]
    return part


def _clock(world: World, _evse_id: int, body: ClockBody) -> Answer:
    clock = world.clock
    if body.speed is not None:  # first, because it is the only one that may be impossible
        clock.set_speed(body.speed)
        world.save()
    if body.trust is not None:
        clock.set_trust(body.trust)
    if body.drift_ppm is not None:
        clock.set_drift(body.drift_ppm)
    if body.offset_s is not None:
        clock.set_offset(body.offset_s)
    part: Answer = world.snapshot()["clock"]
    return part


def _limit(world: World, _evse_id: int, body: LimitBody) -> Answer:
    world.set_limit(body.current_a)
    return {"limit_a": world.limit_a}


def _key(world: World, _evse_id: int, body: KeyBody) -> Answer:
    world.press_key(body.key)
    part: Answer = world.snapshot()["display"]
    return part


def _supply(world: World, _evse_id: int, body: SupplyBody) -> Answer:
    body.supply(world.supply)  # refuses what is not possible, by name
    world.change_supply(**body.changes())
    part: Answer = world.snapshot()["supply"]
    return part


def _power_cut(world: World, _evse_id: int, _body: EmptyBody) -> Answer:
    world.cut_power()
    return {}


ACTIONS: tuple[Action, ...] = (
    Action(
        "evse/{evse}/plug",
        "Plug in the cable, at one end or both; a car comes with the vehicle end.",
        PlugBody,
        {"end": "both", "car": {"preset": "compact", "soc_percent": 20, "ask_delay_s": 2}},
        _plug,
    ),
    Action(
        "evse/{evse}/unplug", "Pull the plug at one end, or every end that is in.", UnplugBody, {"end": "both"}, _unplug
    ),
    Action("evse/{evse}/car/pause", "The driver stops the charge in the car.", EmptyBody, {}, _pause),
    Action("evse/{evse}/car/resume", "The driver lets the car charge again.", EmptyBody, {}, _resume),
    Action(
        "evse/{evse}/fault",
        "Raise or clear a fault of an EVSE.",
        FaultBody,
        {"code": FaultCode.GROUND_FAULT.value, "active": True},
        _evse_fault,
    ),
    Action(
        "evse/{evse}/device",
        "A device of an EVSE is gone from its port, or back.",
        DeviceBody,
        {"device": "meter", "lost": True},
        _evse_device,
    ),
    Action("evse/{evse}/bay", "A vehicle stands in the bay, or not.", OccupiedBody, {"occupied": True}, _bay),
    Action(
        "evse/{evse}/temperature", "Warm an EVSE up or cool it down.", TemperatureBody, {"celsius": 91.5}, _temperature
    ),
    Action(
        "evse/{evse}/pilot",
        "Let the control pilot show a state whatever is plugged in; null ends that.",
        PilotBody,
        {"forced": PilotState.E.value},
        _pilot,
    ),
    Action(
        "token",
        "Hold a token to a reader, of these EVSEs or of any.",
        SwipeBody,
        {"token": "04A26F91", "kind": TokenKind.ISO14443.value, "evses": [1]},
        _swipe,
    ),
    Action(
        "fault",
        "Raise or clear a fault of the station.",
        FaultBody,
        {"code": FaultCode.EMERGENCY_STOP.value, "active": True},
        _station_fault,
    ),
    Action(
        "device",
        "A device of the station is gone from its port, or back.",
        DeviceBody,
        {"device": "reader", "lost": True},
        _station_device,
    ),
    Action(
        "network",
        "Switch the network, delay it, or give the station another address.",
        NetworkBody,
        {"mode": "black_hole", "latency_s": 0.3},
        _network,
    ),
    Action(
        "modem",
        "Change what the modem says of itself, and what would heal it.",
        ModemBody,
        {"registered": False, "signal_dbm": -113, "heals_with": "radio-cycle"},
        _modem,
    ),
    Action(
        "firmware",
        "Let installations of firmware take their time, fail, or not come up.",
        FirmwareBody,
        {"install_s": 5, "boot_fails": True},
        _firmware,
    ),
    Action(
        "clock",
        "Make the station's wall time wrong, drifting or untrusted, or let all time run faster.",
        ClockBody,
        {"offset_s": -3600, "drift_ppm": 50, "trust": TimeTrust.UNKNOWN.value},
        _clock,
    ),
    Action(
        "limit",
        "A local energy manager bounds the station, amperes per phase; null lifts it.",
        LimitBody,
        {"current_a": 16},
        _limit,
    ),
    Action("display/key", "Press a key of the display.", KeyBody, {"key": "ok"}, _key),
    Action(
        "supply",
        "Change the mains; what is left out stays.",
        SupplyBody,
        {"voltage_v": [231, 228.5, 230], "background_a": 4.5},
        _supply,
    ),
    Action("power-cut", "Take the station's power away this instant.", EmptyBody, {}, _power_cut),
)
