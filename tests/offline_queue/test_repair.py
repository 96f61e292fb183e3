"""A damaged database: set aside, and replaced by one with everything that could be read."""

import os
import shutil
import sqlite3
from pathlib import Path

import pytest

from offline_queue import Burial, Commit, Incident, Queue, Repaired, StoreFailed
from offline_queue.errors import Corrupt
from offline_queue.files import make_directory
from offline_queue.repair import repair
from offline_queue.schema import APPLICATION_ID, MIGRATIONS
from offline_queue.seals import seal_of_record
from offline_queue.store import PAGE_BYTES
from offline_queue.worker import CHECKED_BYTES
from tests.offline_queue.conftest import BOUNDS, Opener
from tests.offline_queue.helpers import file_size_limit, fill, new, size, texts


def overwrite(path: Path, offset: int, data: bytes) -> None:
    """Damage a file."""
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(data)


def write(path: Path, data: bytes) -> None:
    """Make a file."""
    path.write_bytes(data)


def content(path: Path) -> bytes:
    """All bytes of a file."""
    return path.read_bytes()


def copy(directory: Path, target: Path) -> None:
    """Copy a directory as a power cut would leave it."""
    shutil.copytree(directory, target)


def truncate(path: Path, size: int) -> None:
    """Cut a file off."""
    os.truncate(path, size)


def names(path: Path) -> set[str]:
    """The files beside a database."""
    return {entry.name for entry in path.parent.iterdir()}


async def filled(path: Path, count: int) -> None:
    """Make a closed queue with records, a document and a dead one."""
    queue = await Queue.open(path, bounds=BOUNDS)
    await queue.commit(Commit(append=[new(f"{n:0300}") for n in range(count)], put={("n", "k"): b"v"}))
    (id_,) = await fill(queue, "dead")
    await queue.commit(Commit(bury=[Burial(id_, "no")]))
    await queue.close()


async def test_records_around_a_damaged_page_are_kept(
    path: Path, opener: Opener, caplog: pytest.LogCaptureFixture
) -> None:
    """A page costs the rows on it and no others; order and ids stay, and the program is told."""
    await filled(path, 500)
    overwrite(path, size(path) // 2 // PAGE_BYTES * PAGE_BYTES, b"\xa5" * PAGE_BYTES)
    incidents: list[Incident] = []
    queue = await opener(on_incident=incidents.append)
    kept = await texts(queue)
    assert 490 <= len(kept) <= 500
    assert kept == sorted(kept)
    assert [record.id for record in await queue.peek("tx", 1000)] == [int(text) + 1 for text in kept]
    (repaired,) = incidents
    assert isinstance(repaired, Repaired)
    assert (repaired.records, repaired.dead, repaired.documents) == (len(kept), 1, 1)
    assert repaired.unreadable <= 500 - len(kept)
    assert repaired.quarantined.name == "queue.db.corrupt-1"
    assert "damaged" in repaired.cause
    assert names(path) == {"queue.db", "queue.db-wal", "queue.db.lock", "queue.db.corrupt-1"}
    assert "queue database is damaged" in caplog.text
    assert await queue.get("n", "k") == b"v"
    (after,) = await fill(queue, "new")
    assert after > 501


@pytest.mark.parametrize("page", range(1, 15))
async def test_no_single_damaged_page_keeps_the_queue_from_opening(path: Path, opener: Opener, page: int) -> None:
    """Wherever the damage is, what is left is consistent and new records are taken."""
    await filled(path, 35)
    assert (page + 1) * PAGE_BYTES <= size(path)
    overwrite(path, page * PAGE_BYTES, b"\xa5" * PAGE_BYTES)
    queue = await opener()
    kept = await texts(queue)
    assert kept == sorted(kept)
    assert queue.stats().depth.get("tx", 0) == len(kept)
    (after,) = await fill(queue, "new")
    assert after > 36
    await queue.close()
    assert await texts(await opener()) == [*kept, "new"]


async def test_file_that_is_no_database_is_set_aside(path: Path, opener: Opener) -> None:
    """With its first page a database loses everything; the station goes on with an empty queue."""
    await filled(path, 10)
    overwrite(path, 0, b"not a database at all" * 10)
    incidents: list[Incident] = []
    queue = await opener(on_incident=incidents.append)
    assert await texts(queue) == []
    assert isinstance(incidents[0], Repaired)
    assert incidents[0].records == 0
    assert incidents[0].unreadable > 0
    await fill(queue, "new")


async def test_truncated_file_gives_what_is_left(path: Path, opener: Opener) -> None:
    """A file system that lost the end of the file."""
    await filled(path, 300)
    truncate(path, size(path) // 2)
    queue = await opener()
    kept = await texts(queue)
    assert 50 < len(kept) < 300
    assert kept == sorted(kept)


async def test_damage_met_while_open_is_repaired_on_the_spot(path: Path, opener: Opener) -> None:
    """A database too large to be checked at the start is repaired when the damaged page is read."""
    queue = await opener()
    await queue.commit(Commit(append=[new(f"{n:0900}") for n in range(6000)]))
    await queue.close()
    assert size(path) > CHECKED_BYTES
    overwrite(path, size(path) // 2 // PAGE_BYTES * PAGE_BYTES, b"\xa5" * PAGE_BYTES * 4)
    incidents: list[Incident] = []
    queue = await opener(on_incident=incidents.append)
    assert incidents == []
    kept = await texts(queue)
    assert 5900 < len(kept) < 6000
    assert queue.stats().rows == len(kept)
    assert isinstance(incidents[0], Repaired)
    await fill(queue, "new")
    assert queue.stats().health == "ok"


async def test_records_in_the_log_are_carried_over(tmp_path: Path, path: Path, opener: Opener) -> None:
    """The last commits before a power cut are in the log only; damage to the database does not cost them."""
    queue = await Queue.open(tmp_path / "before" / "queue.db", bounds=BOUNDS)
    await fill(queue, *(f"{n:0300}" for n in range(100)))
    assert queue._worker._store is not None
    queue._worker._store.rows("PRAGMA wal_checkpoint")
    await fill(queue, "last")
    copy(tmp_path / "before", path.parent)
    await queue.close()
    overwrite(path, size(path) // 2 // PAGE_BYTES * PAGE_BYTES, b"\xa5" * PAGE_BYTES)
    kept = await texts(await opener())
    assert kept[-1] == "last"
    assert 90 < len(kept) < 101


async def test_repair_that_was_cut_off_early_starts_again(path: Path, opener: Opener) -> None:
    """A copy that is not complete counts for nothing."""
    await filled(path, 100)
    overwrite(path, size(path) // 2 // PAGE_BYTES * PAGE_BYTES, b"\xa5" * PAGE_BYTES)
    write(path.with_name("queue.db.partial"), b"half a copy")
    assert len(await texts(await opener())) > 90
    assert "queue.db.partial" not in names(path)


@pytest.mark.parametrize("moved", [(), ("-wal",), ("-wal", "")])
async def test_repair_that_was_cut_off_late_is_completed(
    path: Path, tmp_path: Path, opener: Opener, moved: tuple[str, ...]
) -> None:
    """Once the new file is complete it counts, whichever of the renames were made."""
    await filled(tmp_path / "other" / "queue.db", 3)
    make_directory(path.parent)
    (tmp_path / "other" / "queue.db").rename(path.with_name("queue.db.repaired-4"))
    for suffix in ("-wal", ""):
        name = f"queue.db.corrupt-4{suffix}" if suffix in moved else f"queue.db{suffix}"
        write(path.with_name(name), b"damaged " + suffix.encode())
    queue = await opener()
    assert len(await texts(queue)) == 3
    assert content(path.with_name("queue.db.corrupt-4")) == b"damaged "
    assert content(path.with_name("queue.db.corrupt-4-wal")) == b"damaged -wal"
    assert "queue.db.repaired-4" not in names(path)


async def test_only_the_last_damaged_files_are_kept(path: Path, opener: Opener) -> None:
    """A disk that damages the file every day does not fill up with the damage."""
    for _ in range(5):
        queue = await opener()
        await fill(queue, "a")
        await queue.close()
        overwrite(path, 0, b"\xa5" * 100)
        write(path.with_name("queue.db-wal"), b"of no use")
    await opener()
    kept = {name for name in names(path) if "corrupt" in name}
    assert {name for name in kept if not name.endswith("-wal")} == {f"queue.db.corrupt-{n}" for n in (3, 4, 5)}
    assert not {"queue.db.corrupt-1-wal", "queue.db.corrupt-2-wal"} & kept


async def test_row_that_cannot_be_right_is_left_behind(path: Path) -> None:
    """Also what no checksum covers must be of the right kind."""
    make_directory(path.parent)
    connection = sqlite3.connect(path)
    for statement in MIGRATIONS[0]:
        connection.execute(statement.replace("STRICT", ""))
    connection.execute("PRAGMA user_version = 1")
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    for id_, attempts in ((1, 3), (2, "three")):
        seal = seal_of_record(id_, "tx", "s", "k", True, False, b"")
        connection.execute(
            "INSERT INTO records (id, lane, stream, kind, billable, thinnable, size, seal, attempts, payload)"
            " VALUES (?, 'tx', 's', 'k', 1, 0, 200, ?, ?, x'')",
            (id_, seal, attempts),
        )
    connection.commit()
    connection.close()
    repaired = repair(path, Corrupt("for this test"), MIGRATIONS)
    assert (repaired.records, repaired.unreadable) == (1, 1)


@pytest.mark.parametrize("text", [b"billed energy", b"a document", b"given up"])
async def test_changed_content_is_not_taken_for_what_was_written(path: Path, opener: Opener, text: bytes) -> None:
    """A flipped bit in a payload harms no structure, and would be billed: the row is left behind, and the program told."""
    queue = await opener()
    first, *_, last = await fill(queue, "before", "billed energy", "after", "given up")
    await queue.commit(Commit(bury=[Burial(last, "no")], put={("n", "k"): b"a document", ("n", "l"): b"another"}))
    await queue.close()
    place = content(path).index(text)
    overwrite(path, place, bytes([text[0] ^ 4]))
    incidents: list[Incident] = []
    queue = await opener(on_incident=incidents.append)
    assert incidents == []
    kept = await texts(queue)
    assert kept == (["before", "after"] if text == b"billed energy" else ["before", "billed energy", "after"])
    documents = await queue.items("n")
    assert documents == ({} if text == b"a document" else {"k": b"a document"}) | {"l": b"another"}
    dead = [record.payload for record in await queue.dead(10)]
    assert dead == ([] if text == b"given up" else [b"given up"])
    assert [incident.unreadable for incident in incidents if isinstance(incident, Repaired)] == [1]
    assert queue.stats().oldest_id == first


async def test_repair_without_room_changes_nothing_and_is_tried_again(path: Path, opener: Opener) -> None:
    """The damaged file stays until its contents are safe in another."""
    queue = await opener()
    await queue.commit(Commit(append=[new(f"{n:0900}") for n in range(6000)]))
    await queue.close()
    overwrite(path, size(path) // 2 // PAGE_BYTES * PAGE_BYTES, b"\xa5" * PAGE_BYTES * 4)
    queue = await opener()
    with file_size_limit(1_000_000), pytest.raises(StoreFailed):
        await texts(queue)
    assert "queue.db.corrupt-1" not in names(path)
    assert queue.stats().health == "failed"
    assert not queue.stats().accepting
    assert 5900 < len(await texts(queue)) < 6000
    await fill(queue, "new")
    assert queue.stats().health == "ok"


async def test_open_that_fails_in_a_repair_lets_go(path: Path, opener: Opener) -> None:
    """The next attempt, with room, succeeds."""
    await filled(path, 500)
    overwrite(path, size(path) // 2 // PAGE_BYTES * PAGE_BYTES, b"\xa5" * PAGE_BYTES)
    with file_size_limit(10_000), pytest.raises(StoreFailed):
        await opener()
    assert len(await texts(await opener())) >= 490


async def large_with_damaged_start(path: Path, opener: Opener) -> None:
    """Make a queue too large to be checked, in which the page of the oldest record is damaged."""
    queue = await opener()
    await queue.commit(Commit(append=[new(f"{n:0900}") for n in range(6000)]))
    await queue.close()
    overwrite(path, content(path).index(b"0" * 897) // PAGE_BYTES * PAGE_BYTES, b"\xa5" * PAGE_BYTES)


async def test_damage_to_the_oldest_record_is_met_at_once(path: Path, opener: Opener) -> None:
    """The statistics look at the head of the queue, and what they find damaged is repaired."""
    await large_with_damaged_start(path, opener)
    incidents: list[Incident] = []
    queue = await opener(on_incident=incidents.append)
    assert isinstance(incidents[0], Repaired)
    assert queue.stats().rows == incidents[0].records
    assert queue.stats().health == "ok"


async def test_damage_that_cannot_be_repaired_yet_is_in_the_statistics(path: Path, opener: Opener) -> None:
    """The program learns of it without asking for a record, and what was damaged is repaired as soon as there is room."""
    await large_with_damaged_start(path, opener)
    with file_size_limit(1_000_000):
        queue = await opener()
    assert queue.stats().health == "failed"
    assert (await queue.check()).health == "ok"
    assert 5990 < queue.stats().rows < 6000


async def test_short_file_is_set_aside(path: Path, opener: Opener) -> None:
    """What is shorter than the header of a database has nothing to save."""
    make_directory(path.parent)
    write(path, b"\xa5" * 5)
    queue = await opener()
    assert content(path.with_name("queue.db.corrupt-1")) == b"\xa5" * 5
    await fill(queue, "new")
