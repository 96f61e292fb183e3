"""A server of literal bytes on a real socket, and a client's end that is told what came of them."""

import asyncio
import hashlib
import struct
import tracemalloc
from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import pytest

from ocpp_client.errors import ConnectionLost, DialError
from ocpp_client.sockets import WebSocket

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
LIMIT = 64 * 1024
MEMORY = 8 * LIMIT  # what one hostile connection may cost for a moment
PATIENCE_S = 10.0

Dial = Callable[..., Awaitable[WebSocket]]
Play = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


# --- bytes


def frame(opcode: int, payload: bytes, *, final: bool = True, masked: bool = False, rsv1: bool = False) -> bytes:
    """A frame as a server sends it, or as it must not."""
    head = bytes([final << 7 | rsv1 << 6 | opcode])
    mask = 0x80 if masked else 0
    if len(payload) < 126:
        head += bytes([mask | len(payload)])
    elif len(payload) < 65_536:
        head += bytes([mask | 126]) + struct.pack("!H", len(payload))
    else:
        head += bytes([mask | 127]) + struct.pack("!Q", len(payload))
    return head + (b"\0\0\0\0" if masked else b"") + payload


def accept(request: bytes, *, subprotocol: bytes = b"ocpp1.6", more: bytes = b"") -> bytes:
    """A valid 101 for a request."""
    key = next(line.split(b": ")[1] for line in request.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key"))
    answer = b64encode(hashlib.sha1(key + GUID).digest())
    head = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    chosen = b"Sec-WebSocket-Protocol: " + subprotocol + b"\r\n" if subprotocol else b""
    return head + b"Sec-WebSocket-Accept: " + answer + b"\r\n" + chosen + more + b"\r\n"


async def read_frame(reader: asyncio.StreamReader) -> tuple[int, bool, bytes]:
    """A client's next frame: opcode, whether it is the last of its message, payload. A frame without a mask is a failure."""
    first, second = await reader.readexactly(2)
    assert second & 0x80, "a client masks what it sends"
    size = second & 0x7F
    if size == 126:
        (size,) = struct.unpack("!H", await reader.readexactly(2))
    elif size == 127:
        (size,) = struct.unpack("!Q", await reader.readexactly(8))
    key = await reader.readexactly(4)
    payload = await reader.readexactly(size)
    return first & 0x0F, bool(first & 0x80), bytes(byte ^ key[at % 4] for at, byte in enumerate(payload))


# --- the server


@asynccontextmanager
async def listening(play: Play) -> AsyncIterator[str]:
    """A server that plays so on each connection; yields its URL."""
    tasks: set[asyncio.Task[None]] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await play(reader, writer)
        except (ConnectionError, asyncio.CancelledError):
            pass  # the client is gone, or the test is over
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(handle, "127.0.0.1", 0, limit=2**20)
    try:
        yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/CP1"
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def sending(*pieces: bytes, more: bytes = b"") -> Play:
    """Accept, send these, and then only listen."""

    async def play(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(accept(await reader.readuntil(b"\r\n\r\n"), more=more))
        for one in pieces:
            writer.write(one)
            await writer.drain()
        while await reader.read(65_536):
            pass

    return play


def answering(*pieces: bytes, end: bool = True) -> Play:
    """Read the request, answer it with these bytes, and end the stream, or say no more."""

    async def play(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"".join(pieces))
        if end:
            writer.write_eof()
        await reader.read()

    return play


class Conversation:
    """The server's side of one connection, frame by frame, and the client's end of it."""

    def __init__(self, ours: WebSocket, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.ours = ours
        self.reader = reader
        self.writer = writer

    def says(self, *frames: bytes) -> None:
        """The server sends bytes."""
        self.writer.write(b"".join(frames))

    async def hears(self) -> tuple[int, bool, bytes]:
        """The client's next frame."""
        async with asyncio.timeout(PATIENCE_S):
            return await read_frame(self.reader)

    async def gets(self) -> str | bytes:
        """The client's next message."""
        async with asyncio.timeout(PATIENCE_S):
            return await self.ours.receive()

    async def loses(self) -> ConnectionLost:
        """Read until the client's end is told that the connection is gone."""
        with pytest.raises(ConnectionLost) as caught:
            await asyncio.wait_for(read_all(self.ours), PATIENCE_S)
        return caught.value


@asynccontextmanager
async def conversation(connect: Dial, **options: Any) -> AsyncIterator[Conversation]:
    """An open connection with this test at the server's side."""
    accepted: asyncio.Future[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = (
        asyncio.get_running_loop().create_future()
    )
    over = asyncio.Event()

    async def play(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(accept(await reader.readuntil(b"\r\n\r\n")))
        accepted.set_result((reader, writer))
        await over.wait()

    async with listening(play) as url:
        ours = await dial(connect, url, **options)
        try:
            yield Conversation(ours, *await accepted)
        finally:
            over.set()
            ours.abort()


# --- the client


async def dial(connect: Dial, url: str, **options: Any) -> WebSocket:
    """Connect as a station that speaks 1.6, with little patience and a low limit."""
    given: dict[str, Any] = {"open_timeout_s": 10.0, "close_timeout_s": 0.1, "max_size": LIMIT, **options}
    return await connect(url, subprotocols=["ocpp1.6"], **given)


async def read_all(connection: WebSocket) -> None:
    """Read until the end."""
    while True:
        await connection.receive()


async def suffered(connect: Dial, url: str, **options: Any) -> ConnectionLost:
    """Connect, read until the end, and return why."""
    connection = await dial(connect, url, **options)
    with pytest.raises(ConnectionLost) as caught:
        await asyncio.wait_for(read_all(connection), PATIENCE_S)
    connection.abort()
    return caught.value


async def refused(connect: Dial, play: Play, **options: Any) -> DialError:
    """Fail to connect, and return why."""
    async with listening(play) as url:
        with pytest.raises(DialError) as caught:
            await dial(connect, url, **options)
    return caught.value


def transport_of(connection: WebSocket) -> asyncio.Transport:
    """What a backing moves its bytes with."""
    library = getattr(connection, "_connection", None)
    found = connection._transport if library is None else library.transport  # type: ignore[attr-defined]
    assert isinstance(found, asyncio.Transport)
    return found


@contextmanager
def peak_memory() -> Iterator[Callable[[], int]]:
    """The most that Python held at once since the beginning of the block, in bytes."""
    tracemalloc.start()
    try:
        yield lambda: tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
