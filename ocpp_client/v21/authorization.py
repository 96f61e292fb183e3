"""OCPP 2.1: functional block C, Authorization.

Generated; do not edit. To write it again: `python -m ocpp_client.generate`.
"""

from typing import Literal

from pydantic import Field

from ocpp_client.fields import Integer, NonNegative, Number, ShortTimestamp
from ocpp_client.messages import Request, Response
from ocpp_client.v21.datatypes import (
    Extensible,
    IdTokenInfoType,
    IdTokenType,
    OCSPRequestDataType,
    StatusInfoType,
    TariffType,
)
from ocpp_client.v21.enums import EnergyTransferModeEnumType, GenericStatusEnumType


class AuthorizeRequest(Extensible, Request["AuthorizeResponse"]):
    id_token: IdTokenType = Field(alias="idToken")
    certificate: str | None = Field(None, max_length=10000)
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
    allowed_energy_transfer: tuple[EnergyTransferModeEnumType, ...] | None = Field(
        None, alias="allowedEnergyTransfer", min_length=1
    )
    tariff: TariffType | None = None


class ClearCacheRequest(Extensible, Request["ClearCacheResponse"]):
    pass


ClearCacheStatusEnumType = Literal["Accepted", "Rejected"]


class ClearCacheResponse(Extensible, Response):
    status: ClearCacheStatusEnumType
    status_info: StatusInfoType | None = Field(None, alias="statusInfo")


PaymentStatusEnumType = Literal["Settled", "Canceled", "Rejected", "Failed"]


class AddressType(Extensible):
    name: str = Field(max_length=50)
    address1: str = Field(max_length=100)
    address2: str | None = Field(None, max_length=100)
    city: str = Field(max_length=100)
    postal_code: str | None = Field(None, alias="postalCode", max_length=20)
    country: str = Field(max_length=50)


class NotifySettlementRequest(Extensible, Request["NotifySettlementResponse"]):
    transaction_id: str | None = Field(None, alias="transactionId", max_length=36)
    psp_ref: str = Field(alias="pspRef", max_length=255)
    status: PaymentStatusEnumType
    status_info: str | None = Field(None, alias="statusInfo", max_length=500)
    settlement_amount: Number = Field(alias="settlementAmount")
    settlement_time: ShortTimestamp = Field(alias="settlementTime")
    receipt_id: str | None = Field(None, alias="receiptId", max_length=50)
    receipt_url: str | None = Field(None, alias="receiptUrl", max_length=2000)
    vat_company: AddressType | None = Field(None, alias="vatCompany")
    vat_number: str | None = Field(None, alias="vatNumber", max_length=20)


class NotifySettlementResponse(Extensible, Response):
    receipt_url: str | None = Field(None, alias="receiptUrl", max_length=2000)
    receipt_id: str | None = Field(None, alias="receiptId", max_length=50)


class NotifyWebPaymentStartedRequest(Extensible, Request["NotifyWebPaymentStartedResponse"]):
    evse_id: NonNegative = Field(alias="evseId")
    timeout: Integer


class NotifyWebPaymentStartedResponse(Extensible, Response):
    pass


class VatNumberValidationRequest(Extensible, Request["VatNumberValidationResponse"]):
    vat_number: str = Field(alias="vatNumber", max_length=20)
    evse_id: NonNegative | None = Field(None, alias="evseId")


class VatNumberValidationResponse(Extensible, Response):
    company: AddressType | None = None
    status_info: StatusInfoType | None = Field(None, alias="statusInfo")
    vat_number: str = Field(alias="vatNumber", max_length=20)
    evse_id: NonNegative | None = Field(None, alias="evseId")
    status: GenericStatusEnumType
