"""What goes into the queue and what comes out: frozen values, without behaviour."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path


@dataclass(frozen=True, slots=True)
class NewRecord:
    """A record to append.

    ``lane`` is the line it waits in: records of one lane are delivered in the order of their ids. ``stream`` groups the records
    that belong together, for example by the key of their transaction. ``kind`` and ``payload`` are the caller's own.

    A ``thinnable`` record may be removed when the queue is too big, except the first and last of its stream. One that is not
    ``billable`` may be dropped after that. A record that is billable and not thinnable is never removed.
    """

    lane: str
    stream: str
    kind: str
    payload: bytes
    billable: bool = True
    thinnable: bool = False


@dataclass(frozen=True, slots=True)
class Record:
    """A record that waits for delivery. Ids grow and are never used twice."""

    id: int
    lane: str
    stream: str
    kind: str
    payload: bytes
    billable: bool
    thinnable: bool
    created_at_s: float | None  # by the clock given to the queue; None: that clock did not know the time
    attempts: int  # transmissions that failed; being offline is not one
    not_before_s: float | None  # the earliest moment of the next transmission, on the caller's clock
    message_id: str | None  # under which it was last sent; None: never sent


@dataclass(frozen=True, slots=True)
class DeadRecord:
    """A record given up, kept for a person to retry, export or discard."""

    id: int
    lane: str
    stream: str
    kind: str
    payload: bytes
    billable: bool
    thinnable: bool
    created_at_s: float | None
    attempts: int
    message_id: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """What is known of the transmissions of a record; replaces what was known before."""

    id: int
    attempts: int
    not_before_s: float | None = None
    message_id: str | None = None


@dataclass(frozen=True, slots=True)
class Burial:
    """Give a record up: it leaves its lane and is kept among the dead."""

    id: int
    reason: str


@dataclass(frozen=True, slots=True)
class Commit:
    """One change of the queue and its documents: all of it becomes durable, or nothing.

    The parts are applied in the order of the fields. An id that is not in the queue (delivered before, or thinned) is passed
    over. Documents are small values under (namespace, key) that change together with records. A commit without parts writes
    nothing, and returns when all earlier ones are durable.
    """

    append: Sequence[NewRecord] = ()
    acknowledge: Sequence[int] = ()
    update: Sequence[Delivery] = ()
    bury: Sequence[Burial] = ()
    put: Mapping[tuple[str, str], bytes] = field(default_factory=dict)
    delete: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, slots=True)
class Bounds:
    """How large the queue may grow, and how much of the disk it leaves alone.

    ``bytes`` counts payloads plus a fixed overhead for each record, which comes close to the size of the file. A bound that is
    exceeded is brought back to nine tenths of itself, so that thinning happens rarely and not at each commit.
    """

    rows: int = 100_000
    bytes: int = 64 * 1024 * 1024
    age_s: float | None = None  # of records that are not billable
    dead_rows: int = 1_000  # given-up records; those that must not be lost are kept beyond it
    reserve_bytes: int = 16 * 1024 * 1024  # free space below which new work should be refused
    ballast_bytes: int = 256 * 1024  # held on disk, and given up for the last records when the disk is full


class Health(StrEnum):
    """What the last write met. It turns ``OK`` again with the next write that succeeds."""

    OK = "ok"
    FULL = "full"
    READ_ONLY = "read_only"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class QueueStats:
    """The state of the queue after the last write."""

    depth: Mapping[str, int]  # records waiting, by lane; a lane without records is not listed
    oldest_id: int | None
    bytes: int
    dead: int
    health: Health
    accepting: bool  # False: refuse work that would produce more records that must not be lost
    last_error: str | None  # of the last write or read that failed, kept after recovery

    @property
    def rows(self) -> int:
        """Records waiting in all lanes."""
        return sum(self.depth.values())


@dataclass(frozen=True, slots=True)
class Shed:
    """Incident: records were removed to keep the bounds."""

    thinned: int
    dropped: int
    aged: int
    dead: int


@dataclass(frozen=True, slots=True)
class Repaired:
    """Incident: the database was damaged; what could be read was carried over to a new one."""

    cause: str
    quarantined: Path
    records: int
    dead: int
    documents: int
    unreadable: int  # places where something could not be read; at least one row each


Incident = Shed | Repaired
