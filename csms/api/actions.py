"""Routes about the protocol itself: which commands there are, and what their payloads look like."""

from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from csms import handlers
from csms.api.routes import ApiError, Route
from csms.config import SPOKEN
from ocpp_client.catalogue import Catalogue, UnknownAction, catalogue

_BOTH_WAYS: Final = frozenset({"DataTransfer"})


def commands_of(protocol: str) -> list[str]:
    """The calls a central system makes in an OCPP version. Raises ValueError for a version nobody knows."""
    incoming = handlers.router()
    actions = sorted(catalogue(protocol).actions)
    return [each for each in actions if each in _BOTH_WAYS or incoming.find(protocol, each) is None]


class Actions:
    """Handlers of these routes."""

    def routes(self) -> list[Route]:
        """The table."""
        return [
            Route(
                "GET", "/api/protocols", self.protocols, "The OCPP versions, and the commands of each", {200: "found"}
            ),
            Route(
                "GET",
                "/api/protocols/{protocol}/commands/{action}",
                self.schemas,
                "The JSON schemas of a command's payload and of its answer",
                {200: "found", 404: "no such version or action"},
            ),
        ]

    async def protocols(self, _request: Request) -> Response:
        return JSONResponse({protocol: commands_of(protocol) for protocol in SPOKEN})

    async def schemas(self, request: Request) -> Response:
        protocol, action = request.path_params["protocol"], request.path_params["action"]
        if protocol not in SPOKEN:
            raise ApiError(404, "unknown-protocol", f"use one of {', '.join(SPOKEN)}")
        messages: Catalogue = catalogue(protocol)
        try:
            request_model, response_model = messages.request(action), messages.response(action)
        except UnknownAction as error:
            raise ApiError(404, "unknown-action", f"{error}; see /api/protocols") from None
        return JSONResponse(
            {"request": request_model.model_json_schema(), "response": response_model.model_json_schema()}
        )
