"""A queue in a directory of its own, and short ways to fill it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from offline_queue import Bounds, Queue

Opener = Callable[..., Awaitable[Queue]]

BOUNDS = Bounds(reserve_bytes=0, ballast_bytes=0)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the database of this test is."""
    return tmp_path / "state" / "queue.db"


@pytest.fixture
async def opener(path: Path) -> AsyncIterator[Opener]:
    """Opens the queue of this test, as often as wanted; what is still open at the end is closed."""
    opened: list[Queue] = []

    async def open_queue(**options: Any) -> Queue:
        queue = await Queue.open(path, **({"bounds": BOUNDS} | options))
        opened.append(queue)
        return queue

    yield open_queue
    for queue in opened:
        await queue.close()


@pytest.fixture
async def queue(opener: Opener) -> Queue:
    """An open, empty queue."""
    return await opener()
