"""OCPP 2.1: functional block M, ISO 15118 certificate management.

Generated; do not edit. To write it again: `python -m ocpp_client.generate`.
"""

from typing import Annotated, Literal

from pydantic import Field

from ocpp_client.fields import NonNegative, ShortTimestamp
from ocpp_client.messages import Request, Response
from ocpp_client.v21.datatypes import CertificateHashDataType, Extensible, OCSPRequestDataType, StatusInfoType


class DeleteCertificateRequest(Extensible, Request["DeleteCertificateResponse"]):
    certificate_hash_data: CertificateHashDataType = Field(alias="certificateHashData")


DeleteCertificateStatusEnumType = Literal["Accepted", "Failed", "NotFound"]


class DeleteCertificateResponse(Extensible, Response):
    status: DeleteCertificateStatusEnumType
    status_info: StatusInfoType | None = Field(None, alias="statusInfo")


CertificateActionEnumType = Literal["Install", "Update"]


class Get15118EVCertificateRequest(Extensible, Request["Get15118EVCertificateResponse"]):
    iso15118_schema_version: str = Field(alias="iso15118SchemaVersion", max_length=50)
    action: CertificateActionEnumType
    exi_request: str = Field(alias="exiRequest", max_length=11000)
    maximum_contract_certificate_chains: NonNegative | None = Field(None, alias="maximumContractCertificateChains")
    prioritized_emaids: tuple[Annotated[str, Field(max_length=255)], ...] | None = Field(
        None, alias="prioritizedEMAIDs", min_length=1, max_length=8
    )


Iso15118EVCertificateStatusEnumType = Literal["Accepted", "Failed"]


class Get15118EVCertificateResponse(Extensible, Response):
    status: Iso15118EVCertificateStatusEnumType
    status_info: StatusInfoType | None = Field(None, alias="statusInfo")
    exi_response: str = Field(alias="exiResponse", max_length=17000)
    remaining_contracts: NonNegative | None = Field(None, alias="remainingContracts")


CertificateStatusSourceEnumType = Literal["CRL", "OCSP"]


class CertificateStatusRequestInfoType(Extensible):
    certificate_hash_data: CertificateHashDataType = Field(alias="certificateHashData")
    source: CertificateStatusSourceEnumType
    urls: tuple[Annotated[str, Field(max_length=2000)], ...] = Field(min_length=1, max_length=5)


class GetCertificateChainStatusRequest(Extensible, Request["GetCertificateChainStatusResponse"]):
    certificate_status_requests: tuple[CertificateStatusRequestInfoType, ...] = Field(
        alias="certificateStatusRequests", min_length=1, max_length=4
    )


CertificateStatusEnumType = Literal["Good", "Revoked", "Unknown", "Failed"]


class CertificateStatusType(Extensible):
    certificate_hash_data: CertificateHashDataType = Field(alias="certificateHashData")
    source: CertificateStatusSourceEnumType
    status: CertificateStatusEnumType
    next_update: ShortTimestamp = Field(alias="nextUpdate")


class GetCertificateChainStatusResponse(Extensible, Response):
    certificate_status: tuple[CertificateStatusType, ...] = Field(alias="certificateStatus", min_length=1, max_length=4)


class GetCertificateStatusRequest(Extensible, Request["GetCertificateStatusResponse"]):
    ocsp_request_data: OCSPRequestDataType = Field(alias="ocspRequestData")


GetCertificateStatusEnumType = Literal["Accepted", "Failed"]


class GetCertificateStatusResponse(Extensible, Response):
    status: GetCertificateStatusEnumType
    status_info: StatusInfoType | None = Field(None, alias="statusInfo")
    ocsp_result: str | None = Field(None, alias="ocspResult", max_length=18000)


GetCertificateIdUseEnumType = Literal[
    "V2GRootCertificate",
    "MORootCertificate",
    "CSMSRootCertificate",
    "V2GCertificateChain",
    "ManufacturerRootCertificate",
    "OEMRootCertificate",
]


class GetInstalledCertificateIdsRequest(Extensible, Request["GetInstalledCertificateIdsResponse"]):
    certificate_type: tuple[GetCertificateIdUseEnumType, ...] | None = Field(
        None, alias="certificateType", min_length=1
    )


GetInstalledCertificateStatusEnumType = Literal["Accepted", "NotFound"]


class CertificateHashDataChainType(Extensible):
    certificate_hash_data: CertificateHashDataType = Field(alias="certificateHashData")
    certificate_type: GetCertificateIdUseEnumType = Field(alias="certificateType")
    child_certificate_hash_data: tuple[CertificateHashDataType, ...] | None = Field(
        None, alias="childCertificateHashData", min_length=1, max_length=4
    )


class GetInstalledCertificateIdsResponse(Extensible, Response):
    status: GetInstalledCertificateStatusEnumType
    status_info: StatusInfoType | None = Field(None, alias="statusInfo")
    certificate_hash_data_chain: tuple[CertificateHashDataChainType, ...] | None = Field(
        None, alias="certificateHashDataChain", min_length=1
    )


InstallCertificateUseEnumType = Literal[
    "V2GRootCertificate",
    "MORootCertificate",
    "ManufacturerRootCertificate",
    "CSMSRootCertificate",
    "OEMRootCertificate",
]


class InstallCertificateRequest(Extensible, Request["InstallCertificateResponse"]):
    certificate_type: InstallCertificateUseEnumType = Field(alias="certificateType")
    certificate: str = Field(max_length=10000)


InstallCertificateStatusEnumType = Literal["Accepted", "Rejected", "Failed"]


class InstallCertificateResponse(Extensible, Response):
    status: InstallCertificateStatusEnumType
    status_info: StatusInfoType | None = Field(None, alias="statusInfo")
