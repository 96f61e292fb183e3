"""The cost of a call does not depend on how much is in the queue."""

from dataclasses import replace

from offline_queue import Burial, Commit, Delivery, Queue
from tests.offline_queue.conftest import BOUNDS, Opener
from tests.offline_queue.helpers import fill, new, size


async def plans(queue: Queue, statements: list[str]) -> list[str]:
    """How SQLite would run the statements, without those that only count or sort what they made themselves."""
    store = queue._worker._store
    assert store is not None
    steps = [str(row[3]) for sql in statements for row in store.rows(f"EXPLAIN QUERY PLAN {sql}")]
    return sorted({step for step in steps if step.startswith(("SCAN", "SEARCH", "USE"))})


async def test_no_call_reads_a_whole_table(opener: Opener) -> None:
    """Every statement of daily work finds its rows by an index or an id."""
    now = [1000.0]
    queue = await opener(bounds=replace(BOUNDS, age_s=10.0), wall_clock=lambda: now[0])
    ids = await fill(queue, *"abcdefgh")
    statements: list[str] = []
    store = queue._worker._store
    assert store is not None
    store._connection.set_trace_callback(statements.append)
    await queue.commit(
        Commit(
            append=[new("x", billable=False)],
            acknowledge=[ids[0]],
            update=[Delivery(ids[1], 1)],
            bury=[Burial(ids[2], "no"), Burial(ids[3], "no")],
            put={("n", "k"): b"v"},
            delete=[("n", "other")],
        )
    )
    now[0] += 20.0
    await queue.head("tx")
    await queue.records("s", 5)
    await queue.waiting("s")
    await queue.get("n", "k")
    await queue.items("n")
    await queue.dead(5)
    await queue.retry([ids[2]])
    await queue.discard([ids[3]])
    await queue.check()
    store._connection.set_trace_callback(None)
    daily = [sql for sql in statements if sql.split()[0] in {"SELECT", "INSERT", "UPDATE", "DELETE"}]
    assert len(daily) > 15
    found = await plans(queue, daily)
    assert [step for step in found if step.startswith("SCAN")] == ["SCAN id_limit"]  # which has one row


async def test_log_is_written_back_and_stays_small(queue: Queue) -> None:
    """A thousand commits leave a log of a mebibyte or two, not of all they wrote."""
    for number in range(600):
        await fill(queue, f"{number:02000}")
    store = queue._worker._store
    assert store is not None
    assert size(store.path.with_name("queue.db-wal")) < 2 * 1024 * 1024
