"""Looks into certificates, chains and signatures. Pure, apart from reading the file that a signature is about; needs `cryptography`.

Sources: RFC 5280; OCPP 1.6 security whitepaper, edition 3, section 3 (certificate properties) and L01; RFC 6960 for the hashes.
"""

import base64
import binascii
import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Final, TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from firmware.services.certificates.values import CertificateHash

E = TypeVar("E", bound=x509.ExtensionType)

LEAST_RSA_BITS: Final = 2048
LEAST_EC_BITS: Final = 224
LONGEST_CHAIN: Final = 6
CHUNK: Final = 1024 * 1024
ALGORITHMS: Final = {"SHA256": hashlib.sha256, "SHA384": hashlib.sha384, "SHA512": hashlib.sha512}


class CertificateInvalid(ValueError):
    """A certificate that cannot be used; the text says why."""


def parse_chain(pem: str) -> list[x509.Certificate]:
    """The certificates of a PEM text, in its order. Raises CertificateInvalid."""
    try:
        chain = x509.load_pem_x509_certificates(pem.encode("ascii"))
    except (ValueError, UnicodeEncodeError) as error:
        raise CertificateInvalid(f"no certificate in PEM: {error}") from None
    if len(chain) > LONGEST_CHAIN:
        raise CertificateInvalid(f"{len(chain)} certificates in a chain, {LONGEST_CHAIN} at most")
    for certificate in chain:
        _check_key(certificate)
    return chain


def parse_one(pem: str) -> x509.Certificate:
    """The only certificate of a PEM text. Raises CertificateInvalid."""
    chain = parse_chain(pem)
    if len(chain) != 1:
        raise CertificateInvalid(f"{len(chain)} certificates where one is expected")
    return chain[0]


def fingerprint(certificate: x509.Certificate) -> str:
    """Names a certificate among all others."""
    return certificate.fingerprint(hashes.SHA256()).hex()


def hash_data(certificate: x509.Certificate, issuer: x509.Certificate) -> tuple[CertificateHash, ...]:
    """How central systems name a certificate, in each algorithm they may choose."""
    name = certificate.issuer.public_bytes()
    key = issuer.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    bits = _key_bits(key)
    serial = f"{certificate.serial_number:x}"
    return tuple(
        CertificateHash(algorithm, digest(name).hexdigest(), digest(bits).hexdigest(), serial)
        for algorithm, digest in ALGORITHMS.items()
    )


def _key_bits(spki: bytes) -> bytes:
    """The public key's bits alone, as RFC 6960 hashes them: SubjectPublicKeyInfo is SEQUENCE { algorithm, BIT STRING }."""
    _, start, _ = _element(spki, 0)
    _, _, end = _element(spki, start)
    _, start, end = _element(spki, end)
    return spki[start + 1 : end]  # the first octet counts unused bits


def _element(data: bytes, at: int) -> tuple[int, int, int]:
    """Tag, start and end of the content of a DER element."""
    length, start = data[at + 1], at + 2
    if length & 0x80:
        count = length & 0x7F
        length, start = int.from_bytes(data[start : start + count], "big"), start + count
    return data[at], start, start + length


def check_root(certificate: x509.Certificate, now_s: float | None) -> None:
    """A root that may be installed: an authority, valid now. Raises CertificateInvalid."""
    check_times(certificate, now_s)
    if not _is_authority(certificate):
        raise CertificateInvalid("not a certificate of an authority")


def check_times(certificate: x509.Certificate, now_s: float | None, *, not_yet: bool = False) -> None:
    """Validity at a time; at an unknown one nothing is said. With `not_yet` a certificate of the future will do."""
    if now_s is None:
        return
    now = datetime.fromtimestamp(now_s, UTC)
    if now > certificate.not_valid_after_utc:
        raise CertificateInvalid(f"expired at {certificate.not_valid_after_utc:%Y-%m-%d}")
    if now < certificate.not_valid_before_utc and not not_yet:
        raise CertificateInvalid(f"not valid before {certificate.not_valid_before_utc:%Y-%m-%d}")


def is_signed_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    """Whether one authority has signed the other certificate."""
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return _is_authority(issuer)


def check_path(
    chain: Sequence[x509.Certificate], roots: Sequence[x509.Certificate], now_s: float | None, *, not_yet: bool = False
) -> None:
    """A chain, leaf first, that ends at one of the roots. Raises CertificateInvalid."""
    for certificate, issuer in pairwise(chain):
        if not is_signed_by(certificate, issuer):
            raise CertificateInvalid("the chain is not in order: one certificate is not signed by the next")
    for certificate in chain:
        check_times(certificate, now_s, not_yet=not_yet)
    last = chain[-1]
    if not any(last == root or is_signed_by(last, root) for root in roots):
        raise CertificateInvalid("the chain ends at no root that is installed here")


def check_signer(pem: str, root_pems: Sequence[str], now_s: float | None) -> None:
    """A certificate that firmware may be signed with. Raises CertificateInvalid."""
    chain = parse_chain(pem)
    leaf = chain[0]
    roots = [parse_one(each) for each in root_pems]
    if not roots:
        raise CertificateInvalid("no manufacturer's root is installed")
    check_path(chain, roots, now_s)
    usage = _extension(leaf, x509.KeyUsage)
    if usage is not None and not usage.digital_signature:
        raise CertificateInvalid("its key may not sign")
    purposes = _extension(leaf, x509.ExtendedKeyUsage)
    allowed = {ExtendedKeyUsageOID.CODE_SIGNING, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE}
    if purposes is not None and not allowed & set(purposes):
        raise CertificateInvalid("its key may not sign code")


def signature_problem(path: Path, certificate_pem: str, signature: str) -> str | None:
    """What is wrong with the signature of a file, None when it is good: SHA-256 over the whole file, RSA-PSS or ECDSA. Blocking.

    Raises OSError.
    """
    try:
        raw = base64.b64decode("".join(signature.split()), validate=True)
    except (binascii.Error, ValueError):
        return "the signature is not Base64"
    try:
        key = parse_chain(certificate_pem)[0].public_key()
    except CertificateInvalid as error:
        return str(error)
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while data := file.read(CHUNK):
            digest.update(data)
    hashed = Prehashed(hashes.SHA256())
    try:
        if isinstance(key, rsa.RSAPublicKey):
            pss = padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.AUTO)
            key.verify(raw, digest.digest(), pss, hashed)
        elif isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(raw, digest.digest(), ec.ECDSA(hashed))
        else:
            return "the signing key is neither RSA nor of an elliptic curve"
    except InvalidSignature:
        return "the signature does not fit the file"
    return None


def check_own(chain: Sequence[x509.Certificate], *, organisation: str, common_name: str, now_s: float | None) -> None:
    """A chain for the station itself; its key was compared already. Raises CertificateInvalid."""
    leaf = chain[0]
    check_times(leaf, now_s, not_yet=True)
    for certificate, issuer in pairwise(chain):
        if not is_signed_by(certificate, issuer):
            raise CertificateInvalid("the chain is not in order: one certificate is not signed by the next")
    if _is_authority(leaf):
        raise CertificateInvalid("a certificate of an authority is none for a station")
    if _names(leaf, NameOID.COMMON_NAME) != [common_name]:
        raise CertificateInvalid(
            f"it is for {', '.join(_names(leaf, NameOID.COMMON_NAME)) or 'nobody'}, not {common_name}"
        )
    told = _names(leaf, NameOID.ORGANIZATION_NAME)
    if organisation and told and told != [organisation]:
        raise CertificateInvalid(f"its organisation is {told[0]}, not {organisation}")
    usage = _extension(leaf, x509.KeyUsage)
    if usage is not None and not usage.digital_signature:
        raise CertificateInvalid("its key may not sign, so it cannot identify a client")
    purposes = _extension(leaf, x509.ExtendedKeyUsage)
    allowed = {ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE}
    if purposes is not None and not allowed & set(purposes):
        raise CertificateInvalid("it is not meant to identify a client")


def _names(certificate: x509.Certificate, oid: x509.ObjectIdentifier) -> list[str]:
    return [str(each.value) for each in certificate.subject.get_attributes_for_oid(oid)]


def _is_authority(certificate: x509.Certificate) -> bool:
    constraints = _extension(certificate, x509.BasicConstraints)
    return constraints is not None and constraints.ca


def _extension(certificate: x509.Certificate, kind: type[E]) -> E | None:
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except (x509.ExtensionNotFound, ValueError):
        return None


def _check_key(certificate: x509.Certificate) -> None:
    try:
        key = certificate.public_key()
    except (ValueError, UnsupportedAlgorithm) as error:
        raise CertificateInvalid(f"its key cannot be read: {error}") from None
    if isinstance(key, rsa.RSAPublicKey):
        if key.key_size < LEAST_RSA_BITS:
            raise CertificateInvalid(f"an RSA key of {key.key_size} bits, {LEAST_RSA_BITS} are the least")
    elif isinstance(key, ec.EllipticCurvePublicKey):
        if key.key_size < LEAST_EC_BITS:
            raise CertificateInvalid(f"an elliptic-curve key of {key.key_size} bits, {LEAST_EC_BITS} are the least")
    else:
        raise CertificateInvalid("its key is neither RSA nor of an elliptic curve")
