"""Facts reach the disk in order; a start that cannot be written never was; nothing billable is dropped."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from firmware.core.events import FactRecorded
from firmware.core.facts import Fact, FactKind, MeterFrame, Sample, SampleContext, Trigger, decode
from firmware.engine import journal as journal_module
from firmware.engine.journal import LANE, SERIES, TRANSACTIONS, Change, Journal
from firmware.simulation.runtime import Host, Simulation
from hal.types import Instant
from offline_queue import Queue

AT = Instant(1.0, "boot")
FRAME = MeterFrame(AT, SampleContext.PERIODIC, (Sample("SoC", 1.0),))


class Desk:
    """A journal on a real queue, on a disk that can be broken."""

    def __init__(self, host: Host, queue: Queue) -> None:
        self.host = host
        self.queue = queue
        self.stored: list[str] = []
        self.refused: list[str] = []
        self.journal = Journal(queue, stored=self.stored.append, refused=self.refused.append)

    def record(self, tx: str, seq: int, kind: FactKind, *, series: int = 0, told: bool = True) -> None:
        """A fact of a transaction."""
        frames = (FRAME,) if told and kind is FactKind.SAMPLED else ()
        fact = Fact(tx, seq, kind, Trigger.SAMPLE_PERIODIC, AT, 1, frames=frames)
        keep = None if kind is FactKind.ENDED else f"{tx}:{seq}".encode()
        self.journal.record(FactRecorded(fact, keep, (FRAME,) * series))

    async def on_disk(self) -> list[tuple[str, int]]:
        """Transaction and number of every fact on disk."""
        facts = [decode(record.payload) for record in await self.queue.peek(LANE, 10_000)]
        return [(fact.transaction, fact.seq) for fact in facts]


def _run(directory: Path, scenario: Callable[[Desk], Awaitable[None]]) -> None:
    sim = Simulation(1)

    async def main(sim: Simulation) -> None:
        host = sim.host("station")

        async def program() -> None:
            queue = await Queue.open(directory / "wayside.db")
            desk = Desk(host, queue)
            writer = asyncio.create_task(desk.journal.run())
            await scenario(desk)
            writer.cancel()
            host.writes_fail = False
            await queue.close()

        process = sim.processes.spawn(host, program)
        await process.wait()
        if process.error is not None:
            raise process.error

    sim.run(main)
    assert sim.problems == []


def test_facts_are_written_in_order_and_a_start_is_told(tmp_path: Path) -> None:
    """With the recovery record of the last one."""

    async def scenario(desk: Desk) -> None:
        desk.record("a", 0, FactKind.STARTED)
        desk.record("b", 0, FactKind.STARTED)
        desk.record("a", 1, FactKind.UPDATED)
        await desk.journal.written()
        assert await desk.on_disk() == [("a", 0), ("b", 0), ("a", 1)]
        assert await desk.queue.items(TRANSACTIONS) == {"a": b"a:1", "b": b"b:0"}
        assert desk.stored == ["a", "b"]

    _run(tmp_path, scenario)


def test_order_survives_failures(tmp_path: Path) -> None:
    """What the disk refused is written before what came later, each once."""

    async def scenario(desk: Desk) -> None:
        desk.record("a", 0, FactKind.STARTED)
        await desk.journal.written()
        desk.host.writes_fail = True
        for seq in range(1, 6):
            desk.record("a", seq, FactKind.UPDATED)
            await asyncio.sleep(7)
        desk.host.writes_fail = False
        desk.record("a", 6, FactKind.ENDED)
        await desk.journal.written()
        assert await desk.on_disk() == [("a", seq) for seq in range(7)]
        assert await desk.queue.items(TRANSACTIONS) == {}

    _run(tmp_path, scenario)


def test_a_start_is_refused_at_once_and_everything_of_it_goes(tmp_path: Path) -> None:
    """Also while the journal waits for its next attempt; what belongs to others is kept."""

    async def scenario(desk: Desk) -> None:
        desk.record("a", 0, FactKind.STARTED)
        await desk.journal.written()
        desk.host.writes_fail = True
        desk.record("a", 1, FactKind.UPDATED)
        await asyncio.sleep(60)  # attempts are far apart by now
        desk.record("b", 0, FactKind.STARTED, series=1)
        desk.record("b", 1, FactKind.UPDATED)
        await asyncio.sleep(0.1)
        assert desk.refused == ["b"]
        desk.host.writes_fail = False
        await desk.journal.written()
        assert await desk.on_disk() == [("a", 0), ("a", 1)]
        assert list(await desk.queue.items(TRANSACTIONS)) == ["a"]
        assert await desk.queue.items(SERIES) == {}
        assert desk.stored == ["a"]

    _run(tmp_path, scenario)


def test_what_is_held_is_bounded_by_samples_only(tmp_path: Path) -> None:
    """Beyond the limit samples go, oldest first; starts, changes and ends never do."""

    async def scenario(desk: Desk) -> None:
        desk.record("a", 0, FactKind.STARTED)
        await desk.journal.written()
        desk.host.writes_fail = True
        limit = journal_module.HELD_LIMIT
        for seq in range(1, limit + 101):
            desk.record("a", seq, FactKind.UPDATED if seq % 2 else FactKind.SAMPLED)
            if seq % 500 == 0:
                await asyncio.sleep(5)  # some are under way when others have to go
        desk.record("a", limit + 101, FactKind.ENDED)
        desk.host.writes_fail = False
        await desk.journal.written()
        numbers = [seq for _, seq in await desk.on_disk()]
        assert numbers == sorted(set(numbers))
        assert set(range(1, limit + 101, 2)) < set(numbers)
        assert numbers[-1] == limit + 101
        assert len(numbers) < limit + 102

    _run(tmp_path, scenario)


def test_a_later_change_of_a_document_wins(tmp_path: Path) -> None:
    """In one commit as in several: written then deleted is gone, deleted then written is there."""

    async def scenario(desk: Desk) -> None:
        for change in (
            Change(put={("n", "gone"): b"1", ("n", "kept"): b"1"}),
            Change(delete=(("n", "gone"), ("n", "kept"))),
            Change(put={("n", "kept"): b"2"}),
        ):
            desk.journal.write(change)
        await desk.journal.written()
        assert await desk.queue.items("n") == {"kept": b"2"}

    _run(tmp_path, scenario)


def test_samples_for_the_end_are_kept_apart_and_go_with_the_end(tmp_path: Path) -> None:
    """One that is only kept makes no row; an adopted series goes on with its number."""

    async def scenario(desk: Desk) -> None:
        desk.record("a", 0, FactKind.STARTED, series=1)
        desk.record("a", 1, FactKind.SAMPLED, series=1, told=False)
        await desk.journal.written()
        assert list(await desk.queue.items(SERIES)) == ["a/00000000", "a/00000001"]
        assert await desk.on_disk() == [("a", 0)]
        again = Journal(desk.queue, stored=desk.stored.append, refused=desk.refused.append)
        again.adopt("a", 2)
        desk.journal = again
        writer = asyncio.create_task(again.run())
        desk.record("a", 2, FactKind.SAMPLED, series=1)
        await again.written()
        assert list(await desk.queue.items(SERIES)) == [f"a/0000000{number}" for number in range(3)]
        desk.record("a", 3, FactKind.ENDED)
        await again.written()
        writer.cancel()
        assert await desk.queue.items(SERIES) == {}

    _run(tmp_path, scenario)
