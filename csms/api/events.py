"""The stream of domain events, as Server-Sent Events (WHATWG HTML, section 9.2)."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Final

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from csms.api import views
from csms.api.routes import ApiError, Parameter, Route
from csms.api.system import System
from csms.hub import Numbered

KEEP_ALIVE_S: Final = 15.0
"""A comment after so much silence keeps proxies from giving up, and finds clients that are gone."""


class Events:
    """Handlers of these routes."""

    def __init__(self, csms: System) -> None:
        self._csms = csms

    def routes(self) -> list[Route]:
        """The table."""
        return [
            Route(
                "GET",
                "/api/events",
                self.events,
                "Domain events as they happen",
                {200: "a stream that does not end", 400: "Last-Event-ID is not a number"},
                (
                    Parameter("station", "only about this station"),
                    Parameter("kind", "only of these kinds, separated by commas"),
                    Parameter(
                        "Last-Event-ID", "first what came after this event, as far as it is kept", where="header"
                    ),
                ),
                media_type="text/event-stream",
            )
        ]

    async def events(self, request: Request) -> Response:
        last = request.headers.get("last-event-id")
        if last is not None and not (last.isascii() and last.isdigit()):
            raise ApiError(400, "bad-parameter", "Last-Event-ID is not the number of an event")
        station = request.query_params.get("station")
        kinds = frozenset(filter(None, request.query_params.get("kind", "").split(",")))
        stream = self._stream(None if last is None else int(last), station, kinds)
        return StreamingResponse(stream, media_type="text/event-stream", headers={"Cache-Control": "no-store"})

    async def _stream(self, after: int | None, station: str | None, kinds: frozenset[str]) -> AsyncIterator[str]:
        with self._csms.hub.subscribe(after) as subscription:
            yield ": events follow\n\n"
            while True:
                try:
                    async with asyncio.timeout(KEEP_ALIVE_S):
                        numbered = await anext(subscription)
                except TimeoutError:
                    yield ": still here\n\n"
                    continue
                except StopAsyncIteration:
                    return
                event = numbered.event
                if station in (None, event.station) and (not kinds or event.kind in kinds):
                    yield _frame(numbered)


def _frame(numbered: Numbered) -> str:
    data = json.dumps(views.event(numbered), separators=(",", ":"))
    return f"id: {numbered.number}\nevent: {numbered.event.kind}\ndata: {data}\n\n"
