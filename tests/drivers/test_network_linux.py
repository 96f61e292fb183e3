"""The network monitor against a stand-in for the kernel, and against the kernel itself in a network namespace."""

import asyncio
import ctypes
import errno
import os
import shutil
import socket
import struct
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from hal.drivers.network_linux import LinuxNetwork, route_socket
from hal.errors import DeviceLost, DeviceTimeout
from hal.registry import Registry
from hal.types import LinkStatus
from tests.drivers.test_rtnetlink_codec import address, default_route, link, message
from tests.drivers.virtual import make_context, virtually

NEW_LINK, DEL_LINK, NEW_ADDRESS, DEL_ADDRESS, NEW_ROUTE, DEL_ROUTE, DONE, ERROR = 16, 17, 20, 21, 24, 25, 3, 2
UP = 0x1043
FIRST, SECOND = bytes([192, 0, 2, 7]), bytes([192, 0, 2, 8])


def done(error: int = 0) -> bytes:
    """The end of an answer."""
    return message(DONE, struct.pack("=i", -error))


class Kernel:
    """The other end of the socket: answers what it is asked, one request at a time."""

    def __init__(self) -> None:
        self.ours, self.theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.theirs.setblocking(False)
        self.state = [
            message(NEW_LINK, link(1, "lo", 0x49)) + message(NEW_LINK, link(2, "eth0", UP)),
            message(NEW_ADDRESS, address(2, FIRST)),
            message(NEW_ROUTE, default_route(2, 100)),
        ]
        self.requests: list[int] = []
        self.silent = False
        asyncio.get_running_loop().add_reader(self.theirs.fileno(), self._answer)

    def say(self, *datagrams: bytes) -> None:
        """News."""
        for datagram in datagrams:
            self.theirs.send(datagram)

    def stop(self) -> None:
        """The test is over."""
        asyncio.get_running_loop().remove_reader(self.theirs.fileno())
        self.theirs.close()

    def _answer(self) -> None:
        request = self.theirs.recv(4096)
        if not request or self.silent:
            asyncio.get_running_loop().remove_reader(self.theirs.fileno())
            return
        _length, kind, flags, _sequence, _port = struct.unpack_from("=LHHLL", request)
        assert flags == 0x301
        self.requests.append(kind)
        self.say(self.state[(18, 22, 26).index(kind)], done())


@virtually
async def test_the_present_state_is_known_after_open() -> None:
    """Links, addresses and routes are asked for one after the other, and make the status."""
    kernel = Kernel()
    monitor = LinuxNetwork(make_socket=lambda: kernel.ours)
    assert monitor.status == LinkStatus(up=False)
    await monitor.open()
    assert kernel.requests == [18, 22, 26]
    assert monitor.status == LinkStatus(True, "eth0", ("192.0.2.7",), 1)
    await monitor.close()
    kernel.stop()


@virtually
async def test_each_change_is_told_once() -> None:
    """Address added, removed, carrier lost: three changes; news that change nothing are none."""
    kernel = Kernel()
    monitor = LinuxNetwork(make_socket=lambda: kernel.ours)
    await monitor.open()
    changes, others = monitor.changes(), monitor.changes()
    kernel.say(
        message(NEW_ADDRESS, address(2, FIRST)),
        message(NEW_ADDRESS, address(2, SECOND)),
        message(NEW_LINK, link(2, "eth0", UP)),
        message(DEL_ADDRESS, address(2, FIRST)),
        message(NEW_LINK, link(2, "eth0", 0x1003)),
    )
    await asyncio.sleep(0.1)
    await monitor.close()
    told = [(status.up, status.addresses, status.changes) async for status in changes]
    assert told == [
        (True, ("192.0.2.7", "192.0.2.8"), 2),
        (True, ("192.0.2.8",), 3),
        (False, (), 4),
    ]
    assert len([status async for status in others]) == 3
    kernel.stop()


@virtually
async def test_one_interface_can_be_chosen() -> None:
    """The board watches its modem, whatever the service cable does."""
    kernel = Kernel()
    monitor = LinuxNetwork("wwan0", make_socket=lambda: kernel.ours)
    await monitor.open()
    assert not monitor.status.up
    kernel.say(message(NEW_LINK, link(5, "wwan0", UP)) + message(NEW_ADDRESS, address(5, SECOND)))
    await asyncio.sleep(0.1)
    assert monitor.status == LinkStatus(True, "wwan0", ("192.0.2.8",), 1)
    await monitor.close()
    kernel.stop()


class Overflowing(socket.socket):
    """A socket that says once that it could not hold all the news."""

    overflow = False

    def recv(self, *args: Any, **kwargs: Any) -> bytes:
        """What there is, or ENOBUFS."""
        if self.overflow:
            self.overflow = False
            raise OSError(errno.ENOBUFS, os.strerror(errno.ENOBUFS))
        return super().recv(*args, **kwargs)


@virtually
async def test_missed_news_are_asked_for_again() -> None:
    """After an overflow the whole state is learnt anew: what went in the meantime is gone."""
    kernel = Kernel()
    ours = Overflowing(fileno=kernel.ours.detach())
    monitor = LinuxNetwork(make_socket=lambda: ours)
    await monitor.open()
    changes = monitor.changes()
    ours.overflow = True
    kernel.state[1] = message(NEW_ADDRESS, address(2, SECOND))
    kernel.say(message(99, b""))
    await asyncio.sleep(0.1)
    assert kernel.requests == [18, 22, 26] * 2
    assert (await anext(changes)).addresses == ("192.0.2.8",)
    await monitor.close()
    kernel.stop()


@virtually
async def test_a_kernel_that_says_nothing() -> None:
    """No answer is told at open, and nothing can be listened to."""
    kernel = Kernel()
    kernel.silent = True
    monitor = LinuxNetwork(make_socket=lambda: kernel.ours)
    with pytest.raises(DeviceTimeout):
        await monitor.open()
    with pytest.raises(DeviceLost, match="open it first"):
        monitor.changes()


@pytest.mark.parametrize("refuses", [True, False])
@virtually
async def test_a_kernel_that_goes_away_is_told(refuses: bool) -> None:
    """An error message, or the end of the socket, ends the streams with DeviceLost and keeps nobody busy."""
    kernel = Kernel()
    monitor = LinuxNetwork(make_socket=lambda: kernel.ours)
    await monitor.open()
    changes = monitor.changes()
    if refuses:
        kernel.say(message(ERROR, struct.pack("=i", -errno.EPERM)))
    else:
        kernel.stop()
    with pytest.raises(DeviceLost):
        await anext(changes)
    await monitor.close()
    if refuses:
        kernel.stop()


@virtually
async def test_a_socket_that_cannot_be_written_to_is_lost() -> None:
    """The request itself fails: no waiting for an answer that cannot come."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    theirs.close()
    monitor = LinuxNetwork(make_socket=lambda: ours)
    with pytest.raises(DeviceLost, match="refuses"):
        await monitor.open()


@virtually
async def test_a_machine_without_netlink_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another operating system: the error says what to leave out of the board."""
    monkeypatch.delattr(socket, "AF_NETLINK")
    with pytest.raises(DeviceLost, match=r"leave \[network\] out"):
        route_socket()
    assert isinstance(Registry([]).build("network", "linux", make_context(), {"interface": "eth0"}), LinuxNetwork)


async def test_the_running_kernel_is_understood() -> None:
    """This machine's own state can be learnt."""
    monitor = LinuxNetwork()
    await monitor.open()
    assert monitor.status.changes <= 1
    await monitor.close()


@contextmanager
def namespace() -> Iterator[tuple[Callable[[], socket.socket], Callable[..., None]]]:
    """A network namespace: how to get a socket in it, and how to run `ip` in it."""
    keeper = subprocess.Popen(
        ["unshare", "-n", "sh", "-c", "echo ready; exec sleep 60"], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL
    )
    assert keeper.stdout is not None
    keeper.stdout.readline()

    def make_socket() -> socket.socket:
        made: list[socket.socket] = []

        def enter() -> None:
            with open(f"/proc/{keeper.pid}/ns/net", "rb") as there:  # noqa: PTH123 - a descriptor is wanted
                assert ctypes.CDLL(None).setns(there.fileno(), 0) == 0
            made.append(route_socket())

        thread = threading.Thread(target=enter)
        thread.start()
        thread.join()
        return made[0]

    def ip(*words: str) -> None:
        subprocess.run(["nsenter", "-t", str(keeper.pid), "-n", "ip", *words], check=True, capture_output=True)

    try:
        yield make_socket, ip
    finally:
        keeper.kill()
        keeper.wait()
        keeper.stdout.close()


@pytest.mark.root
@pytest.mark.skipif(
    os.geteuid() != 0 or not all(map(shutil.which, ("ip", "unshare", "nsenter"))),
    reason="needs root, iproute2 and util-linux for a network namespace",
)
async def test_the_kernel_tells_of_addresses_and_carrier() -> None:
    """Real interfaces: an address comes, a default route comes, the address goes, the cable is pulled."""
    with namespace() as (make_socket, ip):
        try:
            ip("link", "add", "wan", "type", "veth", "peer", "name", "far")
        except subprocess.CalledProcessError:
            pytest.skip("this kernel has no veth interfaces")
        monitor = LinuxNetwork(make_socket=make_socket)
        await monitor.open()
        assert not monitor.status.up
        changes = monitor.changes()

        async def next_change() -> LinkStatus:
            return await asyncio.wait_for(anext(changes), 5)

        ip("link", "set", "far", "up")
        ip("link", "set", "wan", "up")
        ip("addr", "add", "192.0.2.7/24", "dev", "wan")
        status = await next_change()
        while "192.0.2.7" not in status.addresses:
            status = await next_change()
        assert (status.up, status.interface) == (True, "wan")
        ip("route", "add", "default", "via", "192.0.2.1")
        ip("addr", "del", "192.0.2.7/24", "dev", "wan")
        while "192.0.2.7" in status.addresses:
            status = await next_change()
        ip("addr", "add", "192.0.2.8/24", "dev", "wan")
        while "192.0.2.8" not in status.addresses:
            status = await next_change()
        ip("link", "set", "far", "down")
        while status.up:
            status = await next_change()
        await monitor.close()
