"""Writes down what somebody does at a mock board, as a scenario file."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from firmware.scenarios.deeds import DEEDS, NOTHING

KEPT: Final = 500
PAUSE_S: Final = 1.0  # shorter pauses are no steps
_WORDS: Final = {path: word for word, path in DEEDS.items()}
_EVSE: Final = re.compile(r"evse/([0-9]+)/(.+)")


@dataclass(frozen=True, slots=True)
class Deed:
    """One action, and when."""

    path: str
    body: Mapping[str, Any]
    at_s: float


class Recorder:
    """Takes down actions while it is on. `clock` gives monotonic seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._deeds: list[Deed] = []
        self.on = False

    @property
    def count(self) -> int:
        """How many actions there are."""
        return len(self._deeds)

    def switch(self, on: bool) -> None:
        """On: begin anew. Off: keep what there is."""
        if on and not self.on:
            self._deeds.clear()
        self.on = on

    def note(self, path: str, body: Mapping[str, Any]) -> None:
        """An action was carried out."""
        if self.on and len(self._deeds) < KEPT:
            self._deeds.append(Deed(path, dict(body), self._clock()))

    def text(self) -> str:
        """The scenario so far. It has no step while nothing was recorded, and cannot be played then."""
        parts = ['title = "Recorded at the mock board"\n']
        before_s: float | None = None
        for deed in self._deeds:
            if before_s is not None and deed.at_s - before_s >= PAUSE_S:
                parts.append(f"[[step]]\nwait_s = {deed.at_s - before_s:.1f}\n")
            before_s = deed.at_s
            parts.append(_step(deed))
        return "\n".join(parts)


def _step(deed: Deed) -> str:
    evse, path, body = None, deed.path, dict(deed.body)
    found = _EVSE.fullmatch(path)
    if found is not None:
        evse, path = int(found[1]), found[2]
    elif path == "token" and len(body.get("evses", ())) == 1:
        evse = body.pop("evses")[0]
    if path == "power-cut":
        return '[[step]]\npower = "off"\n\n[[step]]\npower = "on"\n'
    lines = ["[[step]]", f"do = {_value(_WORDS.get(path, path))}"]
    if evse is not None:
        lines.append(f"evse = {evse}")
    if body:
        lines.append(f"with = {_value(body)}")
    return "\n".join(lines) + "\n"


def _value(value: Any) -> str:
    """A value in TOML."""
    if value is None:
        return json.dumps(NOTHING)
    if isinstance(value, dict):
        pairs = [f"{_key(key)} = {_value(item)}" for key, item in value.items()]
        return f"{{ {', '.join(pairs)} }}" if pairs else "{}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(_value(item) for item in value)}]"
    return json.dumps(value, ensure_ascii=True)  # strings, numbers and booleans are spelt alike in both


def _key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else json.dumps(key)
