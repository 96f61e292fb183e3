"""Answers for stations that other nodes hold: a request goes where its answer is."""

import functools
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message

from csms.api.routes import ApiError, Endpoint, Reach, Route, limit
from csms.api.system import System
from csms.cluster.asking import Answer, Question

RELAYED = "wayside.relayed"
"""Set in the ASGI scope of a request that another node has passed on: it goes no further."""


def reaching(csms: System, route: Route) -> Route:
    """The route with an endpoint that looks beyond this node, as far as its reach says."""
    ways: dict[Reach, Callable[[System, Endpoint, Request], Awaitable[Response]]] = {
        Reach.STATION: _where_it_is,
        Reach.EVERY_NODE: _everywhere,
        Reach.GATHERED: _gathered,
        Reach.FIRST_FOUND: _first_found,
    }
    way, endpoint = ways.get(route.reach), route.endpoint
    if way is None:
        return route

    @functools.wraps(endpoint)
    async def far(request: Request) -> Response:
        if not csms.has_others or request.scope.get(RELAYED):
            return await endpoint(request)
        return await way(csms, endpoint, request)

    return replace(route, endpoint=far)


async def answer_in_process(app: ASGIApp, question: Question) -> Answer:
    """Put another node's question to this node's own API."""
    body = question.body.encode()
    status, media_type, found = 500, "text/plain", b""

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        nonlocal status, media_type, found
        if message["type"] == "http.response.start":
            status = message["status"]
            headers = dict(message["headers"])
            media_type = headers.get(b"content-type", b"text/plain").decode()
        else:
            found += message.get("body", b"")

    scope = {
        "type": "http",
        "method": question.method,
        "path": question.path,
        "query_string": question.query.encode(),
        "headers": [],
        RELAYED: True,
    }
    await app(scope, receive, send)
    return Answer(status, media_type, found.decode())


def _question(request: Request, body: str = "") -> Question:
    return Question(request.method, request.scope["path"], request.url.query, body)


def _response(answer: Answer) -> Response:
    return Response(answer.body, answer.status, media_type=answer.media_type)


async def _where_it_is(csms: System, endpoint: Endpoint, request: Request) -> Response:
    """The node that holds the station answers; this one if none does."""
    elsewhere = await csms.ask_holder(request.path_params["station"], _question(request))
    return await endpoint(request) if elsewhere is None else _response(elsewhere)


async def _everywhere(csms: System, endpoint: Endpoint, request: Request) -> Response:
    """Every node does it, wherever the station may connect; this one answers."""
    body = (await request.body()).decode(errors="replace")
    response = await endpoint(request)
    if response.status_code < 300:
        await csms.ask_others(_question(request, body))
    return response


async def _gathered(csms: System, endpoint: Endpoint, request: Request) -> Response:
    """The lists of all nodes as one. Of rows that several have, the one of the node that holds the station counts."""
    own = json.loads(bytes((await endpoint(request)).body))
    rows: dict[tuple[str, str], Any] = {_key(row): row for row in own}
    for answer in await csms.ask_others(_question(request)):
        for row in json.loads(answer.body) if answer.status == 200 else ():
            if _key(row) not in rows or row.get("connected", True):
                rows[_key(row)] = row
    found = sorted(rows.values(), key=lambda row: row.get("heard_at") or row.get("first_seen") or "")
    most = limit(request) if any("heard_at" in row for row in found) else len(found)  # of transactions
    return Response(json.dumps(found[-most:] if most else []), media_type="application/json")


def _key(row: Any) -> tuple[str, str]:
    return row.get("station", row.get("id")), row.get("transaction_id", "")


async def _first_found(csms: System, endpoint: Endpoint, request: Request) -> Response:
    """This node's answer, or that of one that has found it."""
    try:
        return await endpoint(request)
    except ApiError as error:
        if error.status != 404:
            raise
        answers = await csms.ask_others(_question(request))
        found = next((answer for answer in answers if answer.status != 404), None)
        if found is None:
            raise
        return _response(found)
