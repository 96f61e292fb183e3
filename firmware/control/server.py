"""Serves the interface in the program's own event loop: no thread, no signal handler, no poll.

Connections are spoken by uvicorn's HTTP protocol; its server, which wakes up ten times a second, is not used.
"""

import asyncio
import logging
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from firmware.config import ControlTable
from firmware.control.address import Address
from firmware.control.api import build_api
from firmware.control.picture import Picture
from firmware.control.stream import CUT, Publisher

if TYPE_CHECKING:
    from firmware.app import App
    from firmware.control.history import History

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
    control = app.config.control
    address = Address.parse(control.listen, tls=control.certificate_file is not None)
    try:
        context = _tls(control)
        listener = await _listen(address, control.token)
    except OSError as error:  # ssl.SSLError is one
        log.error(
            "control interface not served listen=%s error=%s%s",
            control.listen,
            error.strerror or error,
            "; free the port or change control.listen" if error.errno is not None else "",
        )
        app.serving.set()
        return
    address = replace(address, port=listener.getsockname()[1])
    history = _history(app)
    picture = Picture(app, history)
    publisher = Publisher(app, picture)
    api = build_api(app, picture, publisher, address, history)
    async with _served(api, listener, publisher, context), asyncio.TaskGroup() as tasks:
        if history is not None:
            tasks.create_task(_watch(history, publisher))
        app.control_url = address.url
        app.serving.set()
        log.info("control interface served url=%s", address.url)
        try:
            await publisher.run()
        except Exception:
            log.exception("event stream stopped by a defect; charging and the rest of the interface go on")
            publisher.close()
            await asyncio.Event().wait()


def has_page(app: "App") -> bool:
    """True when the page is served: where the configuration says so, and on a mock board unless it says no."""
    wanted = app.config.control.page
    return app.board.world is not None if wanted is None else wanted


def _history(app: "App") -> "History | None":
    """What the plot of the page is drawn from; without a page nothing of it is loaded."""
    if not has_page(app):
        return None
    from firmware.control.history import History  # noqa: PLC0415

    return History(app)


async def _watch(history: "History", publisher: Publisher) -> None:
    try:
        await history.run(publisher.pause)
    except Exception:
        log.exception("history of currents stopped by a defect; charging and the rest of the interface go on")


def _tls(control: ControlTable) -> ssl.SSLContext | None:
    """The certificate that the interface shows, None without TLS. Raises OSError for files that are not there or do not fit."""
    if control.certificate_file is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(control.certificate_file, control.key_file)
    return context


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
async def _served(
    api: ASGIApp, listener: socket.socket, publisher: Publisher, context: ssl.SSLContext | None
) -> AsyncIterator[None]:
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

    server = await asyncio.get_running_loop().create_server(connection, sock=listener, ssl=context)
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
