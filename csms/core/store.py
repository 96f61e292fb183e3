"""What the central system remembers, as a narrow contract that any key-value database can keep.

Values are JSON-able dictionaries, so that they survive a trip through SQLite or Redis unchanged. A value given to the
store belongs to the store, and a value read from it is read-only: change a copy and put it back.
"""

from typing import Any, Final, Protocol, TypeAlias

Record: TypeAlias = dict[str, Any]

# Rows kept per owner; when a table or log is full its oldest row goes. Tables not named here are bounded by what they
# describe (one row per known station, connector, configured token) or by the rules that write them (transactions, calls).
BOUNDS: Final[dict[str, int]] = {
    "answers": 256,  # answers kept for repeated message ids, per station
    "fleeting": 64,  # the same for those that are good on their own connection only, per connection
    "idempotency": 1_000,  # outcomes kept for repeated commands, per station
    "starts": 2_000,  # contents of StartTransaction, to know a repeated one, per station
    "digests": 2_000,  # contents of the facts of one transaction, to know a repeated one
    "facts": 20_000,  # facts of one transaction
    "messages": 1_000,  # frames, per station
    "meter-values": 2_000,  # readings outside transactions, per station
    "notices": 500,  # firmware, log, security and other notices, per station
    "variables": 5_000,  # reported device model, per station
    "configuration": 1_000,  # known configuration keys, per station
    "local-list": 50_000,  # entries of the local list, per station
    "charging-profiles": 1_000,  # known charging profiles, per station
    "certificates": 500,  # known certificates, per station
}


class Store(Protocol):
    """Tables (owner, key) -> record, bounded logs, and counters.

    `owner` groups the rows that live and die together, mostly a station's identity; "" for what belongs to the house.
    Every method takes effect at once; a store shared by several processes makes each of them atomic.
    """

    def get(self, table: str, owner: str, key: str) -> Record | None:
        """The row, or None."""

    def put(self, table: str, owner: str, key: str, value: Record) -> None:
        """Write a row. A new row goes last in `items`, a rewritten one keeps its place."""

    def delete(self, table: str, owner: str, key: str) -> None:
        """Remove a row; a missing one is no error."""

    def first(self, table: str, owner: str) -> tuple[str, Record] | None:
        """The oldest row of one owner with its key, or None."""

    def items(self, table: str, owner: str) -> list[tuple[str, Record]]:
        """All rows of one owner with their keys, oldest first."""

    def count(self, table: str, owner: str) -> int:
        """How many rows one owner has."""

    def owners(self, table: str) -> list[str]:
        """Everyone who has a row in the table, oldest first."""

    def drop(self, name: str, owner: str) -> None:
        """Remove all rows and entries that one owner has in a table or log."""

    def append(self, log: str, owner: str, entry: Record) -> None:
        """Add to a log, dropping its oldest entry when it is full."""

    def entries(self, log: str, owner: str, limit: int | None = None) -> list[Record]:
        """The newest `limit` entries (all when None), oldest first."""

    def increment(self, counter: str) -> int:
        """Add one to a counter that starts at 0 and return it; no value is ever handed out twice."""
