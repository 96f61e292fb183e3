"""Certificate signing requests (RFC 2986), as the OCPP 1.6 security whitepaper wants them: O is the operator, CN the serial number."""

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

LONGEST_NAME = 64  # of one attribute, RFC 5280


def signing_request(key: ec.EllipticCurvePrivateKey, *, common_name: str, organisation: str) -> str:
    """A request as PEM, signed with its own key."""
    names = [x509.NameAttribute(NameOID.COMMON_NAME, common_name[:LONGEST_NAME])]
    if organisation:
        names.insert(0, x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation[:LONGEST_NAME]))
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(names)).sign(key, hashes.SHA256())
    return request.public_bytes(serialization.Encoding.PEM).decode()
