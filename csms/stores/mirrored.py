"""A store in memory that notes every change for its keeper."""

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from csms.core.store import Record
from csms.memory import MemoryStore
from csms.stores.keeper import Append, Change, Count, Delete, Drop, Put

CONVERSATION: Final = frozenset(
    {"presence", "connections", "calls", "idempotency", "running", "waiting", "fleeting", "solicited", "messages"}
)
"""Tables and logs about sockets of this process: they end with it, and nobody else can use them."""


class NumbersExhausted(Exception):
    """Every reserved number has been handed out and the keeper has not given more; try again later."""


class MirroredStore(MemoryStore):
    """Rows in memory; changes of tables not named `local` are noted until somebody takes them."""

    def __init__(
        self, name: str, *, local: frozenset[str] = CONVERSATION, bounds: Mapping[str, int] | None = None
    ) -> None:
        """`name` must be another one for every store that ever writes to the same keeper."""
        super().__init__(bounds)
        self.on_change: Callable[[], None] | None = None  # called when there is something to take again
        self._name = name
        self._appended = 0
        self._local = local
        self._changes: list[Change] = []
        self._reserved: dict[str, tuple[int, int]] = {}

    def put(self, table: str, owner: str, key: str, value: Record) -> None:
        if table in self._local:
            super().put(table, owner, key, value)
            return
        bound = self._bounds.get(table)
        full = bound is not None and self.count(table, owner) >= bound and self.get(table, owner, key) is None
        oldest = self.first(table, owner) if full else None
        super().put(table, owner, key, value)
        self._note(Put(table, owner, key, value))
        if oldest is not None:
            self._note(Delete(table, owner, oldest[0]))

    def delete(self, table: str, owner: str, key: str) -> None:
        known = table not in self._local and self.get(table, owner, key) is not None
        super().delete(table, owner, key)
        if known:
            self._note(Delete(table, owner, key))

    def drop(self, name: str, owner: str) -> None:
        known = name not in self._local and (self.count(name, owner) > 0 or bool(self.entries(name, owner, 1)))
        super().drop(name, owner)
        if known:
            self._note(Drop(name, owner))

    def append(self, log: str, owner: str, entry: Record) -> None:
        super().append(log, owner, entry)
        if log not in self._local:
            self._appended += 1
            key = f"{self._name}.{self._appended}"
            self._note(Append(log, owner, key, entry, self._bounds.get(log)))

    def increment(self, counter: str) -> int:
        if counter in self._local:
            return super().increment(counter)
        if counter not in self._reserved:
            value = super().increment(counter)
            self._note(Count(counter, value))
            return value
        first, end = self._reserved[counter]
        if first >= end:
            raise NumbersExhausted(f"no {counter} numbers are left until the keeper can be reached again")
        self._reserved[counter] = (first + 1, end)
        return first

    def give_numbers(self, counter: str, first: int, count: int) -> None:
        """Hand out these numbers from now on, and none of its own."""
        self._reserved[counter] = (first, first + count)

    def numbers_left(self, counter: str) -> int:
        """How many reserved numbers are left."""
        first, end = self._reserved.get(counter, (0, 0))
        return end - first

    def _note(self, change: Change) -> None:
        self._changes.append(change)
        if len(self._changes) == 1 and self.on_change is not None:
            self.on_change()

    def take_changes(self) -> list[Change]:
        """What has changed since the last call, in order."""
        taken, self._changes = self._changes, []
        return taken

    def learn(self, changes: Iterable[Change]) -> None:
        """Take rows that a keeper holds already; they are not noted as changes."""
        for change in changes:
            match change:
                case Put(table, owner, key, value):
                    super().put(table, owner, key, value)
                case Append(log, owner, _, entry):
                    super().append(log, owner, entry)
                case Delete(table, owner, key):
                    super().delete(table, owner, key)
                case Drop(name, owner):
                    super().drop(name, owner)
                case Count(counter, value):
                    self._counters[counter] = max(self._counters[counter], value)

    def relearn(self, table: str, owner: str, changes: Iterable[Change]) -> None:
        """The same for the rows of one owner that others write too: what is not among these is gone."""
        super().drop(table, owner)
        self.learn(changes)

    def forget(self, owners: Iterable[str]) -> None:
        """Drop the rows of owners from memory only: somebody else looks after them now."""
        for owner in owners:
            for name in {*self._tables, *self._logs} - self._local:
                super().drop(name, owner)

    def owned(self, station: str) -> list[str]:
        """A station and everything that belongs to it, such as its transactions."""
        prefix = f"{station}\n"
        found = {owner for rows in self._tables.values() for owner in rows}
        found |= {owner for logs in self._logs.values() for owner in logs}
        return [station, *sorted(owner for owner in found if owner.startswith(prefix))]

    def rows_of(self, owners: Iterable[str], house_keys: Iterable[str] = ()) -> list[Change]:
        """The rows of owners and of the house under these keys, as changes: for a keeper that has lost them."""
        wanted, keys = set(owners), set(house_keys)
        return [
            Put(table, owner, key, value)
            for table, found in self._tables.items()
            if table not in self._local
            for owner, rows in found.items()
            for key, value in rows.items()
            if owner in wanted or (not owner and key in keys)
        ]
