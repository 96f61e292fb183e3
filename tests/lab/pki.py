"""Certificates for the lab: a root, an intermediate, servers good and bad, and clients."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

PEM = serialization.Encoding.PEM
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Holder:
    """A certificate with its key, and the PEM of whoever issued it, nearest first."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey
    above: tuple[bytes, ...] = ()

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(PEM)

    @property
    def key_pem(self) -> bytes:
        return self.key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def issue(
    name: str,
    issuer: Holder | None = None,
    *,
    names: tuple[str, ...] = (),
    begins: datetime | None = None,
    ends: datetime | None = None,
    authority: bool = False,
) -> Holder:
    """Issue a certificate; without `issuer` it is a root. It is valid from yesterday for a year unless told otherwise."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name(
        [x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Lab"), x509.NameAttribute(NameOID.COMMON_NAME, name)]
    )
    now = datetime.now(UTC)
    by = subject if issuer is None else issuer.certificate.subject
    builder = (
        x509.CertificateBuilder(by, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(begins or now - DAY)
        .not_valid_after(ends or now + 365 * DAY)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName([_name(one) for one in names]), critical=False)
    made = builder.sign(key if issuer is None else issuer.key, hashes.SHA256())
    above = (
        () if issuer is None or issuer.certificate.issuer == issuer.certificate.subject else (issuer.pem, *issuer.above)
    )
    return Holder(made, key, above)


def _name(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(text))
    except ValueError:
        return x509.DNSName(text)


class Pki:
    """A root, an intermediate under it, and files of what is issued below, in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.root = issue("Lab root", authority=True)
        self.intermediate = issue("Lab intermediate", self.root, authority=True)
        self.roots = folder / "roots.pem"
        self.roots.write_bytes(self.root.pem)

    def server(
        self,
        file: str,
        *names: str,
        begins: datetime | None = None,
        ends: datetime | None = None,
        with_intermediate: bool = True,
        issuer: Holder | None = None,
    ) -> Path:
        """Write key, leaf and, unless told otherwise, the intermediate; return the file."""
        leaf = issue(names[0], issuer or self.intermediate, names=names, begins=begins, ends=ends)
        path = self.folder / f"{file}.pem"
        path.write_bytes(leaf.key_pem + leaf.pem + (b"".join(leaf.above) if with_intermediate else b""))
        path.chmod(0o600)
        return path

    def client(self, file: str, serial: str) -> Path:
        """Write a station's key and chain; return the file."""
        return self.server(file, serial)
