"""OCPP 2.1: types that several modules use.

Generated; do not edit. To write it again: `python -m ocpp_client.generate`.
"""

from pydantic import Field

from ocpp_client.fields import Integer, Json, NonNegative, Number, ShortTimestamp
from ocpp_client.messages import Part
from ocpp_client.v21.enums import (
    AuthorizationStatusEnumType,
    ChargingProfileKindEnumType,
    ChargingProfilePurposeEnumType,
    ChargingRateUnitEnumType,
    CostKindEnumType,
    DayOfWeekEnumType,
    EvseKindEnumType,
    HashAlgorithmEnumType,
    LocationEnumType,
    MeasurandEnumType,
    MessageFormatEnumType,
    OperationModeEnumType,
    PhaseEnumType,
    ReadingContextEnumType,
    RecurrencyKindEnumType,
)


class CustomDataType(Part, extra="allow"):
    __pydantic_extra__: dict[str, Json]

    vendor_id: str = Field(alias="vendorId", max_length=255)


class Extensible(Part):
    """An object that may carry custom data, as every object may except custom data itself."""

    custom_data: CustomDataType | None = Field(None, alias="customData")


class RationalNumberType(Extensible):
    exponent: Integer
    value: Integer


class PriceRuleType(Extensible):
    parking_fee_period: Integer | None = Field(None, alias="parkingFeePeriod")
    carbon_dioxide_emission: NonNegative | None = Field(None, alias="carbonDioxideEmission")
    renewable_generation_percentage: int | None = Field(None, alias="renewableGenerationPercentage", ge=0, le=100)
    energy_fee: RationalNumberType = Field(alias="energyFee")
    parking_fee: RationalNumberType | None = Field(None, alias="parkingFee")
    power_range_start: RationalNumberType = Field(alias="powerRangeStart")


class PriceRuleStackType(Extensible):
    duration: Integer
    price_rule: tuple[PriceRuleType, ...] = Field(alias="priceRule", min_length=1, max_length=8)


class TaxRuleType(Extensible):
    tax_rule_id: NonNegative = Field(alias="taxRuleID")
    tax_rule_name: str | None = Field(None, alias="taxRuleName", max_length=100)
    tax_included_in_price: bool | None = Field(None, alias="taxIncludedInPrice")
    applies_to_energy_fee: bool = Field(alias="appliesToEnergyFee")
    applies_to_parking_fee: bool = Field(alias="appliesToParkingFee")
    applies_to_overstay_fee: bool = Field(alias="appliesToOverstayFee")
    applies_to_minimum_maximum_cost: bool = Field(alias="appliesToMinimumMaximumCost")
    tax_rate: RationalNumberType = Field(alias="taxRate")


class OverstayRuleType(Extensible):
    overstay_fee: RationalNumberType = Field(alias="overstayFee")
    overstay_rule_description: str | None = Field(None, alias="overstayRuleDescription", max_length=32)
    start_time: Integer = Field(alias="startTime")
    overstay_fee_period: Integer = Field(alias="overstayFeePeriod")


class OverstayRuleListType(Extensible):
    overstay_power_threshold: RationalNumberType | None = Field(None, alias="overstayPowerThreshold")
    overstay_rule: tuple[OverstayRuleType, ...] = Field(alias="overstayRule", min_length=1, max_length=5)
    overstay_time_threshold: Integer | None = Field(None, alias="overstayTimeThreshold")


class AdditionalSelectedServicesType(Extensible):
    service_fee: RationalNumberType = Field(alias="serviceFee")
    service_name: str = Field(alias="serviceName", max_length=80)


class AbsolutePriceScheduleType(Extensible):
    time_anchor: ShortTimestamp = Field(alias="timeAnchor")
    price_schedule_id: NonNegative = Field(alias="priceScheduleID")
    price_schedule_description: str | None = Field(None, alias="priceScheduleDescription", max_length=160)
    currency: str = Field(max_length=3)
    language: str = Field(max_length=8)
    price_algorithm: str = Field(alias="priceAlgorithm", max_length=2000)
    minimum_cost: RationalNumberType | None = Field(None, alias="minimumCost")
    maximum_cost: RationalNumberType | None = Field(None, alias="maximumCost")
    price_rule_stacks: tuple[PriceRuleStackType, ...] = Field(alias="priceRuleStacks", min_length=1, max_length=1024)
    tax_rules: tuple[TaxRuleType, ...] | None = Field(None, alias="taxRules", min_length=1, max_length=10)
    overstay_rule_list: OverstayRuleListType | None = Field(None, alias="overstayRuleList")
    additional_selected_services: tuple[AdditionalSelectedServicesType, ...] | None = Field(
        None, alias="additionalSelectedServices", min_length=1, max_length=5
    )


class AdditionalInfoType(Extensible):
    additional_id_token: str = Field(alias="additionalIdToken", max_length=255)
    type: str = Field(max_length=50)


class CertificateHashDataType(Extensible):
    hash_algorithm: HashAlgorithmEnumType = Field(alias="hashAlgorithm")
    issuer_name_hash: str = Field(alias="issuerNameHash", max_length=128)
    issuer_key_hash: str = Field(alias="issuerKeyHash", max_length=128)
    serial_number: str = Field(alias="serialNumber", max_length=40)


class LimitAtSoCType(Extensible):
    soc: int = Field(ge=0, le=100)
    limit: Number


class V2XFreqWattPointType(Extensible):
    frequency: Number
    power: Number


class V2XSignalWattPointType(Extensible):
    signal: Integer
    power: Number


class ChargingSchedulePeriodType(Extensible):
    start_period: Integer = Field(alias="startPeriod")
    limit: Number | None = None
    limit_l2: Number | None = Field(None, alias="limit_L2")
    limit_l3: Number | None = Field(None, alias="limit_L3")
    number_phases: int | None = Field(None, alias="numberPhases", ge=0, le=3)
    phase_to_use: int | None = Field(None, alias="phaseToUse", ge=0, le=3)
    discharge_limit: Number | None = Field(None, alias="dischargeLimit", le=0)
    discharge_limit_l2: Number | None = Field(None, alias="dischargeLimit_L2", le=0)
    discharge_limit_l3: Number | None = Field(None, alias="dischargeLimit_L3", le=0)
    setpoint: Number | None = None
    setpoint_l2: Number | None = Field(None, alias="setpoint_L2")
    setpoint_l3: Number | None = Field(None, alias="setpoint_L3")
    setpoint_reactive: Number | None = Field(None, alias="setpointReactive")
    setpoint_reactive_l2: Number | None = Field(None, alias="setpointReactive_L2")
    setpoint_reactive_l3: Number | None = Field(None, alias="setpointReactive_L3")
    preconditioning_request: bool | None = Field(None, alias="preconditioningRequest")
    evse_sleep: bool | None = Field(None, alias="evseSleep")
    v2x_baseline: Number | None = Field(None, alias="v2xBaseline")
    operation_mode: OperationModeEnumType | None = Field(None, alias="operationMode")
    v2x_freq_watt_curve: tuple[V2XFreqWattPointType, ...] | None = Field(
        None, alias="v2xFreqWattCurve", min_length=1, max_length=20
    )
    v2x_signal_watt_curve: tuple[V2XSignalWattPointType, ...] | None = Field(
        None, alias="v2xSignalWattCurve", min_length=1, max_length=20
    )


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
    id: NonNegative
    sales_tariff_description: str | None = Field(None, alias="salesTariffDescription", max_length=32)
    num_e_price_levels: NonNegative | None = Field(None, alias="numEPriceLevels")
    sales_tariff_entry: tuple[SalesTariffEntryType, ...] = Field(
        alias="salesTariffEntry", min_length=1, max_length=1024
    )


class PriceLevelScheduleEntryType(Extensible):
    duration: Integer
    price_level: NonNegative = Field(alias="priceLevel")


class PriceLevelScheduleType(Extensible):
    price_level_schedule_entries: tuple[PriceLevelScheduleEntryType, ...] = Field(
        alias="priceLevelScheduleEntries", min_length=1, max_length=100
    )
    time_anchor: ShortTimestamp = Field(alias="timeAnchor")
    price_schedule_id: NonNegative = Field(alias="priceScheduleId")
    price_schedule_description: str | None = Field(None, alias="priceScheduleDescription", max_length=32)
    number_of_price_levels: NonNegative = Field(alias="numberOfPriceLevels")


class ChargingScheduleType(Extensible):
    id: Integer
    limit_at_soc: LimitAtSoCType | None = Field(None, alias="limitAtSoC")
    start_schedule: ShortTimestamp | None = Field(None, alias="startSchedule")
    duration: Integer | None = None
    charging_rate_unit: ChargingRateUnitEnumType = Field(alias="chargingRateUnit")
    min_charging_rate: Number | None = Field(None, alias="minChargingRate")
    power_tolerance: Number | None = Field(None, alias="powerTolerance")
    signature_id: NonNegative | None = Field(None, alias="signatureId")
    digest_value: str | None = Field(None, alias="digestValue", max_length=88)
    use_local_time: bool | None = Field(None, alias="useLocalTime")
    charging_schedule_period: tuple[ChargingSchedulePeriodType, ...] = Field(
        alias="chargingSchedulePeriod", min_length=1, max_length=1024
    )
    randomized_delay: NonNegative | None = Field(None, alias="randomizedDelay")
    sales_tariff: SalesTariffType | None = Field(None, alias="salesTariff")
    absolute_price_schedule: AbsolutePriceScheduleType | None = Field(None, alias="absolutePriceSchedule")
    price_level_schedule: PriceLevelScheduleType | None = Field(None, alias="priceLevelSchedule")


class ChargingProfileType(Extensible):
    id: Integer
    stack_level: NonNegative = Field(alias="stackLevel")
    charging_profile_purpose: ChargingProfilePurposeEnumType = Field(alias="chargingProfilePurpose")
    charging_profile_kind: ChargingProfileKindEnumType = Field(alias="chargingProfileKind")
    recurrency_kind: RecurrencyKindEnumType | None = Field(None, alias="recurrencyKind")
    valid_from: ShortTimestamp | None = Field(None, alias="validFrom")
    valid_to: ShortTimestamp | None = Field(None, alias="validTo")
    transaction_id: str | None = Field(None, alias="transactionId", max_length=36)
    max_offline_duration: Integer | None = Field(None, alias="maxOfflineDuration")
    charging_schedule: tuple[ChargingScheduleType, ...] = Field(alias="chargingSchedule", min_length=1, max_length=3)
    invalid_after_offline_duration: bool | None = Field(None, alias="invalidAfterOfflineDuration")
    dyn_update_interval: Integer | None = Field(None, alias="dynUpdateInterval")
    dyn_update_time: ShortTimestamp | None = Field(None, alias="dynUpdateTime")
    price_schedule_signature: str | None = Field(None, alias="priceScheduleSignature", max_length=256)


class EVSEType(Extensible):
    id: NonNegative
    connector_id: NonNegative | None = Field(None, alias="connectorId")


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
    id_token: str = Field(alias="idToken", max_length=255)
    type: str = Field(max_length=20)


class MessageContentType(Extensible):
    format: MessageFormatEnumType
    language: str | None = Field(None, max_length=8)
    content: str = Field(max_length=1024)


class IdTokenInfoType(Extensible):
    status: AuthorizationStatusEnumType
    cache_expiry_date_time: ShortTimestamp | None = Field(None, alias="cacheExpiryDateTime")
    charging_priority: Integer | None = Field(None, alias="chargingPriority")
    group_id_token: IdTokenType | None = Field(None, alias="groupIdToken")
    language1: str | None = Field(None, max_length=8)
    language2: str | None = Field(None, max_length=8)
    evse_id: tuple[NonNegative, ...] | None = Field(None, alias="evseId", min_length=1)
    personal_message: MessageContentType | None = Field(None, alias="personalMessage")


class SignedMeterValueType(Extensible):
    signed_meter_data: str = Field(alias="signedMeterData", max_length=32768)
    signing_method: str | None = Field(None, alias="signingMethod", max_length=50)
    encoding_method: str = Field(alias="encodingMethod", max_length=50)
    public_key: str | None = Field(None, alias="publicKey", max_length=2500)


class UnitOfMeasureType(Extensible):
    # Absent means "Wh".
    unit: str | None = Field(None, max_length=20)
    # Absent means 0.
    multiplier: Integer | None = None


class SampledValueType(Extensible):
    value: Number
    # Absent means "Energy.Active.Import.Register".
    measurand: MeasurandEnumType | None = None
    # Absent means "Sample.Periodic".
    context: ReadingContextEnumType | None = None
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
    responder_url: str = Field(alias="responderURL", max_length=2000)


class TaxRateType(Extensible):
    type: str = Field(max_length=20)
    tax: Number
    stack: NonNegative | None = None


class PriceType(Extensible):
    excl_tax: Number | None = Field(None, alias="exclTax")
    incl_tax: Number | None = Field(None, alias="inclTax")
    tax_rates: tuple[TaxRateType, ...] | None = Field(None, alias="taxRates", min_length=1, max_length=5)


class StatusInfoType(Extensible):
    reason_code: str = Field(alias="reasonCode", max_length=20)
    additional_info: str | None = Field(None, alias="additionalInfo", max_length=1024)


class TariffConditionsFixedType(Extensible):
    start_time_of_day: str | None = Field(None, alias="startTimeOfDay")
    end_time_of_day: str | None = Field(None, alias="endTimeOfDay")
    day_of_week: tuple[DayOfWeekEnumType, ...] | None = Field(None, alias="dayOfWeek", min_length=1, max_length=7)
    valid_from_date: str | None = Field(None, alias="validFromDate")
    valid_to_date: str | None = Field(None, alias="validToDate")
    evse_kind: EvseKindEnumType | None = Field(None, alias="evseKind")
    payment_brand: str | None = Field(None, alias="paymentBrand", max_length=20)
    payment_recognition: str | None = Field(None, alias="paymentRecognition", max_length=20)


class TariffConditionsType(Extensible):
    start_time_of_day: str | None = Field(None, alias="startTimeOfDay")
    end_time_of_day: str | None = Field(None, alias="endTimeOfDay")
    day_of_week: tuple[DayOfWeekEnumType, ...] | None = Field(None, alias="dayOfWeek", min_length=1, max_length=7)
    valid_from_date: str | None = Field(None, alias="validFromDate")
    valid_to_date: str | None = Field(None, alias="validToDate")
    evse_kind: EvseKindEnumType | None = Field(None, alias="evseKind")
    min_energy: Number | None = Field(None, alias="minEnergy")
    max_energy: Number | None = Field(None, alias="maxEnergy")
    min_current: Number | None = Field(None, alias="minCurrent")
    max_current: Number | None = Field(None, alias="maxCurrent")
    min_power: Number | None = Field(None, alias="minPower")
    max_power: Number | None = Field(None, alias="maxPower")
    min_time: Integer | None = Field(None, alias="minTime")
    max_time: Integer | None = Field(None, alias="maxTime")
    min_charging_time: Integer | None = Field(None, alias="minChargingTime")
    max_charging_time: Integer | None = Field(None, alias="maxChargingTime")
    min_idle_time: Integer | None = Field(None, alias="minIdleTime")
    max_idle_time: Integer | None = Field(None, alias="maxIdleTime")


class TariffEnergyPriceType(Extensible):
    price_kwh: Number = Field(alias="priceKwh")
    conditions: TariffConditionsType | None = None


class TariffEnergyType(Extensible):
    prices: tuple[TariffEnergyPriceType, ...] = Field(min_length=1)
    tax_rates: tuple[TaxRateType, ...] | None = Field(None, alias="taxRates", min_length=1, max_length=5)


class TariffFixedPriceType(Extensible):
    conditions: TariffConditionsFixedType | None = None
    price_fixed: Number = Field(alias="priceFixed")


class TariffFixedType(Extensible):
    prices: tuple[TariffFixedPriceType, ...] = Field(min_length=1)
    tax_rates: tuple[TaxRateType, ...] | None = Field(None, alias="taxRates", min_length=1, max_length=5)


class TariffTimePriceType(Extensible):
    price_minute: Number = Field(alias="priceMinute")
    conditions: TariffConditionsType | None = None


class TariffTimeType(Extensible):
    prices: tuple[TariffTimePriceType, ...] = Field(min_length=1)
    tax_rates: tuple[TaxRateType, ...] | None = Field(None, alias="taxRates", min_length=1, max_length=5)


class TariffType(Extensible):
    tariff_id: str = Field(alias="tariffId", max_length=60)
    description: tuple[MessageContentType, ...] | None = Field(None, min_length=1, max_length=10)
    currency: str = Field(max_length=3)
    energy: TariffEnergyType | None = None
    valid_from: ShortTimestamp | None = Field(None, alias="validFrom")
    charging_time: TariffTimeType | None = Field(None, alias="chargingTime")
    idle_time: TariffTimeType | None = Field(None, alias="idleTime")
    fixed_fee: TariffFixedType | None = Field(None, alias="fixedFee")
    reservation_time: TariffTimeType | None = Field(None, alias="reservationTime")
    reservation_fixed: TariffFixedType | None = Field(None, alias="reservationFixed")
    min_cost: PriceType | None = Field(None, alias="minCost")
    max_cost: PriceType | None = Field(None, alias="maxCost")
