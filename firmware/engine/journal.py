"""Writes what the core records, in order, and says when it is on disk.

One writer takes everything that is waiting into one commit. When the disk refuses, a transaction's start is given up (and never
was), while everything else is held and tried again in the same order: contactor logic does not wait for either. A new start is tried at
once also while the disk keeps refusing, so that nobody at the pole waits for the next attempt.
"""

import asyncio
import json
import logging
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from firmware.core.events import EndingDecided, FactRecorded
from firmware.core.facts import FactKind, encode, encode_frame
from offline_queue import Commit, NewRecord, Queue, QueueError

log = logging.getLogger(__name__)

LANE = "transaction"
TRANSACTIONS = "transaction"  # namespace of recovery records, by transaction
SERIES = "series"  # namespace of samples kept for the end, by transaction/number
HELD_LIMIT = 2000  # changes held in memory while the disk refuses; samples go first
RETRY_S = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0)


@dataclass(frozen=True, slots=True)
class Change:
    """What one event wants on disk."""

    append: tuple[NewRecord, ...] = ()
    put: dict[tuple[str, str], bytes] = field(default_factory=dict)
    delete: tuple[tuple[str, str], ...] = ()
    starts: str | None = None  # the transaction whose start this is

    @property
    def expendable(self) -> bool:
        """True for samples between start and end."""
        return bool(self.append) and all(record.thinnable for record in self.append)


class Journal:
    """Order-keeping writer in front of the queue."""

    def __init__(
        self,
        queue: Queue,
        *,
        stored: Callable[[str], None],
        refused: Callable[[str], None],
    ) -> None:
        """`stored` and `refused` are told the transaction whose start is, or will never be, on disk."""
        self._queue = queue
        self._stored = stored
        self._refused = refused
        self._held: deque[Change] = deque()
        self._writing: tuple[asyncio.Future[tuple[int, ...]], tuple[Change, ...]] | None = None  # handed to the queue
        self._dropped = 0  # samples, since the disk began to refuse
        self._wake = asyncio.Event()
        self._start_waits = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._series: dict[str, int] = {}
        self.on_written: Callable[[], None] = lambda: None
        self.ticks = 0  # turns of `run`, for the watchdog

    def record(self, event: FactRecorded) -> None:
        """Take a fact of the core."""
        fact = event.fact
        ended = fact.kind is FactKind.ENDED
        record = NewRecord(
            lane=LANE,
            stream=fact.transaction or f"evse-{fact.evse}",
            kind=fact.kind.value,
            payload=encode(fact),
            billable=fact.kind is not FactKind.METERED,
            thinnable=fact.kind in (FactKind.SAMPLED, FactKind.METERED),
        )
        put: dict[tuple[str, str], bytes] = {}
        delete: tuple[tuple[str, str], ...] = ()
        if event.keep is not None:
            put[TRANSACTIONS, fact.transaction] = event.keep
        for frame in event.series:
            number = self._series.get(fact.transaction, 0)
            self._series[fact.transaction] = number + 1
            put[SERIES, f"{fact.transaction}/{number:08d}"] = json.dumps(encode_frame(frame)).encode()
        if ended:
            count = self._series.pop(fact.transaction, 0)
            delete = (
                (TRANSACTIONS, fact.transaction),
                *((SERIES, f"{fact.transaction}/{number:08d}") for number in range(count)),
            )
        bare_sample = fact.kind is FactKind.SAMPLED and not fact.frames  # only feeds the series
        starts = fact.transaction if fact.kind is FactKind.STARTED else None
        self.write(Change(() if bare_sample else (record,), put, delete, starts))

    def ending(self, event: EndingDecided) -> None:
        """Keep that a transaction is to end, and why; the fact follows when the end register is known."""
        self.write(Change(put={(TRANSACTIONS, event.transaction): event.keep}))

    def adopt(self, transaction: str, next_number: int) -> None:
        """Continue the series of a recovered transaction with this number."""
        self._series[transaction] = next_number

    def write(self, change: Change) -> None:
        """Take any other change; returns at once."""
        self._held.append(change)
        self._idle.clear()
        self._wake.set()
        if change.starts is not None:
            self._start_waits.set()
        if len(self._held) > HELD_LIMIT:
            self._drop_a_sample()

    def _drop_a_sample(self) -> None:
        """Samples between start and end are all that may be lost; what a bill needs is held without limit."""
        victim = next((held for held in self._held if held.expendable), None)
        if victim is not None:
            self._held.remove(victim)
            self._dropped += 1

    def nudge(self) -> None:
        """Make `run` turn once, and try a disk that refused again."""
        self._wake.set()
        self._start_waits.set()

    async def written(self) -> None:
        """Wait until everything taken so far is on disk or given up."""
        await self._idle.wait()

    async def run(self) -> None:
        """Write for ever."""
        failures = 0
        while True:
            await self._wake.wait()
            self.ticks += 1
            try:
                if self._held or self._writing is not None:
                    await self._write()
            except QueueError as error:
                failures += 1
                log.error("journal cannot write error=%s held=%d", error, len(self._held))
                self._give_up_starts()
                if self._held:
                    await self._pause(RETRY_S[min(failures, len(RETRY_S)) - 1])
            else:
                failures = 0
            if not self._held:
                self._wake.clear()
                self._idle.set()

    async def finish(self) -> None:
        """Write what is left, once, after `run` has ended. Raises QueueError; then what is held is lost."""
        while self._held or self._writing is not None:
            await self._write()

    async def _write(self) -> None:
        """Write one batch. Cancelled in between, the batch stays under way and the next call waits for it: never twice."""
        if self._writing is None:
            batch = tuple(self._held)
            self._writing = (self._queue.submit(_merged(batch)), batch)
            self._held.clear()
        future, batch = self._writing
        try:
            await asyncio.shield(future)
        except QueueError:
            self._writing = None
            self._held.extendleft(reversed(batch))
            raise
        self._writing = None
        if self._dropped:
            log.warning("samples lost while the disk refused count=%d", self._dropped)
            self._dropped = 0
        for change in batch:
            if change.starts is not None:
                self._stored(change.starts)
        self.on_written()

    async def _pause(self, seconds: float) -> None:
        """Wait before the next attempt, but not while a start waits."""
        self._start_waits.clear()
        try:
            async with asyncio.timeout(seconds):
                await self._start_waits.wait()
        except TimeoutError:
            pass

    def _give_up_starts(self) -> None:
        lost = [change for change in self._held if change.starts is not None]
        for change in lost:
            assert change.starts is not None
            # whatever else this transaction recorded since goes with it: it never was
            self._held = deque(held for held in self._held if not _belongs(held, change.starts))
            self._series.pop(change.starts, None)
            self._refused(change.starts)


def _belongs(change: Change, transaction: str) -> bool:
    return any(record.stream == transaction for record in change.append) or (TRANSACTIONS, transaction) in change.put


def _merged(changes: Sequence[Change]) -> Commit:
    put: dict[tuple[str, str], bytes] = {}
    deleted: dict[tuple[str, str], None] = {}
    for change in changes:
        for key, value in change.put.items():
            put[key] = value
            deleted.pop(key, None)
        for key in change.delete:
            put.pop(key, None)
            deleted[key] = None
    return Commit(
        append=tuple(record for change in changes for record in change.append), put=put, delete=tuple(deleted)
    )
