"""A listener of Server-Sent Events over one HTTP connection (WHATWG HTML, section 9.2)."""

import asyncio
import codecs
from collections.abc import AsyncIterator, Mapping
from typing import Final
from urllib.parse import urlsplit

import h11

OPEN_TIMEOUT_S: Final = 30.0
_READ_BYTES: Final = 65_536


class StreamRefused(Exception):
    """The server answered with another status than 200."""

    def __init__(self, status: int) -> None:
        super().__init__(f"the stream of events was answered with HTTP {status}")
        self.status = status


class EventStream:
    """One listener: `open`, `texts`, `close`."""

    def __init__(self, url: str, target: str, headers: Mapping[str, str]) -> None:
        self._parts = urlsplit(url)
        self._target = self._parts.path.rstrip("/") + target
        self._headers = [("Host", self._parts.netloc), ("Accept", "text/event-stream"), *headers.items()]
        self._http = h11.Connection(h11.CLIENT)
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._text = ""

    async def open(self) -> None:
        """Connect and wait for the first frame: nothing is missed after that. Raises StreamRefused or OSError."""
        secure = self._parts.scheme == "https"
        port = self._parts.port or (443 if secure else 80)
        async with asyncio.timeout(OPEN_TIMEOUT_S):
            streams = await asyncio.open_connection(self._parts.hostname, port, ssl=secure or None)
            self._reader, self._writer = streams
            request = h11.Request(method="GET", target=self._target, headers=self._headers)
            self._writer.write((self._http.send(request) or b"") + (self._http.send(h11.EndOfMessage()) or b""))
            while "\n\n" not in self._text:
                await self._more()

    async def texts(self) -> AsyncIterator[str]:
        """The data of each event, until the server ends the stream or goes away."""
        while True:
            while "\n\n" in self._text:
                frame, _, self._text = self._text.partition("\n\n")
                data = "".join(line[5:] for line in frame.splitlines() if line.startswith("data:"))
                if data:
                    yield data
            try:
                await self._more()
            except ConnectionError:
                return

    def close(self) -> None:
        """Stop listening."""
        if self._writer is not None:
            self._writer.close()

    async def _more(self) -> None:
        assert self._reader is not None  # opened
        while True:
            event = self._http.next_event()
            match event:
                case h11.Data():
                    self._text += self._decoder.decode(bytes(event.data))
                    return
                case h11.Response() if event.status_code != 200:
                    raise StreamRefused(event.status_code)
                case h11.EndOfMessage() | h11.ConnectionClosed():
                    raise ConnectionError(f"{self._parts.netloc}: the stream has ended")
                case _ if event is h11.NEED_DATA:
                    self._http.receive_data(await self._reader.read(_READ_BYTES))
                case _:
                    continue
