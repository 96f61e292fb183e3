"""The words of charging that every protocol shares."""

from dataclasses import dataclass, field
from enum import StrEnum


class Plug(StrEnum):
    """What is in the socket. A fixed cable knows only UNPLUGGED and VEHICLE."""

    UNPLUGGED = "unplugged"
    STATION = "station"  # the cable is in the station, no vehicle at its other end
    VEHICLE = "vehicle"  # a vehicle is connected


class Energy(StrEnum):
    """State of the energy path of a transaction."""

    OFF = "off"  # no transaction, or nothing was offered in it: not on disk yet, nobody authorised, bolt on its way
    FLOWING = "flowing"
    PAUSED_BY_EV = "paused-by-ev"
    PAUSED_BY_EVSE = "paused-by-evse"


class TokenType(StrEnum):
    """Kinds of identification. UNKNOWN is what a protocol without types brings in."""

    UNKNOWN = "Unknown"
    CENTRAL = "Central"
    EMAID = "eMAID"
    ISO14443 = "ISO14443"
    ISO15693 = "ISO15693"
    KEY_CODE = "KeyCode"
    LOCAL = "Local"
    MAC_ADDRESS = "MacAddress"
    NO_AUTHORIZATION = "NoAuthorization"


@dataclass(frozen=True, slots=True)
class Token:
    """Who wants to charge. Values compare without regard to case; an unknown type equals every type."""

    value: str = field(repr=False)
    type: TokenType = TokenType.UNKNOWN

    def same_as(self, other: "Token | None") -> bool:
        """True when both identify the same customer."""
        if other is None or self.value.casefold() != other.value.casefold():
            return False
        return self.type == other.type or TokenType.UNKNOWN in (self.type, other.type)

    @property
    def masked(self) -> str:
        """A form that may be shown and logged: enough to tell two cards apart, not enough to copy one."""
        return f"{self.value[:2]}…{self.value[-2:]}" if len(self.value) > 6 else "…"


class Verdict(StrEnum):
    """What is known about a token. More than one protocol's worth; translators narrow it."""

    ACCEPTED = "Accepted"
    BLOCKED = "Blocked"
    CONCURRENT = "ConcurrentTx"
    EXPIRED = "Expired"
    INVALID = "Invalid"
    NO_CREDIT = "NoCredit"
    NOT_ALLOWED_TYPE = "NotAllowedTypeEVSE"
    NOT_AT_THIS_LOCATION = "NotAtThisLocation"
    NOT_AT_THIS_TIME = "NotAtThisTime"
    UNKNOWN = "Unknown"


@dataclass(frozen=True, slots=True)
class TokenInfo:
    """A verdict with the group the token belongs to and the POSIX time until which it holds (None: no limit)."""

    verdict: Verdict
    group: Token | None = None
    expires_s: float | None = None

    @property
    def accepted(self) -> bool:
        """True when charging is allowed."""
        return self.verdict is Verdict.ACCEPTED

    @classmethod
    def unchecked(cls, group: Token | None = None) -> "TokenInfo":
        """Allowed without anybody having been asked."""
        return cls(Verdict.ACCEPTED, group)


@dataclass(frozen=True, slots=True)
class Reservation:
    """An EVSE (None: any of the station's) kept for a token, or for others of its group, until a POSIX time."""

    id: int
    evse: int | None
    token: Token
    group: Token | None
    expires_s: float

    def admits(self, token: Token, group: Token | None) -> bool:
        """True when a token, or the group it is known to belong to, is whom this is for."""
        return self.token.same_as(token) or (group is not None and group.same_as(self.group))


class ReservationEnd(StrEnum):
    """Why a reservation is over."""

    USED = "used"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    REMOVED = "removed"  # what it was for is faulted or out of service


class StopCause(StrEnum):
    """Why a transaction ended."""

    LOCAL = "Local"
    REMOTE = "Remote"
    DEAUTHORIZED = "DeAuthorized"
    EV_DISCONNECTED = "EVDisconnected"
    CONNECT_TIMEOUT = "ConnectTimeout"
    RESET_SOFT = "ResetSoft"
    RESET_HARD = "ResetHard"
    UNLOCK = "Unlock"
    EMERGENCY_STOP = "EmergencyStop"
    GROUND_FAULT = "GroundFault"
    OVER_CURRENT = "OverCurrent"
    POWER_LOSS = "PowerLoss"
    POWER_QUALITY = "PowerQuality"
    REBOOT = "Reboot"
    MASTER_PASS = "MasterPass"
    ENERGY_LIMIT = "EnergyLimit"
    TIME_LIMIT = "TimeLimit"
    SOC_LIMIT = "SocLimit"
    STOPPED_BY_EV = "StoppedByEV"
    OTHER = "Other"


class Point(StrEnum):
    """Conditions whose coming starts, and whose going ends, a transaction. Which of them count is policy."""

    PARKING_BAY_OCCUPANCY = "ParkingBayOccupancy"
    EV_CONNECTED = "EVConnected"
    AUTHORIZED = "Authorized"
    POWER_PATH_CLOSED = "PowerPathClosed"
    ENERGY_TRANSFER = "EnergyTransfer"


class Registration(StrEnum):
    """What the central system thinks of this station."""

    UNKNOWN = "unknown"
    PENDING = "pending"
    ACCEPTED = "accepted"
    REJECTED = "rejected"


class ResetKind(StrEnum):
    """How to start again: SOFT ends everything in order, HARD does not wait for answers, IDLE waits until nobody charges."""

    SOFT = "soft"
    HARD = "hard"
    IDLE = "idle"


class Maintenance(StrEnum):
    """Work on the station itself, its firmware for example, that charging has to make room for."""

    NONE = "none"
    WAITING = "waiting"  # for transactions to end; nothing new begins
    RUNNING = "running"  # and must not be cut short by a reset


class Result(StrEnum):
    """Answer to a command."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    SCHEDULED = "scheduled"
    OCCUPIED = "occupied"
    FAULTED = "faulted"
    UNAVAILABLE = "unavailable"
    FAILED = "failed"
    STALE = "stale"  # older than what is known already
    NOT_SUPPORTED = "not-supported"
    NOT_FOUND = "not-found"
    REBOOT_REQUIRED = "reboot-required"


@dataclass(frozen=True, slots=True)
class Outcome:
    """Result of a command, given at once. `reason` is a short camel-case code for protocols that carry one."""

    result: Result
    reason: str | None = None
    detail: str = ""

    @property
    def accepted(self) -> bool:
        """True for ACCEPTED only."""
        return self.result is Result.ACCEPTED


ACCEPTED = Outcome(Result.ACCEPTED)
SCHEDULED = Outcome(Result.SCHEDULED)


def rejected(reason: str, detail: str = "") -> Outcome:
    """A refusal with its reason."""
    return Outcome(Result.REJECTED, reason, detail)
