"""Answers of the interface: JSON, errors that name the field at fault, and bodies that are read with a limit."""

import json
from collections.abc import Mapping
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

MAX_BODY_BYTES: Final = 64 * 1024
JSON_TYPE: Final = "application/json"
JSON_LINES_TYPE: Final = "application/x-ndjson"


class ApiError(Exception):
    """A refusal. `field` is the dotted name of the part of the request at fault, empty for the request as a whole."""

    def __init__(self, status: int, message: str, field: str = "", *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.field = field
        self.headers = headers

    def response(self) -> Response:
        """The refusal as JSON."""
        return answer({"error": {"field": self.field, "message": self.message}}, self.status, headers=self.headers)


def dumps(value: Any) -> str:
    """Compact JSON; raises ValueError for numbers that JSON does not have."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def answer(value: Any, status: int = 200, *, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON answer."""
    # a lone surrogate (possible in any JSON string) has no UTF-8; it goes as a question mark
    body = (dumps(value) + "\n").encode(errors="replace")
    return Response(body, status, headers=dict(headers or {}), media_type=JSON_TYPE)


async def json_object(request: Request) -> dict[str, Any]:
    """The body: a JSON object, an empty one when nothing was sent. Raises ApiError 413 and 400."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise ApiError(413, f"the body has more than {MAX_BODY_BYTES} bytes")
    if not body:
        return {}
    try:
        value = json.loads(body, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise ApiError(400, f"the body is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise ApiError(400, "the body is not a JSON object; send {…}")
    return value


def whole_number(request: Request, name: str, default: int, *, highest: int) -> int:
    """A query parameter from 0 to `highest`. Raises ApiError 400 naming it."""
    text = request.query_params.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 19 and int(text) <= highest):
        raise ApiError(400, f"expected a whole number from 0 to {highest}", name)
    return int(text)


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")
