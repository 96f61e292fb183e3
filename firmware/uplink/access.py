"""As whom the station dials: security profile and password, and what becomes of a change that the CSMS asked for. Pure.

Rules (OCPP 1.6 security whitepaper, edition 3, sections 2.6 and 2.7; OCPP 2.0.1 A01, A05):
- The profile only goes up over OCPP. Lowering it is a matter of the local configuration: a change there discards what was stored.
- A new profile or password is on trial until the station was accepted with it; after `TRIAL_ATTEMPTS` failures the old one is
  back. Once accepted, nothing falls back.
- What a profile needs has to be there before it is agreed to.
"""

import hashlib
import json
from dataclasses import dataclass, field, replace
from typing import Any, Final, Self

TRIAL_ATTEMPTS: Final = 3
"""Failures of a new profile or password before the old one is taken again."""

BASIC: Final = frozenset({1, 2})
"""Profiles with HTTP Basic authentication."""

TLS: Final = frozenset({2, 3})
MUTUAL: Final = 3


@dataclass(frozen=True, slots=True)
class Access:
    """How the station identifies itself."""

    profile: int
    password: bytes | None = field(default=None, repr=False)

    @property
    def tls(self) -> bool:
        """Whether the profile asks for TLS."""
        return self.profile in TLS


@dataclass(frozen=True, slots=True)
class Means:
    """What the station has at hand."""

    roots: bool
    """A CSMS root to verify servers with."""
    client_certificate: bool


class AccessBook:
    """What is in force and what is on trial."""

    def __init__(self, configured: Access, means: Means) -> None:
        self._configured = configured
        self._means = means
        self._proven = configured
        self._trial: Access | None = None
        self._failures = 0

    def equip(self, means: Means) -> None:
        """What is at hand has changed."""
        self._means = means

    @property
    def current(self) -> Access:
        """What to dial with now."""
        return self._trial or self._proven

    @property
    def on_trial(self) -> bool:
        """Whether a change has still to prove itself."""
        return self._trial is not None

    def ask_profile(self, profile: int) -> str | None:
        """Put a higher profile on trial. Returns None when it will be tried, else why not."""
        if not 0 <= profile <= MUTUAL:
            return f"there is no security profile {profile}"
        if profile <= self.current.profile:
            return f"the security profile is {self.current.profile} and only goes up"
        if profile in BASIC and not self.current.password:
            return "the profile needs a password, and none is set"
        if profile in TLS and not self._means.roots:
            return "the profile needs a CSMS root certificate, and none is installed"
        if profile == MUTUAL and not self._means.client_certificate:
            return "the profile needs a certificate of the station, and none is installed"
        self._try(replace(self.current, profile=profile))
        return None

    def ask_password(self, password: bytes) -> None:
        """Put a new password on trial. Its length is the protocol's business."""
        self._try(replace(self.current, password=password))

    def proven(self) -> bool:
        """The station was accepted. Returns whether something on trial is now in force."""
        changed = self._trial is not None
        self._proven, self._trial, self._failures = self.current, None, 0
        return changed

    def failed(self) -> bool:
        """An attempt came to nothing. Returns whether the trial is over and the old way is back."""
        if self._trial is None:
            return False
        self._failures += 1
        if self._failures < TRIAL_ATTEMPTS:
            return False
        self._trial, self._failures = None, 0
        return True

    def _try(self, access: Access) -> None:
        self._trial, self._failures = access, 0

    # --- over a restart

    def document(self) -> bytes:
        """What has to outlive a restart. It holds passwords: for the station's own database only."""
        rows = {"proven": _row(self._proven), "trial": None if self._trial is None else _row(self._trial)}
        return json.dumps({"configured": _fingerprint(self._configured), "failures": self._failures, **rows}).encode()

    @classmethod
    def restore(cls, configured: Access, means: Means, document: bytes | None) -> Self:
        """Go on from a document, unless the configuration was changed since. Raises ValueError for what is none."""
        book = cls(configured, means)
        if document is None:
            return book
        try:
            data: dict[str, Any] = json.loads(document)
            if data["configured"] == _fingerprint(configured):
                book._proven = _access(data["proven"])
                book._trial = None if data["trial"] is None else _access(data["trial"])
                book._failures = int(data["failures"])
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"not a document of security profile and password: {type(error).__name__}") from None
        return book


def _row(access: Access) -> list[Any]:
    return [access.profile, None if access.password is None else access.password.hex()]


def _access(row: list[Any]) -> Access:
    profile, password = row
    return Access(int(profile), None if password is None else bytes.fromhex(password))


def _fingerprint(access: Access) -> str:
    return hashlib.sha256(repr(_row(access)).encode()).hexdigest()
