"""A central system as an ASGI application: stations by WebSocket, HTTP API and files beside them, in any ASGI server.

app = asgi_app(Csms(config))        # uvicorn module:app, hypercorn module:app
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from csms.api.build import build_api
from csms.app import Csms
from csms.files import files_app
from ocpp_client.errors import ABNORMAL_CLOSURE, ConnectionLost
from ocpp_client.sockets import PEER_ADDRESS, Rejection

_DENIAL: Final = "websocket.http.response"  # ASGI, WebSocket Denial Response


def asgi_app(csms: Csms) -> ASGIApp:
    """The application; the server's lifespan messages start and stop the central system."""
    files = csms.config.files
    return _Application(csms, build_api(csms), None if files is None else files_app(files))


class _Application:
    def __init__(self, csms: Csms, api: ASGIApp, files: ASGIApp | None) -> None:
        self._csms = csms
        self._api = api
        self._files = files

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        match scope["type"]:
            case "lifespan":
                await self._live(receive, send)
            case "websocket":
                await self._station(scope, receive, send)
            case _ if self._files is not None and scope["path"].startswith("/files/"):
                await self._files(scope, receive, send)
            case _:
                await self._api(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                try:
                    await self._csms.start(listen=False)
                except Exception as error:  # noqa: BLE001 - the server reports it and ends
                    await send({"type": "lifespan.startup.failed", "message": str(error)})
                    return
                await send({"type": "lifespan.startup.complete"})
            else:
                await self._csms.stop()
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def _station(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()  # websocket.connect
        path, headers = _path(scope), _headers(scope)
        rejection = await self._csms.door.check(path, headers)
        if rejection is not None:
            await _reject(scope, send, rejection)
            return
        chosen = self._csms.door.announce(scope["subprotocols"])
        await send({"type": "websocket.accept", "subprotocol": chosen, "headers": []})
        socket = _Socket(scope, receive, send, chosen)
        await self._csms.door.serve(socket, path, headers)
        await socket.close()


class _Socket:
    """`ocpp_client.sockets.WebSocket` on an ASGI connection.

    ASGI has no way to drop a connection or to stop reading it: an abort closes with 1011, and what came in meanwhile
    waits in the server.
    """

    def __init__(self, scope: Scope, receive: Receive, send: Send, subprotocol: str | None) -> None:
        self.subprotocol = subprotocol
        self.response_headers: Mapping[str, str] = {}
        self.peer_address = _address(scope.get("client"))
        self.local_address = _address(scope.get("server"))
        self.bytes_sent = 0
        self.bytes_received = 0
        self._receive = receive
        self._send = send
        self._ended: ConnectionLost | None = None
        self._aborted = asyncio.Event()
        self._readable = asyncio.Event()
        self._readable.set()

    async def send(self, text: str) -> None:
        await self._write({"type": "websocket.send", "text": text})
        self.bytes_sent += len(text.encode())

    async def receive(self) -> str | bytes:
        await self._readable.wait()
        if self._ended is not None:
            raise self._ended
        message = await self._next()
        if message["type"] == "websocket.disconnect":
            self._ended = ConnectionLost(message.get("code") or ABNORMAL_CLOSURE, message.get("reason") or "")
            raise self._ended
        text: str | bytes | None = message.get("text")
        found: str | bytes = message["bytes"] if text is None else text
        self.bytes_received += len(found)
        return found

    async def ping(self) -> float:
        raise NotImplementedError("pinging is the ASGI server's business; set it there")

    async def close(self, code: int = 1000, reason: str = "") -> None:
        if self._ended is None:
            try:
                await self._write({"type": "websocket.close", "code": code, "reason": reason})
            except ConnectionLost:
                return
            self._ended = ConnectionLost(code, reason, cause="local")
            self._aborted.set()

    def abort(self) -> None:
        if self._ended is None:
            self._aborted.set()

    def pause_reading(self) -> None:
        self._readable.clear()

    def resume_reading(self) -> None:
        self._readable.set()

    async def _next(self) -> Message:
        coming = asyncio.ensure_future(self._receive())
        aborted = asyncio.ensure_future(self._aborted.wait())
        try:
            await asyncio.wait({coming, aborted}, return_when=asyncio.FIRST_COMPLETED)
            if coming.done():
                return coming.result()
            if self._ended is None:
                await self.close(1011, "dropped")
            assert self._ended is not None  # closing set it
            raise self._ended
        finally:
            coming.cancel()
            aborted.cancel()

    async def _write(self, message: Message) -> None:
        if self._ended is not None:
            raise self._ended
        try:
            await self._send(message)
        except (OSError, RuntimeError) as error:  # servers differ in what they raise for a connection that is gone
            self._ended = ConnectionLost(ABNORMAL_CLOSURE, str(error))
            raise self._ended from error


async def _reject(scope: Scope, send: Send, rejection: Rejection) -> None:
    if _DENIAL not in scope.get("extensions", {}):
        await send({"type": "websocket.close", "code": 1008, "reason": rejection.body.strip()})  # becomes HTTP 403
        return
    body = rejection.body.encode()
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode())]
    headers += [(name.lower().encode(), value.encode()) for name, value in rejection.headers.items()]
    await send({"type": f"{_DENIAL}.start", "status": rejection.status, "headers": headers})
    await send({"type": f"{_DENIAL}.body", "body": body})


def _path(scope: Scope) -> str:
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    return raw.decode("ascii", "replace")


def _headers(scope: Scope) -> Mapping[str, str]:
    plain = {PEER_ADDRESS: _address(scope.get("client")).rpartition(":")[0]}
    pairs: Sequence[tuple[bytes, bytes]] = scope["headers"]
    for raw_name, raw_value in pairs:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        plain[name] = f"{plain[name]}, {value}" if name in plain else value
    return plain


def _address(pair: Any) -> str:
    return f"{pair[0]}:{pair[1]}" if pair else "unknown"
