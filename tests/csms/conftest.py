"""Real sockets: a central system that listens, charge points of another library, raw clients."""

import asyncio
import json
import random
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from csms.app import Csms
from csms.config import CsmsConfig
from tests.csms.redis_server import RedisServer

PATIENCE_S = 5.0
LONGEST_S = 120

Dial = Callable[..., AbstractAsyncContextManager["Raw"]]


class Raw:
    """A WebSocket client that sends any text and reads what comes."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    async def send(self, message: Any) -> None:
        await self.socket.send(message if isinstance(message, str | bytes) else json.dumps(message))

    async def receive(self) -> Any:
        async with asyncio.timeout(PATIENCE_S):
            return json.loads(await self.socket.recv())

    async def ask(self, message: Any) -> Any:
        await self.send(message)
        return await self.receive()

    async def closed(self) -> int | None:
        """Wait until the server has closed, and return its code."""
        async with asyncio.timeout(PATIENCE_S):
            await self.socket.wait_closed()
        return self.socket.close_code


@asynccontextmanager
async def dialled(
    csms: Csms, path: str = "CP1", protocols: tuple[str, ...] = ("ocpp1.6",), **kwargs: Any
) -> AsyncIterator[Raw]:
    """Connect to a central system as nothing more than a WebSocket client."""
    offered = [Subprotocol(protocol) for protocol in protocols]
    kwargs = {"ping_interval": None, "proxy": None, "compression": None, **kwargs}
    async with connect(f"{csms.ws_url}/{path}", subprotocols=offered or None, **kwargs) as socket:
        yield Raw(socket)


@asynccontextmanager
async def running(**settings: Any) -> AsyncIterator[Csms]:
    """A central system on free ports of the loopback interface."""
    async with Csms(CsmsConfig(**{"api_host": None, **settings}), rng=random.Random(4711)) as csms:
        yield csms


@pytest.fixture
async def csms() -> AsyncIterator[Csms]:
    async with running() as system:
        yield system


@pytest.fixture(scope="session")
def redis_servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, RedisServer]]:
    """Servers that tests take in turns: a Redis Cluster needs two seconds before it takes its first key.

    Each test starts the one it wants, which empties it.
    """
    directory = tmp_path_factory.mktemp("redis")
    servers = {"redis": RedisServer(directory), "redis-cluster": RedisServer(directory, cluster=True)}
    yield servers
    for server in servers.values():
        server.stop()


@pytest.fixture(autouse=True)
def bounded() -> Iterator[None]:
    """Whatever processes and sockets do, no test here runs for ever."""

    def give_up(_number: int, _frame: object) -> None:
        raise TimeoutError(f"the test has not ended after {LONGEST_S} s")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(LONGEST_S)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)
