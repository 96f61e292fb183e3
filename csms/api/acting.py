"""Routes that act: commands, faults, tokens, connections."""

import asyncio
import json
from typing import Any, Final

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from csms.api import views
from csms.api.reading import station_and_store
from csms.api.routes import ApiError, Parameter, Reach, Route, flag, json_body, model_body, number
from csms.api.system import System
from csms.cluster.bus import BusUnavailable
from csms.cluster.wire import BatchItem
from csms.core.effects import OutcomeKind
from csms.faults.plan import FaultPlan
from csms.faults.seeded import seeded
from csms.tokens import STATUSES, TokenEntry
from ocpp_client.catalogue import UnknownAction
from ocpp_client.messages import MessageInvalid

MAX_TIMEOUT_S: Final = 600.0
MAX_BATCH: Final = 5_000

STATUS_OF: Final = {
    OutcomeKind.ANSWERED: 200,
    OutcomeKind.ERROR: 200,
    OutcomeKind.TIMEOUT: 504,
    OutcomeKind.EXPIRED: 504,
    OutcomeKind.NOT_CONNECTED: 409,
    OutcomeKind.CONFLICT: 409,
    OutcomeKind.BUSY: 429,
}


class TokenBody(BaseModel):
    """What is known of a token."""

    model_config = ConfigDict(extra="forbid")

    status: str = "Accepted"
    parent: str | None = None
    expires_at: AwareDatetime | None = None


class BatchCommand(BaseModel):
    """One command of a batch; its payload goes out with the keys in the caller's order."""

    model_config = ConfigDict(extra="forbid")

    station: str
    action: str
    payload: Any = Field(default_factory=dict)
    idempotency_key: str | None = None


class BatchBody(BaseModel):
    """Commands for many stations."""

    model_config = ConfigDict(extra="forbid")

    commands: list[BatchCommand] = Field(max_length=MAX_BATCH)


class Acting:
    """Handlers of these routes."""

    def __init__(self, csms: System) -> None:
        self._csms = csms

    def routes(self) -> list[Route]:
        """The table."""
        faults, token = "/api/stations/{station:path}/faults", "/api/tokens/{token:path}"
        return [
            Route(
                "POST",
                "/api/stations/{station:path}/commands/{action}",
                self.command,
                "Call a station and wait for the outcome",
                {
                    200: "the station answered, with a result or a CALLERROR",
                    400: "the body is not JSON, or a parameter is wrong",
                    404: "unknown station or action",
                    409: "the station is not connected, or the idempotency key belongs to another command",
                    422: "the payload breaks its schema",
                    429: "too many commands wait for this station",
                    503: "the station's version cannot be found out, because the cluster is out of reach",
                    504: "no answer in time",
                },
                (
                    Parameter("unchecked", "1: send the body as it is, without looking at it", "integer"),
                    Parameter("timeout_s", "seconds to wait, in the queue and for the answer", "number"),
                    Parameter("Idempotency-Key", "commands with the same key are one call", where="header"),
                ),
                {"type": "object", "description": "the payload of the call, in the names of OCPP"},
            ),
            Route(
                "POST",
                "/api/batch",
                self.batch,
                "Call many stations at once; an outcome for each command, in their order",
                {200: "done; each command has its own outcome", 400: "a parameter is wrong", 422: "no such batch"},
                (
                    Parameter("unchecked", "1: send all payloads as they are, without looking at them", "integer"),
                    Parameter("timeout_s", "seconds to wait for all of them", "number"),
                ),
                BatchBody,
            ),
            Route(
                "POST",
                "/api/broadcast/{action}",
                self.broadcast,
                "Call every connected station, unchecked; an outcome for each",
                {200: "done", 400: "the body is not JSON, or a parameter is wrong", 503: "the cluster is out of reach"},
                (Parameter("timeout_s", "seconds to wait for all of them", "number"),),
                {"type": "object", "description": "the payload of the call"},
            ),
            Route(
                "DELETE",
                "/api/stations/{station:path}/connection",
                self.disconnect,
                "Close a station's connection",
                {204: "closing", 404: "unknown station", 409: "not connected"},
                (Parameter("code", "WebSocket close code, 1000 when absent", "integer"),),
                reach=Reach.STATION,
            ),
            Route(
                "PUT",
                faults,
                self.put_faults,
                "Misbehave towards a station, also one that was never here",
                {200: "the plan is at work", 400: "a parameter is wrong", 422: "no such plan"},
                (Parameter("random", "make the plan from this seed; there is no body then", "integer"),),
                body=FaultPlan,
                reach=Reach.EVERY_NODE,
            ),
            Route("GET", faults, self.get_faults, "The fault plan of a station", {200: "found", 404: "none"}),
            Route(
                "DELETE",
                faults,
                self.delete_faults,
                "Behave again",
                {204: "no faults any more"},
                reach=Reach.EVERY_NODE,
            ),
            Route("GET", "/api/tokens", self.tokens, "All configured tokens", {200: "found"}),
            Route("GET", token, self.get_token, "One token", {200: "found", 404: "unknown"}),
            Route(
                "PUT",
                token,
                self.put_token,
                "Add or replace a token",
                {200: "stored", 422: "no such status, or a time without offset"},
                body=TokenBody,
            ),
            Route("DELETE", token, self.delete_token, "Remove a token", {204: "removed", 404: "unknown"}),
        ]

    async def command(self, request: Request) -> Response:
        text = _compact(await json_body(request, default={}))  # first: an unread body would end the connection
        station, action = await self._addressed(request), request.path_params["action"]
        unchecked = flag(request, "unchecked")
        timeout_s = self._timeout_s(request)
        if not unchecked:
            await self._check(station, action, text)
        outcome = await self._csms.command_raw(
            station, action, text, timeout_s=timeout_s, idempotency_key=request.headers.get("idempotency-key")
        )
        headers = {"Retry-After": "1"} if outcome.kind is OutcomeKind.BUSY else {}
        return JSONResponse(views.outcome(outcome), STATUS_OF[outcome.kind], headers=headers)

    async def batch(self, request: Request) -> Response:
        body: BatchBody = model_body(BatchBody, await json_body(request))
        unchecked, timeout_s = flag(request, "unchecked"), self._timeout_s(request)
        items = [
            BatchItem(each.station, each.action, _compact(each.payload), each.idempotency_key) for each in body.commands
        ]
        wrong = [()] * len(items) if unchecked else await asyncio.gather(*(self._violations(item) for item in items))
        good = [item for item, violations in zip(items, wrong, strict=True) if not violations]
        outcomes = iter(await self._csms.batch(good, timeout_s=timeout_s))
        return JSONResponse(
            [
                {"station": item.station, **(views.invalid(bad) if bad else views.outcome(next(outcomes)))}
                for item, bad in zip(items, wrong, strict=True)
            ]
        )

    async def _violations(self, item: BatchItem) -> tuple[str, ...]:
        """Where a command breaks the schema of its station's version, if that can be found out."""
        try:
            await self._csms.check(item.station, item.action, item.payload)
        except BusUnavailable:
            return ()  # its outcome will tell
        except UnknownAction as error:
            return (str(error),)
        except MessageInvalid as error:
            return tuple(str(each) for each in error.violations)
        return ()

    async def broadcast(self, request: Request) -> Response:
        text, timeout_s = _compact(await json_body(request, default={})), self._timeout_s(request)
        try:
            found = await self._csms.broadcast(request.path_params["action"], text, timeout_s=timeout_s)
        except BusUnavailable as error:
            raise ApiError(503, "bus-unavailable", f"{error}; try again") from None
        outcomes = {station: views.outcome(outcome) for station, outcome in found.outcomes.items()}
        return JSONResponse({"outcomes": outcomes, "silent_nodes": list(found.silent_nodes)})

    def _timeout_s(self, request: Request) -> float:
        default_s = self._csms.config.command_timeout_s
        return number(request, "timeout_s", default=default_s, low=0.001, high=MAX_TIMEOUT_S)

    async def disconnect(self, request: Request) -> Response:
        station, _ = await station_and_store(self._csms, request)
        code = int(number(request, "code", default=1000, low=1000, high=4999))
        if not self._csms.disconnect(station, code=code, reason="closed by the operator"):
            raise ApiError(409, "not-connected", "the station is not connected")
        return Response(status_code=204)

    async def put_faults(self, request: Request) -> Response:
        station: str = request.path_params["station"]
        body = await json_body(request, default={})
        plan: FaultPlan
        if "random" in request.query_params:
            plan = seeded(int(number(request, "random", default=0, low=0, high=2**53)), station)
        else:
            plan = model_body(FaultPlan, body)
        self._csms.set_faults(station, plan)
        return JSONResponse(plan.model_dump(mode="json"))

    async def get_faults(self, request: Request) -> Response:
        plan = self._csms.faults(request.path_params["station"])
        if plan is None:
            raise ApiError(404, "no-faults", "no fault plan is at work for this station")
        return JSONResponse(plan.model_dump(mode="json"))

    async def delete_faults(self, request: Request) -> Response:
        self._csms.set_faults(request.path_params["station"], None)
        return Response(status_code=204)

    async def tokens(self, _request: Request) -> Response:
        return JSONResponse([views.token(entry) for entry in self._csms.tokens.all()])

    async def get_token(self, request: Request) -> Response:
        entry = self._csms.tokens.get(request.path_params["token"])
        if entry is None:
            raise ApiError(404, "unknown-token", "no such token is configured")
        return JSONResponse(views.token(entry))

    async def put_token(self, request: Request) -> Response:
        body: TokenBody = model_body(TokenBody, await json_body(request))
        if body.status not in STATUSES:
            raise ApiError(422, "invalid-body", f"status: use one of {', '.join(STATUSES)}")
        entry = TokenEntry(request.path_params["token"], body.status, body.parent, body.expires_at)
        self._csms.tokens.put(entry)
        return JSONResponse(views.token(entry))

    async def delete_token(self, request: Request) -> Response:
        if not self._csms.tokens.delete(request.path_params["token"]):
            raise ApiError(404, "unknown-token", "no such token is configured")
        return Response(status_code=204)

    async def _addressed(self, request: Request) -> str:
        """A station that may be called: known here, or connected to another node."""
        station: str = request.path_params["station"]
        if not await self._csms.is_elsewhere(station):
            await station_and_store(self._csms, request)
        return station

    async def _check(self, station: str, action: str, text: str) -> None:
        try:
            await self._csms.check(station, action, text)
        except BusUnavailable as error:
            raise ApiError(503, "bus-unavailable", f"{error}; ?unchecked=1 needs no version") from None
        except UnknownAction as error:
            raise ApiError(404, "unknown-action", f"{error}; ?unchecked=1 sends it all the same") from None
        except MessageInvalid as error:
            violations = tuple({"path": each.path, "text": each.text} for each in error.violations)
            raise ApiError(422, "invalid-payload", f"the payload breaks the schema of {action}", violations) from None


def _compact(payload: Any) -> str:
    text = json.dumps(payload, separators=(",", ":"), ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:  # a lone surrogate cannot be written as UTF-8, but its escape can
        return json.dumps(payload, separators=(",", ":"))
    return text
