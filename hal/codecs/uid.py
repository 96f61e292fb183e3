"""The number of a card: what readers send, and the token it becomes.

A token is the UID in upper-case hexadecimal, byte 0 first as ISO 14443-3 numbers it. Some readers send the bytes the other way
round, and nothing in the bytes tells: the order is a field of the board, never a guess.
"""

from enum import StrEnum

ISO14443_LENGTHS = (4, 7, 10)  # bytes; ten are 20 characters
DECIMAL_BYTES = 4  # readers that print a decimal number read four bytes

_SEPARATORS = str.maketrans("", "", " :-")


class ByteOrder(StrEnum):
    """How a reader sends the bytes of a UID."""

    ISO = "iso"  # byte 0 first
    REVERSED = "reversed"  # byte 0 last


class UidFormat(StrEnum):
    """How a reader writes a UID as text."""

    HEX = "hex"  # two digits a byte, with or without ` `, `:` or `-` between them
    DECIMAL = "decimal"  # one number of up to ten digits, most significant byte first


class BadUid(ValueError):
    """Not a UID. The text says why, without quoting the whole input: it may be somebody's card."""


def token_of(uid: bytes, order: ByteOrder) -> str:
    """The token of a UID as its reader sent it."""
    return (uid if order is ByteOrder.ISO else uid[::-1]).hex().upper()


def parse_uid(text: str, layout: UidFormat, lengths: tuple[int, ...] = ISO14443_LENGTHS) -> bytes:
    """The UID in a line of text, bytes in the reader's order. Raises BadUid, also for a length (in bytes) not in `lengths`."""
    if layout is UidFormat.DECIMAL:
        return _parse_decimal(text.strip())
    digits = text.translate(_SEPARATORS)
    try:
        uid = bytes.fromhex(digits)
    except ValueError:
        raise BadUid(f"{len(digits)} characters that are not pairs of hexadecimal digits") from None
    if len(uid) not in lengths:
        wanted = ", ".join(map(str, lengths))
        raise BadUid(f"{len(uid)} bytes where {wanted} are allowed: noise, or a reader that drops bytes")
    return uid


def _parse_decimal(digits: str) -> bytes:
    if not (digits.isascii() and digits.isdigit()):
        raise BadUid(f"{len(digits)} characters that are not decimal digits")
    try:
        return int(digits).to_bytes(DECIMAL_BYTES, "big")
    except (OverflowError, ValueError):  # ValueError: more digits than Python converts
        raise BadUid(f"{len(digits)} decimal digits do not fit into {DECIMAL_BYTES} bytes") from None
