"""An event loop whose time jumps to the next timer, with a network in memory: minutes of waiting take no time.

The WebSocket library runs on it unchanged. Every host is the same host; TLS is not simulated.
"""

import asyncio
import collections
import errno
import socket
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

LATENCY_S = 0.01
BUFFER_BYTES = 64 * 1024


class Stuck(RuntimeError):
    """Nothing is ready and no timer is set: the test would wait for ever."""


class _Jump:
    """Stands where the loop expects its selector: waiting for sockets becomes letting the time pass."""

    def __init__(self, loop: "VirtualLoop") -> None:
        self._loop = loop

    def select(self, timeout: float | None) -> list[Any]:
        if timeout is None:
            raise Stuck
        self._loop.now += timeout
        return []


class VirtualLoop(asyncio.BaseEventLoop):
    """The loop, and the network on it. `black_hole` swallows all bytes; `refuse` turns new connections away."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1000.0
        self.black_hole = False
        self.refuse = False
        self.ports: dict[int, Listener] = {}
        self._selector = _Jump(self)

    def time(self) -> float:
        return self.now

    def _process_events(self, event_list: list[Any]) -> None:
        """There are no events of an operating system here."""

    def _write_to_self(self) -> None:
        """There is no other thread to be woken from."""

    async def create_connection(  # type: ignore[override]  # the part of it that is used
        self, factory: Callable[[], asyncio.Protocol], host: str, port: int, **_: Any
    ) -> tuple[asyncio.Transport, asyncio.Protocol]:
        if host == "nowhere.invalid":
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        if self.black_hole:
            await asyncio.sleep(127)
            raise TimeoutError(errno.ETIMEDOUT, "Connection timed out")
        await asyncio.sleep(2 * LATENCY_S)
        listener = self.ports.get(port)
        if listener is None or self.refuse:
            raise ConnectionRefusedError(errno.ECONNREFUSED, f"Connect call failed ({host!r}, {port})")
        ours, theirs = Pipe(self, ("10.0.0.2", 40000)), Pipe(self, (host, port))
        ours.join(theirs, factory())
        theirs.join(ours, listener.factory())
        return ours, ours.protocol

    async def create_server(  # type: ignore[override]  # the part of it that is used
        self, factory: Callable[[], asyncio.Protocol], host: str, port: int, **_: Any
    ) -> "Listener":
        port = port or 50000 + len(self.ports)
        listener = self.ports[port] = Listener(self, factory, port)
        return listener


class Listener:
    """What `create_server` returns; it is also its own listening socket."""

    family = socket.AF_INET

    def __init__(self, loop: VirtualLoop, factory: Callable[[], asyncio.Protocol], port: int) -> None:
        self.loop = loop
        self.factory = factory
        self.port = port
        self.sockets = (self,)

    def getsockname(self) -> tuple[str, int]:
        return ("10.0.0.1", self.port)

    def is_serving(self) -> bool:
        return self.loop.ports.get(self.port) is self

    def close(self) -> None:
        self.loop.ports.pop(self.port, None)

    async def wait_closed(self) -> None:
        """Connections need no waiting for: they are all in memory."""

    def get_loop(self) -> VirtualLoop:
        return self.loop


class Pipe(asyncio.Transport):
    """One end of a connection in memory: in order, with latency, and with room for `BUFFER_BYTES` under way."""

    def __init__(self, loop: VirtualLoop, address: tuple[str, int]) -> None:
        super().__init__({"sockname": address})
        self.loop = loop
        self.address = address
        self.inbox: collections.deque[bytes | None] = collections.deque()  # None is the end of the stream
        self.reading = True
        self.writing_paused = False
        self.under_way = 0
        self.last_arrival = 0.0
        self.closing = False
        self.lost = False

    def join(self, other: "Pipe", protocol: asyncio.Protocol) -> None:
        self.other = other
        self.protocol = protocol
        self._extra["peername"] = other.address  # type: ignore[attr-defined]  # asyncio keeps it there
        protocol.connection_made(self)

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        assert isinstance(protocol, asyncio.Protocol)
        self.protocol = protocol

    # --- writing

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """The room is what the network holds; there is no buffer before it."""

    def get_write_buffer_size(self) -> int:
        return max(self.under_way - BUFFER_BYTES, 0)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self.lost or self.closing:
            return
        self.under_way += len(data)
        if self.under_way > BUFFER_BYTES and not self.writing_paused:
            self.writing_paused = True
            self.protocol.pause_writing()
        self._transmit(bytes(data))

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self._transmit(None)

    def _transmit(self, data: bytes | None) -> None:
        if not self.loop.black_hole:
            # Strictly later than what went before: timers of equal time may run in any order.
            self.last_arrival = max(self.loop.now + LATENCY_S, self.last_arrival + 1e-6)
            self.loop.call_at(self.last_arrival, self.other._arrive, data)

    def is_closing(self) -> bool:
        return self.closing or self.lost

    def close(self) -> None:
        if self.closing or self.lost:
            return
        self.closing = True
        if self.under_way <= BUFFER_BYTES:  # otherwise the system still holds bytes nobody takes
            self.write_eof()
            self.loop.call_soon(self._end, None)

    def abort(self) -> None:
        if self.lost:
            return
        self.closing = True
        self.loop.call_soon(self._end, None)
        if not self.loop.black_hole:
            self.loop.call_later(LATENCY_S, self.other._end, ConnectionResetError(errno.ECONNRESET, "reset by peer"))

    # --- reading

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True
        self.loop.call_soon(self._read)

    def is_reading(self) -> bool:
        return self.reading

    def _arrive(self, data: bytes | None) -> None:
        self.inbox.append(data)
        self._read()

    def _read(self) -> None:
        while self.inbox and self.reading and not self.lost:
            data = self.inbox.popleft()
            if data is None:
                if not self.protocol.eof_received():
                    self.close()
                continue
            self.other._taken(len(data))
            self.protocol.data_received(data)

    def _taken(self, count: int) -> None:
        self.under_way -= count
        if self.writing_paused and self.under_way <= BUFFER_BYTES and not self.lost:
            self.writing_paused = False
            self.protocol.resume_writing()

    def _end(self, error: Exception | None) -> None:
        if not self.lost:
            self.lost = True
            self.protocol.connection_lost(error)


def run(main: Callable[[VirtualLoop], Coroutine[Any, Any, T]]) -> T:
    """Run a test on a fresh loop. What it leaves running is cancelled; errors nobody looked at fail it."""
    loop = VirtualLoop()
    unseen: list[dict[str, Any]] = []
    loop.set_exception_handler(lambda _, context: unseen.append(context))
    try:
        result = loop.run_until_complete(main(loop))
    finally:
        loop.run_until_complete(_cancel_the_rest())
        loop.close()
    assert not unseen, unseen
    return result


async def _cancel_the_rest() -> None:
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)
