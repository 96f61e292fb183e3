"""The diagnostics archive: what a technician wants to know of a station, in one file of bounded size, without secrets.

Each section is made when it is its turn and cut to its share, the newest kept. Tokens are masked; passwords and keys are in nothing
that is asked here, and frames are redacted when they are taken.
"""

import asyncio
import json
import re
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from firmware import __version__
from firmware.services.logbook import Logbook
from firmware.services.security_log import SecurityLog

if TYPE_CHECKING:
    from firmware.app import App

LONGEST_BYTES: Final = 8 * 1024 * 1024  # of all sections, before they are packed
_TOKEN: Final = re.compile(r'("(?:idTag|parentIdTag|idToken)"\s*:\s*")([^"]*)"')


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


Section = Callable[[Span], bytes]


async def pack(path: Path, sections: Mapping[str, Section], span: Span, *, limit: int = LONGEST_BYTES) -> None:
    """Write an archive. Sections are made on the event loop, for they look at the program; packing happens in a thread.

    No section is longer than its equal share of `limit`. Raises OSError.
    """
    share = limit // max(len(sections), 1)
    made = {name: cut(make(span), share) for name, make in sections.items()}
    await asyncio.to_thread(_write, path, made)


def cut(data: bytes, longest: int) -> bytes:
    """The newest whole lines that fit."""
    if len(data) <= longest:
        return data
    tail = data[-longest:]
    return tail[tail.find(b"\n") + 1 :]


def _write(path: Path, made: Mapping[str, bytes]) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.touch(mode=0o600)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in made.items():
            archive.writestr(name, data)


def sections_of(app: "App", logbook: Logbook, security_log: SecurityLog) -> dict[str, Section]:
    """What an archive of this program holds."""

    def about(_: Span) -> bytes:
        identity = app.identity()
        names = ("vendor", "model", "serial_number", "firmware_version", "meter_type", "meter_serial_number")
        told = {name: getattr(identity, name) for name in names}
        wall_s = app.clock.wall()
        return _json({"program": __version__, "station": app.config.station.id, "time_s": wall_s, **told})

    def state(_: Span) -> bytes:
        from firmware.control.picture import Picture  # noqa: PLC0415 - only for an archive

        return _json(Picture(app).document())

    def diagnoses(_: Span) -> bytes:
        return _lines([{"cause": each.cause.value, "line": each.line()} for each in app.connection.diagnoses])

    def frames(span: Span) -> bytes:
        return _lines(
            [
                {"number": frame.number, "time_s": frame.wall_s, "way": frame.direction, "text": masked(frame.text)}
                for frame in app.frames.since(0)
                if span.has(frame.wall_s)
            ]
        )

    return {
        "about.json": about,
        "log.txt": lambda span: logbook.read(span.oldest_s, span.latest_s),
        "state.json": state,
        "diagnoses.jsonl": diagnoses,
        "frames.jsonl": frames,
        "settings.json": lambda _: _json(dict(app.engine.station.settings)),
        "security.log": lambda span: security_log.read(span.oldest_s, span.latest_s),
    }


def masked(text: str) -> str:
    """A frame with its tokens made short."""

    def mask(found: re.Match[str]) -> str:
        value = found[2]
        return f'{found[1]}{value[:2]}…{value[-2:]}"' if len(value) > 6 else f'{found[1]}…"'

    return _TOKEN.sub(mask, text)


def _json(value: Any) -> bytes:
    return json.dumps(value, indent=1, ensure_ascii=False, default=str).encode() + b"\n"


def _lines(values: list[Any]) -> bytes:
    return b"".join(json.dumps(value, ensure_ascii=False, default=str).encode() + b"\n" for value in values)
