"""Both ends of a real connection over loopback, and servers that answer byte by byte."""

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from hashlib import sha1
from typing import Any

import pytest

from ocpp_client.errors import (
    ConnectionLost,
    DialError,
)
from ocpp_client.sockets import WebSocket
from ocpp_client.websocket import connect, serve

Reader = asyncio.StreamReader
Writer = asyncio.StreamWriter


@asynccontextmanager
async def raw_server(script: Callable[[Reader, Writer], Awaitable[None]]) -> AsyncIterator[str]:
    """A TCP server that plays a script, byte by byte; yields its URL."""
    over = asyncio.Event()

    async def handle(reader: Reader, writer: Writer) -> None:
        await script(reader, writer)
        await over.wait()
        writer.transport.abort()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/CP1"
    finally:
        over.set()
        server.close()


async def upgrade(reader: Reader, writer: Writer, *more: bytes) -> None:
    """Answer an upgrade by hand, agreeing on OCPP 1.6."""
    request = (await reader.readuntil(b"\r\n\r\n")).decode()
    key = next(line.split(": ")[1] for line in request.splitlines() if line.lower().startswith("sec-websocket-key"))
    accept = b64encode(sha1(key.encode() + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()).decode()
    writer.write(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Protocol: ocpp1.6\r\nX-Twice: a\r\nX-Twice: b\r\n"
        + f"Sec-WebSocket-Accept: {accept}\r\n\r\n".encode()
        + b"".join(more)
    )


def answering(*pieces: bytes) -> Callable[[Reader, Writer], Awaitable[None]]:
    """A server that reads the request and answers it with fixed bytes, then ends its stream."""

    async def script(reader: Reader, writer: Writer) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"".join(pieces))
        writer.write_eof()

    return script


async def dial(url: str, **settings: Any) -> WebSocket:
    """Connect as a station that speaks 1.6, with short patience."""
    return await connect(url, subprotocols=["ocpp1.6"], **{"open_timeout_s": 5, "close_timeout_s": 0.05, **settings})


async def refused(url: str, **settings: Any) -> DialError:
    """Fail to connect, and return why."""
    with pytest.raises(DialError) as caught:
        await dial(url, **settings)
    assert "token" not in str(caught.value)
    return caught.value


@asynccontextmanager
async def line(**settings: Any) -> AsyncIterator[tuple[WebSocket, WebSocket]]:
    """A station's socket and the server's, connected over loopback."""
    arrived: asyncio.Future[WebSocket] = asyncio.get_running_loop().create_future()
    over = asyncio.Event()

    async def hold(connection: WebSocket, _path: str, _headers: Mapping[str, str]) -> None:
        arrived.set_result(connection)
        await over.wait()

    options: dict[str, Any] = {"select_subprotocol": lambda offered: offered[0], "close_timeout_s": 0.05}
    async with await serve(hold, "127.0.0.1", 0, **options) as server:
        ours = await dial(f"ws://127.0.0.1:{server.ports[0]}/CP1?x=1", **settings)
        try:
            yield ours, await arrived
        finally:
            over.set()
            await ours.close()


async def mute(connection: WebSocket, _path: str, _headers: Mapping[str, str]) -> None:
    """Take everything, answer nothing, until the end."""
    while True:
        try:
            await connection.receive()
        except ConnectionLost:
            return
