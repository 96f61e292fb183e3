"""Versions of the database: earlier ones are brought forward, later and foreign ones are left alone."""

import sqlite3
from pathlib import Path

import pytest

from offline_queue import Commit, NewerDatabase, NotAQueue, Queue, StoreFailed
from offline_queue.schema import MIGRATIONS
from tests.offline_queue.conftest import Opener
from tests.offline_queue.helpers import fill, texts

FIXTURES = Path(__file__).parent / "fixtures"
LATER = (*MIGRATIONS, ("ALTER TABLE documents ADD COLUMN note TEXT", "UPDATE documents SET note = 'moved'"))


def make(path: Path, dump: str) -> None:
    """Make a database from statements."""
    path.parent.mkdir(exist_ok=True)
    connection = sqlite3.connect(path)
    connection.executescript(dump)
    connection.close()


def dump_of(version: int) -> str:
    """The statements that make a small database as that version left it."""
    return (FIXTURES / f"version_{version}.sql").read_text()


def content(path: Path) -> bytes:
    """All bytes of a file."""
    return path.read_bytes()


@pytest.mark.parametrize("version", range(1, len(MIGRATIONS) + 1))
async def test_database_of_every_version_opens(path: Path, opener: Opener, version: int) -> None:
    """A station that slept through updates keeps its records."""
    make(path, dump_of(version))
    queue = await opener()
    assert await texts(queue) == ["started", "sampled"]
    assert await queue.get("transaction", "8d4f") == b"17"
    assert [dead.reason for dead in await queue.dead(10)] == ["refused"]
    (id_,) = await fill(queue, "new")
    assert id_ > 3


async def test_new_version_brings_the_old_database_forward(queue: Queue, opener: Opener) -> None:
    """A migration runs once, on what is there."""
    await fill(queue, "a")
    await queue.commit(Commit(put={("n", "k"): b"v"}))
    await queue.close()
    for _ in range(2):
        later = await opener(migrations=LATER)
        assert await texts(later) == ["a"]
        assert later._worker._store is not None
        assert later._worker._store.rows("SELECT note FROM documents") == [("moved",)]
        assert later._worker._store.number("PRAGMA user_version") == len(LATER)
        await later.close()


async def test_database_of_a_newer_version_is_refused_and_unharmed(opener: Opener, path: Path) -> None:
    """An older program after a rollback must not guess at tables it does not know."""
    later = await opener(migrations=LATER)
    await fill(later, "a")
    await later.close()
    before = content(path)
    with pytest.raises(
        NewerDatabase, match=f"has version {len(LATER)}, this program knows versions up to {len(MIGRATIONS)}"
    ):
        await opener()
    assert content(path) == before
    assert await texts(await opener(migrations=LATER)) == ["a"]


@pytest.mark.parametrize("dump", ["CREATE TABLE other (x);", "PRAGMA user_version = 3;", "PRAGMA application_id = 5;"])
async def test_database_of_another_program_is_refused_and_unharmed(path: Path, opener: Opener, dump: str) -> None:
    """A wrong path must not cost somebody else's data."""
    make(path, dump)
    before = content(path)
    with pytest.raises(NotAQueue, match="database of another program"):
        await opener()
    assert content(path) == before


async def test_migration_that_fails_leaves_the_old_version(queue: Queue, opener: Opener) -> None:
    """Half a migration is never seen."""
    await fill(queue, "a")
    await queue.close()
    broken = (*MIGRATIONS, ("ALTER TABLE documents ADD COLUMN note TEXT", "UPDATE missing SET x = 1"))
    with pytest.raises(StoreFailed, match="no such table"):
        await opener(migrations=broken)
    assert await texts(await opener()) == ["a"]
