"""A web server for tests, written out by hand: it takes requests apart, notes them, and sends whatever bytes a test wants."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Send = Callable[[bytes], Awaitable[None]]


@dataclass(frozen=True)
class Asked:
    """One request."""

    method: str
    target: str
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


Handler = Callable[[Asked], bytes]
DELAY_S = 0.03


def reply(status: int, body: str) -> bytes:
    """An answer as a small device sends it."""
    data = body.encode()
    return b"HTTP/1.1 %d X\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n" % (status, len(data)) + data


async def at_once(data: bytes, send: Send) -> None:
    """The whole answer in one piece."""
    await send(data)


async def delayed(data: bytes, send: Send) -> None:
    """In two halves, each after a while."""
    middle = len(data) // 2
    for half in (data[:middle], data[middle:]):
        await asyncio.sleep(DELAY_S)
        await send(half)


async def bytewise(data: bytes, send: Send) -> None:
    """Each byte in a segment of its own."""
    for byte in data:
        await send(bytes([byte]))


@contextlib.asynccontextmanager
async def web_server(
    handle: Handler, *, deliver: Callable[[bytes, Send], Awaitable[None]] = at_once, tls: ssl.SSLContext | None = None
) -> AsyncIterator[tuple[int, list[Asked]]]:
    """The port and what has been asked. Connections end after one answer; an empty answer leaves them silent."""
    asked: list[Asked] = []
    silent: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            head, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
            method, target, _ = head.split()
            body = await reader.readexactly(int(headers.get("content-length", "0")))
            asked.append(Asked(method, target, body, headers))
            answer = handle(asked[-1])
            if not answer:
                silent.append(writer)
                return

            async def send(data: bytes) -> None:
                writer.write(data)
                await writer.drain()
                await asyncio.sleep(0)

            await deliver(answer, send)
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1], asked
    finally:
        for writer in silent:
            writer.close()
        server.close()
        await server.wait_closed()


def self_signed(directory: Path, name: str) -> tuple[Path, ssl.SSLContext]:
    """A certificate file as a meter brings it, and the server side of it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    certificate_file, key_file = directory / f"{name}.pem", directory / f"{name}.key"
    certificate_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate_file, key_file)
    return certificate_file, context
