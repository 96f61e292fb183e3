"""One question to a time server and its answer (SNTP version 4, RFC 4330, section 5): 48 bytes each way, no input and output.

Rules:
- The question carries random bytes where a clock would put its time. An answer that does not repeat them is not ours: without that
  anybody who can guess a port number could set the clock of a charge point.
- A server that is not synchronised itself, or asks to be left alone, has no time to give.
"""

import struct
from dataclasses import dataclass
from typing import Final

PORT: Final = 123
PACKET_BYTES: Final = 48
NONCE_BYTES: Final = 8

_QUESTION: Final = 0x23  # leap 0, version 4, mode 3 (client)
_SERVER_MODE: Final = 4
_NOT_SYNCHRONISED: Final = 3  # of the leap indicator
_LAST_STRATUM: Final = 15
_POSIX_OF_1900_S: Final = 2_208_988_800
_ERA_S: Final = 2**32
_LAYOUT: Final = struct.Struct("!BBbbII4sQ8sQQ")


class NotAnAnswer(ValueError):
    """The packet does not answer the question: somebody else's, or garbage. Keep listening."""


class NoTime(ValueError):
    """The server answered that it has no time to give. The text says why; a kiss code (`RATE`, `DENY`) asks to be left alone."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server says, POSIX seconds by its clock."""

    received_s: float
    """When the question came in."""
    sent_s: float
    """When the answer went out."""
    stratum: int
    """1: a reference clock hangs on it; each server in between adds one."""

    def at_arrival_s(self, round_trip_s: float) -> float:
        """Return the time when the answer arrived here, `round_trip_s` after the question had been sent."""
        on_the_way_s = max(round_trip_s - (self.sent_s - self.received_s), 0.0)
        return self.sent_s + on_the_way_s / 2


def server_address(server: str) -> tuple[str, int]:
    """Return host and port of HOST, HOST:PORT or [IPV6]:PORT. Raises ValueError."""
    host, port = server, ""
    if server.startswith("["):
        host, _, rest = server[1:].partition("]")
        port = rest.removeprefix(":")
    elif server.count(":") == 1:
        host, _, port = server.partition(":")
    if not host or (port and not (port.isdecimal() and 0 < int(port) < 65536)):
        raise ValueError(f"{server!r} is no time server; expected HOST or HOST:PORT")
    return host, int(port or PORT)


def question(nonce: bytes) -> bytes:
    """Return the packet that asks. `nonce` is eight bytes that nobody can foresee."""
    if len(nonce) != NONCE_BYTES:
        raise ValueError(f"a nonce has {NONCE_BYTES} bytes, this one {len(nonce)}")
    return bytes([_QUESTION]) + bytes(PACKET_BYTES - 1 - NONCE_BYTES) + nonce


def read(packet: bytes, nonce: bytes) -> Answer:
    """Read the answer to the question with this nonce. Raises NotAnAnswer and NoTime."""
    if len(packet) < PACKET_BYTES:
        raise NotAnAnswer(f"{len(packet)} bytes are no answer")
    first, stratum, _, _, _, _, reference, _, origin, received, sent = _LAYOUT.unpack(packet[:PACKET_BYTES])
    if first & 0x07 != _SERVER_MODE or origin != nonce:
        raise NotAnAnswer("not the answer to this question")
    if stratum == 0:
        code = reference.decode("ascii", "replace").rstrip("\0")
        raise NoTime(f"asks to be left alone ({code})")
    if first >> 6 == _NOT_SYNCHRONISED or stratum > _LAST_STRATUM or sent == 0:
        raise NoTime("is not synchronised itself")
    return Answer(_posix_s(received), _posix_s(sent), stratum)


def _posix_s(timestamp: int) -> float:
    """Seconds since 1900 in 32.32 bits; they begin anew in 2036, and those of the first half belong to the time after it."""
    seconds = timestamp / _ERA_S
    return seconds - _POSIX_OF_1900_S + (0 if timestamp >> 63 else _ERA_S)
