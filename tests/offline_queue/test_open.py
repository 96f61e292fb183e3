"""Opening and closing: what survives, who may open, and what a caller who gives up leaves behind."""

import asyncio
import errno
import signal
import stat
import sys
import threading
from pathlib import Path

import pytest

from offline_queue import Bounds, Commit, DiskFull, Queue, QueueClosed, QueueError, QueueLocked, ReadOnly, StoreFailed
from offline_queue.files import make_directory, make_file
from tests.offline_queue.conftest import BOUNDS, Opener
from tests.offline_queue.helpers import CountingExecutor, fill, new, texts

HOLDER = """
import asyncio, pathlib, sys
from offline_queue import Queue
async def main():
    queue = await Queue.open(pathlib.Path(sys.argv[1]))
    print("open", flush=True)
    await asyncio.Event().wait()
asyncio.run(main())
"""


def mode(path: Path) -> int:
    """The permission bits of a file."""
    return stat.S_IMODE(path.stat().st_mode)


def names(queue: Queue) -> set[str]:
    """The files of a queue."""
    return {entry.name for entry in queue._worker._path.parent.iterdir()}


async def test_everything_survives_closing_and_opening(queue: Queue, opener: Opener) -> None:
    """Records, their order, documents and the statistics."""
    await fill(queue, "a", "b")
    await fill(queue, "c", lane="other")
    await queue.commit(Commit(put={("n", "k"): b"v"}))
    before = queue.stats()
    await queue.close()
    again = await opener()
    assert await texts(again) == ["a", "b"]
    assert await texts(again, "other") == ["c"]
    assert await again.get("n", "k") == b"v"
    assert again.stats() == before


async def test_id_is_never_used_twice(queue: Queue, opener: Opener) -> None:
    """Not even when the queue was empty in between and the program restarted."""
    seen: set[int] = set()
    for _ in range(3):
        ids = await fill(queue, "a", "b")
        assert not seen & set(ids)
        assert min(ids) > max(seen, default=0)
        seen |= set(ids)
        await queue.commit(Commit(acknowledge=ids))
        await queue.close()
        queue = await opener()


async def test_ids_go_on_beyond_a_block(queue: Queue) -> None:
    """The counter is written once for many records, and again when those are used up."""
    ids = await fill(queue, *(str(number) for number in range(3000)))
    (after,) = await fill(queue, "x")
    assert after == ids[-1] + 1


async def test_files_are_for_this_user_alone(queue: Queue, path: Path) -> None:
    """Payloads hold tokens of drivers."""
    await fill(queue, "a")
    assert mode(path.parent) == 0o700
    assert {mode(file) for file in path.parent.iterdir()} == {0o600}
    assert path.with_name("queue.db-wal").exists()


async def test_directory_that_exists_is_left_as_it_is(path: Path, opener: Opener) -> None:
    """Its owner has decided who may look into it."""
    path.parent.mkdir(mode=0o750)
    await opener()
    assert mode(path.parent) == 0o750


async def test_second_process_is_refused_until_the_first_is_gone(path: Path, opener: Opener) -> None:
    """Two programs must not deliver the same records; a killed one does not keep the queue locked."""
    holder = await asyncio.create_subprocess_exec(
        sys.executable, "-c", HOLDER, str(path), stdout=asyncio.subprocess.PIPE
    )
    assert holder.stdout is not None
    assert await holder.stdout.readline() == b"open\n"
    with pytest.raises(QueueLocked, match=r"queue\.db is in use; stop the program that has it open"):
        await opener()
    holder.send_signal(signal.SIGKILL)
    await holder.wait()
    await fill(await opener(), "a")


async def test_second_queue_of_one_process_is_refused(queue: Queue, opener: Opener) -> None:
    """The lock holds within a process too, and nothing is changed beside the first queue."""
    with pytest.raises(QueueLocked):
        await opener(bounds=Bounds(reserve_bytes=0))
    assert "queue.db.ballast" not in names(queue)
    await fill(queue, "a")


async def test_directory_in_the_place_of_a_file_is_an_error_of_this_room(path: Path, opener: Opener) -> None:
    """Errors of the operating system come as StoreFailed, naming the file."""
    make_directory(path)
    with pytest.raises(StoreFailed, match=r"queue\.db: Is a directory"):
        await opener()
    make_directory(path.with_name("other.db.lock"))
    with pytest.raises(StoreFailed, match=r"other\.db\.lock"):
        await Queue.open(path.with_name("other.db"))


async def test_cancelled_open_lets_go_of_the_files(path: Path, opener: Opener) -> None:
    """The worker may be opening already; it is closed after that, and the queue can be opened again."""
    executor = CountingExecutor()
    gate = threading.Event()
    executor.submit(gate.wait)
    opening = asyncio.ensure_future(Queue.open(path, bounds=BOUNDS, executor=executor))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert executor.calls == 2
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening
    gate.set()
    for _ in range(2):  # the first ends after the opening, the second after the closing that follows
        await asyncio.get_running_loop().run_in_executor(executor, lambda: None)
    await fill(await opener(), "a")


async def test_given_executor_is_left_running(opener: Opener) -> None:
    """It belongs to the caller, who may use it for other things."""
    executor = CountingExecutor()
    queue = await opener(executor=executor)
    await queue.close()
    assert executor.submit(lambda: 5).result() == 5


async def test_own_thread_ends_with_the_queue(path: Path) -> None:
    """Nothing is left over after close."""
    queue = await Queue.open(path, bounds=BOUNDS)
    await fill(queue, "a")
    await queue.close()
    with pytest.raises(RuntimeError, match="after shutdown"):
        queue._executor.submit(lambda: None)


async def test_executor_that_drops_its_work_fails_the_callers(opener: Opener) -> None:
    """A call that was waiting in a cancelled executor is answered too."""
    executor = CountingExecutor()
    queue = await opener(executor=executor)
    gate = threading.Event()
    executor.submit(gate.wait)
    submitted = queue.submit(Commit(append=[new()]))
    await asyncio.sleep(0)
    executor.shutdown(wait=False, cancel_futures=True)
    gate.set()
    with pytest.raises(QueueClosed, match="executor was shut down"):
        await submitted
    with pytest.raises(QueueClosed, match="executor was shut down"):
        await queue.close()
    queue._worker.close()


@pytest.mark.parametrize(
    ("code", "error"), [(errno.EROFS, ReadOnly), (errno.EACCES, ReadOnly), (errno.ENOSPC, DiskFull)]
)
async def test_place_that_cannot_be_written_is_told(
    path: Path, monkeypatch: pytest.MonkeyPatch, code: int, error: type[QueueError]
) -> None:
    """A read-only disk, missing rights or no room at start name the file and what to do."""

    def refuse(*_: object) -> int:
        raise OSError(code, "refused")

    make_directory(path.parent)
    make_file(path)
    monkeypatch.setattr("offline_queue.files.os.open", refuse)
    with pytest.raises(error, match=r"queue\.db\.lock: refused; .* the queue goes on by itself"):
        await Queue.open(path)


async def test_file_system_without_locks_is_told(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault of the lock is not taken for another process."""

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("offline_queue.files.fcntl.flock", refuse)
    with pytest.raises(StoreFailed, match=r"queue\.db\.lock: No locks available"):
        await Queue.open(path)
