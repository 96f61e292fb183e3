"""OCPP 2.0.1: types that several modules use.

Generated; do not edit. To write it again: `python -m ocpp_client.generate`.
"""

from typing import Literal

from pydantic import Field

from ocpp_client.fields import Integer, Json, NonNegative, Number, ShortTimestamp
from ocpp_client.messages import Part

AuthorizationStatusEnumType = Literal[
    "Accepted",
    "Blocked",
    "ConcurrentTx",
    "Expired",
    "Invalid",
    "NoCredit",
    "NotAllowedTypeEVSE",
    "NotAtThisLocation",
    "NotAtThisTime",
    "Unknown",
]
ChargingProfileKindEnumType = Literal["Absolute", "Recurring", "Relative"]
ChargingProfilePurposeEnumType = Literal[
    "ChargingStationExternalConstraints",
    "ChargingStationMaxProfile",
    "TxDefaultProfile",
    "TxProfile",
]
ChargingRateUnitEnumType = Literal["W", "A"]
CostKindEnumType = Literal["CarbonDioxideEmission", "RelativePricePercentage", "RenewableGenerationPercentage"]
GenericDeviceModelStatusEnumType = Literal["Accepted", "Rejected", "NotSupported", "EmptyResultSet"]
GenericStatusEnumType = Literal["Accepted", "Rejected"]
HashAlgorithmEnumType = Literal["SHA256", "SHA384", "SHA512"]
IdTokenEnumType = Literal[
    "Central",
    "eMAID",
    "ISO14443",
    "ISO15693",
    "KeyCode",
    "Local",
    "MacAddress",
    "NoAuthorization",
]
LocationEnumType = Literal["Body", "Cable", "EV", "Inlet", "Outlet"]
MeasurandEnumType = Literal[
    "Current.Export",
    "Current.Import",
    "Current.Offered",
    "Energy.Active.Export.Register",
    "Energy.Active.Import.Register",
    "Energy.Reactive.Export.Register",
    "Energy.Reactive.Import.Register",
    "Energy.Active.Export.Interval",
    "Energy.Active.Import.Interval",
    "Energy.Active.Net",
    "Energy.Reactive.Export.Interval",
    "Energy.Reactive.Import.Interval",
    "Energy.Reactive.Net",
    "Energy.Apparent.Net",
    "Energy.Apparent.Import",
    "Energy.Apparent.Export",
    "Frequency",
    "Power.Active.Export",
    "Power.Active.Import",
    "Power.Factor",
    "Power.Offered",
    "Power.Reactive.Export",
    "Power.Reactive.Import",
    "SoC",
    "Voltage",
]
MessageFormatEnumType = Literal["ASCII", "HTML", "URI", "UTF8"]
PhaseEnumType = Literal["L1", "L2", "L3", "N", "L1-N", "L2-N", "L3-N", "L1-L2", "L2-L3", "L3-L1"]
ReadingContextEnumType = Literal[
    "Interruption.Begin",
    "Interruption.End",
    "Other",
    "Sample.Clock",
    "Sample.Periodic",
    "Transaction.Begin",
    "Transaction.End",
    "Trigger",
]
RecurrencyKindEnumType = Literal["Daily", "Weekly"]


class CustomDataType(Part, extra="allow"):
    __pydantic_extra__: dict[str, Json]

    vendor_id: str = Field(alias="vendorId", max_length=255)


class Extensible(Part):
    """An object that may carry custom data, as every object may except custom data itself."""

    custom_data: CustomDataType | None = Field(None, alias="customData")


class AdditionalInfoType(Extensible):
    additional_id_token: str = Field(alias="additionalIdToken", max_length=36)
    type: str = Field(max_length=50)


class CertificateHashDataType(Extensible):
    hash_algorithm: HashAlgorithmEnumType = Field(alias="hashAlgorithm")
    issuer_name_hash: str = Field(alias="issuerNameHash", max_length=128)
    issuer_key_hash: str = Field(alias="issuerKeyHash", max_length=128)
    serial_number: str = Field(alias="serialNumber", max_length=40)


class ChargingSchedulePeriodType(Extensible):
    start_period: Integer = Field(alias="startPeriod")
    limit: Number
    number_phases: Integer | None = Field(None, alias="numberPhases")
    phase_to_use: Integer | None = Field(None, alias="phaseToUse")


class RelativeTimeIntervalType(Extensible):
    start: Integer
    duration: Integer | None = None


class CostType(Extensible):
    cost_kind: CostKindEnumType = Field(alias="costKind")
    amount: Integer
    amount_multiplier: Integer | None = Field(None, alias="amountMultiplier")


class ConsumptionCostType(Extensible):
    start_value: Number = Field(alias="startValue")
    cost: tuple[CostType, ...] = Field(min_length=1, max_length=3)


class SalesTariffEntryType(Extensible):
    relative_time_interval: RelativeTimeIntervalType = Field(alias="relativeTimeInterval")
    e_price_level: NonNegative | None = Field(None, alias="ePriceLevel")
    consumption_cost: tuple[ConsumptionCostType, ...] | None = Field(
        None, alias="consumptionCost", min_length=1, max_length=3
    )


class SalesTariffType(Extensible):
    id: Integer
    sales_tariff_description: str | None = Field(None, alias="salesTariffDescription", max_length=32)
    num_e_price_levels: Integer | None = Field(None, alias="numEPriceLevels")
    sales_tariff_entry: tuple[SalesTariffEntryType, ...] = Field(
        alias="salesTariffEntry", min_length=1, max_length=1024
    )


class ChargingScheduleType(Extensible):
    id: Integer
    start_schedule: ShortTimestamp | None = Field(None, alias="startSchedule")
    duration: Integer | None = None
    charging_rate_unit: ChargingRateUnitEnumType = Field(alias="chargingRateUnit")
    charging_schedule_period: tuple[ChargingSchedulePeriodType, ...] = Field(
        alias="chargingSchedulePeriod", min_length=1, max_length=1024
    )
    min_charging_rate: Number | None = Field(None, alias="minChargingRate")
    sales_tariff: SalesTariffType | None = Field(None, alias="salesTariff")


class ChargingProfileType(Extensible):
    id: Integer
    stack_level: Integer = Field(alias="stackLevel")
    charging_profile_purpose: ChargingProfilePurposeEnumType = Field(alias="chargingProfilePurpose")
    charging_profile_kind: ChargingProfileKindEnumType = Field(alias="chargingProfileKind")
    recurrency_kind: RecurrencyKindEnumType | None = Field(None, alias="recurrencyKind")
    valid_from: ShortTimestamp | None = Field(None, alias="validFrom")
    valid_to: ShortTimestamp | None = Field(None, alias="validTo")
    charging_schedule: tuple[ChargingScheduleType, ...] = Field(alias="chargingSchedule", min_length=1, max_length=3)
    transaction_id: str | None = Field(None, alias="transactionId", max_length=36)


class EVSEType(Extensible):
    id: Integer
    connector_id: Integer | None = Field(None, alias="connectorId")


class ComponentType(Extensible):
    evse: EVSEType | None = None
    name: str = Field(max_length=50)
    instance: str | None = Field(None, max_length=50)


class VariableType(Extensible):
    name: str = Field(max_length=50)
    instance: str | None = Field(None, max_length=50)


class ComponentVariableType(Extensible):
    component: ComponentType
    variable: VariableType | None = None


class IdTokenType(Extensible):
    additional_info: tuple[AdditionalInfoType, ...] | None = Field(None, alias="additionalInfo", min_length=1)
    id_token: str = Field(alias="idToken", max_length=36)
    type: IdTokenEnumType


class MessageContentType(Extensible):
    format: MessageFormatEnumType
    language: str | None = Field(None, max_length=8)
    content: str = Field(max_length=512)


class IdTokenInfoType(Extensible):
    status: AuthorizationStatusEnumType
    cache_expiry_date_time: ShortTimestamp | None = Field(None, alias="cacheExpiryDateTime")
    charging_priority: Integer | None = Field(None, alias="chargingPriority")
    language1: str | None = Field(None, max_length=8)
    evse_id: tuple[Integer, ...] | None = Field(None, alias="evseId", min_length=1)
    group_id_token: IdTokenType | None = Field(None, alias="groupIdToken")
    language2: str | None = Field(None, max_length=8)
    personal_message: MessageContentType | None = Field(None, alias="personalMessage")


class SignedMeterValueType(Extensible):
    signed_meter_data: str = Field(alias="signedMeterData", max_length=2500)
    signing_method: str = Field(alias="signingMethod", max_length=50)
    encoding_method: str = Field(alias="encodingMethod", max_length=50)
    public_key: str = Field(alias="publicKey", max_length=2500)


class UnitOfMeasureType(Extensible):
    # Absent means "Wh".
    unit: str | None = Field(None, max_length=20)
    # Absent means 0.
    multiplier: Integer | None = None


class SampledValueType(Extensible):
    value: Number
    # Absent means "Sample.Periodic".
    context: ReadingContextEnumType | None = None
    # Absent means "Energy.Active.Import.Register".
    measurand: MeasurandEnumType | None = None
    phase: PhaseEnumType | None = None
    # Absent means "Outlet".
    location: LocationEnumType | None = None
    signed_meter_value: SignedMeterValueType | None = Field(None, alias="signedMeterValue")
    unit_of_measure: UnitOfMeasureType | None = Field(None, alias="unitOfMeasure")


class MeterValueType(Extensible):
    sampled_value: tuple[SampledValueType, ...] = Field(alias="sampledValue", min_length=1)
    timestamp: ShortTimestamp


class OCSPRequestDataType(Extensible):
    hash_algorithm: HashAlgorithmEnumType = Field(alias="hashAlgorithm")
    issuer_name_hash: str = Field(alias="issuerNameHash", max_length=128)
    issuer_key_hash: str = Field(alias="issuerKeyHash", max_length=128)
    serial_number: str = Field(alias="serialNumber", max_length=40)
    responder_url: str = Field(alias="responderURL", max_length=512)


class StatusInfoType(Extensible):
    reason_code: str = Field(alias="reasonCode", max_length=20)
    additional_info: str | None = Field(None, alias="additionalInfo", max_length=512)
