"""The store that lives in this process and ends with it."""

from collections import defaultdict, deque
from collections.abc import Mapping
from itertools import islice

from csms.core.store import BOUNDS, Record


class MemoryStore:
    """A `Store` of dictionaries and bounded deques."""

    def __init__(self, bounds: Mapping[str, int] | None = None) -> None:
        """`bounds` replaces the number of rows kept per owner for the tables and logs it names."""
        self._bounds = {**BOUNDS, **(bounds or {})}
        self._tables: dict[str, dict[str, dict[str, Record]]] = defaultdict(dict)
        self._logs: dict[str, dict[str, deque[Record]]] = defaultdict(dict)
        self._counters: dict[str, int] = defaultdict(int)

    def get(self, table: str, owner: str, key: str) -> Record | None:
        rows = self._tables[table].get(owner)
        return None if rows is None else rows.get(key)

    def put(self, table: str, owner: str, key: str, value: Record) -> None:
        rows = self._tables[table].setdefault(owner, {})
        rows[key] = value
        bound = self._bounds.get(table)
        if bound is not None and len(rows) > bound:
            del rows[next(iter(rows))]

    def delete(self, table: str, owner: str, key: str) -> None:
        rows = self._tables[table].get(owner)
        if rows is not None and rows.pop(key, None) is not None and not rows:
            del self._tables[table][owner]

    def first(self, table: str, owner: str) -> tuple[str, Record] | None:
        return next(iter(self._tables[table].get(owner, {}).items()), None)

    def items(self, table: str, owner: str) -> list[tuple[str, Record]]:
        return list(self._tables[table].get(owner, {}).items())

    def count(self, table: str, owner: str) -> int:
        return len(self._tables[table].get(owner, {}))

    def owners(self, table: str) -> list[str]:
        return list(self._tables[table])

    def drop(self, name: str, owner: str) -> None:
        self._tables[name].pop(owner, None)
        self._logs[name].pop(owner, None)

    def append(self, log: str, owner: str, entry: Record) -> None:
        entries = self._logs[log].get(owner)
        if entries is None:
            entries = self._logs[log][owner] = deque(maxlen=self._bounds.get(log))
        entries.append(entry)

    def entries(self, log: str, owner: str, limit: int | None = None) -> list[Record]:
        entries = self._logs[log].get(owner, deque())
        skipped = 0 if limit is None else max(0, len(entries) - limit)
        return list(islice(entries, skipped, None))

    def increment(self, counter: str) -> int:
        self._counters[counter] += 1
        return self._counters[counter]
