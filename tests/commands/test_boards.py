"""`wayside boards`: what a technician sees when a board is checked and its devices are asked."""

import asyncio
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

from boards import build, list_boards, load_board
from boards.loader import describe
from boards.mock import make_world
from firmware.commands.probe import Finding, probe
from hal.clocks import SystemClock
from tests.drivers.openevse import FakeOpenEvse
from tests.drivers.wire import Wire

SILENT_PORT = "/dev/serial/by-id/nothing-is-plugged-in-here"


def wayside(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command line."""
    return subprocess.run(
        [sys.executable, "-m", "firmware", "boards", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


async def findings(document: dict[str, object]) -> dict[str, Finding]:
    """What the probe says of a board, by place."""
    loop = asyncio.get_running_loop()
    description = describe(document, "b.toml")
    clock = SystemClock(loop, boot="test")
    world = make_world(description, source=loop, clock=clock) if description.is_mock else None
    board = build(description, clock=clock, rng=Random(1), world=world)
    return {finding.place: finding async for finding in probe(board, description)}


@pytest.mark.parametrize(
    "name", ["mock", "raspberry-pi-openevse", "raspberry-pi-gpio", "modbus-dual-socket", "cellular-pole"]
)
def test_every_shipped_board_passes_the_check_without_its_devices(name: str) -> None:
    """A board file is judged by itself: no device needs to be there."""
    assert load_board(list_boards()[name]).board.name in wayside("check", name).stdout


def test_a_board_with_a_device_that_does_not_answer_ends_with_1_and_names_it(tmp_path: Path) -> None:
    """The sheet marks the device, says why, and the exit code tells a script."""
    file = tmp_path / "board.toml"
    file.write_text(
        '[board]\nname = "Bench"\n[[evse]]\nid = 1\nmax_current_a = 16\npilot = { driver = "mock" }\n'
        'contactor = { driver = "mock" }\nmeter = { driver = "mock" }\n'
        f'[[reader]]\ndriver = "pn532"\npath = "{SILENT_PORT}"\n'
    )
    done = wayside("probe", str(file))
    assert done.returncode == 1
    assert "3 of 4 devices answered" in done.stdout
    [bad] = [line for line in done.stdout.splitlines() if "✘" in line]
    assert "reader[1]" in bad
    assert SILENT_PORT in bad


def test_every_device_of_the_mock_board_answers() -> None:
    """A board on which all is well ends with 0."""
    done = wayside("probe", "mock")
    assert (done.returncode, done.stderr) == (0, "")
    assert "✘" not in done.stdout


async def test_the_devices_of_one_controller_are_asked_on_one_port_and_nothing_is_allowed(tmp_path: Path) -> None:
    """An OpenEVSE is pilot, contactor, meter and fault source; asked with a vehicle there, it is not told to charge."""
    wire = Wire(tmp_path)
    box = FakeOpenEvse(wire)
    box.plug(asks=True)
    device = {"driver": "openevse"}
    found = await findings(
        {
            "board": {"name": "Bench"},
            "evse": [
                {
                    "id": 1,
                    "max_current_a": 16,
                    "pilot": {**device, "path": wire.path},
                    "meter": device,
                    "inputs": [device],
                }
            ],
        }
    )
    assert {place: finding.answered for place, finding in found.items()} == {
        "evse[1].pilot": True,
        "evse[1].contactor": True,
        "evse[1].meter": True,
        "evse[1].inputs[1]": True,
    }
    assert found["evse[1].contactor"].told == "denied, open"
    assert found["evse[1].meter"].told.endswith("import 1.000 kWh, 230.0 V")
    assert "FE" not in box.requests
    box.power_off()
    wire.unplug()


async def test_a_controller_that_is_silent_is_a_finding_and_not_the_end_of_the_sheet(tmp_path: Path) -> None:
    """Whatever one device does, the others are asked."""
    wire = Wire(tmp_path)
    box = FakeOpenEvse(wire)
    box.silent = True
    mock = {"driver": "mock"}
    found = await findings(
        {
            "board": {"name": "Bench"},
            "evse": [{"id": 1, "max_current_a": 16, "pilot": {"driver": "openevse", "path": wire.path}, "meter": mock}],
        }
    )
    assert not found["evse[1].pilot"].answered
    assert not found["evse[1].contactor"].answered
    assert found["evse[1].meter"].answered
    box.power_off()
    wire.unplug()
