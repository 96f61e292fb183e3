"""A listening socket of the simulated network."""

import asyncio
import errno
from collections.abc import Callable
from contextvars import copy_context
from typing import TYPE_CHECKING, Self

from firmware.simulation.runtime.hosts import ANY
from firmware.simulation.runtime.pipe import VirtualSocket

if TYPE_CHECKING:
    from firmware.simulation.runtime.hosts import Host
    from firmware.simulation.runtime.loop import VirtualLoop
    from firmware.simulation.runtime.process import Process
    from firmware.simulation.runtime.transport import VirtualTransport


class VirtualServer(asyncio.AbstractServer):
    """Behaves as `asyncio.Server`. Connections run in the context, and so in the process, that made the server."""

    def __init__(
        self,
        loop: "VirtualLoop",
        host: "Host",
        process: "Process | None",
        factory: Callable[[], asyncio.BaseProtocol],
        address: tuple[str, int],
    ) -> None:
        self.host = host
        self.process = process
        self.context = copy_context()
        self.address = address  # (address or ANY, port)
        self._loop = loop
        self._factory = factory
        self._serving = False
        self._closed = False
        self._active: dict[int, VirtualTransport] = {}
        self._waiters: list[asyncio.Future[None]] = []

    @property
    def sockets(self) -> tuple[VirtualSocket, ...]:
        """One socket that can tell its address, or none when not listening."""
        if not self._serving:
            return ()
        address, port = self.address
        return (VirtualSocket((self.host.address if address == ANY else address, port), None),)

    def get_loop(self) -> asyncio.AbstractEventLoop:
        """The loop it runs on."""
        return self._loop

    def is_serving(self) -> bool:
        """True while new connections are accepted."""
        return self._serving

    async def start_serving(self) -> None:
        """Listen. Raises OSError when the port is taken."""
        if self._serving:
            return
        if self.address in self.host.listeners:
            raise OSError(errno.EADDRINUSE, f"error while attempting to bind on address {self.address}: address in use")
        self.host.listeners[self.address] = self
        self._serving = True
        if self.process is not None:
            self.process.servers.append(self)

    async def serve_forever(self) -> None:
        """Listen until cancelled."""
        await self.start_serving()
        try:
            await self._loop.create_future()
        finally:
            self.close()

    def accept(self, transport: "VirtualTransport") -> None:
        """Take a connection that the network has made."""
        self._active[transport.number] = transport
        transport.begin(self._factory())

    def lost(self, transport: "VirtualTransport") -> None:
        """A connection of this server is over."""
        self._active.pop(transport.number, None)
        if self._closed and not self._active:
            self._wake()

    def unbind(self) -> None:
        """Stop listening; connections live on."""
        if self._serving:
            del self.host.listeners[self.address]
            self._serving = False
            if self.process is not None:
                self.process.servers.remove(self)

    def close(self) -> None:
        """Stop listening, for good."""
        self.unbind()
        self._closed = True
        if not self._active:
            self._wake()

    def close_clients(self) -> None:
        """Close every connection."""
        for transport in list(self._active.values()):
            transport.close()

    def abort_clients(self) -> None:
        """Abort every connection."""
        for transport in list(self._active.values()):
            transport.abort()

    async def wait_closed(self) -> None:
        """Wait until closed and without connections."""
        if self._closed and not self._active:
            return
        waiter: asyncio.Future[None] = self._loop.create_future()
        self._waiters.append(waiter)
        await waiter

    def _wake(self) -> None:
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)
        self._waiters.clear()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()
        await self.wait_closed()
