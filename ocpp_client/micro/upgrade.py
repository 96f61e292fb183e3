"""The opening of a WebSocket (RFC 6455, section 4), and the HTTP that it takes (RFC 9112): a request out, the head of an answer in.

The head of an answer is bounded, in bytes and in lines, whatever the server sends.
"""

from binascii import b2a_base64

from ocpp_client.micro.sha1 import sha1

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

MAX_HEAD_BYTES = 16 * 1024
MAX_HEADERS = 128

SWITCHING = 101

_TOKEN = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


class NotHttp(ValueError):
    """What answered speaks no HTTP, or too much of it."""


class NotUpgraded(ValueError):
    """A 101 that breaks RFC 6455."""


class Answer:
    """The head of an answer. `headers` have lower-case names; values of a repeated name are joined by commas."""

    def __init__(self, status: int, headers: "dict[str, str]") -> None:
        self.status = status
        self.headers = headers


def make_key(random_bytes: bytes) -> str:
    """Return a Sec-WebSocket-Key from 16 bytes."""
    return b2a_base64(random_bytes).strip().decode()


def accept_for(key: str) -> str:
    """Return the Sec-WebSocket-Accept that belongs to a key."""
    return b2a_base64(sha1(key.encode() + GUID)).strip().decode()


def request(host: str, target: str, key: str, subprotocols: "Sequence[str]", more: "Mapping[str, str]") -> bytes:
    """Return the request for an upgrade. `host` is with its port, if that is not the usual one.

    Raises ValueError for what would break the lines of the request.
    """
    lines = [
        f"GET {target} HTTP/1.1",
        f"Host: {host}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {key}",
        "Sec-WebSocket-Version: 13",
    ]
    if subprotocols:
        lines.append("Sec-WebSocket-Protocol: " + ", ".join(subprotocols))
    lines += [f"{name}: {value}" for name, value in more.items()]
    return rendered(lines)


def tunnel_request(authority: str) -> bytes:
    """Return the request that asks a proxy for a tunnel to HOST:PORT (RFC 9110, section 9.3.6)."""
    return rendered([f"CONNECT {authority} HTTP/1.1", f"Host: {authority}"])


def rendered(lines: "Sequence[str]") -> bytes:
    """Return the lines of a request as bytes. Raises ValueError for a control character in one."""
    for line in lines:
        if any(char < " " or char == "\x7f" for char in line):
            name = line.partition(":")[0]
            raise ValueError(f"{name!r} of the request holds a control character")
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


class HeadReader:
    """Finds the head of an answer in bytes that come in any pieces."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self.rest = b""
        """What came after the head, once that is whole."""

    def feed(self, data: bytes) -> "Answer | None":
        """Take bytes; return the head once it is whole. Raises NotHttp. To be fed no more after either."""
        searched = max(len(self._buffer) - 3, 0)
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n", searched)
        if end < 0:
            if not b"HTTP/1.".startswith(bytes(self._buffer[:7])):
                raise NotHttp("it does not begin as HTTP does")
            if len(self._buffer) > MAX_HEAD_BYTES:
                raise NotHttp("the head of the answer does not end")
            return None
        if end > MAX_HEAD_BYTES:
            raise NotHttp("the head of the answer is too long")
        self.rest = bytes(self._buffer[end + 4 :])
        return parse(bytes(self._buffer[:end]))


def parse(head: bytes) -> Answer:
    """Read the head of an answer, without the empty line at its end. Raises NotHttp."""
    lines = _latin(head).split("\r\n")
    version, _, rest = lines[0].partition(" ")
    status = rest.partition(" ")[0]
    if (
        version not in ("HTTP/1.1", "HTTP/1.0")
        or len(status) != 3
        or not "100" <= status <= "599"
        or not _digits(status)
    ):
        raise NotHttp("it does not begin with an HTTP status")
    if len(lines) > MAX_HEADERS + 1:
        raise NotHttp("too many headers")
    headers: dict[str, str] = {}
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        if not colon or not name or any(char not in _TOKEN for char in name):
            raise NotHttp("a header line without a name")
        if any(char < " " and char != "\t" for char in value):
            raise NotHttp("a header with a control character")
        key, value = name.lower(), value.strip(" \t")
        headers[key] = f"{headers[key]}, {value}" if key in headers else value
    return Answer(int(status), headers)


def check(answer: Answer, key: str) -> None:
    """See that a 101 is one for our request. Raises NotUpgraded. The subprotocol is the caller's to judge."""
    headers = answer.headers
    if "websocket" not in _tokens(headers.get("upgrade", "")):
        raise NotUpgraded("its Upgrade header does not say websocket")
    if "upgrade" not in _tokens(headers.get("connection", "")):
        raise NotUpgraded("its Connection header does not say Upgrade")
    if headers.get("sec-websocket-accept", "") != accept_for(key):
        raise NotUpgraded("its Sec-WebSocket-Accept does not belong to our key")
    if headers.get("sec-websocket-extensions", ""):
        raise NotUpgraded("it names an extension that was not offered")


def body_of(answer: Answer, data: bytes) -> "tuple[bytes, bool]":
    """Return what of `data` is body, and whether that is all of it. Of a chunked body the first chunk counts."""
    if "chunked" in _tokens(answer.headers.get("transfer-encoding", "")):
        size, _, rest = data.partition(b"\r\n")
        try:
            wanted = int(size.split(b";")[0], 16)
        except ValueError:
            return b"", len(data) > MAX_HEAD_BYTES
        return rest[:wanted], len(rest) >= wanted
    length = answer.headers.get("content-length", "")
    if _digits(length):
        return data[: int(length[:9])], len(data) >= int(length[:9])
    return data, False


def _digits(text: str) -> bool:
    return bool(text) and all("0" <= char <= "9" for char in text)


def _tokens(value: str) -> "list[str]":
    return [item.strip().lower() for item in value.split(",")]


def _latin(data: bytes) -> str:
    """One character for each byte: headers may hold anything (RFC 9110, section 5.5), and MicroPython decodes UTF-8 only."""
    return "".join([chr(byte) for byte in data])
