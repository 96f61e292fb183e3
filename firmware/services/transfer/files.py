"""The local end of a transfer: a file that grows within limits, and what is needed to go on with it later.

Beside a file that is not complete lies `NAME.part`, and `NAME.part.tag` with the server's word for the version of what was read,
so that a resumed download never glues two versions together.
"""

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final, Self

from firmware.services.transfer.errors import Reason, TransferError

CHECK_EVERY: Final = 8 * 1024 * 1024  # bytes between looks at the free space
LONGEST_TAG: Final = 512

Progress = Callable[[int, int | None], None]
"""Told of bytes done and, where it is known, of all bytes. Called on the event loop or on a thread; must not wait."""


def free_bytes_of(directory: Path) -> int:
    """Free space where a directory lies."""
    return shutil.disk_usage(directory).free


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a download may take. `reserve_bytes` stay free on the disk: the journal lives there, too."""

    max_bytes: int = 512 * 1024 * 1024
    reserve_bytes: int = 32 * 1024 * 1024
    free_bytes: Callable[[Path], int] = free_bytes_of


class Growing:
    """A download's file. Use as a context; `complete` puts it in its place. Blocking: for a thread."""

    def __init__(self, path: Path, limits: Limits) -> None:
        self.path = path
        self._part = path.with_name(path.name + ".part")
        self._tag_file = path.with_name(path.name + ".part.tag")
        self._limits = limits
        self._file: IO[bytes] | None = None
        self._checked_at = 0
        self.size = 0
        self.tag: str | None = None

    def __enter__(self) -> Self:
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # a mode that appends would put every byte at the end, also after a step back
        descriptor = os.open(self._part, os.O_RDWR | os.O_CREAT, 0o600)
        self._file = os.fdopen(descriptor, "r+b")
        self.size = self._file.seek(0, os.SEEK_END)
        if self.size and self._tag_file.is_file():
            self.tag = self._tag_file.read_text(encoding="utf-8") or None
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def begin(self, at: int, expected: int | None, tag: str | None) -> None:
        """The server sends from here on, `expected` bytes in all. Raises TransferError when that does not fit."""
        assert self._file is not None
        if expected is not None:
            self._check(expected)
        self._file.seek(at)
        self._file.truncate()
        self.size = self._checked_at = at
        self.tag = tag
        self._tag_file.write_text((tag or "")[:LONGEST_TAG], encoding="utf-8")

    def write(self, data: bytes) -> None:
        """More of it. Raises TransferError when a limit is reached."""
        assert self._file is not None
        total = self.size + len(data)
        if total > self._limits.max_bytes or total - self._checked_at >= CHECK_EVERY:
            self._check(total)
            self._checked_at = total
        try:
            self._file.write(data)
        except OSError as error:
            raise TransferError(Reason.DISK_FULL, f"{self.path.name} cannot be written: {error.strerror}") from error
        self.size = total

    def complete(self) -> None:
        """All of it is here: bring it to the disk and give it its name."""
        assert self._file is not None
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._file = None
        self._part.replace(self.path)
        self._tag_file.unlink(missing_ok=True)

    def _check(self, total: int) -> None:
        if total > self._limits.max_bytes:
            raise TransferError(
                Reason.TOO_LARGE, f"{self.path.name} has more than {self._limits.max_bytes} bytes, which is the limit"
            )
        free = self._limits.free_bytes(self.path.parent)
        if free - (total - self.size) < self._limits.reserve_bytes:
            raise TransferError(
                Reason.DISK_FULL, f"{self.path.name}: {total} bytes would leave less than the reserve on the disk"
            )


def discard(path: Path) -> None:
    """Remove a download, complete or not."""
    for name in (path.name, path.name + ".part", path.name + ".part.tag"):
        path.with_name(name).unlink(missing_ok=True)
