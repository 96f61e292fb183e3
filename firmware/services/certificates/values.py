"""What is known of a certificate without reading it again."""

from dataclasses import dataclass
from enum import StrEnum


class Use(StrEnum):
    """What a root is trusted for."""

    CSMS_ROOT = "csms-root"
    MANUFACTURER_ROOT = "manufacturer-root"


@dataclass(frozen=True, slots=True)
class CertificateHash:
    """How central systems name a certificate (OCPP 1.6 security whitepaper, CertificateHashData). Hexadecimal, lower case; the serial
    number without leading zeros."""

    algorithm: str
    issuer_name: str
    issuer_key: str
    serial_number: str

    def names(self, other: "CertificateHash") -> bool:
        """Whether both mean the same certificate; writing differs between central systems."""
        return _plain(self) == _plain(other)


def _plain(named: CertificateHash) -> tuple[str, ...]:
    serial = named.serial_number.lower().removeprefix("0x").lstrip("0")
    return named.algorithm, named.issuer_name.lower(), named.issuer_key.lower(), serial


@dataclass(frozen=True, slots=True)
class Installed:
    """A root in the store. `hashes` has one entry for each algorithm. Times are POSIX seconds."""

    use: Use
    fingerprint: str
    hashes: tuple[CertificateHash, ...]
    installed_s: float | None
    not_after_s: float

    def is_named_by(self, name: CertificateHash) -> bool:
        """Whether a central system means this one."""
        return any(each.names(name) for each in self.hashes)


@dataclass(frozen=True, slots=True)
class OwnCertificate:
    """A chain of the station's own, with the id of its key."""

    fingerprint: str
    key_id: str
    not_before_s: float
    not_after_s: float
    installed_s: float | None
