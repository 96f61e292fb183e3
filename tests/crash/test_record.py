"""The shim: the record of a process holds all that it did to its files."""

from pathlib import Path, PurePosixPath

import pytest

from tests.crash.conftest import Recorder
from tests.crash.disk import Disk
from tests.crash.record import Log, NoCompilerError, Recording, entries

SCRIPT = """
import os, pathlib, shutil, sys
root = pathlib.Path(sys.argv[1])
os.chdir(root)
(root / "old").write_text("replaced")
with open("relative", "wb") as file:
    file.write(b"a" * 100_000)
with open("relative", "ab") as file:
    file.write(b"end")
descriptor = os.open(root / "holes", os.O_RDWR | os.O_CREAT)
os.pwrite(descriptor, b"far", 5000)
os.ftruncate(descriptor, 5001)
os.posix_fallocate(descriptor, 0, 6000)
os.writev(descriptor, [b"one", b"two"])
os.fsync(descriptor)
os.close(descriptor)
os.truncate("holes", 5999)
(root / "sub" / "deep").mkdir(parents=True)
shutil.copyfile(root / "relative", root / "sub" / "copy")
with open("relative", "rb") as source, open("ranged", "wb") as target:
    os.copy_file_range(source.fileno(), target.fileno(), 70_000)
(root / "sub" / "copy").rename(root / "sub" / "deep" / "moved")
(root / "gone").write_text("x")
(root / "gone").unlink()
(root / "empty").mkdir()
(root / "empty").rmdir()
folder = os.open(root / "sub", os.O_RDONLY)
os.close(os.open("in-folder", os.O_WRONLY | os.O_CREAT, dir_fd=folder))
os.replace("old", "older")
print("done", flush=True)
"""


def real(root: Path) -> dict[PurePosixPath, bytes]:
    """The files below a folder."""
    return {PurePosixPath(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file()}


def replayed(log: Log) -> dict[PurePosixPath, bytes]:
    """The files as the record gives them, once everything has arrived."""
    disk = Disk(log)
    for entry in log.entries:
        disk.follow(entry)
    disk.sync_all()
    return disk.cut(0, None).files


def test_record_replayed_is_the_folder(root: Path, recorder: Recorder) -> None:
    """Nothing is missing from it, whichever call was used."""
    (root / "old").write_text("was there before")
    (root / "before").write_bytes(b"untouched")
    log = recorder("-c", SCRIPT, str(root))
    assert replayed(log) == real(root)
    assert log.told(len(log.entries)) == b"done\n"
    assert log.told(0) == b""


def test_record_of_a_queue_is_the_folder(root: Path, recorder: Recorder) -> None:
    """SQLite's calls are seen too."""
    log = recorder("-m", "tests.crash.victim", str(root / "state" / "queue.db"), "FULL", "20")
    assert replayed(log) == real(root)
    assert sum(entry.what == "sync" for entry in log.entries) > 20


def test_record_cut_off_by_a_kill_ends_with_the_last_whole_entry(
    root: Path, recorder: Recorder, tmp_path: Path
) -> None:
    """The process may be killed while it writes the record."""
    log = recorder("-c", SCRIPT, str(root))
    data = (tmp_path / "powercut.log").read_bytes()
    assert list(entries(data[:-1])) == list(log.entries)[:-1]
    assert list(entries(data[:-6])) == list(log.entries)[:-1]


def test_damaged_record_is_refused() -> None:
    """A record that cannot be read must not pass for a quiet disk."""
    with pytest.raises(ValueError, match="the record is damaged at byte"):
        list(entries(b"?" + bytes(40)))


def test_machine_without_a_compiler_is_told(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests are skipped with this as the reason."""
    monkeypatch.setenv("PATH", "")
    with pytest.raises(NoCompilerError, match="no C compiler"):
        Recording(root, tmp_path)
