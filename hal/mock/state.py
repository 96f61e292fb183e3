"""What the world remembers when the program ends: meter registers, cables, bolts and vehicles.

These things outlive the program in reality: a meter keeps its register, a car stays where it is. Everything is written at each
reading handed out, so that a register never runs behind what the program has seen, even when the program is killed. Writing
replaces the file in one step but does not wait for the disk: the mock survives the death of its process, not that of its
machine.
"""

import json
import logging
from copy import deepcopy
from pathlib import Path
from typing import Any, Protocol

log = logging.getLogger(__name__)

Memory = dict[str, Any]


class Store(Protocol):
    """Where the world's memory lies."""

    def load(self) -> Memory:
        """The last memory saved; empty at the first start."""

    def save(self, memory: Memory) -> None:
        """Replace it. The memory is not changed afterwards."""


class MemoryStore:
    """Lives as long as this object: for tests, and for simulations that restart a program beside its world."""

    def __init__(self) -> None:
        self._memory: Memory = {}

    def load(self) -> Memory:
        """The last memory saved."""
        return deepcopy(self._memory)

    def save(self, memory: Memory) -> None:
        """Replace it."""
        self._memory = memory


class FileStore:
    """A small JSON file. Where it cannot be written, the world goes on and says so once."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._last = ""
        self._failing = False

    def load(self) -> Memory:
        """The last memory saved. A file that is no JSON object is put aside and the world begins anew.

        Raises OSError when the file is there but cannot be read.
        """
        try:
            data = self._path.read_bytes()
        except FileNotFoundError:
            return {}
        try:
            memory = json.loads(data)
        except ValueError:
            memory = None
        if isinstance(memory, dict):
            return memory
        aside = self._path.with_suffix(".unreadable")
        log.warning("world's memory unreadable file=%s kept_as=%s; registers begin at 0", self._path, aside)
        self._path.replace(aside)
        return {}

    def save(self, memory: Memory) -> None:
        """Replace it in one step; an unchanged memory is not written again."""
        text = json.dumps(memory, separators=(",", ":"))
        if text == self._last:
            return
        try:
            self._write(text)
        except OSError as error:
            if not self._failing:
                log.error("world's memory not written file=%s error=%s; registers will jump back", self._path, error)
            self._failing = True
            return
        self._failing = False
        self._last = text

    def _write(self, text: str) -> None:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = self._path.with_suffix(".new")
        fresh.write_text(text, encoding="utf-8")
        fresh.replace(self._path)
