"""The page: files as they lie in `page/`, read when they are asked for and kept nowhere.

They hold no secret and are the same on every station, so they are given out before anybody has signed in.
"""

import asyncio
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from firmware.control.answers import ApiError

FOLDER: Final = Path(__file__).with_name("page")
TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
    ".txt": "text/plain; charset=utf-8",
}


class PageRoutes:
    """Handlers of these routes. Only files that were there when the program started are given out."""

    def __init__(self) -> None:
        self._files = {
            path.relative_to(FOLDER).as_posix(): TYPES[path.suffix]
            for path in FOLDER.rglob("*")
            if path.is_file() and path.suffix in TYPES
        }

    def routes(self) -> list[Route]:
        """The table."""
        return [
            Route("/", self.index, methods=["GET"]),
            Route("/page/{name:path}", self.file, methods=["GET"]),
        ]

    async def index(self, _request: Request) -> Response:
        """The document that loads the rest."""
        return await self._answer("index.html")

    async def file(self, request: Request) -> Response:
        """A module, a style sheet, the font."""
        return await self._answer(request.path_params["name"])

    async def _answer(self, name: str) -> Response:
        kind = self._files.get(name)
        if kind is None:
            raise ApiError(404, f"the page has no file {name[:100]!r}")
        return Response(await asyncio.to_thread((FOLDER / name).read_bytes), media_type=kind)
