"""What a route is, and the errors a handler may raise."""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, TypeAlias

from pydantic import BaseModel, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

MAX_BODY_BYTES: Final = 1024 * 1024
MAX_LIMIT: Final = 10_000

Endpoint: TypeAlias = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One query parameter or header, for the description."""

    name: str
    text: str
    kind: str = "string"
    where: str = "query"


class Reach(StrEnum):
    """Which nodes of a cluster answer a request."""

    HERE = "here"
    STATION = "station"  # the one that holds the station
    EVERY_NODE = "every-node"  # all of them do it, the one that was asked answers
    GATHERED = "gathered"  # all of them, with one list
    FIRST_FOUND = "first-found"  # one that does not answer 404


@dataclass(frozen=True, slots=True)
class Route:
    """One operation of the API. `path` is Starlette's; `answers` maps each HTTP status to its meaning."""

    method: str
    path: str
    endpoint: Endpoint
    summary: str
    answers: Mapping[int, str]
    parameters: tuple[Parameter, ...] = ()
    body: Mapping[str, Any] | type[BaseModel] | None = None  # its JSON schema, or its model
    media_type: str = "application/json"
    reach: Reach = Reach.HERE


@dataclass(eq=False)  # not frozen: whoever handles an exception sets its traceback
class ApiError(Exception):
    """An answer with an error status. `code` is for programs, `text` says what is wrong and what to do."""

    status: int
    code: str
    text: str
    violations: tuple[Mapping[str, str], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)

    def response(self) -> JSONResponse:
        """The error as JSON."""
        error: dict[str, Any] = {"code": self.code, "text": self.text}
        if self.violations:
            error["violations"] = list(self.violations)
        return JSONResponse({"error": error}, self.status, headers=dict(self.headers))


async def json_body(request: Request, *, default: Any = None) -> Any:
    """The decoded body, its keys in the caller's order. Raises ApiError."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise ApiError(413, "body-too-large", f"the body has more than {MAX_BODY_BYTES} bytes")
    if not body and default is not None:
        return default
    try:
        return json.loads(body, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise ApiError(400, "not-json", f"the body is not JSON: {error}") from error


def model_body(model: type[BaseModel], value: Any) -> Any:
    """A body read by its model. Raises ApiError naming each wrong field."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        violations = tuple(
            {"path": ".".join(map(str, each["loc"])), "text": each["msg"]}
            for each in error.errors(include_url=False, include_context=False, include_input=False)
        )
        raise ApiError(422, "invalid-body", "the body breaks its schema", violations) from None


def flag(request: Request, name: str) -> bool:
    """A query parameter that is 1/true or 0/false/absent. Raises ApiError."""
    text = request.query_params.get(name, "0").lower()
    if text in ("1", "true", ""):
        return True
    if text in ("0", "false"):
        return False
    raise ApiError(400, "bad-parameter", f"{name}={text[:20]!r}: use 1 or 0")


def number(request: Request, name: str, *, default: float, low: float, high: float) -> float:
    """A numeric query parameter within limits. Raises ApiError."""
    text = request.query_params.get(name)
    if text is None:
        return default
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not low <= value <= high:
        raise ApiError(400, "bad-parameter", f"{name}={text[:20]!r}: use a number from {low:g} to {high:g}")
    return value


def limit(request: Request) -> int:
    """How many entries the caller wants at most."""
    return int(number(request, "limit", default=100, low=1, high=MAX_LIMIT))


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
