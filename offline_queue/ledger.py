"""Commits and questions, in SQL. A ``Ledger`` blocks, and is used by one thread at a time."""

# ruff: noqa: S608 - what the statements are put together from are the column lists below

from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

from offline_queue import shedding
from offline_queue.errors import Corrupt, InvalidCommit
from offline_queue.schema import ID_BLOCK
from offline_queue.seals import seal_of_document, seal_of_record
from offline_queue.store import Row, Store
from offline_queue.totals import RECORD_OVERHEAD_BYTES, Totals
from offline_queue.values import Bounds, Burial, Commit, DeadRecord, Delivery, NewRecord, Record, Shed

_SEALED = "seal, id, lane, stream, kind, billable, thinnable, payload"
_RECORD = f"{_SEALED}, created_at_s, attempts, not_before_s, message_id"
_DEAD = f"{_SEALED}, created_at_s, attempts, message_id, reason"
# What a record begins with, and keeps when it is given up or comes back.
_KEPT = f"{_SEALED}, size, created_at_s"

Outcome = tuple[int, ...] | InvalidCommit
Result = TypeVar("Result")


class Ledger:
    """The records, the dead and the documents of one store whose schema is up to date."""

    def __init__(self, store: Store) -> None:
        """Count what is there. Raises: StoreFailed."""
        self._store = store
        self.totals = Totals.count(store)

    # Changes

    def apply(
        self, commits: Sequence[Commit], bounds: Bounds, now_s: float | None
    ) -> tuple[list[Outcome], Shed | None]:
        """Make a group of commits durable with one sync, and keep the bounds.

        Returns for each commit the ids of its records, or why it alone was refused; and what was removed to keep the bounds.
        Raises: DiskFull, ReadOnly, StoreFailed; then nothing of the group is stored.
        """
        # Nearly always all are good. Savepoints would double the cost of a record, so they come only after a refusal.
        try:
            return self._transaction(partial(self._apply_together, commits, bounds, now_s))
        except InvalidCommit:
            return self._transaction(partial(self._apply_apart, commits, bounds, now_s))

    def retry(self, ids: Sequence[int]) -> int:
        """Put dead records back into their lanes, as if never sent; return how many there were."""
        return self._transaction(partial(self._revive, ids))

    def discard(self, ids: Sequence[int]) -> int:
        """Delete dead records; return how many there were."""
        return self._transaction(partial(self._forget, ids))

    def touch(self) -> None:
        """Write and sync something small, to learn whether the disk takes it."""
        self._transaction(partial(self._store.run, "UPDATE id_limit SET value = value"))

    def write_back(self) -> None:
        """Move the log into the database, after which the next commits use the space of the log again."""
        self._store.rows("PRAGMA wal_checkpoint(RESTART)")

    def _transaction(self, change: Callable[[], Result]) -> Result:
        before = self.totals.copy()
        self._store.begin()
        try:
            result = change()
            self._store.commit()
        except BaseException:
            self.totals = before
            self._store.rollback()
            raise
        return result

    def _apply_together(
        self, commits: Sequence[Commit], bounds: Bounds, now_s: float | None
    ) -> tuple[list[Outcome], Shed | None]:
        outcomes = list[Outcome](self._apply_all(commits, now_s))
        return outcomes, shedding.keep(self._store, self.totals, bounds, now_s)

    def _apply_apart(
        self, commits: Sequence[Commit], bounds: Bounds, now_s: float | None
    ) -> tuple[list[Outcome], Shed | None]:
        outcomes = [self._apply_alone(commit, now_s) for commit in commits]
        return outcomes, shedding.keep(self._store, self.totals, bounds, now_s)

    def _apply_alone(self, commit: Commit, now_s: float | None) -> Outcome:
        """Apply a commit that leaves no trace in the transaction if it is refused."""
        before = self.totals.copy()
        self._store.run("SAVEPOINT alone")
        try:
            outcome: Outcome = self._apply_all([commit], now_s)[0]
        except InvalidCommit as error:
            self.totals = before
            self._store.run("ROLLBACK TO alone")
            outcome = error
        self._store.run("RELEASE alone")
        return outcome

    def _apply_all(self, commits: Sequence[Commit], now_s: float | None) -> list[tuple[int, ...]]:
        # No commit can name an id that another one of its group gets, so all records are appended first, in one statement.
        ids = self._append([commit.append for commit in commits], now_s)
        for commit in commits:
            for id_ in commit.acknowledge:
                self._take_out(id_)
            for delivery in commit.update:
                self._update(delivery)
            for burial in commit.bury:
                self._bury(burial)
            for (namespace, key), value in commit.put.items():
                self._put(namespace, key, value)
            for namespace, key in commit.delete:
                self._store.run("DELETE FROM documents WHERE namespace = ? AND key = ?", (namespace, key))
        return ids

    def _append(self, groups: Sequence[Sequence[NewRecord]], now_s: float | None) -> list[tuple[int, ...]]:
        totals = self.totals
        ids: list[tuple[int, ...]] = []
        rows: list[Row] = []
        for records in groups:
            first = totals.next_id
            totals.next_id += len(records)
            ids.append(tuple(range(first, totals.next_id)))
            for id_, record in enumerate(records, first):
                payload = _bytes(record.payload)
                size = len(payload) + RECORD_OVERHEAD_BYTES
                totals.add(id_, record.lane, size)
                sealed = (
                    id_,
                    record.lane,
                    record.stream,
                    record.kind,
                    record.billable,
                    record.thinnable,
                    payload,
                )
                rows.append((seal_of_record(*sealed), *sealed, size, now_s))
        if totals.next_id > totals.id_limit:
            totals.id_limit = totals.next_id + ID_BLOCK
            self._store.run("UPDATE id_limit SET value = ?", (totals.id_limit,))
        if rows:
            self._store.run_many(f"INSERT INTO records ({_KEPT}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
        return ids

    def _take_out(self, id_: int) -> int:
        """Delete a record, if it is there; return how many that were."""
        return self.totals.remove(self._store.rows("DELETE FROM records WHERE id = ? RETURNING lane, size", (id_,)))

    def _update(self, delivery: Delivery) -> None:
        self._store.run(
            "UPDATE records SET attempts = ?, not_before_s = ?, message_id = ? WHERE id = ?",
            (delivery.attempts, delivery.not_before_s, delivery.message_id, delivery.id),
        )

    def _bury(self, burial: Burial) -> None:
        self._store.run(
            f"INSERT INTO dead ({_KEPT}, attempts, message_id, reason) "
            f"SELECT {_KEPT}, attempts, message_id, ? FROM records WHERE id = ?",
            (burial.reason, burial.id),
        )
        self.totals.dead += self._take_out(burial.id)

    def _put(self, namespace: str, key: str, value: bytes) -> None:
        self._store.run(
            "INSERT INTO documents (seal, namespace, key, value) VALUES (?, ?, ?, ?) "
            "ON CONFLICT (namespace, key) DO UPDATE SET value = excluded.value, seal = excluded.seal",
            (seal_of_document(namespace, key, _bytes(value)), namespace, key, value),
        )

    def _revive(self, ids: Sequence[int]) -> int:
        revived = 0
        for id_ in ids:
            self._store.run(f"INSERT INTO records ({_KEPT}) SELECT {_KEPT} FROM dead WHERE id = ?", (id_,))
            for lane, size in self._store.rows("DELETE FROM dead WHERE id = ? RETURNING lane, size", (id_,)):
                self.totals.add(id_, lane, size)
                revived += 1
        self.totals.dead -= revived
        return revived

    def _forget(self, ids: Sequence[int]) -> int:
        gone = sum(len(self._store.rows("DELETE FROM dead WHERE id = ? RETURNING id", (id_,))) for id_ in ids)
        self.totals.dead -= gone
        return gone

    # Questions

    def oldest_id(self) -> int | None:
        """The lowest id waiting in any lane."""
        totals = self.totals
        if not totals.oldest_is_known:
            totals.oldest_id = self._store.number("SELECT min(id) FROM records") or None
            totals.oldest_is_known = True
        return totals.oldest_id

    def peek(self, lane: str, limit: int, after: int) -> list[Record]:
        """The first records of a lane with ids above ``after``, in order."""
        return self._records(
            self._store.rows(
                f"SELECT {_RECORD} FROM records WHERE lane = ? AND id > ? ORDER BY id LIMIT ?", (lane, after, limit)
            )
        )

    def stream(self, stream: str, limit: int, after: int) -> list[Record]:
        """The first records of a stream with ids above ``after``, in order."""
        return self._records(
            self._store.rows(
                f"SELECT {_RECORD} FROM records WHERE stream = ? AND id > ? ORDER BY id LIMIT ?", (stream, after, limit)
            )
        )

    def waiting(self, stream: str) -> int:
        """How many records of a stream wait, in all lanes."""
        return self._store.number("SELECT count(*) FROM records WHERE stream = ?", (stream,))

    def get(self, namespace: str, key: str) -> bytes | None:
        """A document, or None."""
        found = self._store.rows(
            "SELECT seal, key, value FROM documents WHERE namespace = ? AND key = ?", (namespace, key)
        )
        return self._documents(namespace, found).get(key)

    def items(self, namespace: str) -> dict[str, bytes]:
        """All documents of a namespace, in the order of their keys."""
        found = self._store.rows(
            "SELECT seal, key, value FROM documents WHERE namespace = ? ORDER BY key", (namespace,)
        )
        return self._documents(namespace, found)

    def dead(self, limit: int, after: int) -> list[DeadRecord]:
        """The first dead records with ids above ``after``, in order."""
        found = self._store.rows(f"SELECT {_DEAD} FROM dead WHERE id > ? ORDER BY id LIMIT ?", (after, limit))
        return [DeadRecord(*self._unsealed(row), *row[8:]) for row in found]

    def _records(self, rows: list[Row]) -> list[Record]:
        return [Record(*self._unsealed(row), *row[8:]) for row in rows]

    def _unsealed(self, row: Row) -> tuple[int, str, str, str, bytes, bool, bool]:
        """The columns of ``_SEALED``, in the order of a record's fields. Raises Corrupt."""
        seal, id_, lane, stream, kind, billable, thinnable, payload = row[:8]
        if seal != seal_of_record(id_, lane, stream, kind, billable, thinnable, payload):
            raise Corrupt(f"{self._store.path}: record {id_} is not what was written; the database is damaged")
        return id_, lane, stream, kind, payload, bool(billable), bool(thinnable)

    def _documents(self, namespace: str, rows: list[Row]) -> dict[str, bytes]:
        for seal, key, value in rows:
            if seal != seal_of_document(namespace, key, value):
                raise Corrupt(
                    f"{self._store.path}: document {key} of {namespace} is not what was written; it is damaged"
                )
        return {key: value for _, key, value in rows}


def _bytes(value: object) -> bytes:
    if not isinstance(value, bytes):
        raise InvalidCommit(f"only bytes are stored, not {type(value).__name__}; encode it first")
    return value
