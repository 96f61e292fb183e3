"""Serves the interface in the program's own event loop: no thread, no signal handler, no poll.

Connections are spoken by uvicorn's HTTP protocol; its server, which wakes up ten times a second, is not used.
"""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from firmware.control.address import Address
from firmware.control.api import build_api
from firmware.control.picture import Picture
from firmware.control.stream import CUT, Publisher

if TYPE_CHECKING:
    from firmware.app import App

log = logging.getLogger(__name__)

BACKLOG: Final = 64
MAX_CONNECTIONS: Final = 64
KEEP_ALIVE_S: Final = 75  # idle, between two requests
STOP_S: Final = 0.2  # for answers under way, when the program ends
CUT_S: Final = 0.05  # for their handlers to notice that they were cut off


async def serve(app: "App") -> None:
    """Serve until cancelled, then be gone within 0.3 s. Sets `app.control_url` and `app.serving` once listening.

    Where it cannot listen it logs why and returns: the station charges without it.
    """
    address = Address.parse(app.config.control.listen)
    try:
        listener = await _listen(address, app.config.control.token)
    except OSError as error:
        log.error(
            "control interface not served listen=%s error=%s; free the port or change control.listen",
            app.config.control.listen,
            error.strerror or error,
        )
        app.serving.set()
        return
    address = replace(address, port=listener.getsockname()[1])
    picture = Picture(app)
    publisher = Publisher(app, picture)
    async with _served(build_api(app, picture, publisher, address), listener, publisher):
        app.control_url = address.url
        app.serving.set()
        log.info("control interface served url=%s", address.url)
        try:
            await publisher.run()
        except Exception:
            log.exception("event stream stopped by a defect; charging and the rest of the interface go on")
            publisher.close()
            await asyncio.Event().wait()


async def _listen(address: Address, token: str | None) -> socket.socket:
    """A listening socket. Raises OSError, also for an address that others can reach while there is no token."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    family, kind, protocol, _, place = found[0]
    if token is None and not Address(str(place[0]), 0).is_loopback:
        raise OSError("others could reach it; set control.token, or listen on 127.0.0.1")
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(place)
        listener.listen(BACKLOG)
        listener.setblocking(False)
    except OSError:
        listener.close()
        raise
    return listener


@asynccontextmanager
async def _served(api: ASGIApp, listener: socket.socket, publisher: Publisher) -> AsyncIterator[None]:
    """Accept connections while the context lasts; at its end answers under way get `STOP_S`, then everything is closed."""
    config = uvicorn.Config(
        api,
        loop="none",
        http=H11Protocol,
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,
        limit_concurrency=MAX_CONNECTIONS,
        timeout_keep_alive=KEEP_ALIVE_S,
    )
    config.load()
    state = ServerState()

    def connection() -> asyncio.Protocol:
        own: dict[str, Any] = {}
        made = H11Protocol(config, state, own)

        def cut() -> None:
            made.transport.abort()  # there from the moment it was accepted

        own[CUT] = cut
        return made

    server = await asyncio.get_running_loop().create_server(connection, sock=listener)
    try:
        yield
    finally:
        server.close()
        publisher.close()
        await _end(state)


async def _end(state: ServerState) -> None:
    """Close what is idle, give answers under way `STOP_S`, then cut off the rest."""
    for connection in tuple(state.connections):
        connection.shutdown()
    await _finished(state, STOP_S)
    for connection in tuple(state.connections):
        connection.transport.abort()  # a client that takes nothing; its handler sees it gone
    await _finished(state, CUT_S)
    for task in tuple(state.tasks):
        task.cancel()  # a handler that waits for something else
    await asyncio.gather(*state.tasks, return_exceptions=True)


async def _finished(state: ServerState, timeout_s: float) -> None:
    if state.tasks:
        await asyncio.wait(tuple(state.tasks), timeout=timeout_s)
