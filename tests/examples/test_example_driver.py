"""The example package of drivers, found by its own entry points as an installed package's are, and used by a board."""

import asyncio
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path
from random import Random

import pytest

from boards import BoardError, build, load_board
from hal.bus import SerialBus
from hal.clocks import SystemClock
from hal.drivers.buses import build_bus
from hal.drivers.modbus_meter import ModbusMeter
from hal.registry import ENTRY_POINT_GROUP, DriverContext, Registry
from hal.types import Fault, FaultCode
from tests.drivers_meters.lines import needs_socat
from tests.drivers_meters.slaves import BAUD, device, far_side, float32

PACKAGE = Path(__file__).parent.parent.parent / "examples" / "wayside-example-driver"


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry]:
    """What Wayside sees with the package installed."""
    monkeypatch.syspath_prepend(str(PACKAGE))
    project = tomllib.loads((PACKAGE / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    listed = project["entry-points"][ENTRY_POINT_GROUP]
    yield Registry([EntryPoint(name, module, ENTRY_POINT_GROUP) for name, module in listed.items()])
    for name in [name for name in sys.modules if name.startswith("wayside_example_driver")]:
        del sys.modules[name]


async def test_the_examples_board_is_built_with_the_package_and_refused_without(registry: Registry) -> None:
    """A driver that is not installed is told with its place."""
    description = load_board(PACKAGE / "board.toml")
    clock = SystemClock(asyncio.get_running_loop(), boot="test")
    board = build(description, clock=clock, rng=Random(1), registry=registry)
    assert isinstance(board.evses[0].meter, ModbusMeter)
    with pytest.raises(BoardError, match=r"evse\[1\]\.meter\.driver: no meter driver 'acme-k3'"):
        build(description, clock=clock, rng=Random(1), registry=Registry([]))


@needs_socat
async def test_the_examples_meter_reads_registers_from_a_real_line(registry: Registry, tmp_path: Path) -> None:
    """Registers encoded by hand, served by pymodbus' simulator."""
    inputs = {0x00: float32(230.0, 231.0, 229.0) + float32(16.0, 0.0, 0.0) + bytes(12) + float32(3.5)}
    inputs[0x100] = (1_234_567).to_bytes(4)
    async with far_side(tmp_path, device(7, inputs)) as near:
        clock = SystemClock(asyncio.get_running_loop(), boot="test")
        context = DriverContext(
            clock, Random(1), buses={"rs485": build_bus("rs485", SerialBus(str(near), BAUD), clock)}
        )
        meter = registry.build("meter", "acme-k3", context, {"bus": "rs485", "unit": 7})
        await meter.open()
        reading = await meter.read()
        await meter.close()
    assert (reading.import_mwh, reading.power_w, reading.voltage_v) == (12_345_670_000, 3500.0, (230.0, 231.0, 229.0))


async def test_the_examples_input_tells_a_file_and_its_removal(registry: Registry, tmp_path: Path) -> None:
    """Raised once, cleared once."""
    file = tmp_path / "door"
    context = DriverContext(SystemClock(asyncio.get_running_loop(), boot="test"), Random(1))
    source = registry.build("inputs", "acme-file", context, {"path": str(file), "fault": FaultCode.DOOR_OPEN})
    await source.open()
    faults = aiter(source.faults())
    file.touch()
    raised: Fault = await anext(faults)
    file.unlink()
    cleared: Fault = await anext(faults)
    assert [(fault.code, fault.active) for fault in (raised, cleared)] == [
        (FaultCode.DOOR_OPEN, True),
        (FaultCode.DOOR_OPEN, False),
    ]
    await source.close()
    assert [fault async for fault in faults] == []
