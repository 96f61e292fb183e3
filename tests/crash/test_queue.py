"""Power cuts of the queue: what it has promised is there afterwards, whole and in order, wherever the cut falls."""

import asyncio
import logging
import shutil
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest

from offline_queue import Bounds, Commit, NewRecord, Queue, Record, Repaired
from offline_queue.files import free_bytes
from offline_queue.schema import MIGRATIONS, Migration
from offline_queue.store import PAGE_BYTES
from offline_queue.worker import Worker
from tests.crash import victim
from tests.crash.conftest import Recorder
from tests.crash.disk import Cut, cuts, materialise
from tests.crash.record import Log

PLACES = 250  # cut at in the quick tests
REPAIRED_PLACES = 25  # where most cuts end in a repair, which takes longer
BOUNDS = Bounds(reserve_bytes=0, ballast_bytes=0)


@dataclass
class Found:
    """What a queue holds after a cut."""

    records: list[Record]
    names: set[str]
    repaired: bool


@dataclass
class Verdict:
    """Faults found in many cuts."""

    cuts: int = 0
    lost: int = 0  # cuts after which a promised record is missing
    returned: int = 0  # a record is back whose acknowledgement was promised
    torn: int = 0  # a commit is there in part
    damaged: int = 0  # the database had to be repaired
    out_of_order: int = 0


def opened(folder: Path, migrations: tuple[Migration, ...] = MIGRATIONS) -> Found:
    """Open the queue below a folder as the next start of the program would, and read it."""
    worker = Worker(folder / "state" / "queue.db", BOUNDS, free_bytes, migrations)
    report = worker.open()
    try:
        (records,) = worker.read(lambda ledger: ledger.peek(victim.LANE, 1_000_000, 0)).results
        (names,) = worker.read(lambda ledger: ledger.items(victim.NAMES)).results
    finally:
        worker.close()
    return Found(records, set(names), any(isinstance(incident, Repaired) for incident in report.incidents))


def judge(verdict: Verdict, found: Found, told: bytes) -> None:
    """Compare what is there with what was promised."""
    lines = told.decode().split("\n")[:-1]
    promised, asked, gone = ({int(line[1:]) for line in lines if line[0] == sign} for sign in "+?-")
    ids = [record.id for record in found.records]
    texts = {record.payload.decode().split(" ")[0] for record in found.records}
    removed = len(found.names) - len(ids)
    verdict.cuts += 1
    verdict.lost += bool(promised - asked - set(ids))
    verdict.returned += bool(gone & set(ids))
    verdict.torn += not (texts <= found.names and len(gone) <= removed <= len(asked))
    verdict.out_of_order += ids != sorted(ids)
    verdict.damaged += found.repaired


def verdict_of(log: Log, scratch: Path, places: Iterable[int] | None, seed: int) -> Verdict:
    """Cut the power at these places, and judge each outcome."""
    verdict = Verdict()
    for cut in cuts(log, Random(seed), places):
        folder = after(cut, scratch)
        judge(verdict, opened(folder), log.told(cut.at))
    return verdict


def after(cut: Cut, scratch: Path) -> Path:
    """The folder as a cut leaves it."""
    folder = scratch / "after"
    shutil.rmtree(folder, ignore_errors=True)
    materialise(cut, folder)
    return folder


def some(log: Log, count: int, seed: int) -> list[int]:
    """Places in a record, evenly drawn."""
    return Random(seed).sample(range(len(log.entries) + 1), min(count, len(log.entries)))


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    """Thousands of repairs are not worth a line each."""
    caplog.set_level(logging.CRITICAL, "offline_queue")


def test_power_cut_loses_nothing_that_was_promised(root: Path, recorder: Recorder, tmp_path: Path) -> None:
    """With synchronous=FULL: nothing lost, nothing back, nothing torn, nothing to repair."""
    log = recorder("-m", "tests.crash.victim", str(root / "state" / "queue.db"), "FULL", "60")
    verdict = verdict_of(log, tmp_path, some(log, PLACES, 3), seed=4)
    assert verdict == Verdict(cuts=2 * PLACES)


@pytest.mark.slow
def test_power_cut_at_every_place_loses_nothing(root: Path, recorder: Recorder, tmp_path: Path) -> None:
    """The same before every single call."""
    log = recorder("-m", "tests.crash.victim", str(root / "state" / "queue.db"), "FULL", "60")
    verdict = verdict_of(log, tmp_path, None, seed=5)
    assert verdict == Verdict(cuts=verdict.cuts)
    assert verdict.cuts > 2000


def test_the_proof_can_fail(root: Path, recorder: Recorder, tmp_path: Path) -> None:
    """With synchronous=NORMAL, which syncs only when the log is written back, the same cuts find promises broken."""
    log = recorder("-m", "tests.crash.victim", str(root / "state" / "queue.db"), "NORMAL", "60")
    verdict = verdict_of(log, tmp_path, some(log, PLACES, 6), seed=7)
    assert verdict.lost > PLACES // 4
    assert verdict.damaged == 0


def test_without_syncs_the_database_itself_is_damaged(root: Path, recorder: Recorder, tmp_path: Path) -> None:
    """With synchronous=OFF the cuts find damage too, and the queue opens all the same."""
    log = recorder("-m", "tests.crash.victim", str(root / "state" / "queue.db"), "OFF", "60")
    verdict = verdict_of(log, tmp_path, some(log, REPAIRED_PLACES, 8), seed=9)
    assert verdict.lost > REPAIRED_PLACES // 4
    assert verdict.damaged > 0


OPEN = """
import asyncio, pathlib, sys
from offline_queue import Bounds, Queue
from offline_queue.schema import MIGRATIONS
from tests.crash.test_queue import BOUNDS, LATER
async def main():
    queue = await Queue.open(pathlib.Path(sys.argv[1]), bounds=BOUNDS, migrations=LATER if sys.argv[2:] else MIGRATIONS)
    print("opened", flush=True)
    await queue.close()
asyncio.run(main())
"""
LATER = (*MIGRATIONS, ("ALTER TABLE documents ADD COLUMN note TEXT", "UPDATE documents SET note = 'moved'"))


def filled(folder: Path) -> None:
    """A closed queue with some records and documents."""

    async def fill() -> None:
        queue = await Queue.open(folder / "state" / "queue.db", bounds=BOUNDS)
        for number in range(40):
            record = NewRecord(victim.LANE, "s", "k", f"{number} ".encode() + b"x" * 300)
            await queue.commit(Commit(append=[record], put={(victim.NAMES, str(number)): b""}))
        await queue.close()

    asyncio.run(fill())


def test_power_cut_during_a_repair_costs_nothing_more(root: Path, recorder: Recorder, tmp_path: Path) -> None:
    """Whenever the power goes, the next start finds what the repair could save, and the damaged file is kept."""
    filled(root)
    path = root / "state" / "queue.db"
    damaged = bytearray(path.read_bytes())
    middle = damaged.index(b"20 xxx") // PAGE_BYTES * PAGE_BYTES
    damaged[middle : middle + PAGE_BYTES] = b"\xa5" * PAGE_BYTES
    path.write_bytes(damaged)
    log = recorder("-c", OPEN, str(path))
    saved = opened(root).records
    assert 30 < len(saved) < 40
    for cut in cuts(log, Random(10)):
        folder = after(cut, tmp_path)
        assert opened(folder).records == saved, cut.at
        assert list((folder / "state").glob("queue.db.corrupt-*")), cut.at


def test_power_cut_during_a_migration_leaves_one_version_or_the_other(
    root: Path, recorder: Recorder, tmp_path: Path
) -> None:
    """Nothing in between, and all records."""
    filled(root)
    before = opened(root)
    log = recorder("-c", OPEN, str(root / "state" / "queue.db"), "later")
    versions = set()
    for cut in cuts(log, Random(11)):
        folder = after(cut, tmp_path)
        connection = sqlite3.connect(folder / "state" / "queue.db")
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        connection.close()
        versions.add(version)
        assert opened(folder, LATER) == before, cut.at
    assert versions == {len(MIGRATIONS), len(LATER)}
