"""A small HTTP client for devices that are spoken to over HTTP or HTTPS. The only file that imports h11.

h11 knows the protocol and does no I/O; asyncio's streams carry it. So a request can be cancelled at any moment and no thread waits
for a device, which `http.client` would need. Each request has a connection of its own: the devices are next door and asked about
once a second, and a connection that is not kept cannot have died unseen.
"""

import asyncio
import ssl
from dataclasses import dataclass

import h11

from hal.errors import BadReply, DeviceLost, DeviceTimeout

LONGEST_HEAD = 16_384
LONGEST_BODY = 1_048_576
CHUNK = 4096


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """Status and body of an answer."""

    status: int
    body: bytes


class HttpClient:
    """Requests to one device."""

    def __init__(self, host: str, port: int, tls: ssl.SSLContext | None = None) -> None:
        self._host = host
        self._port = port
        self._tls = tls
        self.name = f"{'http' if tls is None else 'https'}://{host}:{port}"

    async def request(self, method: str, target: str, body: bytes | None, timeout_s: float) -> HttpAnswer:
        """One exchange. `target` is path and query; a body is JSON.

        Raises DeviceLost (no connection), DeviceTimeout, or BadReply for an answer that is not HTTP or longer than 1 MiB.
        """
        try:
            async with asyncio.timeout(timeout_s):
                return await self._exchange(method, target, body)
        except ssl.SSLError as error:
            raise DeviceLost(
                f"{self.name}: TLS failed ({error.reason or error}); is it the device's certificate?"
            ) from error
        except TimeoutError as error:
            raise DeviceTimeout(f"{self.name}: no answer to {method} within {timeout_s:.1f} s") from error
        except OSError as error:
            raise DeviceLost(f"{self.name}: {error.strerror or error}; check address, cable and power") from error
        except h11.RemoteProtocolError as error:
            raise BadReply(f"{self.name}: the answer is not HTTP ({error}); is it the right port?") from error

    async def _exchange(self, method: str, target: str, body: bytes | None) -> HttpAnswer:
        reader, writer = await asyncio.open_connection(self._host, self._port, ssl=self._tls)
        try:
            connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=LONGEST_HEAD)
            for event in self._events(method, target, body):
                writer.write(connection.send(event) or b"")
            await writer.drain()
            return await self._answer(connection, reader)
        finally:
            writer.transport.abort()

    def _events(self, method: str, target: str, body: bytes | None) -> tuple[h11.Event, ...]:
        headers = [("Host", f"{self._host}:{self._port}"), ("Connection", "close"), ("Accept", "*/*")]
        if body is None:
            return h11.Request(method=method, target=target, headers=headers), h11.EndOfMessage()
        headers += [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
        return h11.Request(method=method, target=target, headers=headers), h11.Data(body), h11.EndOfMessage()

    async def _answer(self, connection: h11.Connection, reader: asyncio.StreamReader) -> HttpAnswer:
        status = 0
        body = bytearray()
        while True:
            event = connection.next_event()
            if event is h11.NEED_DATA:
                connection.receive_data(await reader.read(CHUNK))
            elif isinstance(event, h11.Response):
                status = event.status_code
            elif isinstance(event, h11.Data):
                body += event.data
                if len(body) > LONGEST_BODY:
                    raise BadReply(f"{self.name}: the answer is longer than {LONGEST_BODY} bytes")
            elif isinstance(event, h11.EndOfMessage):
                return HttpAnswer(status, bytes(body))


def pinned_tls(certificate: str) -> ssl.SSLContext:
    """TLS to a device that presents exactly this certificate (a PEM file), whatever its name, and signed by whom it may be.

    Such devices come with self-signed certificates, some with keys of 1024 bits. Raises ValueError when the file cannot be used.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False  # the certificate is known itself, and devices are addressed by number
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("DEFAULT:@SECLEVEL=1")
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    try:
        context.load_verify_locations(cafile=certificate)
    except OSError as error:
        raise ValueError(f"certificate {certificate}: {error}") from error
    return context
