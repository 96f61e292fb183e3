"""The WebSocket door on real sockets: servers that refuse, break, freeze and vanish, each with its evidence."""

import asyncio
import errno
import logging
import socket
import ssl
from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from hashlib import sha1
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from ocpp_client.errors import (
    ConnectionLost,
    DialError,
    DialTimeout,
    NameUnresolved,
    Redirected,
    Refused,
    SubprotocolMismatch,
    TlsFailed,
    Unreachable,
    UpgradeInvalid,
    UrlInvalid,
)
from ocpp_client.sockets import Rejection, WebSocket
from ocpp_client.websocket import FRAGMENT_BYTES, connect, serve

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


# --- dialling


async def test_a_refusal_carries_status_headers_and_body() -> None:
    """Any answer but 101 is told with everything a diagnosis needs."""
    head = b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 17\r\nX-Twice: a\r\nX-Twice: b\r\nContent-Length: 4\r\n\r\nbusy"
    async with raw_server(answering(head)) as url:
        error = await refused(f"{url}?token=1")
    assert isinstance(error, Refused)
    assert isinstance(error, ConnectionError)
    assert (error.status, error.body, error.headers["x-twice"]) == (429, "busy", "a, b")
    assert error.evidence() == {"http_status": 429, "retry_after_s": 17.0}


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "120"}, 120.0),
        ({"retry-after": " 0 "}, 0.0),
        ({"retry-after": "9" * 50}, 999_999_999.0),
        ({"retry-after": "Fri, 01 May 2026 12:02:00 GMT", "date": "Fri, 01 May 2026 12:00:00 GMT"}, 120.0),
        ({"retry-after": "Fri, 01 May 2026 11:00:00 GMT", "date": "Fri, 01 May 2026 12:00:00 GMT"}, 0.0),
        ({"retry-after": "Fri, 01 May 2026 12:02:00 GMT"}, None),
        ({"retry-after": "Fri, 01 May 2026 12:02:00 -0000", "date": "Fri, 01 May 2026 12:00:00 GMT"}, 120.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "٣"}, None),
        ({}, None),
    ],
)
def test_retry_after_is_read_as_seconds_or_date(headers: dict[str, str], seconds: float | None) -> None:
    """A date is measured against the server's own Date: the station's clock may be anywhere."""
    assert Refused(url="ws://x", status=503, headers=headers).retry_after_s == seconds


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_are_refused_with_their_location(status: int) -> None:
    """The station does not follow: the Location is told, and no second request is made."""
    requests = 0

    async def script(reader: Reader, writer: Writer) -> None:
        nonlocal requests
        requests += 1
        await answering(f"HTTP/1.1 {status} Moved\r\nLocation: /other?token=1\r\n\r\n".encode())(reader, writer)

    async with raw_server(script) as url:
        error = await refused(url)
    assert isinstance(error, Redirected)
    assert error.evidence() == {"http_status": status, "location": "/other"}
    assert requests == 1


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
        b"HTTP/1.1 101 OK\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: wrong\r\n\r\n",
    ],
)
async def test_what_is_no_websocket_server_is_told_apart(answer: bytes) -> None:
    """Silence, another protocol, and a broken 101 are faults of what answers there."""
    async with raw_server(answering(answer)) as url:
        assert isinstance(await refused(url), UpgradeInvalid)


async def test_a_subprotocol_that_was_not_offered_is_no_agreement() -> None:
    """The server chose a version the station does not speak."""
    async with await serve(mute, "127.0.0.1", 0, select_subprotocol=lambda _: "ocpp1.5") as server:
        error = await refused(f"ws://127.0.0.1:{server.ports[0]}/CP1")
    assert isinstance(error, SubprotocolMismatch)
    assert error.evidence() == {"offered": "ocpp1.6", "chosen": "ocpp1.5"}


async def mute(connection: WebSocket, _path: str, _headers: Mapping[str, str]) -> None:
    """Take everything, answer nothing, until the end."""
    while True:
        try:
            await connection.receive()
        except ConnectionLost:
            return


async def test_a_server_without_a_subprotocol_is_accepted_here() -> None:
    """What it means that none was named is for the link to decide."""
    async with await serve(mute, "127.0.0.1", 0, select_subprotocol=lambda _: None) as server:
        connection = await dial(f"ws://127.0.0.1:{server.ports[0]}/CP1")
        assert connection.subprotocol is None
        await connection.close()


async def test_a_closed_port_is_told_with_its_errno() -> None:
    """Nobody listens there."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        error = await refused(f"ws://127.0.0.1:{closed.getsockname()[1]}/CP1")
    assert isinstance(error, Unreachable)
    assert error.evidence() == {"errno": errno.ECONNREFUSED}


async def test_an_unknown_name_is_told_as_such() -> None:
    """Without an address there is nothing to connect to; a name that cannot even be asked for likewise."""
    assert isinstance(await refused("ws://name.invalid/CP1"), NameUnresolved)
    error = await refused(f"ws://{'x' * 70}.example/CP1")
    assert isinstance(error, NameUnresolved)
    assert error.evidence() == {}


@pytest.mark.parametrize("url", ["http://127.0.0.1/CP1", "ws://", "ws://127.0.0.1:99999/CP1", "nothing"])
async def test_what_is_no_url_is_told_as_such(url: str) -> None:
    """A wrong configuration is an error like any other: it may be mended while the link goes on."""
    error = await refused(url)
    assert isinstance(error, UrlInvalid)
    assert isinstance(error, ValueError)


async def test_a_server_that_says_nothing_is_a_timeout() -> None:
    """It accepts the connection and never answers the upgrade."""

    async def silent(_reader: Reader, _writer: Writer) -> None:
        """Say nothing."""

    async with raw_server(silent) as url:
        error = await refused(url, open_timeout_s=0.02)
    assert isinstance(error, DialTimeout)
    assert isinstance(error, TimeoutError)
    assert error.evidence() == {"timeout_s": 0.02}


async def test_a_timeout_of_tcp_itself_is_told_with_its_errno(monkeypatch: pytest.MonkeyPatch) -> None:
    """The system gave up before we did: that is a matter of the network, not of our patience."""

    async def fail(*_: Any, **__: Any) -> None:
        raise TimeoutError(errno.ETIMEDOUT, "Connection timed out")

    monkeypatch.setattr(asyncio.get_running_loop(), "create_connection", fail)
    error = await refused("ws://127.0.0.1:9/CP1")
    assert isinstance(error, Unreachable)
    assert error.evidence() == {"errno": errno.ETIMEDOUT}


async def test_the_password_reaches_the_server_and_no_log(caplog: pytest.LogCaptureFixture) -> None:
    """Even at DEBUG, where the library would write every header out."""
    seen: list[Mapping[str, str]] = []

    async def check(_path: str, headers: Mapping[str, str]) -> Rejection | None:
        seen.append(headers)
        return None

    with caplog.at_level(logging.DEBUG):
        async with await serve(
            mute, "127.0.0.1", 0, select_subprotocol=lambda offered: offered[0], process_request=check
        ) as server:
            url = f"ws://127.0.0.1:{server.ports[0]}/CP1"
            connection = await dial(url, headers={"Authorization": "Basic aHVudGVyMg=="})
            await connection.close()
    assert seen[0]["authorization"] == "Basic aHVudGVyMg=="
    assert "aHVudGVyMg" not in caplog.text


async def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """A charge point dials what its configuration says."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "ws_proxy", "socks_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    async with line() as (ours, _):
        assert ours.subprotocol == "ocpp1.6"


# --- TLS


def certificate(folder: Path, host: str, *, days: int) -> Path:
    """Write a self-signed certificate with its key; `days` may be negative for one that has expired."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=400))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = folder / "server.pem"
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    path.write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain) + made.public_bytes(pem))
    return path


@pytest.mark.parametrize(
    ("host", "days", "trusted", "code"),
    [("localhost", -1, True, 10), ("other.example", 10, True, 62), ("localhost", 10, False, 18)],
    ids=["expired", "other name", "not trusted"],
)
async def test_a_bad_certificate_is_told_with_its_verify_code(
    tmp_path: Path, host: str, days: int, trusted: bool, code: int
) -> None:
    """OpenSSL's own number travels with the error, so that causes can be told apart."""
    path = certificate(tmp_path, host, days=days)
    theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    theirs.load_cert_chain(path)
    ours = ssl.create_default_context()
    if trusted:
        ours.load_verify_locations(path)
    async with await serve(mute, "127.0.0.1", 0, select_subprotocol=lambda _: None, ssl=theirs) as server:
        error = await refused(f"wss://localhost:{server.ports[0]}/CP1", ssl=ours)
    assert isinstance(error, TlsFailed)
    assert error.evidence()["tls_reason"] == "CERTIFICATE_VERIFY_FAILED"
    assert error.evidence()["tls_verify_code"] == code


async def test_tls_works_and_closes_in_time(tmp_path: Path) -> None:
    """A trusted certificate of the right name: messages flow."""
    path = certificate(tmp_path, "localhost", days=10)
    theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    theirs.load_cert_chain(path)

    async def echo(connection: WebSocket, _path: str, _headers: Mapping[str, str]) -> None:
        await connection.send(str(await connection.receive()))

    async with await serve(echo, "127.0.0.1", 0, select_subprotocol=lambda _: None, ssl=theirs) as server:
        ours = ssl.create_default_context(cafile=str(path))
        connection = await dial(f"wss://localhost:{server.ports[0]}/CP1", ssl=ours)
        await connection.send("hello")
        assert await connection.receive() == "hello"
        await connection.close()


async def test_a_plain_port_is_told_apart_from_a_bad_certificate() -> None:
    """TLS against a server that speaks none."""
    async with raw_server(answering(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as url:
        error = await asyncio.wait_for(refused_tls(url), 5)
    assert "tls_verify_code" not in error.evidence()


async def refused_tls(url: str) -> DialError:
    """Dial a plain server with TLS."""
    return await refused(url.replace("ws://", "wss://"), open_timeout_s=0.05)


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
