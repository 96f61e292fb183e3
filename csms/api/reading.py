"""Routes that read: health, stations, transactions, messages."""

import asyncio

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from csms.api import views
from csms.api.routes import ApiError, Parameter, Route, flag, limit
from csms.api.system import System
from csms.files import listing
from csms.holdings import Holdings
from csms.server import MESSAGES

_LIMIT = Parameter("limit", "the newest so many, 100 when absent", "integer")
_OPEN = Parameter("open", "1: only those that run", "integer")
_NO_STATION = "no station of this identity is configured or was ever connected"


class Reading:
    """Handlers of these routes."""

    def __init__(self, csms: System) -> None:
        self._csms = csms
        self._holdings = Holdings(csms.store)

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
            ),
            Route(
                "GET",
                "/api/transactions",
                self.transactions,
                "The newest transactions of all stations",
                {200: "found"},
                (_OPEN, _LIMIT),
            ),
            Route(
                "GET",
                "/api/transactions/{transaction:path}",
                self.transaction,
                "One transaction with its messages and samples",
                {200: "found", 404: "unknown", 409: "several stations have one of this id: name the station"},
                (Parameter("station", "the station, if several used the same id"),),
            ),
            Route(
                "GET",
                f"{one}/transactions",
                self.station_transactions,
                "The newest transactions of one station",
                station,
                (_OPEN, _LIMIT),
            ),
            Route("GET", f"{one}/messages", self.messages, "The newest WebSocket messages", station, (_LIMIT,)),
            Route(
                "GET", f"{one}/notices", self.notices, "The newest firmware, log and other notices", station, (_LIMIT,)
            ),
            Route("GET", f"{one}/variables", self.variables, "The device model as far as it was reported", station),
            Route("GET", f"{one}/configuration", self.configuration, "1.6: the known configuration keys", station),
            Route("GET", f"{one}/local-list", self.local_list, "The local list as far as it was sent", station),
            Route("GET", f"{one}/charging-profiles", self.profiles, "The charging profiles it has", station),
            Route("GET", f"{one}/certificates", self.certificates, "The installed certificates it has told", station),
            Route("GET", f"{one}/meter-values", self.values, "Meter values outside transactions", station, (_LIMIT,)),
        ]

    def last_routes(self) -> list[Route]:
        """Those whose path would swallow others."""
        return [
            Route(
                "GET",
                "/api/stations/{station:path}",
                self.station,
                "One station: connection, boot, connectors",
                {200: "found", 404: _NO_STATION},
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
        stations = dict.fromkeys((*self._csms.stations.known(), *(self._csms.config.stations or ())))
        return JSONResponse([self._csms.stations.description(each) for each in stations])

    async def station(self, request: Request) -> Response:
        return JSONResponse(self._csms.stations.description(self._known(request)))

    async def transactions(self, request: Request) -> Response:
        return self._listed(request, None)

    async def station_transactions(self, request: Request) -> Response:
        return self._listed(request, self._known(request))

    async def transaction(self, request: Request) -> Response:
        wanted = request.path_params["transaction"]
        station = request.query_params.get("station")
        found = [each for each in self._csms.books.transactions(station) if each.transaction_id == wanted]
        if not found:
            raise ApiError(404, "unknown-transaction", "no station reported a transaction of this id")
        if len({each.station for each in found}) > 1:
            stations = ", ".join(sorted({each.station for each in found}))
            raise ApiError(409, "ambiguous-transaction", f"add ?station= with one of {stations}")
        return JSONResponse(views.transaction(found[-1], whole=True))

    async def messages(self, request: Request) -> Response:
        return JSONResponse(self._csms.store.entries(MESSAGES, self._known(request), limit(request)))

    async def notices(self, request: Request) -> Response:
        return JSONResponse(self._csms.stations.notices(self._known(request), limit(request)))

    async def variables(self, request: Request) -> Response:
        return JSONResponse(self._csms.stations.variables(self._known(request)))

    async def configuration(self, request: Request) -> Response:
        return JSONResponse(self._holdings.configuration(self._known(request)))

    async def local_list(self, request: Request) -> Response:
        return JSONResponse(self._holdings.local_list(self._known(request)))

    async def profiles(self, request: Request) -> Response:
        return JSONResponse(self._holdings.profiles(self._known(request)))

    async def certificates(self, request: Request) -> Response:
        return JSONResponse(self._holdings.certificates(self._known(request)))

    async def values(self, request: Request) -> Response:
        return JSONResponse(self._csms.stations.values(self._known(request), limit(request)))

    def _listed(self, request: Request, station: str | None) -> Response:
        found = self._csms.books.transactions(station, open_only=flag(request, "open"))
        return JSONResponse([views.transaction(each) for each in found[-limit(request) :]])

    def _known(self, request: Request) -> str:
        return known_station(self._csms, request)


def known_station(csms: System, request: Request) -> str:
    """The station a request names. Raises ApiError if it is neither configured nor was ever here."""
    station: str = request.path_params["station"]
    if not csms.stations.is_known(station) and station not in (csms.config.stations or {}):
        raise ApiError(404, "unknown-station", _NO_STATION)
    return station
