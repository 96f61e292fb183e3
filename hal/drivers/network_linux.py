"""The Linux kernel's news of interfaces, addresses and routes, as they happen.

A netlink socket of the routing family tells them without polling and without rights. When the kernel has more to tell than the
socket holds (ENOBUFS), something was missed: then everything is asked for again.
"""

import asyncio
import errno
import logging
import os
import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

from hal.codecs import rtnetlink
from hal.codecs.rtnetlink import REQUESTS, Change, Picture
from hal.errors import DeviceLost, DeviceTimeout
from hal.registry import DriverContext, driver
from hal.streams import Broadcast
from hal.types import LinkStatus

log = logging.getLogger(__name__)

DATAGRAM_MAX = 65_536
ASK_TIMEOUT_S = 5.0


def route_socket() -> socket.socket:
    """A socket that hears of links, addresses and routes. Raises DeviceLost where the kernel has none."""
    try:
        kernel = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
        kernel.bind((0, rtnetlink.GROUPS))
    except (OSError, AttributeError) as error:  # AttributeError: not Linux
        raise DeviceLost(
            f"the kernel tells nothing of the network ({error}); leave [network] out of the board"
        ) from error
    return kernel


class LinuxNetwork:
    """Satisfies hal.network.NetworkMonitor. `interface` looks at one interface only; None at the one that leads out."""

    def __init__(self, interface: str | None = None, make_socket: Callable[[], socket.socket] = route_socket) -> None:
        self._interface = interface
        self._make_socket = make_socket
        self._kernel: socket.socket | None = None
        self._picture = Picture()
        self._asked = 0  # requests of the present round that were sent
        self._complete = asyncio.Event()  # set when the answers to all of them have come
        self._status = LinkStatus(up=False)
        self._changes: Broadcast[LinkStatus] = Broadcast()

    @property
    def status(self) -> LinkStatus:
        """The present state; down while not open."""
        return self._status

    async def open(self) -> None:
        """Begin to listen and learn how things stand. Raises DeviceLost, DeviceTimeout."""
        await self.close()
        self._kernel = self._make_socket()
        self._kernel.setblocking(False)
        asyncio.get_running_loop().add_reader(self._kernel.fileno(), self._hear)
        self._start_over()
        try:
            async with asyncio.timeout(ASK_TIMEOUT_S):
                await self._complete.wait()
        except TimeoutError:
            await self.close()
            raise DeviceTimeout(f"the kernel did not tell its network state within {ASK_TIMEOUT_S:g} s") from None
        if self._kernel is None:
            raise DeviceLost("the kernel refuses to tell of the network; see the log")

    def changes(self) -> AsyncIterator[LinkStatus]:
        """Each change. Ends when closed; raises DeviceLost when the kernel's socket fails."""
        if self._kernel is None:
            raise DeviceLost("the network monitor is not open; open it first")
        return self._changes.subscribe()

    async def close(self) -> None:
        """Stop. Never raises."""
        self._drop()
        self._complete.clear()
        self._changes.end()

    def _drop(self) -> None:
        if self._kernel is not None:
            asyncio.get_running_loop().remove_reader(self._kernel.fileno())
            self._kernel.close()
            self._kernel = None

    def _start_over(self) -> None:
        self._picture = Picture()
        self._asked = 0
        self._complete.clear()
        self._ask_next()

    def _ask_next(self) -> None:
        """The kernel answers one request at a time."""
        assert self._kernel is not None
        if self._asked == len(REQUESTS):
            self._complete.set()
            return
        self._asked += 1
        try:
            self._kernel.send(rtnetlink.request(REQUESTS[self._asked - 1], self._asked))
        except OSError as error:
            self._lost(error)

    def _hear(self) -> None:
        assert self._kernel is not None
        try:
            datagram = self._kernel.recv(DATAGRAM_MAX)
        except BlockingIOError:
            return
        except OSError as error:
            if error.errno == errno.ENOBUFS:
                log.info("network news missed, asking for everything")
                self._start_over()
            else:
                self._lost(error)
            return
        if not datagram:
            self._lost(ConnectionResetError("closed by the kernel"))
            return
        for message in rtnetlink.parse(datagram):
            if isinstance(message, Change):
                self._picture.apply(message)
            elif message.error:  # the request itself was refused
                self._lost(OSError(message.error, os.strerror(message.error)))
                return
            elif not self._complete.is_set():
                self._ask_next()
        if self._complete.is_set() and self._kernel is not None:
            self._tell()

    def _tell(self) -> None:
        """Publish the state if it is another one."""
        way = self._picture.way_out(self._interface)
        interface, addresses = (self._status.interface, ()) if way is None else way
        now = LinkStatus(way is not None, interface, addresses, self._status.changes)
        if now != self._status:
            self._status = replace(now, changes=now.changes + 1)
            log.info("network changed up=%s interface=%s addresses=%s", now.up, now.interface, ",".join(now.addresses))
            self._changes.publish(self._status)

    def _lost(self, error: OSError) -> None:
        log.error("network monitor lost error=%s", error)
        self._drop()
        self._complete.set()  # there is nothing more to wait for
        self._changes.end(lambda: DeviceLost(f"the kernel's network news ended ({error})"))


@driver("network", "linux")
def linux_network(context: DriverContext, interface: str | None = None) -> LinuxNetwork:
    """The network of this machine."""
    return LinuxNetwork(interface)
