"""One side of an open WebSocket, a client's, without input and output: bytes in, messages out, and the answers that RFC 6455 asks for.

Rules:
- Pieces of a message are put together up to `max_size` bytes and `MAX_PIECES` pieces; control frames may come between them.
- A ping is answered; of pings that come faster than they can be answered, the newest (section 5.5.3).
- The first close frame of either side is the one that counts. After the server's, or after a fault, nothing more is read.
- A fault of the server is answered with a close frame of its code.
"""

from ocpp_client.micro.frames import (
    BINARY,
    CLOSE,
    CONTINUATION,
    INVALID_TEXT,
    PING,
    PONG,
    PROTOCOL_ERROR,
    TEXT,
    TOO_LARGE,
    Fault,
    Frame,
    FrameReader,
    encode,
)
from ocpp_client.micro.utf8 import NotUtf8, decode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

MAX_PIECES = 4096
"""Endless empty pieces would never reach the limit of size."""

MAX_ANSWERS_BYTES = 4096
"""Pongs that wait to be sent; a server that pings and does not read gets the newest only."""

NO_CODE = 1005
"""Stands for a close frame without a code (section 7.1.5)."""


def may_be_sent(code: int) -> bool:
    """Tell whether a close frame may carry this code (section 7.4)."""
    return 1000 <= code <= 1003 or 1007 <= code <= 1014 or 3000 <= code <= 4999


class Event:
    """What came. `kind` is TEXT, BINARY, PONG or CLOSE; `value` is a str for TEXT, else bytes; `size` counts the payload's bytes."""

    __slots__ = ("kind", "size", "value")

    def __init__(self, kind: int, value: "str | bytes", size: int) -> None:
        self.kind = kind
        self.value = value
        self.size = size


class Client:
    """An open connection. `random_bytes` returns so many bytes that nobody can foresee: keys of masks are made of them."""

    def __init__(self, random_bytes: "Callable[[int], bytes]", max_size: int, fragment_bytes: int) -> None:
        self._random_bytes = random_bytes
        self._max_size = max_size
        self._fragment_bytes = fragment_bytes
        self._reader = FrameReader(self._room)
        self._answers = bytearray()
        self._kind: int | None = None  # of the message that is coming in pieces
        self._message = bytearray()
        self._pieces = 0
        self.received: tuple[int, str] | None = None
        """Code and reason of the server's close frame."""
        self.sent: tuple[int, str] | None = None
        """Code and reason of ours."""
        self.fault: Fault | None = None
        """The rule that the server broke."""
        self.server_closed = False
        """Whether the server's close frame came before one of ours."""

    # --- out

    def text(self, data: bytes) -> bytes:
        """Return the frames of a text message, given as UTF-8. Not to be called after a close frame of either side."""
        size = self._fragment_bytes
        if len(data) <= size:
            return encode(TEXT, data, self._random_bytes(4))
        last = (len(data) - 1) // size
        return b"".join(
            [
                encode(
                    CONTINUATION if number else TEXT,
                    data[number * size : (number + 1) * size],
                    self._random_bytes(4),
                    number == last,
                )
                for number in range(last + 1)
            ]
        )

    def ping(self, payload: bytes) -> bytes:
        """Return a ping of up to 125 bytes."""
        return encode(PING, payload, self._random_bytes(4))

    def close(self, code: int, reason: str) -> bytes:
        """Return a close frame; empty if one was sent before. Raises ValueError for a code that cannot be sent."""
        if self.sent is not None:
            return b""
        if not may_be_sent(code):
            raise ValueError(f"close code {code} cannot be sent; use 1000-1014 or 3000-4999")
        self.sent = (code, reason)
        return encode(CLOSE, code.to_bytes(2, "big") + reason.encode(), self._random_bytes(4))

    def answers(self) -> bytes:
        """Return what has to be sent because of what came, and forget it."""
        answers = bytes(self._answers)
        self._answers = bytearray()
        return answers

    # --- in

    @property
    def over(self) -> bool:
        """Whether nothing more is read."""
        return self.received is not None or self.fault is not None

    def feed(self, data: bytes) -> None:
        """Take bytes from the network."""
        if not self.over:
            self._reader.feed(data)

    def next(self) -> "Event | None":
        """Return what came next; None when there is nothing whole. A CLOSE is the last, after a fault too. Never raises."""
        if self.over:
            return None
        try:
            event = None
            while event is None:
                frame = self._reader.next()
                if frame is None:
                    return None
                event = self._took(frame)
        except Fault as fault:
            self.fault = fault
            self._answers += self.close(fault.code, fault.text)
            event = Event(CLOSE, b"", 0)
        if event.kind == CLOSE:
            self._reader.clear()
            self._message = bytearray()
        return event

    def _room(self) -> int:
        return self._max_size - len(self._message)

    def _took(self, frame: Frame) -> "Event | None":
        opcode = frame.opcode
        payload = frame.payload
        if opcode == PING:
            if len(self._answers) > MAX_ANSWERS_BYTES:
                self._answers = bytearray()
            if self.sent is None:
                self._answers += encode(PONG, payload, self._random_bytes(4))
            return None
        if opcode == PONG:
            return Event(PONG, payload, len(payload))
        if opcode == CLOSE:
            return self._closed(payload)
        if opcode != CONTINUATION:
            if self._kind is not None:
                raise Fault(PROTOCOL_ERROR, "new message inside another")
            if frame.final:
                return _message(opcode, payload)
            self._kind = opcode
        kind = self._kind
        if kind is None:
            raise Fault(PROTOCOL_ERROR, "continuation of nothing")
        self._pieces += 1
        if self._pieces > MAX_PIECES:
            raise Fault(TOO_LARGE, "message in too many pieces")
        self._message += payload
        if not frame.final:
            return None
        whole = bytes(self._message)
        self._kind = None
        self._message = bytearray()
        self._pieces = 0
        return _message(kind, whole)

    def _closed(self, payload: bytes) -> Event:
        code, reason = NO_CODE, ""
        if payload:
            code = int.from_bytes(payload[:2], "big")
            if len(payload) < 2 or not may_be_sent(code):
                raise Fault(PROTOCOL_ERROR, "close frame without a valid code")
            reason = _text(payload[2:])
        self.received = (code, reason)
        if self.sent is None:
            self.sent = self.received
            self.server_closed = True
            self._answers += encode(CLOSE, payload[:2], self._random_bytes(4))
        return Event(CLOSE, b"", 0)


def _message(kind: int, payload: bytes) -> Event:
    return Event(BINARY, payload, len(payload)) if kind == BINARY else Event(TEXT, _text(payload), len(payload))


def _text(data: bytes) -> str:
    try:
        return decode(data)
    except NotUtf8:
        raise Fault(INVALID_TEXT, "text is not UTF-8") from None
