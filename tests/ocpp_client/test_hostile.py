"""A malicious server: whatever it sends, the station ends the connection with a reason and its memory stays bounded."""

import asyncio
import hashlib
import struct
import tracemalloc
import zlib
from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from ocpp_client.errors import ConnectionLost, DialError, DialTimeout, SubprotocolMismatch, UpgradeInvalid
from ocpp_client.sockets import WebSocket
from ocpp_client.websocket import connect

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
LIMIT = 64 * 1024
MEMORY = 8 * LIMIT  # what one hostile connection may cost for a moment

Play = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


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


@asynccontextmanager
async def listening(play: Play) -> AsyncIterator[str]:
    """A server that plays so on each connection."""
    tasks: set[asyncio.Task[None]] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await play(reader, writer)
        except ConnectionError:
            pass
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


async def dial(url: str, **options: object) -> WebSocket:
    given: dict[str, object] = {"open_timeout_s": 1.0, "close_timeout_s": 0.1, "max_size": LIMIT, **options}
    return await connect(url, subprotocols=["ocpp1.6"], **given)  # type: ignore[arg-type]


async def read_all(connection: WebSocket) -> None:
    while True:
        await connection.receive()


async def suffered(url: str, **options: object) -> ConnectionLost:
    """Connect, read until the end, and return why."""
    connection = await dial(url, **options)
    with pytest.raises(ConnectionLost) as caught:
        await asyncio.wait_for(read_all(connection), 10)
    connection.abort()
    return caught.value


def sending(*frames: bytes, more: bytes = b"") -> Play:
    """Accept, send these, and then only listen."""

    async def play(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(accept(await reader.readuntil(b"\r\n\r\n"), more=more))
        for one in frames:
            writer.write(one)
            await writer.drain()
        while await reader.read(65_536):
            pass

    return play


# --- frames


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (frame(1, b"x" * (LIMIT + 1)), 1009),
        (b"\x81\x7f\x7f\xff\xff\xff\xff\xff\xff\xff", 1009),
        (frame(1, b"\xff\xfe"), 1007),
        (frame(1, b"\xed\xa0\x80"), 1007),
        (frame(1, b"[]", masked=True), 1002),
        (frame(3, b""), 1002),
        (frame(11, b""), 1002),
        (frame(1, b"[]", rsv1=True), 1002),
        (frame(0, b"tail"), 1002),
        (frame(9, b"x" * 126), 1002),
        (frame(9, b"x", final=False), 1002),
        (frame(8, b"\x03"), 1002),
        (frame(8, struct.pack("!H", 1005)), 1002),
    ],
    ids=[
        "too long",
        "two to the 63",
        "no UTF-8",
        "surrogate",
        "masked",
        "unknown data opcode",
        "unknown control opcode",
        "compressed without leave",
        "continuation of nothing",
        "long ping",
        "ping in pieces",
        "close of one byte",
        "close with a forbidden code",
    ],
)
async def test_a_frame_against_the_rules_ends_the_connection(sent: bytes, code: int) -> None:
    """With the close code of RFC 6455, said to be this side's doing."""
    async with listening(sending(sent)) as url:
        lost = await suffered(url)
    assert (lost.code, lost.cause) == (code, "protocol")


async def test_endless_fragments_meet_the_limit() -> None:
    """The pieces are counted together: memory does not grow with them."""

    async def play(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(accept(await reader.readuntil(b"\r\n\r\n")))
        writer.write(frame(1, b"x" * 1000, final=False))
        while True:
            writer.write(frame(0, b"x" * 1000, final=False))
            await writer.drain()

    async with listening(play) as url:
        tracemalloc.start()
        lost = await suffered(url)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert lost.code == 1009
    assert peak < 4 * MEMORY


async def test_a_compressed_bomb_is_not_unpacked() -> None:
    """Sixty megabytes in less than the limit: inflated to the limit and no further."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    bomb = packer.compress(b"\0" * 60_000_000) + packer.flush(zlib.Z_SYNC_FLUSH)[:-4]
    assert len(bomb) < LIMIT
    extension = b"Sec-WebSocket-Extensions: permessage-deflate\r\n"
    async with listening(sending(frame(1, bomb, rsv1=True), more=extension)) as url:
        tracemalloc.start()
        lost = await suffered(url, compression=True)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert lost.code == 1009
    assert peak < 4 * MEMORY


async def test_a_flood_of_messages_waits_in_the_network() -> None:
    """Nobody reads: what is held in memory is bounded, TCP holds back the rest."""
    flood = frame(1, b"x" * 50_000)
    sent = 0

    async def play(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(accept(await reader.readuntil(b"\r\n\r\n")))
        while True:
            writer.write(flood)
            await writer.drain()
            sent += 1

    async with listening(play) as url:
        connection = await dial(url)
        before = -1
        while sent != before:
            before = sent
            await asyncio.sleep(0.2)
        connection.abort()
    assert sent * len(flood) < 64 * 1024 * 1024


async def test_a_slow_drip_neither_blocks_nor_counts_as_a_message() -> None:
    """One byte at a time of a message that never ends: the loop stays free, and pings would find it out."""

    async def play(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(accept(await reader.readuntil(b"\r\n\r\n")))
        for byte in frame(1, b"x" * 1000):
            writer.write(bytes([byte]))
            await asyncio.sleep(0.01)

    async with listening(play) as url:
        connection = await dial(url)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(connection.receive(), 0.3)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(connection.ping(), 0.2)
        connection.abort()


# --- the handshake


async def refused(play: Play) -> DialError:
    async with listening(play) as url:
        with pytest.raises(DialError) as caught:
            await dial(url)
    return caught.value


async def test_a_flood_of_headers_is_refused() -> None:
    """Endless header lines end the dial, not the memory."""

    async def play(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 101 Switching Protocols\r\n")
        while True:
            writer.write(b"X-Flood: " + b"y" * 1000 + b"\r\n")
            await writer.drain()

    assert isinstance(await refused(play), UpgradeInvalid)


async def test_a_header_line_without_end_is_refused() -> None:
    """One line of megabytes is none."""

    async def play(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 101 Switching Protocols\r\nX: ")
        while True:
            writer.write(b"y" * 10_000)
            await writer.drain()

    assert isinstance(await refused(play), UpgradeInvalid)


async def test_a_handshake_that_drips_is_given_up() -> None:
    """The time to open is bounded as a whole, not from byte to byte."""

    async def play(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        for byte in b"HTTP/1.1 101 Switching Protocols\r\n" * 100:
            writer.write(bytes([byte]))
            await asyncio.sleep(0.05)

    assert isinstance(await refused(play), DialTimeout)


@pytest.mark.parametrize(
    "chosen", [b"ocpp1.5", b"OCPP1.6", b"ocpp1.6, ocpp2.0.1", b"ocpp1.6\r\nSec-WebSocket-Protocol: ocpp2.0.1"]
)
async def test_a_subprotocol_that_was_not_offered_is_refused(chosen: bytes) -> None:
    """Another version, another spelling, two at once: none of it was offered."""

    async def play(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(accept(await reader.readuntil(b"\r\n\r\n"), subprotocol=chosen))
        await reader.read()

    assert isinstance(await refused(play), SubprotocolMismatch | UpgradeInvalid)


@pytest.mark.parametrize(
    "answer", [b"", b"\0" * 1000, b"SSH-2.0-OpenSSH_9.2\r\n", b"HTTP/1.1 999 \xff\r\n\r\n", b"\r\n\r\n"]
)
async def test_what_is_no_websocket_server_is_a_failed_dial(answer: bytes) -> None:
    """Whatever answers there, the dial ends with an error of this room."""

    async def play(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)

    assert isinstance(await refused(play), DialError)
