"""The half of the queue that blocks: it runs in the executor, one call at a time.

Here is decided what a failure means. A full disk: make room and try again. A damaged file: repair it and try again. Anything
else is told to the caller, and the next call starts afresh.
"""

import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from offline_queue import repair
from offline_queue.errors import Corrupt, DiskFull, InvalidCommit, QueueError, ReadOnly, from_os_error
from offline_queue.files import Ballast, Lock, make_directory, make_file, sync
from offline_queue.ledger import Ledger
from offline_queue.schema import Migration, identify, migrate
from offline_queue.shedding import exceeded
from offline_queue.store import Store
from offline_queue.totals import Totals
from offline_queue.values import Bounds, Commit, Health, Incident, QueueStats

log = logging.getLogger(__name__)

CHECKED_BYTES = 4 * 1024 * 1024  # a database up to this size is checked whole when it is opened, in well under a second

_HEALTH = {DiskFull: Health.FULL, ReadOnly: Health.READ_ONLY}

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Report:
    """What one call into the worker brings back to the loop."""

    results: Sequence[Any]  # one for each thing asked; a QueueError stands for itself being raised
    stats: QueueStats
    incidents: Sequence[Incident]


class Worker:
    """The database and the files around it."""

    def __init__(
        self, path: Path, bounds: Bounds, free_bytes: Callable[[Path], int], migrations: tuple[Migration, ...]
    ) -> None:
        """Nothing is touched before ``open``. ``free_bytes`` tells the free space of a directory, or raises OSError."""
        self._path = path
        self._directory = path.parent
        self._bounds = bounds
        self._free_bytes = free_bytes
        self._migrations = migrations
        self._ballast = Ballast(path, bounds.ballast_bytes)
        self._lock: Lock | None = None
        self._store: Store | None = None
        self._ledger: Ledger | None = None  # None: not open, or a repair did not succeed yet
        self._totals = Totals()
        self._oldest_id: int | None = None
        self._incidents: list[Incident] = []
        self._health = Health.OK
        self._last_error: str | None = None

    def open(self) -> Report:
        """Lock and open the database, creating, repairing or migrating it as needed; then use nothing but ``close`` if it raises.

        Raises: QueueLocked, NotAQueue, NewerDatabase, DiskFull, ReadOnly, StoreFailed.
        """
        return self._report([self._mending(lambda _: None)])

    def close(self) -> Report:
        """Write the log back and let go of all files."""
        self._disconnect()
        lock, self._lock = self._lock, None
        if lock:
            lock.release()
        return self._report([None])

    def commit(self, commits: Sequence[Commit], now_s: float | None) -> Report:
        """Make a group of commits durable together. The results are ids or errors, one for each commit."""
        return self._report(self._commit(commits, now_s))

    def change(self, change: Callable[[Ledger], Any]) -> Report:
        """Make one change of another kind durable. The result is what it returns, or an error."""
        try:
            return self._report([self._write(change)])
        except QueueError as error:
            return self._report([error])

    def read(self, question: Callable[[Ledger], Any]) -> Report:
        """Answer a question. The result is the answer, or an error."""
        try:
            return self._report([self._mending(question)])
        except QueueError as error:
            self._note(error)
            return self._report([error])

    def check(self) -> Report:
        """Write and sync one page; how that went is in the statistics."""
        try:
            self._write(Ledger.touch)
        except QueueError:
            pass  # noted in _write
        return self._report([None])

    def _commit(self, commits: Sequence[Commit], now_s: float | None) -> list[Any]:
        try:
            outcomes, shed = self._write(lambda ledger: ledger.apply(commits, self._bounds, now_s))
        except DiskFull as error:
            if len(commits) == 1:
                return [error]
            # One large commit must not keep small ones out, which may still fit.
            return [outcome for commit in commits for outcome in self._commit([commit], now_s)]
        except QueueError as error:
            return [error] * len(commits)
        if shed:
            log.warning(
                "queue over its bounds thinned=%d dropped=%d aged=%d dead=%d",
                shed.thinned,
                shed.dropped,
                shed.aged,
                shed.dead,
            )
            self._incidents.append(shed)
        return outcomes

    def _write(self, change: Callable[[Ledger], Result]) -> Result:
        try:
            result = self._making_room(change)
        except QueueError as error:
            self._note(error)
            raise
        if self._health is not Health.OK:
            log.warning("queue writes again path=%s", self._path)
            self._health = Health.OK
        return result

    def _making_room(self, change: Callable[[Ledger], Result]) -> Result:
        """Make a change; on a full disk use the room in the log for it, and then that of the ballast."""
        try:
            return self._mending(change)
        except DiskFull:
            with suppress(DiskFull):  # of what is written back, the part that fits is written
                self._mending(Ledger.write_back)
        try:
            return self._mending(change)
        except DiskFull:
            if not self._ballast.throw_off():
                raise
        log.warning("queue throws off its ballast, the disk is full path=%s", self._path)
        return self._mending(change)

    def _note(self, error: QueueError) -> None:
        """Remember a failure of the disk, and log it if it is news."""
        if isinstance(error, InvalidCommit):
            return
        health = _HEALTH.get(type(error), Health.FAILED)
        if health is not self._health:
            log.error("queue fails health=%s error=%s", health, error)
        self._health = health
        self._last_error = str(error)

    def _mending(self, use: Callable[[Ledger], Result]) -> Result:
        """Use the ledger; if the database turns out to be damaged, repair it and use the new one. Raises: QueueError."""
        try:
            try:
                return use(self._opened())
            except Corrupt as error:
                self._repair(error)
                return use(self._opened())
        except QueueError:  # some of them are OSErrors
            raise
        except OSError as error:
            raise from_os_error(error, self._path) from error

    def _opened(self) -> Ledger:
        """The ledger, opened if it is not."""
        if self._ledger is None:
            self._disconnect()  # what an attempt that failed half-way has left
            if self._lock is None:
                make_directory(self._directory)
                self._lock = Lock(self._path)
                self._ballast.look()
            repair.finish(self._path)
            make_file(self._path)
            self._store = Store(self._path)
            newest = len(self._migrations)
            if identify(self._store, newest) and self._path.stat().st_size <= CHECKED_BYTES:
                self._store.check()
            self._store.make_durable()
            migrate(self._store, self._migrations)
            self._ledger = Ledger(self._store)
            sync(self._directory)
        return self._ledger

    def _repair(self, error: Corrupt) -> None:
        log.error("queue database is damaged, repairing it path=%s error=%s", self._path, error)
        self._disconnect()
        repaired = repair.repair(self._path, error, self._migrations)
        log.error(
            "queue database repaired records=%d dead=%d documents=%d unreadable=%d quarantined=%s",
            repaired.records,
            repaired.dead,
            repaired.documents,
            repaired.unreadable,
            repaired.quarantined,
        )
        self._incidents.append(repaired)

    def _disconnect(self) -> None:
        store, self._store, self._ledger = self._store, None, None
        if store:
            store.close()

    def _report(self, results: Sequence[Any]) -> Report:
        free = self._free()
        if self._ledger:
            self._hold_ballast(free)
            try:
                self._oldest_id, self._totals = self._mending(lambda ledger: (ledger.oldest_id(), ledger.totals))
            except QueueError as error:
                self._note(error)
        incidents, self._incidents = self._incidents, []
        stats = QueueStats(
            depth=dict(self._totals.depth),
            oldest_id=self._oldest_id,
            bytes=self._totals.bytes,
            dead=self._totals.dead,
            health=self._health,
            accepting=self._health is Health.OK
            and free >= self._bounds.reserve_bytes
            and not exceeded(self._totals, self._bounds),
            last_error=self._last_error,
        )
        return Report(results, stats, incidents)

    def _free(self) -> int:
        try:
            return self._free_bytes(self._directory)
        except OSError as error:
            log.warning("queue cannot tell the free space path=%s error=%s", self._directory, error)
            return 0

    def _hold_ballast(self, free: int) -> None:
        size = self._ballast.missing_bytes
        if size and free >= self._bounds.reserve_bytes + 2 * size:
            try:
                self._ballast.hold()
            except OSError as error:
                log.warning("queue cannot hold its ballast bytes=%d path=%s error=%s", size, self._path, error)
