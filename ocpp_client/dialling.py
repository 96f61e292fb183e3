"""What dialling a WebSocket needs whatever speaks it: errors of the system in this room's words, and TCP's own watchfulness.

Nothing here imports a WebSocket library.
"""

import asyncio
import os
import socket
import ssl as tls
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from ocpp_client.bound import connect_through
from ocpp_client.errors import (
    DialError,
    DialTimeout,
    NameUnresolved,
    Redirected,
    Refused,
    TlsFailed,
    Unreachable,
)

MAX_RECEIVED_BYTES: Final = 2 * 1024 * 1024
"""The longest message received; a longer one ends the connection with close code 1009."""

FRAGMENT_BYTES: Final = 32 * 1024
"""Longer messages go out in fragments of this size: some cloud gateways take no larger frame."""

OPEN_TIMEOUT_S: Final = 10.0
CLOSE_TIMEOUT_S: Final = 1.0

UNACKNOWLEDGED_S: Final = 60.0
"""How long sent bytes may stay unacknowledged before the system gives the connection up (TCP_USER_TIMEOUT, RFC 5482)."""

KEEPALIVE_IDLE_S: Final = 120
"""After so long a silence TCP asks whether the other side is there: a second net under the WebSocket pings."""

KEEPALIVE_INTERVAL_S: Final = 15

MAX_REASON_BYTES: Final = 123
"""RFC 6455, section 5.5: a control frame carries 125 bytes, two of them the close code."""

_BODY_SHOWN_CHARS: Final = 200
_REDIRECTS: Final = frozenset({300, 301, 302, 303, 307, 308})
_PORTS: Final = {"ws": 80, "wss": 443}


def host_and_port(url: str) -> tuple[str, int]:
    """Return where a WebSocket URL leads. Raises ValueError for a port that is none."""
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or _PORTS[parts.scheme]


async def bound_socket(url: str, interface: str, open_timeout_s: float) -> socket.socket:
    """Return a socket connected through `interface`. Raises OSError."""
    async with asyncio.timeout(open_timeout_s):
        return await connect_through(interface, *host_and_port(url))


def watch_tcp(transport: asyncio.BaseTransport) -> None:
    """Have the system notice a network that silently swallows packets.

    By itself it would take a quarter of an hour, or, on a connection without traffic, for ever.
    """
    tcp = transport.get_extra_info("socket")
    if tcp is not None and hasattr(socket, "TCP_USER_TIMEOUT"):
        tcp.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(UNACKNOWLEDGED_S * 1000))
        tcp.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        tcp.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, KEEPALIVE_IDLE_S)
        tcp.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, KEEPALIVE_INTERVAL_S)


def refusal(url: str, status: int, headers: Mapping[str, str], body: bytes) -> Refused:
    """Return the error for an answer other than 101."""
    kind = Redirected if status in _REDIRECTS else Refused
    return kind(url=url, status=status, headers=headers, body=body.decode(errors="replace")[:_BODY_SHOWN_CHARS])


def dial_error(url: str, error: OSError | UnicodeError, open_timeout_s: float) -> DialError:
    """Return what the system or the TLS library raised while dialling `url`, as one of this room's errors."""
    if isinstance(error, TimeoutError) and isinstance(error.__cause__, TimeoutError) and error.__cause__.errno:
        error = error.__cause__  # TCP gave up by itself, within our own limit
    match error:
        case tls.SSLCertVerificationError():
            reason = error.reason or "CERTIFICATE_VERIFY_FAILED"
            return TlsFailed(url=url, reason=reason, verify_code=error.verify_code, verify_text=error.verify_message)
        case tls.SSLError():
            return TlsFailed(url=url, reason=error.reason or str(error))
        case socket.gaierror():
            return NameUnresolved(url=url, number=error.errno, text=error.strerror or str(error))
        case UnicodeError():
            return NameUnresolved(url=url, number=None, text=str(error))
        case TimeoutError() if not error.errno:
            return DialTimeout(url=url, timeout_s=open_timeout_s)
        case _:
            return Unreachable(url=url, number=error.errno, text=plainly(error))


def plainly(error: OSError) -> str:
    """The system's words: asyncio writes the address that it called, of a relay too, where they stand."""
    return os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror or str(error)


def peer_name(address: object) -> str:
    """Return the address of one end as HOST:PORT."""
    return f"{address[0]}:{address[1]}" if isinstance(address, tuple) else str(address)
