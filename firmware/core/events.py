"""What the core tells the rest of the program. Drained by the engine after each call, in order."""

from dataclasses import dataclass

from firmware.core.facts import Fact, MeterFrame
from firmware.core.profiles import Profile
from firmware.core.values import Registration, Reservation, ReservationEnd, ResetKind, Token, TokenInfo
from hal.types import Fault


@dataclass(frozen=True, slots=True)
class FactRecorded:
    """To be written to the journal now; the energy waits for it where it is a start."""

    fact: Fact
    keep: bytes | None  # the transaction's recovery record after this fact; None: the transaction is over
    series: tuple[MeterFrame, ...] = ()  # samples kept for the end of the transaction


@dataclass(frozen=True, slots=True)
class EndingDecided:
    """A transaction is to end; to be written now, so that a power cut before the end register is read does not undo it."""

    transaction: str
    keep: bytes  # the transaction's recovery record, with the ending


@dataclass(frozen=True, slots=True)
class ReadingNeeded:
    """The register is wanted to start (`ending` False) or end a transaction; answered by `begin` or `finish`."""

    evse: int
    ending: bool


@dataclass(frozen=True, slots=True)
class EvseChanged:
    """Something that a status is derived from changed."""

    evse: int


@dataclass(frozen=True, slots=True)
class StationChanged:
    """A station-wide facet changed: faults, availability."""


@dataclass(frozen=True, slots=True)
class TokenQueryNeeded:
    """The central system must be asked about a token; answered by `Desk.answer`."""

    query: int
    token: Token
    evse: int | None


@dataclass(frozen=True, slots=True)
class TokenDecided:
    """A presented token was accepted or refused; for lamp, display and log."""

    token: Token
    evse: int | None
    accepted: bool
    reason: str


@dataclass(frozen=True, slots=True)
class TokenListConflict:
    """The central system refused a token that the local list accepts."""

    token: Token


@dataclass(frozen=True, slots=True)
class TokenLearned:
    """The cache took in or dropped what is known of a token; to be stored. `info` None: forgotten. Later ones have higher numbers."""

    token: Token
    info: TokenInfo | None
    number: int = 0


@dataclass(frozen=True, slots=True)
class TokenListChanged:
    """The central system changed the local list; to be stored at once. Changes come in order; info None: removed."""

    version: int
    changes: tuple[tuple[Token, TokenInfo | None], ...]


@dataclass(frozen=True, slots=True)
class ReservationMade:
    """A reservation is held from now on, perhaps in the place of one with the same number; to be stored."""

    reservation: Reservation


@dataclass(frozen=True, slots=True)
class ReservationEnded:
    """A reservation is over; to be forgotten."""

    reservation: Reservation
    how: ReservationEnd


@dataclass(frozen=True, slots=True)
class ProfileInstalled:
    """A charging profile is kept from now on, perhaps in the place of one with the same number; to be stored."""

    profile: Profile


@dataclass(frozen=True, slots=True)
class ProfileRemoved:
    """A charging profile is kept no longer; to be forgotten."""

    number: int


@dataclass(frozen=True, slots=True)
class FaultChanged:
    """A fault was raised or cleared; `evse` None: the whole station."""

    evse: int | None
    fault: Fault


@dataclass(frozen=True, slots=True)
class AvailabilityChanged:
    """A requested availability changed and must be stored; `evse` 0 is the station."""

    evse: int
    operative: bool


@dataclass(frozen=True, slots=True)
class SettingChanged:
    """A setting has a new value; to be stored and acted upon."""

    setting: str
    text: str


@dataclass(frozen=True, slots=True)
class RegistrationChanged:
    """The central system accepted, held or refused the station."""

    registration: Registration


@dataclass(frozen=True, slots=True)
class OnlineChanged:
    """The central system became or ceased to be reachable and willing."""

    online: bool


@dataclass(frozen=True, slots=True)
class ResetWanted:
    """The program is to end and start again."""

    kind: ResetKind


Event = (
    FactRecorded
    | EndingDecided
    | ReadingNeeded
    | EvseChanged
    | StationChanged
    | TokenQueryNeeded
    | TokenDecided
    | TokenListConflict
    | TokenLearned
    | TokenListChanged
    | ReservationMade
    | ReservationEnded
    | ProfileInstalled
    | ProfileRemoved
    | FaultChanged
    | AvailabilityChanged
    | SettingChanged
    | RegistrationChanged
    | OnlineChanged
    | ResetWanted
)
