"""From what was observed to what happened: each lost or failed connection becomes a cause and a first thing to check.

Pure: what was observed is in the `Drop`, what was known besides in the `Circumstances`, what happened before in the `History`.
The rules stand in the order in which evidence is believed: what the other side said, then what the system said, then silence.
"""

import errno
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from ocpp_client.causes import WORDS, Cause
from ocpp_client.link_status import Drop
from ocpp_client.patterns import Episode, Pattern, recognise
from ocpp_client.tls_chain import ServedCertificate, is_leaf_alone

HISTORY: Final = 64
"""Diagnoses kept: enough for three midnights with a score of drops between them."""

ADDRESS_WINDOW_S: Final = 180.0
"""A drop so soon after an address change is put down to it: the time in which pings find a dead connection."""

_EXPIRED, _NOT_YET_VALID = 10, 9  # X509_V_ERR_… of OpenSSL's x509_vfy.h
_NAMES: Final = frozenset({62, 63, 64})
_ISSUERS: Final = frozenset({2, 18, 19, 20, 21})

_CLEAN_ENDS: Final = frozenset({1000, 1001, 1006, 1011})
_NO_WAY: Final = frozenset({errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.ENODEV, errno.EADDRNOTAVAIL})


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What was known when the connection ended."""

    clock_trusted: bool = True
    """A source independent of the CSMS vouches for the station's clock."""
    cellular: bool = False
    address_changed_s: float | None = None
    """How long before the address or route last changed; None if not during this run."""
    heartbeat_s: float | None = None
    """The interval between Heartbeats."""
    wall_s: float | None = None
    """POSIX seconds, if known: for what happens at the same time of day."""
    chain: Sequence[ServedCertificate] = ()
    """What the server presented, looked at after a refused certificate."""
    extra: Mapping[str, str | int | float] | None = None
    """More evidence to keep: signal, addresses, clock state."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What a technician is told."""

    cause: Cause
    says: str
    check_first: str
    evidence: Mapping[str, str | int | float]
    at: float
    """Monotonic seconds."""
    wall_s: float | None
    lasted_s: float | None
    pattern: str | None = None
    """What several drops have in common, in a sentence; None if nothing."""

    @property
    def is_setting(self) -> bool:
        """Whether waiting will not mend it."""
        return WORDS[self.cause].is_setting

    def line(self) -> str:
        """Return it in one line."""
        pattern = f" ({self.pattern})" if self.pattern else ""
        return f"{self.says}{pattern}; check first: {self.check_first}"


class History:
    """Makes diagnoses and keeps the newest; what repeats in them is recognised."""

    def __init__(self, size: int = HISTORY) -> None:
        self._kept: deque[Diagnosis] = deque(maxlen=size)
        self._episodes: deque[Episode] = deque(maxlen=size)

    @property
    def diagnoses(self) -> tuple[Diagnosis, ...]:
        """Oldest first."""
        return tuple(self._kept)

    def add(self, drop: Drop, around: Circumstances) -> Diagnosis:
        """Diagnose a drop in the light of those before it, and keep it."""
        cause = find_cause(drop, around)
        episode = Episode(cause, drop.at, around.wall_s, drop.lasted_s, drop.idle_s)
        self._episodes.append(episode)
        pattern = recognise(self._episodes, cellular=around.cellular)
        found = _diagnosis(cause if pattern is None or pattern.cause is None else pattern.cause, drop, around, pattern)
        self._kept.append(found)
        return found


def find_cause(drop: Drop, around: Circumstances) -> Cause:
    """Return the cause of one drop, looked at by itself."""
    match drop.kind:
        case "lost":
            return _lost(drop, around)
        case "tls":
            return _tls(drop, around)
        case "http":
            return _http(drop)
        case "tcp":
            return _tcp(int(drop.evidence.get("errno", 0)))
        case "asked":
            return Cause.ADDRESS_CHANGED if _address_changed(around) else Cause.ASKED
        case kind:
            return _BY_KIND.get(kind, Cause.DEFECT)


_BY_KIND: Final[Mapping[str, Cause]] = {
    "url": Cause.CONFIGURATION,
    "configuration": Cause.CONFIGURATION,
    "dns": Cause.DNS,
    "proxy": Cause.PROXY_REFUSED,
    "timeout": Cause.NO_ANSWER,
    "redirect": Cause.REDIRECTED,
    "upgrade": Cause.UPGRADE_BLOCKED,
    "subprotocol": Cause.SUBPROTOCOL,
    "call-timeout": Cause.UNANSWERED,
    "call-error": Cause.PROTOCOL,
    "answer-invalid": Cause.PROTOCOL,
    "too-large": Cause.TOO_LARGE,
}


def _lost(drop: Drop, around: Circumstances) -> Cause:
    code, who = drop.evidence.get("close_code"), drop.evidence.get("cause")
    if code == 1009:
        return Cause.TOO_LARGE
    if who == "peer":
        return _closed_by_peer(drop, around)
    if who == "unanswered":
        return Cause.UNANSWERED
    if who == "protocol":
        return Cause.PROTOCOL
    if _address_changed(around):
        return Cause.ADDRESS_CHANGED
    number = drop.evidence.get("errno")
    if who == "no-pong":
        return Cause.NAT_FORGOT if around.cellular else Cause.PING_TIMEOUT
    if number == errno.ETIMEDOUT:  # TCP gave up: what was sent was never acknowledged
        return Cause.NAT_FORGOT
    return Cause.RESET if number == errno.ECONNRESET else Cause.BROKEN


def _closed_by_peer(drop: Drop, around: Circumstances) -> Cause:
    code, reason = drop.evidence.get("close_code"), str(drop.evidence.get("close_reason", "")).lower()
    if code in (1012, 1013):
        return Cause.SERVER_RESTART
    if "heartbeat" in reason:
        return Cause.HEARTBEAT_DEAD_TIME
    if "ping" in reason or "pong" in reason:
        return Cause.PING_TIMEOUT
    quiet_s, expected_s = drop.quiet_s, around.heartbeat_s
    # Some seconds of grace: the Heartbeat that was due may have been under way.
    if code in _CLEAN_ENDS and quiet_s is not None and expected_s and quiet_s >= min(0.5 * expected_s, expected_s - 5):
        return Cause.HEARTBEAT_DEAD_TIME
    return Cause.SERVER_CLOSED


def _address_changed(around: Circumstances) -> bool:
    return around.address_changed_s is not None and around.address_changed_s <= ADDRESS_WINDOW_S


def _tls(drop: Drop, around: Circumstances) -> Cause:
    code = drop.evidence.get("tls_verify_code")
    if code in (_EXPIRED, _NOT_YET_VALID):
        if not around.clock_trusted:
            return Cause.CLOCK_WRONG
        return Cause.CERTIFICATE_EXPIRED if code == _EXPIRED else Cause.CERTIFICATE_NOT_YET_VALID
    if code in _NAMES:
        return Cause.WRONG_NAME
    if code in _ISSUERS:
        return Cause.INTERMEDIATE_MISSING if is_leaf_alone(around.chain) else Cause.ROOT_UNKNOWN
    if code is not None:
        return Cause.CERTIFICATE_INVALID
    reason = str(drop.evidence.get("tls_reason", ""))
    return next((cause for words, cause in _TLS_REASONS if any(word in reason for word in words)), Cause.TLS_OTHER)


_TLS_REASONS: Final[tuple[tuple[tuple[str, ...], Cause], ...]] = (
    (("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG"), Cause.WRONG_PORT),
    (
        ("CERTIFICATE_REQUIRED", "ALERT_BAD_CERTIFICATE", "ALERT_UNKNOWN_CA", "ALERT_CERTIFICATE"),
        Cause.CLIENT_CERTIFICATE,
    ),
    (("PROTOCOL_VERSION", "UNSUPPORTED_PROTOCOL", "HANDSHAKE_FAILURE", "NO_SHARED_CIPHER"), Cause.TLS_VERSION),
)


def _http(drop: Drop) -> Cause:
    status, said = drop.evidence.get("http_status"), str(drop.evidence.get("http_body", "")).lower()
    if status in (495, 496) or (status == 400 and "ssl certificate" in said):  # nginx's own, and what it says
        return Cause.CLIENT_CERTIFICATE
    if status == 497 or (status == 400 and "https port" in said):
        return Cause.WRONG_PORT
    if status == 429 or (status == 503 and "retry_after_s" in drop.evidence):
        return Cause.RATE_LIMIT
    if status in (401, 403):
        return Cause.CREDENTIALS
    return Cause.UPGRADE_BLOCKED


def _tcp(number: int) -> Cause:
    if number == errno.ECONNREFUSED:
        return Cause.PORT_CLOSED
    if number in _NO_WAY:
        return Cause.NO_ROUTE
    return Cause.RESET if number == errno.ECONNRESET else Cause.NO_ANSWER


def _diagnosis(cause: Cause, drop: Drop, around: Circumstances, pattern: Pattern | None) -> Diagnosis:
    words = WORDS[cause]
    evidence = {**drop.evidence, **(around.extra or {})}
    for name, value in (("idle_s", drop.idle_s), ("quiet_s", drop.quiet_s)):
        if value is not None:
            evidence[name] = round(value, 1)
    evidence |= {f"chain_{number}": one.summary() for number, one in enumerate(around.chain)}
    found = Diagnosis(cause, words.says, words.check_first, evidence, drop.at, around.wall_s, drop.lasted_s)
    return found if pattern is None else replace(found, pattern=pattern.says)
