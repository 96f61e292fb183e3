"""Durable, ordered records: the journal of a charge point and its outbox in one.

A record is appended in a commit that returns when it is on the disk, waits in its lane, and leaves it when it is acknowledged
or given up. Small documents live beside the records and change in the same commits. The room knows nothing of what is in a
record, uses the standard library only, and is safe against power cuts, full disks, damaged files and a second process.
"""

from offline_queue.errors import (
    DiskFull,
    InvalidCommit,
    NewerDatabase,
    NotAQueue,
    QueueClosed,
    QueueError,
    QueueLocked,
    ReadOnly,
    StoreFailed,
)
from offline_queue.queue import Queue
from offline_queue.values import (
    Bounds,
    Burial,
    Commit,
    DeadRecord,
    Delivery,
    Health,
    Incident,
    NewRecord,
    QueueStats,
    Record,
    Repaired,
    Shed,
)

__all__ = [
    "Bounds",
    "Burial",
    "Commit",
    "DeadRecord",
    "Delivery",
    "DiskFull",
    "Health",
    "Incident",
    "InvalidCommit",
    "NewRecord",
    "NewerDatabase",
    "NotAQueue",
    "Queue",
    "QueueClosed",
    "QueueError",
    "QueueLocked",
    "QueueStats",
    "ReadOnly",
    "Record",
    "Repaired",
    "Shed",
    "StoreFailed",
]
