"""The opening (RFC 6455, section 4): what is asked, which answers count, and which do not."""

import asyncio

import pytest

from ocpp_client.errors import DialError, DialTimeout, Refused, SubprotocolMismatch, UpgradeInvalid, UrlInvalid
from ocpp_client.micro import dial as micro
from tests.websocket_conformance.server import (
    Dial,
    Play,
    accept,
    answering,
    conversation,
    dial,
    frame,
    listening,
    refused,
)

SWITCHING = b"HTTP/1.1 101 Switching Protocols\r\n"


def changing(old: bytes, new: bytes) -> Play:
    """A server whose 101 would be right but for this."""

    async def play(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        right = accept(await reader.readuntil(b"\r\n\r\n"))
        assert old in right
        writer.write(right.replace(old, new))
        await reader.read()

    return play


async def test_the_request_is_what_the_standard_asks_for(connect: Dial) -> None:
    """Line by line: path and query as given, host with port, a key of sixteen bytes, version 13, our versions in order."""
    requests: list[bytes] = []

    async def play(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        requests.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(accept(requests[-1]))
        await reader.read()

    async with listening(play) as url:
        connection = await connect(
            f"{url}/RDAM%20123?x=1", subprotocols=["ocpp2.0.1", "ocpp1.6"], headers={"Authorization": "Basic eA=="}
        )
        connection.abort()
    line, *rest = requests[0].decode().rstrip().split("\r\n")
    headers = {name.lower(): value for name, _, value in (one.partition(": ") for one in rest)}
    assert line == "GET /CP1/RDAM%20123?x=1 HTTP/1.1"
    assert len(headers.pop("sec-websocket-key")) == 24
    assert headers.pop("host") == url.removeprefix("ws://").removesuffix("/CP1")
    assert headers == {
        "upgrade": "websocket",
        "connection": "Upgrade",
        "sec-websocket-version": "13",
        "sec-websocket-protocol": "ocpp2.0.1, ocpp1.6",
        "user-agent": "Wayside",
        "authorization": "Basic eA==",
    }


async def test_keys_differ_from_dial_to_dial(connect: Dial) -> None:
    """An answer from a cache must not fit (section 1.3)."""
    keys: set[bytes] = set()

    async def play(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        keys.update(line for line in request.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key"))
        writer.write(accept(request))
        await reader.read()

    async with listening(play) as url:
        for _ in range(3):
            (await dial(connect, url)).abort()
    assert len(keys) == 3


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"Upgrade: websocket", b"UPGRADE:WebSocket"),
        (b"Connection: Upgrade", b"connection: keep-alive, upgrade"),
        (b"Switching Protocols", b""),
        (b"Upgrade: websocket", b"Server: \xe4\xf6\xfc\r\nUpgrade: websocket"),
    ],
    ids=["other case", "a list", "no reason", "bytes that are no ASCII"],
)
async def test_other_spellings_of_a_right_answer_count(connect: Dial, old: bytes, new: bytes) -> None:
    """Names and tokens have no case, blanks are optional (RFC 9110, section 5)."""
    async with listening(changing(old, new)) as url:
        connection = await dial(connect, url)
        assert connection.subprotocol == "ocpp1.6"
        connection.abort()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"Upgrade: websocket\r\n", b""),
        (b"Upgrade: websocket", b"Upgrade: h2c"),
        (b"Connection: Upgrade\r\n", b""),
        (b"Connection: Upgrade", b"Connection: close"),
        (b"Sec-WebSocket-Accept: ", b"Sec-WebSocket-Accept: A"),
        (b"Sec-WebSocket-Accept", b"Sec-WebSocket-Except"),
        (b"HTTP/1.1 101", b"HTTP/0.9 101"),
        (b"HTTP/1.1 101", b"HTTP/1.1 1O1"),
        (b"\r\nUpgrade", b"\r\nUp grade"),
        (b"\r\nUpgrade", b"\r\n folded\r\nUpgrade"),
    ],
    ids=[
        "no Upgrade",
        "another upgrade",
        "no Connection",
        "another connection",
        "wrong accept",
        "no accept",
        "old HTTP",
        "status of letters",
        "blank in a name",
        "folded line",
    ],
)
async def test_a_wrong_101_is_none(connect: Dial, old: bytes, new: bytes) -> None:
    """Each of its parts has to be right (section 4.1)."""
    assert isinstance(await refused(connect, changing(old, new)), UpgradeInvalid)


async def test_an_answer_in_single_bytes_is_an_answer(connect: Dial) -> None:
    """The network may cut it anywhere; what follows the head belongs to the WebSocket."""

    async def play(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for byte in accept(await reader.readuntil(b"\r\n\r\n")):
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0)
        writer.write(frame(1, b"hi"))
        await reader.read()

    async with listening(play) as url:
        connection = await dial(connect, url)
        assert await asyncio.wait_for(connection.receive(), 5) == "hi"
        connection.abort()


async def test_what_comes_with_the_answer_is_not_lost(connect: Dial) -> None:
    """A server may speak in the same breath."""

    async def play(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(accept(await reader.readuntil(b"\r\n\r\n")) + frame(1, b"one") + frame(1, b"two") + frame(9, b"?"))
        await reader.read()

    async with listening(play) as url:
        connection = await dial(connect, url)
        assert [await asyncio.wait_for(connection.receive(), 5) for _ in range(2)] == ["one", "two"]
        connection.abort()


@pytest.mark.parametrize("status", [200, 400, 401, 403, 404, 426, 429, 500, 502, 503])
async def test_any_status_but_101_is_told(connect: Dial, status: int) -> None:
    """With headers and the beginning of the body, for a person."""
    head = f"HTTP/1.1 {status} Because\r\nServer: lab\r\nContent-Length: 5\r\n\r\nthere".encode()
    error = await refused(connect, answering(head))
    assert isinstance(error, Refused)
    assert (error.status, error.headers["server"], error.body) == (status, "lab", "there")


@pytest.mark.parametrize(
    ("head", "body"),
    [
        (b"Transfer-Encoding: chunked\r\n\r\n5\r\nthere\r\n0\r\n\r\n", "there"),
        (b"Connection: close\r\n\r\nthere", "there"),
        (b"Content-Length: 0\r\n\r\n", ""),
    ],
    ids=["chunked", "until the end", "none"],
)
async def test_the_body_of_a_refusal_is_read_in_every_framing(connect: Dial, head: bytes, body: str) -> None:
    """RFC 9112, section 6."""
    error = await refused(connect, answering(b"HTTP/1.1 503 Later\r\n" + head))
    assert isinstance(error, Refused)
    assert error.body == body


async def test_a_body_that_comes_later_is_waited_for(connect: Dial) -> None:
    """A moment, no more: the status is the error, the body is for a person."""

    async def play(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 503 Later\r\nContent-Length: 5\r\n\r\n")
        for byte in b"there":
            await asyncio.sleep(0.01)
            writer.write(bytes([byte]))
        await reader.read()

    error = await refused(connect, play)
    assert isinstance(error, Refused)
    assert error.body == "there"


async def test_an_interface_and_a_proxy_at_once_are_a_configuration_error(connect: Dial) -> None:
    """One way or the other."""
    with pytest.raises(UrlInvalid, match="through an interface and a proxy at once"):
        await connect("ws://127.0.0.1:9/", subprotocols=[], interface="lo", proxy="http://127.0.0.1:9")


async def test_a_long_body_is_shown_in_part(connect: Dial) -> None:
    """A refusal of half a megabyte is a line in the log all the same."""
    error = await refused(connect, answering(b"HTTP/1.1 503 Later\r\nContent-Length: 500000\r\n\r\n" + b"x" * 500_000))
    assert isinstance(error, Refused)
    assert error.body == "x" * 200


async def test_too_many_headers_are_no_answer(connect: Dial) -> None:
    """A thousand short ones."""
    flood = b"".join(b"X-%d: y\r\n" % number for number in range(1000))
    assert isinstance(await refused(connect, answering(SWITCHING + flood + b"\r\n")), UpgradeInvalid)


@pytest.mark.parametrize("answer", [b"", b"HTTP", SWITCHING, SWITCHING + b"Upgrade: websocket\r\n"], ids=len)
async def test_an_answer_that_ends_in_the_middle_is_none(connect: Dial, answer: bytes) -> None:
    """At whatever point."""
    assert isinstance(await refused(connect, answering(answer)), DialError)


@pytest.mark.parametrize("answer", [b"", b"HTTP", SWITCHING], ids=len)
async def test_an_answer_that_never_ends_is_a_timeout(connect: Dial, answer: bytes) -> None:
    """Of the whole dial, whatever came before."""
    error = await refused(connect, answering(answer, end=False), open_timeout_s=0.05)
    assert isinstance(error, DialTimeout)


@pytest.mark.parametrize("chosen", [b"ocpp2.0.1", b"", b"ocpp1.6"])
async def test_the_chosen_subprotocol_is_told(connect: Dial, chosen: bytes) -> None:
    """None is told as none, one that was not offered is a mismatch."""

    async def play(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(accept(await reader.readuntil(b"\r\n\r\n"), subprotocol=chosen))
        await reader.read()

    if chosen == b"ocpp2.0.1":
        error = await refused(connect, play)
        assert isinstance(error, SubprotocolMismatch)
        assert error.chosen == "ocpp2.0.1"
        return
    async with listening(play) as url:
        connection = await dial(connect, url)
        assert connection.subprotocol == (chosen.decode() or None)
        connection.abort()


async def test_reading_may_be_paused_and_resumed(connect: Dial) -> None:
    """A program that stands still loses nothing."""
    async with conversation(connect) as line:
        line.ours.pause_reading()
        line.says(frame(1, b"hi"))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(line.ours.receive(), 0.05)
        line.ours.resume_reading()
        assert await line.gets() == "hi"


async def test_a_header_that_would_break_the_request_is_refused() -> None:
    """A password or name with a line end in it must not become a header of its own. (The library refuses it in its own way.)"""
    async with listening(answering(b"")) as url:
        with pytest.raises(UrlInvalid, match="control character"):
            await micro.connect(url, subprotocols=["ocpp1.6"], headers={"X": "a\r\nY: b"})
