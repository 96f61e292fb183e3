"""A disk as a power cut sees it: what is certain, and what is only on its way.

- Writes to a file are certain once that file was synced. At a cut, each later one may have arrived, or not, or half: whole
  sectors of it.
- The entries of a folder (files created, renamed, removed) are certain once the folder was synced. At a cut, each later change
  may have arrived or not; a rename arrives whole or not at all.

Not modelled: disks that lie about a sync, and writes through memory maps.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from random import Random
from typing import TypeVar

from tests.crash.record import Entry, Log

SECTOR_BYTES = 512  # written whole or not at all

_ROOT = 0  # the node of the root

Thing = TypeVar("Thing")


@dataclass(frozen=True, slots=True)
class Cut:
    """What is below the root after a power cut just before the entry with number ``at``."""

    at: int
    folders: tuple[PurePosixPath, ...]
    files: dict[PurePosixPath, bytes]


def cuts(log: Log, rng: Random, places: Iterable[int] | None = None) -> Iterator[Cut]:
    """Two cuts at each place, by default before every entry: nothing that was on its way arrives, and a part of it does."""
    disk = Disk(log)
    wanted = set(range(len(log.entries) + 1)) if places is None else set(places)
    for at in range(len(log.entries) + 1):
        if at in wanted:
            yield disk.cut(at, None)
            yield disk.cut(at, rng)
        if at < len(log.entries):
            disk.follow(log.entries[at])


def materialise(cut: Cut, folder: Path) -> None:
    """Make a folder, which must not exist, as the cut left the root."""
    folder.mkdir()
    for path in cut.folders:
        (folder / path).mkdir()
    for path, content in cut.files.items():
        (folder / path).write_bytes(content)


@dataclass(slots=True)
class _File:
    certain: bytearray = field(default_factory=bytearray)
    on_its_way: list[Entry] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Change:
    """Of the entries of folders: (folder, name, new node or None for removed)."""

    edits: tuple[tuple[int, str, int | None], ...]

    def touches(self, folder: int) -> bool:
        """Whether a sync of that folder makes it certain."""
        return any(edited == folder for edited, _, _ in self.edits)

    def apply(self, folders: dict[int, dict[str, int]]) -> None:
        """Make the change."""
        for folder, name, node in self.edits:
            if node is None:
                folders[folder].pop(name, None)
            else:
                folders[folder][name] = node


class Disk:
    """Follows a record, entry by entry.

    A node is a file or folder that has lived below the root. Inodes are used again by the kernel; the numbers of nodes are not.
    """

    def __init__(self, log: Log) -> None:
        """What was there before the record is certain."""
        self._nodes = {log.root_inode: _ROOT}  # by inode, those of now
        self._last_node = _ROOT
        self._files: dict[int, _File] = {}
        self._now: dict[int, dict[str, int]] = {_ROOT: {}}  # nodes by name in each folder, as the process sees them
        self._certain: dict[int, dict[str, int]] = {_ROOT: {}}
        self._changes: list[_Change] = []  # on their way
        for path, inode in sorted(log.folders.items()):  # those above come first
            self._add(path, inode, is_folder=True)
        for path, (inode, content) in log.files.items():
            self._files[self._add(path, inode, is_folder=False)].certain[:] = content
        for folder in self._now:
            self._sync_folder(folder)

    def follow(self, entry: Entry) -> None:
        """Take the effect of an entry."""
        match entry.what:
            case "create" | "mkdir":
                self._add(entry.path, entry.inode, is_folder=entry.what == "mkdir")
            case "write" | "truncate":
                if file := self._files.get(self._nodes.get(entry.inode, -1)):
                    file.on_its_way.append(entry)
            case "sync":
                self._sync(self._nodes.get(entry.inode, -1))
            case "unlink":
                self._change((self._folder(entry.path), entry.path.name, None))
            case "rename":
                source, target = self._folder(entry.path), self._folder(entry.target)
                node = self._now[source][entry.path.name]
                self._change((source, entry.path.name, None), (target, entry.target.name, node))
            case _:  # told: has no effect on the disk
                pass

    def sync_all(self) -> None:
        """Let everything arrive."""
        for node in [*self._files, *self._now]:
            self._sync(node)

    def cut(self, at: int, rng: Random | None) -> Cut:
        """The disk after a power cut now; without ``rng`` nothing arrives that is on its way."""
        folders = {folder: dict(names) for folder, names in self._certain.items()}
        for change in _some(self._changes, rng):
            change.apply(folders)
        found = Cut(at, (), {})
        paths: list[PurePosixPath] = []
        self._walk(PurePosixPath(), _ROOT, folders, rng, paths, found.files)
        return Cut(at, tuple(paths), found.files)

    def _walk(
        self,
        path: PurePosixPath,
        folder: int,
        folders: dict[int, dict[str, int]],
        rng: Random | None,
        found: list[PurePosixPath],
        files: dict[PurePosixPath, bytes],
    ) -> None:
        for name, node in folders[folder].items():
            if node in folders:
                found.append(path / name)
                self._walk(path / name, node, folders, rng, found, files)
            else:
                files[path / name] = self._content(self._files[node], rng)

    @staticmethod
    def _content(file: _File, rng: Random | None) -> bytes:
        content = bytearray(file.certain)
        for entry in _some(file.on_its_way, rng):
            torn = rng is not None and rng.random() < 0.3
            _write(content, _torn(entry, rng) if torn and rng else entry)
        return bytes(content)

    def _add(self, path: PurePosixPath, inode: int, *, is_folder: bool) -> int:
        """A new file or folder; return its node."""
        self._last_node += 1
        node = self._nodes[inode] = self._last_node
        if is_folder:
            self._now[node] = {}
            self._certain[node] = {}
        else:
            self._files[node] = _File()
        self._change((self._folder(path), path.name, node))
        return node

    def _change(self, *edits: tuple[int, str, int | None]) -> None:
        change = _Change(edits)
        change.apply(self._now)
        self._changes.append(change)

    def _folder(self, path: PurePosixPath) -> int:
        """The node of the folder that holds a path."""
        node = _ROOT
        for name in path.parent.parts:
            node = self._now[node][name]
        return node

    def _sync(self, node: int) -> None:
        if node in self._now:
            self._sync_folder(node)
        elif node in self._files:
            file = self._files[node]
            for entry in file.on_its_way:
                _write(file.certain, entry)
            file.on_its_way.clear()

    def _sync_folder(self, folder: int) -> None:
        for change in self._changes:
            if change.touches(folder):
                change.apply(self._certain)
        self._certain[folder] = dict(self._now[folder])
        self._changes = [change for change in self._changes if not change.touches(folder)]


def _some(things: list[Thing], rng: Random | None) -> list[Thing]:
    """What of it arrives: nothing without ``rng``; else the first of it, any of it, or all."""
    if rng is None:
        return []
    how = rng.randrange(3)
    if how == 0:
        return things[: rng.randint(0, len(things))]
    if how == 1:
        return [thing for thing in things if rng.random() < 0.5]
    return things


def _torn(entry: Entry, rng: Random) -> Entry:
    """The first sectors of a write."""
    arrived = rng.randint(0, len(entry.data) // SECTOR_BYTES) * SECTOR_BYTES
    arrived = max(0, arrived - entry.offset % SECTOR_BYTES)
    return Entry("write", entry.inode, entry.offset, entry.data[:arrived]) if entry.what == "write" else entry


def _write(content: bytearray, entry: Entry) -> None:
    """Take a write or a truncation into a file's content."""
    if entry.what == "truncate":
        del content[entry.offset :]
        content.extend(bytes(entry.offset - len(content)))
    else:
        content.extend(bytes(max(0, entry.offset - len(content))))
        content[entry.offset : entry.offset + len(entry.data)] = entry.data
