"""Where to dial, and as whom."""

import ssl as tls
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import SplitResult, quote, urlsplit, urlunsplit


def endpoint_url(url: str, identity: str) -> str:
    """Return the URL to dial: the endpoint, a slash, and the percent-encoded identity (OCPP-J 1.6, section 3.1.1).

    One slash at the end of the endpoint is taken as that slash; a query stays at the end. Raises ValueError for what is
    no WebSocket endpoint, saying why.
    """
    parts = urlsplit(url)
    for wrong, advice in [(any(char <= " " for char in url), "it contains a blank"), *_faults(parts)]:
        if wrong:
            raise ValueError(f"{without_secrets(url)!r} cannot be an OCPP endpoint: {advice}")
    if not identity:
        raise ValueError("the identity of the station is empty; put it into the configuration")
    path = f"{parts.path.removesuffix('/')}/{quote(identity, safe='')}"
    return urlunsplit((parts.scheme, parts.netloc, path, parts.query, ""))


def _faults(parts: SplitResult) -> list[tuple[bool, str]]:
    return [
        (parts.scheme not in ("ws", "wss"), "it must begin with ws:// or wss://"),
        (not parts.hostname, "it names no host"),
        (not _port_is_valid(parts), "its port is not a number from 1 to 65535"),
        ("@" in parts.netloc, "user and password do not belong into a URL; use the settings for them"),
        (bool(parts.fragment), "a fragment (#…) has no meaning here"),
    ]


def _port_is_valid(parts: SplitResult) -> bool:
    try:
        return parts.port != 0
    except ValueError:
        return False


def without_secrets(url: str) -> str:
    """Return as much of a URL as may be shown: no user, no password, no query."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "(unreadable URL)"
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


class Credentials:
    """User and password of HTTP Basic authentication (RFC 7617). Neither `repr` nor an error shows the password.

    The password is bytes: in OCPP 1.6 it is often a key of arbitrary bytes, in 2.0.1 UTF-8 text.
    """

    __slots__ = ("_password", "username")

    def __init__(self, username: str, password: bytes) -> None:
        self.username = username
        self._password = password

    def __repr__(self) -> str:
        return f"Credentials({self.username!r}, <password>)"

    def header(self) -> str:
        """Return the value of the Authorization header."""
        return "Basic " + b64encode(self.username.encode() + b":" + self._password).decode("ascii")


@dataclass(frozen=True, slots=True)
class Target:
    """One way to reach a CSMS. `url` is complete, as `endpoint_url` returns it."""

    url: str = field(repr=False)
    protocols: tuple[str, ...]
    """WebSocket subprotocols, in order of preference."""
    credentials: Credentials | None = None
    ssl: tls.SSLContext | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    compression: bool = False
    accept_missing_subprotocol: bool = True
    """Whether to stay when exactly one version was offered and the server named none; the standard says to close."""
