"""The log of OCPP frames: a page of it, and all of it as JSON lines to take away."""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any, Final

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from firmware.control.answers import JSON_LINES_TYPE, answer, dumps, whole_number
from firmware.control.times import iso
from firmware.frames import KEPT, Frame

if TYPE_CHECKING:
    from firmware.app import App

USUAL_LIMIT: Final = 200
LINES_AT_ONCE: Final = 100
HIGHEST_NUMBER: Final = 10**15


def frame_picture(frame: Frame, violation: str | None = None) -> dict[str, Any]:
    """A frame. `text` is what went over the wire, secrets replaced and very long ones cut; `direction` is `out` from the station.

    A `violation` is named only where somebody has looked for it.
    """
    picture = {
        "number": frame.number,
        "direction": frame.direction,
        "at": iso(frame.wall_s),
        "monotonic_s": round(frame.monotonic_s, 6),
        "text": frame.text,
    }
    return picture if violation is None else {**picture, "violation": violation}


class FrameRoutes:
    """Handlers of these routes."""

    def __init__(self, app: "App") -> None:
        self._app = app

    def routes(self) -> list[Route]:
        """The table."""
        return [
            Route("/api/frames", self.page, methods=["GET"]),
            Route("/api/frames.jsonl", self.export, methods=["GET"]),
        ]

    async def page(self, request: Request) -> Response:
        """Frames after `since`, oldest first; without it the newest. At most `limit`."""
        limit = whole_number(request, "limit", USUAL_LIMIT, highest=KEPT)
        if "since" in request.query_params:
            found = self._app.frames.since(whole_number(request, "since", 0, highest=HIGHEST_NUMBER))[:limit]
        else:
            found = self._app.frames.since(0)[-limit:] if limit else []
        return answer({"frames": [frame_picture(frame) for frame in found]})

    async def export(self, _request: Request) -> Response:
        """Everything that is kept."""
        headers = {"Content-Disposition": 'attachment; filename="frames.jsonl"'}
        return StreamingResponse(_lines(self._app.frames.since(0)), media_type=JSON_LINES_TYPE, headers=headers)


async def _lines(frames: list[Frame]) -> AsyncIterator[bytes]:
    for start in range(0, len(frames), LINES_AT_ONCE):
        piece = frames[start : start + LINES_AT_ONCE]
        yield "".join(f"{dumps(frame_picture(frame))}\n" for frame in piece).encode(errors="replace")
