"""What a link is doing, and why it last had to begin anew: plain data, for the log, the local page and the diagnosis."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Final, Self

from ocpp_client.errors import ConnectionLost, OcppError, Refused


class LinkState(Enum):
    """Where a link stands in its endless round."""

    IDLE = "idle"
    """Not started."""
    GATED = "gated"
    """Waiting for leave to dial, such as a clock that can judge certificates."""
    DIALLING = "dialling"
    CONNECTED = "connected"
    """The WebSocket is open and a version agreed; the CSMS has not accepted the station yet."""
    ONLINE = "online"
    """The CSMS has accepted the station."""
    WAITING = "waiting"
    """Between two attempts."""
    STOPPED = "stopped"


MOVES: Final[Mapping[LinkState, frozenset[LinkState]]] = {
    LinkState.IDLE: frozenset({LinkState.GATED, LinkState.WAITING, LinkState.STOPPED}),
    LinkState.GATED: frozenset({LinkState.DIALLING, LinkState.WAITING, LinkState.STOPPED}),
    LinkState.DIALLING: frozenset({LinkState.CONNECTED, LinkState.WAITING, LinkState.STOPPED}),
    LinkState.CONNECTED: frozenset({LinkState.ONLINE, LinkState.WAITING, LinkState.STOPPED}),
    LinkState.ONLINE: frozenset({LinkState.WAITING, LinkState.STOPPED}),
    LinkState.WAITING: frozenset({LinkState.GATED, LinkState.STOPPED}),
    LinkState.STOPPED: frozenset(),
}


class ReconnectAsked(OcppError):
    """This side wanted a new connection: other settings, another address, another network."""

    kind = "asked"


class LinkFault(OcppError):
    """A defect of this program ended the connection; its traceback is in the log."""

    kind = "fault"


@dataclass(frozen=True, slots=True)
class Drop:
    """Why a connection ended, or none came about."""

    kind: str
    """The word of the error: `dns`, `tcp`, `tls`, `http`, `subprotocol`, `lost`, `call-timeout`, `asked` …"""
    cause: str
    """A sentence for a person, with what to check."""
    evidence: Mapping[str, str | int | float]
    """What was observed; units are in the names."""
    at: float
    """Monotonic seconds."""
    lasted_s: float | None
    """How long the connection had stood; None if none came about."""
    retry_after_s: float | None = field(default=None)
    """What the server asked us to wait."""
    idle_s: float | None = None
    """How long nothing at all had passed when it ended, pongs included; None if no connection came about."""
    quiet_s: float | None = None
    """How long no OCPP message had passed when it ended; None if no connection came about."""

    @classmethod
    def of(
        cls,
        error: OcppError,
        *,
        at: float,
        lasted_s: float | None,
        idle_s: float | None = None,
        quiet_s: float | None = None,
    ) -> Self:
        """Return the record of an error."""
        retry_after_s = error.retry_after_s if isinstance(error, Refused) else None
        return cls(error.kind, str(error), error.evidence(), at, lasted_s, retry_after_s, idle_s, quiet_s)


def is_mass_drop(error: OcppError) -> bool:
    """Tell whether a whole fleet is likely to have lost its server now: it said so (1012 restart, 1013 overload)."""
    return isinstance(error, ConnectionLost) and error.cause == "peer" and error.code in (1012, 1013)


def may_be_mass_drop(error: OcppError) -> bool:
    """Tell whether a restart or crash of the server would have looked the same: going away, or gone without a word."""
    if not isinstance(error, ConnectionLost):
        return False
    return error.cause == "broken" or (error.cause == "peer" and error.code == 1001)


@dataclass(frozen=True, slots=True)
class LinkStatus:
    """A link at one moment. Times are monotonic seconds."""

    state: LinkState
    since: float
    url: str
    """The last one dialled, without its query; empty before the first."""
    protocol: str | None
    """The version agreed on this connection; None while there is none."""
    attempts: int
    """Attempts and connections that failed since one last proved stable."""
    next_attempt_at: float | None
    last_drop: Drop | None
    rtt_s: float | None
    """The last round trip of a ping on this connection."""
    bytes_sent: int
    """Message payload over all connections of this link."""
    bytes_received: int
