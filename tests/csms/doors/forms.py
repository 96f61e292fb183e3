"""Every form in which a central system can be run, ready to be dialled."""

import asyncio
import itertools
import os
import random
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import hypercorn.asyncio
import hypercorn.config
import uvicorn

from csms import handlers
from csms.api.serving import ApiServer
from csms.app import Csms
from csms.books import Books
from csms.config import CsmsConfig
from csms.core.effects import Outcome
from csms.core.engine import Core
from csms.core.router import Router
from csms.core.store import Store
from csms.doors.asgi import asgi_app
from csms.doors.aws import Gateway, GatewayConnections
from csms.doors.connections import Connections, HolderUnavailable
from csms.doors.http_client import HttpClient
from csms.doors.proxy import AWS_LIMITS, Proxy, ProxyConfig, ProxyLimits
from csms.doors.shared import Shared
from csms.doors.worker import Worker
from csms.doors.workers import HttpBackend, ProxyConnections, worker_app
from csms.redis_client import RedisClient
from csms.redis_settings import RedisSettings
from csms.stations import Stations
from csms.stores.redis import RedisKeeper
from tests.csms.redis_server import free_port

SECRET = "a-secret-of-both"
_numbers = itertools.count(1)


class Form(Protocol):
    """One running central system."""

    @property
    def ws_url(self) -> str: ...

    async def command(self, station: str, action: str, payload: str, timeout_s: float) -> Outcome: ...

    async def store(self, station: str) -> Store:
        """What is remembered of a station."""


class Embedded:
    """A `Csms` whose sockets are in this process."""

    def __init__(self, csms: Csms, ws_url: str) -> None:
        self._csms = csms
        self.ws_url = ws_url

    async def command(self, station: str, action: str, payload: str, timeout_s: float) -> Outcome:
        return await self._csms.command_raw(station, action, payload, timeout_s=timeout_s)

    async def store(self, station: str) -> Store:
        return self._csms.store


class Stateless:
    """Workers, and sockets elsewhere. Commands go to another worker each time."""

    def __init__(self, workers: list[Worker], ws_url: str) -> None:
        self._workers = itertools.cycle(workers)
        self.ws_url = ws_url

    async def command(self, station: str, action: str, payload: str, timeout_s: float) -> Outcome:
        return await next(self._workers).command(station, action, payload, timeout_s=timeout_s)

    async def store(self, station: str) -> Store:
        return await next(self._workers).view(station)


@asynccontextmanager
async def own_server(_redis_url: str, router: Router, config: CsmsConfig) -> AsyncIterator[Form]:
    """The WebSocket server of its own."""
    async with Csms(config, router=router) as csms:
        yield Embedded(csms, csms.ws_url)


@asynccontextmanager
async def under_uvicorn(_redis_url: str, router: Router, config: CsmsConfig) -> AsyncIterator[Form]:
    """ASGI, served by uvicorn."""
    csms, port = Csms(config, router=router), free_port()
    settings = uvicorn.Config(
        asgi_app(csms), port=port, ws="websockets-sansio", lifespan="on", log_config=None, timeout_graceful_shutdown=1
    )
    server = _QuietServer(settings)
    serving = asyncio.create_task(server.serve())
    async with asyncio.timeout(10):
        while not server.started:
            await asyncio.sleep(0.01)
    yield Embedded(csms, f"ws://127.0.0.1:{port}/ocpp")
    server.should_exit = True
    await serving


class _QuietServer(uvicorn.Server):
    def install_signal_handlers(self) -> None:
        return


@asynccontextmanager
async def under_hypercorn(_redis_url: str, router: Router, config: CsmsConfig) -> AsyncIterator[Form]:
    """ASGI, served by hypercorn."""
    csms, port, stop = Csms(config, router=router), free_port(), asyncio.Event()
    settings = hypercorn.config.Config()
    settings.bind = [f"127.0.0.1:{port}"]
    settings.graceful_timeout = 0.5
    settings.errorlog = None
    app: Any = asgi_app(csms)
    serving = asyncio.create_task(hypercorn.asyncio.serve(app, settings, shutdown_trigger=stop.wait))
    async with asyncio.timeout(10):
        while not await _listens(port):
            await asyncio.sleep(0.01)
    yield Embedded(csms, f"ws://127.0.0.1:{port}/ocpp")
    stop.set()
    await serving


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


@dataclass(slots=True)
class WorkerParts:
    """Makes workers that share a Redis."""

    redis_url: str
    router: Router
    stack: AsyncExitStack

    def worker(self, connections: Connections, **options: Any) -> Worker:
        client = RedisClient(RedisSettings(self.redis_url))
        self.stack.push_async_callback(client.close)
        rng = random.Random(next(_numbers))
        ids = (f"{rng.getrandbits(64):016x}" for _ in itertools.count())
        core = Core(handlers.router().overlaid(self.router), new_id=lambda: next(ids))
        return Worker(core, RedisKeeper(client), Shared(client), connections, new_id=lambda: next(ids), **options)


@asynccontextmanager
async def proxy_and_workers(redis_url: str, router: Router, config: CsmsConfig) -> AsyncIterator[Form]:
    """A proxy in front of two stateless workers behind HTTP, taken in turns."""
    async with AsyncExitStack() as stack:
        bearer = {"Authorization": f"Bearer {SECRET}"}
        proxies: dict[str, HttpClient] = {}
        parts = WorkerParts(redis_url, router, stack)
        workers = [parts.worker(ProxyConnections(proxies)) for _ in range(2)]
        clients = []
        for worker in workers:
            server = ApiServer(worker_app(worker, SECRET), "127.0.0.1", 0)
            clients.append(HttpClient(f"http://127.0.0.1:{await server.open()}", headers=bearer, timeout_s=10))
            stack.push_async_callback(server.close)
        proxy = await opened(stack, Alternating([HttpBackend(client) for client in clients]), config)
        proxies["p1"] = HttpClient(f"http://127.0.0.1:{proxy.api_port}", headers=bearer, timeout_s=5)
        for client in (*clients, proxies["p1"]):
            stack.callback(client.close)
        yield Stateless(workers, f"ws://127.0.0.1:{proxy.port}/ocpp")


async def opened(
    stack: AsyncExitStack, backend: Any, config: CsmsConfig, limits: ProxyLimits | None = None, names: Any = None
) -> Proxy:
    """A proxy that listens, until the stack ends."""
    names = names or (lambda: f"p1~{next(_numbers)}")
    settings = ProxyConfig(csms=config, secret=SECRET, limits=limits or ProxyLimits())
    proxy = Proxy(settings, backend, new_connection=names, password_secret=os.urandom(32))
    await proxy.open()
    stack.push_async_callback(proxy.close)
    return proxy


class Alternating:
    """A load balancer."""

    def __init__(self, backends: list[HttpBackend]) -> None:
        self._backends = itertools.cycle(backends)

    async def connected(self, connection: str, station: str, protocol: str, remote: str) -> None:
        await next(self._backends).connected(connection, station, protocol, remote)

    async def received(self, connection: str, text: str) -> None:
        await next(self._backends).received(connection, text)

    async def disconnected(self, connection: str, code: int, reason: str) -> None:
        await next(self._backends).disconnected(connection, code, reason)


class GatewayStandIn:
    """Turns a proxy's calls into the events of AWS API Gateway, for a handler. It stands in for the gateway itself:
    its limits, its status codes and the shape of its events are AWS's, its sockets are the proxy's."""

    def __init__(self, handle: Any, *, tell_ends: bool = True) -> None:
        self._handle = handle
        self._tell_ends = tell_ends

    async def connected(self, connection: str, station: str, protocol: str, remote: str) -> None:
        event = gateway_event("CONNECT", "$connect", connection)
        event["headers"] = {"Host": "gateway.example", "Sec-WebSocket-Protocol": protocol}
        event["queryStringParameters"] = {"id": station}
        answer: Mapping[str, Any] = await self._handle(event)
        if answer["statusCode"] != 200 or answer["headers"]["Sec-WebSocket-Protocol"] != protocol:
            raise HolderUnavailable(f"$connect was answered {answer}")

    async def received(self, connection: str, text: str) -> None:
        await self._handle({**gateway_event("MESSAGE", "$default", connection), "body": text})

    async def disconnected(self, connection: str, code: int, reason: str) -> None:
        if self._tell_ends:
            event = gateway_event("DISCONNECT", "$disconnect", connection)
            event["requestContext"] |= {"disconnectStatusCode": code, "disconnectReason": reason}
            await self._handle(event)


def gateway_event(kind: str, route: str, connection: str) -> dict[str, Any]:
    """An event as the gateway sends it (Working with WebSocket APIs, proxy integration input)."""
    return {
        "requestContext": {
            "routeKey": route,
            "eventType": kind,
            "extendedRequestId": "EXAMPLE=",
            "requestTime": "01/Mar/2026:10:00:00 +0000",
            "messageDirection": "IN",
            "stage": "prod",
            "connectedAt": 1772359200000,
            "requestTimeEpoch": 1772359200001,
            "identity": {"sourceIp": "192.0.2.1"},
            "requestId": "EXAMPLE=",
            "domainName": "api.example",
            "connectionId": connection,
            "apiId": "api",
        },
        "isBase64Encoded": False,
    }


@asynccontextmanager
async def behind_gateway(redis_url: str, router: Router, config: CsmsConfig) -> AsyncIterator[Form]:
    """A Lambda handler behind a stand-in for the gateway; the way back is boto3's PostToConnection."""
    async with AsyncExitStack() as stack:
        parts = WorkerParts(redis_url, router, stack)
        handling: list[Any] = []

        async def handle(event: Mapping[str, Any]) -> Any:
            return await handling[0].handle(event)

        stand_in = GatewayStandIn(handle)
        proxy = await opened(stack, stand_in, config, AWS_LIMITS, lambda: f"L0SM9cOFvHcCIhw{next(_numbers)}=")
        connections = boto_connections(GatewayConnections, proxy.api_port)
        workers = [parts.worker(connections) for _ in range(2)]
        handling.append(Gateway(workers[0], config, os.urandom(32)))
        yield Stateless(workers, f"ws://127.0.0.1:{proxy.port}/ocpp")


def boto_connections(kind: Any, port: int) -> Any:
    """The real boto3 client, pointed at the stand-in, which wants its secret instead of AWS's signature."""
    connections = kind(
        f"http://127.0.0.1:{port}", region_name="eu-west-1", aws_access_key_id="x", aws_secret_access_key="x"
    )

    def authorize(request: Any, **_: Any) -> None:
        request.headers["Authorization"] = f"Bearer {SECRET}"

    connections._client.meta.events.register("before-send.apigatewaymanagementapi.*", authorize)
    return connections


EMBEDDED = {"own": own_server, "uvicorn": under_uvicorn, "hypercorn": under_hypercorn}
STATELESS = {"proxy": proxy_and_workers, "gateway": behind_gateway}


def books_of(store: Store) -> Books:
    """The books in a store."""
    return Books(store)


def stations_of(store: Store) -> Stations:
    """The stations in a store."""
    return Stations(store)
