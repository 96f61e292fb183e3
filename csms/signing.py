"""Handlers that have certificates signed: SignCertificate is answered, and CertificateSigned follows.

    Csms(config, router=signing(authority.sign))

1.6 security whitepaper, use cases A02 and A03; 2.0.1 part 2, use cases A02 and A03.
"""

from collections.abc import Callable
from typing import TypeAlias

from csms.core.router import Context, Router
from csms.noting import note
from ocpp_client.v16.security import CertificateSignedRequest as CertificateSigned16
from ocpp_client.v16.security import SignCertificateRequest as SignCertificate16
from ocpp_client.v16.security import SignCertificateResponse as SignCertificateAnswer16
from ocpp_client.v201.security import CertificateSignedRequest as CertificateSigned201
from ocpp_client.v201.security import SignCertificateRequest as SignCertificate201
from ocpp_client.v201.security import SignCertificateResponse as SignCertificateAnswer201

Sign: TypeAlias = Callable[[str, str], str]
"""Gets a CSR (PEM) and the identity of the station that sent it, returns the chain (PEM). Raises ValueError."""


def signing(sign: Sign) -> Router:
    """A router with these handlers."""
    router = Router()

    @router.on("ocpp1.6", "SignCertificate")
    def sign16(context: Context, request: SignCertificate16) -> SignCertificateAnswer16:
        chain = _signed(context, request.csr, sign)
        note(context, request)
        if chain is None:
            return SignCertificateAnswer16(status="Rejected")
        context.command("CertificateSigned", CertificateSigned16(certificate_chain=chain))
        return SignCertificateAnswer16(status="Accepted")

    @router.on("ocpp2.0.1", "SignCertificate")
    def sign201(context: Context, request: SignCertificate201) -> SignCertificateAnswer201:
        chain = _signed(context, request.csr, sign)
        note(context, request)
        if chain is None:
            return SignCertificateAnswer201(status="Rejected")
        signed = CertificateSigned201(certificate_chain=chain, certificate_type=request.certificate_type)
        context.command("CertificateSigned", signed)
        return SignCertificateAnswer201(status="Accepted")

    return router


def _signed(context: Context, csr: str, sign: Sign) -> str | None:
    try:
        return sign(csr, context.station)
    except ValueError as error:
        context.remark("certificate-not-signed", reason=str(error))
        return None
