"""The security log: JSON lines in a file of bounded length, and the file before it.

Writing happens in a thread and in order. Lines of this start of the program that are not on disk yet are read from memory.
"""

import asyncio
import json
import logging
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from hal.types import Instant

log = logging.getLogger(__name__)

FILE: Final = "security.log"
OLDER: Final = "security.log.1"
LONGEST_BYTES: Final = 256 * 1024  # of each of the two files
HELD: Final = 500  # lines in memory while the disk refuses


class SecurityLog:
    """One station's log. `add` never waits; `run` writes."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._held: list[str] = []
        self._wake = asyncio.Event()

    def add(self, at: Instant, kind: str, text: str) -> None:
        """One more line."""
        time = None if at.wall_s is None else datetime.fromtimestamp(at.wall_s, UTC).isoformat(timespec="milliseconds")
        row = {"time": time, "boot": at.boot, "monotonic_s": round(at.monotonic_s, 3), "event": kind, "text": text}
        self._held.append(json.dumps(row, ensure_ascii=False))
        del self._held[:-HELD]
        self._wake.set()

    async def run(self) -> None:
        """Write for ever."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            await self._write()

    async def flush(self) -> None:
        """Write what is held."""
        await self._write()

    async def _write(self) -> None:
        lines, self._held = self._held, []
        if not lines:
            return
        try:
            await asyncio.to_thread(self._append, "".join(f"{line}\n" for line in lines).encode())
        except OSError as error:
            self._held = [*lines, *self._held][-HELD:]
            log.error("security log not written error=%s", error)

    def _append(self, data: bytes) -> None:
        path = self._directory / FILE
        if path.exists() and path.stat().st_size + len(data) > LONGEST_BYTES:
            path.replace(self._directory / OLDER)
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(descriptor, data)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def read(self, oldest_s: float | None = None, latest_s: float | None = None) -> bytes:
        """Lines from a time to a time, oldest first; those without a time are always among them. Blocking."""
        chosen = [line for line in self._lines() if _within(line, oldest_s, latest_s)]
        return "".join(f"{line}\n" for line in chosen).encode()

    def _lines(self) -> Iterator[str]:
        for name in (OLDER, FILE):
            path = self._directory / name
            if path.is_file():
                yield from path.read_text(encoding="utf-8", errors="replace").splitlines()
        yield from tuple(self._held)


def _within(line: str, oldest_s: float | None, latest_s: float | None) -> bool:
    try:
        time = json.loads(line)["time"]
    except (ValueError, KeyError, TypeError):
        return False
    if time is None:
        return True
    at_s = datetime.fromisoformat(time).timestamp()
    return (oldest_s is None or at_s >= oldest_s) and (latest_s is None or at_s <= latest_s)
