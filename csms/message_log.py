"""The log of what went over a station's wire, as people may read it."""

from datetime import UTC, datetime
from typing import Final, Literal

from csms.core.store import Record
from csms.redaction import redacted

MESSAGES: Final = "messages"
MAX_LOGGED_CHARS: Final = 65_536


def entry(direction: Literal["in", "out"], message: str | bytes, at: datetime) -> Record:
    """One message, passwords hidden and what is too long cut off; of a binary one only its length."""
    shown = redacted(message) if isinstance(message, str) else f"<{len(message)} bytes>"
    if len(shown) > MAX_LOGGED_CHARS:
        shown = f"{shown[:MAX_LOGGED_CHARS]}… ({len(message)} characters)"
    return {"at": at.astimezone(UTC).isoformat(timespec="milliseconds"), "direction": direction, "text": shown}
