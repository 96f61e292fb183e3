"""OCPP 2.1: functional block E, Transactions.

Generated; do not edit. To write it again: `python -m ocpp_client.generate`.
"""

from typing import Literal

from pydantic import Field

from ocpp_client.fields import Integer, NonNegative, Number, ShortTimestamp
from ocpp_client.messages import Request, Response
from ocpp_client.v21.datatypes import (
    EVSEType,
    Extensible,
    IdTokenInfoType,
    IdTokenType,
    MessageContentType,
    MeterValueType,
    PriceType,
)
from ocpp_client.v21.enums import OperationModeEnumType


class GetTransactionStatusRequest(Extensible, Request["GetTransactionStatusResponse"]):
    transaction_id: str | None = Field(None, alias="transactionId", max_length=36)


class GetTransactionStatusResponse(Extensible, Response):
    ongoing_indicator: bool | None = Field(None, alias="ongoingIndicator")
    messages_in_queue: bool = Field(alias="messagesInQueue")


CostDimensionEnumType = Literal[
    "Energy",
    "MaxCurrent",
    "MinCurrent",
    "MaxPower",
    "MinPower",
    "IdleTIme",
    "ChargingTime",
]


class CostDimensionType(Extensible):
    type: CostDimensionEnumType
    volume: Number


class ChargingPeriodType(Extensible):
    dimensions: tuple[CostDimensionType, ...] | None = Field(None, min_length=1)
    tariff_id: str | None = Field(None, alias="tariffId", max_length=60)
    start_period: ShortTimestamp = Field(alias="startPeriod")


TariffCostEnumType = Literal["NormalCost", "MinCost", "MaxCost"]


class TotalPriceType(Extensible):
    excl_tax: Number | None = Field(None, alias="exclTax")
    incl_tax: Number | None = Field(None, alias="inclTax")


class TotalCostType(Extensible):
    currency: str = Field(max_length=3)
    type_of_cost: TariffCostEnumType = Field(alias="typeOfCost")
    fixed: PriceType | None = None
    energy: PriceType | None = None
    charging_time: PriceType | None = Field(None, alias="chargingTime")
    idle_time: PriceType | None = Field(None, alias="idleTime")
    reservation_time: PriceType | None = Field(None, alias="reservationTime")
    reservation_fixed: PriceType | None = Field(None, alias="reservationFixed")
    total: TotalPriceType


class TotalUsageType(Extensible):
    energy: Number
    charging_time: Integer = Field(alias="chargingTime")
    idle_time: Integer = Field(alias="idleTime")
    reservation_time: Integer | None = Field(None, alias="reservationTime")


class CostDetailsType(Extensible):
    charging_periods: tuple[ChargingPeriodType, ...] | None = Field(None, alias="chargingPeriods", min_length=1)
    total_cost: TotalCostType = Field(alias="totalCost")
    total_usage: TotalUsageType = Field(alias="totalUsage")
    failure_to_calculate: bool | None = Field(None, alias="failureToCalculate")
    failure_reason: str | None = Field(None, alias="failureReason", max_length=500)


TransactionEventEnumType = Literal["Ended", "Started", "Updated"]
TriggerReasonEnumType = Literal[
    "AbnormalCondition",
    "Authorized",
    "CablePluggedIn",
    "ChargingRateChanged",
    "ChargingStateChanged",
    "CostLimitReached",
    "Deauthorized",
    "EnergyLimitReached",
    "EVCommunicationLost",
    "EVConnectTimeout",
    "EVDeparted",
    "EVDetected",
    "LimitSet",
    "MeterValueClock",
    "MeterValuePeriodic",
    "OperationModeChanged",
    "RemoteStart",
    "RemoteStop",
    "ResetCommand",
    "RunningCost",
    "SignedDataReceived",
    "SoCLimitReached",
    "StopAuthorized",
    "TariffChanged",
    "TariffNotAccepted",
    "TimeLimitReached",
    "Trigger",
    "TxResumed",
    "UnlockCommand",
]
PreconditioningStatusEnumType = Literal["Unknown", "Ready", "NotReady", "Preconditioning"]
ChargingStateEnumType = Literal["EVConnected", "Charging", "SuspendedEV", "SuspendedEVSE", "Idle"]
ReasonEnumType = Literal[
    "DeAuthorized",
    "EmergencyStop",
    "EnergyLimitReached",
    "EVDisconnected",
    "GroundFault",
    "ImmediateReset",
    "MasterPass",
    "Local",
    "LocalOutOfCredit",
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
    "ReqEnergyTransferRejected",
]


class TransactionLimitType(Extensible):
    max_cost: Number | None = Field(None, alias="maxCost")
    max_energy: Number | None = Field(None, alias="maxEnergy")
    max_time: Integer | None = Field(None, alias="maxTime")
    max_soc: int | None = Field(None, alias="maxSoC", ge=0, le=100)


class TransactionType(Extensible):
    transaction_id: str = Field(alias="transactionId", max_length=36)
    charging_state: ChargingStateEnumType | None = Field(None, alias="chargingState")
    time_spent_charging: Integer | None = Field(None, alias="timeSpentCharging")
    stopped_reason: ReasonEnumType | None = Field(None, alias="stoppedReason")
    remote_start_id: Integer | None = Field(None, alias="remoteStartId")
    operation_mode: OperationModeEnumType | None = Field(None, alias="operationMode")
    tariff_id: str | None = Field(None, alias="tariffId", max_length=60)
    transaction_limit: TransactionLimitType | None = Field(None, alias="transactionLimit")


class TransactionEventRequest(Extensible, Request["TransactionEventResponse"]):
    cost_details: CostDetailsType | None = Field(None, alias="costDetails")
    event_type: TransactionEventEnumType = Field(alias="eventType")
    meter_value: tuple[MeterValueType, ...] | None = Field(None, alias="meterValue", min_length=1)
    timestamp: ShortTimestamp
    trigger_reason: TriggerReasonEnumType = Field(alias="triggerReason")
    seq_no: NonNegative = Field(alias="seqNo")
    # Absent means false.
    offline: bool | None = None
    number_of_phases_used: int | None = Field(None, alias="numberOfPhasesUsed", ge=0, le=3)
    cable_max_current: Integer | None = Field(None, alias="cableMaxCurrent")
    reservation_id: NonNegative | None = Field(None, alias="reservationId")
    preconditioning_status: PreconditioningStatusEnumType | None = Field(None, alias="preconditioningStatus")
    evse_sleep: bool | None = Field(None, alias="evseSleep")
    transaction_info: TransactionType = Field(alias="transactionInfo")
    evse: EVSEType | None = None
    id_token: IdTokenType | None = Field(None, alias="idToken")


class TransactionEventResponse(Extensible, Response):
    total_cost: Number | None = Field(None, alias="totalCost")
    charging_priority: Integer | None = Field(None, alias="chargingPriority")
    id_token_info: IdTokenInfoType | None = Field(None, alias="idTokenInfo")
    transaction_limit: TransactionLimitType | None = Field(None, alias="transactionLimit")
    updated_personal_message: MessageContentType | None = Field(None, alias="updatedPersonalMessage")
    updated_personal_message_extra: tuple[MessageContentType, ...] | None = Field(
        None, alias="updatedPersonalMessageExtra", min_length=1, max_length=4
    )
