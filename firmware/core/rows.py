"""Small values as JSON-able rows, for the journal and for recovery records."""

from typing import Any

from firmware.core.values import Token, TokenType
from hal.types import Instant, TimeTrust


def instant_row(at: Instant | None) -> list[Any] | None:
    """A moment as a row."""
    return None if at is None else [at.monotonic_s, at.boot, at.wall_s, at.trust.value]


def row_instant(row: list[Any]) -> Instant:
    """The reverse of `instant_row`."""
    return Instant(row[0], row[1], row[2], TimeTrust(row[3]))


def token_row(token: Token | None) -> list[str] | None:
    """A token as a row."""
    return None if token is None else [token.value, token.type.value]


def row_token(row: list[str] | None) -> Token | None:
    """The reverse of `token_row`."""
    return None if row is None else Token(row[0], TokenType(row[1]))
