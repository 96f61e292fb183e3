"""What can go wrong in the queue, by whose fault it is.

``InvalidCommit`` and ``QueueClosed`` are the caller's; ``DiskFull``, ``ReadOnly`` and ``StoreFailed`` are the disk's, and the
same commit may succeed later; ``QueueLocked``, ``NotAQueue`` and ``NewerDatabase`` need a person.
"""

import errno
from pathlib import Path


class QueueError(Exception):
    """Root of every error the queue raises."""


class InvalidCommit(QueueError, ValueError):
    """A commit holds a value that cannot be stored; nothing of it was stored, other commits are not touched."""


class QueueClosed(QueueError, RuntimeError):
    """The queue was used after ``close()``."""


class DiskFull(QueueError, OSError):
    """The disk has no room; nothing of the commit was stored."""


class ReadOnly(QueueError, OSError):
    """The file or its file system cannot be written; nothing of the commit was stored."""


class StoreFailed(QueueError, OSError):
    """The disk or the database failed in another way; the commit must be taken as not stored."""


class Corrupt(StoreFailed):
    """The database file is damaged. The queue repairs it by itself; a caller sees this only if that fails."""


class QueueLocked(QueueError, BlockingIOError):
    """The queue is open already, in another process or in this one."""


class NotAQueue(QueueError, ValueError):
    """The file is a database of something else; it was not touched."""


class NewerDatabase(QueueError, RuntimeError):
    """The database was written by a newer version of the program; it was not touched."""


def from_os_error(error: OSError, path: Path) -> QueueError:
    """The error of this package for a failed call of the operating system on ``path``."""
    text = f"{path}: {error.strerror or error}"
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return DiskFull(f"{text}; free some space, the queue goes on by itself")
    if error.errno in {errno.EROFS, errno.EACCES, errno.EPERM}:
        return ReadOnly(f"{text}; make it writable for this user, the queue goes on by itself")
    return StoreFailed(f"{text}; check the disk")
