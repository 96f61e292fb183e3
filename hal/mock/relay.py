"""A TCP relay on the loopback that makes the mock network's modes real: the program dials through it, on real sockets.

- up: bytes pass, after the network's latency.
- down: open connections are reset, new ones are refused.
- black hole: open connections stay open and silent; new ones are taken and stay silent too, as the relay cannot keep the
  kernel from completing a handshake. What was sent is held, and delivered when the network is up again.
- another address: connections begun under the old one stay open and silent for good.

`route`, asked before each dial, connects to the far end first, so that a destination that refuses is seen to refuse.
"""

import asyncio
import logging
import socket
import struct
from collections import deque
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from hal.mock.network import MockNetwork, NetworkMode

log = logging.getLogger(__name__)

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]

LOOPBACK = "127.0.0.1"
CHUNK_BYTES = 64 * 1024
CHUNKS_IN_FLIGHT = 64  # per direction; a sender is held back beyond that
LISTEN_AGAIN_S = 1.0
REACH_TIMEOUT_S = 5.0


@dataclass(slots=True)
class _Route:
    """A listener and where it leads."""

    host: str
    port: int
    local_port: int = 0  # 0 until it has listened once; then it stays the same
    server: asyncio.Server | None = None
    ready: deque[Streams] = field(default_factory=deque)  # connected to the far end, for the dial that follows


class _Connection:
    """One connection through the relay: its ends, and the task that carries it."""

    def __init__(self, network: MockNetwork, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.writers = [writer]  # and that of the far end, once there is one
        self.task: asyncio.Task[None]
        self._network = network
        self._address = network.address
        self._passes = asyncio.Event()
        self.network_changed()

    @property
    def dead(self) -> bool:
        """True when the station's address is no longer the one it was begun under."""
        return self._network.address != self._address

    def network_changed(self) -> None:
        """Open or close the way."""
        if self._network.mode is NetworkMode.UP and not self.dead:
            self._passes.set()
        else:
            self._passes.clear()

    async def passable(self) -> None:
        """Wait until bytes pass. For ever, when it is dead."""
        await self._passes.wait()


class Relay:
    """Carries connections while it is entered (`async with`); `route` tells where to dial for a destination.

    Leaving it resets every connection.
    """

    def __init__(self, network: MockNetwork) -> None:
        self._network = network
        self._routes: dict[tuple[str, int], _Route] = {}
        self._connections: list[_Connection] = []
        self._changed = asyncio.Event()
        self._listening = asyncio.Lock()
        self._group: asyncio.TaskGroup | None = None
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        stack = AsyncExitStack()
        self._group = await stack.enter_async_context(asyncio.TaskGroup())
        following = self._group.create_task(self._follow_modes(), name="relay listeners")
        stack.callback(following.cancel)
        stack.callback(self._stop)
        stack.callback(self._network.on_change(self._network_changed))
        self._stack = stack
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.__aexit__(kind, error, trace)

    async def route(self, host: str, port: int) -> tuple[str, int]:
        """Address on the loopback that leads to a destination; the same at every call. To be asked before each dial.

        A dial to it is refused when the destination cannot be connected to. Raises RuntimeError unless the relay is entered,
        OSError when nothing can listen.
        """
        if self._group is None:
            raise RuntimeError("the relay does not run; enter it first")
        route = self._routes.setdefault((host, port), _Route(host, port))
        async with self._listening:
            _drop_ready(route)  # nobody dialled after the last question
            if route.server is None and (not route.local_port or self._network.mode is not NetworkMode.DOWN):
                await self._listen(route)
            reached = await self._reach(route)
            if self._network.mode is NetworkMode.DOWN or not reached:
                _stop_listening(route)
                _drop_ready(route)
        return LOOPBACK, route.local_port

    async def _reach(self, route: _Route) -> bool:
        """Connect to the far end for the dial that follows. False when it cannot be; True also when that is not yet known."""
        if self._network.mode is NetworkMode.UP:
            try:
                async with asyncio.timeout(REACH_TIMEOUT_S):
                    route.ready.append(await asyncio.open_connection(route.host, route.port))
            except TimeoutError:
                return True  # the dial will wait in vain, as it would without a relay
            except OSError as error:
                log.debug("relay cannot reach to=%s:%s error=%s", route.host, route.port, error)
                return False
        return True

    def _stop(self) -> None:
        self._group = None
        self._cut()

    def _cut(self) -> None:
        for route in self._routes.values():
            _stop_listening(route)
            _drop_ready(route)
        for connection in self._connections:
            connection.task.cancel()

    def _network_changed(self) -> None:
        if self._network.mode is NetworkMode.DOWN:
            self._cut()
        for connection in self._connections:
            connection.network_changed()
        self._changed.set()

    async def _follow_modes(self) -> None:
        while True:
            await self._changed.wait()
            self._changed.clear()
            await self._listen_again()

    async def _listen_again(self) -> None:
        while self._network.mode is not NetworkMode.DOWN:
            try:
                async with self._listening:
                    for route in self._routes.values():
                        if route.server is None:
                            await self._listen(route)
                return
            except OSError as error:
                log.warning("relay cannot listen again error=%s retry_s=%s", error, LISTEN_AGAIN_S)
                await asyncio.sleep(LISTEN_AGAIN_S)

    async def _listen(self, route: _Route) -> None:
        def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            if self._group is None:
                _reset(writer)
                return
            connection = _Connection(self._network, reader, writer)
            connection.task = self._group.create_task(self._carry(route, connection), name="relay connection")
            connection.task.add_done_callback(lambda _: self._ended(connection))
            self._connections.append(connection)

        route.server = await asyncio.start_server(accepted, LOOPBACK, route.local_port, reuse_address=True)
        route.local_port = route.server.sockets[0].getsockname()[1]

    def _ended(self, connection: _Connection) -> None:
        self._connections.remove(connection)
        for writer in connection.writers:
            _reset(writer)

    async def _carry(self, route: _Route, connection: _Connection) -> None:
        try:
            await connection.passable()
            if route.ready:
                far_reader, far_writer = route.ready.popleft()
            else:
                far_reader, far_writer = await asyncio.open_connection(route.host, route.port)
            connection.writers.append(far_writer)
            await self._exchange(connection, far_reader, far_writer)
            for writer in connection.writers:
                writer.close()
        except* OSError as errors:
            log.debug("relay connection ended to=%s:%s error=%s", route.host, route.port, errors.exceptions[0])

    async def _exchange(
        self, connection: _Connection, far_reader: asyncio.StreamReader, far_writer: asyncio.StreamWriter
    ) -> None:
        """Both directions, until both senders have finished. Raises an ExceptionGroup of OSErrors when an end is reset."""
        ways = ((connection.reader, far_writer), (far_reader, connection.writer))
        async with asyncio.TaskGroup() as deliveries:
            delivering = []
            async with asyncio.TaskGroup() as collections:
                for reader, writer in ways:
                    flight: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(CHUNKS_IN_FLIGHT)
                    collections.create_task(self._collect(reader, flight))
                    delivering.append(deliveries.create_task(_deliver(connection, flight, writer)))
            if connection.dead:
                for task in delivering:
                    task.cancel()

    async def _collect(self, reader: asyncio.StreamReader, flight: asyncio.Queue[tuple[float, bytes]]) -> None:
        loop = asyncio.get_running_loop()
        data = b"-"
        while data:
            data = await reader.read(CHUNK_BYTES)
            await flight.put((loop.time() + self._network.latency_s, data))


async def _deliver(
    connection: _Connection, flight: asyncio.Queue[tuple[float, bytes]], writer: asyncio.StreamWriter
) -> None:
    loop = asyncio.get_running_loop()
    while True:
        due, data = await flight.get()
        await asyncio.sleep(max(0.0, due - loop.time()))
        await connection.passable()
        if not data:
            writer.write_eof()
            return
        writer.write(data)
        await writer.drain()


def _reset(writer: asyncio.StreamWriter) -> None:
    """End a connection that is not closing yet at once, with RST instead of FIN."""
    if not writer.is_closing():
        sock = writer.get_extra_info("socket")
        if sock is not None:  # a loop with a network of its own may have none
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()


def _drop_ready(route: _Route) -> None:
    while route.ready:
        _reset(route.ready.popleft()[1])


def _stop_listening(route: _Route) -> None:
    if route.server is not None:
        route.server.close()
        route.server = None
