"""Answers about scenarios: the library, and playing one of it or a text. Loaded when somebody first asks; see `scenarios`."""

from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from firmware.control.answers import ApiError, answer, json_object
from firmware.scenarios import library
from firmware.scenarios.format import Scenario, ScenarioError, parse
from firmware.scenarios.player import NotNow, Player

OWN = "scenario"  # the name of a text that somebody sends


class ScenarioDesk:
    """Handlers. `picture` is what changes: the newest run, and the recording."""

    def __init__(self, player: Player, picture: Callable[[], dict[str, Any]]) -> None:
        self.player = player
        self._picture = picture
        self._library: list[Scenario] | None = None

    async def list(self, _request: Request) -> Response:
        """The library, and how the newest run stands."""
        if self._library is None:
            self._library = [library.get(name) for name in library.names()]  # read once: it never changes
        return answer({"scenarios": [self._summary(each) for each in self._library], **self._picture()})

    def _summary(self, scenario: Scenario) -> dict[str, Any]:
        return {
            "name": scenario.name,
            "title": scenario.head.title,
            "about": scenario.head.about,
            "protocols": list(scenario.head.protocols),
            "playable_here": self.player.hindrance(scenario) is None,
            "steps": [step.title for step in scenario.steps],
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
            self.player.start(scenario)
        except NotNow as error:
            raise ApiError(409, str(error)) from None
        return answer(self._picture(), 202)

    async def stop(self, request: Request) -> Response:
        """End the run that is on."""
        await json_object(request)
        return answer({"stopped": self.player.stop()})


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
