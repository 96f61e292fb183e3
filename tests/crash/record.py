"""Records what a process does to the files below a folder, with ``shim.c`` loaded into it.

recording = Recording(root, scratch)
subprocess.run([...], env=os.environ | recording.environment, check=True)
for cut in cuts(recording.log(), Random(1)):
    materialise(cut, folder)
"""

import os
import shutil
import struct
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

SHIM = Path(__file__).with_name("shim.c")

_HEADER = struct.Struct("<BQqII")

_NOWHERE = PurePosixPath()


class NoCompilerError(RuntimeError):
    """The shim cannot be built on this machine."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One call that succeeded. Paths are below the root; inodes tell apart files that follow each other under one name."""

    what: str  # create, mkdir, write, truncate, sync, unlink, rename, told
    inode: int = 0
    offset: int = 0  # of a write; the new length of a truncation
    data: bytes = b""  # of a write, or told on standard output
    path: PurePosixPath = _NOWHERE
    target: PurePosixPath = _NOWHERE  # of a rename


@dataclass(frozen=True, slots=True)
class Log:
    """A record: what was below the root before, with its inodes, and what happened then."""

    root_inode: int
    folders: Mapping[PurePosixPath, int]
    files: Mapping[PurePosixPath, tuple[int, bytes]]
    entries: Sequence[Entry]

    def told(self, before: int) -> bytes:
        """What the process had told the world before an entry."""
        return b"".join(entry.data for entry in self.entries[:before] if entry.what == "told")


class Recording:
    """Records the processes that are started with its ``environment``."""

    def __init__(self, root: Path, scratch: Path) -> None:
        """``root`` is the folder to record; ``scratch``, outside of it, takes the shim and the record. Raises NoCompilerError."""
        self._root = root.resolve()
        self._file = scratch / "powercut.log"
        self._file.unlink(missing_ok=True)
        self.environment = {
            "LD_PRELOAD": str(_built(scratch)),
            "POWERCUT_ROOT": str(self._root),
            "POWERCUT_LOG": str(self._file),
        }
        self._folders: dict[PurePosixPath, int] = {}
        self._files: dict[PurePosixPath, tuple[int, bytes]] = {}
        for path in self._root.rglob("*"):
            below = PurePosixPath(path.relative_to(self._root))
            if path.is_dir():
                self._folders[below] = path.stat().st_ino
            else:
                self._files[below] = (path.stat().st_ino, path.read_bytes())

    def log(self) -> Log:
        """What was recorded so far."""
        return Log(self._root.stat().st_ino, self._folders, self._files, list(entries(self._file.read_bytes())))


def record(command: Sequence[str], root: Path, scratch: Path) -> Log:
    """Run a command to its end and return its record. Raises NoCompilerError, CalledProcessError."""
    recording = Recording(root, scratch)
    subprocess.run(command, env=os.environ | recording.environment, stdout=subprocess.PIPE, check=True)
    return recording.log()


def _built(scratch: Path) -> Path:
    compiler = shutil.which("cc") or shutil.which("gcc")
    if not compiler:
        raise NoCompilerError("no C compiler on this machine")
    shim = scratch / "powercut.so"
    if not shim.exists():
        command = [compiler, "-std=gnu11", "-O1", "-shared", "-fPIC", "-o", str(shim), str(SHIM), "-ldl", "-lpthread"]
        built = subprocess.run(command, capture_output=True, text=True, check=False)
        if built.returncode:
            raise NoCompilerError(f"the shim cannot be built: {built.stderr}")
    return shim


def entries(data: bytes) -> Iterator[Entry]:
    """The entries of a record, in order; one that was cut off at its end is left out. Raises ValueError."""
    at = 0
    while at + _HEADER.size <= len(data):
        code, inode, offset, first, second = _HEADER.unpack_from(data, at)
        at += _HEADER.size
        one, other = data[at : at + first], data[at + first : at + first + second]
        at += first + second
        if at > len(data):
            return  # the process was killed while it wrote this
        match chr(code):
            case "c":
                yield Entry("create", inode, path=_path(one))
            case "m":
                yield Entry("mkdir", inode, path=_path(one))
            case "w":
                yield Entry("write", inode, offset, one)
            case "t":
                yield Entry("truncate", inode, offset)
            case "s":
                yield Entry("sync", inode)
            case "u":
                yield Entry("unlink", path=_path(one))
            case "r":
                yield Entry("rename", path=_path(one), target=_path(other))
            case "a":
                yield Entry("told", data=one)
            case unknown:
                raise ValueError(f"the record is damaged at byte {at}: entry of kind {unknown!r}")


def _path(below: bytes) -> PurePosixPath:
    return PurePosixPath(os.fsdecode(below).lstrip("/"))
