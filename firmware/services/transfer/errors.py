"""Why a file did not arrive."""

from enum import StrEnum


class Reason(StrEnum):
    """What went wrong, coarse enough for every protocol to have a word for it."""

    BAD_LOCATION = "bad-location"  # the URL cannot be used, or the server finds the request malformed
    NOT_SUPPORTED = "not-supported"  # the scheme or the method
    UNREACHABLE = "unreachable"
    DENIED = "denied"  # credentials, permissions
    NOT_FOUND = "not-found"
    BROKEN = "broken"  # on the way; what arrived is kept for the next attempt
    TOO_LARGE = "too-large"
    DISK_FULL = "disk-full"

    @property
    def is_final(self) -> bool:
        """True when another attempt would end in the same way."""
        return self in _FINAL


_FINAL = frozenset({Reason.BAD_LOCATION, Reason.NOT_SUPPORTED, Reason.TOO_LARGE})


class TransferError(Exception):
    """A transfer that failed. The text names the place without credentials."""

    def __init__(self, reason: Reason, text: str) -> None:
        super().__init__(text)
        self.reason = reason
