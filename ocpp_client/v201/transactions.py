"""OCPP 2.0.1: functional block E, Transactions.

Generated; do not edit. To write it again: `python -m ocpp_client.generate`.
"""

from typing import Literal

from pydantic import Field

from ocpp_client.fields import Integer, Number, ShortTimestamp
from ocpp_client.messages import Request, Response
from ocpp_client.v201.datatypes import (
    EVSEType,
    Extensible,
    IdTokenInfoType,
    IdTokenType,
    MessageContentType,
    MeterValueType,
)


class GetTransactionStatusRequest(Extensible, Request["GetTransactionStatusResponse"]):
    transaction_id: str | None = Field(None, alias="transactionId", max_length=36)


class GetTransactionStatusResponse(Extensible, Response):
    ongoing_indicator: bool | None = Field(None, alias="ongoingIndicator")
    messages_in_queue: bool = Field(alias="messagesInQueue")


TransactionEventEnumType = Literal["Ended", "Started", "Updated"]
TriggerReasonEnumType = Literal[
    "Authorized",
    "CablePluggedIn",
    "ChargingRateChanged",
    "ChargingStateChanged",
    "Deauthorized",
    "EnergyLimitReached",
    "EVCommunicationLost",
    "EVConnectTimeout",
    "MeterValueClock",
    "MeterValuePeriodic",
    "TimeLimitReached",
    "Trigger",
    "UnlockCommand",
    "StopAuthorized",
    "EVDeparted",
    "EVDetected",
    "RemoteStop",
    "RemoteStart",
    "AbnormalCondition",
    "SignedDataReceived",
    "ResetCommand",
]
ChargingStateEnumType = Literal["Charging", "EVConnected", "SuspendedEV", "SuspendedEVSE", "Idle"]
ReasonEnumType = Literal[
    "DeAuthorized",
    "EmergencyStop",
    "EnergyLimitReached",
    "EVDisconnected",
    "GroundFault",
    "ImmediateReset",
    "Local",
    "LocalOutOfCredit",
    "MasterPass",
    "Other",
    "OvercurrentFault",
    "PowerLoss",
    "PowerQuality",
    "Reboot",
    "Remote",
    "SOCLimitReached",
    "StoppedByEV",
    "TimeLimitReached",
    "Timeout",
]


class TransactionType(Extensible):
    transaction_id: str = Field(alias="transactionId", max_length=36)
    charging_state: ChargingStateEnumType | None = Field(None, alias="chargingState")
    time_spent_charging: Integer | None = Field(None, alias="timeSpentCharging")
    stopped_reason: ReasonEnumType | None = Field(None, alias="stoppedReason")
    remote_start_id: Integer | None = Field(None, alias="remoteStartId")


class TransactionEventRequest(Extensible, Request["TransactionEventResponse"]):
    event_type: TransactionEventEnumType = Field(alias="eventType")
    meter_value: tuple[MeterValueType, ...] | None = Field(None, alias="meterValue", min_length=1)
    timestamp: ShortTimestamp
    trigger_reason: TriggerReasonEnumType = Field(alias="triggerReason")
    seq_no: Integer = Field(alias="seqNo")
    # Absent means false.
    offline: bool | None = None
    number_of_phases_used: Integer | None = Field(None, alias="numberOfPhasesUsed")
    cable_max_current: Integer | None = Field(None, alias="cableMaxCurrent")
    reservation_id: Integer | None = Field(None, alias="reservationId")
    transaction_info: TransactionType = Field(alias="transactionInfo")
    evse: EVSEType | None = None
    id_token: IdTokenType | None = Field(None, alias="idToken")


class TransactionEventResponse(Extensible, Response):
    total_cost: Number | None = Field(None, alias="totalCost")
    charging_priority: Integer | None = Field(None, alias="chargingPriority")
    id_token_info: IdTokenInfoType | None = Field(None, alias="idTokenInfo")
    updated_personal_message: MessageContentType | None = Field(None, alias="updatedPersonalMessage")
