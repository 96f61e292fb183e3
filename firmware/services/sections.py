"""What a diagnostics archive of this program holds: what a technician wants to know of a station, without secrets.

Tokens are masked; passwords and keys are in nothing that is asked here, and frames are redacted when they are taken.
"""

import json
import re
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from firmware import __version__
from firmware.services.archive import Section, Span
from firmware.services.logbook import Logbook
from firmware.services.security_log import SecurityLog

if TYPE_CHECKING:
    from firmware.app import App

_TOKEN: Final = re.compile(r'("(?:idTag|parentIdTag|idToken)"\s*:\s*")([^"]*)"')


def sections_of(app: "App", logbook: Logbook, security_log: SecurityLog) -> dict[str, Section]:
    """What an archive of this program holds."""

    def about(_: Span) -> Callable[[], bytes]:
        identity = app.identity()
        names = ("vendor", "model", "serial_number", "firmware_version", "meter_type", "meter_serial_number")
        told = {name: getattr(identity, name) for name in names}
        wall_s = app.clock.wall()
        return partial(_json, {"program": __version__, "station": app.config.station.id, "time_s": wall_s, **told})

    def state(_: Span) -> Callable[[], bytes]:
        from firmware.control.picture import Picture  # noqa: PLC0415 - only for an archive

        return partial(_json, Picture(app).document())

    def diagnoses(_: Span) -> Callable[[], bytes]:
        return partial(_lines, [{"cause": each.cause.value, "line": each.line()} for each in app.connection.diagnoses])

    def frames(span: Span) -> Callable[[], bytes]:
        found = [frame for frame in app.frames.since(0) if span.has(frame.wall_s)]
        return lambda: _lines(
            [
                {"number": frame.number, "time_s": frame.wall_s, "way": frame.direction, "text": masked(frame.text)}
                for frame in found
            ]
        )

    return {
        "about.json": about,
        "log.txt": lambda span: partial(logbook.read, span.oldest_s, span.latest_s),
        "state.json": state,
        "diagnoses.jsonl": diagnoses,
        "frames.jsonl": frames,
        "settings.json": lambda _: partial(_json, dict(app.engine.station.settings)),
        "security.log": lambda span: partial(security_log.read, span.oldest_s, span.latest_s),
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
