"""Puts the routes together."""

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route as StarletteRoute
from starlette.types import ASGIApp

from csms.api.acting import Acting
from csms.api.actions import Actions
from csms.api.console import Console
from csms.api.events import Events
from csms.api.guard import Guard
from csms.api.openapi import document
from csms.api.reach import reaching
from csms.api.reading import Reading
from csms.api.routes import ApiError, Route
from csms.api.system import System
from csms.cluster.asking import NodeSilent
from csms.cluster.bus import BusUnavailable


def build_api(csms: System, *, guarded: bool = True) -> ASGIApp:
    """The API of one central system, as an ASGI application. `guarded` checks who asks."""
    reading = Reading(csms)
    routes = [*reading.routes(), *Acting(csms).routes(), *Events(csms).routes(), *Actions().routes()]

    async def openapi(_request: Request) -> Response:
        return JSONResponse(description)

    routes.append(Route("GET", "/api/openapi.json", openapi, "This description", {200: "OpenAPI 3.1"}))
    routes.extend(reading.last_routes())
    description = document(routes)
    app = Starlette(
        routes=[
            StarletteRoute(each.path, each.endpoint, methods=[each.method])
            for each in (reaching(csms, route) for route in routes)
        ]
        + Console().routes(),
        exception_handlers={
            ApiError: _api_error,
            HTTPException: _http_error,
            BusUnavailable: _unavailable,
            NodeSilent: _unavailable,
        },
    )
    return Guard(app, csms.config.api_token) if guarded else app


async def _api_error(_request: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)
    return error.response()


async def _unavailable(_request: Request, error: Exception) -> Response:
    return ApiError(503, "bus-unavailable", f"{error}; try again", headers={"Retry-After": "1"}).response()


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code = "no-such-route" if error.status_code == 404 else "method-not-allowed"
    text = f"{request.method} {request.url.path}: see /api/openapi.json for what there is"
    return ApiError(error.status_code, code, text, headers=error.headers or {}).response()
