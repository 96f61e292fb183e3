"""What leaves the queue when it is too big.

In this order, and only as much as needed:

1. records that are not billable and older than the age bound;
2. thinnable records: of the stream with the most of them every second one, but never its first and last; again and again;
3. the oldest records that are not billable.

Records that are billable and not thinnable stay, whatever the bounds say; so does a record that has been sent and waits for its
answer. Of the dead, those that may be lost leave when there are too many, oldest first.
"""

from offline_queue.store import Store
from offline_queue.totals import Totals
from offline_queue.values import Bounds, Shed

_LOW_MARK = 0.9  # of a bound: shed down to here, so that the next commits need not shed again
_AT_A_TIME = 100  # streams or records looked at in one step, so that memory stays flat


def keep(store: Store, totals: Totals, bounds: Bounds, now_s: float | None) -> Shed | None:
    """Bring the queue back within its bounds, inside the transaction in progress; None if there was nothing to remove."""
    aged = 0
    if bounds.age_s is not None and now_s is not None:
        aged = _remove_aged(store, totals, now_s - bounds.age_s)
    thinned = dropped = 0
    if exceeded(totals, bounds):
        low = Bounds(rows=int(bounds.rows * _LOW_MARK), bytes=int(bounds.bytes * _LOW_MARK))
        thinned = _thin(store, totals, low)
        dropped = _drop(store, totals, low)
    dead = _forget_dead(store, totals, bounds.dead_rows)
    if not (aged or thinned or dropped or dead):
        return None
    return Shed(thinned=thinned, dropped=dropped, aged=aged, dead=dead)


def exceeded(totals: Totals, bounds: Bounds) -> bool:
    """Whether the queue is beyond a bound."""
    return totals.rows > bounds.rows or totals.bytes > bounds.bytes


def _remove_aged(store: Store, totals: Totals, oldest_s: float) -> int:
    return totals.remove(
        store.stream(
            "DELETE FROM records WHERE billable = 0 AND created_at_s < ? AND message_id IS NULL RETURNING lane, size",
            (oldest_s,),
        )
    )


def _thin(store: Store, totals: Totals, low: Bounds) -> int:
    thinned = 0
    while exceeded(totals, low):
        removed = 0
        for (stream,) in store.rows(
            "SELECT stream FROM records WHERE thinnable = 1 GROUP BY stream HAVING count(*) > 2 "
            "ORDER BY count(*) DESC, stream LIMIT ?",
            (_AT_A_TIME,),
        ):
            removed += _halve(store, totals, stream)
            if not exceeded(totals, low):
                break
        if not removed:
            break
        thinned += removed
    return thinned


def _halve(store: Store, totals: Totals, stream: str) -> int:
    return totals.remove(
        store.stream(
            "DELETE FROM records WHERE message_id IS NULL AND id IN ("
            " SELECT id FROM ("
            "  SELECT id, row_number() OVER (ORDER BY id) AS place, count(*) OVER () AS places"
            "  FROM records WHERE stream = ? AND thinnable = 1)"
            " WHERE place % 2 = 0 AND place < places) RETURNING lane, size",
            (stream,),
        )
    )


def _drop(store: Store, totals: Totals, low: Bounds) -> int:
    dropped = 0
    while exceeded(totals, low):
        removed = totals.remove(
            store.stream(
                "DELETE FROM records WHERE id IN ("
                " SELECT id FROM records WHERE billable = 0 AND message_id IS NULL ORDER BY id LIMIT ?)"
                " RETURNING lane, size",
                (_AT_A_TIME,),
            )
        )
        if not removed:
            break
        dropped += removed
    return dropped


def _forget_dead(store: Store, totals: Totals, most: int) -> int:
    surplus = totals.dead - most
    if surplus <= 0:
        return 0
    gone = store.rows(
        "DELETE FROM dead WHERE id IN ("
        " SELECT id FROM dead WHERE billable = 0 OR thinnable = 1 ORDER BY id LIMIT ?) RETURNING id",
        (surplus,),
    )
    totals.dead -= len(gone)
    return len(gone)
