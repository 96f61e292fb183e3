"""What people can do at a mock board beside looking: act on its world, meddle with its frames, play and record scenarios."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from starlette.routing import Route

from firmware.control.mock import MockRoutes
from firmware.control.picture import Picture
from firmware.control.rules import RuleRoutes, rules_picture
from firmware.control.scenarios import ScenarioRoutes
from firmware.scenarios.recording import Recorder

if TYPE_CHECKING:
    from firmware.app import App


def bench_routes(app: "App", picture: Picture, changed: Callable[[], None]) -> list[Route]:
    """The routes of a mock board; what they show becomes part of the picture. `changed` is called after everything."""
    world, rules = app.board.world, app.connection.rules
    assert world is not None
    assert rules is not None
    recorder = Recorder(app.clock.monotonic)
    scenarios = ScenarioRoutes(app, recorder, changed)

    def done(path: str, body: dict[str, Any]) -> None:
        recorder.note(path, body)
        changed()

    picture.more["rules"] = lambda: rules_picture(rules)
    picture.more["scenario"] = scenarios.picture
    return [*MockRoutes(world, done).routes(), *RuleRoutes(rules, changed).routes(), *scenarios.routes()]
