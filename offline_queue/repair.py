"""A damaged database: set it aside, and carry over to a new one whatever can be read.

The order of steps is such that a power cut at any point leaves either the damaged file in its place, to be repaired again, or
the new one complete. ``NAME`` being the database:

1. ``NAME.partial`` is filled from ``NAME`` and its log, and synced;
2. it is renamed to ``NAME.repaired-N``: from here on the new file counts, and ``finish`` completes the rest after a cut;
3. the log of ``NAME`` and ``NAME`` itself are renamed to ``NAME.corrupt-N-wal`` and ``NAME.corrupt-N``;
4. ``NAME.repaired-N`` is renamed to ``NAME``. The entries are synced before, since an old log beside a new database would be
   written into it.
"""

# ruff: noqa: S608 - table and column names come from the schema, not from the damaged file

import os
import re
import struct
from collections.abc import Iterator
from pathlib import Path

from offline_queue.errors import InvalidCommit, QueueError, StoreFailed
from offline_queue.files import beside, make_file, sync
from offline_queue.schema import ID_BLOCK, Migration, identify, migrate
from offline_queue.seals import is_intact
from offline_queue.store import PAGE_BYTES, Row, Store
from offline_queue.values import Repaired

QUARANTINED_FILES = 3  # kept for a person to look at; the oldest goes first
_FAILURES = 3_000  # after so many places of a table that cannot be read, the rest of it is given up
_HIGHEST_ID = 2**63 - 1
# Of a database file: magic, bytes of a page, number of pages (SQLite file format, section 1.3).
_HEADER = struct.Struct(">16sH10xI")
_CUT_OFF = 16  # a header that claims to be more than so many times the file is not believed


def finish(path: Path) -> None:
    """Complete a repair that a power cut or a kill interrupted. Raises: OSError."""
    beside(path, ".partial").unlink(missing_ok=True)
    for number, repaired in _numbered(path, "repaired"):
        _switch(path, repaired, number)


def repair(path: Path, cause: QueueError, migrations: tuple[Migration, ...]) -> Repaired:
    """Replace the damaged database at ``path``, which must be closed. Raises: DiskFull, ReadOnly, StoreFailed, OSError."""
    numbers = [number for number, _ in _numbered(path, "corrupt")]
    number = max(numbers, default=0) + 1
    partial = beside(path, ".partial")
    partial.unlink(missing_ok=True)
    make_file(partial)
    _lengthen(path)
    reader = _Reader()
    records, dead, documents = _carry_over(path, partial, migrations, reader)
    sync(partial)
    repaired = beside(path, f".repaired-{number}")
    partial.rename(repaired)
    sync(path.parent)
    _switch(path, repaired, number)
    for old in sorted(numbers)[: -(QUARANTINED_FILES - 1)]:
        for suffix in ("", "-wal"):
            beside(path, f".corrupt-{old}{suffix}").unlink(missing_ok=True)
    return Repaired(
        cause=str(cause),
        quarantined=beside(path, f".corrupt-{number}"),
        records=records,
        dead=dead,
        documents=documents,
        unreadable=reader.unreadable,
    )


def _numbered(path: Path, word: str) -> list[tuple[int, Path]]:
    pattern = re.compile(rf"{re.escape(path.name)}\.{word}-(\d+)")
    matches = [(pattern.fullmatch(entry.name), entry) for entry in path.parent.iterdir()]
    return sorted((int(match[1]), entry) for match, entry in matches if match)


def _switch(path: Path, repaired: Path, number: int) -> None:
    for suffix in ("-wal", ""):
        damaged = beside(path, suffix)
        if damaged.exists():
            damaged.rename(beside(path, f".corrupt-{number}{suffix}"))
    sync(path.parent)
    repaired.rename(path)
    sync(path.parent)


def _lengthen(path: Path) -> None:
    """Give a file that was cut off its length back, in zeros: SQLite reads nothing of one shorter than its header says."""
    length = path.stat().st_size
    with path.open("rb") as file:
        header = file.read(_HEADER.size)
    if len(header) == _HEADER.size:
        magic, page_bytes, pages = _HEADER.unpack(header)
        if magic == b"SQLite format 3\0" and length < page_bytes * pages <= _CUT_OFF * length:
            os.truncate(path, page_bytes * pages)


def _carry_over(
    path: Path, partial: Path, migrations: tuple[Migration, ...], reader: "_Reader"
) -> tuple[int, int, int]:
    """Copy what can be read; return how many records, dead and documents there are."""
    new = Store(partial)
    try:
        new.rows(f"PRAGMA page_size = {PAGE_BYTES}")
        new.rows("PRAGMA journal_mode = MEMORY")
        new.rows("PRAGMA synchronous = OFF")
        damaged = Store(path)
        try:
            version = _version(damaged, len(migrations))
            migrate(new, migrations[:version])
            new.begin()
            for (table,) in new.rows("SELECT name FROM sqlite_schema WHERE type = 'table'"):
                _copy_table(damaged, new, table, reader)
            new.commit()
        finally:
            damaged.close()
        migrate(new, migrations)
        records, dead, documents = (
            new.number(f"SELECT count(*) FROM {table}") for table in ("records", "dead", "documents")
        )
        _raise_id_limit(new)
    finally:
        new.close()
    return records, dead, documents


def _version(damaged: Store, newest: int) -> int:
    """The version of the damaged file; the newest, if it cannot say."""
    try:
        return identify(damaged, newest) or newest
    except StoreFailed:
        return newest


def _copy_table(damaged: Store, new: Store, table: str, reader: "_Reader") -> None:
    columns = [name for _, name, *_ in new.rows(f"PRAGMA table_info({table})")]
    places = ", ".join("?" * len(columns))
    for row in reader.rows(damaged, table, columns):
        if not is_intact(dict(zip(columns, row, strict=True))):
            reader.unreadable += 1
            continue
        try:
            new.run(f"INSERT OR REPLACE INTO {table} ({', '.join(columns)}) VALUES ({places})", row)
        except InvalidCommit:  # of what is not sealed, something cannot be right
            reader.unreadable += 1


def _raise_id_limit(new: Store) -> None:
    """No id may be used again, even if the counter itself was lost."""
    new.run(
        "UPDATE id_limit SET value = ? + max(value, (SELECT coalesce(max(id), 0) FROM records),"
        " (SELECT coalesce(max(id), 0) FROM dead))",
        (ID_BLOCK,),
    )


class _Reader:
    """Reads the rows of a damaged table, around the places that cannot be read."""

    def __init__(self) -> None:
        self.unreadable = 0  # stretches of ids, in all tables

    def rows(self, store: Store, table: str, columns: list[str]) -> Iterator[Row]:
        """Yield what can be read, in the order of ids.

        A range of ids is read until it fails; the rest of it is tried again in two halves, down to single ids. A page that
        cannot be read so costs the rows on it, and not those behind it.
        """
        sql = f"SELECT {', '.join(columns)} FROM {table} WHERE id BETWEEN ? AND ? ORDER BY id"
        ranges = [(1, _HIGHEST_ID)]
        failures = 0
        last_lost = -1
        while ranges:
            low, high = ranges.pop()
            try:
                for row in store.stream(sql, (low, high)):
                    yield row
                    low = row[0] + 1
            except StoreFailed:
                failures += 1
                if failures > _FAILURES:
                    self.unreadable += 1
                    return
                if low < high:
                    middle = (low + high) // 2
                    ranges += [(middle + 1, high), (low, middle)]
                else:
                    self.unreadable += low - last_lost > 1
                    last_lost = low
