"""The HTTP client against a hand-written server."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from hal.drivers.http_client import LONGEST_BODY, HttpAnswer, HttpClient, pinned_tls
from hal.errors import BadReply, DeviceLost, DeviceTimeout
from tests.drivers_meters.web import Send, at_once, bytewise, delayed, reply, self_signed, web_server

WITHIN_S = 5.0


async def ask(answer: bytes, deliver: Callable[[bytes, Send], Awaitable[None]] = at_once) -> HttpAnswer:
    """One GET to a server that sends these bytes."""
    async with web_server(lambda _: answer, deliver=deliver) as (port, _):
        return await HttpClient("127.0.0.1", port).request("GET", "/x", None, WITHIN_S)


@pytest.mark.parametrize("deliver", [at_once, bytewise, delayed], ids=["whole", "byte by byte", "delayed"])
@pytest.mark.parametrize(
    "answer",
    [
        reply(200, "hello"),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n",
        b"HTTP/1.0 200 OK\r\n\r\nhello",
        b"HTTP/1.1 100 Continue\r\n\r\n" + reply(200, "hello"),
    ],
    ids=["length", "chunked", "until the end", "continue"],
)
async def test_a_body_is_read_to_its_end(answer: bytes, deliver: Callable[[bytes, Send], Awaitable[None]]) -> None:
    """However a device marks the end of its answer, the body is whole."""
    assert await ask(answer, deliver) == HttpAnswer(200, b"hello")


async def test_a_request_says_what_it_brings() -> None:
    """Method, target, host, length and type of the body are as HTTP/1.1 asks."""
    async with web_server(lambda _: reply(201, "")) as (port, asked):
        answer = await HttpClient("127.0.0.1", port).request("POST", "/v1/legal?a=b", b'{"running": true}', WITHIN_S)
    assert answer == HttpAnswer(201, b"")
    assert (asked[0].method, asked[0].target, asked[0].body) == ("POST", "/v1/legal?a=b", b'{"running": true}')
    assert asked[0].headers["host"] == f"127.0.0.1:{port}"
    assert asked[0].headers["content-type"] == "application/json"
    assert asked[0].headers["connection"] == "close"


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
        b"\x00\x01\x02\x03",
        b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 20_000,
        b"HTTP/1.1 two hundred\r\n\r\n",
    ],
    ids=["another protocol", "binary", "cut off", "endless head", "no status"],
)
async def test_what_is_not_http_is_a_bad_reply(answer: bytes) -> None:
    """The error asks for the port."""
    with pytest.raises(BadReply, match="not HTTP"):
        await ask(answer)


async def test_a_device_that_hangs_up_without_an_answer_is_a_bad_reply() -> None:
    """A closed connection ends the wait at once."""

    async def hang_up(_: bytes, send: Send) -> None:
        await send(b"")

    with pytest.raises(BadReply, match="not HTTP"):
        await ask(b"x", hang_up)


async def test_an_endless_answer_is_given_up() -> None:
    """No more than the limit is kept."""
    with pytest.raises(BadReply, match="longer than"):
        await ask(reply(200, "x" * (LONGEST_BODY + 1)))


async def test_silence_is_a_timeout() -> None:
    """A device that accepts and says nothing costs the time-out and no more."""
    async with web_server(lambda _: b"") as (port, _):
        with pytest.raises(DeviceTimeout, match=r"no answer to GET within 0\.1 s"):
            await HttpClient("127.0.0.1", port).request("GET", "/", None, 0.1)


async def test_nobody_there_is_a_loss() -> None:
    """A refused connection names the address."""
    with pytest.raises(DeviceLost, match=r"http://127\.0\.0\.1:1: "):
        await HttpClient("127.0.0.1", 1).request("GET", "/", None, WITHIN_S)


async def test_a_pinned_certificate_is_the_only_one_believed(tmp_path: Path) -> None:
    """The device's own self-signed certificate is accepted under whatever name; another one is not."""
    mine, serving = self_signed(tmp_path, "meter-1")
    other, _ = self_signed(tmp_path, "meter-2")
    async with web_server(lambda _: reply(200, "secret"), tls=serving) as (port, _):
        answer = await HttpClient("127.0.0.1", port, pinned_tls(str(mine))).request("GET", "/", None, WITHIN_S)
        assert answer.body == b"secret"
        with pytest.raises(DeviceLost, match="is it the device's certificate"):
            await HttpClient("127.0.0.1", port, pinned_tls(str(other))).request("GET", "/", None, WITHIN_S)


async def test_tls_to_a_device_without_it_is_a_loss(tmp_path: Path) -> None:
    """A device whose TLS is off cannot be mistaken for one whose TLS is on."""
    certificate, _ = self_signed(tmp_path, "meter-1")

    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(reply(400, "plain HTTP only"))
        writer.close()

    async with await asyncio.start_server(plain, "127.0.0.1", 0) as server:
        client = HttpClient("127.0.0.1", server.sockets[0].getsockname()[1], pinned_tls(str(certificate)))
        with pytest.raises(DeviceLost, match="TLS failed"):
            await client.request("GET", "/", None, WITHIN_S)


@pytest.mark.parametrize("content", [None, "not a certificate"])
def test_a_certificate_that_cannot_be_used_is_refused(content: str | None, tmp_path: Path) -> None:
    """A missing or wrong file is found when the board is built."""
    path = tmp_path / "meter.pem"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ValueError, match=r"meter\.pem"):
        pinned_tls(str(path))
