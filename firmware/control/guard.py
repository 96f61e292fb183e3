"""Who may ask: requests that name this interface, come from no foreign page and bring the token where there is one."""

from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from firmware.control.address import Address
from firmware.control.answers import JSON_TYPE, ApiError
from firmware.control.sessions import PATH, Sessions

FREE_PATHS: Final = frozenset({"/health", "/", PATH})  # what tells nothing that needs a token, and the way to give it
CHANGING: Final = frozenset({"POST", "PUT", "PATCH"})
FREE_FOLDER: Final = "/page/"  # files that are the same on every station

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


class Guard:
    """ASGI middleware in front of every route; also gives every answer its protective headers."""

    def __init__(self, app: ASGIApp, address: Address, sessions: Sessions) -> None:
        self._app = app
        self._address = address
        self._sessions = sessions

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def protected(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        refusal = self._refusal(scope["method"], scope["path"], Headers(scope=scope))
        if refusal is None:
            await self._app(scope, receive, protected)
        else:
            await refusal.response()(scope, receive, protected)

    def _refusal(self, method: str, path: str, headers: Headers) -> ApiError | None:
        host = headers.get("host", "")
        if not self._address.answers_to(host):
            return ApiError(403, f"asked as {host[:100]!r}; ask by the address that control.listen names")
        origin = headers.get("origin")
        if origin is not None and not self._address.is_origin(origin, host):
            return ApiError(403, "requests from pages of another origin are refused")
        if self._sessions.needed and not self._is_free(path) and not self._knows(headers):
            return ApiError(
                401,
                "send the token of control.token: Authorization: Bearer …, or sign in on the page",
                headers={"WWW-Authenticate": "Bearer"},
            )
        if method in CHANGING and headers.get("content-type", "").partition(";")[0].strip().lower() != JSON_TYPE:
            # also what makes a browser ask before it sends a page's request across origins
            return ApiError(415, f"send Content-Type: {JSON_TYPE}")
        return None

    @staticmethod
    def _is_free(path: str) -> bool:
        return path in FREE_PATHS or path.startswith(FREE_FOLDER)

    def _knows(self, headers: Headers) -> bool:
        scheme, _, given = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and self._sessions.knows_token(given.strip()):
            return True
        return self._sessions.knows_cookie(headers.get("cookie", ""))
