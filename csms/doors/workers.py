"""The HTTP between a proxy and its stateless workers, at both ends.

    proxy  -> worker   POST /events                        a connection began or ended, or a message came in
    worker -> proxy    POST, DELETE /@connections/{id}     a message for a station, the end of a connection
    anyone -> worker   POST /stations/{id}/commands/{action}?timeout_s=…   the answer says how it ended
    anyone -> worker   GET  /stations/{id}, /stations/{id}/transactions, /messages, /configuration, …   as in the API

Each end proves itself with a shared secret as a bearer token.
"""

import hmac
import json
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Annotated, Any, Final, Literal
from urllib.parse import quote

from pydantic import BaseModel, Field, TypeAdapter, ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from csms.api import views
from csms.api.acting import MAX_TIMEOUT_S, STATUS_OF
from csms.api.reading import OF_STATIONS, Read
from csms.api.routes import ApiError, Endpoint, json_body, limit, number
from csms.books import Books
from csms.core.store import Store
from csms.doors.connections import Gone, HolderUnavailable, TooLong
from csms.doors.http_client import HttpClient
from csms.doors.shared import StationBusy
from csms.doors.worker import Worker
from csms.redis_client import RedisUnavailable
from csms.stations import Stations
from csms.stores.keeper import KeeperUnavailable

log = logging.getLogger(__name__)

DEFAULT_TIMEOUT_S: Final = 30.0
REST_S: Final = 5.0


class ConnectedEvent(BaseModel):
    """A station's WebSocket is open."""

    kind: Literal["connected"] = "connected"
    connection: str
    station: str
    protocol: str
    remote: str = ""


class ReceivedEvent(BaseModel):
    """A message came in."""

    kind: Literal["received"] = "received"
    connection: str
    text: str


class DisconnectedEvent(BaseModel):
    """The WebSocket is gone."""

    kind: Literal["disconnected"] = "disconnected"
    connection: str
    code: int
    reason: str = ""


ProxyEvent = ConnectedEvent | ReceivedEvent | DisconnectedEvent
_EVENT: Final[TypeAdapter[ProxyEvent]] = TypeAdapter(Annotated[ProxyEvent, Field(discriminator="kind")])


class HttpBackend:
    """A proxy's backend: workers behind one URL, mostly that of a load balancer."""

    def __init__(self, client: HttpClient) -> None:
        self._client = client

    async def connected(self, connection: str, station: str, protocol: str, remote: str) -> None:
        await self._tell(ConnectedEvent(connection=connection, station=station, protocol=protocol, remote=remote))

    async def received(self, connection: str, text: str) -> None:
        await self._tell(ReceivedEvent(connection=connection, text=text))

    async def disconnected(self, connection: str, code: int, reason: str) -> None:
        await self._tell(DisconnectedEvent(connection=connection, code=code, reason=reason))

    async def _tell(self, event: ProxyEvent) -> None:
        body = event.model_dump_json().encode()
        answer = await self._client.request("POST", "/events", body, media_type="application/json")
        if answer.status != 204:
            text = answer.body.decode(errors="replace")[:200]
            raise HolderUnavailable(f"the worker answered {answer.status} to {event.kind}: {text}")


class Balanced:
    """Several workers taken in turns. One that does not answer gets nothing for a while.

    What came in on a connection may be told to another worker then, because a message is executed once whoever is told
    of it. The beginning of a connection is told once: the station connects again.
    """

    def __init__(self, backends: Sequence[HttpBackend], now_s: Callable[[], float]) -> None:
        """`now_s` is monotonic."""
        self._resting: dict[HttpBackend, float] = dict.fromkeys(backends, 0.0)  # until when
        self._now_s = now_s

    async def connected(self, connection: str, station: str, protocol: str, remote: str) -> None:
        await self._once(lambda backend: backend.connected(connection, station, protocol, remote))

    async def received(self, connection: str, text: str) -> None:
        await self._by_any(lambda backend: backend.received(connection, text))

    async def disconnected(self, connection: str, code: int, reason: str) -> None:
        await self._by_any(lambda backend: backend.disconnected(connection, code, reason))

    async def _once(self, tell: Callable[[HttpBackend], Awaitable[None]]) -> None:
        backend = min(self._resting, key=lambda each: self._resting[each] > self._now_s())
        until_s = self._resting.pop(backend)
        self._resting[backend] = until_s  # last in turn
        try:
            await tell(backend)
        except HolderUnavailable:
            self._resting[backend] = self._now_s() + REST_S
            raise

    async def _by_any(self, tell: Callable[[HttpBackend], Awaitable[None]]) -> None:
        for _ in range(len(self._resting) - 1):
            try:
                await self._once(tell)
                return
            except HolderUnavailable as error:
                log.warning("worker passed over error=%s", error)
        await self._once(tell)


class ProxyConnections:
    """A worker's way back: the part of a connection's name before its `~` says which proxy has it."""

    def __init__(self, proxies: Mapping[str, HttpClient]) -> None:
        self._proxies = proxies

    async def send(self, connection: str, text: str) -> None:
        client, target = self._addressed(connection)
        answer = await client.request("POST", target, text.encode())
        if answer.status == 410:
            raise Gone(connection)
        if answer.status == 413:
            raise TooLong(f"{len(text)} characters are more than the proxy passes on")
        if answer.status != 200:
            raise HolderUnavailable(f"the proxy answered {answer.status}")

    async def close(self, connection: str, code: int, reason: str) -> None:
        client, target = self._addressed(connection)
        answer = await client.request("DELETE", f"{target}?code={code}&reason={quote(reason, safe='')}")
        if answer.status not in (204, 410):
            raise HolderUnavailable(f"the proxy answered {answer.status}")

    def _addressed(self, connection: str) -> tuple[HttpClient, str]:
        client = self._proxies.get(connection.partition("~")[0])
        if client is None:
            raise HolderUnavailable(f"connection {connection}: no proxy of this name is configured")
        return client, f"/@connections/{quote(connection, safe='')}"


def worker_app(worker: Worker, secret: str) -> ASGIApp:
    """The worker as an ASGI application, for any number of processes. Raises ValueError without a secret."""
    if not secret:
        raise ValueError("a worker needs a secret: whoever reaches it could speak for stations")

    def check(request: Request) -> None:
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not hmac.compare_digest(given.encode(), secret.encode()):
            raise ApiError(401, "no-token", "send the secret: Authorization: Bearer …")

    async def events(request: Request) -> Response:
        check(request)
        try:
            event = _EVENT.validate_json(await request.body())
        except ValidationError as error:
            raise ApiError(422, "invalid-event", f"the event breaks its schema: {error.error_count()} faults") from None
        match event:
            case ConnectedEvent():
                await worker.connected(event.station, event.protocol, event.connection, event.remote)
            case ReceivedEvent():
                await worker.received(event.connection, event.text)
            case DisconnectedEvent():
                await worker.disconnected(event.connection, event.code, event.reason)
        return Response(status_code=204)

    async def command(request: Request) -> Response:
        check(request)
        payload = json.dumps(await json_body(request, default={}), separators=(",", ":"))
        timeout_s = number(request, "timeout_s", default=DEFAULT_TIMEOUT_S, low=0.001, high=MAX_TIMEOUT_S)
        outcome = await worker.command(
            request.path_params["station"],
            request.path_params["action"],
            payload,
            timeout_s=timeout_s,
            idempotency_key=request.headers.get("idempotency-key"),
        )
        return JSONResponse(views.outcome(outcome), STATUS_OF[outcome.kind])

    def about(read: Read) -> Endpoint:
        async def endpoint(request: Request) -> Response:
            check(request)
            station = request.path_params["station"]
            store = await worker.view(station)
            if not Stations(store).is_known(station):
                raise ApiError(404, "unknown-station", "no station of this identity was ever connected")
            return JSONResponse(read(store, station, limit(request)))

        return endpoint

    def transactions(store: Store, station: str, most: int) -> Any:
        return [views.transaction(found) for found in Books(store).transactions(station)[-most:]]

    one = "/stations/{station:path}"
    readers = {name: read for name, (_, read) in OF_STATIONS.items()} | {"transactions": transactions}
    return Starlette(
        routes=[
            Route("/events", events, methods=["POST"]),
            Route(f"{one}/commands/{{action}}", command, methods=["POST"]),
            *(Route(f"{one}/{name}", about(read), methods=["GET"]) for name, read in readers.items()),
            Route(one, about(lambda store, station, _: Stations(store).description(station)), methods=["GET"]),
        ],
        exception_handlers={
            ApiError: _refused,
            RedisUnavailable: _unavailable,
            KeeperUnavailable: _unavailable,
            StationBusy: _unavailable,
        },
    )


async def _refused(_request: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)
    return error.response()


async def _unavailable(_request: Request, error: Exception) -> Response:
    return ApiError(503, "unavailable", f"{error}; try again", headers={"Retry-After": "1"}).response()
