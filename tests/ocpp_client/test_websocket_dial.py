"""Dialling on real sockets: servers that refuse, break and mislead, each with its evidence."""

import asyncio
import errno
import logging
import socket
import ssl
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from ocpp_client.errors import (
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
from ocpp_client.websocket import serve
from tests.ocpp_client.wires import Reader, Writer, answering, dial, line, mute, raw_server, refused

pytestmark = pytest.mark.usefixtures("each_backing")

# --- dialling


async def test_a_refusal_carries_status_headers_and_body() -> None:
    """Any answer but 101 is told with everything a diagnosis needs."""
    head = b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 17\r\nX-Twice: a\r\nX-Twice: b\r\nContent-Length: 4\r\n\r\nbusy"
    async with raw_server(answering(head)) as url:
        error = await refused(f"{url}?token=1")
    assert isinstance(error, Refused)
    assert isinstance(error, ConnectionError)
    assert (error.status, error.body, error.headers["x-twice"]) == (429, "busy", "a, b")
    assert error.evidence() == {"http_status": 429, "http_body": "busy", "retry_after_s": 17.0}


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
