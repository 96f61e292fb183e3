"""Sign-in of the page where a token is set: the browser's `EventSource` cannot send a header, so it gets a cookie for the token.

The cookie is a random number that says nothing of the token; scripts cannot read it, and no other site's page can make the browser
send it. Sessions live in memory: after a restart of the program people sign in again.
"""

import hmac
import secrets
from collections import OrderedDict
from collections.abc import Callable
from http.cookies import CookieError, SimpleCookie
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from firmware.control.answers import ApiError, answer, json_object

PATH: Final = "/api/session"
KEPT: Final = 32  # sessions; the one that was idle longest goes
IDLE_S: Final = 12 * 3600.0
TRIES: Final = 10  # wrong tokens …
TRIES_S: Final = 60.0  # … within this time, then nobody is let in until it is over


class Sessions:
    """Who has signed in. `now` gives monotonic seconds."""

    def __init__(self, token: str | None, now: Callable[[], float], *, port: int, secure: bool) -> None:
        self._token = token
        self._now = now
        self._cookie = f"wayside-{port}"  # cookies do not tell ports apart; two stations on one machine must
        self._secure = secure
        self._seen: OrderedDict[str, float] = OrderedDict()
        self._wrong: list[float] = []

    @property
    def needed(self) -> bool:
        """True where a token is set."""
        return self._token is not None

    def routes(self) -> list[Route]:
        """The table."""
        return [
            Route(PATH, self.show, methods=["GET"]),
            Route(PATH, self.sign_in, methods=["POST"]),
            Route(PATH, self.sign_out, methods=["DELETE"]),
        ]

    def knows_token(self, given: str) -> bool:
        """True for the token itself; takes as long for a wrong one."""
        return self._token is not None and hmac.compare_digest(given.encode("latin-1", "replace"), self._token.encode())

    def knows_cookie(self, header: str) -> bool:
        """True when a `Cookie` header belongs to a session that is not too old; keeps it alive."""
        name = self._read(header)
        last = self._seen.get(name) if name else None
        if name is None or last is None:
            return False
        if self._now() - last > IDLE_S:
            del self._seen[name]
            return False
        self._seen[name] = self._now()
        self._seen.move_to_end(name)
        return True

    async def show(self, request: Request) -> Response:
        """Whether a token is wanted, and whether this browser has given it."""
        signed_in = not self.needed or self.knows_cookie(request.headers.get("cookie", ""))
        return answer({"token_needed": self.needed, "signed_in": signed_in})

    async def sign_in(self, request: Request) -> Response:
        """Exchange the token for a cookie. Raises ApiError 403 for a wrong token and 429 after too many."""
        body = await json_object(request)
        given, now = body.get("token"), self._now()
        self._wrong = [at for at in self._wrong if now - at < TRIES_S]
        if len(self._wrong) >= TRIES:
            raise ApiError(429, f"too many wrong tokens; wait {TRIES_S:.0f} s")
        if not isinstance(given, str) or not self.knows_token(given):
            self._wrong.append(now)
            raise ApiError(403, "this is not the token of control.token", "token")
        name = secrets.token_urlsafe(32)
        self._seen[name] = now
        while len(self._seen) > KEPT:
            self._seen.popitem(last=False)
        return answer({"signed_in": True}, headers={"Set-Cookie": self._set(name, IDLE_S)})

    async def sign_out(self, request: Request) -> Response:
        """Forget this browser."""
        self._seen.pop(self._read(request.headers.get("cookie", "")) or "", None)
        return answer({"signed_in": False}, headers={"Set-Cookie": self._set("", 0)})

    def _read(self, header: str) -> str | None:
        try:
            found = SimpleCookie(header).get(self._cookie)
        except CookieError:
            return None
        return found.value if found is not None else None

    def _set(self, value: str, age_s: float) -> str:
        secure = "; Secure" if self._secure else ""
        return f"{self._cookie}={value}; Max-Age={age_s:.0f}; Path=/; HttpOnly; SameSite=Strict{secure}"
