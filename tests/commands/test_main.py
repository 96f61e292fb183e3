"""The command's own end: Ctrl-C, an output that takes no more, and what a charge point makes of that."""

import argparse
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from firmware.cli import main
from firmware.commands.common import state_dir
from firmware.config import Config
from tests.process.running import Running, free_port

WAYSIDE = [sys.executable, "-m", "firmware"]


def test_a_full_disk_behind_the_output_is_one_line_and_exit_code_1() -> None:
    """What a command had to say is lost; no traceback."""
    with Path("/dev/full").open("wb") as full:
        ended = subprocess.run(
            [*WAYSIDE, "boards", "list"], stdout=full, stderr=subprocess.PIPE, timeout=30, check=False
        )
    assert (ended.returncode, ended.stderr) == (1, b"wayside: [Errno 28] No space left on device\n")


def test_a_reader_that_has_read_enough_is_no_complaint() -> None:
    """`wayside … | head` ends without a word on standard error."""
    command = subprocess.Popen([*WAYSIDE, "boards", "list"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert command.stdout is not None
    assert command.stderr is not None
    command.stdout.close()
    with command.stderr as errors:
        assert (errors.read(), command.wait(30)) == (b"", 1)


def test_an_interrupt_is_exit_code_130_without_a_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ctrl-C in a command that has no end of its own for it."""
    monkeypatch.setattr("firmware.commands.boards.load_board", lambda _: signal.raise_signal(signal.SIGINT))
    assert main(["boards", "list"]) == 130
    assert capsys.readouterr().err == ""


class _Unread(Running):
    """A charge point whose terminal lines go onto a full disk."""

    def start(self) -> None:
        """Switch it on."""
        self._directory.mkdir(exist_ok=True)
        with Path("/dev/full").open("wb") as full, (self._directory / "log.txt").open("ab") as log:
            self.process = subprocess.Popen(self.command, stdout=full, stderr=log, stdin=subprocess.DEVNULL)


async def test_a_charge_point_works_on_when_nobody_can_read_its_lines(tmp_path: Path) -> None:
    """A full disk behind standard output, or a log reader that is gone, is no fault of an EVSE."""
    station = _Unread(tmp_path, f"ws://127.0.0.1:{free_port()}/ocpp")
    station.start()
    try:
        await station.status("Available")
        await station.do("evse/1/plug", car="compact")
        await station.status("Preparing")
    finally:
        station.kill()
    log = (tmp_path / "log.txt").read_text()
    assert log.count("terminal lines ended") == 1
    assert "Traceback" not in log


@pytest.mark.parametrize("identity", ["../other", "a b/\u00fc", "..", "."])
def test_the_journal_of_any_identity_is_a_folder_of_its_own(
    identity: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An identity cannot name a place outside of the folder of stations."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    config = Config.model_validate({"station": {"id": identity}})
    found = state_dir(argparse.Namespace(state_dir=None), config)
    assert found.resolve().parent == tmp_path / "wayside"


def test_a_url_with_a_password_is_refused_without_showing_it() -> None:
    """At the start, and not at every attempt to connect."""
    with pytest.raises(ValidationError) as refused:
        Config.model_validate({"csms": {"url": "ws://user:hunter2@host/ocpp"}})
    assert "user and password" in str(refused.value.errors()[0]["msg"])
    assert "hunter2" not in refused.value.errors()[0]["msg"]


def test_a_state_directory_that_cannot_be_is_named(tmp_path: Path) -> None:
    """One line that says what to change, and exit code 1."""
    (tmp_path / "file").touch()
    command = [*WAYSIDE, "run", "--state-dir", str(tmp_path / "file" / "state"), "--set", "control.enabled=false"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert ended.returncode == 1
    assert f"wayside: the state directory {tmp_path / 'file' / 'state'} cannot be used" in ended.stderr
    assert "Traceback" not in ended.stderr
