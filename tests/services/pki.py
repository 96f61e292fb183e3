"""A public key infrastructure for tests: roots, intermediates, leaves and signatures."""

import base64
import datetime as dt
from dataclasses import dataclass
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import NameOID

NOW = dt.datetime(2026, 6, 1, tzinfo=dt.UTC)


@dataclass(frozen=True)
class Signer:
    """A certificate with its key."""

    certificate: x509.Certificate
    key: Any

    @property
    def pem(self) -> str:
        """The certificate."""
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    def sign(self, data: bytes) -> str:
        """A signature as firmware carries it."""
        if isinstance(self.key, rsa.RSAPrivateKey):
            pss = padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.DIGEST_LENGTH)
            return base64.b64encode(self.key.sign(data, pss, hashes.SHA256())).decode()
        return base64.b64encode(self.key.sign(data, ec.ECDSA(hashes.SHA256()))).decode()


def make(
    name: str,
    issuer: Signer | None = None,
    *,
    authority: bool = False,
    key: Any = None,
    public_key: Any = None,
    organisation: str = "",
    begins: dt.datetime = NOW - dt.timedelta(days=30),
    days: int = 365,
    extensions: tuple[x509.ExtensionType, ...] = (),
) -> Signer:
    """A certificate, signed by its issuer or by itself."""
    if key is None and public_key is None:
        key = ec.generate_private_key(ec.SECP256R1())
    names = [x509.NameAttribute(NameOID.COMMON_NAME, name)]
    if organisation:
        names.insert(0, x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation))
    subject = x509.Name(names)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if issuer is None else issuer.certificate.subject)
        .public_key(public_key or key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(begins + dt.timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
    )
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    certificate = builder.sign(key if issuer is None else issuer.key, hashes.SHA256())
    return Signer(certificate, key)


def root(name: str = "Root", **more: Any) -> Signer:
    """A self-signed authority."""
    return make(name, authority=True, **more)


def answer(request_pem: str, issuer: Signer, **more: Any) -> str:
    """What an authority makes of a signing request, the authority's own certificate behind it."""
    request = x509.load_pem_x509_csr(request_pem.encode())
    assert request.is_signature_valid
    name = str(request.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)
    told = request.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
    settings = {"organisation": str(told[0].value) if told else "", "public_key": request.public_key(), **more}
    return make(settings.pop("name", name), issuer, **settings).pem + issuer.pem
