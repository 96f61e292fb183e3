"""The certificates that a server presents, for a person to look at: what came, not what is believed.

The handshake here verifies nothing, because it is made after a verified one has failed, to see why. Nothing is sent over it:
it ends as soon as the certificates have come, and no trust follows from it.
"""

import asyncio
import ssl
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

MAX_SHOWN: Final = 8
"""Certificates of a chain that are looked at; a real one has two to four."""

_NAME_CHARS: Final = 120


@dataclass(frozen=True, slots=True)
class ServedCertificate:
    """One certificate of the chain, leaf first. Times are POSIX seconds."""

    subject: str
    issuer: str
    names: tuple[str, ...]
    """The host names and addresses it is for."""
    not_before_s: float
    not_after_s: float

    @property
    def self_signed(self) -> bool:
        """Whether it names itself as its issuer: a root, or a certificate that nobody vouches for."""
        return self.subject == self.issuer

    def summary(self) -> str:
        """Return one line for a person."""
        times = f"{_date(self.not_before_s)} to {_date(self.not_after_s)}"
        names = f" for {', '.join(self.names)}" if self.names else ""
        return f"{self.subject}{names}, {times}, issued by {'itself' if self.self_signed else self.issuer}"


async def served_chain(host: str, port: int, *, server_name: str, timeout_s: float) -> tuple[ServedCertificate, ...]:
    """Return what the server at `host` and `port` presents to a client that asks for `server_name`.

    Raises OSError (TimeoutError, ssl.SSLError and socket.gaierror among them) when there is no handshake.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    async with asyncio.timeout(timeout_s):
        _, writer = await asyncio.open_connection(host, port, ssl=context, server_hostname=server_name)
    try:
        # The library's public way to the chain begins with Python 3.13; this one is older.
        chain = writer.get_extra_info("ssl_object")._sslobj.get_unverified_chain()
        return tuple(_served(certificate.get_info()) for certificate in chain[:MAX_SHOWN])
    finally:
        writer.transport.abort()


def is_leaf_alone(chain: Sequence[ServedCertificate]) -> bool:
    """Tell whether the server sent its own certificate only, though somebody else issued it: the intermediate is missing."""
    return len(chain) == 1 and not chain[0].self_signed


def _served(info: Mapping[str, Any]) -> ServedCertificate:
    return ServedCertificate(
        subject=_name(info.get("subject", ())),
        issuer=_name(info.get("issuer", ())),
        names=tuple(str(value)[:_NAME_CHARS] for _, value in info.get("subjectAltName", ())),
        not_before_s=ssl.cert_time_to_seconds(info["notBefore"]),
        not_after_s=ssl.cert_time_to_seconds(info["notAfter"]),
    )


def _name(parts: Iterable[Iterable[tuple[str, str]]]) -> str:
    fields = [f"{key}={value}" for part in parts for key, value in part]
    text = ", ".join(fields)[:_NAME_CHARS]
    return "".join(char if char.isprintable() else "?" for char in text)


def _date(posix_s: float) -> str:
    return datetime.fromtimestamp(posix_s, UTC).strftime("%Y-%m-%d %H:%MZ")
