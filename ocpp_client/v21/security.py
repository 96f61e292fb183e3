"""OCPP 2.1: functional block A, Security.

Generated; do not edit. To write it again: `python -m ocpp_client.generate`.
"""

from typing import Literal

from pydantic import Field

from ocpp_client.fields import Integer, ShortTimestamp
from ocpp_client.messages import Request, Response
from ocpp_client.v21.datatypes import CertificateHashDataType, Extensible, StatusInfoType
from ocpp_client.v21.enums import GenericStatusEnumType

CertificateSigningUseEnumType = Literal["ChargingStationCertificate", "V2GCertificate", "V2G20Certificate"]


class CertificateSignedRequest(Extensible, Request["CertificateSignedResponse"]):
    certificate_chain: str = Field(alias="certificateChain", max_length=10000)
    certificate_type: CertificateSigningUseEnumType | None = Field(None, alias="certificateType")
    request_id: Integer | None = Field(None, alias="requestId")


CertificateSignedStatusEnumType = Literal["Accepted", "Rejected"]


class CertificateSignedResponse(Extensible, Response):
    status: CertificateSignedStatusEnumType
    status_info: StatusInfoType | None = Field(None, alias="statusInfo")


class SecurityEventNotificationRequest(Extensible, Request["SecurityEventNotificationResponse"]):
    type: str = Field(max_length=50)
    timestamp: ShortTimestamp
    tech_info: str | None = Field(None, alias="techInfo", max_length=255)


class SecurityEventNotificationResponse(Extensible, Response):
    pass


class SignCertificateRequest(Extensible, Request["SignCertificateResponse"]):
    csr: str = Field(max_length=5500)
    certificate_type: CertificateSigningUseEnumType | None = Field(None, alias="certificateType")
    hash_root_certificate: CertificateHashDataType | None = Field(None, alias="hashRootCertificate")
    request_id: Integer | None = Field(None, alias="requestId")


class SignCertificateResponse(Extensible, Response):
    status: GenericStatusEnumType
    status_info: StatusInfoType | None = Field(None, alias="statusInfo")
