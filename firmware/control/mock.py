"""The desktop world over HTTP: every action of `hal.mock.actions`, on a mock board only."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from firmware.control.answers import ApiError, answer, json_object
from hal.errors import HalError
from hal.mock.actions import catalogue, perform
from hal.mock.errors import BadBody, UnknownAction

if TYPE_CHECKING:
    from hal.mock.world import World


class MockRoutes:
    """Handlers of these routes. `done` is told of each action, by its path and body."""

    def __init__(self, world: "World", done: Callable[[str, dict[str, Any]], None]) -> None:
        self._world = world
        self._done = done
        self._catalogue: list[dict[str, Any]] | None = None

    def routes(self) -> list[Route]:
        """The table."""
        return [
            Route("/api/mock", self.list, methods=["GET"]),
            Route("/api/mock/{action:path}", self.act, methods=["POST"]),
        ]

    async def list(self, _request: Request) -> Response:
        """Every action: path, what it does, JSON Schema of its body, and a body that works."""
        if self._catalogue is None:
            self._catalogue = catalogue()  # schemas take a while to make, and never change
        return answer({"actions": self._catalogue})

    async def act(self, request: Request) -> Response:
        """Carry out an action; the answer is the part of the world that it changed."""
        body = await json_object(request)
        try:
            result = perform(self._world, request.path_params["action"], body)
        except UnknownAction as error:
            raise ApiError(404, str(error)) from None
        except BadBody as error:
            raise ApiError(400, str(error), error.field) from None
        except HalError as error:
            raise ApiError(409, str(error)) from None
        self._done(request.path_params["action"], body)
        return answer(result)
