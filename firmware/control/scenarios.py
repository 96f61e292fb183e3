"""Scenarios over HTTP, on a mock board only: the library, playing one, and what was recorded at the board."""

from typing import Any

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from firmware.control.answers import ApiError, answer, json_object
from firmware.scenarios import library
from firmware.scenarios.format import Scenario, ScenarioError, parse
from firmware.scenarios.player import NotNow, Player
from firmware.scenarios.recording import Recorder

OWN = "scenario"  # the name of a text that somebody sends


class ScenarioRoutes:
    """Handlers of these routes."""

    def __init__(self, player: Player, recorder: Recorder) -> None:
        self._player = player
        self._recorder = recorder
        self._library: list[Scenario] | None = None

    def routes(self) -> list[Route]:
        """The table."""
        return [
            Route("/api/scenarios", self.list, methods=["GET"]),
            Route("/api/scenarios/run", self.run, methods=["POST"]),
            Route("/api/scenarios/stop", self.stop, methods=["POST"]),
            Route("/api/scenarios/recording", self.recording, methods=["GET"]),
            Route("/api/scenarios/recording", self.record, methods=["POST"]),
            Route("/api/scenarios/{name}", self.text, methods=["GET"]),
        ]

    async def list(self, _request: Request) -> Response:
        """The library, and how the newest run stands."""
        if self._library is None:
            self._library = [library.get(name) for name in library.names()]  # read once: it never changes
        return answer({"scenarios": [self._summary(each) for each in self._library], **self.picture()})

    def _summary(self, scenario: Scenario) -> dict[str, Any]:
        return {
            "name": scenario.name,
            "title": scenario.head.title,
            "about": scenario.head.about,
            "protocols": list(scenario.head.protocols),
            "playable_here": self._player.hindrance(scenario) is None,
            "steps": [step.title for step in scenario.steps],
        }

    def picture(self) -> dict[str, Any]:
        """What changes: the newest run, and the recording."""
        return {
            "run": self._player.picture(),
            "recording": {"on": self._recorder.on, "actions": self._recorder.count},
        }

    async def text(self, request: Request) -> Response:
        """The file of a scenario."""
        try:
            return PlainTextResponse(library.text(request.path_params["name"]), media_type="application/toml")
        except ScenarioError as error:
            raise ApiError(404, str(error)) from None

    async def run(self, request: Request) -> Response:
        """Play one of the library, `name`, or a file's text, `text`."""
        body = await json_object(request)
        scenario = _wanted(body)
        try:
            self._player.start(scenario)
        except NotNow as error:
            raise ApiError(409, str(error)) from None
        return answer(self.picture(), 202)

    async def stop(self, request: Request) -> Response:
        """End the run that is on."""
        await json_object(request)
        return answer({"stopped": self._player.stop()})

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


def _wanted(body: dict[str, Any]) -> Scenario:
    if len(body) != 1 or not isinstance(next(iter(body.values())), str):
        raise ApiError(400, "send name, of the library, or text, of a file")
    try:
        if "name" in body:
            return library.get(body["name"])
        if "text" in body:
            return parse(body["text"], name=OWN, source=OWN)
    except ScenarioError as error:
        raise ApiError(400, str(error), next(iter(body))) from None
    raise ApiError(400, "unknown key; send name or text", next(iter(body)))
