"""Puts the routes together: health, state, events, and those of their own files."""

from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from firmware.control.address import Address
from firmware.control.answers import ApiError, answer, whole_number
from firmware.control.frames import HIGHEST_NUMBER, FrameRoutes
from firmware.control.guard import Guard
from firmware.control.picture import Picture
from firmware.control.queue import QueueRoutes
from firmware.control.sessions import Sessions
from firmware.control.stream import EventStream, Publisher
from ocpp_client.link_status import LinkState
from offline_queue import Health

if TYPE_CHECKING:
    from firmware.app import App
    from firmware.control.history import History


def build_api(
    app: "App", picture: Picture, publisher: Publisher, address: Address, history: "History | None"
) -> ASGIApp:
    """The interface of one program, as an ASGI application; with the page where there is a history to draw."""
    sessions = Sessions(app.config.control.token, app.clock.monotonic, port=address.port, secure=address.tls)
    core = CoreRoutes(app, picture, publisher)
    routes = [
        *core.routes(),
        *sessions.routes(),
        *_page_routes(history),
        *FrameRoutes(app).routes(),
        *QueueRoutes(app, picture).routes(),
        *_mock_routes(app, picture, publisher),
    ]
    handlers: dict[Any, Any] = {ApiError: _refused, HTTPException: _no_route, Exception: _defect}
    return Guard(Starlette(routes=routes, exception_handlers=handlers), address, sessions)


def _page_routes(history: "History | None") -> list[Route]:
    if history is None:
        return []
    from firmware.control.pages import PageRoutes  # noqa: PLC0415 - without a page nothing of it is loaded

    return [*PageRoutes().routes(), *history.routes()]


def _mock_routes(app: "App", picture: Picture, publisher: Publisher) -> list[Route]:
    if app.board.world is None:
        return [
            Route(f"/api/{place}{rest}", _no_world, methods=["GET", "POST"])
            for place in ("mock", "rules", "scenarios")
            for rest in ("", "/{action:path}")
        ]
    from firmware.control.bench import bench_routes  # noqa: PLC0415 - real hardware does not load the desktop world

    return bench_routes(app, picture, publisher.touch)


async def _no_world(_request: Request) -> Response:
    raise ApiError(404, "this board has real hardware; the mock world is there on a mock board only")


class CoreRoutes:
    """Handlers of the routes that need nothing but the program itself."""

    def __init__(self, app: "App", picture: Picture, publisher: Publisher) -> None:
        self._app = app
        self._picture = picture
        self._publisher = publisher

    def routes(self) -> list[Route]:
        """The table."""
        return [
            Route("/health", self.health, methods=["GET"]),
            Route("/api/state", self.state, methods=["GET"]),
            Route("/api/events", self.events, methods=["GET"]),
            Route("/api/link/try", self.try_link, methods=["POST"]),
        ]

    async def health(self, _request: Request) -> Response:
        """200 while the station is being driven, `degraded` when something needs a person; 503 otherwise. A lost link alone is no
        reason: charging goes on without it."""
        app = self._app
        station, stats = app.engine.station, app.queue.stats()
        faulted = [evse.id for evse in station.evses.values() if evse.blocked]
        healthy = not faulted and not station.context.faults and stats.health is Health.OK and stats.accepting
        status = "down" if not app.engine.running else "ok" if healthy else "degraded"
        facts = {
            "status": status,
            "evses": len(station.evses),
            "evses_faulted": faulted,
            "queue": stats.health.value,
            "queue_accepting": stats.accepting,
            "queue_rows": stats.rows,
            "link": app.connection.link.status.state.value,
        }
        return answer(facts, 503 if status == "down" else 200)

    async def state(self, _request: Request) -> Response:
        """The whole picture, from memory."""
        await self._picture.oldest.look()
        return answer(self._picture.document())

    async def events(self, request: Request) -> EventStream | Response:
        """The stream of changes; `since=N` asks for the frames after a number, the header `Last-Event-ID` or `after=ID` for those
        after an event. A page that opens a new stream cannot set the header."""
        after = whole_number(request, "since", -1, highest=HIGHEST_NUMBER)
        last = request.headers.get("last-event-id") or request.query_params.get("after")
        if last is not None:
            try:
                after = self._publisher.position(last)
            except ValueError:
                raise ApiError(400, "expected the id of a frame event", "Last-Event-ID") from None
        if self._publisher.closing:
            raise ApiError(503, "the event stream has stopped; the log of the station says why")
        if self._publisher.full:
            raise ApiError(503, "too many event streams are open; close one")
        if request.method == "HEAD":
            return Response(media_type="text/event-stream")
        return EventStream(self._publisher, None if after < 0 else after)

    async def try_link(self, _request: Request) -> Response:
        """Dial now instead of after the back-off. Raises ApiError 409 while there is a connection."""
        link = self._app.connection.link.status.state
        if link is not LinkState.WAITING:
            raise ApiError(409, f"the link is {link.value}; only a wait for the next attempt can be cut short")
        self._app.connection.reconnect("asked for by a person")
        return answer({"dialling": True})


async def _refused(_request: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)
    return error.response()


async def _no_route(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    what = "is not there" if error.status_code == 404 else f"cannot be asked with {request.method}"
    return ApiError(error.status_code, f"{request.url.path} {what}", headers=error.headers).response()


async def _defect(_request: Request, error: Exception) -> Response:
    """The server logs the traceback."""
    return ApiError(500, f"a defect of this program: {type(error).__name__}; its log says more").response()
