"""OCPP 2.1: functional block K, Smart charging.

Generated; do not edit. To write it again: `python -m ocpp_client.generate`.
"""

from typing import Annotated, Literal

from pydantic import Field

from ocpp_client.fields import Integer, NonNegative, Number, Positive, ShortTimestamp
from ocpp_client.messages import Request, Response
from ocpp_client.v21.datatypes import (
    ChargingProfileType,
    ChargingSchedulePeriodType,
    ChargingScheduleType,
    Extensible,
    StatusInfoType,
)
from ocpp_client.v21.enums import (
    ChargingProfilePurposeEnumType,
    ChargingRateUnitEnumType,
    DERControlEnumType,
    EnergyTransferModeEnumType,
    GenericStatusEnumType,
)


class ClearChargingProfileType(Extensible):
    evse_id: NonNegative | None = Field(None, alias="evseId")
    charging_profile_purpose: ChargingProfilePurposeEnumType | None = Field(None, alias="chargingProfilePurpose")
    stack_level: NonNegative | None = Field(None, alias="stackLevel")


class ClearChargingProfileRequest(Extensible, Request["ClearChargingProfileResponse"]):
    charging_profile_id: Integer | None = Field(None, alias="chargingProfileId")
    charging_profile_criteria: ClearChargingProfileType | None = Field(None, alias="chargingProfileCriteria")


ClearChargingProfileStatusEnumType = Literal["Accepted", "Unknown"]


class ClearChargingProfileResponse(Extensible, Response):
    status: ClearChargingProfileStatusEnumType
    status_info: StatusInfoType | None = Field(None, alias="statusInfo")


class ClearedChargingLimitRequest(Extensible, Request["ClearedChargingLimitResponse"]):
    charging_limit_source: str = Field(alias="chargingLimitSource", max_length=20)
    evse_id: NonNegative | None = Field(None, alias="evseId")


class ClearedChargingLimitResponse(Extensible, Response):
    pass


class ChargingProfileCriterionType(Extensible):
    charging_profile_purpose: ChargingProfilePurposeEnumType | None = Field(None, alias="chargingProfilePurpose")
    stack_level: NonNegative | None = Field(None, alias="stackLevel")
    charging_profile_id: tuple[Integer, ...] | None = Field(None, alias="chargingProfileId", min_length=1)
    charging_limit_source: tuple[Annotated[str, Field(max_length=20)], ...] | None = Field(
        None, alias="chargingLimitSource", min_length=1, max_length=4
    )


class GetChargingProfilesRequest(Extensible, Request["GetChargingProfilesResponse"]):
    request_id: Integer = Field(alias="requestId")
    evse_id: NonNegative | None = Field(None, alias="evseId")
    charging_profile: ChargingProfileCriterionType = Field(alias="chargingProfile")


GetChargingProfileStatusEnumType = Literal["Accepted", "NoProfiles"]


class GetChargingProfilesResponse(Extensible, Response):
    status: GetChargingProfileStatusEnumType
    status_info: StatusInfoType | None = Field(None, alias="statusInfo")


class GetCompositeScheduleRequest(Extensible, Request["GetCompositeScheduleResponse"]):
    duration: Integer
    charging_rate_unit: ChargingRateUnitEnumType | None = Field(None, alias="chargingRateUnit")
    evse_id: NonNegative = Field(alias="evseId")


class CompositeScheduleType(Extensible):
    evse_id: NonNegative = Field(alias="evseId")
    duration: Integer
    schedule_start: ShortTimestamp = Field(alias="scheduleStart")
    charging_rate_unit: ChargingRateUnitEnumType = Field(alias="chargingRateUnit")
    charging_schedule_period: tuple[ChargingSchedulePeriodType, ...] = Field(
        alias="chargingSchedulePeriod", min_length=1
    )


class GetCompositeScheduleResponse(Extensible, Response):
    status: GenericStatusEnumType
    status_info: StatusInfoType | None = Field(None, alias="statusInfo")
    schedule: CompositeScheduleType | None = None


class ChargingLimitType(Extensible):
    charging_limit_source: str = Field(alias="chargingLimitSource", max_length=20)
    is_local_generation: bool | None = Field(None, alias="isLocalGeneration")
    is_grid_critical: bool | None = Field(None, alias="isGridCritical")


class NotifyChargingLimitRequest(Extensible, Request["NotifyChargingLimitResponse"]):
    charging_schedule: tuple[ChargingScheduleType, ...] | None = Field(None, alias="chargingSchedule", min_length=1)
    evse_id: NonNegative | None = Field(None, alias="evseId")
    charging_limit: ChargingLimitType = Field(alias="chargingLimit")


class NotifyChargingLimitResponse(Extensible, Response):
    pass


class ACChargingParametersType(Extensible):
    energy_amount: Number = Field(alias="energyAmount")
    ev_min_current: Number = Field(alias="evMinCurrent")
    ev_max_current: Number = Field(alias="evMaxCurrent")
    ev_max_voltage: Number = Field(alias="evMaxVoltage")


IslandingDetectionEnumType = Literal[
    "NoAntiIslandingSupport",
    "RoCoF",
    "UVP_OVP",
    "UFP_OFP",
    "VoltageVectorShift",
    "ZeroCrossingDetection",
    "OtherPassive",
    "ImpedanceMeasurement",
    "ImpedanceAtFrequency",
    "SlipModeFrequencyShift",
    "SandiaFrequencyShift",
    "SandiaVoltageShift",
    "FrequencyJump",
    "RCLQFactor",
    "OtherActive",
]


class DERChargingParametersType(Extensible):
    ev_supported_der_control: tuple[DERControlEnumType, ...] | None = Field(
        None, alias="evSupportedDERControl", min_length=1
    )
    ev_over_excited_max_discharge_power: Number | None = Field(None, alias="evOverExcitedMaxDischargePower")
    ev_over_excited_power_factor: Number | None = Field(None, alias="evOverExcitedPowerFactor")
    ev_under_excited_max_discharge_power: Number | None = Field(None, alias="evUnderExcitedMaxDischargePower")
    ev_under_excited_power_factor: Number | None = Field(None, alias="evUnderExcitedPowerFactor")
    max_apparent_power: Number | None = Field(None, alias="maxApparentPower")
    max_charge_apparent_power: Number | None = Field(None, alias="maxChargeApparentPower")
    max_charge_apparent_power_l2: Number | None = Field(None, alias="maxChargeApparentPower_L2")
    max_charge_apparent_power_l3: Number | None = Field(None, alias="maxChargeApparentPower_L3")
    max_discharge_apparent_power: Number | None = Field(None, alias="maxDischargeApparentPower")
    max_discharge_apparent_power_l2: Number | None = Field(None, alias="maxDischargeApparentPower_L2")
    max_discharge_apparent_power_l3: Number | None = Field(None, alias="maxDischargeApparentPower_L3")
    max_charge_reactive_power: Number | None = Field(None, alias="maxChargeReactivePower")
    max_charge_reactive_power_l2: Number | None = Field(None, alias="maxChargeReactivePower_L2")
    max_charge_reactive_power_l3: Number | None = Field(None, alias="maxChargeReactivePower_L3")
    min_charge_reactive_power: Number | None = Field(None, alias="minChargeReactivePower")
    min_charge_reactive_power_l2: Number | None = Field(None, alias="minChargeReactivePower_L2")
    min_charge_reactive_power_l3: Number | None = Field(None, alias="minChargeReactivePower_L3")
    max_discharge_reactive_power: Number | None = Field(None, alias="maxDischargeReactivePower")
    max_discharge_reactive_power_l2: Number | None = Field(None, alias="maxDischargeReactivePower_L2")
    max_discharge_reactive_power_l3: Number | None = Field(None, alias="maxDischargeReactivePower_L3")
    min_discharge_reactive_power: Number | None = Field(None, alias="minDischargeReactivePower")
    min_discharge_reactive_power_l2: Number | None = Field(None, alias="minDischargeReactivePower_L2")
    min_discharge_reactive_power_l3: Number | None = Field(None, alias="minDischargeReactivePower_L3")
    nominal_voltage: Number | None = Field(None, alias="nominalVoltage")
    nominal_voltage_offset: Number | None = Field(None, alias="nominalVoltageOffset")
    max_nominal_voltage: Number | None = Field(None, alias="maxNominalVoltage")
    min_nominal_voltage: Number | None = Field(None, alias="minNominalVoltage")
    ev_inverter_manufacturer: str | None = Field(None, alias="evInverterManufacturer", max_length=50)
    ev_inverter_model: str | None = Field(None, alias="evInverterModel", max_length=50)
    ev_inverter_serial_number: str | None = Field(None, alias="evInverterSerialNumber", max_length=50)
    ev_inverter_sw_version: str | None = Field(None, alias="evInverterSwVersion", max_length=50)
    ev_inverter_hw_version: str | None = Field(None, alias="evInverterHwVersion", max_length=50)
    ev_islanding_detection_method: tuple[IslandingDetectionEnumType, ...] | None = Field(
        None, alias="evIslandingDetectionMethod", min_length=1
    )
    ev_islanding_trip_time: Number | None = Field(None, alias="evIslandingTripTime")
    ev_maximum_level1_dc_injection: Number | None = Field(None, alias="evMaximumLevel1DCInjection")
    ev_duration_level1_dc_injection: Number | None = Field(None, alias="evDurationLevel1DCInjection")
    ev_maximum_level2_dc_injection: Number | None = Field(None, alias="evMaximumLevel2DCInjection")
    ev_duration_level2_dc_injection: Number | None = Field(None, alias="evDurationLevel2DCInjection")
    ev_reactive_susceptance: Number | None = Field(None, alias="evReactiveSusceptance")
    ev_session_total_discharge_energy_available: Number | None = Field(
        None, alias="evSessionTotalDischargeEnergyAvailable"
    )


class EVPriceRuleType(Extensible):
    energy_fee: Number = Field(alias="energyFee")
    power_range_start: Number = Field(alias="powerRangeStart")


class EVAbsolutePriceScheduleEntryType(Extensible):
    duration: Integer
    ev_price_rule: tuple[EVPriceRuleType, ...] = Field(alias="evPriceRule", min_length=1, max_length=8)


class EVAbsolutePriceScheduleType(Extensible):
    time_anchor: ShortTimestamp = Field(alias="timeAnchor")
    currency: str = Field(max_length=3)
    ev_absolute_price_schedule_entries: tuple[EVAbsolutePriceScheduleEntryType, ...] = Field(
        alias="evAbsolutePriceScheduleEntries", min_length=1, max_length=1024
    )
    price_algorithm: str = Field(alias="priceAlgorithm", max_length=2000)


class EVPowerScheduleEntryType(Extensible):
    duration: Integer
    power: Number


class EVPowerScheduleType(Extensible):
    ev_power_schedule_entries: tuple[EVPowerScheduleEntryType, ...] = Field(
        alias="evPowerScheduleEntries", min_length=1, max_length=1024
    )
    time_anchor: ShortTimestamp = Field(alias="timeAnchor")


class EVEnergyOfferType(Extensible):
    ev_absolute_price_schedule: EVAbsolutePriceScheduleType | None = Field(None, alias="evAbsolutePriceSchedule")
    ev_power_schedule: EVPowerScheduleType = Field(alias="evPowerSchedule")


class DCChargingParametersType(Extensible):
    ev_max_current: Number = Field(alias="evMaxCurrent")
    ev_max_voltage: Number = Field(alias="evMaxVoltage")
    ev_max_power: Number | None = Field(None, alias="evMaxPower")
    ev_energy_capacity: Number | None = Field(None, alias="evEnergyCapacity")
    energy_amount: Number | None = Field(None, alias="energyAmount")
    state_of_charge: int | None = Field(None, alias="stateOfCharge", ge=0, le=100)
    full_soc: int | None = Field(None, alias="fullSoC", ge=0, le=100)
    bulk_soc: int | None = Field(None, alias="bulkSoC", ge=0, le=100)


class V2XChargingParametersType(Extensible):
    min_charge_power: Number | None = Field(None, alias="minChargePower")
    min_charge_power_l2: Number | None = Field(None, alias="minChargePower_L2")
    min_charge_power_l3: Number | None = Field(None, alias="minChargePower_L3")
    max_charge_power: Number | None = Field(None, alias="maxChargePower")
    max_charge_power_l2: Number | None = Field(None, alias="maxChargePower_L2")
    max_charge_power_l3: Number | None = Field(None, alias="maxChargePower_L3")
    min_discharge_power: Number | None = Field(None, alias="minDischargePower")
    min_discharge_power_l2: Number | None = Field(None, alias="minDischargePower_L2")
    min_discharge_power_l3: Number | None = Field(None, alias="minDischargePower_L3")
    max_discharge_power: Number | None = Field(None, alias="maxDischargePower")
    max_discharge_power_l2: Number | None = Field(None, alias="maxDischargePower_L2")
    max_discharge_power_l3: Number | None = Field(None, alias="maxDischargePower_L3")
    min_charge_current: Number | None = Field(None, alias="minChargeCurrent")
    max_charge_current: Number | None = Field(None, alias="maxChargeCurrent")
    min_discharge_current: Number | None = Field(None, alias="minDischargeCurrent")
    max_discharge_current: Number | None = Field(None, alias="maxDischargeCurrent")
    min_voltage: Number | None = Field(None, alias="minVoltage")
    max_voltage: Number | None = Field(None, alias="maxVoltage")
    ev_target_energy_request: Number | None = Field(None, alias="evTargetEnergyRequest")
    ev_min_energy_request: Number | None = Field(None, alias="evMinEnergyRequest")
    ev_max_energy_request: Number | None = Field(None, alias="evMaxEnergyRequest")
    ev_min_v2x_energy_request: Number | None = Field(None, alias="evMinV2XEnergyRequest")
    ev_max_v2x_energy_request: Number | None = Field(None, alias="evMaxV2XEnergyRequest")
    target_soc: int | None = Field(None, alias="targetSoC", ge=0, le=100)


ControlModeEnumType = Literal["ScheduledControl", "DynamicControl"]
MobilityNeedsModeEnumType = Literal["EVCC", "EVCC_SECC"]


class ChargingNeedsType(Extensible):
    ac_charging_parameters: ACChargingParametersType | None = Field(None, alias="acChargingParameters")
    der_charging_parameters: DERChargingParametersType | None = Field(None, alias="derChargingParameters")
    ev_energy_offer: EVEnergyOfferType | None = Field(None, alias="evEnergyOffer")
    requested_energy_transfer: EnergyTransferModeEnumType = Field(alias="requestedEnergyTransfer")
    dc_charging_parameters: DCChargingParametersType | None = Field(None, alias="dcChargingParameters")
    v2x_charging_parameters: V2XChargingParametersType | None = Field(None, alias="v2xChargingParameters")
    available_energy_transfer: tuple[EnergyTransferModeEnumType, ...] | None = Field(
        None, alias="availableEnergyTransfer", min_length=1
    )
    control_mode: ControlModeEnumType | None = Field(None, alias="controlMode")
    mobility_needs_mode: MobilityNeedsModeEnumType | None = Field(None, alias="mobilityNeedsMode")
    departure_time: ShortTimestamp | None = Field(None, alias="departureTime")


class NotifyEVChargingNeedsRequest(Extensible, Request["NotifyEVChargingNeedsResponse"]):
    evse_id: Positive = Field(alias="evseId")
    max_schedule_tuples: NonNegative | None = Field(None, alias="maxScheduleTuples")
    charging_needs: ChargingNeedsType = Field(alias="chargingNeeds")
    timestamp: ShortTimestamp | None = None


NotifyEVChargingNeedsStatusEnumType = Literal["Accepted", "Rejected", "Processing", "NoChargingProfile"]


class NotifyEVChargingNeedsResponse(Extensible, Response):
    status: NotifyEVChargingNeedsStatusEnumType
    status_info: StatusInfoType | None = Field(None, alias="statusInfo")


class NotifyEVChargingScheduleRequest(Extensible, Request["NotifyEVChargingScheduleResponse"]):
    time_base: ShortTimestamp = Field(alias="timeBase")
    charging_schedule: ChargingScheduleType = Field(alias="chargingSchedule")
    evse_id: Positive = Field(alias="evseId")
    selected_charging_schedule_id: NonNegative | None = Field(None, alias="selectedChargingScheduleId")
    power_tolerance_acceptance: bool | None = Field(None, alias="powerToleranceAcceptance")


class NotifyEVChargingScheduleResponse(Extensible, Response):
    status: GenericStatusEnumType
    status_info: StatusInfoType | None = Field(None, alias="statusInfo")


class NotifyPriorityChargingRequest(Extensible, Request["NotifyPriorityChargingResponse"]):
    transaction_id: str = Field(alias="transactionId", max_length=36)
    activated: bool


class NotifyPriorityChargingResponse(Extensible, Response):
    pass


class PullDynamicScheduleUpdateRequest(Extensible, Request["PullDynamicScheduleUpdateResponse"]):
    charging_profile_id: Integer = Field(alias="chargingProfileId")


class ChargingScheduleUpdateType(Extensible):
    limit: Number | None = None
    limit_l2: Number | None = Field(None, alias="limit_L2")
    limit_l3: Number | None = Field(None, alias="limit_L3")
    discharge_limit: Number | None = Field(None, alias="dischargeLimit", le=0)
    discharge_limit_l2: Number | None = Field(None, alias="dischargeLimit_L2", le=0)
    discharge_limit_l3: Number | None = Field(None, alias="dischargeLimit_L3", le=0)
    setpoint: Number | None = None
    setpoint_l2: Number | None = Field(None, alias="setpoint_L2")
    setpoint_l3: Number | None = Field(None, alias="setpoint_L3")
    setpoint_reactive: Number | None = Field(None, alias="setpointReactive")
    setpoint_reactive_l2: Number | None = Field(None, alias="setpointReactive_L2")
    setpoint_reactive_l3: Number | None = Field(None, alias="setpointReactive_L3")


ChargingProfileStatusEnumType = Literal["Accepted", "Rejected"]


class PullDynamicScheduleUpdateResponse(Extensible, Response):
    schedule_update: ChargingScheduleUpdateType | None = Field(None, alias="scheduleUpdate")
    status: ChargingProfileStatusEnumType
    status_info: StatusInfoType | None = Field(None, alias="statusInfo")


class ReportChargingProfilesRequest(Extensible, Request["ReportChargingProfilesResponse"]):
    request_id: Integer = Field(alias="requestId")
    charging_limit_source: str = Field(alias="chargingLimitSource", max_length=20)
    charging_profile: tuple[ChargingProfileType, ...] = Field(alias="chargingProfile", min_length=1)
    # Absent means false.
    tbc: bool | None = None
    evse_id: NonNegative = Field(alias="evseId")


class ReportChargingProfilesResponse(Extensible, Response):
    pass


class SetChargingProfileRequest(Extensible, Request["SetChargingProfileResponse"]):
    evse_id: NonNegative = Field(alias="evseId")
    charging_profile: ChargingProfileType = Field(alias="chargingProfile")


class SetChargingProfileResponse(Extensible, Response):
    status: ChargingProfileStatusEnumType
    status_info: StatusInfoType | None = Field(None, alias="statusInfo")


class UpdateDynamicScheduleRequest(Extensible, Request["UpdateDynamicScheduleResponse"]):
    charging_profile_id: Integer = Field(alias="chargingProfileId")
    schedule_update: ChargingScheduleUpdateType = Field(alias="scheduleUpdate")


class UpdateDynamicScheduleResponse(Extensible, Response):
    status: ChargingProfileStatusEnumType
    status_info: StatusInfoType | None = Field(None, alias="statusInfo")


class UsePriorityChargingRequest(Extensible, Request["UsePriorityChargingResponse"]):
    transaction_id: str = Field(alias="transactionId", max_length=36)
    activate: bool


PriorityChargingStatusEnumType = Literal["Accepted", "Rejected", "NoProfile"]


class UsePriorityChargingResponse(Extensible, Response):
    status: PriorityChargingStatusEnumType
    status_info: StatusInfoType | None = Field(None, alias="statusInfo")
