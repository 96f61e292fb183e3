"""The example in docs/drivers.md is complete and works."""

import re
import struct
import sys
import types
from pathlib import Path
from random import Random

import pytest

from hal.drivers.modbus_meter import ModbusMeter
from hal.registry import BUILT_IN, DriverContext
from hal.types import MeterReading
from tests.drivers_meters.lines import needs_socat
from tests.drivers_meters.slaves import clock, device, float32, serial_bus, words

DOCS = Path(__file__).parents[2] / "docs" / "drivers.md"
LONGEST_EXAMPLE = 30


@pytest.fixture
def example(monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    """The Python block of the page, as the module that a reader would write."""
    blocks = re.findall(r"```python\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) == 1
    assert blocks[0].count("\n") < LONGEST_EXAMPLE
    module = types.ModuleType("acme_k3")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    exec(compile(blocks[0], str(DOCS), "exec"), module.__dict__)
    return module


@needs_socat
async def test_the_example_of_a_new_meter_reads_one(example: types.ModuleType, tmp_path: Path) -> None:
    """The meter that the page adds is read with the units that its comments say."""
    inputs = {
        0x0000: float32(230, 231, 232, 10, 11, 12),
        0x000C: bytes(12),
        0x0012: float32(7.5) + words(499),
        0x0100: struct.pack(">II", 1_234_567, 25),
    }
    holdings = {0x1000: words(0, 815), 0x1010: b"K3-D/65A"}
    async with serial_bus(tmp_path, device(1, inputs, holdings)) as bus:
        meter = example.k3(DriverContext(clock(), Random(1), buses={"rs485": bus}), bus="rs485")
        assert isinstance(meter, ModbusMeter)
        await meter.open()
        assert (meter.model, meter.serial_number) == ("K3-D/65A", "815")
        assert await meter.read() == MeterReading(
            import_mwh=12_345_670_000,
            export_mwh=250_000,
            power_w=7500.0,
            current_a=(10.0, 11.0, 12.0),
            voltage_v=(230.0, 231.0, 232.0),
            frequency_hz=49.9,
        )
        await meter.close()


def test_the_table_of_meters_names_every_driver() -> None:
    """A driver that is a meter and nothing else is in the page's table, and no other."""
    page = DOCS.read_text(encoding="utf-8")
    section = page[page.index("## Meters that ship") : page.index("## Meters on a bus")]
    rows = re.findall(r"^\| (`.*?) \|", section, re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"`(.*?)`", row)}
    assert named == {name for (_, name), module in BUILT_IN.items() if module.startswith("hal.drivers.meter_")}
