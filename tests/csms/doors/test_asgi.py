"""The ASGI application beside its WebSockets: HTTP API, files, start and end, servers without denial responses."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

from csms.app import Csms
from csms.config import CsmsConfig, FilesConfig, StationConfig
from csms.doors.asgi import asgi_app

WEBSOCKET = {"type": "websocket", "path": "/ocpp/CP9", "raw_path": b"/ocpp/CP9", "headers": [], "subprotocols": []}


async def talk(app: Any, scope: dict[str, Any], *incoming: dict[str, Any]) -> list[dict[str, Any]]:
    """What an application sends in one scope, given these messages."""
    waiting, sent = list(incoming), list[dict[str, Any]]()

    async def receive() -> dict[str, Any]:
        return waiting.pop(0)

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    async with asyncio.timeout(5):
        await app(scope, receive, send)
    return sent


async def test_the_api_and_files_share_the_address(tmp_path: Path) -> None:
    """One server has all of it: paths below /files are files, everything else is the API."""
    app = asgi_app(Csms(CsmsConfig(files=FilesConfig(tmp_path, "k3y"))))
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        assert (await client.get("/api/health")).json()["status"] == "ok"
        assert (await client.put("/files/k3y/log.txt", content=b"x")).status_code == 201
    assert (tmp_path / "uploads" / "log.txt").read_bytes() == b"x"


async def test_the_lifespan_starts_and_stops_it() -> None:
    """The server's messages are the central system's life; what keeps it from starting is told to the server."""
    up, down = {"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}
    sent = await talk(asgi_app(Csms()), {"type": "lifespan"}, up, down)
    assert [message["type"] for message in sent] == ["lifespan.startup.complete", "lifespan.shutdown.complete"]

    class Broken(Csms):
        async def start(self, *, listen: bool = True) -> None:
            raise OSError("no room")

    (failed,) = await talk(asgi_app(Broken()), {"type": "lifespan"}, up)
    assert failed == {"type": "lifespan.startup.failed", "message": "no room"}


@pytest.mark.parametrize("can_deny", [False, True])
async def test_a_station_is_turned_away_as_the_server_can(can_deny: bool) -> None:
    """With denial responses it is HTTP 404; a server without them closes, which it turns into 403 itself."""
    app = asgi_app(Csms(CsmsConfig(stations={"CP1": StationConfig()})))
    extensions: dict[str, Any] = {"extensions": {"websocket.http.response": {}}} if can_deny else {}
    sent = await talk(app, {**WEBSOCKET, **extensions}, {"type": "websocket.connect"})
    if can_deny:
        assert [message["type"] for message in sent] == [
            "websocket.http.response.start",
            "websocket.http.response.body",
        ]
        assert sent[0]["status"] == 404
    else:
        assert [(message["type"], message["code"]) for message in sent] == [("websocket.close", 1008)]
