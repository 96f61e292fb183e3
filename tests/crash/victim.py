"""A process to be recorded: ``python -m tests.crash.victim PATH SYNCHRONOUS COMMITS`` writes to a queue and tells what is durable.

It prints "+id" when a record is durable, "?id" before an acknowledgement is asked for, and "-id" when that is durable. Each
record is committed together with a document of its name, so that half a commit would show. The log is kept short, so that
writing it back happens often.
"""

import asyncio
import sys
from pathlib import Path

from offline_queue import Bounds, Commit, NewRecord, Queue, store

LANE = "tx"
NAMES = "names"
LOG_BYTES = 48 * 1024


async def append(queue: Queue, name: str) -> None:
    """Commit a record, and tell when it is durable."""
    record = NewRecord(LANE, "s", "k", f"{name} ".encode() + b"x" * (len(name) * 211 % 1500))
    (id_,) = await queue.commit(Commit(append=[record], put={(NAMES, name): b""}))
    sys.stdout.write(f"+{id_}\n")
    sys.stdout.flush()


async def main(path: Path, synchronous: str, commits: int) -> None:
    """Append groups of records and acknowledge some; close and open half-way."""
    store.LOG_BYTES = LOG_BYTES
    number = 0
    for _ in range(2):
        queue = await Queue.open(path, bounds=Bounds(reserve_bytes=0, ballast_bytes=64 * 1024))
        assert queue._worker._store is not None
        queue._worker._store.rows(f"PRAGMA synchronous = {synchronous}")
        for _ in range(commits // 2):
            group = [f"{number + step}" for step in range(1 + number % 3)]
            number += len(group)
            await asyncio.gather(*(append(queue, name) for name in group))
            if number % 4:
                head = await queue.head(LANE)
                assert head is not None
                sys.stdout.write(f"?{head.id}\n")
                sys.stdout.flush()
                await queue.commit(Commit(acknowledge=[head.id]))
                sys.stdout.write(f"-{head.id}\n")
                sys.stdout.flush()
        await queue.close()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
