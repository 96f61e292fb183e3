"""The RAUC driver, against a `rauc` that prints what the real one prints and notes how it was called."""

import json
import os
import stat
from pathlib import Path

import pytest

from hal.clocks import read_boot_id
from hal.drivers.updater_rauc import Rauc
from hal.errors import BadReply, DeviceLost, DeviceRefused, DeviceTimeout
from hal.updater import RunningFirmware

STATUS = {
    "compatible": "kerb-22",
    "booted": "A",
    "boot_primary": "rootfs.0",
    "slots": [
        {"rootfs.1": {"class": "rootfs", "bootname": "B", "state": "inactive", "boot_status": "good"}},
        {
            "rootfs.0": {
                "class": "rootfs",
                "bootname": "A",
                "state": "booted",
                "slot_status": {"bundle": {"compatible": "kerb-22", "version": "1.4.0"}},
            }
        },
    ],
}
SCRIPT = """#!/bin/sh
echo "$@" >> "{calls}"
case "$1" in
  status) [ "$2" = mark-good ] || [ "$2" = mark-bad ] || [ "$2" = mark-active ] || cat "{status}" ;;
  info) case "$3" in *bad*) echo "signature verification failed" >&2; exit 1 ;; *) cat "{info}" ;; esac ;;
  install) echo "installing"; echo "  0% Installing"; echo " 40% Copying image"; echo "100% Installing done."
           case "$2" in *full*) echo "No space left on device" >&2; exit 1 ;; *hangs*) exec sleep 60 ;; esac ;;
esac
"""


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Puts the script on the PATH; the file it writes its calls to."""
    _write(tmp_path, STATUS, {"compatible": "kerb-22", "version": "1.5.0"})
    script = tmp_path / "bin" / "rauc"
    script.parent.mkdir()
    calls = tmp_path / "calls"
    script.write_text(SCRIPT.format(calls=calls, status=tmp_path / "status.json", info=tmp_path / "info.json"))
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{script.parent}{os.pathsep}{os.environ['PATH']}")
    return calls


def _write(directory: Path, status: object, info: object) -> None:
    (directory / "status.json").write_text(json.dumps(status))
    (directory / "info.json").write_text(json.dumps(info))


def noted(calls: Path) -> list[str]:
    """The calls so far."""
    return calls.read_text().splitlines()


async def test_the_booted_slot_and_its_version_are_told(calls: Path) -> None:
    """Found by the boot name that the kernel was given."""
    assert await Rauc().running() == RunningFirmware("rootfs.0", "1.4.0", read_boot_id())


async def test_an_installation_tells_its_percent(calls: Path) -> None:
    """RAUC's progress lines, and nothing else of what it prints."""
    seen: list[int] = []
    await Rauc().install(Path("/tmp/new.raucb"), seen.append)
    assert seen == [0, 40, 100]
    assert noted(calls) == ["install /tmp/new.raucb"]


async def test_a_bundle_that_is_not_signed_or_for_another_machine_is_refused(calls: Path, tmp_path: Path) -> None:
    """RAUC checks the signature; the kind of machine is compared before anything is written."""
    assert await Rauc().check(Path("new.raucb")) == "1.5.0"
    with pytest.raises(DeviceRefused, match="signature verification failed"):
        await Rauc().check(Path("bad.raucb"))
    _write(tmp_path, STATUS, {"compatible": "kerb-11", "version": "1.5.0"})
    with pytest.raises(DeviceRefused, match="'kerb-11', this machine is 'kerb-22'"):
        await Rauc().check(Path("new.raucb"))


async def test_good_and_bad_are_marked(calls: Path) -> None:
    """Good: the booted one. Bad: the booted one, and the other starts next."""
    await Rauc().confirm()
    await Rauc().fall_back()
    assert noted(calls) == [
        "status mark-good booted",
        "status mark-bad booted",
        "status mark-active other",
    ]


async def test_the_machine_is_restarted_by_the_command_of_the_board(calls: Path, tmp_path: Path) -> None:
    """Whatever the board file names."""
    await Rauc(restart=("touch", str(tmp_path / "restarted"))).restart()
    assert (tmp_path / "restarted").exists()


async def test_failures_are_told_with_their_cause(calls: Path, tmp_path: Path) -> None:
    """RAUC's own words, a missing program, a silent one, and answers that are none."""
    with pytest.raises(DeviceRefused, match="No space left"):
        await Rauc().install(Path("full.raucb"), lambda _: None)
    with pytest.raises(DeviceLost, match="is it installed"):
        await Rauc(program="no-such-rauc").open()
    with pytest.raises(DeviceTimeout, match="did not end"):
        await Rauc(install_timeout_s=0.3).install(Path("hangs.raucb"), lambda _: None)
    _write(tmp_path, [], {})
    with pytest.raises(BadReply, match="JSON"):
        await Rauc().running()
    _write(tmp_path, {"booted": "C", "slots": []}, {})
    with pytest.raises(BadReply, match="no booted slot"):
        await Rauc().running()
