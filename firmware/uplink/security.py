"""Which diagnoses are security events of the standards (OCPP 1.6 security whitepaper; OCPP 2.0.1 part 2, appendix 1)."""

from collections.abc import Mapping
from typing import Final

from ocpp_client.causes import Cause

_BAD_CERTIFICATE: Final = "InvalidCentralSystemCertificate"

SECURITY_EVENTS: Final[Mapping[Cause, str]] = {
    Cause.CERTIFICATE_EXPIRED: _BAD_CERTIFICATE,
    Cause.CERTIFICATE_NOT_YET_VALID: _BAD_CERTIFICATE,
    Cause.WRONG_NAME: _BAD_CERTIFICATE,
    Cause.INTERMEDIATE_MISSING: _BAD_CERTIFICATE,
    Cause.ROOT_UNKNOWN: _BAD_CERTIFICATE,
    Cause.CERTIFICATE_INVALID: _BAD_CERTIFICATE,
    Cause.TLS_VERSION: "InvalidTLSVersion",
    Cause.CREDENTIALS: "FailedToAuthenticateAtCentralSystem",
}
"""Names are those of OCPP 1.6; 2.0.1 says InvalidCsmsCertificate and FailedToAuthenticateAtCsms."""
