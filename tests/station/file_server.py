"""A file server in virtual time: HTTP by h11 on a host of the simulated network."""

import asyncio
import re
from dataclasses import dataclass, field

import h11

from hal.mock.firmware import IMAGE_MARK

HOST = "files"
PORT = 8000


def image(version: str = "2.0.0", size: int = 200_000) -> bytes:
    """Firmware for the mock updater."""
    return f"{IMAGE_MARK}{version}\n".encode().ljust(size, b"x")


@dataclass
class FileServer:
    """Serves `files` and takes uploads."""

    files: dict[str, bytes] = field(default_factory=dict)
    uploads: dict[str, bytes] = field(default_factory=dict)
    failures: list[int] = field(default_factory=list)  # statuses for the next requests
    break_after: list[int] = field(default_factory=list)  # bytes of the next downloads
    delay_s: float = 0.0  # before each answer
    requests: list[tuple[float, str, str, str | None]] = field(default_factory=list)  # time, method, path, range

    def url(self, name: str) -> str:
        """Of a file or, with a slash at its end, a directory."""
        return f"http://user:secret@{HOST}:{PORT}/{name}"

    async def run(self) -> None:
        """Serve for ever."""
        server = await asyncio.start_server(self._serve, "0.0.0.0", PORT)
        async with server:
            await server.serve_forever()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = h11.Connection(our_role=h11.SERVER)
        request, body = None, b""
        while True:
            event = connection.next_event()
            if event is h11.NEED_DATA:
                connection.receive_data(await reader.read(65_536))
            elif isinstance(event, h11.Request):
                request = event
            elif isinstance(event, h11.Data):
                body += bytes(event.data)
            else:
                break
        if request is not None and isinstance(event, h11.EndOfMessage):
            await self._answer(connection, writer, request, body)
        writer.close()

    async def _answer(
        self, connection: h11.Connection, writer: asyncio.StreamWriter, request: h11.Request, body: bytes
    ) -> None:
        headers = {name.decode(): value.decode() for name, value in request.headers}
        path, wanted = request.target.decode().lstrip("/"), headers.get("range")
        now = asyncio.get_running_loop().time()
        self.requests.append((now, request.method.decode(), path, wanted))
        await asyncio.sleep(self.delay_s)
        status, data, more = 200, b"", list[tuple[str, str]]()
        if self.failures:
            status = self.failures.pop(0)
        elif request.method == b"PUT":
            status, self.uploads[path] = 201, body
        elif path not in self.files:
            status = 404
        else:
            data, more = self.files[path], [("ETag", '"1"')]
            begin = re.fullmatch(r"bytes=(\d+)-", wanted or "")
            if begin:
                status, start = 206, int(begin[1])
                more.append(("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}"))
                data = data[start:]
        sent = data[: self.break_after.pop(0)] if self.break_after and data else data
        head = h11.Response(status_code=status, headers=[("Content-Length", str(len(data))), *more])
        writer.write(connection.send(head) or b"")
        if sent:
            writer.write(connection.send(h11.Data(data=sent)) or b"")
        await writer.drain()
