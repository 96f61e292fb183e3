"""Short ways to fill a queue and to look at it."""

import resource
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from offline_queue import Commit, NewRecord, Queue


def new(
    text: str = "x", *, lane: str = "tx", stream: str = "s", billable: bool = True, thinnable: bool = False
) -> NewRecord:
    """A record whose payload is a text."""
    return NewRecord(lane, stream, "Sampled" if thinnable else "Started", text.encode(), billable, thinnable)


async def fill(queue: Queue, *texts: str, **options: Any) -> tuple[int, ...]:
    """Append records with these payloads; return their ids."""
    return await queue.commit(Commit(append=[new(text, **options) for text in texts]))


async def texts(queue: Queue, lane: str = "tx") -> list[str]:
    """The payloads waiting in a lane, in the order of delivery."""
    return [record.payload.decode() for record in await queue.peek(lane, 1_000_000)]


def size(path: Path) -> int:
    """The length of a file."""
    return path.stat().st_size


class CountingExecutor(ThreadPoolExecutor):
    """One thread that counts what it was given."""

    def __init__(self) -> None:
        super().__init__(1)
        self.calls = 0

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        self.calls += 1
        return super().submit(fn, *args, **kwargs)


@contextmanager
def file_size_limit(size: int) -> Iterator[None]:
    """Let every write of this process beyond a file size fail, as on a disk that refuses it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
