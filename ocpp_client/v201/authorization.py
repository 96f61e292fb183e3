"""OCPP 2.0.1: functional block C, Authorization.

Generated; do not edit. To write it again: `python -m ocpp_client.generate`.
"""

from typing import Literal

from pydantic import Field

from ocpp_client.messages import Request, Response
from ocpp_client.v201.datatypes import Extensible, IdTokenInfoType, IdTokenType, OCSPRequestDataType, StatusInfoType


class AuthorizeRequest(Extensible, Request["AuthorizeResponse"]):
    id_token: IdTokenType = Field(alias="idToken")
    certificate: str | None = Field(None, max_length=5500)
    iso15118_certificate_hash_data: tuple[OCSPRequestDataType, ...] | None = Field(
        None, alias="iso15118CertificateHashData", min_length=1, max_length=4
    )


AuthorizeCertificateStatusEnumType = Literal[
    "Accepted",
    "SignatureError",
    "CertificateExpired",
    "CertificateRevoked",
    "NoCertificateAvailable",
    "CertChainError",
    "ContractCancelled",
]


class AuthorizeResponse(Extensible, Response):
    id_token_info: IdTokenInfoType = Field(alias="idTokenInfo")
    certificate_status: AuthorizeCertificateStatusEnumType | None = Field(None, alias="certificateStatus")


class ClearCacheRequest(Extensible, Request["ClearCacheResponse"]):
    pass


ClearCacheStatusEnumType = Literal["Accepted", "Rejected"]


class ClearCacheResponse(Extensible, Response):
    status: ClearCacheStatusEnumType
    status_info: StatusInfoType | None = Field(None, alias="statusInfo")
