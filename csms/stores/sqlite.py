"""Keeps rows in one SQLite file, for a central system that must remember and needs no second machine.

SQLite works in a thread of its own; a commit returns when the bytes are on the disk (WAL, synchronous=FULL).
"""

import asyncio
import json
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, TypeVar

from csms.core.store import Record
from csms.stores.keeper import Append, Change, Count, Delete, Drop, KeeperDamaged, KeeperUnavailable, Put, Scope

T = TypeVar("T")

FORMAT: Final = 1
_SCHEMA: Final = """
CREATE TABLE rows (number INTEGER PRIMARY KEY, name TEXT NOT NULL, owner TEXT NOT NULL, key TEXT NOT NULL,
                   value TEXT NOT NULL, UNIQUE (name, owner, key));
CREATE TABLE entries (number INTEGER PRIMARY KEY, name TEXT NOT NULL, owner TEXT NOT NULL, key TEXT NOT NULL,
                      value TEXT NOT NULL, UNIQUE (name, owner, key));
CREATE INDEX entries_of ON entries (name, owner, number);
CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
"""
_PUT: Final = (
    "INSERT INTO rows (name, owner, key, value) VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET value = excluded.value"
)
_APPEND: Final = "INSERT OR IGNORE INTO entries (name, owner, key, value) VALUES (?, ?, ?, ?)"
_TRIM: Final = """DELETE FROM entries WHERE name = ?1 AND owner = ?2 AND number <=
    (SELECT number FROM entries WHERE name = ?1 AND owner = ?2 ORDER BY number DESC LIMIT 1 OFFSET ?3)"""
_COUNT: Final = "INSERT INTO counters VALUES (?, ?) ON CONFLICT DO UPDATE SET value = max(value, excluded.value)"


class SqliteKeeper:
    """A `Keeper` on a file; `open` makes one."""

    def __init__(self, database: sqlite3.Connection, thread: ThreadPoolExecutor) -> None:
        self._database = database
        self._thread = thread

    @classmethod
    async def open(cls, path: Path) -> "SqliteKeeper":
        """Open or create the file, readable for its owner only. Raises KeeperDamaged or KeeperUnavailable."""
        thread = ThreadPoolExecutor(1, thread_name_prefix="csms-sqlite")
        try:
            database = await asyncio.get_running_loop().run_in_executor(thread, _opened, path)
        except BaseException:
            thread.shutdown(wait=False)
            raise
        return cls(database, thread)

    async def load(self, scope: Scope | None) -> list[Change]:
        return await self._run(lambda: _read(self._database, scope))

    async def commit(self, changes: Sequence[Change]) -> frozenset[str]:
        await self._run(lambda: _write(self._database, changes))
        return frozenset()

    async def reserve(self, counter: str, count: int, at_least: int = 0) -> int:
        def take() -> int:
            with self._database:
                row = self._database.execute("SELECT value FROM counters WHERE name = ?", (counter,)).fetchone()
                last = max(at_least, 0 if row is None else int(row[0]))
                self._database.execute(_COUNT, (counter, last + count))
            return last + 1

        return await self._run(take)

    async def close(self) -> None:
        await self._run(self._database.close)
        self._thread.shutdown()

    async def _run(self, work: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        except sqlite3.Error as error:
            raise KeeperUnavailable(f"the central system's file cannot be used: {error}") from error


def _opened(path: Path) -> sqlite3.Connection:
    try:
        path.touch(mode=0o600)
        database = sqlite3.connect(path, check_same_thread=False)
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = FULL")
        found = int(database.execute("PRAGMA user_version").fetchone()[0])
        if found == 0:
            database.executescript(f"BEGIN; {_SCHEMA} PRAGMA user_version = {FORMAT}; COMMIT")
    except sqlite3.DatabaseError as error:
        raise KeeperDamaged(f"{path}: {error}; give another file, or move this one away") from error
    except OSError as error:
        raise KeeperUnavailable(f"{path}: {error.strerror}") from error
    if found not in (0, FORMAT):
        database.close()
        raise KeeperDamaged(f"{path}: has format {found}, this program writes {FORMAT}; use the program that wrote it")
    return database


def _read(database: sqlite3.Connection, scope: Scope | None) -> list[Change]:
    def wanted(name: str, owner: str, key: str) -> bool:
        if scope is None or (owner and owner.partition("\n")[0] in scope.owners):
            return True
        return not owner and (key in scope.house_keys or name in scope.whole_house_tables)

    rows = database.execute("SELECT name, owner, key, value FROM rows ORDER BY number")
    found: list[Change] = [
        Put(name, owner, key, _decoded(value)) for name, owner, key, value in rows if wanted(name, owner, key)
    ]
    if scope is None or scope.logs:
        entries = database.execute("SELECT name, owner, key, value FROM entries ORDER BY number")
        found += [
            Append(name, owner, key, _decoded(value), None)
            for name, owner, key, value in entries
            if scope is None or owner.partition("\n")[0] in scope.owners
        ]
    found += [Count(name, value) for name, value in database.execute("SELECT name, value FROM counters")]
    return found


def _write(database: sqlite3.Connection, changes: Sequence[Change]) -> None:
    with database:
        for change in changes:
            match change:
                case Put(table, owner, key, value):
                    database.execute(_PUT, (table, owner, key, _encoded(value)))
                case Delete(table, owner, key):
                    database.execute("DELETE FROM rows WHERE name = ? AND owner = ? AND key = ?", (table, owner, key))
                case Drop(name, owner):
                    database.execute("DELETE FROM rows WHERE name = ? AND owner = ?", (name, owner))
                    database.execute("DELETE FROM entries WHERE name = ? AND owner = ?", (name, owner))
                case Append(log, owner, key, entry, bound):
                    database.execute(_APPEND, (log, owner, key, _encoded(entry)))
                    if bound is not None:
                        database.execute(_TRIM, (log, owner, bound))
                case Count(counter, value):
                    database.execute(_COUNT, (counter, value))


def _encoded(value: Record) -> str:
    return json.dumps(value, separators=(",", ":"))


def _decoded(text: str) -> Record:
    found: Record = json.loads(text)
    return found
