"""One end of a simulated TCP connection as asyncio sees it.

Rules:
- Everything goes through the pipe in order: bytes, then FIN or RST.
- A window bounds the bytes that are sent and not yet read; beyond it `write` buffers and pauses the protocol.
- An end that is gone (closed, reset, process dead) answers bytes with RST. A host without power answers nothing.
- `connection_lost` is called exactly once, unless the process is dead: then nothing is called.
"""

import asyncio
import errno
from collections import deque
from contextvars import Context
from typing import TYPE_CHECKING, Any

from firmware.simulation.runtime.pipe import Control, Item, Pipe, VirtualSocket

if TYPE_CHECKING:
    from collections.abc import Callable

    from firmware.simulation.runtime.hosts import Host
    from firmware.simulation.runtime.network import Network
    from firmware.simulation.runtime.process import Process
    from firmware.simulation.runtime.server import VirtualServer

WINDOW_BYTES = 256 * 1024  # send buffer, wire and receive buffer together
SEGMENT_BYTES = 64 * 1024  # largest piece delivered at once
HIGH_WATER_BYTES = 64 * 1024


class VirtualTransport(asyncio.Transport):
    """One end of a connection. Made by the network in pairs; `out` is set before anything runs."""

    out: Pipe

    def __init__(
        self,
        network: "Network",
        number: int,
        host: "Host",
        process: "Process | None",
        context: Context,
        local: tuple[str, int],
        remote: tuple[str, int],
        server: "VirtualServer | None" = None,
    ) -> None:
        self.number = number
        self.host = host
        self.context = context
        self.socket = VirtualSocket(local, remote)
        super().__init__({"peername": remote, "sockname": local, "socket": self.socket})
        self.gone = False  # the kernel has no such endpoint any more
        self.kernel_alive = True  # False once the host lost power with this connection open
        self._network = network
        self._loop = network.loop
        self._process = process
        self._server = server
        self._protocol: asyncio.BaseProtocol | None = None
        self._feed: Callable[[bytes], None] | None = None
        self._started = False
        self._lost = False  # connection_lost was called, or never will be
        self._closing = False
        self._reading = True
        self._inbox: deque[Item] = deque()
        self._outbox: deque[bytes] = deque()
        self._outbox_bytes = 0
        self._in_flight_bytes = 0
        self._eof = False  # write_eof was called
        self._fin_sent = False
        self._paused_protocol = False
        self._high, self._low = HIGH_WATER_BYTES, HIGH_WATER_BYTES // 4
        if process is not None:
            process.transports[self] = None

    def begin(self, protocol: asyncio.BaseProtocol) -> None:
        """Give the connection its protocol; `connection_made` is called next."""
        self._network.hashes.adopt(protocol)
        self.set_protocol(protocol)
        self._loop.call_soon(self._made, context=self.context)

    def _made(self) -> None:
        if self._lost:
            return
        assert self._protocol is not None
        self._started = True
        self._protocol.connection_made(self)
        self._read_inbox()

    # Writing

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send, or buffer when the window is full. Silently ignored once the connection is over, as asyncio does."""
        if self._eof:
            raise RuntimeError("Cannot call write() after write_eof()")
        if self._lost or self.gone or self._closing or not data:
            return
        whole = bytes(data)
        for start in range(0, len(whole), SEGMENT_BYTES):
            self._write_segment(whole[start : start + SEGMENT_BYTES] if len(whole) > SEGMENT_BYTES else whole)

    def _write_segment(self, data: bytes) -> None:
        if not self._outbox and self._in_flight_bytes + len(data) <= WINDOW_BYTES:
            self._in_flight_bytes += len(data)
            self.out.send(data)
            return
        self._outbox.append(data)
        self._outbox_bytes += len(data)
        if not self._paused_protocol and self._outbox_bytes > self._high:
            self._paused_protocol = True
            assert self._protocol is not None
            self._protocol.pause_writing()

    def writelines(self, list_of_data: Any) -> None:
        """Send several pieces as one."""
        self.write(b"".join(list_of_data))

    def acknowledged(self, size: int) -> None:
        """The other end has read `size` bytes: the window opens."""
        self._in_flight_bytes -= size
        if self._outbox and not self._lost:
            self._loop.call_soon(self._pump, context=self.context)

    def _pump(self) -> None:
        while self._outbox and self._in_flight_bytes + len(self._outbox[0]) <= WINDOW_BYTES and not self.gone:
            data = self._outbox.popleft()
            self._outbox_bytes -= len(data)
            self._in_flight_bytes += len(data)
            self.out.send(data)
        if self._paused_protocol and self._outbox_bytes <= self._low and not self._lost:
            self._paused_protocol = False
            assert self._protocol is not None
            self._protocol.resume_writing()
        if not self._outbox:
            self._finish_writing()

    def _finish_writing(self) -> None:
        if self._eof or self._closing:
            self._send_fin()
        if self._closing:
            self._loop.call_soon(self.lose, None)

    def _send_fin(self) -> None:
        if not self._fin_sent and not self.gone:
            self._fin_sent = True
            self.out.send(Control.FIN)

    def can_write_eof(self) -> bool:
        """TCP can close one direction."""
        return True

    def write_eof(self) -> None:
        """Close this direction after what was written."""
        if not self._eof and not self._closing:
            self._eof = True
            if not self._outbox:
                self._send_fin()

    def get_write_buffer_size(self) -> int:
        """Bytes waiting for the window to open."""
        return self._outbox_bytes

    def get_write_buffer_limits(self) -> tuple[int, int]:
        """Low and high water, in bytes."""
        return self._low, self._high

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Set the marks at which the protocol is paused and resumed, in bytes."""
        if high is None:
            high = HIGH_WATER_BYTES if low is None else 4 * low
        self._high, self._low = high, high // 4 if low is None else low

    # Reading

    def receive(self, item: Item) -> None:
        """A segment has arrived at this end. Called by the pipe, outside any process."""
        if self.gone or (item is Control.ACK and not self._listened_for()):
            self.gone = True
            if (isinstance(item, bytes) or item is Control.ACK) and not self.out.receiver.gone:
                self._reset_peer()
        elif item is Control.ACK:
            assert self._server is not None
            self.context.run(self._server.accept, self)
        elif item is Control.RST:
            self.lose(ConnectionResetError(errno.ECONNRESET, "Connection reset by peer"))
        else:
            self._inbox.append(item)
            if self._reading and self._started:
                self.context.run(self._read_inbox)

    def _listened_for(self) -> bool:
        return self._server is not None and self._server.is_serving()

    def _read_inbox(self) -> None:
        while self._inbox and self._reading and not self._lost and not self._closing:
            item = self._inbox.popleft()
            if isinstance(item, bytes):
                self._feed_protocol(item)
                self.out.receiver.acknowledged(len(item))
            else:
                self._eof_arrived()

    def _feed_protocol(self, data: bytes) -> None:
        assert self._feed is not None
        try:
            self._feed(data)
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as error:  # noqa: BLE001 - as asyncio's own transports do: report, then close
            self._fatal(error, "Fatal error: protocol.data_received() call failed.")

    def _eof_arrived(self) -> None:
        protocol = self._protocol
        assert isinstance(protocol, asyncio.Protocol | asyncio.BufferedProtocol)
        if not protocol.eof_received():
            self.close()

    def _fatal(self, error: BaseException, message: str) -> None:
        self._loop.call_exception_handler(
            {"message": message, "exception": error, "transport": self, "protocol": self._protocol}
        )
        self.abort()

    def pause_reading(self) -> None:
        """Leave what arrives in the window."""
        self._reading = False

    def resume_reading(self) -> None:
        """Go on with what has arrived."""
        if not self._reading:
            self._reading = True
            self._loop.call_soon(self._read_inbox, context=self.context)

    def is_reading(self) -> bool:
        """True when the protocol is given data as it arrives."""
        return self._reading and not self._closing

    # The end

    def is_closing(self) -> bool:
        """True once closed or lost."""
        return self._closing

    def close(self) -> None:
        """Send what is buffered, then FIN. Unread data turns it into a reset, as on Linux."""
        if self._closing:
            return
        self._closing = True
        if self._inbox or self.socket.resets_on_close:
            self._reset_peer()
            self._loop.call_soon(self.lose, None)
        elif not self._outbox:
            self._finish_writing()

    def abort(self) -> None:
        """Close at once; buffered data is thrown away."""
        if self._lost or self.gone:
            return
        self._closing = True
        if self._outbox or self._inbox or self.socket.resets_on_close:
            self._reset_peer()
        else:
            self._send_fin()
        self._clear()
        self._loop.call_soon(self.lose, None)

    def _reset_peer(self) -> None:
        self.out.send(Control.RST)

    def _clear(self) -> None:
        self._outbox.clear()
        self._inbox.clear()
        self._outbox_bytes = 0

    def lose(self, error: OSError | None) -> None:
        """The connection is over at this end; the protocol is told, once."""
        if self._lost:
            return
        self._lost = self._closing = True
        self._forget()
        self._network.trace.note(self._loop.time(), "lost", self.number, self.host.name, type(error).__name__)
        if self._process is None or self._process.alive:
            self.context.run(self._tell_lost, error)

    def _tell_lost(self, error: OSError | None) -> None:
        if self._protocol is not None:
            self._protocol.connection_lost(error)
        if self._server is not None:
            self._server.lost(self)

    def vanish(self) -> None:
        """The kernel forgets this end without a word; bytes that arrive are answered with a reset."""
        self.gone = True

    def process_ended(self, *, power: bool) -> None:
        """The process that held this end is dead. Its kernel says goodbye, unless the power went too."""
        unread = bool(self._inbox)
        if power:
            self.kernel_alive = False
        elif unread:
            self._reset_peer()
        else:
            self._send_fin()
        self._lost = self._closing = True
        self._forget()

    def _forget(self) -> None:
        self.gone = True
        self._clear()
        if self._process is not None:
            self._process.transports.pop(self, None)
        self._network.end_closed(self.number)

    # The protocol

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Change who is told."""
        self._protocol = protocol
        if isinstance(protocol, asyncio.BufferedProtocol):
            self._feed = lambda data: _feed_buffered(protocol, data)
        elif isinstance(protocol, asyncio.Protocol):
            self._feed = protocol.data_received
        else:
            raise TypeError(f"a stream protocol is needed, not {type(protocol).__name__}")

    def get_protocol(self) -> asyncio.BaseProtocol:
        """Who is told."""
        assert self._protocol is not None
        return self._protocol


def _feed_buffered(protocol: asyncio.BufferedProtocol, data: bytes) -> None:
    view = memoryview(data)
    while view:
        buffer = memoryview(protocol.get_buffer(len(view)))
        size = min(len(buffer), len(view))
        buffer[:size] = view[:size]
        protocol.buffer_updated(size)
        view = view[size:]
