"""The queue as the program sees it: on the event loop, never blocking it.

All work is done by calls into the worker, one at a time and in the order asked for, each a round trip through the executor.
Commits that arrive while one is under way wait together, and are then made durable together with a single sync.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, Self, TypeVar, cast

from offline_queue.errors import QueueClosed
from offline_queue.export import as_json
from offline_queue.files import free_bytes as free_bytes_of_disk
from offline_queue.ledger import Ledger
from offline_queue.schema import MIGRATIONS, Migration
from offline_queue.values import Bounds, Commit, DeadRecord, Incident, QueueStats, Record
from offline_queue.worker import Report, Worker

MOST_AT_ONCE = 512  # commits in one transaction; bounds how long the first of them waits for the others
EXPORTED_AT_ONCE = 100  # dead records in memory during an export

Result = TypeVar("Result")
_Waiter = asyncio.Future[Any]
_Call = Callable[[], Report]


class Queue:
    """Durable, ordered records in lanes, and documents that change together with them.

    Made by ``Queue.open``, used on the loop that opened it, and ended by ``close``. What is asked for takes effect in the order of
    asking, also without waiting in between. Every method that waits may raise DiskFull, ReadOnly or StoreFailed, after which the
    queue stays usable, and QueueClosed.
    """

    def __init__(
        self,
        worker: Worker,
        executor: Executor,
        *,
        owns_executor: bool,
        on_incident: Callable[[Incident], None] | None,
        wall_clock: Callable[[], float | None] | None,
    ) -> None:
        """Only ``open`` makes a queue."""
        self._worker = worker
        self._executor = executor
        self._owns_executor = owns_executor
        self._on_incident = on_incident
        self._wall_clock = wall_clock
        self._loop = asyncio.get_running_loop()
        self._jobs: deque[tuple[Commit | _Call, _Waiter]] = deque()
        self._now_s: float | None = None  # when the last commit was handed over
        self._working = False  # a call is in the executor, or about to be
        self._closed = False
        self._stats: QueueStats

    @classmethod
    async def open(
        cls,
        path: Path,
        *,
        bounds: Bounds | None = None,
        executor: Executor | None = None,
        on_incident: Callable[[Incident], None] | None = None,
        wall_clock: Callable[[], float | None] | None = None,
        free_bytes: Callable[[Path], int] = free_bytes_of_disk,
        migrations: tuple[Migration, ...] = MIGRATIONS,
    ) -> Self:
        """Open the queue stored at ``path``; create it, with its directory, if it is missing; repair it if it is damaged.

        Args:
            path: the database. The other files of the queue have its name with a suffix.
            bounds: how large it may grow.
            executor: runs the blocking calls, one at a time; by default a thread of the queue's own.
            on_incident: called on the loop when records were removed or the database was repaired.
            wall_clock: seconds since any fixed moment, or None while the time is not known; for the age of records.
            free_bytes: the free space of a directory.
            migrations: the versions of the schema, oldest first.

        Raises: QueueLocked, NotAQueue, NewerDatabase, DiskFull, ReadOnly, StoreFailed.
        """
        queue = cls(
            Worker(path, bounds or Bounds(), free_bytes, migrations),
            executor or ThreadPoolExecutor(1, thread_name_prefix="offline-queue"),
            owns_executor=executor is None,
            on_incident=on_incident,
            wall_clock=wall_clock,
        )
        try:
            await queue._ask(queue._worker.open)
        except asyncio.CancelledError:
            queue._finish()  # comes after the opening, which goes on in the executor
            raise
        except Exception:
            await queue.close()
            raise
        return queue

    async def close(self) -> None:
        """Finish what was asked for, write the log back and let go of the files. A second call does nothing."""
        if not self._closed:
            await asyncio.shield(self._finish())

    # Changing

    def submit(self, commit: Commit) -> asyncio.Future[tuple[int, ...]]:
        """Hand over a commit without waiting; the future brings the ids of its records when all of it is durable.

        Cancelling the future does not undo the commit. The future may raise InvalidCommit, DiskFull, ReadOnly or StoreFailed, and
        then nothing of the commit is stored. Raises: QueueClosed.
        """
        if self._wall_clock:
            self._now_s = self._wall_clock()
        return self._enqueue(commit)

    async def commit(self, commit: Commit) -> tuple[int, ...]:
        """Make a commit durable and return the ids of its records. Cancellation and errors are as for ``submit``."""
        return await self.submit(commit)

    async def retry(self, ids: Sequence[int]) -> int:
        """Put dead records back, as if never sent, at the place their ids give them; return how many there were."""
        return await self._change(lambda ledger: ledger.retry(ids))

    async def discard(self, ids: Sequence[int]) -> int:
        """Delete dead records for good; return how many there were."""
        return await self._change(lambda ledger: ledger.discard(ids))

    async def check(self) -> QueueStats:
        """Write and sync one page, to learn how the disk is while there is nothing to commit; its faults are not raised."""
        await self._ask(self._worker.check)
        return self._stats

    # Asking

    async def head(self, lane: str) -> Record | None:
        """The record of a lane to deliver next, or None."""
        first = await self.peek(lane, 1)
        return first[0] if first else None

    async def peek(self, lane: str, limit: int, *, after: int = 0) -> list[Record]:
        """The first records of a lane with ids above ``after``, in the order of delivery."""
        return await self._read(lambda ledger: ledger.peek(lane, limit, after))

    async def records(self, stream: str, limit: int, *, after: int = 0) -> list[Record]:
        """The first records of a stream, of all lanes, with ids above ``after``, in the order of ids."""
        return await self._read(lambda ledger: ledger.stream(stream, limit, after))

    async def waiting(self, stream: str) -> int:
        """How many records of a stream are in the queue."""
        return await self._read(lambda ledger: ledger.waiting(stream))

    async def get(self, namespace: str, key: str) -> bytes | None:
        """A document, or None."""
        return await self._read(lambda ledger: ledger.get(namespace, key))

    async def items(self, namespace: str) -> dict[str, bytes]:
        """All documents of a namespace, in the order of their keys."""
        return await self._read(lambda ledger: ledger.items(namespace))

    async def dead(self, limit: int, *, after: int = 0) -> list[DeadRecord]:
        """The first dead records with ids above ``after``, in the order of ids."""
        return await self._read(lambda ledger: ledger.dead(limit, after))

    async def export_dead(self) -> AsyncIterator[str]:
        """Yield each dead record as a line of JSON."""
        after = 0
        while page := await self.dead(EXPORTED_AT_ONCE, after=after):
            for record in page:
                yield as_json(record)
            after = page[-1].id

    def stats(self) -> QueueStats:
        """The state after the last call that reached the disk; from memory, at once."""
        return self._stats

    # The jobs

    async def _read(self, question: Callable[[Ledger], Result]) -> Result:
        return cast("Result", await self._ask(partial(self._worker.read, question)))

    async def _change(self, change: Callable[[Ledger], Result]) -> Result:
        return cast("Result", await self._ask(partial(self._worker.change, change)))

    async def _ask(self, call: _Call) -> Any:
        return await self._enqueue(call)

    def _enqueue(self, job: Commit | _Call) -> _Waiter:
        if self._closed:
            raise QueueClosed("the queue is closed; open it again")
        waiter: _Waiter = self._loop.create_future()
        self._jobs.append((job, waiter))
        if not self._working:
            self._working = True
            self._loop.call_soon(self._next)  # not at once: commits of the same turn of the loop belong together
        return waiter

    def _finish(self) -> _Waiter:
        """Close the worker after all that was asked for."""
        waiter = self._enqueue(self._worker.close)
        waiter.add_done_callback(self._finished)
        self._closed = True
        return waiter

    def _finished(self, waiter: _Waiter) -> None:
        waiter.exception()  # raised by ``close``; after an ``open`` that failed nobody waits for it
        if self._owns_executor:
            self._executor.shutdown(wait=False)

    def _next(self) -> None:
        """Start the next call: a group of commits, or one call of another kind."""
        if not self._jobs:
            self._working = False
            return
        call, waiters = self._gathered()
        try:
            running = self._loop.run_in_executor(self._executor, call)
        except RuntimeError as error:
            failure = QueueClosed(f"the executor was shut down before the queue: {error}")
            self._resolve(waiters, [failure] * len(waiters))
            self._loop.call_soon(self._next)
        else:
            running.add_done_callback(partial(self._done, waiters))

    def _gathered(self) -> tuple[_Call, list[_Waiter]]:
        job, waiter = self._jobs.popleft()
        if not isinstance(job, Commit):
            return job, [waiter]
        commits, waiters = [job], [waiter]
        while self._jobs and len(commits) < MOST_AT_ONCE:
            job, waiter = self._jobs[0]
            if not isinstance(job, Commit):
                break
            self._jobs.popleft()
            commits.append(job)
            waiters.append(waiter)
        return partial(self._worker.commit, commits, self._now_s), waiters

    def _done(self, waiters: list[_Waiter], running: asyncio.Future[Report]) -> None:
        failure = (
            QueueClosed("the executor was shut down before the queue") if running.cancelled() else running.exception()
        )
        if failure:
            self._resolve(waiters, [failure] * len(waiters))
        else:
            report = running.result()
            self._stats = report.stats
            if self._on_incident:
                for incident in report.incidents:  # told before the callers go on, and not able to harm them
                    self._loop.call_soon(self._on_incident, incident)
            self._resolve(waiters, report.results)
        self._next()

    @staticmethod
    def _resolve(waiters: list[_Waiter], results: Sequence[Any]) -> None:
        for waiter, result in zip(waiters, results, strict=True):
            if waiter.done():  # cancelled meanwhile
                continue
            if isinstance(result, BaseException):
                waiter.set_exception(result)
            else:
                waiter.set_result(result)
