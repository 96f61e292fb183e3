"""Station passwords as they are kept: salted and stretched, never in clear (RFC 7914, scrypt).

A hash reads `scrypt$<n>$<r>$<p>$<salt>$<key>`, the last two in Base64. Verifying takes some 15 ms of one core, so
`PasswordCheck` remembers what it verified, under a key that lives only as long as the process.
"""

import base64
import binascii
import hashlib
import hmac
from typing import Final

_N: Final = 2**13
_R: Final = 8
_P: Final = 1
_SALT_BYTES: Final = 16
_KEY_BYTES: Final = 32
_MAX_MEMORY_BYTES: Final = 64 * 1024 * 1024


def hash_password(password: bytes, salt: bytes) -> str:
    """The text to keep for a password. `salt` must be 16 random bytes of its own for each password."""
    if len(salt) != _SALT_BYTES:
        raise ValueError(f"the salt has {len(salt)} bytes; give {_SALT_BYTES} random ones")
    key = _stretch(password, salt, _N, _R, _P)
    return f"scrypt${_N}${_R}${_P}${base64.b64encode(salt).decode()}${base64.b64encode(key).decode()}"


def check_hash(text: str) -> str:
    """The text itself, if it is one that `hash_password` could have written. Raises ValueError otherwise."""
    _parts(text)
    return text


def basic_credentials(header: str) -> tuple[str, bytes] | None:
    """User and password of an Authorization header (RFC 7617), or None if it holds no readable ones.

    The password stays bytes: a 1.6 station may use any (security whitepaper, edition 3).
    """
    scheme, _, encoded = header.strip().partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, colon, password = base64.b64decode(encoded.strip(), validate=True).partition(b":")
        return (user.decode(), password) if colon else None
    except ValueError:  # not Base64, or a user that is not UTF-8
        return None


class PasswordCheck:
    """Verifies passwords against their hashes."""

    def __init__(self, secret: bytes) -> None:
        """`secret` is random and must not outlive the process."""
        self._secret = secret
        self._verified: dict[str, bytes] = {}

    def matches(self, hashed: str, password: bytes) -> bool:
        """Whether the password is the hashed one."""
        seal = hmac.digest(self._secret, password, "sha256")
        known = self._verified.get(hashed)
        if known is not None and hmac.compare_digest(known, seal):
            return True
        n, r, p, salt, key = _parts(hashed)
        if not hmac.compare_digest(_stretch(password, salt, n, r, p), key):
            return False
        self._verified[hashed] = seal
        return True


def _stretch(password: bytes, salt: bytes, n: int, r: int, p: int) -> bytes:
    return hashlib.scrypt(password, salt=salt, n=n, r=r, p=p, maxmem=_MAX_MEMORY_BYTES, dklen=_KEY_BYTES)


def _parts(text: str) -> tuple[int, int, int, bytes, bytes]:
    try:
        scheme, n, r, p, salt, key = text.split("$")
        parts = int(n), int(r), int(p), base64.b64decode(salt, validate=True), base64.b64decode(key, validate=True)
    except (ValueError, binascii.Error):
        scheme, parts = "", (0, 0, 0, b"", b"")
    if scheme != "scrypt" or len(parts[4]) != _KEY_BYTES:
        raise ValueError("not a password hash; make one with `wayside csms --hash-password`")
    return parts
