"""What a WebSocket connection is to the rest of the program: an interface without a library behind it."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol


class WebSocket(Protocol):
    """An open connection."""

    @property
    def subprotocol(self) -> str | None:
        """What was negotiated; None if the server named none."""

    @property
    def response_headers(self) -> Mapping[str, str]:
        """The headers of the server's 101 answer, names in lower case."""

    @property
    def peer_address(self) -> str: ...

    @property
    def local_address(self) -> str: ...

    @property
    def bytes_sent(self) -> int:
        """Bytes of message payload; the WebSocket, TLS and TCP overhead is not counted."""

    @property
    def bytes_received(self) -> int:
        """Bytes of message payload, as for `bytes_sent`."""

    async def send(self, text: str) -> None:
        """Send one text message; return when it is handed to the operating system. Raises ConnectionLost."""

    async def receive(self) -> str | bytes:
        """Return the next message: text as str, binary as bytes. Raises ConnectionLost, after what came before it."""

    async def ping(self) -> float:
        """Ping, wait for the pong without limit, and return the round trip in seconds. Raises ConnectionLost."""

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close, politely at first, and return within the close timeout in any case. Does nothing when closed."""

    def abort(self) -> None:
        """Drop the TCP connection at once, without a close frame."""

    def pause_reading(self) -> None:
        """Stop taking bytes from the network, pings and close frames included, as a frozen program would."""

    def resume_reading(self) -> None:
        """Take bytes from the network again."""


@dataclass(frozen=True, slots=True)
class Rejection:
    """An HTTP answer instead of an upgrade."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""


PEER_ADDRESS: Final = ":peer-address"
PEER_COMMON_NAME: Final = ":peer-common-name"
"""What a server adds to a request's headers from the connection itself: the other side's IP address, and the common name
in its verified TLS certificate, if it gave one. No header on the wire can have such a name (RFC 9110, section 5.1)."""

SocketHandler = Callable[[WebSocket, str, Mapping[str, str]], Awaitable[None]]
"""Gets the connection, the request's path as it came (percent-encoded, with its query) and headers in lower case."""

RequestCheck = Callable[[str, Mapping[str, str]], Awaitable[Rejection | None]]
SubprotocolChoice = Callable[[Sequence[str]], str | None]
