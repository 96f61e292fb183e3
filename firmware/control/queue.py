"""The journal over HTTP: what waits, what was given up, and what a person may do about that."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from typing import TYPE_CHECKING, Any, Final, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from firmware.control.answers import JSON_LINES_TYPE, ApiError, answer, json_object, whole_number
from firmware.control.picture import Picture
from firmware.control.records import record_picture
from offline_queue import QueueError

if TYPE_CHECKING:
    from firmware.app import App

T = TypeVar("T")

USUAL_LIMIT: Final = 100
HIGHEST_LIMIT: Final = 1000
DISK_TIMEOUT_S: Final = 5.0


class IdsBody(BaseModel):
    """Which dead letters."""

    model_config = ConfigDict(strict=True, extra="forbid")

    ids: list[int] = Field(min_length=1, max_length=1000)


class QueueRoutes:
    """Handlers of these routes."""

    def __init__(self, app: "App", picture: Picture) -> None:
        self._app = app
        self._picture = picture

    def routes(self) -> list[Route]:
        """The table."""
        return [
            Route("/api/queue", self.show, methods=["GET"]),
            Route("/api/queue/dead.jsonl", self.export, methods=["GET"]),
            Route("/api/queue/retry", self.retry, methods=["POST"]),
            Route("/api/queue/discard", self.discard, methods=["POST"]),
        ]

    async def show(self, request: Request) -> Response:
        """Depth and health, then at most `limit` records that wait in each lane and as many dead letters, oldest first."""
        limit = whole_number(request, "limit", USUAL_LIMIT, highest=HIGHEST_LIMIT)
        queue, timeline = self._app.queue, self._app.timeline
        await self._picture.oldest.look()
        waiting = [record for lane in sorted(queue.stats().depth) for record in await _in_time(queue.peek(lane, limit))]
        dead = await _in_time(queue.dead(limit))
        return answer(
            {
                **self._picture.queue(),
                "waiting": [record_picture(record, timeline) for record in waiting],
                "dead_letters": [record_picture(record, timeline) for record in dead],
            }
        )

    async def export(self, _request: Request) -> Response:
        """Dead letters in full, with the tokens that a bill needs."""
        lines = self._app.queue.export_dead()
        first = await _in_time(anext(lines, None))  # an error of the disk is still an error status
        headers = {"Content-Disposition": 'attachment; filename="dead-letters.jsonl"'}
        return StreamingResponse(_lines(first, lines), media_type=JSON_LINES_TYPE, headers=headers)

    async def retry(self, request: Request) -> Response:
        """Put dead letters back into the queue, as if never sent."""
        ids = await _ids(request)
        count = await _in_time(self._app.queue.retry(ids))
        self._app.outbox.wake()
        return answer({"retried": count})

    async def discard(self, request: Request) -> Response:
        """Delete dead letters for good."""
        ids = await _ids(request)
        return answer({"discarded": await _in_time(self._app.queue.discard(ids))})


async def _in_time(work: Awaitable[T]) -> T:
    """Wait for the disk. Raises ApiError 503 when it fails and 504 when it hangs."""
    try:
        async with asyncio.timeout(DISK_TIMEOUT_S):
            return await work
    except QueueError as error:
        raise ApiError(503, f"the journal cannot do this now: {error}") from None
    except TimeoutError:
        raise ApiError(504, f"the disk did not answer within {DISK_TIMEOUT_S:g} s") from None


async def _ids(request: Request) -> list[int]:
    body: dict[str, Any] = await json_object(request)
    try:
        return IdsBody.model_validate(body).ids
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = ".".join(str(part) for part in first["loc"])
        reason = "unknown key" if first["type"] == "extra_forbidden" else first["msg"]
        raise ApiError(400, f"{name}: {reason}", name) from None


async def _lines(first: str | None, rest: AsyncIterator[str]) -> AsyncIterator[str]:
    if first is not None:
        yield f"{first}\n"
        async for line in rest:
            yield f"{line}\n"
