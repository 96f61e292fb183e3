"""What a commit promises: durable, all or nothing, grouped with others, and alone in its faults."""

import asyncio
from typing import Any, cast

import pytest

from offline_queue import Burial, Commit, Delivery, InvalidCommit, NewRecord, Queue, QueueClosed
from tests.offline_queue.conftest import Opener
from tests.offline_queue.helpers import CountingExecutor, fill, new, texts


async def test_commit_returns_the_ids_of_its_records_in_order(queue: Queue) -> None:
    """Ids grow within a commit and from one commit to the next."""
    first = await fill(queue, "a", "b")
    second = await fill(queue, "c")
    assert list(first + second) == sorted(set(first + second))
    assert len(first) == 2


async def test_record_comes_back_as_it_went_in(queue: Queue) -> None:
    """No field is changed or lost on the way through the database."""
    record = NewRecord("security", "stream", "kind", b"\x00\xff", billable=False, thinnable=True)
    (id_,) = await queue.commit(Commit(append=[record]))
    head = await queue.head("security")
    assert head is not None
    assert (head.id, head.lane, head.stream, head.kind, head.payload) == (
        id_,
        "security",
        "stream",
        "kind",
        b"\x00\xff",
    )
    assert (head.billable, head.thinnable) == (False, True)
    assert (head.created_at_s, head.attempts, head.not_before_s, head.message_id) == (None, 0, None, None)


async def test_acknowledged_record_leaves_its_lane(queue: Queue) -> None:
    """The next record becomes the head."""
    first, _ = await fill(queue, "a", "b")
    await queue.commit(Commit(acknowledge=[first]))
    assert await texts(queue) == ["b"]


async def test_delivery_is_kept_with_the_record(queue: Queue, opener: Opener) -> None:
    """Attempts, the next moment and the message id survive a restart."""
    (id_,) = await fill(queue, "a")
    await queue.commit(Commit(update=[Delivery(id_, 2, 12.5, "m-1")]))
    await queue.close()
    head = await (await opener()).head("tx")
    assert head is not None
    assert (head.attempts, head.not_before_s, head.message_id) == (2, 12.5, "m-1")


async def test_ids_that_are_not_in_the_queue_are_passed_over(queue: Queue) -> None:
    """A record may have been thinned while its answer was on the way."""
    await fill(queue, "a")
    await queue.commit(Commit(acknowledge=[77], update=[Delivery(78, 1)], bury=[Burial(79, "no")]))
    assert await texts(queue) == ["a"]
    assert await queue.dead(10) == []
    assert queue.stats().dead == 0


async def test_documents_change_in_the_same_commit(queue: Queue) -> None:
    """An acknowledgement and what the answer assigned are one."""
    (id_,) = await fill(queue, "a")
    await queue.commit(Commit(acknowledge=[id_], put={("tx", "s"): b"17"}))
    assert await queue.head("tx") is None
    assert await queue.get("tx", "s") == b"17"


async def test_refused_commit_leaves_nothing_behind(queue: Queue) -> None:
    """All parts of a commit are undone if one of them cannot be stored."""
    (id_,) = await fill(queue, "a")
    bad = Commit(append=[new("b")], acknowledge=[id_], put={("n", "k"): cast("Any", "not bytes")})
    with pytest.raises(InvalidCommit, match="only bytes are stored, not str; encode it first"):
        await queue.commit(bad)
    assert await texts(queue) == ["a"]
    assert queue.stats().rows == 1
    assert await queue.items("n") == {}


@pytest.mark.parametrize(
    "record",
    [
        new(lane="\ud800"),
        NewRecord("tx", "s", "k", cast("Any", "text")),
        NewRecord("tx", "s", cast("Any", None), b""),
        NewRecord("tx", cast("Any", object()), "k", b""),
    ],
)
async def test_bad_commit_of_a_group_fails_alone(queue: Queue, record: NewRecord) -> None:
    """Those made durable together with it do not notice."""
    group = [
        queue.submit(Commit(append=[new("a")])),
        queue.submit(Commit(append=[record])),
        queue.submit(Commit(append=[new("c")])),
    ]
    first, bad, last = await asyncio.gather(*group, return_exceptions=True)
    assert isinstance(bad, InvalidCommit)
    assert isinstance(first, tuple)
    assert isinstance(last, tuple)
    assert await texts(queue) == ["a", "c"]
    assert queue.stats().depth == {"tx": 2}


async def test_commits_that_wait_together_share_one_sync(opener: Opener) -> None:
    """Fifty callers at once cost one round trip to the disk."""
    executor = CountingExecutor()
    queue = await opener(executor=executor)
    before = executor.calls
    ids = await asyncio.gather(*(fill(queue, str(number)) for number in range(50)))
    assert executor.calls == before + 1
    assert len(set(ids)) == 50
    assert await texts(queue) == [str(number) for number in range(50)]


async def test_group_ends_at_a_question(opener: Opener) -> None:
    """What is asked for takes effect in the order of asking, so a read does not see a later commit."""
    queue = await opener()
    first = queue.submit(Commit(append=[new("a")]))
    seen = asyncio.ensure_future(texts(queue))
    await asyncio.sleep(0)
    second = queue.submit(Commit(append=[new("b")]))
    await asyncio.gather(first, second)
    assert await seen == ["a"]


async def test_group_has_a_limit(opener: Opener) -> None:
    """No commit waits for an endless crowd of others."""
    executor = CountingExecutor()
    queue = await opener(executor=executor)
    before = executor.calls
    await asyncio.gather(*(fill(queue, str(number)) for number in range(600)))
    assert executor.calls == before + 2
    assert queue.stats().rows == 600


async def test_cancelled_caller_does_not_undo_its_commit(queue: Queue) -> None:
    """The record is written although nobody waits for it any more."""
    caller = asyncio.ensure_future(fill(queue, "a"))
    await asyncio.sleep(0)
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    assert await texts(queue) == ["a"]


async def test_commit_without_parts_waits_for_those_before_it(queue: Queue) -> None:
    """It is a barrier, and appends nothing."""
    before = queue.submit(Commit(append=[new("a")]))
    assert await queue.commit(Commit()) == ()
    assert before.done()
    assert await texts(queue) == ["a"]


async def test_closed_queue_refuses_everything(queue: Queue) -> None:
    """After close there is nobody to write."""
    await queue.close()
    with pytest.raises(QueueClosed, match="open it again"):
        queue.submit(Commit(append=[new()]))
    with pytest.raises(QueueClosed):
        await queue.commit(Commit())
    with pytest.raises(QueueClosed):
        await queue.head("tx")
    await queue.close()


async def test_close_finishes_what_was_submitted(queue: Queue, opener: Opener) -> None:
    """A commit handed over before close is durable after it."""
    submitted = queue.submit(Commit(append=[new("a")]))
    await queue.close()
    assert submitted.done()
    assert await texts(await opener()) == ["a"]


async def test_executor_that_is_shut_down_first_fails_its_callers(opener: Opener) -> None:
    """Nobody waits for ever when the program ends in the wrong order."""
    executor = CountingExecutor()
    queue = await opener(executor=executor)
    executor.shutdown()
    with pytest.raises(QueueClosed, match="executor was shut down"):
        await fill(queue, "a")
    with pytest.raises(QueueClosed, match="executor was shut down"):
        await queue.close()
    queue._worker.close()


async def test_clock_that_fails_fails_the_caller(opener: Opener) -> None:
    """And nobody else: the commit is not taken, and the queue goes on."""
    faults: list[Exception] = [LookupError("no clock")]

    def wall_clock() -> float:
        if faults:
            raise faults.pop()
        return 1.0

    queue = await opener(wall_clock=wall_clock)
    with pytest.raises(LookupError):
        await fill(queue, "a")
    await fill(queue, "b")
    assert await texts(queue) == ["b"]


async def test_mistake_of_a_caller_reaches_the_caller(queue: Queue) -> None:
    """A commit that is not even made of the right parts raises what Python says, and the queue goes on."""
    with pytest.raises(AttributeError):
        await queue.commit(Commit(append=[cast("Any", "not a record")]))
    await fill(queue, "a")
    assert await texts(queue) == ["a"]
