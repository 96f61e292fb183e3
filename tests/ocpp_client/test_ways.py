"""The ways to a server: through one interface, through a proxy, and what the system is told to watch."""

import asyncio
import errno
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from ocpp_client.bound import alternate
from ocpp_client.errors import ConnectionLost, ProxyRefused, TlsFailed, Unreachable, UrlInvalid
from ocpp_client.sockets import WebSocket
from ocpp_client.websocket import serve
from tests.ocpp_client import wires
from tests.ocpp_client.test_websocket_dial import certificate

pytestmark = pytest.mark.usefixtures("each_backing")

V6, V4 = socket.AF_INET6, socket.AF_INET


async def mute(connection: WebSocket, *_: object) -> None:
    """A CSMS that listens only."""
    try:
        await connection.receive()
    except ConnectionLost:
        return


@asynccontextmanager
async def csms(host: str = "127.0.0.1") -> AsyncIterator[int]:
    async with await serve(mute, host, 0, select_subprotocol=lambda offered: offered[0]) as server:
        yield server.ports[0]


async def dial(url: str, **options: object) -> WebSocket:
    return await wires.dial(url, close_timeout_s=0.1, **options)


@pytest.mark.parametrize("each_backing", ["websockets"], indirect=True)
def test_addresses_of_both_families_take_turns() -> None:
    """A broken family costs a quarter of a second, not a time-out for each of its addresses."""
    given = [(V6, "a"), (V6, "b"), (V6, "c"), (V4, "d"), (V4, "e")]
    assert [address for _, address in alternate(given)] == ["a", "d", "b", "e", "c"]


@pytest.mark.skipif(not hasattr(socket, "SO_BINDTODEVICE"), reason="binding to a device is Linux's")
async def test_an_interface_is_gone_through() -> None:
    """The loopback leads to a server on it."""
    async with csms() as port:
        connection = await dial(f"ws://localhost:{port}/CP1", interface="lo")
        assert connection.subprotocol == "ocpp1.6"
        await connection.close()


@pytest.mark.skipif(not hasattr(socket, "SO_BINDTODEVICE"), reason="binding to a device is Linux's")
async def test_an_interface_that_is_not_there_is_named_by_errno() -> None:
    """A modem that has gone takes its interface along."""
    async with csms() as port:
        with pytest.raises(Unreachable) as caught:
            await dial(f"ws://127.0.0.1:{port}/CP1", interface="none0")
    assert caught.value.number == errno.ENODEV


async def test_the_system_watches_the_connection() -> None:
    """Bytes that nobody acknowledges, and a silence that nobody explains, end the connection."""
    async with csms() as port:
        connection = await dial(f"ws://127.0.0.1:{port}/CP1")
        library = getattr(connection, "_connection", None)
        transport = connection._transport if library is None else library.transport  # type: ignore[attr-defined]
        tcp = transport.get_extra_info("socket")
        assert tcp.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 60_000
        assert tcp.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        assert tcp.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 120
        await connection.close()


@asynccontextmanager
async def proxy(answer: bytes) -> AsyncIterator[tuple[str, list[bytes]]]:
    """An HTTP proxy that answers CONNECT so and, if that is a 200, passes bytes on."""
    asked: list[bytes] = []

    async def passing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            writer.write(data)
        writer.close()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(answer)
        if b" 200 " not in answer:
            writer.close()
            return
        host, _, port = asked[-1].split()[1].decode().rpartition(":")
        there_reader, there_writer = await asyncio.open_connection(host, int(port))
        await asyncio.gather(passing(reader, there_writer), passing(there_reader, writer))

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", asked


async def test_a_proxy_is_asked_to_connect() -> None:
    """A station behind a company's proxy reaches its CSMS."""
    async with csms() as port, proxy(b"HTTP/1.1 200 OK\r\n\r\n") as (url, asked):
        connection = await dial(f"ws://127.0.0.1:{port}/CP1", proxy=url)
        assert connection.subprotocol == "ocpp1.6"
        await connection.close()
    assert asked[0].startswith(f"CONNECT 127.0.0.1:{port} ".encode())


async def test_tls_goes_through_a_proxy(tmp_path: Path) -> None:
    """The tunnel is the proxy's, the certificate the server's: its name is checked, not the proxy's."""
    path = certificate(tmp_path, "localhost", days=10)
    theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    theirs.load_cert_chain(path)
    ours = ssl.create_default_context(cafile=str(path))
    tls = await serve(mute, "127.0.0.1", 0, ssl=theirs, select_subprotocol=lambda offered: offered[0])
    async with tls as server, proxy(b"HTTP/1.1 200 OK\r\n\r\n") as (url, _):
        connection = await dial(f"wss://localhost:{server.ports[0]}/CP1", ssl=ours, proxy=url)
        assert connection.subprotocol == "ocpp1.6"
        await connection.close()
        with pytest.raises(TlsFailed):
            await dial(f"wss://127.0.0.1:{server.ports[0]}/CP1", ssl=ours, proxy=url)


@pytest.mark.parametrize(
    ("answer", "status"),
    [(b"HTTP/1.1 407 Authenticate\r\n\r\n", 407), (b"SSH-2.0\r\n\r\n", None)],
    ids=["407", "no HTTP"],
)
async def test_a_proxy_that_refuses_is_told_apart_from_the_server(answer: bytes, status: int | None) -> None:
    """The technician is sent to the proxy, not to the CSMS."""
    async with proxy(answer) as (url, _):
        with pytest.raises(ProxyRefused) as caught:
            await dial("ws://127.0.0.1:9/CP1", proxy=url)
    assert caught.value.status == status


async def test_an_unusable_proxy_url_is_a_configuration_error() -> None:
    """Said before anything is dialled."""
    with pytest.raises(UrlInvalid, match="its proxy is not usable"):
        await dial("ws://127.0.0.1:9/CP1", proxy="gopher://127.0.0.1:70")
