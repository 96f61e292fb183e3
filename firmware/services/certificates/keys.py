"""Private keys of the station: in files of mode 0600, or on a token that never lets them out (`pkcs11`)."""

from pathlib import Path
from typing import Final, Protocol

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from firmware.services.certificates.store import StoreError, write_private

CURVE: Final = ec.SECP256R1()


class Keys(Protocol):
    """Makes and keeps keys. Every method may block for a moment; raises StoreError."""

    def new(self, key_id: str) -> ec.EllipticCurvePrivateKey:
        """A new key on curve P-256, kept under this id."""

    def public(self, key_id: str) -> ec.EllipticCurvePublicKey | None:
        """The public half of a key, None where there is none of that id."""

    def tls_file(self, key_id: str) -> Path | None:
        """A file from which TLS can use a key, None where there is no such way."""

    def remove(self, key_id: str) -> None:
        """Forget a key; nothing happens when it is not there."""


class FileKeys:
    """Satisfies Keys with PEM files."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def new(self, key_id: str) -> ec.EllipticCurvePrivateKey:
        """A new key, on the disk when this returns."""
        key = ec.generate_private_key(CURVE)
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        write_private(self._file(key_id), pem)
        return key

    def public(self, key_id: str) -> ec.EllipticCurvePublicKey | None:
        """The public half."""
        try:
            key = serialization.load_pem_private_key(self._file(key_id).read_bytes(), None)
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise StoreError(f"{self._file(key_id)}: no key can be read from it") from error
        return key.public_key() if isinstance(key, ec.EllipticCurvePrivateKey) else None

    def tls_file(self, key_id: str) -> Path | None:
        """The file itself."""
        return self._file(key_id)

    def remove(self, key_id: str) -> None:
        """Delete the file."""
        self._file(key_id).unlink(missing_ok=True)

    def _file(self, key_id: str) -> Path:
        return self._directory / f"{key_id}.key"
