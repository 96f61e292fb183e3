"""The world's abilities as JSON actions: each works, and each refuses wrong bodies by field without changing anything."""

import asyncio
import json
from dataclasses import fields
from random import Random
from typing import Any

import pytest

from hal.mock.actions import ACTIONS, Action, catalogue, perform
from hal.mock.bodies import CarBody
from hal.mock.car import CarSpec
from hal.mock.devices import MockDisplay, MockMeter, MockReaderDevice
from hal.mock.errors import BadBody, Impossible, UnknownAction
from hal.mock.fasttime import scaled_loop_factory
from hal.mock.world import World
from hal.registry import DriverContext
from hal.types import TimeTrust, TokenKind
from tests.hal.timing import ManualTime, clock_on


def equipped(time: ManualTime | None = None) -> World:
    """A world with two EVSEs and the devices that actions need, open."""
    world = World(clock_on(time or ManualTime()), on_power_cut=lambda: None)
    world.add_evse(1)
    world.add_evse(2, fixed_cable=True)
    station, first, second = (
        DriverContext(clock=world.clock, rng=Random(1), evse=evse, world=world) for evse in (None, 1, 2)
    )
    for opening in (
        MockReaderDevice(station).open(),
        MockDisplay(station).open(),
        MockMeter(first).open(),
        MockMeter(second).open(),
    ):
        asyncio.run(opening)
    return world


def prepared(action: Action) -> World:
    """A world in which an action's example can be carried out."""
    world = equipped()
    if action.path.endswith(("unplug", "pause", "resume")):
        perform(world, "evse/1/plug", {"car": "compact"})
    return world


def test_paths_are_unique_and_the_catalogue_is_json() -> None:
    """Every action has its own path, a summary and a JSON schema."""
    listed = json.loads(json.dumps(catalogue()))
    assert len({entry["path"] for entry in listed}) == len(listed) == len(ACTIONS)
    for entry in listed:
        assert entry["summary"].endswith(".")
        assert entry["body"]["type"] == "object"
        assert entry["body"]["additionalProperties"] is False
        assert set(entry["example"]) <= set(entry["body"]["properties"])


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.path)
def test_every_example_works_and_answers_json(action: Action) -> None:
    """What the catalogue shows can be sent as it stands."""
    answer = perform(prepared(action), action.path.replace("{evse}", "1"), action.example)
    assert json.loads(json.dumps(answer)) == answer


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.path)
def test_every_action_refuses_unknown_keys(action: Action) -> None:
    """A misspelt key is named and nothing happens."""
    world = prepared(action)
    before = world.snapshot()
    with pytest.raises(BadBody, match="surprise: unknown key") as refused:
        perform(world, action.path.replace("{evse}", "1"), {**action.example, "surprise": 1})
    assert refused.value.field == "surprise"
    assert world.snapshot() == before


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("evse/1/plug", {"end": "left"}, "end"),
        ("evse/1/plug", {"car": 7}, "car"),
        ("evse/1/plug", {"car": "spaceship"}, "car"),
        ("evse/1/plug", {"car": {"preset": "spaceship"}}, "car.preset"),
        ("evse/1/plug", {"car": {"soc_percent": 120}}, "car.soc_percent"),
        ("evse/1/plug", {"car": {"phases": "three"}}, "car"),
        ("evse/1/plug", {"car": "compact", "cable_limit_a": 5}, "cable_limit_a"),
        ("evse/1/fault", {"code": "gremlins"}, "code"),
        ("evse/1/fault", {}, "code"),
        ("evse/1/fault", {"code": "diode", "active": "yes"}, "active"),
        ("evse/1/bay", {"occupied": 1}, "occupied"),
        ("evse/1/temperature", {"celsius": float("nan")}, "celsius"),
        ("evse/1/pilot", {"forced": "Z"}, "forced"),
        ("evse/1/device", {"device": "meter"}, "lost"),
        ("token", {"token": ""}, "token"),
        ("token", {"token": "has space"}, "token"),
        ("token", {"token": "tag", "kind": "ISO14443"}, "token"),
        ("token", {"token": "tag", "evses": "1"}, "evses"),
        ("network", {"mode": "sideways"}, "mode"),
        ("network", {"latency_s": -1}, "latency_s"),
        ("modem", {"signal_dbm": 5}, "signal_dbm"),
        ("modem", {"heals_with": "hammer"}, "heals_with"),
        ("clock", {"trust": "absolute"}, "trust"),
        ("clock", {"speed": 0}, "speed"),
        ("limit", {}, "current_a"),
        ("limit", {"current_a": -1}, "current_a"),
        ("display/key", {"key": ""}, "key"),
        ("supply", {"voltage_v": [230, 230]}, "voltage_v"),
        ("supply", {"voltage_v": 1000}, "voltage_v"),
        ("supply", {"frequency_hz": 0}, "frequency_hz"),
    ],
)
def test_wrong_bodies_name_their_field_and_change_nothing(path: str, body: dict[str, Any], field: str) -> None:
    """The refusal begins with the field at fault."""
    world = equipped()
    before = world.snapshot()
    with pytest.raises(BadBody) as refused:
        perform(world, path, body)
    assert refused.value.field.startswith(field)
    assert str(refused.value).startswith(field)
    assert world.snapshot() == before


@pytest.mark.parametrize("body", [{"x": object()}, {1: 2, "a": {3, 4}}])
def test_bodies_that_are_not_json_are_refused(body: dict[Any, Any]) -> None:
    """Values that JSON does not have are the body's fault."""
    with pytest.raises(BadBody, match="no JSON object"):
        perform(equipped(), "limit", body)


@pytest.mark.parametrize(
    "path", ["", "evse/0/plug", "evse/1/plug/", "evse/x/plug", "fly", "evse/1/token", "evse/99999/plug"]
)
def test_unknown_paths_are_refused_with_those_there_are(path: str) -> None:
    """A path that names no action is told the list."""
    with pytest.raises(UnknownAction, match=r"there are: evse/\{evse\}/plug, "):
        perform(equipped(), path, {})


def test_unknown_evse_and_device_are_refused() -> None:
    """An EVSE or device that is not there is told what is."""
    with pytest.raises(UnknownAction, match="no EVSE 3; there are: 1, 2"):
        perform(equipped(), "evse/3/car/pause", {})
    with pytest.raises(UnknownAction, match="no device 'flux'; it has: meter"):
        perform(equipped(), "evse/1/device", {"device": "flux", "lost": True})
    with pytest.raises(UnknownAction, match="the station has no device 'pilot'"):
        perform(equipped(), "device", {"device": "pilot", "lost": True})
    with pytest.raises(UnknownAction, match="no EVSE 9"):
        perform(equipped(), "token", {"token": "04A2", "evses": [9]})


def test_impossible_actions_are_refused_as_such() -> None:
    """A right body at the wrong moment is not the body's fault."""
    world = equipped()
    for path, body in (
        ("evse/1/car/pause", {}),
        ("evse/1/unplug", {}),
        ("evse/2/plug", {"end": "station"}),
        ("fault", {"code": "welded-contactor"}),
        ("clock", {"speed": 10, "offset_s": 5}),
    ):
        with pytest.raises(Impossible):
            perform(world, path, body)
    assert world.clock.offset_s == 0.0


def test_car_body_knows_every_field_of_a_car() -> None:
    """A field added to the vehicle cannot be forgotten here."""
    assert set(CarBody.model_fields) == {field.name for field in fields(CarSpec)} | {"preset"}


def test_a_charge_by_actions_alone() -> None:
    """Swipe, plug, pause, resume, limit of the cable and unplug, as the local page would do it."""
    time = ManualTime()
    world = equipped(time)
    assert perform(world, "token", {"token": "04a26f91"}) == {"kind": TokenKind.ISO14443.value, "evses": []}
    shown = perform(world, "evse/1/plug", {"end": "station", "cable_limit_a": 20})
    assert shown["plugged"] == {"station": True, "vehicle": False}
    car = {"preset": "van", "battery_wh": 40_000, "soc_percent": 10, "reaction_s": 0, "ask_delay_s": 0, "ramp_s": 0}
    shown = perform(world, "evse/1/plug", {"end": "vehicle", "car": car})
    assert (shown["pilot"], shown["car"]["battery_wh"]) == ("B", 40_000)
    evse = world.evse(1)
    evse.command_contactor(True)
    evse.offer(32.0)
    time.advance(1801)
    shown = perform(world, "evse/1/car/pause", {})
    assert (shown["pilot"], shown["drawn_a"]) == ("B", [0.0, 0.0, 0.0])
    assert 6_800_000 < shown["meter"]["import_mwh"] < 6_900_000
    shown = perform(world, "evse/1/car/resume", {})
    time.advance(5)
    assert evse.drawn_a() == (20.0, 20.0, 20.0)
    shown = perform(world, "evse/1/unplug", {})
    assert (shown["pilot"], shown["car"]) == ("A", None)
    assert perform(world, "evse/1/plug", {})["car"]["battery_wh"] == 40_000


def test_faults_and_losses_are_undone_by_their_opposite() -> None:
    """Raising and clearing, losing and restoring leave no trace."""
    world = equipped()
    before = world.snapshot()
    assert perform(world, "evse/1/fault", {"code": "diode"})["faults"] == ["diode"]
    assert perform(world, "fault", {"code": "door-open"}) == {"faults": ["door-open"]}
    assert perform(world, "evse/1/device", {"device": "meter", "lost": True})["lost_devices"] == ["meter"]
    assert perform(world, "device", {"device": "reader", "lost": True}) == {"lost_devices": ["reader"]}
    perform(world, "evse/1/fault", {"code": "diode", "active": False})
    perform(world, "fault", {"code": "door-open", "active": False})
    perform(world, "evse/1/device", {"device": "meter", "lost": False})
    perform(world, "device", {"device": "reader", "lost": False})
    assert world.snapshot() == before


def test_what_is_left_out_stays() -> None:
    """Network, modem, clock and supply change only what the body names; null is a value for the modem."""
    world = equipped()
    perform(world, "network", {"latency_s": 0.2})
    shown = perform(world, "network", {"address": "10.0.0.9"})
    assert shown == {"mode": "up", "latency_s": 0.2, "addresses": ["10.0.0.9"]}
    shown = perform(world, "modem", {"signal_dbm": None})
    assert (shown["signal_dbm"], shown["registered"]) == (None, True)
    perform(world, "clock", {"offset_s": -60})
    assert perform(world, "clock", {"drift_ppm": 20})["offset_s"] == pytest.approx(-60)
    perform(world, "supply", {"voltage_v": 231})
    shown = perform(world, "supply", {"mains": False})
    assert (shown["voltage_v"], shown["mains"]) == ([231.0] * 3, False)


def test_speed_of_time_can_be_changed_on_a_scaled_loop() -> None:
    """On a loop that can, the action changes the speed of the whole program."""

    async def main() -> None:
        world = World(clock_on(asyncio.get_running_loop()))
        assert perform(world, "clock", {"speed": 60, "trust": TimeTrust.FLOOR.value})["speed"] == 60.0
        assert world.clock.trust is TimeTrust.FLOOR

    with asyncio.Runner(loop_factory=scaled_loop_factory(1.0)) as runner:
        runner.run(main())
