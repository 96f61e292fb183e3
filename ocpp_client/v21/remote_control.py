"""OCPP 2.1: functional block F, Remote control.

Generated; do not edit. To write it again: `python -m ocpp_client.generate`.
"""

from typing import Literal

from pydantic import Field

from ocpp_client.fields import Integer, NonNegative, Positive
from ocpp_client.messages import Request, Response
from ocpp_client.v21.datatypes import ChargingProfileType, EVSEType, Extensible, IdTokenType, StatusInfoType


class RequestStartTransactionRequest(Extensible, Request["RequestStartTransactionResponse"]):
    evse_id: Positive | None = Field(None, alias="evseId")
    group_id_token: IdTokenType | None = Field(None, alias="groupIdToken")
    id_token: IdTokenType = Field(alias="idToken")
    remote_start_id: Integer = Field(alias="remoteStartId")
    charging_profile: ChargingProfileType | None = Field(None, alias="chargingProfile")


RequestStartStopStatusEnumType = Literal["Accepted", "Rejected"]


class RequestStartTransactionResponse(Extensible, Response):
    status: RequestStartStopStatusEnumType
    status_info: StatusInfoType | None = Field(None, alias="statusInfo")
    transaction_id: str | None = Field(None, alias="transactionId", max_length=36)


class RequestStopTransactionRequest(Extensible, Request["RequestStopTransactionResponse"]):
    transaction_id: str = Field(alias="transactionId", max_length=36)


class RequestStopTransactionResponse(Extensible, Response):
    status: RequestStartStopStatusEnumType
    status_info: StatusInfoType | None = Field(None, alias="statusInfo")


MessageTriggerEnumType = Literal[
    "BootNotification",
    "LogStatusNotification",
    "FirmwareStatusNotification",
    "Heartbeat",
    "MeterValues",
    "SignChargingStationCertificate",
    "SignV2GCertificate",
    "SignV2G20Certificate",
    "StatusNotification",
    "TransactionEvent",
    "SignCombinedCertificate",
    "PublishFirmwareStatusNotification",
    "CustomTrigger",
]


class TriggerMessageRequest(Extensible, Request["TriggerMessageResponse"]):
    evse: EVSEType | None = None
    requested_message: MessageTriggerEnumType = Field(alias="requestedMessage")
    custom_trigger: str | None = Field(None, alias="customTrigger", max_length=50)


TriggerMessageStatusEnumType = Literal["Accepted", "Rejected", "NotImplemented"]


class TriggerMessageResponse(Extensible, Response):
    status: TriggerMessageStatusEnumType
    status_info: StatusInfoType | None = Field(None, alias="statusInfo")


class UnlockConnectorRequest(Extensible, Request["UnlockConnectorResponse"]):
    evse_id: NonNegative = Field(alias="evseId")
    connector_id: NonNegative = Field(alias="connectorId")


UnlockStatusEnumType = Literal["Unlocked", "UnlockFailed", "OngoingAuthorizedTransaction", "UnknownConnector"]


class UnlockConnectorResponse(Extensible, Response):
    status: UnlockStatusEnumType
    status_info: StatusInfoType | None = Field(None, alias="statusInfo")
