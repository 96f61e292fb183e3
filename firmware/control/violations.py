"""Where a frame breaks the schema of its message: for people who look at the log, of both directions alike.

Frames are looked at in their order, because an answer does not say to which action it belongs. Looking costs nothing until somebody
watches, and then no more than `AT_ONCE` frames at a time.
"""

from collections import OrderedDict
from collections.abc import Iterable
from typing import Final

from firmware.frames import LONGEST, Frame
from ocpp_client.catalogue import Catalogue, UnknownAction, catalogue
from ocpp_client.dialects import dialect
from ocpp_client.framing import Call, CallError, CallResult, Malformed, Send, parse
from ocpp_client.messages import MessageInvalid, from_wire

AT_ONCE: Final = 40  # about two milliseconds
OPEN_CALLS: Final = 256
KEPT: Final = 1000  # findings

# CALLERROR codes by which one side tells the other that its message broke the schema, in the spelling of every version.
_SCHEMA_CODES: Final = frozenset(
    {
        "FormationViolation",
        "FormatViolation",
        "PropertyConstraintViolation",
        "OccurenceConstraintViolation",
        "OccurrenceConstraintViolation",
        "TypeConstraintViolation",
        "ProtocolError",
    }
)
_OTHER: Final = {"in": "out", "out": "in"}


class Inspector:
    """Remembers what it found. `seen` is the number of the last frame looked at."""

    def __init__(self) -> None:
        self.seen = 0
        self._found: OrderedDict[int, str] = OrderedDict()
        self._asked: OrderedDict[tuple[str, str], str] = OrderedDict()
        self._catalogues: dict[str, Catalogue] = {}

    def violation(self, number: int) -> str | None:
        """What is wrong with a frame that was looked at; None if nothing."""
        return self._found.get(number)

    def look(self, frames: Iterable[Frame], protocol: str | None) -> None:
        """Look at frames, oldest first; those seen before are skipped."""
        for frame in frames:
            if frame.number > self.seen:
                self.seen = frame.number
                text = None if protocol is None or len(frame.text) >= LONGEST else self._check(frame, protocol)
                if text is not None:
                    self._found[frame.number] = text
                    while len(self._found) > KEPT:
                        self._found.popitem(last=False)

    def _check(self, frame: Frame, protocol: str) -> str | None:
        message = parse(frame.text, dialect(protocol))
        match message:
            case Malformed(text=text):
                return text
            case (
                Call(id=message_id, action=action, payload=payload)
                | Send(id=message_id, action=action, payload=payload)
            ):
                self._asked[frame.direction, message_id] = action
                while len(self._asked) > OPEN_CALLS:
                    self._asked.popitem(last=False)
                return self._payload(protocol, action, payload, request=True)
            case CallResult(id=message_id, payload=payload):
                asked = self._asked.pop((_OTHER[frame.direction], message_id), None)
                return None if asked is None else self._payload(protocol, asked, payload, request=False)
            case CallError(id=message_id, code=code, description=description):
                self._asked.pop((_OTHER[frame.direction], message_id or ""), None)
                return f"{code}: {description}" if code in _SCHEMA_CODES else None
            case _:
                return None

    def _payload(self, protocol: str, action: str, payload: str, *, request: bool) -> str | None:
        known = self._catalogues.setdefault(protocol, catalogue(protocol))
        try:
            from_wire(known.request(action) if request else known.response(action), payload)
        except UnknownAction as error:
            return str(error)
        except MessageInvalid as error:
            return "; ".join(str(violation) for violation in error.violations[:3])
        return None
