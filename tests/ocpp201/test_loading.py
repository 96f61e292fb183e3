"""A station that speaks one version loads and builds nothing of the other."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import importlib, json, pkgutil, sys
from pathlib import Path

directory, protocol, other = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
from tests.ocpp201.scripted import Scripted201
from tests.station import play as station
from tests.station.scripted import Scripted

async def scenario(stage):
    await stage.charge(60)
    await stage.csms.ask("TriggerMessage", {"requestedMessage": "Heartbeat"})

def rss():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

makes = Scripted201 if protocol == "ocpp2.0.1" else Scripted
station.play(directory, scenario, settings={"csms.protocols": protocol}, csms=makes)
loaded, alone = sorted(sys.modules), rss()
package = importlib.import_module(other)
for name in package.ACTIONS:
    module = importlib.import_module(f"{other}.{package.ACTIONS[name]}")
    for ending in ("Request", "Response"):
        getattr(module, name + ending).model_rebuild()
print(json.dumps({"loaded": loaded, "alone": alone, "both": rss()}))
"""


@pytest.mark.parametrize(
    ("protocol", "own", "other", "translator"),
    [
        ("ocpp1.6", "ocpp_client.v16", "ocpp_client.v201", "firmware.ocpp201.translator"),
        ("ocpp2.0.1", "ocpp_client.v201", "ocpp_client.v16", "firmware.ocpp16"),
    ],
)
def test_a_station_loads_only_the_version_that_it_speaks(
    tmp_path: Path, protocol: str, own: str, other: str, translator: str
) -> None:
    """After a charge no module of the other version's messages is loaded, which saves the memory that they would take."""
    command = [sys.executable, "-c", PROGRAM, str(tmp_path / "state"), protocol, other]
    (tmp_path / "state").mkdir()
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert [name for name in found["loaded"] if name.startswith(f"{own}.")]
    assert [name for name in found["loaded"] if name.startswith(f"{other}.")] == []
    assert [name for name in found["loaded"] if name == translator or name.startswith(f"{translator}.")] == []
    assert found["both"] - found["alone"] > 256 * 1024
