"""The one door to the WebSocket library: text in, text out, ping, close; for a client and for a server.

Rules:
- Every library or system exception becomes one of `ocpp_client.errors`, with the evidence kept.
- The library's own keepalive is off: when to ping, and what a missing pong means, is the link's decision.
- Closing is bounded whatever the other side does: after `close_timeout_s` the TCP connection is dropped.
- No compression unless asked for (it costs memory for each connection), no redirects, no proxy from the environment.
- It runs on any asyncio loop: only `loop.create_connection` and `loop.create_server` touch the network.
"""

import asyncio
import logging
import ssl as tls
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Final, Self

from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as library_connect
from websockets.asyncio.connection import Connection
from websockets.asyncio.server import Server, ServerConnection, broadcast
from websockets.asyncio.server import serve as library_serve
from websockets.datastructures import Headers
from websockets.exceptions import (
    ConnectionClosed,
    InvalidHandshake,
    InvalidProxy,
    InvalidProxyStatus,
    InvalidStatus,
    InvalidURI,
    ProxyError,
)
from websockets.exceptions import ProtocolError as LibraryProtocolError
from websockets.http11 import Request, Response
from websockets.protocol import State
from websockets.typing import Subprotocol

from ocpp_client.bound import FAMILY_DELAY_S
from ocpp_client.dialling import (
    CLOSE_TIMEOUT_S,
    FRAGMENT_BYTES,
    MAX_REASON_BYTES,
    MAX_RECEIVED_BYTES,
    OPEN_TIMEOUT_S,
    bound_socket,
    dial_error,
    peer_name,
    refusal,
    watch_tcp,
)
from ocpp_client.errors import (
    ABNORMAL_CLOSURE,
    ConnectionLost,
    DialError,
    ProxyRefused,
    SubprotocolMismatch,
    UpgradeInvalid,
    UrlInvalid,
)
from ocpp_client.sockets import (
    PEER_ADDRESS,
    PEER_COMMON_NAME,
    Rejection,
    RequestCheck,
    SocketHandler,
    SubprotocolChoice,
    WebSocket,
)

__all__ = [
    "Rejection",
    "RequestCheck",
    "SocketHandler",
    "SubprotocolChoice",
    "WebSocket",
    "WebSocketServer",
    "connect",
    "serve",
]

log = logging.getLogger(__name__)

MAX_UNSENT_BYTES: Final = 1024 * 1024
"""What may wait to be sent when something comes in. More than that are pongs for somebody who pings and never reads."""

_PROTOCOL_CODES: Final = frozenset({1002, 1003, 1007, 1009, 1010})  # how the library ends a connection that broke rules

# At DEBUG the library writes out every header, and with them the station's password: it must not, however the root
# logger is set. Openings and closings are logged by those who know what they mean.
_library_log = logging.getLogger(f"{__name__}.library")
_library_log.setLevel(logging.WARNING)


class _ClosesInTime(Connection):
    """Bounds the closing that the other side begins: the library would wait for its end of stream for ever."""

    _close_timer: asyncio.TimerHandle | None = None

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.transport.get_write_buffer_size() > MAX_UNSENT_BYTES:  # the library answers pings in any case
            log.warning("connection given up, the other side does not read peer=%s", peer_name(self.remote_address))
            self.transport.abort()
        if self.close_deadline is not None:  # set by the library when it has seen a close frame
            self._bound_closing()

    def eof_received(self) -> None:
        super().eof_received()
        self._bound_closing()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._close_timer is not None:
            self._close_timer.cancel()
        super().connection_lost(exc)

    def _bound_closing(self) -> None:
        if self._close_timer is None:
            self._close_timer = self.loop.call_later(self.close_timeout or CLOSE_TIMEOUT_S, self.transport.abort)


class _UpgradeFailed(Exception):
    def __init__(self, error: Exception, response: Response | None) -> None:
        self.error = error
        self.response = response


class _Client(_ClosesInTime, ClientConnection):
    """Reports a failed handshake together with the answer; that also keeps the library from following a redirect."""

    async def handshake(self, *args: Any, **kwargs: Any) -> None:
        try:
            await super().handshake(*args, **kwargs)
        except InvalidHandshake as error:
            raise _UpgradeFailed(error, self.response) from error


class _ServerSide(_ClosesInTime, ServerConnection):
    """A server's connection, closed in time."""


class _Socket:
    """`WebSocket` on a connection of the library."""

    def __init__(self, connection: Connection, close_timeout_s: float, fragment_bytes: int = FRAGMENT_BYTES) -> None:
        self._connection = connection
        self._fragment_bytes = fragment_bytes
        self._close_timeout_s = close_timeout_s
        self.bytes_sent = 0
        self.bytes_received = 0

    @property
    def subprotocol(self) -> str | None:
        return self._connection.subprotocol

    @property
    def response_headers(self) -> Mapping[str, str]:
        response = self._connection.response
        return {} if response is None else _plain(response.headers)

    @property
    def peer_address(self) -> str:
        return peer_name(self._connection.remote_address)

    @property
    def local_address(self) -> str:
        return peer_name(self._connection.local_address)

    async def send(self, text: str) -> None:
        size = _size(text)
        try:
            if size > self._fragment_bytes:
                await self._send_fragments(text.encode())
            elif self._has_room():
                # The library's way to send without waiting; for many small messages it saves a tenth of the time.
                broadcast((self._connection,), text)
            else:
                await self._connection.send(text)
        except ConnectionClosed as closed:
            raise _lost(closed) from closed
        self.bytes_sent += size

    def _has_room(self) -> bool:
        return self._connection.state is State.OPEN and not self._connection.transport.get_write_buffer_size()

    async def _send_fragments(self, data: bytes) -> None:
        step = self._fragment_bytes
        pieces = [data[at : at + step] for at in range(0, len(data), step)]
        try:
            await self._connection.send(pieces, text=True)
        except asyncio.CancelledError:
            self.abort()  # half a message is out: nothing else can be sent after it
            raise

    async def receive(self) -> str | bytes:
        try:
            message = await self._connection.recv()
        except ConnectionClosed as closed:
            raise _lost(closed) from closed
        self.bytes_received += (
            len(message) if isinstance(message, bytes) or message.isascii() else len(message.encode())
        )
        return message

    async def ping(self) -> float:
        try:
            return await (await self._connection.ping())
        except ConnectionClosed as closed:
            raise _lost(closed) from closed

    async def close(self, code: int = 1000, reason: str = "") -> None:
        short = reason.encode()[:MAX_REASON_BYTES].decode(errors="ignore")
        try:
            # The library bounds the wait for the other side's close frame, but not the wait for room to write ours.
            async with asyncio.timeout(self._close_timeout_s):
                await self._connection.close(code, short)
        except TimeoutError:
            log.debug("closing not completed in time peer=%s", self.peer_address)
        except LibraryProtocolError as error:
            raise ValueError(f"close code {code} cannot be sent; use 1000-1014 or 3000-4999") from error
        finally:
            self.abort()

    def abort(self) -> None:
        self._connection.transport.abort()

    def pause_reading(self) -> None:
        self._connection.transport.pause_reading()

    def resume_reading(self) -> None:
        self._connection.transport.resume_reading()


def _size(message: str | bytes) -> int:
    return len(message) if isinstance(message, bytes) or message.isascii() else len(message.encode())


def _plain(headers: Headers) -> Mapping[str, str]:
    """Return headers with lower-case names; values of a repeated name are joined by commas (RFC 9110, section 5.3)."""
    plain: dict[str, str] = {}
    for name, value in headers.raw_items():
        key = name.lower()
        plain[key] = f"{plain[key]}, {value}" if key in plain else value
    return plain


def _lost(closed: ConnectionClosed) -> ConnectionLost:
    received, sent = closed.rcvd, closed.sent
    if received is not None and closed.rcvd_then_sent is not False:
        return ConnectionLost(received.code, received.reason, clean=sent is not None, cause="peer")
    if sent is not None:
        cause = "protocol" if sent.code in _PROTOCOL_CODES and received is None else "local"
        return ConnectionLost(sent.code, sent.reason, clean=received is not None, cause=cause)
    system = closed.__cause__
    number = system.errno if isinstance(system, OSError) else None
    return ConnectionLost(ABNORMAL_CLOSURE, str(system) if system else "", cause="broken", number=number)


# --- client


async def connect(
    url: str,
    *,
    subprotocols: Sequence[str],
    headers: Mapping[str, str] | None = None,
    ssl: tls.SSLContext | None = None,
    address: tuple[str, int] | None = None,
    open_timeout_s: float = OPEN_TIMEOUT_S,
    close_timeout_s: float = CLOSE_TIMEOUT_S,
    max_size: int = MAX_RECEIVED_BYTES,
    fragment_bytes: int = FRAGMENT_BYTES,
    compression: bool = False,
    interface: str | None = None,
    proxy: str | None = None,
) -> WebSocket:
    """Open a connection to `url`, offering `subprotocols` in order of preference.

    `ssl` is for wss:// URLs; without it the system's trust store is used. `address` is dialled instead of the URL's host
    and port, which the server is told all the same. `interface` is the network device to go through, `proxy` the URL of an
    HTTP proxy that is asked with CONNECT, not both. Messages longer than `fragment_bytes` go out in frames of that size.
    A server that names no subprotocol is accepted here: whether that will do is the caller's decision. Raises a DialError
    with the evidence.
    """
    kwargs: dict[str, Any] = {} if ssl is None else {"ssl": ssl}
    if address is not None:
        kwargs |= {"host": address[0], "port": address[1]}
    if interface is not None and proxy is not None:
        raise UrlInvalid(url=url, text="it cannot be reached through an interface and a proxy at once")
    try:
        if interface is not None:
            kwargs["sock"] = await bound_socket(url, interface, open_timeout_s)
        connection = await library_connect(
            url,
            subprotocols=[Subprotocol(name) for name in subprotocols],
            additional_headers=dict(headers or {}),
            user_agent_header="Wayside",
            compression="deflate" if compression else None,
            proxy=proxy,
            open_timeout=open_timeout_s,
            close_timeout=close_timeout_s,
            ping_interval=None,
            max_size=max_size,
            logger=_library_log,
            create_connection=_Client,
            happy_eyeballs_delay=FAMILY_DELAY_S,
            **kwargs,
        )
    except InvalidURI as error:
        raise UrlInvalid(url=url, text=error.msg) from error
    except InvalidProxy as error:
        raise UrlInvalid(url=url, text=f"its proxy is not usable: {error.msg}") from error
    except ProxyError as error:
        status = error.response.status_code if isinstance(error, InvalidProxyStatus) else None
        raise ProxyRefused(url=url, status=status) from error
    except _UpgradeFailed as failed:
        raise _upgrade_error(url, failed, subprotocols) from failed.error
    except (OSError, UnicodeError) as error:
        raise dial_error(url, error, open_timeout_s) from error
    except ValueError as error:  # a port out of range, TLS settings for a ws:// URL
        raise UrlInvalid(url=url, text=str(error)) from error
    watch_tcp(connection.transport)
    return _Socket(connection, close_timeout_s, fragment_bytes)


def _upgrade_error(url: str, failed: _UpgradeFailed, offered: Sequence[str]) -> DialError:
    headers = _plain(failed.response.headers) if failed.response is not None else {}
    if isinstance(failed.error, InvalidStatus):
        status, body = failed.error.response.status_code, bytes(failed.error.response.body or b"")
        return refusal(url, status, headers, body)
    chosen = headers.get("sec-websocket-protocol")
    if chosen is not None and chosen not in offered:
        return SubprotocolMismatch(url=url, offered=offered, chosen=chosen)
    cause = failed.error.__cause__
    return UpgradeInvalid(url=url, text=f"{failed.error}: {cause}" if cause else str(failed.error))


# --- server


def _described(connection: ServerConnection, request: Request) -> Mapping[str, str]:
    """The request's headers, and what the connection tells of the other side."""
    address = connection.remote_address
    headers = {**_plain(request.headers), PEER_ADDRESS: address[0] if isinstance(address, tuple) else str(address)}
    encrypted = connection.transport.get_extra_info("ssl_object")
    certificate = None if encrypted is None else encrypted.getpeercert()
    for name, value in (pair for group in (certificate or {}).get("subject", ()) for pair in group):
        if name == "commonName":
            headers[PEER_COMMON_NAME] = value
    return headers


class WebSocketServer:
    """A listening server. As a context manager it closes at the end."""

    def __init__(self, server: Server) -> None:
        self._server = server

    @property
    def ports(self) -> tuple[int, ...]:
        """The TCP ports it listens on, one for each address."""
        return tuple(listener.getsockname()[1] for listener in self._server.sockets)

    async def close(self) -> None:
        """Listen no more, close every connection with 1001, and return when all handlers have ended."""
        self._server.close()
        await self._server.wait_closed()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


async def serve(
    handler: SocketHandler,
    host: str,
    port: int,
    *,
    select_subprotocol: SubprotocolChoice,
    process_request: RequestCheck | None = None,
    ssl: tls.SSLContext | None = None,
    open_timeout_s: float = OPEN_TIMEOUT_S,
    close_timeout_s: float = CLOSE_TIMEOUT_S,
    max_size: int = MAX_RECEIVED_BYTES,
    compression: bool = False,
) -> WebSocketServer:
    """Listen on `host` and `port` (0 takes any free one), and run `handler` for each connection.

    `select_subprotocol` gets what the client offers and returns the choice, or None to accept without one. What
    `process_request` returns is sent instead of the upgrade. A handler that returns closes with 1000, one that raises
    with 1011 and a line in the log. Raises OSError if the address cannot be had.
    """

    async def run(connection: ServerConnection) -> None:
        assert connection.request is not None  # the handshake is over
        request = connection.request
        await handler(_Socket(connection, close_timeout_s), request.path, _described(connection, request))

    async def check(connection: ServerConnection, request: Request) -> Response | None:
        rejection = await process_request(request.path, _described(connection, request)) if process_request else None
        if rejection is None:
            return None
        response = connection.respond(rejection.status, rejection.body)
        for name, value in rejection.headers.items():
            if name in response.headers:
                del response.headers[name]  # assigning adds a header, it does not replace one
            response.headers[name] = value
        return response

    def choose(_: ServerConnection, offered: Sequence[Subprotocol]) -> Subprotocol | None:
        chosen = select_subprotocol(offered)
        return None if chosen is None else Subprotocol(chosen)

    server = await library_serve(
        run,
        host,
        port,
        select_subprotocol=choose,
        process_request=check,
        server_header=None,
        compression="deflate" if compression else None,
        open_timeout=open_timeout_s,
        close_timeout=close_timeout_s,
        ping_interval=None,
        max_size=max_size,
        logger=_library_log,
        create_connection=_ServerSide,
        ssl=ssl,
    )
    return WebSocketServer(server)
