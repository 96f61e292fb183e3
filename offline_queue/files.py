"""The files around the database: directory, lock, ballast, free space."""

import fcntl
import os
from pathlib import Path

from offline_queue.errors import QueueError, QueueLocked, from_os_error


def beside(path: Path, suffix: str) -> Path:
    """The file whose name is that of ``path`` with a suffix."""
    return path.with_name(path.name + suffix)


def free_bytes(directory: Path) -> int:
    """Free space of a file system as an ordinary user may use it. Raises: OSError."""
    found = os.statvfs(directory)
    return found.f_bavail * found.f_frsize


def sync(path: Path) -> None:
    """Make a file's content, or a directory's entries, survive a power cut. Raises: OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_directory(path: Path) -> None:
    """Create a directory, and those above it, for this user alone; one that exists is left as it is. Raises: OSError."""
    if path.is_dir():
        return
    make_directory(path.parent)
    path.mkdir(mode=0o700, exist_ok=True)
    sync(path.parent)


def make_file(path: Path) -> None:
    """Create an empty file for this user alone, if there is none. Raises: OSError."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))


class Lock:
    """Held while the queue is open. The kernel lets go of it with the process, however that ends."""

    def __init__(self, path: Path) -> None:
        """Take the lock of the database at ``path``. Raises: QueueLocked, ReadOnly, DiskFull, StoreFailed."""
        lock = beside(path, ".lock")
        try:
            self._descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise from_os_error(error, lock) from error
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._descriptor)
            raise _refusal(error, path, lock) from error

    def release(self) -> None:
        """Let go. The file stays: removing it could take it from under a process that is about to lock it."""
        os.close(self._descriptor)


def _refusal(error: OSError, path: Path, lock: Path) -> QueueError:
    if isinstance(error, BlockingIOError):
        return QueueLocked(f"{path} is in use; stop the program that has it open (fuser {lock} names it)")
    return from_os_error(error, lock)


class Ballast:
    """Disk space held in a file, to be thrown off when the disk is full so that the last records still fit."""

    def __init__(self, path: Path, size: int) -> None:
        """The ballast of the database at ``path``; ``size`` 0 means none."""
        self._path = beside(path, ".ballast")
        self._size = size
        self._held = False

    def look(self) -> None:
        """Find out whether it is held since an earlier run. Raises: OSError."""
        self._held = self._path.exists() and self._path.stat().st_size >= self._size

    @property
    def missing_bytes(self) -> int:
        """What ``hold`` would take from the disk."""
        return 0 if self._held else self._size

    def hold(self) -> None:
        """Take the space. Raises: OSError."""
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.posix_fallocate(descriptor, 0, self._size)
        except OSError:
            self._path.unlink()
            raise
        finally:
            os.close(descriptor)
        self._held = True

    def throw_off(self) -> bool:
        """Give the space back; False if none is held. Raises: OSError."""
        held, self._held = self._held, False
        if held:
            self._path.unlink(missing_ok=True)
        return held
