"""Where the interface listens, and by which names it may be asked.

A browser can be made to send requests to any address. A page from elsewhere whose name was pointed at this machine (DNS rebinding)
is told by its `Host`, one that simply asks across by its `Origin`: neither may differ from the names of this list.
"""

from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final, Self
from urllib.parse import urlsplit

PORTS: Final = {"http": 80, "https": 443}  # left out of Host and Origin by browsers
LOOPBACK_NAMES: Final = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class Address:
    """A host name or IP address (without brackets) and a port; port 0 lets the system choose. `tls`: it speaks HTTPS."""

    host: str
    port: int
    tls: bool = False

    @classmethod
    def parse(cls, listen: str, *, tls: bool = False) -> Self:
        """Read the configuration's HOST:PORT, an IPv6 address in brackets."""
        host, _, port = listen.rpartition(":")
        return cls(host.removeprefix("[").removesuffix("]").lower(), int(port), tls)

    @property
    def is_loopback(self) -> bool:
        """True when only programs on this machine can connect."""
        return self.host in LOOPBACK_NAMES or (_is_ip(self.host) and ip_address(self.host).is_loopback)

    @property
    def is_wildcard(self) -> bool:
        """True when it stands for every interface."""
        return _is_ip(self.host) and ip_address(self.host).is_unspecified

    @property
    def scheme(self) -> str:
        """Of its URLs."""
        return "https" if self.tls else "http"

    @property
    def url(self) -> str:
        """How a program on this machine reaches it."""
        host = self.host
        if self.is_wildcard:
            host = "127.0.0.1" if "." in host else "::1"
        return f"{self.scheme}://{f'[{host}]' if ':' in host else host}:{self.port}"

    def answers_to(self, host: str) -> bool:
        """True when a `Host` header names this interface: a loopback name, the configured host, or, on every interface, any
        IP address (a page pointed here by its name has a name). The port must be ours."""
        name, port = _split(host, self.scheme)
        if port != self.port:
            return False
        return name in LOOPBACK_NAMES or name == self.host or (self.is_wildcard and _is_ip(name))

    def is_origin(self, origin: str, host: str) -> bool:
        """True when an `Origin` header belongs to the page that the `Host` header asked for."""
        scheme, _, place = origin.partition("://")
        return scheme == self.scheme and _split(place, scheme) == _split(host, scheme)


def _split(host: str, scheme: str) -> tuple[str, int]:
    """Name and port of a Host header; port -1 for what is none."""
    try:
        parts = urlsplit(f"//{host}")
        port = PORTS[scheme] if parts.port is None else parts.port
    except ValueError:
        return "", -1
    return (parts.hostname or "", port) if parts.netloc == host and "@" not in host else ("", -1)


def _is_ip(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
