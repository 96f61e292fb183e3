"""The diagnostics archive: sections in one file of bounded size. What is in them is the affair of `sections`."""

import asyncio
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

LONGEST_BYTES: Final = 8 * 1024 * 1024  # of all sections, before they are packed


@dataclass(frozen=True, slots=True)
class Span:
    """From a time to a time, POSIX seconds; None: without a bound."""

    oldest_s: float | None = None
    latest_s: float | None = None

    def has(self, at_s: float | None) -> bool:
        """Whether a moment lies within; one that is not known does."""
        if at_s is None:
            return True
        return (self.oldest_s is None or at_s >= self.oldest_s) and (self.latest_s is None or at_s <= self.latest_s)


Section = Callable[[Span], Callable[[], bytes]]
"""Looks at the program, on the event loop, and returns what renders the rest: that is called in a thread."""


async def pack(path: Path, sections: Mapping[str, Section], span: Span, *, limit: int = LONGEST_BYTES) -> None:
    """Write an archive. No section is longer than its equal share of `limit`. Raises OSError."""
    share = limit // max(len(sections), 1)
    renderers = {name: look(span) for name, look in sections.items()}
    await asyncio.to_thread(_write, path, renderers, share)


def cut(data: bytes, longest: int) -> bytes:
    """The newest whole lines that fit."""
    if len(data) <= longest:
        return data
    tail = data[-longest:]
    return tail[tail.find(b"\n") + 1 :]


def _write(path: Path, renderers: Mapping[str, Callable[[], bytes]], share: int) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.touch(mode=0o600)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, render in renderers.items():
            archive.writestr(name, cut(render(), share))
