"""An open WebSocket on real sockets: messages, every way to end, and serving."""

import asyncio
import errno
import socket
from collections.abc import Mapping
from typing import Any

import pytest

from ocpp_client.dialling import FRAGMENT_BYTES
from ocpp_client.errors import (
    ConnectionLost,
    Refused,
    Unreachable,
)
from ocpp_client.sockets import Rejection, WebSocket
from ocpp_client.websocket import serve
from tests.ocpp_client.wires import Reader, Writer, dial, line, mute, raw_server, refused, upgrade

LIBRARY = pytest.mark.parametrize("each_backing", ["websockets"], indirect=True)
pytestmark = pytest.mark.usefixtures("each_backing")

# --- messages


async def test_messages_cross_unchanged_and_are_counted() -> None:
    """Text as str, bytes counted in UTF-8, long ones in fragments, binary as bytes."""
    async with line() as (ours, theirs):
        assert theirs.response_headers["sec-websocket-protocol"] == "ocpp1.6"
        assert ours.peer_address == theirs.local_address
        assert ours.local_address == theirs.peer_address
        long = "ü" * FRAGMENT_BYTES
        for text in ("", "hello", long):
            await ours.send(text)
            assert await theirs.receive() == text
        assert ours.bytes_sent == theirs.bytes_received == 5 + 2 * FRAGMENT_BYTES
        await theirs._connection.send(b"\x00\xff")  # type: ignore[attr-defined]  # the interface sends no binary
        assert await ours.receive() == b"\x00\xff"
        assert ours.bytes_received == 2


async def test_repeated_headers_are_joined() -> None:
    """Names are lower case, and a repeated header is one with commas (RFC 9110, section 5.3)."""
    async with raw_server(upgrade) as url:
        connection = await dial(url)
        assert connection.response_headers["x-twice"] == "a, b"
        connection.abort()


async def test_a_ping_measures_the_round_trip() -> None:
    """The pong comes by itself; without one the ping waits until the connection ends."""
    async with line() as (ours, theirs):
        assert 0 < await ours.ping() < 1
        theirs.pause_reading()
        waiting = asyncio.ensure_future(ours.ping())
        await asyncio.sleep(0.01)
        assert not waiting.done()
        theirs.resume_reading()
        assert await waiting > 0
        theirs.abort()
        with pytest.raises(ConnectionLost):
            await ours.ping()


async def test_a_message_too_long_ends_the_connection() -> None:
    """What exceeds the limit is not even read: 1009, and both sides know."""
    async with line(max_size=1000) as (ours, theirs):
        await theirs.send("x" * 2000)
        with pytest.raises(ConnectionLost) as caught:
            await ours.receive()
        assert (caught.value.code, caught.value.cause) == (1009, "protocol")
        with pytest.raises(ConnectionLost) as heard:
            await theirs.receive()
        assert (heard.value.code, heard.value.cause) == (1009, "peer")


async def test_text_that_is_no_utf8_ends_the_connection() -> None:
    """Such a text frame breaks RFC 6455: 1007."""
    async with raw_server(lambda reader, writer: upgrade(reader, writer, b"\x81\x02\xc3\x28")) as url:
        connection = await dial(url)
        with pytest.raises(ConnectionLost) as caught:
            await connection.receive()
        assert (caught.value.code, caught.value.cause) == (1007, "protocol")


# --- the end


@pytest.mark.parametrize("code", [1000, 1001, 1008, 1011, 1012, 1013, 3000, 4999])
async def test_the_server_may_close_with_any_code(code: int) -> None:
    """Code and reason arrive, whoever sends or receives at that moment."""
    async with line() as (ours, theirs):
        receiving = asyncio.ensure_future(ours.receive())
        await theirs.close(code, "because" + "é" * 100)
        with pytest.raises(ConnectionLost) as caught:
            await receiving
        lost = caught.value
        assert (lost.code, lost.reason, lost.clean, lost.cause) == (code, "because" + "é" * 58, True, "peer")
        with pytest.raises(ConnectionLost):
            await ours.send("too late")


async def test_a_code_that_cannot_be_sent_is_refused() -> None:
    """1006 stands for the absence of a close frame."""
    async with line() as (ours, _):
        with pytest.raises(ValueError, match="close code 1006 cannot be sent"):
            await ours.close(1006)


async def test_closing_ourselves_is_told_as_such() -> None:
    """Who waits for a message learns that this side closed; closing again does nothing."""
    async with line() as (ours, _):
        receiving = asyncio.ensure_future(ours.receive())
        await asyncio.sleep(0)
        await ours.close(1000, "enough")
        with pytest.raises(ConnectionLost) as caught:
            await receiving
        assert (caught.value.code, caught.value.reason, caught.value.cause) == (1000, "enough", "local")
        await ours.close()


async def test_a_reset_is_told_with_its_errno() -> None:
    """No close frame, no end of stream: 1006 and ECONNRESET, as from a router that forgot us."""
    async with line() as (ours, theirs):
        tcp = theirs._connection.transport.get_extra_info("socket")  # type: ignore[attr-defined]
        tcp.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
        theirs.abort()
        with pytest.raises(ConnectionLost) as caught:
            await ours.receive()
        assert caught.value.evidence() == {
            "close_code": 1006,
            "clean": 0,
            "cause": "broken",
            "close_reason": "[Errno 104] Connection reset by peer",
            "errno": errno.ECONNRESET,
        }


async def test_an_end_of_stream_without_a_close_frame_is_1006() -> None:
    """As from a proxy that lost its patience."""

    async def script(reader: Reader, writer: Writer) -> None:
        await upgrade(reader, writer)
        writer.write_eof()

    async with raw_server(script) as url:
        connection = await dial(url)
        with pytest.raises(ConnectionLost) as caught:
            await connection.receive()
        assert (caught.value.code, caught.value.clean, caught.value.cause) == (1006, False, "broken")


async def test_what_came_before_the_end_is_still_received() -> None:
    """Messages that arrived before the close frame are not lost."""
    frames = b"\x81\x02hi" + b"\x88\x02\x03\xe9"
    async with raw_server(lambda reader, writer: upgrade(reader, writer, frames)) as url:
        connection = await dial(url)
        assert await connection.receive() == "hi"
        with pytest.raises(ConnectionLost):
            await connection.receive()


async def test_a_server_that_closes_without_ending_tcp_is_left() -> None:
    """It sends a close frame and then nothing: the station does not wait for ever."""
    async with raw_server(lambda reader, writer: upgrade(reader, writer, b"\x88\x02\x03\xe9")) as url:
        connection = await dial(url)
        async with asyncio.timeout(1):
            with pytest.raises(ConnectionLost) as caught:
                await connection.receive()
        assert (caught.value.code, caught.value.cause) == (1001, "peer")


async def test_closing_is_bounded_when_nobody_answers() -> None:
    """Neither a missing close frame nor buffers that cannot be emptied hold the close up."""
    async with raw_server(upgrade) as url:
        for filler in ("", "x" * 5_000_000):
            connection = await dial(url)
            sending = asyncio.ensure_future(connection.send(filler))
            async with asyncio.timeout(1):
                await connection.close()
            await asyncio.wait([sending])
            assert filler == "" or isinstance(sending.exception(), ConnectionLost)


@LIBRARY
async def test_a_send_cut_off_half_way_ends_the_connection() -> None:
    """After half a message nothing else can be sent: the other side must not take the next text for its rest."""
    async with raw_server(upgrade) as url:
        connection = await dial(url)
        sending = asyncio.ensure_future(connection.send("x" * 20_000_000))
        await asyncio.sleep(0.01)
        sending.cancel()
        await asyncio.wait([sending])
        with pytest.raises(ConnectionLost):
            await connection.send("next")


# --- serving


@LIBRARY
async def test_a_server_sees_path_and_headers_and_may_reject() -> None:
    """The path comes as it was sent; a rejection goes out with its own headers."""
    asked: list[tuple[str, str]] = []

    async def check(path: str, headers: Mapping[str, str]) -> Rejection | None:
        asked.append((path, headers["user-agent"]))
        return Rejection(401, {"WWW-Authenticate": "Basic", "Content-Type": "text/x-reason"}, "who are you?")

    async with await serve(mute, "127.0.0.1", 0, select_subprotocol=lambda _: None, process_request=check) as server:
        error = await refused(f"ws://127.0.0.1:{server.ports[0]}/ocpp/RDAM%20123?x=1")
    assert asked == [("/ocpp/RDAM%20123?x=1", "Wayside")]
    assert isinstance(error, Refused)
    assert (error.status, error.body) == (401, "who are you?")
    assert error.headers["www-authenticate"] == "Basic"
    assert error.headers["content-type"] == "text/x-reason"
    assert "server" not in error.headers


@LIBRARY
async def test_a_failing_handler_closes_with_1011(caplog: pytest.LogCaptureFixture) -> None:
    """The client learns that the server failed; the log says how."""

    async def fail(_connection: WebSocket, _path: str, _headers: Mapping[str, str]) -> None:
        raise KeyError("a bug")

    async with await serve(fail, "127.0.0.1", 0, select_subprotocol=lambda _: None) as server:
        connection = await dial(f"ws://127.0.0.1:{server.ports[0]}/CP1")
        with pytest.raises(ConnectionLost) as caught:
            await connection.receive()
    assert caught.value.code == 1011
    assert "KeyError: 'a bug'" in caplog.text


@LIBRARY
async def test_closing_the_server_sends_everybody_away() -> None:
    """1001, and the port is free."""
    server = await serve(mute, "127.0.0.1", 0, select_subprotocol=lambda _: None)
    url = f"ws://127.0.0.1:{server.ports[0]}/CP1"
    connection = await dial(url)
    await server.close()
    with pytest.raises(ConnectionLost) as caught:
        await connection.receive()
    assert caught.value.code == 1001
    assert isinstance(await refused(url), Unreachable)


@LIBRARY
async def test_compression_is_off_unless_asked_for() -> None:
    """It costs tens of kilobytes of memory for each connection."""

    async def check(_path: str, headers: Mapping[str, str]) -> Rejection | None:
        offers.append(headers.get("sec-websocket-extensions", ""))
        return None

    offers: list[str] = []
    options: dict[str, Any] = {"select_subprotocol": lambda _: None, "process_request": check, "compression": True}
    async with await serve(mute, "127.0.0.1", 0, **options) as server:
        for compression in (False, True):
            connection = await dial(f"ws://127.0.0.1:{server.ports[0]}/CP1", compression=compression)
            assert ("sec-websocket-extensions" in connection.response_headers) is compression
            await connection.close()
    assert offers[0] == ""
    assert "permessage-deflate" in offers[1]
