"""Routes that read: health, stations, transactions, messages."""

import asyncio
from collections.abc import Callable
from typing import Any, Final, TypeAlias

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from csms.api import views
from csms.api.routes import ApiError, Parameter, Reach, Route, flag, limit
from csms.api.system import System
from csms.books import Books
from csms.core.store import Store
from csms.files import listing
from csms.holdings import Holdings
from csms.message_log import MESSAGES
from csms.stations import Stations

_LIMIT = Parameter("limit", "the newest so many, 100 when absent", "integer")
_OPEN = Parameter("open", "1: only those that run", "integer")
_NO_STATION = "no station of this identity is configured or was ever connected"

Read: TypeAlias = Callable[[Store, str, int], Any]
"""Reads about one station, at most so many entries."""

OF_STATIONS: Final[dict[str, tuple[str, Read]]] = {
    "messages": ("The newest WebSocket messages", lambda store, station, most: store.entries(MESSAGES, station, most)),
    "notices": (
        "The newest firmware, log and other notices",
        lambda store, station, most: Stations(store).notices(station, most),
    ),
    "meter-values": (
        "Meter values outside transactions",
        lambda store, station, most: Stations(store).values(station, most),
    ),
    "variables": (
        "The device model as far as it was reported",
        lambda store, station, _: Stations(store).variables(station),
    ),
    "configuration": (
        "1.6: the known configuration keys",
        lambda store, station, _: Holdings(store).configuration(station),
    ),
    "local-list": (
        "The local list as far as it was sent",
        lambda store, station, _: Holdings(store).local_list(station),
    ),
    "charging-profiles": ("The charging profiles it has", lambda store, station, _: Holdings(store).profiles(station)),
    "certificates": (
        "The installed certificates it has told",
        lambda store, station, _: Holdings(store).certificates(station),
    ),
}
_LOGS: Final = frozenset({"messages", "notices", "meter-values"})


class Reading:
    """Handlers of these routes."""

    def __init__(self, csms: System) -> None:
        self._csms = csms

    def routes(self) -> list[Route]:
        """The table."""
        one, station = "/api/stations/{station:path}", {200: "found", 404: _NO_STATION}
        return [
            Route("GET", "/api/health", self.health, "Is it alive, and how much does it hold?", {200: "alive"}),
            Route(
                "GET",
                "/api/metrics",
                self.metrics,
                "Figures for Prometheus",
                {200: "text, exposition format 0.0.4"},
                media_type="text/plain",
            ),
            Route(
                "GET",
                "/api/files",
                self.files,
                "Where stations find and leave files, and which there are",
                {200: "found", 404: "there is no file endpoint"},
            ),
            Route(
                "GET",
                "/api/stations",
                self.stations,
                "All stations that are configured or were ever connected",
                {200: "found"},
                reach=Reach.GATHERED,
            ),
            Route(
                "GET",
                "/api/transactions",
                self.transactions,
                "The newest transactions of all stations; on a cluster, of those that are connected",
                {200: "found"},
                (_OPEN, _LIMIT),
                reach=Reach.GATHERED,
            ),
            Route(
                "GET",
                "/api/transactions/{transaction:path}",
                self.transaction,
                "One transaction with its messages and samples",
                {200: "found", 404: "unknown", 409: "several stations have one of this id: name the station"},
                (Parameter("station", "the station, if several used the same id"),),
                reach=Reach.FIRST_FOUND,
            ),
            Route(
                "GET",
                f"{one}/transactions",
                self.station_transactions,
                "The newest transactions of one station",
                station,
                (_OPEN, _LIMIT),
                reach=Reach.STATION,
            ),
            *(self._of_station(name) for name in OF_STATIONS),
        ]

    def _of_station(self, name: str) -> Route:
        summary, read = OF_STATIONS[name]

        async def endpoint(request: Request) -> Response:
            station, store = await station_and_store(self._csms, request)
            return JSONResponse(read(store, station, limit(request)))

        endpoint.__name__ = name.replace("-", "_")
        parameters = (_LIMIT,) if name in _LOGS else ()
        answers = {200: "found", 404: _NO_STATION}
        path = f"/api/stations/{{station:path}}/{name}"
        return Route("GET", path, endpoint, summary, answers, parameters, reach=Reach.STATION)

    def last_routes(self) -> list[Route]:
        """Those whose path would swallow others."""
        return [
            Route(
                "GET",
                "/api/stations/{station:path}",
                self.station,
                "One station: connection, boot, connectors",
                {200: "found", 404: _NO_STATION},
                reach=Reach.STATION,
            )
        ]

    async def health(self, _request: Request) -> Response:
        stations = self._csms.stations.known()
        connected = sum(self._csms.is_connected(station) for station in stations)
        return JSONResponse(
            {"status": "ok", "ws_url": self._csms.ws_url, "stations": len(stations), "connected": connected}
        )

    async def metrics(self, _request: Request) -> Response:
        return PlainTextResponse(await self._csms.metrics(), media_type="text/plain; version=0.0.4")

    async def files(self, _request: Request) -> Response:
        files = self._csms.config.files
        if files is None:
            raise ApiError(404, "no-files", "this central system has no file endpoint; start it with one")
        found = await asyncio.to_thread(listing, files.directory)
        return JSONResponse({"url": self._csms.files_url, **found})

    async def stations(self, _request: Request) -> Response:
        house = Stations(await self._csms.view(None))
        here = self._csms.stations
        stations = dict.fromkeys((*house.known(), *here.known(), *(self._csms.config.stations or ())))
        found = [(here if self._csms.is_connected(each) else house).description(each) for each in stations]
        return JSONResponse(found)

    async def station(self, request: Request) -> Response:
        station, store = await station_and_store(self._csms, request)
        return JSONResponse(Stations(store).description(station))

    async def transactions(self, request: Request) -> Response:
        return _listed(request, self._csms.books, None)

    async def station_transactions(self, request: Request) -> Response:
        station, store = await station_and_store(self._csms, request)
        return _listed(request, Books(store), station)

    async def transaction(self, request: Request) -> Response:
        wanted = request.path_params["transaction"]
        station = request.query_params.get("station")
        books = self._csms.books if station is None else Books(await self._csms.view(station))
        found = [each for each in books.transactions(station) if each.transaction_id == wanted]
        if not found:
            raise ApiError(404, "unknown-transaction", "no station reported a transaction of this id")
        if len({each.station for each in found}) > 1:
            stations = ", ".join(sorted({each.station for each in found}))
            raise ApiError(409, "ambiguous-transaction", f"add ?station= with one of {stations}")
        return JSONResponse(views.transaction(found[-1], whole=True))


def _listed(request: Request, books: Books, station: str | None) -> Response:
    found = books.transactions(station, open_only=flag(request, "open"))
    return JSONResponse([views.transaction(each) for each in found[-limit(request) :]])


async def station_and_store(csms: System, request: Request) -> tuple[str, Store]:
    """The station a request names, and where to read about it.

    Raises ApiError if it is neither configured nor was ever here, BusUnavailable.
    """
    station: str = request.path_params["station"]
    store = await csms.view(station)
    if not Stations(store).is_known(station) and station not in (csms.config.stations or {}):
        raise ApiError(404, "unknown-station", _NO_STATION)
    return station, store
