"""The database file: the only module that knows sqlite3.

A ``Store`` is one connection and gives SQLite's errors the names of this package. It is used by one thread at a time.

The settings and why:

- ``journal_mode=WAL`` with ``synchronous=FULL``: one fsync makes a transaction durable. With NORMAL a power cut loses
  transactions that were reported as committed.
- ``locking_mode=EXCLUSIVE``: the queue has one process, so the index of the log lives in memory instead of a shared file.
- The log is written back every 1 MiB and then written over from its start. It keeps its size: an fsync of blocks the file
  already has is cheaper than one that also has to record a new length.
- Pages of 2 KiB, for facts of a few hundred bytes: 4 KiB write half as much again to the flash, 1 KiB make groups of commits a
  sixth slower.
"""

import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from offline_queue.errors import Corrupt, DiskFull, InvalidCommit, QueueError, ReadOnly, StoreFailed

PAGE_BYTES = 2048
LOG_BYTES = 1024 * 1024  # written back to the database at this size
BUSY_TIMEOUT_S = 1.0  # another program looking into the file

Row = tuple[Any, ...]
Parameters = Sequence[object]

_CORRUPT = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
# A sector that cannot be read is damage too: the rest of the file is saved by copying it to another place.
_UNREADABLE = {sqlite3.SQLITE_IOERR_READ, sqlite3.SQLITE_IOERR_SHORT_READ}
_REFUSED = {sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_MISMATCH, sqlite3.SQLITE_TOOBIG}
_ADVICE = {
    sqlite3.SQLITE_IOERR: "check the disk",
    sqlite3.SQLITE_CANTOPEN: "check that the directory is there and may be written",
    sqlite3.SQLITE_BUSY: "close the other program that looks into the file",
}


class Store:
    """One connection to a database file, which is created if it is missing."""

    def __init__(self, path: Path) -> None:
        """Open ``path`` without writing to it. Raises: DiskFull, ReadOnly, StoreFailed."""
        self.path = path
        try:
            self._connection = sqlite3.connect(
                path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False, cached_statements=64
            )
        except sqlite3.Error as error:
            raise self._translated(error) from error
        self.rows("PRAGMA locking_mode = EXCLUSIVE")
        self.rows("PRAGMA temp_store = MEMORY")

    def make_durable(self) -> None:
        """Choose the log and the syncs described above; before this, and for a scratch copy, SQLite's defaults hold."""
        self.rows(f"PRAGMA page_size = {PAGE_BYTES}")
        self.rows("PRAGMA journal_mode = WAL")
        self.rows("PRAGMA synchronous = FULL")
        self.rows(f"PRAGMA wal_autocheckpoint = {LOG_BYTES // PAGE_BYTES}")
        self.rows(f"PRAGMA journal_size_limit = {2 * LOG_BYTES}")

    def check(self) -> None:
        """Read the whole file and compare the indexes with the tables. Raises: Corrupt."""
        found = self.rows("PRAGMA integrity_check(1)")
        if found != [("ok",)]:
            raise Corrupt(f"{self.path}: {found[0][0]}; the database is damaged")

    def close(self) -> None:
        """Write the log back and close the file."""
        self._connection.close()

    def rows(self, sql: str, parameters: Parameters = ()) -> list[Row]:
        """Run a statement and return all rows of its result. Raises QueueError."""
        try:
            return self._connection.execute(sql, parameters).fetchall()
        except (sqlite3.Error, ValueError, OverflowError) as error:
            raise self._translated(error) from error

    def run(self, sql: str, parameters: Parameters = ()) -> None:
        """Run a statement that returns nothing. Raises QueueError."""
        try:
            self._connection.execute(sql, parameters)
        except (sqlite3.Error, ValueError, OverflowError) as error:
            raise self._translated(error) from error

    def run_many(self, sql: str, parameters: Iterable[Parameters]) -> None:
        """Run a statement once for each set of parameters. Raises QueueError."""
        try:
            self._connection.executemany(sql, parameters)
        except (sqlite3.Error, ValueError, OverflowError) as error:
            raise self._translated(error) from error

    def stream(self, sql: str, parameters: Parameters = ()) -> Iterator[Row]:
        """Yield the rows of a result one by one. Raises QueueError at the row that cannot be read."""
        try:
            yield from self._connection.execute(sql, parameters)
        except sqlite3.Error as error:
            raise self._translated(error) from error

    def number(self, sql: str, parameters: Parameters = ()) -> int:
        """The one number a statement returns; 0 for no row or null."""
        found = self.rows(sql, parameters)
        return int(found[0][0] or 0) if found else 0

    def begin(self) -> None:
        """Start a transaction."""
        self.rollback()  # of one that the disk did not let go of earlier
        self.run("BEGIN IMMEDIATE")

    def commit(self) -> None:
        """Make the transaction durable; on return it is on the disk."""
        self.run("COMMIT")

    def rollback(self) -> None:
        """Forget the transaction, if SQLite has not done so itself."""
        if self._connection.in_transaction:
            self.run("ROLLBACK")

    def _translated(self, error: Exception) -> QueueError:
        """The same failure as an error of this package."""
        code: int | None = getattr(error, "sqlite_errorcode", None)
        if code is None:
            return InvalidCommit(f"a value cannot be stored: {error}")
        name = getattr(error, "sqlite_errorname", code)
        text = f"{self.path}: {error} ({name})"
        primary = code & 0xFF
        if primary in _CORRUPT or code in _UNREADABLE:
            return Corrupt(f"{text}; the database is damaged")
        if primary == sqlite3.SQLITE_FULL:
            return DiskFull(f"{text}; free some space, the queue goes on by itself")
        if primary == sqlite3.SQLITE_READONLY or self._on_read_only_disk():
            return ReadOnly(f"{text}; make it writable for this user, the queue goes on by itself")
        if primary in _REFUSED:
            return InvalidCommit(f"a value cannot be stored: {error}")
        return StoreFailed(f"{text}; {_ADVICE.get(primary, 'this is a fault of the program, please report it')}")

    def _on_read_only_disk(self) -> bool:
        """Whether the kernel has made the file system read-only, which SQLite reports as any I/O error."""
        try:
            return bool(os.statvfs(self.path.parent).f_flag & os.ST_RDONLY)
        except OSError:
            return False  # the disk is gone altogether: StoreFailed says so
