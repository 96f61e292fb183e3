"""Serves an ASGI application in the running event loop, without threads and without touching signals."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator

import uvicorn
from starlette.types import ASGIApp

STOP_TIMEOUT_S = 0.6


class ApiServer:
    """One HTTP server."""

    def __init__(self, app: ASGIApp, host: str, port: int) -> None:
        config = uvicorn.Config(
            app,
            host=host,
            port=port,
            loop="none",
            http="h11",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=1,
        )
        self._server = _Server(config)
        self._task: asyncio.Task[None] | None = None

    async def open(self) -> int:
        """Listen; return the port. Raises OSError if the address cannot be had."""
        self._task = asyncio.create_task(self._server.serve(), name="HTTP API")
        opened = asyncio.create_task(self._server.opened.wait())
        await asyncio.wait({self._task, opened}, return_when=asyncio.FIRST_COMPLETED)
        opened.cancel()
        if self._task.done():
            self._task.result()
        port: int = self._server.servers[0].sockets[0].getsockname()[1]
        return port

    async def close(self) -> None:
        """Stop listening, let requests end for a moment, then drop them."""
        if self._task is None:
            return
        self._server.should_exit = True
        try:
            async with asyncio.timeout(STOP_TIMEOUT_S):
                await self._task
        except TimeoutError:
            for connection in tuple(self._server.server_state.connections):
                if connection.transport is not None:
                    connection.transport.abort()


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.opened = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield  # signals belong to the program, not to one of its servers

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        try:
            await super().startup(sockets)
        except SystemExit:
            where = f"{self.config.host}:{self.config.port}"
            raise OSError(f"cannot listen for HTTP on {where}: is the port in use?") from None
        self.opened.set()
