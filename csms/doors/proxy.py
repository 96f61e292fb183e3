"""Holds the WebSockets of stations: every message becomes a call to a backend.

All it knows of OCPP is that answers must be able to overtake calls: a handler may wait for the answer to a call of its
own while its station's next messages come in. Calls are passed on one after the other, and so are answers.

The reverse direction is an HTTP API in the manner of cloud gateways: `POST /@connections/{id}` writes to a socket,
`DELETE` closes it, `GET` tells whether it is there; a connection that is not is answered 410.
"""

import asyncio
import hmac
import logging
import random
import re
import ssl as tls
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Final, Protocol
from urllib.parse import unquote

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from csms.admission import Admission, House, admit, identity_of
from csms.api.serving import ApiServer
from csms.config import CsmsConfig
from csms.doors.connections import HolderUnavailable
from csms.pace import Pace
from csms.passwords import PasswordCheck
from ocpp_client.errors import ConnectionLost
from ocpp_client.sockets import PEER_ADDRESS
from ocpp_client.websocket import Rejection, WebSocket, WebSocketServer, serve

log = logging.getLogger(__name__)

RESTART_CODE: Final = 1012
BACKEND_LOST_CODE: Final = 1013
NO_VERSION_CODE: Final = 1002
TOO_BIG_CODE: Final = 1009
GOING_CODE: Final = 1001

MAX_WAITING: Final = 64  # messages of one station that the backend has not taken; with more, no more are read
LAST_MESSAGES_S: Final = 5.0  # how long the end of a connection waits for what came before it
_ANSWER: Final = re.compile(r"\s*\[\s*[34]\s*,")  # CALLRESULT or CALLERROR (OCPP-J 1.6, section 4.2)


@dataclass(frozen=True, slots=True)
class ProxyLimits:
    """What one proxy passes on; a cloud gateway has its own."""

    message_bytes: int = 1024 * 1024  # in either direction
    idle_s: float | None = None  # a connection without a message for so long is closed
    lifetime_s: float | None = None  # no connection lives longer


AWS_LIMITS: Final = ProxyLimits(message_bytes=128 * 1024, idle_s=600.0, lifetime_s=7200.0)
"""Those of AWS API Gateway's WebSocket APIs (quotas, as of 2024)."""


class Backend(Protocol):
    """What a proxy calls. Each method raises HolderUnavailable; then the connection is closed with 1013."""

    async def connected(self, connection: str, station: str, protocol: str, remote: str) -> None: ...

    async def received(self, connection: str, text: str) -> None: ...

    async def disconnected(self, connection: str, code: int, reason: str) -> None: ...


@dataclass(frozen=True, slots=True)
class ProxyConfig:
    """Where to listen, and the secret that callers of the connections API must have as a bearer token."""

    csms: CsmsConfig = field(default_factory=CsmsConfig)  # host, port, stations, limits, protocols are what counts here
    api_host: str = "127.0.0.1"
    api_port: int = 0
    secret: str = field(default="", repr=False)
    limits: ProxyLimits = field(default_factory=ProxyLimits)

    def __post_init__(self) -> None:
        if not self.secret:
            raise ValueError("a proxy needs a secret: whoever reaches its connections API could talk to stations")


_admission: ContextVar[Admission] = ContextVar("admission")


class Proxy:
    """One proxy process."""

    def __init__(
        self,
        config: ProxyConfig,
        backend: Backend,
        *,
        new_connection: Callable[[], str],
        password_secret: bytes,
        ssl: tls.SSLContext | None = None,
    ) -> None:
        """`new_connection` names a connection so that workers know which proxy has it; names never repeat."""
        self._config = config
        self._backend = backend
        self._new_connection = new_connection
        self._passwords = PasswordCheck(password_secret)
        self._ssl = ssl
        self._sockets: dict[str, WebSocket] = {}
        self._met: set[str] = set()
        self._per_address: Counter[str] = Counter()
        self._closing = False
        self._server: WebSocketServer | None = None
        self._api = ApiServer(self._connections_api(), config.api_host, config.api_port)
        self.port = 0
        self.api_port = 0

    async def open(self) -> None:
        """Listen. Raises OSError if an address cannot be had."""
        config = self._config.csms
        self.api_port = await self._api.open()
        self._server = await serve(
            self._serve,
            config.host,
            config.port,
            select_subprotocol=self._announce,
            process_request=self._check,
            ssl=self._ssl,
            close_timeout_s=config.close_timeout_s,
            max_size=self._config.limits.message_bytes,
        )
        self.port = self._server.ports[0]

    async def drain(self, over_s: float, rng: random.Random) -> None:
        """Admit nobody, and close the connections with 1012 one by one, each at a random moment within `over_s`."""
        self._closing = True

        async def leave(socket: WebSocket, after_s: float) -> None:
            await asyncio.sleep(after_s)
            await socket.close(RESTART_CODE, "the proxy is stopping")

        await asyncio.gather(*(leave(each, rng.uniform(0, over_s)) for each in tuple(self._sockets.values())))

    async def close(self) -> None:
        """Close every connection with 1012."""
        self._closing = True
        sockets = tuple(self._sockets.values())
        await asyncio.gather(*(socket.close(RESTART_CODE, "the proxy is stopping") for socket in sockets))
        if self._server is not None:
            await self._server.close()
        await self._api.close()

    async def _check(self, path: str, headers: Mapping[str, str]) -> Rejection | None:
        station = identity_of(path)
        if station is None:
            return Rejection(404, {}, "the path must end with a percent-encoded identity of at most 48 characters\n")
        house = House(
            len(self._sockets),
            len(self._met),
            is_known=station in self._met,
            closing=self._closing,
            from_address=self._per_address[headers.get(PEER_ADDRESS, "")],
        )
        decision = admit(station, headers, self._config.csms, self._passwords, house)
        if isinstance(decision, Rejection):
            return decision
        _admission.set(decision)
        return None

    def _announce(self, _offered: Sequence[str]) -> str | None:
        return _admission.get().protocol

    async def _serve(self, socket: WebSocket, _path: str, _headers: Mapping[str, str]) -> None:
        admission, connection = _admission.get(), self._new_connection()
        if admission.protocol is None:
            await socket.close(
                NO_VERSION_CODE, f"no common OCPP version; offer {', '.join(self._config.csms.protocols)}"
            )
            return
        address = socket.peer_address.rpartition(":")[0]
        self._met.add(admission.station)
        self._sockets[connection] = socket
        self._per_address[address] += 1
        ended = ConnectionLost(1006)
        try:
            await self._backend.connected(connection, admission.station, admission.protocol, socket.peer_address)
            ended = await self._pump(socket, connection)
        except HolderUnavailable as error:
            log.warning("connection closed, no backend station=%s error=%s", admission.station, error)
            await socket.close(BACKEND_LOST_CODE, "the central system cannot be reached; try again later")
        finally:
            del self._sockets[connection]
            self._per_address[address] -= 1
            if not self._per_address[address]:
                del self._per_address[address]
        try:
            await self._backend.disconnected(connection, ended.code, ended.reason)
        except HolderUnavailable as error:
            log.warning("end of a connection not told station=%s error=%s", admission.station, error)

    async def _pump(self, socket: WebSocket, connection: str) -> ConnectionLost:
        """Pass messages on until the connection ends; how it ended. Raises HolderUnavailable."""
        calls, answers = (asyncio.Queue[str](MAX_WAITING) for _ in range(2))
        reading = asyncio.ensure_future(self._read(socket, calls, answers))
        lanes = [asyncio.ensure_future(self._pass_on(connection, lane)) for lane in (calls, answers)]
        try:
            await asyncio.wait({reading, *lanes}, return_when=asyncio.FIRST_COMPLETED)
            for lane in lanes:
                if lane.done():
                    lane.result()  # it only ends with an error
            ended = await reading
            await asyncio.wait(
                {asyncio.ensure_future(lane.join()) for lane in (calls, answers)}, timeout=LAST_MESSAGES_S
            )
            return ended
        finally:
            for task in (reading, *lanes):
                task.cancel()
            await asyncio.gather(reading, *lanes, return_exceptions=True)

    async def _pass_on(self, connection: str, lane: asyncio.Queue[str]) -> None:
        while True:
            await self._backend.received(connection, await lane.get())
            lane.task_done()

    async def _read(self, socket: WebSocket, calls: asyncio.Queue[str], answers: asyncio.Queue[str]) -> ConnectionLost:
        limits, rates = self._config.limits, self._config.csms.limits
        pace = Pace(rates.messages_per_s, rates.messages_at_once)
        try:
            async with asyncio.timeout(limits.lifetime_s):
                while True:
                    async with asyncio.timeout(limits.idle_s):
                        message = await socket.receive()
                    await asyncio.sleep(pace.wait_s(asyncio.get_running_loop().time()))
                    if isinstance(message, str):  # OCPP-J knows no binary messages (edition 2, section 4.1.3)
                        await (answers if _ANSWER.match(message) else calls).put(message)
        except ConnectionLost as lost:
            return lost
        except TimeoutError:
            await socket.close(GOING_CODE, "idle, or connected, for too long; connect again")
            return ConnectionLost(GOING_CODE, cause="local")

    def _connections_api(self) -> Starlette:
        path = "/@connections/{connection:path}"
        return Starlette(
            routes=[
                Route(path, self._authorized(self._post), methods=["POST"]),
                Route(path, self._authorized(self._delete), methods=["DELETE"]),
                Route(path, self._authorized(self._get), methods=["GET"]),
            ]
        )

    def _authorized(self, endpoint: Callable[[Request], Any]) -> Callable[[Request], Any]:
        async def guarded(request: Request) -> Response:
            scheme, _, given = request.headers.get("authorization", "").partition(" ")
            if scheme.lower() != "bearer" or not hmac.compare_digest(given.encode(), self._config.secret.encode()):
                return _refusal(403, "ForbiddenException", "send the proxy's secret: Authorization: Bearer …")
            answer: Response = await endpoint(request)
            return answer

        return guarded

    async def _post(self, request: Request) -> Response:
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > self._config.limits.message_bytes:
                limit = f"a message has at most {self._config.limits.message_bytes} bytes"
                return _refusal(413, "PayloadTooLargeException", limit)
        socket = self._socket_of(request)
        try:
            if socket is not None:
                await socket.send(body.decode())
                return Response(status_code=200)
        except UnicodeDecodeError:
            return _refusal(400, "BadRequestException", "the body is not UTF-8")
        except ConnectionLost as lost:
            log.info("connection turned out to be gone code=%d", lost.code)
        return _refusal(410, "GoneException", "no such connection")

    async def _delete(self, request: Request) -> Response:
        socket = self._socket_of(request)
        if socket is None:
            return _refusal(410, "GoneException", "no such connection")
        code = request.query_params.get("code", "1000")
        try:
            await socket.close(int(code), request.query_params.get("reason", ""))
        except ValueError as error:
            return _refusal(400, "BadRequestException", str(error))
        return Response(status_code=204)

    async def _get(self, request: Request) -> Response:
        if self._socket_of(request) is None:
            return _refusal(410, "GoneException", "no such connection")
        return JSONResponse({})

    def _socket_of(self, request: Request) -> WebSocket | None:
        return self._sockets.get(unquote(request.path_params["connection"]))


def _refusal(status: int, kind: str, text: str) -> JSONResponse:
    return JSONResponse({"message": text}, status, headers={"x-amzn-ErrorType": kind})
