"""What is in the queue, in numbers, kept beside the database so that bounds and statistics cost no query."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from offline_queue.store import Store

RECORD_OVERHEAD_BYTES = (
    200  # of a record in the file besides its payload: columns, indexes, slack in the pages; measured
)


@dataclass(slots=True)
class Totals:
    """The totals of one transaction in progress; whoever rolls it back puts an earlier copy back."""

    depth: dict[str, int] = field(default_factory=dict)
    rows: int = 0
    bytes: int = 0
    dead: int = 0
    next_id: int = 1
    id_limit: int = 1  # ids from here on are not yet set aside in the database
    oldest_id: int | None = None
    oldest_is_known: bool = True  # False: a record has left or come back since it was looked up

    @classmethod
    def count(cls, store: Store) -> "Totals":
        """The totals of a database. Reads one index, not the records. Raises: StoreFailed."""
        totals = cls()
        for lane, rows, size in store.rows("SELECT lane, count(*), sum(size) FROM records GROUP BY lane"):
            totals.depth[lane] = rows
            totals.rows += rows
            totals.bytes += size
        totals.dead = store.number("SELECT count(*) FROM dead")
        totals.next_id = totals.id_limit = store.number("SELECT value FROM id_limit")
        totals.oldest_is_known = not totals.rows
        return totals

    def copy(self) -> "Totals":
        """The same numbers, independent of later changes."""
        return Totals(
            dict(self.depth),
            self.rows,
            self.bytes,
            self.dead,
            self.next_id,
            self.id_limit,
            self.oldest_id,
            self.oldest_is_known,
        )

    def add(self, id_: int, lane: str, size: int) -> None:
        """Count a record in."""
        if self.oldest_id is None or id_ < self.oldest_id:
            self.oldest_id = id_
        self.depth[lane] = self.depth.get(lane, 0) + 1
        self.rows += 1
        self.bytes += size

    def remove(self, removed: Iterable[tuple[str, int]]) -> int:
        """Count records out, given the lane and size of each; return how many there were."""
        count = 0
        for lane, size in removed:
            count += 1
            self.bytes -= size
            self.depth[lane] -= 1
            if not self.depth[lane]:
                del self.depth[lane]
        self.rows -= count
        if count:
            self.oldest_is_known = False
        return count
