"""What a narrated program has promised by a moment of its record, and what of it is missing on a disk."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from operator import methodcaller
from pathlib import Path, PurePosixPath

from firmware.app import DATABASE
from firmware.core.facts import FactKind
from firmware.core.transaction import Transaction
from firmware.engine.journal import LANE, TRANSACTIONS
from firmware.services.security_events import LANE as SECURITY
from offline_queue import Bounds, Record, Repaired
from offline_queue.files import free_bytes
from offline_queue.schema import MIGRATIONS
from offline_queue.worker import Worker
from tests.crash.record import Entry, Log

WORLD = PurePosixPath("world.json")
WORLD_FRESH = PurePosixPath("world.new")
BOUNDS = Bounds(reserve_bytes=0, ballast_bytes=0)


@dataclass(frozen=True, slots=True)
class Worlds:
    """The memory of the mock world at each moment: meters, cars and bolts keep theirs when the machine loses power."""

    changes: Sequence[tuple[int, bytes]]  # (number of the next entry, content from then on)

    def at(self, entry: int) -> bytes | None:
        """The content just before an entry; None before the first."""
        return next((content for changed, content in reversed(self.changes) if changed <= entry), None)


def without_world(log: Log) -> tuple[Log, Worlds]:
    """The record without the files of the mock world, and what they contained."""
    kept: list[Entry] = []
    changes: list[tuple[int, bytes]] = []
    inodes: set[int] = set()
    fresh = bytearray()
    for entry in log.entries:
        if entry.what == "create":
            inodes.discard(entry.inode)  # the kernel uses them again
        if entry.what == "create" and entry.path == WORLD_FRESH:
            inodes.add(entry.inode)
            fresh.clear()
        elif entry.what == "rename" and entry.target == WORLD:
            changes.append((len(kept), bytes(fresh)))
        elif entry.inode in inodes and entry.what == "write":
            fresh[entry.offset : entry.offset + len(entry.data)] = entry.data
        elif entry.inode not in inodes or entry.what not in ("sync", "truncate"):
            kept.append(entry)
    return Log(log.root_inode, log.folders, log.files, kept), Worlds(changes)


@dataclass(frozen=True, slots=True)
class Image:
    """What the next start of the program finds."""

    facts: dict[int, tuple[str, str]]  # record -> (transaction, kind of fact)
    documents: dict[str, str]
    repaired: bool


def read_image(directory: Path, namespaces: Iterable[str]) -> Image:
    """Open the journal below a state directory as the program does."""
    worker = Worker(directory / DATABASE, BOUNDS, free_bytes, MIGRATIONS)
    report = worker.open()
    try:
        records: list[Record] = []
        for lane in (LANE, SECURITY):
            records += worker.read(methodcaller("peek", lane, 1_000_000, 0)).results[0]
        documents: dict[str, str] = {}
        for namespace in namespaces:
            (items,) = worker.read(methodcaller("items", namespace)).results
            documents |= {f"{namespace}/{key}": value.decode() for key, value in items.items()}
    finally:
        worker.close()
    repaired = any(isinstance(incident, Repaired) for incident in report.incidents)
    return Image({record.id: (record.stream, record.kind) for record in records}, documents, repaired)


@dataclass(slots=True)
class Promises:
    """Follows the lines of a narrated program."""

    facts: dict[int, tuple[str, str]] = field(default_factory=dict)  # every record promised
    gone: set[int] = field(default_factory=set)  # asked to be removed
    removed: set[int] = field(default_factory=set)  # and promised to be
    answered: set[int] = field(default_factory=set)  # the central system has it, and the program knows
    sent: list[str] = field(default_factory=list)  # calls as they went out
    closed: set[int] = field(default_factory=set)  # EVSEs whose contactor is commanded
    versions: dict[str, list[str | None]] = field(default_factory=dict)  # of each document, oldest first
    promised_version: dict[str, int] = field(default_factory=dict)  # number of the last one that is promised
    _asked: dict[int, tuple[list[tuple[str, str]], list[int], dict[str, int]]] = field(default_factory=dict)

    @property
    def namespaces(self) -> set[str]:
        """Of all documents heard of."""
        return {name.partition("/")[0] for name in self.versions} | {TRANSACTIONS}

    def follow(self, entry: Entry) -> None:
        """Take in an entry of the record."""
        if entry.what == "told":
            self._hear(*json.loads(entry.data))

    def _hear(self, what: str, *rest: object) -> None:
        match what, *rest:
            case "ask", int(number), list(appended), list(gone), dict(documents):
                self.gone.update(gone)
                versions = {}
                for name, value in documents.items():
                    history = self.versions.setdefault(name, [None])
                    history.append(value)
                    versions[name] = len(history) - 1
                self._asked[number] = ([(stream, kind) for stream, kind in appended], gone, versions)
            case "durable", int(number), list(ids):
                appended_facts, gone_ids, versions = self._asked.pop(number)
                self.facts |= zip(ids, appended_facts, strict=True)
                self.removed.update(gone_ids)
                self.promised_version |= versions
            case "contactor", int(evse), bool(is_closed):
                (self.closed.add if is_closed else self.closed.discard)(evse)
            case "frame", "out", str(text):
                if text.startswith("[2,"):
                    self.sent.append(text)
            case "frame", "in", str(text):
                kind, message_id, *_ = json.loads(text)
                number_text = message_id.rpartition("-")[2]
                if kind == 3 and number_text.isdecimal():
                    self.answered.add(int(number_text))
            case _:
                raise ValueError(f"the program told something unknown: {what} {rest}")

    def broken(self, image: Image) -> list[str]:
        """Which promises a disk breaks, in words; empty when none."""
        return [
            *(["the database is damaged"] if image.repaired else []),
            *self._lost(image),
            *self._returned(image),
            *self._unrecorded_energy(image),
            *self._inconsistent(image),
            *self._stale(image),
        ]

    def _lost(self, image: Image) -> Iterable[str]:
        for number, (transaction, kind) in self.facts.items():
            if kind in _BILLABLE and number not in image.facts and number not in self.answered:
                yield f"lost: {kind} of {transaction}, record {number}, which the central system does not have"
            if number not in image.facts and number not in self.gone:
                yield f"lost: record {number}, whose removal nobody asked for"

    def _returned(self, image: Image) -> Iterable[str]:
        for number in sorted(self.removed & set(image.facts)):
            yield f"returned: record {number}"

    def _unrecorded_energy(self, image: Image) -> Iterable[str]:
        open_at = {transaction.evse for transaction in _open(image).values()}
        for evse in sorted(self.closed - open_at):
            yield f"energy without a start: EVSE {evse}"

    def _inconsistent(self, image: Image) -> Iterable[str]:
        """A transaction that has started and not ended has a recovery record, and no other has one."""
        known = {number: self.facts[number] for number in self.answered & set(self.facts)} | image.facts
        started = {transaction for transaction, kind in known.values() if kind == FactKind.STARTED.value}
        ended = {transaction for transaction, kind in known.values() if kind == FactKind.ENDED.value}
        for transaction in sorted((started - ended) ^ set(_open(image))):
            yield f"inconsistent: {transaction} started={transaction in started} ended={transaction in ended}"

    def _stale(self, image: Image) -> Iterable[str]:
        for name, history in self.versions.items():
            if image.documents.get(name) not in history[self.promised_version.get(name, 0) :]:
                yield f"stale: {name} is {image.documents.get(name)!r}"


_BILLABLE = {FactKind.STARTED.value, FactKind.ENDED.value}


def _open(image: Image) -> dict[str, Transaction]:
    prefix = f"{TRANSACTIONS}/"
    return {
        name.removeprefix(prefix): Transaction.recovered(text.encode(), [])
        for name, text in image.documents.items()
        if name.startswith(prefix)
    }
