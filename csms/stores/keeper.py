"""What keeps the rows of a store outside the process, and the changes it is given."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol, TypeAlias

from csms.core.store import Record

HOUSE: Final = ""
"""The owner of rows that belong to no single station; their key is mostly a station's identity."""


class KeeperError(Exception):
    """Root of what keeping can end in."""


class KeeperUnavailable(KeeperError, ConnectionError):
    """The keeper cannot be reached now; nothing was written, or it is not known what was."""


class KeeperDamaged(KeeperError, ValueError):
    """What is kept cannot be read; the text says where."""


@dataclass(frozen=True, slots=True)
class Put:
    """A row was written; a new one goes last."""

    table: str
    owner: str
    key: str
    value: Record


@dataclass(frozen=True, slots=True)
class Delete:
    """A row went."""

    table: str
    owner: str
    key: str


@dataclass(frozen=True, slots=True)
class Drop:
    """All rows or entries of one owner went."""

    name: str
    owner: str


@dataclass(frozen=True, slots=True)
class Append:
    """A log grew; only its newest `bound` entries are kept, all of them when None.

    `key` is unique in the log, so that an entry written twice is there once.
    """

    log: str
    owner: str
    key: str
    entry: Record
    bound: int | None


@dataclass(frozen=True, slots=True)
class Count:
    """A counter has reached a value; it never goes back."""

    counter: str
    value: int


Change: TypeAlias = Put | Delete | Drop | Append | Count


@dataclass(frozen=True, slots=True)
class Scope:
    """Which rows to read: those of these owners and of what belongs to them (a station's transactions), and of the rows of
    the house those with these keys, or all of a table."""

    owners: tuple[str, ...]
    house_keys: tuple[str, ...] = ()
    whole_house_tables: tuple[str, ...] = ("tokens",)
    logs: bool = False


class Keeper(Protocol):
    """A durable home for rows. Every method raises KeeperUnavailable when the home cannot be reached in time."""

    async def load(self, scope: Scope | None) -> list[Change]:
        """The rows in a scope (everything when None), as the changes that bring them about, oldest first."""

    async def commit(self, changes: Sequence[Change]) -> frozenset[str]:
        """Write changes in their order. When it returns they are kept, but for those of the stations it names: they
        belong to a newer writer now. The same changes may be committed again when it could not tell."""

    async def reserve(self, counter: str, count: int, at_least: int = 0) -> int:
        """Take `count` numbers above `at_least` that nobody else will get; return the first."""

    async def close(self) -> None:
        """Give up files and connections; what was committed stays."""
