"""A small HTTP/1.1 client for calls between a proxy and its workers, which keep their connections open."""

import asyncio
import ssl as tls
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

import h11

from csms.doors.connections import HolderUnavailable

MAX_IDLE: Final = 32
MAX_ANSWER_BYTES: Final = 4 * 1024 * 1024
_READ_BYTES: Final = 65_536


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer."""

    status: int
    body: bytes


class _Wire:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._http = h11.Connection(h11.CLIENT)

    async def exchange(self, method: str, target: str, headers: list[tuple[str, str]], body: bytes) -> Answer:
        sent = self._http.send(h11.Request(method=method, target=target, headers=headers))
        sent = (sent or b"") + (self._http.send(h11.Data(data=body)) or b"")
        self._writer.write(sent + (self._http.send(h11.EndOfMessage()) or b""))
        await self._writer.drain()
        status, found = 0, b""
        while True:
            event = self._http.next_event()
            match event:
                case h11.Response():
                    status = event.status_code
                case h11.Data():
                    found += event.data
                    if len(found) > MAX_ANSWER_BYTES:
                        raise h11.RemoteProtocolError("the answer is too long")
                case h11.EndOfMessage():
                    return Answer(status, found)
                case h11.ConnectionClosed():
                    raise h11.RemoteProtocolError("closed before the answer")
                case _ if event is h11.NEED_DATA:
                    self._http.receive_data(await self._reader.read(_READ_BYTES))
                case _:
                    continue  # an informational answer

    def reusable(self) -> bool:
        """Whether another exchange can follow."""
        if self._http.our_state is not h11.DONE or self._http.their_state is not h11.DONE:
            return False
        self._http.start_next_cycle()
        return True

    def close(self) -> None:
        self._writer.close()


class HttpClient:
    """Calls to one base URL."""

    def __init__(self, url: str, *, headers: Mapping[str, str], timeout_s: float) -> None:
        """`headers` go with every request. Raises ValueError for a URL that is not HTTP."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or parts.hostname is None:
            raise ValueError(f"{url}: write http://HOST:PORT or https://HOST")
        self._host, self._path = parts.hostname, parts.path.rstrip("/")
        self._port = parts.port or (443 if parts.scheme == "https" else 80)
        self._ssl = tls.create_default_context() if parts.scheme == "https" else None
        self._headers = [("Host", parts.netloc.rpartition("@")[2]), *headers.items()]
        self._timeout_s = timeout_s
        self._idle: list[_Wire] = []

    async def request(
        self,
        method: str,
        target: str,
        body: bytes = b"",
        *,
        media_type: str = "text/plain",
        headers: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
    ) -> Answer:
        """One request. Raises HolderUnavailable; a request on a connection that was kept and has died is made again."""
        limit_s = self._timeout_s if timeout_s is None else timeout_s
        said = [("Content-Type", media_type), ("Content-Length", str(len(body)))]
        all_headers = [*self._headers, *said, *(headers or {}).items()]
        try:
            async with asyncio.timeout(limit_s):
                while self._idle:
                    wire = self._idle.pop()
                    try:
                        return await self._exchange(wire, method, target, all_headers, body)
                    except (OSError, h11.RemoteProtocolError):
                        continue
                wire = _Wire(*await asyncio.open_connection(self._host, self._port, ssl=self._ssl))
                return await self._exchange(wire, method, target, all_headers, body)
        except (OSError, TimeoutError, h11.RemoteProtocolError) as error:
            reason = str(error) or f"no answer within {limit_s:g} s"
            raise HolderUnavailable(f"{method} {self._host}:{self._port}{self._path}: {reason}") from error

    async def _exchange(
        self, wire: _Wire, method: str, target: str, headers: list[tuple[str, str]], body: bytes
    ) -> Answer:
        try:
            answer = await wire.exchange(method, self._path + target, headers, body)
        except BaseException:
            wire.close()
            raise
        if len(self._idle) < MAX_IDLE and wire.reusable():
            self._idle.append(wire)
        else:
            wire.close()
        return answer

    def close(self) -> None:
        """Close what is open."""
        for wire in self._idle:
            wire.close()
        self._idle.clear()
