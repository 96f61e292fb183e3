"""The cloud gateway and the proxy: their limits, dead connections, and events as the gateway sends them."""

import asyncio
import contextlib
import json
import os
from base64 import b64encode
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import moto
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from csms.config import CsmsConfig, Limits, StationConfig
from csms.core.effects import OutcomeKind
from csms.core.router import Context, Router
from csms.doors.aws import MAX_MESSAGE_BYTES, Gateway, GatewayConnections
from csms.doors.connections import Gone, HolderUnavailable, TooLong
from csms.doors.proxy import AWS_LIMITS, Proxy, ProxyConfig, ProxyLimits
from csms.doors.worker import EVENT_S, Worker
from csms.doors.workers import REST_S, Balanced
from csms.passwords import hash_password
from ocpp_client.v16 import DataTransferRequest, DataTransferResponse
from tests.csms.conftest import PATIENCE_S, Raw
from tests.csms.doors.forms import SECRET, GatewayStandIn, WorkerParts, boto_connections, gateway_event, opened
from tests.csms.redis_server import RedisServer, needs_redis

CONFIG = CsmsConfig(api_host=None)


class Kept:
    """Connections that note what goes to them; `gone` ones answer as a gateway does."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, Any]] = []
        self.closed: list[str] = []
        self.gone: set[str] = set()

    async def send(self, connection: str, text: str) -> None:
        if connection in self.gone:
            raise Gone(connection)
        self.sent.append((connection, json.loads(text)))

    async def close(self, connection: str, code: int, reason: str) -> None:
        self.closed.append(connection)


@pytest.fixture
async def kept() -> Kept:
    return Kept()


@pytest.fixture
async def worker(tmp_path: Path, kept: Kept) -> AsyncIterator[Worker]:
    server = RedisServer(tmp_path)
    await server.start()
    async with AsyncExitStack() as stack:
        yield WorkerParts(server.url, Router(), stack).worker(kept)
    server.stop()


def connect_event(connection: str, headers: Mapping[str, str], query: Mapping[str, str] | None = None) -> Any:
    return {
        **gateway_event("CONNECT", "$connect", connection),
        "headers": {"Sec-WebSocket-Protocol": "ocpp1.6, ocpp2.0.1", **headers},
        "queryStringParameters": query,
    }


# --- the handler


@needs_redis
async def test_connect_names_the_subprotocol(worker: Worker) -> None:
    """The answer to $connect carries the agreed version; without a common one, or an identity, the gateway refuses."""
    gateway = Gateway(worker, CONFIG, os.urandom(16))
    accepted = await gateway.handle(connect_event("c1", {}, {"id": "CP1"}))
    assert accepted == {"statusCode": 200, "headers": {"Sec-WebSocket-Protocol": "ocpp2.0.1"}}
    assert (await gateway.handle(connect_event("c2", {"Sec-WebSocket-Protocol": "x"}, {"id": "CP1"})))[
        "statusCode"
    ] == 400
    assert (await gateway.handle(connect_event("c3", {})))["statusCode"] == 404


@needs_redis
async def test_connect_checks_the_password(worker: Worker) -> None:
    """The identity is the user of Basic authentication; a wrong password is answered 401."""
    stations = {"CP1": StationConfig(hash_password(b"right", bytes(16)))}
    gateway = Gateway(worker, CsmsConfig(api_host=None, stations=stations), os.urandom(16))

    async def status(password: bytes) -> int:
        basic = "Basic " + b64encode(b"CP1:" + password).decode()
        answer = await gateway.handle(connect_event("c1", {"Authorization": basic}))
        code: int = answer["statusCode"]
        return code

    assert [await status(b"right"), await status(b"wrong")] == [200, 401]


@needs_redis
async def test_messages_are_answered_through_the_gateway(worker: Worker, kept: Kept) -> None:
    """$default is executed and answered on the connection; $disconnect ends it."""
    gateway = Gateway(worker, CONFIG, os.urandom(16))
    await gateway.handle(connect_event("c1", {}, {"id": "CP1"}))
    event = {**gateway_event("MESSAGE", "$default", "c1"), "body": '[2,"1","Heartbeat",{}]'}
    assert await gateway.handle(event) == {"statusCode": 200}
    assert [(connection, text[:2]) for connection, text in kept.sent] == [("c1", [3, "1"])]
    await gateway.handle(gateway_event("DISCONNECT", "$disconnect", "c1"))
    assert (await worker.command("CP1", "ClearCache", "{}", timeout_s=1)).kind is OutcomeKind.NOT_CONNECTED


@needs_redis
async def test_a_dead_connection_is_found_out(worker: Worker, kept: Kept) -> None:
    """$disconnect may never come: 410 from the connections API ends the command at once, and the station's presence."""
    gateway = Gateway(worker, CONFIG, os.urandom(16))
    await gateway.handle(connect_event("c1", {}, {"id": "CP1"}))
    kept.gone.add("c1")
    outcome = await worker.command("CP1", "ClearCache", "{}", timeout_s=30)
    assert outcome.kind is OutcomeKind.NOT_CONNECTED
    assert outcome.elapsed_s < 5
    await gateway.handle(connect_event("c2", {}, {"id": "CP1"}))
    assert kept.closed == []  # nothing older was left to close


@needs_redis
async def test_a_handler_that_takes_too_long_is_answered_for(tmp_path: Path, kept: Kept) -> None:
    """The gateway waits 29 s for its function: a handler is given up in time for a CALLERROR to go out before that."""
    server, router = RedisServer(tmp_path), Router()

    @router.on("ocpp1.6", "DataTransfer")
    async def think(_context: Context, _request: DataTransferRequest) -> DataTransferResponse:
        await asyncio.get_running_loop().create_future()
        raise AssertionError("nobody ends the wait")

    await server.start()
    async with AsyncExitStack() as stack:
        worker = WorkerParts(server.url, router, stack).worker(kept, event_s=0.8)
        await worker.connected("CP1", "ocpp1.6", "c1")
        begun_s = asyncio.get_running_loop().time()
        await worker.received("c1", '[2,"d","DataTransfer",{"vendorId":"Example"}]')
        took_s = asyncio.get_running_loop().time() - begun_s
    server.stop()
    assert kept.sent == [("c1", [4, "d", "InternalError", "the handler took too long", {}])]
    assert took_s >= 0.6
    assert EVENT_S < 29


@needs_redis
async def test_an_unknown_connection_is_closed(worker: Worker, kept: Kept) -> None:
    """A message on a connection whose $connect nobody remembers: the station is made to connect again."""
    event = {**gateway_event("MESSAGE", "$default", "c9"), "body": '[2,"1","Heartbeat",{}]'}
    await Gateway(worker, CONFIG, os.urandom(16)).handle(event)
    assert (kept.sent, kept.closed) == ([], ["c9"])


@needs_redis
def test_the_function_for_lambda(tmp_path: Path, kept: Kept) -> None:
    """Invocations are synchronous and share one loop, and with it the connections to Redis."""
    server = RedisServer(tmp_path)
    with asyncio.Runner() as loop:
        loop.run(server.start())
        stack = AsyncExitStack()
        worker = WorkerParts(server.url, Router(), stack).worker(kept)
        handler = Gateway(worker, CONFIG, os.urandom(16)).handler(loop)
        assert handler(connect_event("c1", {}, {"id": "CP1"}), None)["statusCode"] == 200
        handler({**gateway_event("MESSAGE", "$default", "c1"), "body": '[2,"1","Heartbeat",{}]'}, None)
        assert len(kept.sent) == 1
        loop.run(stack.aclose())
    server.stop()


# --- the way back, with the real boto3


@asynccontextmanager
async def gateway_with(limits: ProxyLimits = AWS_LIMITS) -> AsyncIterator[tuple[Proxy, Any, list[Any]]]:
    """The stand-in for the gateway, boto3 that is pointed at it, and the events it sends."""
    events: list[Any] = []

    async def handle(event: Any) -> Any:
        events.append(event)
        return {"statusCode": 200, "headers": {"Sec-WebSocket-Protocol": "ocpp1.6"}}

    names = iter(f"conn{number}=" for number in range(10))
    async with AsyncExitStack() as stack:
        proxy = await opened(stack, GatewayStandIn(handle), CONFIG, limits, lambda: next(names))
        yield proxy, boto_connections(GatewayConnections, proxy.api_port), events


@asynccontextmanager
async def dial(proxy: Proxy) -> AsyncIterator[Raw]:
    options: dict[str, Any] = {"ping_interval": None, "proxy": None, "compression": None}
    url = f"ws://127.0.0.1:{proxy.port}/CP1"
    async with connect(url, subprotocols=[Subprotocol("ocpp1.6")], **options) as socket:
        yield Raw(socket)


async def test_post_to_connection_reaches_the_station() -> None:
    """What boto3 posts arrives as one message; after the end of the connection it is Gone, and closing is no error."""
    async with gateway_with() as (proxy, connections, events):
        async with dial(proxy) as raw:
            await raw.send([2, "1", "Heartbeat", {}])
            await _until(lambda: len(events) == 2)
            await connections.send("conn0=", '[3,"1",{}]')
            assert await raw.receive() == [3, "1", {}]
        await _until(lambda: len(events) == 3)
        with pytest.raises(Gone):
            await connections.send("conn0=", "[]")
        await connections.close("conn0=", 1001, "")
    assert [event["requestContext"]["eventType"] for event in events] == ["CONNECT", "MESSAGE", "DISCONNECT"]


async def test_long_messages_are_refused_in_both_directions() -> None:
    """128 KB are the gateway's limit: ours is not even sent, and a station's ends its connection with 1009."""
    async with gateway_with() as (proxy, connections, _), dial(proxy) as raw:
        with pytest.raises(TooLong):
            await connections.send("conn0=", "x" * (MAX_MESSAGE_BYTES + 1))
        await connections.send("conn0=", json.dumps("x" * (MAX_MESSAGE_BYTES - 2)))  # in frames of 32 KB
        assert len(await raw.receive()) == MAX_MESSAGE_BYTES - 2
        await raw.send("x" * (MAX_MESSAGE_BYTES + 1))
        assert await raw.closed() == 1009


@pytest.mark.parametrize("limits", [ProxyLimits(idle_s=0.2), ProxyLimits(lifetime_s=0.2)])
async def test_idle_and_old_connections_are_closed(limits: ProxyLimits) -> None:
    """As after ten minutes without a message, and after two hours in any case; the station connects again."""
    async with gateway_with(limits) as (proxy, _, events):
        async with dial(proxy) as raw:
            assert await raw.closed() == 1001
        async with dial(proxy) as raw:
            await _until(lambda: [event["requestContext"]["routeKey"] for event in events].count("$connect") == 2)
    assert (AWS_LIMITS.idle_s, AWS_LIMITS.lifetime_s) == (600, 7200)


async def test_a_gateway_that_is_away_is_told() -> None:
    """No answer is not the same as Gone: the connection may well be alive."""
    connections = boto_connections(GatewayConnections, 1)
    with pytest.raises(HolderUnavailable):
        await connections.send("c", "[]")


async def test_boto3_against_moto() -> None:
    """The client speaks the service's own protocol, as far as moto knows it."""
    with moto.mock_aws():
        connections = GatewayConnections(
            "https://api.execute-api.eu-west-1.amazonaws.com/prod",
            region_name="eu-west-1",
            aws_access_key_id="x",
            aws_secret_access_key="x",
        )
        await connections.send("c1", '[3,"1",{}]')
        await connections.close("c1", 1001, "")


# --- the proxy


async def test_the_connections_api_wants_the_secret() -> None:
    """Whoever does not know it can neither talk to stations nor learn who is connected."""
    async with gateway_with() as (proxy, _, _), dial(proxy), httpx.AsyncClient(trust_env=False) as client:
        url = f"http://127.0.0.1:{proxy.api_port}/@connections/conn0="
        for method in ("GET", "POST", "DELETE"):
            assert (await client.request(method, url)).status_code == 403
            wrong = {"Authorization": "Bearer wrong"}
            assert (await client.request(method, url, headers=wrong)).status_code == 403
        right = {"Authorization": f"Bearer {SECRET}"}
        assert (await client.get(url, headers=right)).status_code == 200
        assert (await client.get(f"{url}x", headers=right)).status_code == 410
        assert (await client.post(url, headers=right, content=b"\xff")).status_code == 400
        assert (await client.delete(f"{url}?code=5", headers=right)).status_code == 400


class Absent:
    """A backend that cannot be reached."""

    async def connected(self, *_: Any) -> None:
        raise HolderUnavailable("nobody is there")

    async def received(self, *_: Any) -> None:
        raise HolderUnavailable("nobody is there")

    async def disconnected(self, *_: Any) -> None:
        raise HolderUnavailable("nobody is there")


class Deaf(Absent):
    """A backend that goes away after the connection was told."""

    async def connected(self, *_: Any) -> None:
        return


@pytest.mark.parametrize("backend", [Absent(), Deaf()])
async def test_without_a_backend_a_station_is_sent_away(backend: Any) -> None:
    """Close code 1013: try again later; no message is swallowed in silence."""
    async with AsyncExitStack() as stack:
        proxy = await opened(stack, backend, CONFIG)
        async with dial(proxy) as raw:
            with contextlib.suppress(ConnectionClosed):  # one of them closes at once
                await raw.send([2, "1", "Heartbeat", {}])
            assert await raw.closed() == 1013


async def test_a_proxy_keeps_to_the_limits_of_addresses_and_rates() -> None:
    """One connection too many of an address is answered 429; messages beyond the rate are passed on later, all of them."""
    limits = Limits(connections_per_address=1, messages_per_s=50, messages_at_once=1)
    backend = Noting()
    async with AsyncExitStack() as stack:
        proxy = await opened(stack, backend, CsmsConfig(api_host=None, limits=limits))
        loop = asyncio.get_running_loop()
        async with dial(proxy) as raw:
            with pytest.raises(InvalidStatus) as refused:
                async with dial(proxy):
                    pass
            assert refused.value.response.status_code == 429
            assert refused.value.response.headers["Retry-After"]
            begun_s = loop.time()
            for number in range(6):
                await raw.send([2, str(number), "Heartbeat", {}])
            await _until(lambda: len(backend.texts) == 6)
            assert loop.time() - begun_s >= 5 / 50
        async with AsyncExitStack() as later:
            async with asyncio.timeout(PATIENCE_S):
                while True:
                    try:
                        await later.enter_async_context(dial(proxy))
                        break
                    except InvalidStatus:  # the first one's end takes a moment
                        await asyncio.sleep(0.01)


class Noting:
    """A backend that keeps what it is told."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    async def connected(self, *_: Any) -> None:
        return

    async def received(self, _connection: str, text: str) -> None:
        self.texts.append(text)

    async def disconnected(self, *_: Any) -> None:
        return


def test_a_proxy_without_a_secret_does_not_start() -> None:
    """An open connections API would be an open door to every station."""
    with pytest.raises(ValueError, match="secret"):
        ProxyConfig()


async def _until(condition: Any) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not condition():
            await asyncio.sleep(0.01)


class Counting(Noting):
    """A worker that may be away."""

    def __init__(self, now: list[float]) -> None:
        super().__init__()
        self.away = False
        self.asked: list[float] = []
        self._now = now

    async def connected(self, *_: Any) -> None:
        self.asked.append(self._now[0])
        if self.away:
            raise HolderUnavailable("away")

    async def received(self, connection: str, text: str) -> None:
        await self.connected()
        self.texts.append(text)


async def test_workers_take_turns_and_one_that_is_away_rests() -> None:
    """Messages are told to another worker then, the beginning of a connection is not; after a while it is tried again."""
    now = [0.0]
    one, other = Counting(now), Counting(now)
    workers: Any = [one, other]
    balanced = Balanced(workers, lambda: now[0])
    for number in range(4):
        await balanced.received("c", str(number))
    assert (one.texts, other.texts) == (["0", "2"], ["1", "3"])
    one.away = True
    with pytest.raises(HolderUnavailable):
        await balanced.connected("c2", "CP2", "ocpp1.6", "")
    for number in range(4, 7):
        await balanced.received("c", str(number))
    assert other.texts == ["1", "3", "4", "5", "6"]
    now[0] = REST_S
    one.away = False
    await balanced.received("c", "7")
    await balanced.received("c", "8")
    assert sorted(one.texts + other.texts) == [str(number) for number in range(9)]
    assert one.texts[-1] in ("7", "8")
    one.away = other.away = True
    with pytest.raises(HolderUnavailable):
        await balanced.received("c", "9")
