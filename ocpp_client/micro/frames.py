"""Frames of RFC 6455, section 5, as a client writes and reads them: constants, masking, one frame out, frames in.

Rules:
- What a server sends is not masked, has no reserved bit set, and its control frames are whole and short. Anything else is a `Fault`.
- A frame that would make its message longer than allowed is a fault as soon as its header has come, before its payload.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

CONTINUATION = 0x0
TEXT = 0x1
BINARY = 0x2
CLOSE = 0x8
PING = 0x9
PONG = 0xA

FINAL_BIT = 0x80
RESERVED_BITS = 0x70
MASK_BIT = 0x80
MAX_CONTROL_BYTES = 125

PROTOCOL_ERROR = 1002
INVALID_TEXT = 1007
TOO_LARGE = 1009

MASK_CHUNK_BYTES = 8192
"""Masked at once: bounds the memory that a long message takes meanwhile."""


class Fault(Exception):
    """The server broke a rule. `code` is the close code to end the connection with."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


class Frame:
    """One frame that has come."""

    __slots__ = ("final", "opcode", "payload")

    def __init__(self, opcode: int, final: bool, payload: bytes) -> None:
        self.opcode = opcode
        self.final = final
        self.payload = payload


def masked(payload: bytes, key: bytes) -> bytes:
    """Return the payload combined with the key, by which both masking and unmasking are done (section 5.3)."""
    size = len(payload)
    if size > MASK_CHUNK_BYTES:
        return b"".join([masked(payload[at : at + MASK_CHUNK_BYTES], key) for at in range(0, size, MASK_CHUNK_BYTES)])
    if size == 0:
        return b""
    # As two long numbers: byte by byte takes thirty times as long.
    stretched = int.from_bytes((key * (size // 4 + 1))[:size], "little")
    return (int.from_bytes(payload, "little") ^ stretched).to_bytes(size, "little")


def encode(opcode: int, payload: bytes, key: bytes, final: bool = True) -> bytes:
    """Return one frame as a client sends it. `key` is four bytes that nobody can foresee."""
    first = opcode | FINAL_BIT if final else opcode
    size = len(payload)
    if size < 126:
        head = bytes((first, MASK_BIT | size))
    elif size < 65536:
        head = bytes((first, MASK_BIT | 126, size >> 8, size & 0xFF))
    else:
        head = bytes((first, MASK_BIT | 127)) + size.to_bytes(8, "big")
    return head + key + masked(payload, key)


class FrameReader:
    """Makes frames of bytes that come in any pieces. It keeps no more than it was fed and has not given out."""

    def __init__(self, room: "Callable[[], int]") -> None:
        """`room` tells how long the payload of a data frame may be now."""
        self._room = room
        self._buffer = bytearray()
        self._at = 0

    def feed(self, data: bytes) -> None:
        """Take bytes from the network."""
        if self._at:
            self._buffer[: self._at] = b""
            self._at = 0
        self._buffer += data

    def clear(self) -> None:
        """Forget what was fed."""
        self._buffer = bytearray()
        self._at = 0

    def next(self) -> "Frame | None":
        """Return the next whole frame; None for not yet. Raises Fault."""
        buffer = self._buffer
        at = self._at
        have = len(buffer) - at
        if have < 2:
            return None
        first = buffer[at]
        size = buffer[at + 1]
        opcode = first & 0x0F
        if first & RESERVED_BITS:
            raise Fault(PROTOCOL_ERROR, "reserved bits are set")
        if size & MASK_BIT:
            raise Fault(PROTOCOL_ERROR, "masked frame from a server")
        if opcode & 0x8:
            if opcode > PONG:
                raise Fault(PROTOCOL_ERROR, "unknown control frame")
            if size > MAX_CONTROL_BYTES or not first & FINAL_BIT:
                raise Fault(PROTOCOL_ERROR, "control frame too long or in pieces")
        elif opcode > BINARY:
            raise Fault(PROTOCOL_ERROR, "unknown data frame")
        head = 2
        if size >= 126:
            head = 4 if size == 126 else 10
            if have < head:
                return None
            size = int.from_bytes(buffer[at + 2 : at + head], "big")
        if not opcode & 0x8 and size > self._room():
            raise Fault(TOO_LARGE, "message too long")
        if have < head + size:
            return None
        at += head
        self._at = at + size
        return Frame(opcode, bool(first & FINAL_BIT), bytes(buffer[at : at + size]))
