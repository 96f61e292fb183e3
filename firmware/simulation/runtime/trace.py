"""The trace of a run: a running hash over (virtual time, what happened), and on request the lines themselves.

Two runs of one seed must give the same digest. Which line differs is found by keeping the lines of both.
"""

from collections.abc import Callable
from hashlib import blake2b
from struct import Struct

_HEAD = Struct("<dIBI")  # time, connection, direction, length
_PREVIEW_BYTES = 60


class Trace:
    """Takes note of everything that crosses between simulated processes, disks and faults.

    `keep` gets every line as text (a list's `append`, a file's `write`); without it only the hash is kept, which costs little.
    """

    def __init__(self, keep: Callable[[str], object] | None = None, *, keep_segments: bool = True) -> None:
        """`keep_segments` False leaves the bytes on the wire out of what is kept, for a trace that people read."""
        self._hash = blake2b(digest_size=16)
        self._keep = keep
        self._keep_segments = keep is not None and keep_segments
        self.entries = 0

    def note(self, time_s: float, kind: str, *fields: object) -> None:
        """Take note of an event. Fields are turned into text: they must not carry addresses (`repr` of plain objects)."""
        self.entries += 1
        line = f"{time_s:.6f} {kind} {' '.join(map(str, fields))}\n"
        self._hash.update(line.encode())
        if self._keep is not None:
            self._keep(line)

    def segment(self, time_s: float, connection: int, to_server: bool, data: bytes) -> None:
        """Take note of bytes that arrived at one end of a connection."""
        self.entries += 1
        self._hash.update(_HEAD.pack(time_s, connection, to_server, len(data)))
        self._hash.update(data)
        if self._keep is not None and self._keep_segments:
            arrow = "->" if to_server else "<-"
            self._keep(f"{time_s:.6f} tcp {connection} {arrow} {len(data)} {data[:_PREVIEW_BYTES]!r}\n")

    @property
    def is_kept(self) -> bool:
        """Whether a remark is worth making."""
        return self._keep is not None

    def remark(self, time_s: float, text: str) -> None:
        """Add a line for the reader that does not count: the hash is the same with and without it."""
        if self._keep is not None:
            self._keep(f"{time_s:.6f} {text}\n")

    @property
    def digest(self) -> str:
        """Hexadecimal hash of everything noted so far."""
        return self._hash.hexdigest()
