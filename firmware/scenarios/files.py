"""A small file server for scenarios: a new firmware for the mock board to fetch, and a place for diagnostics."""

import asyncio
from typing import Final

import h11

from hal.mock.firmware import IMAGE_MARK

PLACEHOLDER: Final = "{files}"
"""Stands in a command's `url` for the address of this server."""

HOST: Final = "files"  # in virtual time
PORT: Final = 8000
VERSION: Final = "2.0.0"
IMAGE: Final = "firmware.img"
IMAGE_BYTES: Final = 100_000
READ_BYTES: Final = 65_536


class FileServer:
    """Gives out `IMAGE` and takes whatever is sent. It reads no file and keeps none."""

    def __init__(self) -> None:
        self._image = f"{IMAGE_MARK}{VERSION}\n".encode().ljust(IMAGE_BYTES, b"x")

    async def run(self, host: str, port: int) -> None:
        """Serve until cancelled."""
        server = await self.open(host, port)
        async with server:
            await server.serve_forever()

    async def open(self, host: str, port: int = 0) -> asyncio.Server:
        """Serve until what is returned is closed; port 0 takes any."""
        return await asyncio.start_server(self._serve, host, port)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = h11.Connection(our_role=h11.SERVER)
        try:
            request = await self._request(connection, reader)
            if request is not None:
                writer.write(self._answer(connection, request))
                await writer.drain()
        except (h11.RemoteProtocolError, ConnectionError):
            pass  # whoever asked has gone, or speaks something else
        finally:
            writer.close()

    @staticmethod
    async def _request(connection: h11.Connection, reader: asyncio.StreamReader) -> h11.Request | None:
        """One request, its body read to the end; None when the other side went first."""
        request: h11.Request | None = None
        while True:
            event = connection.next_event()
            if event is h11.NEED_DATA:
                connection.receive_data(await reader.read(READ_BYTES))
            elif isinstance(event, h11.Request):
                request = event
            elif isinstance(event, h11.EndOfMessage):
                return request
            elif isinstance(event, h11.ConnectionClosed):
                return None

    def _answer(self, connection: h11.Connection, request: h11.Request) -> bytes:
        status, body = 404, b""
        if request.method in (b"PUT", b"POST"):
            status = 201
        elif request.target.partition(b"?")[0] == f"/{IMAGE}".encode():
            status, body = 200, self._image
        headers = [("Content-Length", str(len(body))), ("Connection", "close")]
        parts = [
            connection.send(h11.Response(status_code=status, headers=headers)),
            connection.send(h11.Data(data=body)),
            connection.send(h11.EndOfMessage()),
        ]
        return b"".join(part or b"" for part in parts)
