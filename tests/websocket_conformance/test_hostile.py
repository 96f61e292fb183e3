"""A malicious server: whatever it sends, the station ends the connection with a reason and its memory stays bounded."""

import asyncio
import struct
import zlib

import pytest

from ocpp_client import websocket
from ocpp_client.errors import ConnectionLost, DialError, DialTimeout, SubprotocolMismatch, UpgradeInvalid
from ocpp_client.sockets import WebSocket
from tests.websocket_conformance.server import (
    LIMIT,
    MEMORY,
    Dial,
    accept,
    dial,
    frame,
    listening,
    peak_memory,
    read_all,
    refused,
    sending,
    suffered,
    transport_of,
)

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
async def test_a_frame_against_the_rules_ends_the_connection(connect: Dial, sent: bytes, code: int) -> None:
    """With the close code of RFC 6455, said to be this side's doing."""
    async with listening(sending(sent)) as url:
        lost = await suffered(connect, url)
    assert (lost.code, lost.cause) == (code, "protocol")


async def test_endless_fragments_meet_the_limit(connect: Dial) -> None:
    """The pieces are counted together: memory does not grow with them."""

    async def play(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(accept(await reader.readuntil(b"\r\n\r\n")))
        writer.write(frame(1, b"x" * 1000, final=False))
        while True:
            writer.write(frame(0, b"x" * 1000, final=False))
            await writer.drain()

    async with listening(play) as url:
        with peak_memory() as peak:
            lost = await suffered(connect, url)
            assert peak() < 4 * MEMORY
    assert lost.code == 1009


async def test_a_compressed_bomb_is_not_unpacked() -> None:
    """Sixty megabytes in less than the limit: inflated to the limit and no further. Only the library knows compression."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    bomb = packer.compress(b"\0" * 60_000_000) + packer.flush(zlib.Z_SYNC_FLUSH)[:-4]
    assert len(bomb) < LIMIT
    extension = b"Sec-WebSocket-Extensions: permessage-deflate\r\n"
    async with listening(sending(frame(1, bomb, rsv1=True), more=extension)) as url:
        with peak_memory() as peak:
            lost = await suffered(websocket.connect, url, compression=True)
            assert peak() < 4 * MEMORY
    assert lost.code == 1009


async def test_compression_without_leave_is_refused(connect: Dial) -> None:
    """An extension that was not offered is no agreement: the bomb has no door to come in by."""
    extension = b"Sec-WebSocket-Extensions: permessage-deflate\r\n"
    assert isinstance(await refused(connect, sending(more=extension)), UpgradeInvalid)


async def test_endless_empty_fragments_meet_a_limit_too(connect: Dial) -> None:
    """They hold nothing and would never reach the limit of size."""
    async with listening(sending(frame(1, b"", final=False) + frame(0, b"", final=False) * 5000)) as url:
        lost = await suffered(connect, url)
    assert (lost.code, lost.cause) == (1009, "protocol")


async def test_a_server_that_pings_and_never_reads_costs_no_memory(connect: Dial) -> None:
    """Pongs that the network does not take are not heaped up, or the connection is given up."""
    pings = frame(9, b"x" * 125) * 500

    async def play(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(accept(await reader.readuntil(b"\r\n\r\n")))
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        for _ in range(200):  # 12 MB, and as much in pongs
            writer.write(pings)
            await writer.drain()
            heaped.append(transport_of(await connected).get_write_buffer_size())
        done.set()
        await asyncio.Event().wait()

    heaped: list[int] = []
    done = asyncio.Event()
    connected: asyncio.Future[WebSocket] = asyncio.get_running_loop().create_future()
    async with listening(play) as url:
        connection = await dial(connect, url)
        connected.set_result(connection)
        reading = asyncio.create_task(read_all(connection))
        await asyncio.wait([reading, asyncio.create_task(done.wait())], return_when=asyncio.FIRST_COMPLETED)
        connection.abort()
        await asyncio.wait([reading])
        assert isinstance(reading.exception(), ConnectionLost)
    assert max(heaped) < 2 * 1024 * 1024


async def test_a_flood_of_messages_waits_in_the_network(connect: Dial) -> None:
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
        connection = await dial(connect, url)
        before = -1
        while sent != before:
            before = sent
            await asyncio.sleep(0.2)
        connection.abort()
    assert sent * len(flood) < 64 * 1024 * 1024


async def test_a_slow_drip_neither_blocks_nor_counts_as_a_message(connect: Dial) -> None:
    """One byte at a time of a message that never ends: the loop stays free, and pings would find it out."""

    async def play(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(accept(await reader.readuntil(b"\r\n\r\n")))
        for byte in frame(1, b"x" * 1000):
            writer.write(bytes([byte]))
            await asyncio.sleep(0.01)

    async with listening(play) as url:
        connection = await dial(connect, url)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(connection.receive(), 0.3)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(connection.ping(), 0.2)
        connection.abort()


# --- the handshake


async def test_a_flood_of_headers_is_refused(connect: Dial) -> None:
    """Endless header lines end the dial, not the memory."""

    async def play(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 101 Switching Protocols\r\n")
        while True:
            writer.write(b"X-Flood: " + b"y" * 1000 + b"\r\n")
            await writer.drain()

    assert isinstance(await refused(connect, play), UpgradeInvalid)


async def test_a_header_line_without_end_is_refused(connect: Dial) -> None:
    """One line of megabytes is none."""

    async def play(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 101 Switching Protocols\r\nX: ")
        while True:
            writer.write(b"y" * 10_000)
            await writer.drain()

    assert isinstance(await refused(connect, play), UpgradeInvalid)


async def test_a_handshake_that_drips_is_given_up(connect: Dial) -> None:
    """The time to open is bounded as a whole, not from byte to byte."""

    async def play(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        for byte in b"HTTP/1.1 101 Switching Protocols\r\n" * 100:
            writer.write(bytes([byte]))
            await asyncio.sleep(0.05)

    assert isinstance(await refused(connect, play, open_timeout_s=0.3), DialTimeout)


@pytest.mark.parametrize(
    "chosen", [b"ocpp1.5", b"OCPP1.6", b"ocpp1.6, ocpp2.0.1", b"ocpp1.6\r\nSec-WebSocket-Protocol: ocpp2.0.1"]
)
async def test_a_subprotocol_that_was_not_offered_is_refused(connect: Dial, chosen: bytes) -> None:
    """Another version, another spelling, two at once: none of it was offered."""

    async def play(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(accept(await reader.readuntil(b"\r\n\r\n"), subprotocol=chosen))
        await reader.read()

    assert isinstance(await refused(connect, play), SubprotocolMismatch | UpgradeInvalid)


@pytest.mark.parametrize(
    "answer", [b"", b"\0" * 1000, b"SSH-2.0-OpenSSH_9.2\r\n", b"HTTP/1.1 999 \xff\r\n\r\n", b"\r\n\r\n"]
)
async def test_what_is_no_websocket_server_is_a_failed_dial(connect: Dial, answer: bytes) -> None:
    """Whatever answers there, the dial ends with an error of this room."""

    async def play(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)

    assert isinstance(await refused(connect, play), DialError)
