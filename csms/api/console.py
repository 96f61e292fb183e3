"""The console: a page for people, files as they lie in `csms/console`.

The files hold no secret and are the same everywhere, so they are given out without a token; what they show is asked for with it.
"""

import asyncio
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from csms.api.routes import ApiError

FOLDER: Final = Path(__file__).parents[1] / "console"
PREFIX: Final = "/console/"
FREE_PATHS: Final = frozenset({"/", "/console"})
TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
    ".txt": "text/plain; charset=utf-8",
}
HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def is_free(path: str) -> bool:
    """Whether a path tells nothing that needs a token."""
    return path in FREE_PATHS or path.startswith(PREFIX)


class Console:
    """Handlers of these routes. Only files that were there when the program started are given out."""

    def __init__(self) -> None:
        self._files = {
            path.relative_to(FOLDER).as_posix(): TYPES[path.suffix]
            for path in FOLDER.rglob("*")
            if path.is_file() and path.suffix in TYPES
        }

    def routes(self) -> list[Route]:
        """The table; these paths are for people, and no part of the API's description."""
        return [
            Route("/", self.index, methods=["GET"]),
            Route("/console", self.elsewhere, methods=["GET"]),
            Route("/console/{name:path}", self.file, methods=["GET"]),
        ]

    async def index(self, _request: Request) -> Response:
        """The document that loads the rest."""
        return await self._answer("index.html")

    async def elsewhere(self, _request: Request) -> Response:
        """Where people may look for it."""
        return RedirectResponse("/")

    async def file(self, request: Request) -> Response:
        """A module, a style sheet, the font."""
        return await self._answer(request.path_params["name"])

    async def _answer(self, name: str) -> Response:
        kind = self._files.get(name)
        if kind is None:
            raise ApiError(404, "no-such-file", f"the console has no file {name[:100]!r}")
        content = await asyncio.to_thread((FOLDER / name).read_bytes)
        return Response(content, media_type=kind, headers=HEADERS)
