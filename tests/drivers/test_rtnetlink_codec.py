"""The rtnetlink codec against messages laid out as in the Linux headers, and against the running kernel."""

import socket
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hal.codecs import rtnetlink
from hal.codecs.rtnetlink import Address, Change, DefaultRoute, Done, Kind, Link, Picture

LOOPBACK = Link(1, "lo", True, True)
ETHERNET = Link(2, "eth0", True, False)
MODEM = Link(3, "wwan0", True, False)


def message(kind: int, body: bytes) -> bytes:
    """struct nlmsghdr and its payload, padded to four bytes."""
    raw = struct.pack("=LHHLL", 16 + len(body), kind, 0, 0, 0) + body
    return raw + bytes(-len(raw) % 4)


def attribute(kind: int, value: bytes) -> bytes:
    """struct rtattr."""
    return struct.pack("=HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)


def link(index: int, name: str, flags: int) -> bytes:
    """struct ifinfomsg with IFLA_IFNAME (3)."""
    return struct.pack("=BBHiII", 0, 0, 1, index, flags, 0xFFFFFFFF) + attribute(3, name.encode() + b"\0")


def address(index: int, raw: bytes, scope: int = 0, flags: int = 0x80, extra: bytes = b"") -> bytes:
    """struct ifaddrmsg with IFA_ADDRESS (1)."""
    family = socket.AF_INET if len(raw) == 4 else socket.AF_INET6
    return struct.pack("=BBBBI", family, 24, flags, scope, index) + attribute(1, raw) + extra


def default_route(index: int | None, metric: int | None = None, bits: int = 0, table: int = 254) -> bytes:
    """struct rtmsg with RTA_OIF (4), RTA_PRIORITY (6) and RTA_GATEWAY (5)."""
    body = struct.pack("=BBBBBBBBI", socket.AF_INET, bits, 0, 0, table, 3, 0, 1, 0)
    body += b"" if index is None else attribute(4, struct.pack("=I", index))
    body += b"" if metric is None else attribute(6, struct.pack("=I", metric))
    return body + attribute(5, bytes([10, 0, 0, 1]))


def test_an_interface_is_up_when_switched_on_and_carrying() -> None:
    """IFF_UP (0x1) without IFF_RUNNING (0x40) is an unplugged cable."""
    data = (
        message(16, link(2, "eth0", 0x1043)) + message(16, link(3, "wwan0", 0x1003)) + message(17, link(1, "lo", 0x49))
    )
    assert list(rtnetlink.parse(data)) == [
        Change(ETHERNET, True),
        Change(Link(3, "wwan0", False, False), True),
        Change(LOOPBACK, False),
    ]


def test_addresses_of_both_families() -> None:
    """The local address wins over that of the other end of a point-to-point link."""
    data = message(20, address(2, bytes([192, 0, 2, 7])))
    data += message(20, address(3, bytes([10, 0, 0, 1]), extra=attribute(2, bytes([10, 0, 0, 2]))))
    data += message(21, address(2, bytes.fromhex("20010db8000000000000000000000001")))
    assert list(rtnetlink.parse(data)) == [
        Change(Address(2, "192.0.2.7"), True),
        Change(Address(3, "10.0.0.2"), True),
        Change(Address(2, "2001:db8::1"), False),
    ]


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(address(2, bytes([169, 254, 1, 1]), scope=253), id="link scope"),
        pytest.param(address(2, bytes(16), flags=0x40), id="tentative"),
        pytest.param(address(2, bytes(16), extra=attribute(8, struct.pack("=I", 0x08))), id="duplicate"),
        pytest.param(address(2, bytes(3)), id="not an address"),
    ],
)
def test_addresses_that_cannot_be_used_do_not_count(body: bytes) -> None:
    """A link-local, unchecked or duplicate address leads nowhere."""
    assert list(rtnetlink.parse(message(20, body))) == []


def test_default_routes() -> None:
    """A default route has no destination bits, is in the main table and names its interface."""
    data = message(24, default_route(2, 100)) + message(25, default_route(3))
    data += (
        message(24, default_route(2, bits=24))
        + message(24, default_route(2, table=255))
        + message(24, default_route(None))
    )
    gateway = bytes([10, 0, 0, 1])
    assert list(rtnetlink.parse(data)) == [
        Change(DefaultRoute(2, socket.AF_INET, 100, gateway), True),
        Change(DefaultRoute(3, socket.AF_INET, 0, gateway), False),
    ]


def test_the_end_of_a_dump_and_an_error() -> None:
    """NLMSG_DONE carries 0, NLMSG_ERROR the negative error number."""
    data = message(3, struct.pack("=i", 0)) + message(2, struct.pack("=i", -1)) + message(99, b"")
    assert list(rtnetlink.parse(data)) == [Done(0), Done(1)]


def test_a_short_or_overlong_message_is_skipped() -> None:
    """What does not fit its own length raises nothing and invents nothing."""
    assert list(rtnetlink.parse(message(16, b"\0\0"))) == []
    assert list(rtnetlink.parse(struct.pack("=LHHLL", 4000, 16, 0, 0, 0))) == []
    assert list(rtnetlink.parse(struct.pack("=LHHLL", 3, 16, 0, 0, 0))) == []
    broken = struct.pack("=BBHiII", 0, 0, 1, 7, 0x41, 0) + struct.pack("=HH", 400, 3)
    assert list(rtnetlink.parse(message(16, broken))) == [Change(Link(7, "7", True, False), True)]


def picture(*things: Link | Address | DefaultRoute) -> Picture:
    """A picture in which these are present."""
    result = Picture()
    for thing in things:
        result.apply(Change(thing, True))
    return result


def test_the_way_out_follows_the_best_route() -> None:
    """The lowest metric wins; an interface without an address leads nowhere."""
    both = (ETHERNET, MODEM, Address(2, "192.0.2.7"), Address(3, "10.1.1.1"))
    routes = (DefaultRoute(2, 2, 100, b""), DefaultRoute(3, 2, 700, b""))
    assert picture(*both, *routes).way_out() == ("eth0", ("192.0.2.7",))
    assert picture(*both, *routes).way_out(only="wwan0") == ("wwan0", ("10.1.1.1",))
    assert picture(ETHERNET, MODEM, Address(3, "10.1.1.1"), *routes).way_out() == ("wwan0", ("10.1.1.1",))


def test_a_network_without_a_gateway_is_a_network() -> None:
    """A central system on the same wire needs no default route; loopback is no network."""
    assert picture(ETHERNET, Address(2, "192.0.2.7")).way_out() == ("eth0", ("192.0.2.7",))
    assert picture(LOOPBACK, Address(1, "127.0.0.1")).way_out() is None


def test_an_interface_that_goes_takes_everything_with_it() -> None:
    """USB modems vanish without a farewell for each address."""
    seen = picture(ETHERNET, MODEM, Address(2, "192.0.2.7"), Address(3, "10.1.1.1"), DefaultRoute(3, 2, 0, b""))
    seen.apply(Change(MODEM, False))
    assert (seen.way_out(), seen.routes) == (("eth0", ("192.0.2.7",)), set())
    seen.apply(Change(Address(2, "192.0.2.7"), False))
    seen.apply(Change(DefaultRoute(3, 2, 0, b""), False))
    assert seen.way_out() is None


@pytest.mark.skipif(not hasattr(socket, "AF_NETLINK"), reason="rtnetlink is a Linux interface")
def test_the_running_kernel_lists_its_loopback() -> None:
    """The kernel understands the request, and its answer is understood."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as kernel:
        kernel.settimeout(5)
        kernel.send(rtnetlink.request(Kind.GET_LINK, 1))
        messages: list[Change | Done] = []
        while not any(isinstance(found, Done) for found in messages):
            messages += rtnetlink.parse(kernel.recv(65536))
    assert messages[-1] == Done(0)
    assert "lo" in {
        found.thing.name for found in messages if isinstance(found, Change) and isinstance(found.thing, Link)
    }


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200), st.sampled_from([2, 3, 16, 20, 24]))
def test_any_datagram_is_survived(body: bytes, kind: int) -> None:
    """No bytes, whatever they claim to be, raise or hang."""
    list(rtnetlink.parse(body))
    for found in rtnetlink.parse(message(kind, body)):
        if isinstance(found, Change):
            Picture().apply(found)
