"""The program, unchanged, telling what it promises: ``python -m tests.crash.narrated HOW run …`` is `wayside run …`.

Each line on standard output is a JSON array, written before the thing happens or, for "durable", as soon as the program is told so:

- ["ask", n, [[stream, kind], …], [record, …], {"namespace/key": value or null}]  commit n is asked for: what it appends,
  acknowledges or buries, and the documents it changes
- ["durable", n, [record, …]]  it is promised; these are the numbers of what was appended
- ["contactor", evse, closed]
- ["frame", "in" or "out", text]

HOW is one of BROKEN's names, or "whole".
"""

import asyncio
import json
import os
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

from firmware.cli import main
from firmware.core.events import FactRecorded
from firmware.core.facts import FactKind
from firmware.engine.journal import Journal
from firmware.frames import FrameLog
from firmware.outbox import Outbox
from hal.mock.evse import MockEvse
from offline_queue import Commit, Queue
from offline_queue.store import Store

SLOW_DISK_S = 16.0  # of the program's time


def tell(*line: object) -> None:
    """One line, in one write, so that it has one place among the writes to the disk."""
    os.write(1, json.dumps(line).encode() + b"\n")


def _told_durable(number: int, done: asyncio.Future[tuple[int, ...]]) -> None:
    if not done.cancelled() and done.exception() is None:
        tell("durable", number, done.result())


def narrate() -> None:
    """Let the classes of the program tell what they do."""
    submit, command, note = Queue.submit, MockEvse.command_contactor, FrameLog.note
    asked = iter(range(1_000_000))

    def told_submit(queue: Queue, commit: Commit) -> asyncio.Future[tuple[int, ...]]:
        number = next(asked)
        documents: dict[str, str | None] = {"/".join(key): None for key in commit.delete}
        documents |= {"/".join(key): value.decode() for key, value in commit.put.items()}
        appended = [[record.stream, record.kind] for record in commit.append]
        gone = [*commit.acknowledge, *(burial.id for burial in commit.bury)]
        tell("ask", number, appended, gone, documents)
        future = submit(queue, commit)
        future.add_done_callback(partial(_told_durable, number))
        return future

    def told_command(evse: MockEvse, closed: bool) -> None:
        tell("contactor", evse.id, closed)
        command(evse, closed)

    def told_note(log: FrameLog, direction: Any, text: str, monotonic_s: float) -> None:
        tell("frame", direction, text)
        note(log, direction, text, monotonic_s)

    setattr(Queue, "submit", told_submit)  # noqa: B010 - for the type checker a method is not assignable
    setattr(MockEvse, "command_contactor", told_command)  # noqa: B010
    setattr(FrameLog, "note", told_note)  # noqa: B010


def _syncs_seldom() -> None:
    """synchronous=NORMAL: the log is synced only when it is written back."""
    rows = Store.rows

    def fewer(store: Store, sql: str, *rest: Any) -> Any:
        return rows(store, sql.replace("synchronous = FULL", "synchronous = NORMAL"), *rest)

    setattr(Store, "rows", fewer)  # noqa: B010


def _allows_before_the_commit() -> None:
    """Energy flows as soon as the start is recorded, without waiting for the disk, which is a slow one."""
    record, write = Journal.record, Journal._write

    async def slow(journal: Journal) -> None:
        await asyncio.sleep(SLOW_DISK_S)
        await write(journal)

    def hasty(journal: Journal, event: FactRecorded) -> None:
        record(journal, event)
        if event.fact.kind is FactKind.STARTED:
            asyncio.get_running_loop().call_soon(journal._stored, event.fact.transaction)

    setattr(Journal, "record", hasty)  # noqa: B010
    setattr(Journal, "_write", slow)  # noqa: B010


def _acknowledges_before_the_answer() -> None:
    """A record leaves the journal when it is sent, not when it is answered."""
    deliver = Outbox._deliver

    async def hasty(outbox: Outbox, record: Any, *rest: Any) -> bool:
        await outbox._queue.commit(Commit(acknowledge=[record.id]))
        return await deliver(outbox, record, *rest)

    setattr(Outbox, "_deliver", hasty)  # noqa: B010


BROKEN: dict[str, Callable[[], None]] = {
    "syncs-seldom": _syncs_seldom,
    "allows-before-the-commit": _allows_before_the_commit,
    "acknowledges-before-the-answer": _acknowledges_before_the_answer,
}


if __name__ == "__main__":
    how = sys.argv.pop(1)
    narrate()
    if how != "whole":
        BROKEN[how]()
    sys.exit(main(sys.argv[1:]))
