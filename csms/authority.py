"""A small certificate authority, so that mutual TLS and certificate renewal can be tried without one's own.

It signs what a station asks for under the station's identity, whatever else the request claims. It is for tests: its key
is in memory or in one file, it revokes nothing and keeps no list. It needs the extra `security`.
"""

import ipaddress
import ssl as tls
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

# The least that 2.0.1 part 2 allows (block A, A00).
MIN_RSA_BITS: Final = 2048
MIN_CURVE_BITS: Final = 224
LEAF_DAYS: Final = 90
AUTHORITY_DAYS: Final = 3_650
_EARLIER: Final = timedelta(hours=1)  # stations whose clock is behind must be able to use a new certificate


class RequestRefused(ValueError):
    """A certificate signing request that is not signed; the text says why."""


class Authority:
    """One self-signed authority."""

    def __init__(
        self, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate, now: Callable[[], datetime]
    ) -> None:
        """`now` gives aware moments."""
        self._key = key
        self._certificate = certificate
        self._now = now

    @classmethod
    def create(cls, name: str, now: Callable[[], datetime]) -> "Authority":
        """A new authority with a new key."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        certificate = (
            _builder(subject, subject, key.public_key(), now(), AUTHORITY_DAYS)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(_usage(authority=True), critical=True)
            .sign(key, hashes.SHA256())
        )
        return cls(key, certificate, now)

    @classmethod
    def kept_in(cls, directory: Path, name: str, now: Callable[[], datetime]) -> "Authority":
        """The authority in a directory; a new one of this name if there is none. Raises ValueError or OSError."""
        certificate, private = directory / "authority.pem", directory / "authority-key.pem"
        if certificate.exists():
            key = serialization.load_pem_private_key(private.read_bytes(), password=None)
            if not isinstance(key, ec.EllipticCurvePrivateKey):
                raise ValueError(f"{private}: not an elliptic-curve key")
            return cls(key, x509.load_pem_x509_certificate(certificate.read_bytes()), now)
        made = cls.create(name, now)
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        _write_key(private, made._key)
        certificate.write_text(made.certificate_pem)  # last: with it the authority is whole
        return made

    @property
    def certificate_pem(self) -> str:
        """What others must trust."""
        return _pem(self._certificate)

    def sign(self, csr_pem: str, common_name: str) -> str:
        """A client certificate for a station, with the authority's behind it, PEM. Raises RequestRefused.

        The common name of a request must be the station's identity (2.0.1 part 2, A02.FR.02 and certificate properties).
        """
        try:
            request = x509.load_pem_x509_csr(csr_pem.encode())
            proven = request.is_signature_valid
        except (ValueError, InvalidSignature) as error:
            raise RequestRefused(f"not a certificate signing request: {error}") from error
        if not proven:
            raise RequestRefused("the request is not signed with the key it names")
        names = [str(each.value) for each in request.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
        if names != [common_name]:
            raise RequestRefused(f"the common name is {', '.join(names) or 'missing'}, not {common_name}")
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
        leaf = self._leaf(subject, request.public_key(), ExtendedKeyUsageOID.CLIENT_AUTH)
        return _pem(leaf.sign(self._key, hashes.SHA256())) + self.certificate_pem

    def server_context(self, host: str, directory: Path) -> tls.SSLContext:
        """TLS for a server of this name or address, which asks clients for a certificate of this authority.

        Key and chain are left in `directory`, readable for their owner only: Python's TLS reads them from files.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
        leaf = self._leaf(subject, key.public_key(), ExtendedKeyUsageOID.SERVER_AUTH).add_extension(
            x509.SubjectAlternativeName([_general_name(host)]), critical=False
        )
        chain, private = directory / "server.pem", directory / "server-key.pem"
        chain.write_text(_pem(leaf.sign(self._key, hashes.SHA256())) + self.certificate_pem)
        _write_key(private, key)
        context = tls.SSLContext(tls.PROTOCOL_TLS_SERVER)
        context.minimum_version = tls.TLSVersion.TLSv1_2
        context.load_cert_chain(chain, private)
        context.load_verify_locations(cadata=self.certificate_pem)
        context.verify_mode = (
            tls.CERT_OPTIONAL
        )  # who comes without one is told so with HTTP 401, not by a broken handshake
        return context

    def _leaf(self, subject: x509.Name, public_key: object, purpose: x509.ObjectIdentifier) -> x509.CertificateBuilder:
        if not isinstance(public_key, ec.EllipticCurvePublicKey | rsa.RSAPublicKey):
            raise RequestRefused("the key is neither an elliptic-curve nor an RSA one")
        if public_key.key_size < (MIN_RSA_BITS if isinstance(public_key, rsa.RSAPublicKey) else MIN_CURVE_BITS):
            raise RequestRefused(f"the key has {public_key.key_size} bits: use P-256, or RSA with {MIN_RSA_BITS} bits")
        return (
            _builder(subject, self._certificate.subject, public_key, self._now(), LEAF_DAYS)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(authority=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
        )


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    public_key: ec.EllipticCurvePublicKey | rsa.RSAPublicKey,
    now: datetime,
    days: int,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _EARLIER)
        .not_valid_after(now + timedelta(days=days))
    )


def _write_key(path: Path, key: ec.EllipticCurvePrivateKey) -> None:
    path.touch(mode=0o600)
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )


def _usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=not authority,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()
