"""Authorisation of one EVSE: a table of states, with the token that holds it."""

from dataclasses import dataclass
from enum import Enum

from firmware.core.profiles import Profile
from firmware.core.transaction import IllegalMove
from firmware.core.values import Token, TokenInfo


class AuthState(Enum):
    """NONE: nobody; PENDING: the central system is being asked; GRANTED: somebody may charge."""

    NONE = "none"
    PENDING = "pending"
    GRANTED = "granted"


_ALLOWED: dict[AuthState, frozenset[AuthState]] = {
    AuthState.NONE: frozenset({AuthState.PENDING, AuthState.GRANTED}),
    AuthState.PENDING: frozenset({AuthState.NONE, AuthState.GRANTED}),
    AuthState.GRANTED: frozenset({AuthState.NONE}),
}


@dataclass(slots=True)
class Authorisation:
    """Who may charge here now. `deadline_s` (monotonic) ends an authorisation that no vehicle follows."""

    state: AuthState = AuthState.NONE
    token: Token | None = None
    group: Token | None = None
    remote_start_id: int | None = None
    reservation_id: int | None = None  # the reservation that is used by this
    profile: Profile | None = None  # for the transaction to come
    deadline_s: float | None = None

    def to(self, state: AuthState) -> None:
        """Change state. Raises IllegalMove; a change to NONE forgets everything."""
        if state not in _ALLOWED[self.state]:
            raise IllegalMove(f"authorisation: {self.state.value} does not become {state.value}")
        self.state = state
        if state is AuthState.NONE:
            self.token = self.group = self.remote_start_id = self.reservation_id = None
            self.profile = self.deadline_s = None

    def ask(self, token: Token, remote_start_id: int | None) -> None:
        """The central system is being asked."""
        self.to(AuthState.PENDING)
        self.token, self.remote_start_id = token, remote_start_id

    def grant(self, token: Token, info: TokenInfo, remote_start_id: int | None, deadline_s: float | None) -> None:
        """The token may charge, until `deadline_s` if no vehicle comes."""
        self.to(AuthState.GRANTED)
        self.token, self.group = token, info.group
        self.remote_start_id, self.deadline_s = remote_start_id, deadline_s

    def belongs_to(self, token: Token) -> bool:
        """True when this token holds, or asked for, the authorisation."""
        return self.token is not None and self.token.same_as(token)
