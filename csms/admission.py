"""Whom the WebSocket server lets in. Pure decisions, made before the upgrade is answered."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote_to_bytes

from csms.config import CsmsConfig, StationConfig
from csms.passwords import PasswordCheck, basic_credentials
from ocpp_client.sockets import PEER_COMMON_NAME, Rejection

MAX_IDENTITY_CHARS: Final = 48
"""OCPP 2.0.1 part 4; 1.6 sets no limit, and no identity in use comes near."""

_WRONG_CERTIFICATE: Final = Rejection(401, {}, "connect with a TLS certificate whose common name is this station's\n")

_BAD_PERCENT: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")


@dataclass(frozen=True, slots=True)
class Admission:
    """A station that may open its WebSocket."""

    station: str
    protocol: str | None  # the version both sides speak; None if there is none


@dataclass(frozen=True, slots=True)
class House:
    """How full it is at the moment."""

    connections: int
    stations: int
    is_known: bool  # whether this station was here before
    closing: bool
    from_address: int = 0  # connections of the same address


def identity_of(path: str) -> str | None:
    """The identity at the end of a request's path, or None if there is no acceptable one."""
    segment = path.partition("?")[0].rpartition("/")[2]
    if not segment or _BAD_PERCENT.search(segment):
        return None
    try:
        identity = unquote_to_bytes(segment).decode()
    except UnicodeDecodeError:
        return None
    return identity if len(identity) <= MAX_IDENTITY_CHARS and identity.isprintable() else None


def choose_protocol(preferred: tuple[str, ...], headers: Mapping[str, str]) -> str | None:
    """The first of our versions that the station offers, or None."""
    offered = {name.strip() for name in headers.get("sec-websocket-protocol", "").split(",")}
    return next((protocol for protocol in preferred if protocol in offered), None)


def admit(
    station: str, headers: Mapping[str, str], config: CsmsConfig, passwords: PasswordCheck, house: House
) -> Admission | Rejection:
    """Decide on one station's request for an upgrade."""
    if house.closing:
        return _later(503, "the central system is stopping", config)
    if house.from_address >= config.limits.connections_per_address:
        return _later(429, "too many connections from this address", config)
    if config.stations is not None:
        known = config.stations.get(station)
        if known is None:
            return Rejection(404, {}, "no station of this identity is configured here\n")
        refused = _unproven(station, known, headers, config, passwords)
        if refused is not None:
            return refused
    elif config.security_profile == 3 and headers.get(PEER_COMMON_NAME) != station:
        return _WRONG_CERTIFICATE
    elif not house.is_known and house.stations >= config.limits.stations:
        return _later(503, "no further stations are admitted", config)
    if house.connections >= config.limits.connections:
        return _later(503, "too many connections", config)
    return Admission(station, choose_protocol(config.protocols, headers))


def _unproven(
    station: str, known: StationConfig, headers: Mapping[str, str], config: CsmsConfig, passwords: PasswordCheck
) -> Rejection | None:
    """A refusal, if the station has not proven who it is in the way that is asked of it."""
    by_certificate = config.security_profile == 3 or known.common_name is not None
    if by_certificate and headers.get(PEER_COMMON_NAME) != (known.common_name or station):
        return _WRONG_CERTIFICATE
    if known.password_hash is None or config.security_profile in (0, 3):
        return None
    given = basic_credentials(headers.get("authorization", ""))
    if given is None or given[0] != station or not passwords.matches(known.password_hash, given[1]):
        return Rejection(401, {"WWW-Authenticate": 'Basic realm="OCPP"'}, "identity and password do not match\n")
    return None


def _later(status: int, text: str, config: CsmsConfig) -> Rejection:
    return Rejection(status, {"Retry-After": str(config.limits.retry_after_s)}, f"{text}\n")
