"""Scenarios over HTTP, on a mock board only: the library, playing one, and what was recorded at the board."""

import asyncio
import importlib
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from firmware.control.answers import ApiError, answer, json_object
from firmware.scenarios.recording import Recorder

if TYPE_CHECKING:
    from firmware.app import App
    from firmware.control.scenario_desk import ScenarioDesk


class ScenarioRoutes:
    """The table, and the recording. The rest of the room of scenarios is loaded when it is first asked for: few runs play one."""

    def __init__(self, app: "App", recorder: Recorder, changed: Callable[[], None]) -> None:
        self._app = app
        self._recorder = recorder
        self._changed = changed
        self._desk: ScenarioDesk | None = None

    def routes(self) -> list[Route]:
        """The table."""
        return [
            Route("/api/scenarios", self._at_desk(lambda desk: desk.list), methods=["GET"]),
            Route("/api/scenarios/run", self._at_desk(lambda desk: desk.run), methods=["POST"]),
            Route("/api/scenarios/stop", self._at_desk(lambda desk: desk.stop), methods=["POST"]),
            Route("/api/scenarios/recording", self.recording, methods=["GET"]),
            Route("/api/scenarios/recording", self.record, methods=["POST"]),
            Route("/api/scenarios/{name}", self._at_desk(lambda desk: desk.text), methods=["GET"]),
        ]

    def picture(self) -> dict[str, Any]:
        """What changes: the newest run, and the recording."""
        return {
            "run": None if self._desk is None else self._desk.player.picture(),
            "recording": {"on": self._recorder.on, "actions": self._recorder.count},
        }

    async def recording(self, _request: Request) -> Response:
        """What was done at the board since recording was switched on, as a file."""
        headers = {"Content-Disposition": 'attachment; filename="recorded.toml"'}
        return PlainTextResponse(self._recorder.text(), media_type="application/toml", headers=headers)

    async def record(self, request: Request) -> Response:
        """Switch recording on, which begins anew, or off."""
        body = await json_object(request)
        if set(body) != {"on"} or not isinstance(body["on"], bool):
            raise ApiError(400, 'send {"on": true} or {"on": false}', "on")
        self._recorder.switch(body["on"])
        return answer(self.picture())

    def _at_desk(
        self, chosen: Callable[["ScenarioDesk"], Callable[[Request], Awaitable[Response]]]
    ) -> Callable[[Request], Awaitable[Response]]:
        async def handle(request: Request) -> Response:
            return await chosen(await self._loaded())(request)

        return handle

    async def _loaded(self) -> "ScenarioDesk":
        if self._desk is None:
            # In a thread: it takes as long as a handshake, and nothing else waits for it.
            await asyncio.to_thread(importlib.import_module, "firmware.control.scenario_desk")
        if self._desk is None:
            from firmware.control.scenario_desk import ScenarioDesk  # noqa: PLC0415
            from firmware.scenarios.player import Player  # noqa: PLC0415

            self._desk = ScenarioDesk(Player(self._app, self._changed), self.picture)
        return self._desk
