"""Who may use the API: callers with the token, if there is one, and never a web page from elsewhere."""

import hmac
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from csms.api.console import is_free
from csms.api.routes import ApiError
from csms.config import LOOPBACK


class Guard:
    """ASGI middleware in front of every route.

    Without a token the API trusts its machine, so it answers only to names of the loopback interface: a page whose host
    name was pointed at 127.0.0.1 gets nothing. A request that a browser makes for another origin is refused always.
    """

    def __init__(self, app: ASGIApp, token: str | None) -> None:
        self._app = app
        self._token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = self._refusal(scope["path"], Headers(scope=scope)) if scope["type"] == "http" else None
        if refusal is None:
            await self._app(scope, receive, send)
        else:
            await refusal.response()(scope, receive, send)

    def _refusal(self, path: str, headers: Headers) -> ApiError | None:
        host = headers.get("host", "")
        if self._token is None and _name_of(f"//{host}") not in LOOPBACK:
            return ApiError(403, "wrong-host", "this API answers to localhost only; give it a token to open it up")
        origin = headers.get("origin")
        if origin is not None and urlsplit(origin).netloc != host:
            return ApiError(403, "cross-origin", "requests from pages of another origin are refused")
        if self._token is not None and not is_free(path):
            scheme, _, given = headers.get("authorization", "").partition(" ")
            if scheme.lower() != "bearer" or not hmac.compare_digest(given.encode(), self._token.encode()):
                return ApiError(
                    401, "no-token", "send the token: Authorization: Bearer …", headers={"WWW-Authenticate": "Bearer"}
                )
        return None


def _name_of(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None
