"""The last OCPP frames, for people: bounded, in both directions, without secrets."""

import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from typing import Literal

from hal.clock import Clock

KEPT = 5000
KEPT_CHARACTERS = 4 * 1024 * 1024  # of all frames together
LONGEST = 16 * 1024  # characters of one frame that are kept
# Values that must never be seen: passwords set by the central system, in 1.6 and 2.0.1 spelling.
_SECRET = re.compile(
    r'("key"\s*:\s*"AuthorizationKey"[^}]*"value"\s*:\s*")[^"]*'
    r'|("value"\s*:\s*")[^"]*("[^}]*"key"\s*:\s*"AuthorizationKey")'
    r'|("attributeValue"\s*:\s*")[^"]*("[^\]]*"BasicAuthPassword")',
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame. `number` counts from 1 since the program started."""

    number: int
    direction: Literal["in", "out"]
    text: str
    monotonic_s: float
    wall_s: float | None


_USERINFO = re.compile(r"(://)[^/\s\"@]*@")  # credentials in the URLs of file servers


def redact(text: str) -> str:
    """The frame without secret values."""
    if "@" in text:
        text = _USERINFO.sub(r"\1***@", text)
    folded = text.lower()
    if "authorizationkey" not in folded and "basicauthpassword" not in folded:
        return text

    def hide(found: re.Match[str]) -> str:
        return f"{found[1] or found[2] or found[4]}***{found[3] or found[5] or ''}"

    return _SECRET.sub(hide, text)


class FrameLog:
    """Ring of frames with listeners. A listener must not wait and must not raise."""

    def __init__(self, clock: Clock, kept: int = KEPT, kept_characters: int = KEPT_CHARACTERS) -> None:
        self._clock = clock
        self._frames: deque[Frame] = deque()
        self._kept = kept
        self._kept_characters = kept_characters
        self._characters = 0
        self._listeners: list[Callable[[Frame], None]] = []
        self._count = 0

    def note(self, direction: Literal["in", "out"], text: str, monotonic_s: float) -> None:
        """Take a frame; the oldest ones go when there are too many or they are too long together."""
        self._count += 1
        frame = Frame(self._count, direction, redact(text[:LONGEST]), monotonic_s, self._clock.wall())
        self._frames.append(frame)
        self._characters += len(frame.text)
        while len(self._frames) > self._kept or self._characters > self._kept_characters:
            self._characters -= len(self._frames.popleft().text)
        for listener in self._listeners:
            listener(frame)

    def since(self, number: int) -> list[Frame]:
        """Frames after a number, oldest first."""
        gone = self._count - len(self._frames)  # numbers run on without gaps
        return list(islice(self._frames, max(number - gone, 0), None))

    def listen(self, listener: Callable[[Frame], None]) -> Callable[[], None]:
        """Be told of each new frame until what is returned is called."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)
