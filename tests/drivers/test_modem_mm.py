"""The ModemManager driver against a program that prints what mmcli prints, in real processes."""

import asyncio
import json
import os
import stat
import sys
from pathlib import Path

import pytest

from hal.drivers import modem_mm
from hal.drivers.modem_mm import ModemManager
from hal.errors import BadReply, DeviceLost, DeviceRefused, DeviceTimeout
from hal.registry import Registry
from hal.types import ModemStatus, SimIdentity
from tests.drivers.virtual import make_context

# In the form that mmcli 1.20 prints, shortened to what matters and what surrounds it.
MODEM = {
    "modem": {
        "3gpp": {"imei": "867698040000000", "operator-name": "Telekom.de", "registration-state": "roaming"},
        "generic": {
            "access-technologies": ["lte"],
            "bearers": ["/org/freedesktop/ModemManager1/Bearer/1", "/org/freedesktop/ModemManager1/Bearer/4"],
            "sim": "/org/freedesktop/ModemManager1/SIM/2",
            "state": "connected",
        },
    }
}
SIM = {"sim": {"properties": {"iccid": "89490200001234567890", "imsi": "262011234567890", "operator-name": "--"}}}
OLD_BEARER = {"bearer": {"ipv4-config": {"address": "10.0.0.9"}, "status": {"connected": "no"}}}
BEARER = {"bearer": {"ipv4-config": {"address": "10.0.0.5"}, "status": {"connected": "yes", "interface": "wwan0"}}}
SIGNAL = {"modem": {"signal": {"lte": {"rssi": "-63.00", "rsrp": "-95.00"}, "gsm": {"rssi": "--"}}}}
ANSWERS = {
    "-J -m any": MODEM,
    "-J -i 2": SIM,
    "-J -b 1": OLD_BEARER,
    "-J -b 4": BEARER,
    "-J -m any --signal-get": SIGNAL,
}
ORDERS = ("--signal-setup=10", "--simple-disconnect", "--3gpp-register-home", "--disable", "--enable", "--reset")

PROGRAM = """#!{python} -S
import json, os, sys, time
folder = {folder!r}
open(folder + "/pid", "w").write(str(os.getpid()))
words = " ".join(sys.argv[1:])
with open(folder + "/log", "a") as log:
    log.write(words + "\\n")
answers = json.load(open(folder + "/answers"))
if words not in answers:
    print("error: couldn't find modem", file=sys.stderr)
    sys.exit(1)
answer = answers[words]
if isinstance(answer, dict) and "sleep" in answer:
    time.sleep(answer["sleep"])
print(answer if isinstance(answer, str) else json.dumps(answer))
"""


class Daemon:
    """A stand-in for mmcli and the daemon behind it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.program = folder / "mmcli"
        self.program.write_text(PROGRAM.format(python=sys.executable, folder=str(folder)), encoding="utf-8")
        self.program.chmod(self.program.stat().st_mode | stat.S_IXUSR)
        self.answers: dict[str, object] = dict(ANSWERS) | {f"-J -m any {order}": {} for order in ORDERS}
        self.save()

    def save(self) -> None:
        """Let the program know its answers."""
        (self.folder / "answers").write_text(json.dumps(self.answers), encoding="utf-8")

    def check_gone(self) -> None:
        """The program that was called last does not exist any more, not even as a zombie."""
        pid = int((self.folder / "pid").read_text(encoding="ascii"))
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)

    @property
    def log(self) -> list[str]:
        """How it was called."""
        return (self.folder / "log").read_text(encoding="utf-8").splitlines()


@pytest.fixture
def daemon(tmp_path: Path) -> Daemon:
    """A daemon with one modem."""
    return Daemon(tmp_path)


def make(daemon: Daemon, answer_timeout_s: float = 10.0) -> ModemManager:
    """A driver that calls it."""
    return ModemManager(make_context().clock, program=str(daemon.program), answer_timeout_s=answer_timeout_s)


async def test_status_and_identity(daemon: Daemon) -> None:
    """Modem, SIM, the bearer that is connected, and the signal, each from its own document."""
    modem = make(daemon)
    await modem.open()
    assert await modem.status() == ModemStatus(
        registered=True, roaming=True, operator="Telekom.de", technology="LTE", signal_dbm=-63, address="10.0.0.5"
    )
    assert await modem.identity() == SimIdentity(iccid="89490200001234567890", imsi="262011234567890")
    await modem.close()
    assert "-J -m any --signal-setup=10" in daemon.log


async def test_a_modem_that_measures_nothing_and_has_no_sim(daemon: Daemon) -> None:
    """None for the signal; the SIM's numbers are refused and not empty."""
    del daemon.answers["-J -m any --signal-setup=10"], daemon.answers["-J -m any --signal-get"]
    daemon.answers["-J -m any"] = {"modem": {"generic": {"sim": "--"}}}
    daemon.save()
    modem = make(daemon)
    await modem.open()
    assert await modem.status() == ModemStatus()
    with pytest.raises(DeviceRefused, match="no SIM"):
        await modem.identity()


async def test_no_modem_no_program_no_json(daemon: Daemon) -> None:
    """Each failure has its own error, with the program's words."""
    daemon.answers = {"-J -m any": "Modem: nothing that is JSON"}
    daemon.save()
    with pytest.raises(BadReply):
        await make(daemon).open()
    daemon.answers = {}
    daemon.save()
    with pytest.raises(DeviceRefused, match="couldn't find modem"):
        await make(daemon).open()
    with pytest.raises(DeviceLost, match="installed"):
        await ModemManager(make_context().clock, program=str(daemon.folder / "nothing")).open()


async def test_a_program_that_hangs_is_ended(daemon: Daemon) -> None:
    """DeviceTimeout within its time, and no process is left behind."""
    daemon.answers["-J -m any"] = {"sleep": 60}
    daemon.save()
    with pytest.raises(DeviceTimeout, match="is ModemManager running"):
        await make(daemon, answer_timeout_s=0.3).open()
    daemon.check_gone()


async def test_a_call_that_is_cancelled_ends_its_program(daemon: Daemon) -> None:
    """Whoever stops waiting leaves no process behind."""
    daemon.answers["-J -m any"] = {"sleep": 60}
    daemon.save()
    call = asyncio.create_task(make(daemon).open())
    while not (daemon.folder / "log").exists():
        await asyncio.sleep(0.01)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    daemon.check_gone()


async def test_the_ladder_step_by_step(daemon: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each step gives the daemon its orders, in order; a reset waits until the modem is found again."""
    monkeypatch.setattr(modem_mm, "RADIO_PAUSE_S", 0.01)
    monkeypatch.setattr(modem_mm, "BOOT_LOOK_S", 0.01)
    modem = make(daemon)
    assert modem.recovery_steps == ("reattach", "radio-cycle", "reset")
    for step in modem.recovery_steps:
        await modem.recover(step)
    orders = [call.removeprefix("-J -m any ") for call in daemon.log if "--" in call]
    assert orders == [
        "--simple-disconnect",
        "--3gpp-register-home",
        "--disable",
        "--enable",
        "--reset",
        "--signal-setup=10",
    ]
    monkeypatch.setattr(modem_mm, "RECOVERY_TIMEOUT_S", 0.5)
    del daemon.answers["-J -m any"]
    daemon.save()
    with pytest.raises(DeviceTimeout, match="step reset"):
        await modem.recover("reset")
    with pytest.raises(DeviceRefused, match="prayer"):
        await modem.recover("prayer")


async def test_it_is_built_from_a_board(daemon: Daemon) -> None:
    """By name, with a choice of modem."""
    assert isinstance(Registry([]).build("modem", "modemmanager", make_context(), {"modem": "0"}), ModemManager)
