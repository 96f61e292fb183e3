"""Asks a running station over its control interface, with nothing but the standard library: for commands whose journal is locked by
that station.
"""

import json
import ssl
from collections.abc import Iterator
from http.client import HTTPException
from pathlib import Path
from typing import Any, Final
from urllib.error import HTTPError, URLError
from urllib.request import HTTPSHandler, ProxyHandler, Request, build_opener

from firmware.config import Config
from firmware.control.address import Address

TIMEOUT_S: Final = 10.0
IDS_AT_ONCE: Final = 1000  # what the station takes in one request


class ControlError(RuntimeError):
    """The station was not reached, or refused. The text says which and why."""


class ControlClient:
    """Speaks with one station. Every method raises ControlError and blocks for `timeout_s` at the most."""

    def __init__(
        self, url: str, token: str | None = None, *, timeout_s: float = TIMEOUT_S, certificate: Path | None = None
    ) -> None:
        """`url` as the station tells it, such as http://127.0.0.1:8080; `certificate` is the one that it shows with https."""
        self._url = url.rstrip("/")
        self._token = token
        self._timeout_s = timeout_s
        self._opener = build_opener(
            ProxyHandler({}), *_handlers(certificate)
        )  # the station is beside us; a proxy would not find it

    @classmethod
    def of(cls, config: Config) -> "ControlClient":
        """The client for the station that runs with this configuration. Raises ControlError where it serves no interface."""
        control = config.control
        address = Address.parse(control.listen, tls=control.certificate_file is not None)
        if not control.enabled or address.port == 0:
            raise ControlError("the configuration names no address of a control interface; see [control]")
        return cls(address.url, control.token, certificate=control.certificate_file)

    def state(self) -> dict[str, Any]:
        """The whole picture."""
        return self._object("GET", "/api/state")

    def queue(self, limit: int = 1000) -> dict[str, Any]:
        """Depth and health; `waiting` and `dead_letters` have at most `limit` records a lane."""
        return self._object("GET", f"/api/queue?limit={limit}")

    def retry(self, ids: list[int]) -> int:
        """Put dead letters back into the queue; returns how many there were."""
        return self._each("/api/queue/retry", ids, "retried")

    def discard(self, ids: list[int]) -> int:
        """Delete dead letters for good; returns how many there were."""
        return self._each("/api/queue/discard", ids, "discarded")

    def export_dead(self) -> Iterator[str]:
        """Dead letters in full, each a line of JSON."""
        yield from self._text("GET", "/api/queue/dead.jsonl").splitlines()

    def _each(self, path: str, ids: list[int], counted: str) -> int:
        parts = (ids[start : start + IDS_AT_ONCE] for start in range(0, len(ids), IDS_AT_ONCE))
        return sum(int(self._object("POST", path, {"ids": part})[counted]) for part in parts)

    def _object(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        text = self._text(method, path, body)
        try:
            value = json.loads(text)
        except ValueError:
            value = None
        if not isinstance(value, dict):
            raise ControlError(f"{self._url}{path} does not answer as a station does; is another program there?")
        return value

    def _text(self, method: str, path: str, body: dict[str, Any] | None = None) -> str:
        headers = {"Authorization": f"Bearer {self._token}"} if self._token is not None else {}
        data = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            data = json.dumps(body).encode()
        request = Request(f"{self._url}{path}", data, headers, method=method)  # noqa: S310 - the URL is the configuration's
        try:
            with self._opener.open(request, timeout=self._timeout_s) as response:
                return str(response.read().decode())
        except HTTPError as error:
            with error:
                raise ControlError(f"{self._url}{path} refused: {_reason(error)}") from None
        except (URLError, HTTPException, OSError, UnicodeDecodeError) as error:
            reason = error.reason if isinstance(error, URLError) else error
            raise ControlError(f"no station answers at {self._url}: {reason}") from None


def _handlers(certificate: Path | None) -> list[HTTPSHandler]:
    """Trust in the station's own certificate and no other; its name is not asked for, because it is this machine's."""
    if certificate is None:
        return []
    context = ssl.create_default_context(cafile=certificate)
    context.check_hostname = False
    return [HTTPSHandler(context=context)]


def _reason(error: HTTPError) -> str:
    """What the station gave as its reason, or else the HTTP status."""
    try:
        return str(json.loads(error.read())["error"]["message"])
    except (ValueError, KeyError, TypeError, OSError):
        return f"HTTP {error.code}"
