"""What leaves a queue that is too big, and what never does."""

import logging
from dataclasses import replace
from pathlib import Path

import pytest

from offline_queue import Bounds, Burial, Commit, Delivery, Incident, Queue, Shed
from tests.offline_queue.conftest import BOUNDS, Opener
from tests.offline_queue.helpers import fill, new, texts


def rows(most: int) -> Bounds:
    """A bound on rows alone."""
    return replace(BOUNDS, rows=most)


def samples(count: int, stream: str = "s") -> Commit:
    """Thinnable records numbered from 0."""
    return Commit(append=[new(f"{stream}{number}", stream=stream, thinnable=True) for number in range(count)])


async def test_samples_are_thinned_evenly_and_keep_first_and_last(opener: Opener) -> None:
    """Of the samples of a transaction the even course stays."""
    incidents: list[Incident] = []
    queue = await opener(bounds=rows(8), on_incident=incidents.append)
    await queue.commit(samples(9))
    assert await texts(queue) == ["s0", "s2", "s4", "s6", "s8"]
    assert queue.stats().depth == {"tx": 5}
    assert incidents == [Shed(thinned=4, dropped=0, aged=0, dead=0)]


async def test_last_sample_stays_when_their_number_is_even(opener: Opener) -> None:
    """The last value of a transaction is the one that is billed."""
    queue = await opener(bounds=rows(7))
    await queue.commit(samples(8))
    assert await texts(queue) == ["s0", "s2", "s4", "s6", "s7"]


async def test_longest_stream_is_thinned_first_and_only_as_far_as_needed(opener: Opener) -> None:
    """A short charge keeps its course while a long one has plenty."""
    queue = await opener(bounds=rows(20))
    await queue.commit(samples(5, "short"))
    await queue.commit(samples(16, "long"))
    kept = await texts(queue)
    assert [text for text in kept if text.startswith("short")] == [f"short{n}" for n in range(5)]
    assert len(kept) == 14


async def test_thinning_repeats_until_the_bound_holds(opener: Opener) -> None:
    """Round after round, down to the first and last of each stream."""
    queue = await opener(bounds=rows(12))
    for stream in ("a", "b", "c"):
        await queue.commit(samples(12, stream))
    assert queue.stats().rows <= 12
    kept = await texts(queue)
    for stream in ("a", "b", "c"):
        assert f"{stream}0" in kept
        assert f"{stream}11" in kept


async def test_starts_and_stops_are_never_removed(opener: Opener) -> None:
    """Whatever the bounds say; the queue only stops asking for more."""
    queue = await opener(bounds=rows(3))
    await fill(queue, *(str(number) for number in range(10)))
    assert queue.stats().rows == 10
    assert not queue.stats().accepting
    await queue.commit(samples(3))
    assert len(await texts(queue)) == 12


async def test_records_that_are_not_billable_go_after_the_samples_oldest_first(opener: Opener) -> None:
    """Only when thinning was not enough."""
    queue = await opener(bounds=rows(10))
    await fill(queue, *(f"n{number}" for number in range(120)), billable=False)
    assert queue.stats().rows <= 9
    await fill(queue, "start")
    await fill(queue, "n120", "n121", billable=False)
    kept = await texts(queue)
    assert kept[0] != "n0"
    assert kept[-3:] == ["start", "n120", "n121"]


async def test_record_that_was_sent_is_not_removed(opener: Opener) -> None:
    """Its answer may be on the way."""
    queue = await opener(bounds=rows(2))
    ids = await fill(queue, "n0", "n1", billable=False)
    await queue.commit(Commit(update=[Delivery(ids[0], 0, None, "m-1")]))
    await fill(queue, "start1", "start2")
    assert await texts(queue) == ["n0", "start1", "start2"]


async def test_sample_that_was_sent_is_not_thinned(opener: Opener) -> None:
    """Thinning ends when only such samples are left to remove."""
    queue = await opener(bounds=rows(6))
    ids = await queue.commit(samples(5))
    await queue.commit(Commit(update=[Delivery(ids[1], 0, None, "m-2")]))
    await fill(queue, "start", "stop")
    assert await texts(queue) == ["s0", "s1", "s2", "s4", "start", "stop"]


async def test_bytes_are_bounded_too(opener: Opener) -> None:
    """A few large records count as much as many small ones."""
    queue = await opener(bounds=replace(BOUNDS, bytes=10_000))
    await queue.commit(Commit(append=[new("x" * 1000, thinnable=True) for _ in range(20)]))
    assert queue.stats().bytes <= 10_000
    assert 2 <= queue.stats().rows <= 8


async def test_old_records_that_are_not_billable_are_removed(opener: Opener) -> None:
    """Yesterday's status is of no use; yesterday's start is."""
    incidents: list[Incident] = []
    now: list[float | None] = [None]
    queue = await opener(bounds=replace(BOUNDS, age_s=60.0), wall_clock=lambda: now[0], on_incident=incidents.append)
    await fill(queue, "time unknown", billable=False)
    now[0] = 1000.0
    await fill(queue, "old", billable=False)
    await fill(queue, "old start")
    now[0] = 1060.0
    await fill(queue, "young", billable=False)
    assert await texts(queue) == ["time unknown", "old", "old start", "young"]
    now[0] = 1060.5
    await fill(queue, "new")
    assert await texts(queue) == ["time unknown", "old start", "young", "new"]
    assert incidents == [Shed(thinned=0, dropped=0, aged=1, dead=0)]
    head = await queue.peek("tx", 1, after=3)
    assert head[0].created_at_s == 1060.0


async def test_dead_are_bounded_but_not_those_that_matter(opener: Opener) -> None:
    """A central system that refuses everything does not fill the disk; a start it refused stays for a person to look at."""
    queue = await opener(bounds=replace(BOUNDS, dead_rows=2))
    start = await fill(queue, "start")
    others = await fill(queue, "a", "b", "c", billable=False)
    await queue.commit(Commit(bury=[Burial(id_, "no") for id_ in (*start, *others)]))
    assert [dead.payload for dead in await queue.dead(10)] == [b"start", b"c"]
    assert queue.stats().dead == 2
    await queue.commit(Commit(bury=[Burial(id_, "no") for id_ in await fill(queue, "stop1", "stop2")]))
    assert [dead.payload for dead in await queue.dead(10)] == [b"start", b"stop1", b"stop2"]


async def test_removal_is_logged(opener: Opener, caplog: pytest.LogCaptureFixture) -> None:
    """Overflow has a log line with its numbers."""
    queue = await opener(bounds=rows(8))
    with caplog.at_level(logging.WARNING):
        await queue.commit(samples(9))
    assert "queue over its bounds thinned=4 dropped=0 aged=0 dead=0" in caplog.text


async def test_new_work_is_refused_below_the_reserve(opener: Opener) -> None:
    """A nearly full disk refuses new charging before it loses a fact; commits still go through."""
    free = [1000]

    def free_bytes(_: Path) -> int:
        return free[0]

    queue = await opener(bounds=replace(BOUNDS, reserve_bytes=1000), free_bytes=free_bytes)
    assert queue.stats().accepting
    free[0] = 999
    await fill(queue, "stop")
    assert not queue.stats().accepting
    assert queue.stats().health == "ok"
    free[0] = 1000
    assert (await queue.check()).accepting


async def test_free_space_that_cannot_be_told_counts_as_none(opener: Opener, caplog: pytest.LogCaptureFixture) -> None:
    """What is not known is not promised."""

    def free_bytes(_: Path) -> int:
        raise OSError("stale handle")

    queue = await opener(bounds=replace(BOUNDS, reserve_bytes=1), free_bytes=free_bytes)
    assert not queue.stats().accepting
    assert "queue cannot tell the free space" in caplog.text


async def test_fault_in_the_callback_does_not_stop_the_queue(opener: Opener) -> None:
    """Whoever is told of an incident cannot break the one who tells."""

    def fail(_: Incident) -> None:
        raise LookupError("a fault of the program")

    seen: list[object] = []
    queue: Queue = await opener(bounds=rows(2), on_incident=fail)
    queue._loop.set_exception_handler(lambda _, context: seen.append(context["exception"]))
    await queue.commit(samples(5))
    assert await texts(queue) == ["s0", "s4"]
    assert [type(error) for error in seen] == [LookupError]
