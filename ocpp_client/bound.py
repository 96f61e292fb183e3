"""A TCP connection through one network interface, whatever the routing table prefers.

asyncio makes its sockets itself and leaves no moment to bind them to a device before they connect; so this is its way of
connecting (RFC 8305: addresses of both families in turn, the next one after a short silence) with that one step more.
"""

import asyncio
import itertools
import socket
from collections.abc import Sequence
from typing import Any, Final

FAMILY_DELAY_S: Final = 0.25
"""How long one address may be silent before the next one is tried as well (RFC 8305, section 5)."""

Address = tuple[int, Any]
"""Family and socket address."""


async def connect_through(interface: str, host: str, port: int) -> socket.socket:
    """Return a connected, non-blocking socket bound to `interface`.

    Raises OSError: socket.gaierror without an address, otherwise what the last address failed with (ENODEV for an unknown
    interface, PermissionError on kernels before 5.7 without CAP_NET_RAW).
    """
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    waiting = alternate([(family, address) for family, _, _, _, address in found])
    running: set[asyncio.Task[socket.socket]] = set()
    last: OSError = OSError(f"no address for {host}")
    try:
        while waiting or running:
            if waiting:
                running.add(asyncio.create_task(_connect(loop, interface, *waiting.pop(0))))
            timeout_s = FAMILY_DELAY_S if waiting else None
            done, running = await asyncio.wait(running, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
            winners: list[socket.socket] = []
            for task in done:
                try:
                    winners.append(task.result())
                except OSError as error:
                    last = error
            for spare in winners[1:]:
                spare.close()
            if winners:
                return winners[0]
        raise last
    finally:
        await _drop(running)


def alternate(addresses: Sequence[Address]) -> list[Address]:
    """Return the addresses with the families in turn, beginning with the resolver's first choice."""
    families: dict[int, list[Address]] = {}
    for one in addresses:
        families.setdefault(one[0], []).append(one)
    rounds = itertools.zip_longest(*families.values())
    return [one for row in rounds for one in row if one is not None]


async def _connect(loop: asyncio.AbstractEventLoop, interface: str, family: int, address: Any) -> socket.socket:
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setblocking(False)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode() + b"\0")
        await loop.sock_connect(made, address)
    except BaseException:
        made.close()
        raise
    return made


async def _drop(running: set[asyncio.Task[socket.socket]]) -> None:
    """End attempts that are not needed any more; close what they connected meanwhile."""
    for task in running:
        task.cancel()
    for result in await asyncio.gather(*running, return_exceptions=True):
        if isinstance(result, socket.socket):
            result.close()
