"""The queue against a model of itself: random commits, retries and restarts must leave both with the same contents."""

import asyncio
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from offline_queue import Burial, Commit, Delivery, NewRecord, Queue, Record
from tests.offline_queue.conftest import BOUNDS

LANES = ["tx", "security", ""]
names = st.text(st.characters(codec="utf-8"), max_size=8)
records = st.builds(
    NewRecord, st.sampled_from(LANES), names, names, st.binary(max_size=2000), st.booleans(), st.booleans()
)
keys = st.tuples(st.sampled_from(["n", "m"]), st.sampled_from("abc"))
places = st.integers(0, 30)


@dataclass
class Draft:
    """A commit whose ids are places in the order of what waits, so that they often hit."""

    append: list[NewRecord]
    acknowledge: list[int]
    update: list[tuple[int, int, float | None, str | None]]
    bury: list[tuple[int, str]]
    put: dict[tuple[str, str], bytes]
    delete: list[tuple[str, str]]


drafts = st.builds(
    Draft,
    st.lists(records, max_size=4),
    st.lists(places, max_size=2),
    st.lists(st.tuples(places, st.integers(0, 5), st.none() | st.floats(0, 1e9), st.none() | names), max_size=2),
    st.lists(st.tuples(places, names), max_size=2),
    st.dictionaries(keys, st.binary(max_size=50), max_size=2),
    st.lists(keys, max_size=2),
)


class QueueMachine(RuleBasedStateMachine):
    """Rules are what a program may do; the invariant compares all that can be asked."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.directory = tempfile.TemporaryDirectory()
        self.waiting: dict[int, Record] = {}
        self.dead: dict[int, tuple[Record, str]] = {}
        self.documents: dict[tuple[str, str], bytes] = {}
        self.highest_id = 0
        self.queue: Queue

    @initialize()
    def open(self) -> None:
        """Open the queue."""
        self.queue = self.runner.run(Queue.open(Path(self.directory.name) / "queue.db", bounds=BOUNDS))

    @rule(group=st.lists(drafts, min_size=1, max_size=4))
    def commit(self, group: list[Draft]) -> None:
        """Several commits at once."""
        commits = [self.commit_of(draft) for draft in group]

        async def together() -> list[tuple[int, ...]]:
            return await asyncio.gather(*(self.queue.commit(commit) for commit in commits))

        for commit, ids in zip(commits, self.runner.run(together()), strict=True):
            self.apply(commit, ids)

    @rule(places=st.lists(places, max_size=3))
    def retry(self, places: list[int]) -> None:
        """Bring dead records back."""
        ids = [self.id_at(sorted(self.dead), place) for place in places]
        count = 0
        for id_ in ids:
            if id_ in self.dead:
                record, _ = self.dead.pop(id_)
                self.waiting[id_] = replace(record, attempts=0, not_before_s=None, message_id=None)
                count += 1
        assert self.runner.run(self.queue.retry(ids)) == count

    @rule(places=st.lists(places, max_size=2))
    def discard(self, places: list[int]) -> None:
        """Delete dead records."""
        ids = [self.id_at(sorted(self.dead), place) for place in places]
        count = sum(self.dead.pop(id_, None) is not None for id_ in ids)
        assert self.runner.run(self.queue.discard(ids)) == count

    @rule()
    def restart(self) -> None:
        """Close and open again."""
        self.runner.run(self.queue.close())
        self.open()

    @invariant()
    def same(self) -> None:
        """Everything the queue tells is what the model holds."""
        self.runner.run(self.compare())

    async def compare(self) -> None:
        """Ask for everything."""
        everything = [self.waiting[id_] for id_ in sorted(self.waiting)]
        for lane in LANES:
            expected = [record for record in everything if record.lane == lane]
            assert await self.queue.peek(lane, 1000) == expected
            assert await self.queue.head(lane) == (expected[0] if expected else None)
        stats = self.queue.stats()
        assert stats.depth == {
            lane: count for lane in LANES if (count := sum(record.lane == lane for record in everything))
        }
        assert stats.oldest_id == min(self.waiting, default=None)
        assert stats.dead == len(self.dead)
        dead = await self.queue.dead(1000)
        assert [(record.id, record.payload, record.attempts, record.message_id, record.reason) for record in dead] == [
            (id_, record.payload, record.attempts, record.message_id, reason)
            for id_, (record, reason) in sorted(self.dead.items())
        ]
        for namespace in "nm":
            assert await self.queue.items(namespace) == {
                key: value for (space, key), value in self.documents.items() if space == namespace
            }

    def id_at(self, ids: list[int], place: int) -> int:
        """The id at a place; beyond the last, one that does not exist."""
        return ids[place] if place < len(ids) else 10**9

    def commit_of(self, draft: Draft) -> Commit:
        """The commit a draft means now."""
        ids = sorted(self.waiting)
        return Commit(
            append=draft.append,
            acknowledge=[self.id_at(ids, place) for place in draft.acknowledge],
            update=[Delivery(self.id_at(ids, u[0]), *u[1:]) for u in draft.update],
            bury=[Burial(self.id_at(ids, place), reason) for place, reason in draft.bury],
            put=draft.put,
            delete=draft.delete,
        )

    def apply(self, commit: Commit, ids: tuple[int, ...]) -> None:
        """Do to the model what the commit does to the queue."""
        assert len(ids) == len(commit.append)
        for id_, new in zip(ids, commit.append, strict=True):
            assert id_ > self.highest_id
            self.highest_id = id_
            self.waiting[id_] = Record(
                id_, new.lane, new.stream, new.kind, new.payload, new.billable, new.thinnable, None, 0, None, None
            )
        for id_ in commit.acknowledge:
            self.waiting.pop(id_, None)
        for delivery in commit.update:
            if delivery.id in self.waiting:
                self.waiting[delivery.id] = replace(
                    self.waiting[delivery.id],
                    attempts=delivery.attempts,
                    not_before_s=delivery.not_before_s,
                    message_id=delivery.message_id,
                )
        for burial in commit.bury:
            if record := self.waiting.pop(burial.id, None):
                self.dead[burial.id] = (record, burial.reason)
        self.documents |= commit.put
        for key in commit.delete:
            self.documents.pop(key, None)

    def teardown(self) -> None:
        """Close what is open."""
        self.runner.run(self.queue.close())
        self.runner.close()
        self.directory.cleanup()


TestQueueAgainstModel = QueueMachine.TestCase
TestQueueAgainstModel.settings = settings(max_examples=40, stateful_step_count=20, deadline=None)
