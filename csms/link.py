"""One open WebSocket as the rest of the house sees it: writing never waits, and happens in order."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from ocpp_client.errors import ConnectionLost
from ocpp_client.websocket import WebSocket

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Text:
    text: str
    written: Callable[[], None] | None


@dataclass(frozen=True, slots=True)
class _Farewell:
    code: int
    reason: str


class Link:
    """A queue of messages to one station, and the task that writes them."""

    def __init__(
        self,
        socket: WebSocket,
        station: str,
        connection: str,
        *,
        max_waiting: int,
        close_timeout_s: float,
        on_written: Callable[[str], None],
    ) -> None:
        """`on_written` is told each text just before it goes out."""
        self.station = station
        self.connection = connection
        self._socket = socket
        self._max_waiting = max_waiting
        self._close_timeout_s = close_timeout_s
        self._on_written = on_written
        self._waiting: deque[_Text | _Farewell] = deque()
        self._changed = asyncio.Event()
        self._bytes_per_s: int | None = None

    def send(self, text: str, written: Callable[[], None] | None = None) -> None:
        """Write a message after those that wait already, then call `written`. A station that takes none is cut off."""
        if len(self._waiting) >= self._max_waiting:
            log.warning("station cut off: it does not read station=%s waiting=%d", self.station, len(self._waiting))
            self.abort()
            return
        self._waiting.append(_Text(text, written))
        self._changed.set()

    def close(self, code: int, reason: str) -> None:
        """Close politely once everything before has been written; a station that does not read has no such time."""
        self._waiting.append(_Farewell(code, reason))
        self._changed.set()
        asyncio.get_running_loop().call_later(2 * self._close_timeout_s, self._socket.abort)

    def abort(self) -> None:
        """Drop the TCP connection."""
        self._waiting.clear()
        self._socket.abort()

    def freeze(self) -> None:
        """Stop reading for good."""
        self._socket.pause_reading()

    def slow_down(self, bytes_per_s: int) -> None:
        """From now on take the time that messages need on a line of this speed."""
        self._bytes_per_s = bytes_per_s

    def duration_s(self, message: str | bytes) -> float:
        """How long a message is on its way, on a line that was slowed down."""
        if self._bytes_per_s is None:
            return 0.0
        return len(message.encode() if isinstance(message, str) else message) / self._bytes_per_s

    async def close_now(self, code: int, reason: str) -> None:
        """Close without regard to what still waits; return within the close timeout."""
        self._waiting.clear()
        await self._socket.close(code, reason)

    async def write(self) -> None:
        """Write until the connection ends; to be run as a task beside the one that reads."""
        try:
            while True:
                while self._waiting:
                    item = self._waiting.popleft()
                    if isinstance(item, _Farewell):
                        await self._socket.close(item.code, item.reason)
                        return
                    if self._bytes_per_s is not None:
                        await asyncio.sleep(self.duration_s(item.text))
                    self._on_written(item.text)
                    await self._socket.send(item.text)
                    if item.written is not None:
                        item.written()
                self._changed.clear()
                await self._changed.wait()
        except ConnectionLost:
            return  # the reading side finds out as well, and reports it
