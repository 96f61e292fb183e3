"""Disks that are full, read-only or broken: nothing is half-written, the caller is told, and the queue goes on when the disk does."""

import asyncio
import logging
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from offline_queue import Bounds, Commit, DiskFull, Queue, ReadOnly, StoreFailed
from offline_queue.files import Ballast, free_bytes
from offline_queue.store import Store
from tests.offline_queue.conftest import BOUNDS, Opener
from tests.offline_queue.helpers import file_size_limit, fill, new, size, texts

BALLAST = 256 * 1024


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 4 MiB."""
    if os.geteuid() != 0:
        pytest.skip("mounting a file system needs root")
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", disk], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"cannot mount: {mounted.stderr.strip()}")
    yield disk
    subprocess.run(["umount", "--lazy", disk], check=True)  # a test that failed may have left a queue open


def fill_disk(disk: Path, spare: int = 0) -> None:
    """Leave so many bytes free."""
    descriptor = os.open(disk / "filler", os.O_RDWR | os.O_CREAT, 0o600)
    os.posix_fallocate(descriptor, 0, free_bytes(disk) - spare)
    os.close(descriptor)


def empty_disk(disk: Path) -> None:
    """Free what ``fill_disk`` took."""
    (disk / "filler").unlink()


def exists(path: Path) -> bool:
    """Whether there is such a file."""
    return path.exists()


def remount(disk: Path, how: str) -> None:
    """Make a file system read-only or writable."""
    subprocess.run(["mount", "-o", f"remount,{how}", disk], check=True)


async def fill_until_refused(queue: Queue) -> list[str]:
    """Append one record after the other until the disk is full; return those that were stored."""
    stored: list[str] = []
    while True:
        text = f"{len(stored):0900}"
        try:
            await fill(queue, text)
        except DiskFull:
            return stored
        stored.append(text)


async def limited(queue: Queue, pages: int) -> None:
    """Let the database grow by no more than so many pages."""
    store = queue._worker._store
    assert store is not None
    store.rows(f"PRAGMA max_page_count = {store.number('PRAGMA page_count') + pages}")


async def test_full_disk_refuses_the_commit_whole(queue: Queue) -> None:
    """Nothing of it is stored, the statistics say why, and a smaller one may still fit."""
    await fill(queue, "a")
    await limited(queue, 10)
    with pytest.raises(DiskFull, match=r"queue\.db: database or disk is full .*free some space"):
        await queue.commit(Commit(append=[new("b"), new("x" * 50_000)], put={("n", "k"): b"v"}))
    stats = queue.stats()
    assert (stats.health, stats.accepting, stats.rows) == ("full", False, 1)
    assert stats.last_error is not None
    assert "disk is full" in stats.last_error
    assert await queue.get("n", "k") is None
    await fill(queue, "c")
    assert await texts(queue) == ["a", "c"]
    assert (queue.stats().health, queue.stats().accepting) == ("ok", True)


async def test_large_commit_does_not_keep_small_ones_out(queue: Queue) -> None:
    """Those that waited for the same sync are tried alone when they do not fit together."""
    await limited(queue, 10)
    large = queue.submit(Commit(append=[new("x" * 50_000)]))
    small = [queue.submit(Commit(append=[new(text)])) for text in "ab"]
    with pytest.raises(DiskFull):
        await large
    await asyncio.gather(*small)
    assert await texts(queue) == ["a", "b"]


async def test_refused_retry_of_the_dead_is_told(queue: Queue) -> None:
    """Other changes meet the same disk."""
    store = queue._worker._store
    assert store is not None
    store.rows("PRAGMA query_only = ON")
    with pytest.raises(ReadOnly):
        await queue.retry([1])
    assert queue.stats().health == "read_only"


async def test_database_that_turns_read_only_is_told_and_recovers(
    queue: Queue, caplog: pytest.LogCaptureFixture
) -> None:
    """The log has one line for the fault and one for its end."""
    await fill(queue, "a")
    store = queue._worker._store
    assert store is not None
    store.rows("PRAGMA query_only = ON")
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            with pytest.raises(ReadOnly, match="make it writable"):
                await fill(queue, "b")
        assert queue.stats().health == "read_only"
        assert (await queue.check()).health == "read_only"
        store.rows("PRAGMA query_only = OFF")
        assert (await queue.check()).health == "ok"
    assert await texts(queue) == ["a"]
    messages = [record.getMessage().split(" path=")[0] for record in caplog.records]
    assert [message.split(" error=")[0] for message in messages] == [
        "queue fails health=read_only",
        "queue writes again",
    ]


async def test_broken_disk_is_told_and_recovers(queue: Queue) -> None:
    """An I/O error fails the commits that met it, and only those."""
    await fill(queue, "a")
    with file_size_limit(0):
        results = await asyncio.gather(fill(queue, "b"), fill(queue, "c"), return_exceptions=True)
        assert [type(result) for result in results] == [StoreFailed, StoreFailed]
        assert queue.stats().health == "failed"
    await fill(queue, "d")
    assert await texts(queue) == ["a", "d"]
    assert queue.stats().health == "ok"


async def test_what_was_refused_does_not_come_back(path: Path, queue: Queue, opener: Opener) -> None:
    """A commit reported as failed is not there after a restart either."""
    await fill(queue, "a")
    with file_size_limit(20_000), pytest.raises(StoreFailed):
        await queue.commit(Commit(append=[new(f"{n:0900}") for n in range(200)]))
    await queue.close()
    assert await texts(await opener()) == ["a"]


@pytest.mark.root
async def test_real_full_disk_spends_its_ballast_on_the_last_records(
    small_disk: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A stop still fits when everything else on the disk is taken; then commits fail, and work again when there is room."""
    path = small_disk / "queue.db"
    queue = await Queue.open(path, bounds=Bounds(reserve_bytes=0, ballast_bytes=BALLAST))
    await fill(queue, "start")
    ballast = small_disk / "queue.db.ballast"
    assert size(ballast) == BALLAST
    fill_disk(small_disk)
    stored = ["start", *await fill_until_refused(queue)]
    assert len(stored) > 20
    assert "queue throws off its ballast, the disk is full" in caplog.text
    assert not exists(ballast)
    assert queue.stats().health == "full"
    assert await texts(queue) == stored
    empty_disk(small_disk)
    await fill(queue, "stop")
    assert size(ballast) == BALLAST
    await queue.close()
    again = await Queue.open(path, bounds=BOUNDS)
    assert await texts(again) == [*stored, "stop"]
    await again.close()


@pytest.mark.root
async def test_queue_opens_and_drains_on_a_full_disk(small_disk: Path) -> None:
    """A restart must not stop the station from delivering what it has; deliveries need no more room than the ballast."""
    path = small_disk / "queue.db"
    bounds = Bounds(reserve_bytes=0, ballast_bytes=BALLAST)
    queue = await Queue.open(path, bounds=bounds)
    ids = [(await fill(queue, f"{number:0900}"))[0] for number in range(600)]
    await queue.close()
    fill_disk(small_disk)
    queue = await Queue.open(path, bounds=bounds)
    for id_ in ids:
        head = await queue.head("tx")
        assert head is not None
        assert head.id == id_
        await queue.commit(Commit(acknowledge=[id_]))
    assert queue.stats().rows == 0
    await queue.close()


@pytest.mark.root
async def test_new_queue_on_a_full_disk_is_refused(small_disk: Path) -> None:
    """There is no room even for an empty one."""
    fill_disk(small_disk)
    with pytest.raises(DiskFull, match="free some space"):
        await Queue.open(small_disk / "queue.db", bounds=BOUNDS)


@pytest.mark.root
async def test_read_only_disk_refuses_to_open(small_disk: Path) -> None:
    """Opening tells at once that nothing can be kept."""
    path = small_disk / "queue.db"
    await (await Queue.open(path, bounds=BOUNDS)).close()
    remount(small_disk, "ro")
    with pytest.raises(ReadOnly, match="make it writable"):
        await Queue.open(path, bounds=BOUNDS)
    remount(small_disk, "rw")
    await (await Queue.open(path, bounds=BOUNDS)).close()


def test_ballast_that_does_not_fit_is_not_left_behind(tmp_path: Path) -> None:
    """Half a ballast would only take space."""
    ballast = Ballast(tmp_path / "queue.db", BALLAST)
    with file_size_limit(1000), pytest.raises(OSError, match="File too large"):
        ballast.hold()
    assert ballast.missing_bytes == BALLAST
    assert list(tmp_path.iterdir()) == []


async def test_ballast_of_an_earlier_run_is_thrown_off_in_need(queue: Queue, opener: Opener) -> None:
    """When it was no help the commit is refused all the same."""
    await queue.close()
    queue = await opener(bounds=Bounds(reserve_bytes=0, ballast_bytes=BALLAST))
    await queue.close()
    queue = await opener(bounds=Bounds(reserve_bytes=0, ballast_bytes=BALLAST), free_bytes=lambda _: 0)
    ballast = queue._worker._path.with_name("queue.db.ballast")
    assert size(ballast) == BALLAST
    await limited(queue, 0)
    with pytest.raises(DiskFull):
        await fill(queue, "x" * 10_000)
    assert not exists(ballast)


async def test_queue_works_without_the_ballast_it_cannot_have(opener: Opener, caplog: pytest.LogCaptureFixture) -> None:
    """It is a help, not a condition."""
    with file_size_limit(100_000):
        queue = await opener(bounds=Bounds(reserve_bytes=0, ballast_bytes=BALLAST))
    await fill(queue, "a")
    assert "queue cannot hold its ballast" in caplog.text
    assert await texts(queue) == ["a"]


def test_io_errors_of_a_read_only_disk_are_told_as_such(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel turns a failing disk read-only under open files, and SQLite only says that writing failed."""
    store = Store(tmp_path / "queue.db")
    store.make_durable()
    real = os.statvfs(tmp_path)
    read_only = os.statvfs_result((*real[:8], real.f_flag | os.ST_RDONLY, *real[9:]))
    monkeypatch.setattr("offline_queue.store.os.statvfs", lambda _: read_only)
    with file_size_limit(0), pytest.raises(ReadOnly):
        store.run("CREATE TABLE t (x)")
    store.close()


def test_disk_that_is_gone_is_a_failure_of_the_store(tmp_path: Path) -> None:
    """Neither full nor read-only: there is nothing left to ask."""
    with pytest.raises(StoreFailed, match="check that the directory is there"):
        Store(tmp_path / "gone" / "queue.db").rows("PRAGMA user_version")
