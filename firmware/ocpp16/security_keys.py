"""AuthorizationKey and SecurityProfile, keys of the security whitepaper (edition 3, sections 2.6 and 4.2) that act upon the link.

The link answers first and then dials anew. A value that comes to nothing gives way to the old one, see `firmware.uplink.access`.
"""

import re
from collections.abc import Callable
from typing import Final

from firmware.core.values import ACCEPTED, Outcome, rejected
from firmware.services.offer import Access

AUTHORIZATION_KEY: Final = "AuthorizationKey"
SECURITY_PROFILE: Final = "SecurityProfile"
LEAST_HEX, MOST_HEX = 32, 40
LONGEST_TEXT: Final = 40
LEAST_TEXT: Final = 16


def password_of(value: str) -> bytes | None:
    """The password that a value of AuthorizationKey stands for: 32 to 40 hexadecimal digits are bytes, other text of 16 to 40
    characters is itself; None for what is neither."""
    if LEAST_HEX <= len(value) <= MOST_HEX and len(value) % 2 == 0 and re.fullmatch(r"[0-9A-Fa-f]+", value):
        return bytes.fromhex(value)
    if LEAST_TEXT <= len(value) <= LONGEST_TEXT and value.isascii() and value.isprintable():
        return value.encode()
    return None


class SecurityKeys:
    """Sets the two keys."""

    def __init__(self, access: Callable[[], Access], security_event: Callable[[str, str], None]) -> None:
        """`access` is asked when it is needed: the link is made after the translator."""
        self._access = access
        self._security_event = security_event

    def profile(self) -> str:
        """The value of SecurityProfile."""
        return str(self._access().security_profile)

    def set_password(self, value: str) -> Outcome:
        """A new AuthorizationKey. It is shown nowhere, not even in the log."""
        password = password_of(value)
        if password is None:
            return rejected("InvalidValue", "expected 32 to 40 hexadecimal digits, or 16 to 40 characters")
        self._access().ask_password(password)
        self._security_event("ReconfigurationOfSecurityParameters", "AuthorizationKey")
        return ACCEPTED

    def set_profile(self, value: str) -> Outcome:
        """A higher SecurityProfile."""
        if not value.isascii() or not value.isdecimal() or len(value) > 1:
            return rejected("InvalidValue", "expected 0 to 3")
        refusal = self._access().ask_profile(int(value))
        if refusal is not None:
            return rejected("InvalidValue", refusal)
        self._security_event("ReconfigurationOfSecurityParameters", f"SecurityProfile {value}")
        return ACCEPTED
