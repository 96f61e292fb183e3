"""From a board file to devices: the whole mock board, and what a driver can refuse."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from importlib.metadata import EntryPoint
from pathlib import Path
from random import Random
from typing import Any

import pytest

from boards import Board, BoardDescription, BoardError, build, find_board, list_boards, load_board
from boards.loader import describe
from boards.mock import make_world
from hal.clocks import SystemClock
from hal.contactor import Contactor
from hal.mock.world import World
from hal.registry import DriverContext, Registry, driver
from hal.types import PilotReading, PilotState, TimeTrust
from tests.hal.timing import run

ROOT = Path(__file__).parent.parent.parent


def mock_document(**evse: Any) -> dict[str, Any]:
    """A decoded board file with one mock EVSE."""
    device = {"driver": "mock"}
    return {
        "board": {"name": "Test"},
        "evse": [{"id": 1, "max_current_a": 16, "pilot": device, "contactor": device, "meter": device} | evse],
    }


def world_for(description: BoardDescription, **options: Any) -> World:
    """The world of a board on the running loop, whose machine knows the time."""
    loop = asyncio.get_running_loop()
    clock = SystemClock(loop, boot="boot-7", wall_s=lambda: 1_000_000.0)
    return make_world(description, source=loop, clock=clock, **options)


def built(document: dict[str, Any], **options: Any) -> Board:
    """The board of a decoded file, built on the running loop."""
    description = describe(document, "b.toml")
    world = world_for(description)
    return build(description, clock=world.clock, rng=Random(1), world=world, **options)


def built_from(description: BoardDescription) -> Board:
    """The board of a description, on a loop of its own that ends with it."""

    async def main() -> Board:
        world = world_for(description)
        return build(description, clock=world.clock, rng=Random(1), world=world)

    return run(main())


def refusal(document: dict[str, Any], **options: Any) -> BoardError:
    """What is said of a board that cannot be built."""

    async def main() -> BoardError:
        with pytest.raises(BoardError) as refused:
            built(document, **options)
        return refused.value

    error = run(main())
    assert "\n" not in str(error)
    return error


def test_the_mock_board_is_complete_and_charges() -> None:
    """The board that ships as default: a car is plugged in at a built board, gets its power, and the meter counts it."""

    async def main() -> None:
        description = load_board(find_board("mock"))
        world = world_for(description)
        board = build(description, clock=world.clock, rng=Random(1), world=world)
        assert board.clock is world.clock
        assert (board.clock.boot, board.clock.wall(), board.clock.trust) == ("boot-7", 1e6, TimeTrust.SYNCHRONISED)
        assert [evse.id for evse in board.evses] == [1, 2]
        socket, cable = board.evses
        assert (socket.fixed_cable, socket.lock is None, socket.phases, socket.voltage_v) == (False, False, 3, 230.0)
        assert (cable.fixed_cable, cable.lock is None) == (True, True)
        assert (len(board.readers), len(board.station_inputs)) == (1, 1)
        for device in (board.main_meter, board.modem, board.network, board.display, board.limits):
            assert device is not None
        for evse in board.evses:
            await evse.pilot.open()
            await evse.contactor.open()
            await evse.meter.open()
            world.evse(evse.id).plug(car=world.car("compact"))
            await evse.pilot.offer(evse.max_current_a)
            async for reading in evse.pilot.changes():
                if reading.state is PilotState.C:
                    break
            await evse.contactor.allow()
            await asyncio.sleep(600)
            assert (await evse.meter.read()).import_mwh is not None
            assert (await evse.meter.read()).power_w == pytest.approx(22_080.0)

    run(main())


@pytest.mark.parametrize("name", list_boards())
def test_every_shipped_board_can_be_built(name: str) -> None:
    """Every driver and option that a shipped board names exists."""

    async def main() -> None:
        description = load_board(find_board(name))
        clock = SystemClock(asyncio.get_running_loop(), boot="b")
        world = world_for(description) if description.is_mock else None
        board = build(description, clock=clock, rng=Random(1), world=world)
        assert len(board.evses) == len(description.evse)

    run(main())


def test_evses_come_in_the_order_of_their_ids() -> None:
    """However the file lists them."""

    async def main() -> None:
        document = mock_document()
        first = document["evse"][0]
        document["evse"] = [first | {"id": 2, "max_current_a": 32}, first]
        board = built(document)
        assert [(evse.id, evse.max_current_a) for evse in board.evses] == [(1, 16.0), (2, 32.0)]

    run(main())


def test_world_table_sets_the_mains_and_fills_the_garage(tmp_path: Path) -> None:
    """Voltages, background load and further cars, one built upon another; registers are kept in the state directory."""

    async def main() -> None:
        document = mock_document() | {
            "world": {
                "supply": {"voltage_v": [231, 229, 230], "background_a": 2},
                "car": [
                    {"name": "fleet", "preset": "van", "soc_percent": 5},
                    {"name": "old fleet", "preset": "fleet", "battery_wh": 60_000},
                ],
            }
        }
        description = describe(document, "b.toml")
        world = world_for(description, state_dir=tmp_path)
        assert world.supply.voltage_v == (231.0, 229.0, 230.0)
        spec = world.garage["old fleet"]
        assert (spec.soc_percent, spec.battery_wh, spec.max_current_a) == (5.0, 60_000.0, 32.0)
        world.evse(1).reading()
        assert (tmp_path / "world.json").is_file()

    run(main())


def test_unknown_time_of_the_machine_is_unknown_in_the_world() -> None:
    """A machine that does not know the time gives its world a clock that tells none."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        clock = SystemClock(loop, boot="b", trust_source=lambda: TimeTrust.UNKNOWN)
        world = make_world(describe(mock_document(), "b.toml"), source=loop, clock=clock)
        assert (world.clock.wall(), world.clock.trust) == (None, TimeTrust.UNKNOWN)

    run(main())


@pytest.mark.parametrize(
    ("world", "place", "reason"),
    [
        ({"weather": "rain"}, "world.weather", "unknown key"),
        ({"supply": {"voltage_v": "high"}}, "world.supply.voltage_v", "valid number"),
        ({"supply": {"voltage_v": 1000}}, "world.supply.voltage_v", "from 0 to 500"),
        ({"car": [{"preset": "van"}]}, "world.car[1].name", "missing"),
        ({"car": [{"name": "x", "preset": "tank"}]}, "world.car[1].preset", "no vehicle 'tank'"),
        ({"car": [{"name": "x", "soc_percent": 101}]}, "world.car[1].soc_percent", "from 0 to 100"),
    ],
)
def test_a_wrong_world_is_named_with_its_place(world: dict[str, Any], place: str, reason: str) -> None:
    """The world table is checked like the rest of the file."""
    error = refusal(mock_document() | {"world": world})
    assert error.place.startswith(place)
    assert reason in error.reason


@pytest.mark.parametrize(
    ("evse", "place", "reason"),
    [
        ({"meter": {"driver": "abacus"}}, "evse[1].meter.driver", "no meter driver 'abacus'; installed: "),
        ({"meter": {"driver": "mock", "unit": 1}}, "evse[1].meter", "no option 'unit'; it takes: "),
        ({"contactor": {"driver": "mock", "dead_man_s": "5"}}, "evse[1].contactor.dead_man_s", "valid number, not '5'"),
        ({"contactor": {"driver": "mock", "dead_man_s": -1}}, "evse[1].contactor", "dead_man_s must be above 0"),
        ({"inputs": [{"driver": "mock", "codes": ["door-opn"]}]}, "evse[1].inputs[1].codes[1]", "'door-open'"),
        ({"contactor": None}, "evse[1].contactor", "missing; pilot driver 'mock' has no contactor of its own"),
    ],
)
def test_a_wrong_device_is_named_with_its_place(evse: dict[str, Any], place: str, reason: str) -> None:
    """Unknown drivers, unknown options, wrong types and impossible values each name the table or the key."""
    error = refusal(mock_document(**evse))
    assert error.place == place
    assert reason in error.reason


def test_devices_at_the_wrong_place_are_refused() -> None:
    """A reader for an EVSE that its own check cannot see is refused by its driver."""
    error = refusal(mock_document() | {"reader": [{"driver": "mock", "evses": "all"}]})
    assert (error.place, "valid" in error.reason) == ("reader[1].evses", True)


def test_a_mock_board_without_a_world_is_a_programming_error() -> None:
    """Building says what is missing."""

    async def main() -> None:
        clock = SystemClock(asyncio.get_running_loop(), boot="b")
        with pytest.raises(ValueError, match=r"b\.toml: a board with mock devices needs a world"):
            build(describe(mock_document(), "b.toml"), clock=clock, rng=Random(1))

    run(main())


class _Relay:
    """The contactor of a controller below, as far as a builder cares."""

    dead_man_s = None
    follows_vehicle = True
    waiting = False
    closed = None

    async def open(self) -> None: ...
    async def allow(self) -> None: ...
    async def deny(self) -> None: ...
    def deny_now(self) -> None: ...
    def keep_alive(self) -> None: ...
    def changes(self) -> AsyncIterator[bool]:
        raise NotImplementedError

    async def close(self) -> None: ...


@driver("pilot", "controller")
class _Controller:
    """A pilot whose controller drives the contactor itself, on a shared bus."""

    def __init__(self, context: DriverContext, bus: str) -> None:
        self.bus = context.buses[bus]
        self.relay = _Relay()

    @property
    def contactor(self) -> Contactor:
        return self.relay

    async def open(self) -> None: ...
    async def read(self) -> PilotReading:
        raise NotImplementedError

    def changes(self) -> AsyncIterator[PilotReading]:
        raise NotImplementedError

    async def offer(self, current_a: float, phases: int | None = None) -> None: ...
    async def set_available(self, available: bool) -> None: ...
    async def close(self) -> None: ...


@driver("meter", "controller")
def _meter_of_the_controller(context: DriverContext) -> tuple[str, object]:
    """A second device of the same controller, found through the first."""
    return "meter of", context.others["pilot"]


def test_a_controller_brings_its_contactor_and_its_other_devices() -> None:
    """Left out, the contactor is the pilot's; later devices of an EVSE find earlier ones; buses are handed in by name."""

    async def main() -> None:
        document = {
            "board": {"name": "Real"},
            "bus": {"serial": {"path": "/dev/ttyAMA0", "baud": 115200}},
            "evse": [
                {
                    "id": 1,
                    "max_current_a": 32,
                    "phases": 1,
                    "pilot": {"driver": "controller", "bus": "serial"},
                    "meter": {"driver": "controller"},
                }
            ],
        }
        found = [EntryPoint(name="test", value=__name__, group="wayside.drivers")]
        clock = SystemClock(asyncio.get_running_loop(), boot="b")
        board = build(describe(document, "b.toml"), clock=clock, rng=Random(1), registry=Registry(found))
        evse = board.evses[0]
        pilot: Any = evse.pilot
        meter: Any = evse.meter
        assert pilot.bus.name == "serial"
        assert evse.contactor is pilot.relay
        assert meter == ("meter of", pilot)
        assert (evse.phases, board.clock, board.world) == (1, clock, None)

    run(main())


def test_a_driver_whose_package_is_missing_says_which(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A board that needs an optional package which is not installed names it."""
    (tmp_path / "needs_a_package.py").write_text("import no_such_package\n")
    monkeypatch.syspath_prepend(tmp_path)
    found = [EntryPoint(name="test", value="needs_a_package", group="wayside.drivers")]
    error = refusal(mock_document(meter={"driver": "rare"}), registry=Registry(found))
    assert (error.place, error.reason) == (
        "evse[1].meter.driver",
        "needs the Python package 'no_such_package', which is not installed",
    )


def test_a_bus_whose_package_is_missing_says_which(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bus needs optional packages; the board file's table is named with the one that is missing."""
    monkeypatch.setitem(sys.modules, "hal.drivers.buses", None)
    error = refusal(mock_document() | {"bus": {"rs485": {"path": "/dev/ttyAMA1"}}})
    assert (error.place, "which is not installed" in error.reason) == ("bus.rs485", True)


def test_a_real_board_loads_nothing_of_the_mock_world() -> None:
    """Reading a board file imports neither the world nor its drivers."""
    code = "import sys, boards; print(sorted(name for name in sys.modules if name.startswith('hal.mock')))"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert answer.stdout.strip() == "[]"
