"""HTTP and HTTPS: one file, one connection. h11 knows the protocol, asyncio's streams carry it, so that a transfer ends the moment it
is cancelled and runs in virtual time like everything else.

Sources: RFC 9110 (range requests in section 14, If-Range in 13.1.5), RFC 9112.
"""

import asyncio
import base64
import logging
import re
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import h11

from firmware.services.transfer.errors import Reason, TransferError
from firmware.services.transfer.files import Growing, Limits, Progress
from firmware.services.transfer.location import Location
from firmware.services.transfer.timeouts import PATIENT, Timeouts, Tls

log = logging.getLogger(__name__)

CHUNK: Final = 256 * 1024
REDIRECTIONS: Final = 5
_MOVED: Final = frozenset({301, 302, 303, 307, 308})
_RANGE: Final = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    headers: dict[str, str]

    @property
    def length(self) -> int | None:
        text = self.headers.get("content-length", "")
        return int(text) if text.isdecimal() else None

    @property
    def tag(self) -> str | None:
        """What names this version of the file; a weak one is no proof that bytes are the same."""
        tag = self.headers.get("etag") or self.headers.get("last-modified")
        return None if tag is None or tag.startswith("W/") else tag


@dataclass(slots=True)
class _Exchange:
    """One request and its answer on one connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    place: Location
    idle_s: float
    protocol: h11.Connection = field(default_factory=lambda: h11.Connection(our_role=h11.CLIENT))

    async def send(self, event: Any) -> None:
        data = self.protocol.send(event)
        if data:
            self.writer.write(data)
            async with asyncio.timeout(self.idle_s):
                await self.writer.drain()

    async def next(self) -> Any:
        while True:
            event = self.protocol.next_event()
            if event is not h11.NEED_DATA:
                return event
            async with asyncio.timeout(self.idle_s):
                self.protocol.receive_data(await self.reader.read(CHUNK))

    async def answer(self) -> _Answer:
        """The head of the final answer."""
        while True:
            event = await self.next()
            if isinstance(event, h11.Response):
                headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in event.headers}
                return _Answer(event.status_code, headers)
            if not isinstance(event, h11.InformationalResponse):
                raise TransferError(Reason.BROKEN, f"{self.place} ended before an answer")


class HttpCarrier:
    """Moves files over HTTP. `tls` makes the context for HTTPS."""

    def __init__(self, tls: Tls, timeouts: Timeouts = PATIENT) -> None:
        self._tls = tls
        self._timeouts = timeouts

    async def download(self, place: Location, path: Path, limits: Limits, progress: Progress) -> None:
        """Fetch a file, going on with what is there of it. Raises TransferError."""
        with Growing(path, limits) as file:
            for _ in range(REDIRECTIONS + 1):
                following = await self._fetch(place, file, progress)
                if following is None:
                    await asyncio.to_thread(file.complete)
                    return
                place = place.redirected(following)
        raise TransferError(Reason.BAD_LOCATION, f"{place} redirects without end")

    async def upload(self, place: Location, path: Path, progress: Progress) -> None:
        """Send a file: PUT, or POST where the server knows no PUT. Raises TransferError."""
        method = "PUT"
        for _ in range(REDIRECTIONS + 1):
            answer = await self._push(method, place, path, progress)
            if answer.status in (405, 501) and method == "PUT":
                method = "POST"
            elif answer.status in _MOVED and "location" in answer.headers:
                place = place.redirected(answer.headers["location"])
            else:
                _check(answer, place)
                return
        raise TransferError(Reason.BAD_LOCATION, f"{place} redirects without end")

    async def _fetch(self, place: Location, file: Growing, progress: Progress) -> str | None:
        """One GET; returns where it was redirected to."""
        more = []
        if file.size and file.tag is not None:
            more = [("Range", f"bytes={file.size}-"), ("If-Range", file.tag)]
        async with self._exchange(place) as exchange:
            await exchange.send(_request("GET", place, more))
            await exchange.send(h11.EndOfMessage())
            answer = await exchange.answer()
            if answer.status in _MOVED and "location" in answer.headers:
                return answer.headers["location"]
            if answer.status == 416 and file.size:
                file.begin(0, None, None)  # the file there is another one by now: from the beginning, next time
                raise TransferError(Reason.BROKEN, f"{place} has no more of the file that was begun")
            _check(answer, place)
            expected = _begin(answer, place, file)
            while not isinstance(event := await exchange.next(), h11.EndOfMessage):
                if not isinstance(event, h11.Data):
                    raise TransferError(Reason.BROKEN, f"{place} ended after {file.size} bytes")
                await asyncio.to_thread(file.write, bytes(event.data))
                progress(file.size, expected)
            if expected is not None and file.size != expected:
                raise TransferError(Reason.BROKEN, f"{place} sent {file.size} of {expected} bytes")
        return None

    async def _push(self, method: str, place: Location, path: Path, progress: Progress) -> _Answer:
        total = (await asyncio.to_thread(path.stat)).st_size
        more = [("Content-Length", str(total)), ("Content-Type", "application/octet-stream")]
        async with self._exchange(place) as exchange:
            await exchange.send(_request(method, place, more))
            done = 0
            with await asyncio.to_thread(path.open, "rb") as file:
                try:
                    while data := await asyncio.to_thread(file.read, CHUNK):
                        await exchange.send(h11.Data(data=data))
                        done += len(data)
                        progress(done, total)
                    await exchange.send(h11.EndOfMessage())
                except ConnectionError:
                    if exchange.reader.at_eof():
                        raise
                    log.debug("server answers before the end of an upload place=%s", place)  # below is why
            return await exchange.answer()

    @asynccontextmanager
    async def _exchange(self, place: Location) -> AsyncIterator[_Exchange]:
        """A connection for one request; whatever goes wrong on it becomes a TransferError."""
        try:
            async with asyncio.timeout(self._timeouts.connect_s):
                context = self._tls() if place.uses_tls else None
                reader, writer = await asyncio.open_connection(place.host, place.port, ssl=context)
        except (OSError, UnicodeError) as error:  # TimeoutError and errors of TLS and of names are OSErrors
            reason = Reason.DENIED if isinstance(error, ssl.SSLCertVerificationError) else Reason.UNREACHABLE
            raise TransferError(reason, f"{place} cannot be reached: {_text(error)}") from error
        try:
            yield _Exchange(reader, writer, place, self._timeouts.idle_s)
        except TimeoutError:
            raise TransferError(Reason.BROKEN, f"{place}: nothing moved for {self._timeouts.idle_s:g} s") from None
        except h11.RemoteProtocolError as error:
            raise TransferError(Reason.BROKEN, f"{place} broke off or speaks no HTTP: {error}") from error
        except OSError as error:
            raise TransferError(Reason.BROKEN, f"{place} was lost: {_text(error)}") from error
        finally:
            writer.transport.abort()


def _request(method: str, place: Location, more: list[tuple[str, str]]) -> h11.Request:
    host = f"[{place.host}]" if ":" in place.host else place.host
    headers = [("Host", f"{host}:{place.port}"), ("User-Agent", "wayside"), ("Connection", "close"), *more]
    if method == "GET":
        headers.append(("Accept-Encoding", "identity"))
    if place.user is not None:
        pair = base64.b64encode(f"{place.user}:{place.password or ''}".encode()).decode()
        headers.append(("Authorization", f"Basic {pair}"))
    return h11.Request(method=method, target=place.target, headers=headers)


def _begin(answer: _Answer, place: Location, file: Growing) -> int | None:
    """Set the file to where the answer begins; returns the size of the whole, where it is known."""
    if answer.status != 206:
        file.begin(0, answer.length, answer.tag)
        return answer.length
    found = _RANGE.fullmatch(answer.headers.get("content-range", ""))
    if found is None or int(found[1]) != file.size:
        file.begin(0, None, None)
        raise TransferError(Reason.BROKEN, f"{place} answered another part than the one asked for")
    expected = None if found[2] == "*" else int(found[2])
    file.begin(file.size, expected, file.tag)
    return expected


def _check(answer: _Answer, place: Location) -> None:
    if 200 <= answer.status < 300:
        return
    reasons = {400: Reason.BAD_LOCATION, 404: Reason.NOT_FOUND, 410: Reason.NOT_FOUND, 405: Reason.NOT_SUPPORTED}
    reason = reasons.get(answer.status, Reason.DENIED if answer.status in (401, 403, 407) else Reason.BROKEN)
    if answer.status == 501:
        reason = Reason.NOT_SUPPORTED
    raise TransferError(reason, f"{place} answered {answer.status}")


def _text(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
