"""Opens a WebSocket with the `micro` core: TCP, a proxy or an interface where one is wanted, TLS, the upgrade.

The same contract as `ocpp_client.websocket.connect`, without a library behind it.
"""

import asyncio
import os
import ssl as tls
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final, cast
from urllib.parse import SplitResult, urlsplit

from ocpp_client.bound import FAMILY_DELAY_S
from ocpp_client.dialling import (
    CLOSE_TIMEOUT_S,
    FRAGMENT_BYTES,
    MAX_RECEIVED_BYTES,
    OPEN_TIMEOUT_S,
    bound_socket,
    dial_error,
    host_and_port,
    refusal,
    watch_tcp,
)
from ocpp_client.errors import DialError, ProxyRefused, SubprotocolMismatch, UpgradeInvalid, UrlInvalid
from ocpp_client.micro import upgrade
from ocpp_client.micro.client import Client
from ocpp_client.micro.pump import MicroSocket
from ocpp_client.sockets import WebSocket

BODY_WAIT_S: Final = 1.0
"""How long to wait for the body of a refusal: it is for a person to read, the status alone is the error."""

BODY_BYTES: Final = 1024

_PROXY_PORTS: Final = {"http": 80, "https": 443}


class _Answer(asyncio.Protocol):
    """Reads the head of one HTTP answer, and then stops reading: what follows may be somebody else's."""

    def __init__(self) -> None:
        self._reader = upgrade.HeadReader()
        self._body = bytearray()
        self._transport: asyncio.Transport | None = None
        self._head: asyncio.Future[upgrade.Answer] = asyncio.get_running_loop().create_future()
        self._body_is_whole = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        if self._head.done():
            self._body += data
            self._judge_body(self._head.result())
            return
        try:
            head = self._reader.feed(data)
        except upgrade.NotHttp as error:
            self._stop_reading()
            self._head.set_exception(error)
            return
        if head is not None:
            self._stop_reading()
            self._head.set_result(head)

    def connection_lost(self, exc: Exception | None) -> None:
        self._body_is_whole.set()
        if not self._head.done():
            self._head.set_exception(exc or upgrade.NotHttp("the connection ended before an answer"))

    def _stop_reading(self) -> None:
        assert self._transport is not None
        self._transport.pause_reading()

    async def head(self) -> upgrade.Answer:
        """Return the answer's head. Raises NotHttp or OSError."""
        return await self._head

    @property
    def rest(self) -> bytes:
        """What came after the head."""
        return self._reader.rest

    async def body(self) -> bytes:
        """Return the beginning of the body, as far as it comes in a moment. After `head`."""
        assert self._transport is not None
        self._body += self.rest
        self._judge_body(self._head.result())
        self._transport.resume_reading()
        with suppress(TimeoutError):
            async with asyncio.timeout(BODY_WAIT_S):
                await self._body_is_whole.wait()
        return upgrade.body_of(self._head.result(), bytes(self._body))[0][:BODY_BYTES]

    def _judge_body(self, head: upgrade.Answer) -> None:
        if len(self._body) >= BODY_BYTES or upgrade.body_of(head, bytes(self._body))[1]:
            self._body_is_whole.set()


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
    random_bytes: Callable[[int], bytes] = os.urandom,
) -> WebSocket:
    """Open a connection to `url`, offering `subprotocols` in order of preference.

    As `ocpp_client.websocket.connect`, but for `compression`, which is refused. `random_bytes` has to be fit for cryptography.
    Raises a DialError with the evidence.
    """
    if interface is not None and proxy is not None:
        raise UrlInvalid(url=url, text="it cannot be reached through an interface and a proxy at once")
    parts = _checked(url, ssl, proxy, compression=compression)
    context = ssl if parts.scheme == "ws" or ssl is not None else tls.create_default_context()
    way = _Way(url, parts, context, address, interface, proxy, open_timeout_s)
    try:
        async with asyncio.timeout(open_timeout_s):
            transport, answer = await way.open()
            try:
                key = upgrade.make_key(random_bytes(16))
                more = {"User-Agent": "Wayside", **(headers or {})}
                target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
                transport.write(upgrade.request(_host_header(parts), target, key, subprotocols, more))
                chosen, head = await _upgraded(url, answer, key, subprotocols)
            except BaseException:
                transport.abort()
                raise
    except (OSError, UnicodeError) as error:
        if isinstance(error, DialError):
            raise
        raise dial_error(url, error, open_timeout_s) from error
    except ValueError as error:
        raise UrlInvalid(url=url, text=str(error)) from error
    watch_tcp(transport)
    client = Client(random_bytes, max_size, fragment_bytes)
    made = MicroSocket(client, subprotocol=chosen, headers=head.headers, close_timeout_s=close_timeout_s)
    made.begin(transport, answer.rest)
    return made


async def _upgraded(url: str, answer: _Answer, key: str, offered: Sequence[str]) -> tuple[str | None, upgrade.Answer]:
    try:
        head = await answer.head()
        if head.status != upgrade.SWITCHING:
            raise refusal(url, head.status, head.headers, await answer.body())
        upgrade.check(head, key)
    except (upgrade.NotHttp, upgrade.NotUpgraded) as error:
        raise UpgradeInvalid(url=url, text=str(error)) from error
    chosen = head.headers.get("sec-websocket-protocol")
    if chosen is not None and chosen not in offered:
        raise SubprotocolMismatch(url=url, offered=offered, chosen=chosen)
    return chosen, head


def _checked(url: str, ssl: tls.SSLContext | None, proxy: str | None, *, compression: bool) -> SplitResult:
    parts = urlsplit(url)
    faults = [
        (parts.scheme not in ("ws", "wss") or not parts.hostname, "it must begin with ws:// or wss:// and name a host"),
        (parts.scheme == "ws" and ssl is not None, "it is ws://, so TLS settings do not fit"),
        (compression, "the micro backing knows no compression; turn it off, or use websockets"),
        (
            proxy is not None and urlsplit(proxy).scheme not in _PROXY_PORTS,
            "its proxy is not usable: it must be http:// or https://",
        ),
    ]
    for wrong, text in faults:
        if wrong:
            raise UrlInvalid(url=url, text=text)
    try:
        host_and_port(url)
    except ValueError as error:  # a port out of range
        raise UrlInvalid(url=url, text=str(error)) from error
    return parts


def _host_header(parts: SplitResult) -> str:
    return parts.netloc.rpartition("@")[2]


class _Way:
    """The way to the server, down to bytes that a WebSocket can be spoken over."""

    def __init__(
        self,
        url: str,
        parts: SplitResult,
        context: tls.SSLContext | None,
        address: tuple[str, int] | None,
        interface: str | None,
        proxy: str | None,
        open_timeout_s: float,
    ) -> None:
        self._url = url
        self._host, self._port = host_and_port(url)
        self._context = context if parts.scheme == "wss" else None
        self._address = address
        self._interface = interface
        self._proxy = proxy
        self._open_timeout_s = open_timeout_s
        self._loop = asyncio.get_running_loop()

    async def open(self) -> tuple[asyncio.Transport, _Answer]:
        """Return a transport and what reads the answer on it. Raises OSError, UnicodeError and DialError."""
        if self._proxy is not None:
            return await self._through_proxy(urlsplit(self._proxy))
        options: dict[str, Any] = {}
        if self._context is not None:
            options = {"ssl": self._context, "server_hostname": self._host}
        if self._interface is not None:
            options["sock"] = await bound_socket(self._url, self._interface, self._open_timeout_s)
            made = await self._loop.create_connection(_Answer, **options)
        else:
            host, port = self._address or (self._host, self._port)
            made = await self._loop.create_connection(
                _Answer, host, port, happy_eyeballs_delay=FAMILY_DELAY_S, **options
            )
        return made

    async def _through_proxy(self, proxy: SplitResult) -> tuple[asyncio.Transport, _Answer]:
        secure = proxy.scheme == "https"
        options: dict[str, Any] = {"ssl": tls.create_default_context()} if secure else {}
        transport, asked = await self._loop.create_connection(
            _Answer, proxy.hostname or "", proxy.port or _PROXY_PORTS[proxy.scheme], **options
        )
        try:
            there = f"[{self._host}]" if ":" in self._host else self._host
            transport.write(upgrade.tunnel_request(f"{there}:{self._port}"))
            try:
                head = await asked.head()
            except (upgrade.NotHttp, OSError) as error:
                raise ProxyRefused(url=self._url, status=None) from error
            if not 200 <= head.status < 300:
                raise ProxyRefused(url=self._url, status=head.status)
            answer = _Answer()
            if self._context is None:
                transport.set_protocol(answer)
                answer.connection_made(transport)
                transport.resume_reading()
                return transport, answer
            encrypted = await self._loop.start_tls(transport, answer, self._context, server_hostname=self._host)
            assert encrypted is not None  # it is None only for a transport that was closed meanwhile, which raises
        except BaseException:
            transport.abort()
            raise
        answer.connection_made(encrypted)
        return encrypted, answer
