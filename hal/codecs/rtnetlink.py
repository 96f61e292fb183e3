"""Messages of the Linux kernel about interfaces, addresses and routes (rtnetlink), and the picture they add up to.

Rules: a datagram carries whole messages; a length that does not fit ends it. A message of an unknown kind, or an attribute of
one, is skipped. Numbers are in the machine's byte order.

Source: Linux uapi headers linux/netlink.h, linux/rtnetlink.h, linux/if_addr.h; rtnetlink(7).
"""

import ipaddress
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum

GROUPS = 0x1 | 0x10 | 0x40 | 0x100 | 0x400  # RTMGRP: link, IPv4 address, IPv4 route, IPv6 address, IPv6 route
_DUMP = 0x301  # NLM_F_REQUEST | NLM_F_DUMP

_HEADER = struct.Struct("=IHHII")  # length, type, flags, sequence, port
_ATTRIBUTE = struct.Struct("=HH")  # length, type
_LINK = struct.Struct("=BxHiII")  # family, type, index, flags, change mask
_ADDRESS = struct.Struct("=BBBBI")  # family, prefix length, flags, scope, index
_ROUTE = struct.Struct("=BBBBBBBBI")  # family, destination bits, source bits, tos, table, protocol, scope, type, flags
_U32 = struct.Struct("=I")
_I32 = struct.Struct("=i")

_IFLA_IFNAME = 3
_IFA_ADDRESS, _IFA_LOCAL, _IFA_FLAGS = 1, 2, 8
_RTA_OIF, _RTA_GATEWAY, _RTA_PRIORITY = 4, 5, 6
_IFF_UP, _IFF_LOOPBACK, _IFF_RUNNING = 0x1, 0x8, 0x40
_IFA_F_NOT_USABLE = 0x08 | 0x40  # duplicate found, or not yet checked for duplicates
_SCOPE_GLOBAL = 0
_TABLE_MAIN = 254
_RTN_UNICAST = 1


class Kind(IntEnum):
    """Kinds of messages."""

    ERROR = 2
    DONE = 3
    NEW_LINK = 16
    DEL_LINK = 17
    GET_LINK = 18
    NEW_ADDRESS = 20
    DEL_ADDRESS = 21
    GET_ADDRESS = 22
    NEW_ROUTE = 24
    DEL_ROUTE = 25
    GET_ROUTE = 26


REQUESTS = (Kind.GET_LINK, Kind.GET_ADDRESS, Kind.GET_ROUTE)  # together they ask for everything there is


@dataclass(frozen=True, slots=True)
class Link:
    """An interface. `up` when it is switched on and has a carrier."""

    index: int
    name: str
    up: bool
    loopback: bool


@dataclass(frozen=True, slots=True)
class Address:
    """An address that reaches beyond the machine's own wire."""

    index: int
    text: str


@dataclass(frozen=True, slots=True)
class DefaultRoute:
    """A way out. The lowest metric wins."""

    index: int
    family: int
    metric: int
    gateway: bytes


@dataclass(frozen=True, slots=True)
class Change:
    """Something is there, or is there no longer."""

    thing: Link | Address | DefaultRoute
    present: bool


@dataclass(frozen=True, slots=True)
class Done:
    """The end of what one request asked for. `error` is the kernel's error number, 0 without one."""

    error: int


def request(kind: Kind, sequence: int) -> bytes:
    """Ask for everything of a kind (see REQUESTS)."""
    body = b"\0" * 4  # address family "any", padded
    return _HEADER.pack(_HEADER.size + len(body), kind, _DUMP, sequence, 0) + body


def parse(datagram: bytes) -> Iterator[Change | Done]:
    """What a datagram of the kernel says."""
    position = 0
    while position + _HEADER.size <= len(datagram):
        length, kind, _flags, _sequence, _port = _HEADER.unpack_from(datagram, position)
        if length < _HEADER.size or position + length > len(datagram):
            return
        message = _message(kind, datagram[position + _HEADER.size : position + length])
        if message is not None:
            yield message
        position += _aligned(length)


def _message(kind: int, body: bytes) -> Change | Done | None:
    try:
        match kind:
            case Kind.ERROR | Kind.DONE:
                (error,) = _I32.unpack_from(body)
                return Done(-error)
            case Kind.NEW_LINK | Kind.DEL_LINK:
                return Change(_link(body), kind == Kind.NEW_LINK)
            case Kind.NEW_ADDRESS | Kind.DEL_ADDRESS:
                address = _address(body)
                return None if address is None else Change(address, kind == Kind.NEW_ADDRESS)
            case Kind.NEW_ROUTE | Kind.DEL_ROUTE:
                route = _route(body)
                return None if route is None else Change(route, kind == Kind.NEW_ROUTE)
    except struct.error:
        return None  # shorter than its kind demands
    return None


def _link(body: bytes) -> Link:
    _family, _type, index, flags, _mask = _LINK.unpack_from(body)
    name = _attributes(body, _LINK.size).get(_IFLA_IFNAME, b"").rstrip(b"\0").decode("utf-8", "replace")
    up = bool(flags & _IFF_UP) and bool(flags & _IFF_RUNNING)
    return Link(index, name or str(index), up, bool(flags & _IFF_LOOPBACK))


def _address(body: bytes) -> Address | None:
    _family, _bits, flags, scope, index = _ADDRESS.unpack_from(body)
    attributes = _attributes(body, _ADDRESS.size)
    if _IFA_FLAGS in attributes:
        (flags,) = _U32.unpack_from(attributes[_IFA_FLAGS])
    raw = attributes.get(_IFA_LOCAL, attributes.get(_IFA_ADDRESS, b""))
    if scope != _SCOPE_GLOBAL or flags & _IFA_F_NOT_USABLE or len(raw) not in {4, 16}:
        return None
    return Address(index, str(ipaddress.ip_address(raw)))


def _route(body: bytes) -> DefaultRoute | None:
    family, bits, _src, _tos, table, _protocol, _scope, kind, _flags = _ROUTE.unpack_from(body)
    attributes = _attributes(body, _ROUTE.size)
    if bits != 0 or table != _TABLE_MAIN or kind != _RTN_UNICAST or _RTA_OIF not in attributes:
        return None
    (index,) = _U32.unpack_from(attributes[_RTA_OIF])
    (metric,) = _U32.unpack_from(attributes.get(_RTA_PRIORITY, b"\0\0\0\0"))
    return DefaultRoute(index, family, metric, attributes.get(_RTA_GATEWAY, b""))


def _attributes(body: bytes, position: int) -> dict[int, bytes]:
    found = {}
    while position + _ATTRIBUTE.size <= len(body):
        length, kind = _ATTRIBUTE.unpack_from(body, position)
        if length < _ATTRIBUTE.size or position + length > len(body):
            break
        found[kind] = body[position + _ATTRIBUTE.size : position + length]
        position += _aligned(length)
    return found


def _aligned(length: int) -> int:
    return (length + 3) & ~3


@dataclass(slots=True)
class Picture:
    """What the kernel has told so far."""

    links: dict[int, Link] = field(default_factory=dict)
    addresses: set[Address] = field(default_factory=set)
    routes: set[DefaultRoute] = field(default_factory=set)

    def apply(self, change: Change) -> None:
        """Take a change into the picture. An interface that goes takes its addresses and routes with it."""
        thing = change.thing
        if isinstance(thing, Address):
            (self.addresses.add if change.present else self.addresses.discard)(thing)
        elif isinstance(thing, DefaultRoute):
            (self.routes.add if change.present else self.routes.discard)(thing)
        elif change.present:
            self.links[thing.index] = thing
        else:
            self.links.pop(thing.index, None)
            self.addresses = {address for address in self.addresses if address.index != thing.index}
            self.routes = {route for route in self.routes if route.index != thing.index}

    def way_out(self, only: str | None = None) -> tuple[str, tuple[str, ...]] | None:
        """The interface that leads to the world, and its addresses; None when there is none.

        That is the one with the best default route; on a network without one, any that is up and has an address. `only` looks
        at one interface.
        """
        best: tuple[tuple[bool, int, int], Link] | None = None
        for link in self.links.values():
            if not link.up or link.loopback or only not in {None, link.name} or not self._addresses_of(link):
                continue
            metric = min((route.metric for route in self.routes if route.index == link.index), default=None)
            rank = (metric is None, metric or 0, link.index)
            if best is None or rank < best[0]:
                best = rank, link
        return None if best is None else (best[1].name, self._addresses_of(best[1]))

    def _addresses_of(self, link: Link) -> tuple[str, ...]:
        return tuple(sorted(address.text for address in self.addresses if address.index == link.index))
