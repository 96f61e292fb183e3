"""How much data the link used, by day and by connection: what a SIM is billed for, but for the wrapping. Pure.

Counted are the bytes of OCPP messages. WebSocket, TLS, TCP and IP add about 150 bytes to each message and to each ping.
"""

import json
from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

DAYS_KEPT: Final = 31


@dataclass(frozen=True, slots=True)
class Bytes:
    """Both directions."""

    sent: int = 0
    received: int = 0

    def plus(self, sent: int, received: int) -> "Bytes":
        """Both added up."""
        return Bytes(self.sent + sent, self.received + received)


class Usage:
    """Fed with the link's counters, which only grow."""

    def __init__(self) -> None:
        self._days: OrderedDict[str, Bytes] = OrderedDict()
        self._seen = Bytes()
        self._session_from = Bytes()

    @property
    def days(self) -> dict[str, Bytes]:
        """By day of UTC (`2026-05-01`), oldest first; what passed while the time was unknown is under `undated`."""
        return dict(self._days)

    @property
    def session(self) -> Bytes:
        """On the present connection, or the last one."""
        return Bytes(self._seen.sent - self._session_from.sent, self._seen.received - self._session_from.received)

    def begin_session(self) -> None:
        """A connection has just been opened."""
        self._session_from = self._seen

    def count(self, sent: int, received: int, wall_s: float | None) -> None:
        """Take the link's counters as they stand now."""
        more = Bytes(sent - self._seen.sent, received - self._seen.received)
        self._seen = Bytes(sent, received)
        if more == Bytes():
            return
        day = "undated" if wall_s is None else datetime.fromtimestamp(wall_s, UTC).date().isoformat()
        self._days[day] = self._days.get(day, Bytes()).plus(more.sent, more.received)
        while len(self._days) > DAYS_KEPT:
            self._days.popitem(last=False)

    def document(self) -> bytes:
        """The days, to be kept over a restart."""
        return json.dumps({day: [one.sent, one.received] for day, one in self._days.items()}).encode()

    def restore(self, document: bytes) -> None:
        """Go on from a kept document. Raises ValueError if it is none."""
        try:
            rows: dict[str, Any] = json.loads(document)
            days = {day: Bytes(int(sent), int(received)) for day, (sent, received) in rows.items()}
        except (AttributeError, TypeError, ValueError) as error:
            raise ValueError(f"not a document of data use: {type(error).__name__}") from None
        self._days = OrderedDict(days)
