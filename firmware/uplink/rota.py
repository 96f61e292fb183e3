"""Which endpoint is dialled next: by priority, a few attempts each, back to the one that worked last, for ever. Pure.

After OCPP 2.0.1 B10.FR.07-09: so many attempts at an endpoint, then the next one; when all have failed, the one that worked last
comes first again.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One way to a central system. `url` is without the identity; the lower `priority`, the earlier it is tried."""

    url: str
    priority: int = 0
    interface: str | None = None
    proxy: str | None = None

    @property
    def is_tls(self) -> bool:
        """Whether it is dialled with TLS."""
        return self.url.startswith("wss:")


class Rota:
    """The endpoints in turn. `worked` is the URL of the one that worked last, from an earlier run of the program."""

    def __init__(self, endpoints: Sequence[Endpoint], *, attempts: int, worked: str | None = None) -> None:
        self._endpoints = sorted(endpoints, key=lambda one: one.priority)
        self.attempts = attempts  # at one endpoint before the next; may change at any time
        self._worked = self._place(worked)
        self._at = 0
        self._failures = 0
        self._tried = 1  # endpoints since one last worked

    @property
    def current(self) -> Endpoint:
        """The one to dial now."""
        return self._endpoints[self._at]

    @property
    def worked(self) -> str | None:
        """URL of the one that worked last; None if none has."""
        return None if self._worked is None else self._endpoints[self._worked].url

    def failed(self) -> None:
        """An attempt at the current one, or a connection over it, came to nothing."""
        self._failures += 1
        if self._failures < self.attempts or len(self._endpoints) == 1:
            return
        self._failures = 0
        self._tried += 1
        self._at = (self._at + 1) % len(self._endpoints)
        if self._tried > len(self._endpoints):
            self._tried = 1
            self._at = 0 if self._worked is None else self._worked

    def proven(self) -> bool:
        """The station was accepted over the current one. Returns whether it is another one than before."""
        changed = self._worked != self._at
        self._worked, self._failures, self._tried = self._at, 0, 1
        return changed

    def _place(self, url: str | None) -> int | None:
        return next((place for place, one in enumerate(self._endpoints) if one.url == url), None)


def fitting(endpoints: Sequence[Endpoint], *, tls: bool) -> list[Endpoint]:
    """Return the endpoints that fit a security profile with or without TLS.

    If none does, all of them with the scheme changed: a CSMS that raises the profile over OCPP 1.6 names no new URL.
    """
    fit = [one for one in endpoints if one.is_tls is tls]
    if fit:
        return fit
    scheme = "wss" if tls else "ws"
    return [
        Endpoint(f"{scheme}:{one.url.partition(':')[2]}", one.priority, one.interface, one.proxy) for one in endpoints
    ]
