"""Lanes, streams, documents and the dead: the questions and their answers."""

import json

import pytest

from offline_queue import Burial, Commit, Delivery, InvalidCommit, NewRecord, Queue
from tests.offline_queue.helpers import fill, new, texts


async def test_head_is_the_oldest_of_its_lane(queue: Queue) -> None:
    """Lanes do not wait for each other."""
    await fill(queue, "t1", "t2")
    await fill(queue, "s1", lane="security")
    transaction, security = await queue.head("tx"), await queue.head("security")
    assert transaction is not None
    assert security is not None
    assert (transaction.payload, security.payload) == (b"t1", b"s1")
    assert await queue.head("nothing here") is None


async def test_peek_pages_through_a_lane(queue: Queue) -> None:
    """A backlog is read in pages, each after the last id of the one before."""
    await fill(queue, "a", "b", "c")
    page = await queue.peek("tx", 2)
    assert [record.payload for record in page] == [b"a", b"b"]
    assert [record.payload for record in await queue.peek("tx", 2, after=page[-1].id)] == [b"c"]


async def test_records_of_a_stream_come_from_all_lanes(queue: Queue) -> None:
    """A transaction can be asked for what is still to be delivered of it."""
    await queue.commit(Commit(append=[new("a", stream="1"), new("b", stream="2"), new("c", stream="1", lane="other")]))
    page = await queue.records("1", 10)
    assert [record.payload for record in page] == [b"a", b"c"]
    assert [record.payload for record in await queue.records("1", 10, after=page[0].id)] == [b"c"]
    assert await queue.waiting("1") == 2
    assert await queue.waiting("3") == 0


async def test_documents_are_put_replaced_and_deleted(queue: Queue) -> None:
    """A document is the last value put under its name."""
    await queue.commit(Commit(put={("n", "b"): b"1", ("n", "a"): b"2", ("m", "a"): b"3"}))
    await queue.commit(Commit(put={("n", "b"): b"4"}, delete=[("m", "a"), ("m", "unknown")]))
    assert await queue.items("n") == {"a": b"2", "b": b"4"}
    assert await queue.get("n", "b") == b"4"
    assert await queue.get("m", "a") is None


async def test_question_with_an_impossible_name_is_refused(queue: Queue) -> None:
    """A fault of the caller does not count against the disk."""
    with pytest.raises(InvalidCommit):
        await queue.get("n", "\ud800")
    assert queue.stats().health == "ok"


async def test_buried_record_leaves_its_lane_and_is_kept(queue: Queue) -> None:
    """What is given up is not lost."""
    first, second = await fill(queue, "a", "b")
    await queue.commit(Commit(update=[Delivery(first, 3, None, "m-9")], bury=[Burial(first, "refused three times")]))
    assert await texts(queue) == ["b"]
    (dead,) = await queue.dead(10)
    assert (dead.id, dead.payload, dead.attempts, dead.message_id) == (first, b"a", 3, "m-9")
    assert (dead.reason, dead.billable, dead.thinnable) == ("refused three times", True, False)
    assert (queue.stats().dead, queue.stats().oldest_id) == (1, second)


async def test_retried_record_takes_its_old_place(queue: Queue) -> None:
    """The order of ids holds also for what comes back, and its attempts start again."""
    first, second, _ = await fill(queue, "a", "b", "c")
    await queue.commit(Commit(update=[Delivery(second, 3, 9.0, "m")], bury=[Burial(second, "no"), Burial(first, "no")]))
    assert await queue.retry([second, 99]) == 1
    assert await texts(queue) == ["b", "c"]
    head = await queue.head("tx")
    assert head is not None
    assert (head.id, head.attempts, head.not_before_s, head.message_id) == (second, 0, None, None)
    assert (queue.stats().dead, queue.stats().rows) == (1, 2)


async def test_discarded_record_is_gone(queue: Queue) -> None:
    """A person may decide that a record is worth nothing."""
    first, second = await fill(queue, "a", "b")
    await queue.commit(Commit(bury=[Burial(first, "no"), Burial(second, "no")]))
    assert await queue.discard([first, 99]) == 1
    assert [dead.id for dead in await queue.dead(10, after=0)] == [second]
    assert await queue.dead(10, after=second) == []
    assert queue.stats().dead == 1


async def test_impossible_id_is_refused(queue: Queue) -> None:
    """A number no id can be is an error of the caller, and the queue goes on."""
    with pytest.raises(InvalidCommit):
        await queue.retry([2**64])
    await fill(queue, "a")
    assert queue.stats().health == "ok"


async def test_export_is_one_line_of_json_for_each_dead_record(queue: Queue) -> None:
    """Text stays readable, other bytes are given in hexadecimal."""
    ids = await queue.commit(Commit(append=[new("é"), *(new(str(n)) for n in range(150))]))
    await queue.commit(Commit(bury=[Burial(id_, "no") for id_ in ids]))
    binary = await queue.commit(Commit(append=[NewRecord("tx", "s", "k", b"\xff\x00")]))
    await queue.commit(Commit(bury=[Burial(binary[0], "no")]))
    lines = [json.loads(line) async for line in queue.export_dead()]
    assert [line["id"] for line in lines] == [*ids, *binary]
    assert lines[0]["payload"] == "é"
    assert lines[-1]["payload_hex"] == "ff00"
    assert "payload" not in lines[-1]


async def test_stats_follow_what_is_there(queue: Queue) -> None:
    """Depth by lane, the oldest id, and bytes that come back to nothing."""
    assert (queue.stats().depth, queue.stats().oldest_id, queue.stats().bytes) == ({}, None, 0)
    first, second = await fill(queue, "a", "b")
    (third,) = await fill(queue, "c", lane="security")
    assert queue.stats().depth == {"tx": 2, "security": 1}
    assert (queue.stats().rows, queue.stats().oldest_id) == (3, first)
    await queue.commit(Commit(acknowledge=[first, second, third]))
    assert (queue.stats().depth, queue.stats().oldest_id, queue.stats().bytes) == ({}, None, 0)
