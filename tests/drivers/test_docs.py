"""docs/drivers.md has every driver with its options, and its board is one."""

import asyncio
import inspect
import json
import re
import tomllib
from pathlib import Path
from random import Random
from typing import Any

import pytest

from boards import build
from boards.loader import describe
from firmware.commands.probe import probe
from hal.clocks import SystemClock
from hal.registry import BUILT_IN, Registry
from tests.drivers.openevse import FakeOpenEvse
from tests.drivers.test_readers import FakePn532
from tests.drivers.wire import Wire

PAGE = Path(__file__).parents[2] / "docs" / "drivers.md"
MODBUS_METERS = "Modbus meters (meter)"  # share one table
REAL = sorted((kind, name) for kind, name in BUILT_IN if name != "mock")


def sections() -> dict[str, str]:
    """The text under each heading of the third level."""
    parts = re.split(r"^##+ (.*)$", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def heading(kind: str, name: str) -> str:
    """Where a driver's options stand."""
    modbus = BUILT_IN[kind, name].startswith("hal.drivers.meter_") and name != "lem-dcbm"
    return MODBUS_METERS if modbus else f"`{name}` ({kind})"


def written(default: object) -> str:
    """A default as the page writes it."""
    if default is inspect.Parameter.empty:
        return "*required*"
    return "—" if default is None else f"`{json.dumps(default)}`"


@pytest.mark.parametrize(("kind", "name"), REAL)
def test_every_driver_stands_on_the_page_with_its_options(kind: str, name: str) -> None:
    """Each option with its default, in the order of the driver, and no other."""
    if (kind, name) == ("meter", "openevse"):  # told with the pilot, and has none
        assert "`openevse`" in sections()["Meters that ship"]
        return
    rows = re.findall(r"^\| `(\w+)` \| (.*?) \|", sections()[heading(kind, name)], re.MULTILINE)
    parameters = list(inspect.signature(Registry(found=[]).factory(kind, name)).parameters.values())[1:]
    assert rows == [(parameter.name, written(parameter.default)) for parameter in parameters]


def test_no_driver_stands_on_the_page_that_is_none() -> None:
    """A heading that names a driver and its kind names one that there is."""
    named = set(re.findall(r"^### `([\w-]+)` \((\w+)\)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE))
    assert {(kind, name) for name, kind in named} <= set(REAL)


async def test_the_pages_board_needs_no_code(tmp_path: Path) -> None:
    """The example as it stands, with its ports at hand: every device of it answers."""
    [text] = [
        block
        for block in re.findall(r"```toml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
        if "[board]" in block
    ]
    for name in ("box", "reader"):
        (tmp_path / name).mkdir()
    wires = Wire(tmp_path / "box"), Wire(tmp_path / "reader")
    box, _ = FakeOpenEvse(wires[0]), FakePn532(wires[1])
    document: dict[str, Any] = tomllib.loads(text)
    assert document["evse"][0]["pilot"]["path"] != document["reader"][0]["path"]
    document["evse"][0]["pilot"]["path"], document["reader"][0]["path"] = (wire.path for wire in wires)
    description = describe(document, "garage.toml")
    board = build(description, clock=SystemClock(asyncio.get_running_loop(), boot="test"), rng=Random(1))
    found = {finding.place: finding async for finding in probe(board, description)}
    assert set(found) == {"evse[1].pilot", "evse[1].contactor", "evse[1].meter", "evse[1].inputs[1]", "reader[1]"}
    assert all(finding.answered for finding in found.values()), found
    box.power_off()
    for wire in wires:
        wire.unplug()
