"""OCPP 2.0.1: functional block K, Smart charging.

Generated; do not edit. To write it again: `python -m ocpp_client.generate`.
"""

from typing import Literal

from pydantic import Field

from ocpp_client.fields import Integer, ShortTimestamp
from ocpp_client.messages import Request, Response
from ocpp_client.v201.datatypes import (
    ChargingProfilePurposeEnumType,
    ChargingProfileType,
    ChargingRateUnitEnumType,
    ChargingSchedulePeriodType,
    ChargingScheduleType,
    Extensible,
    GenericStatusEnumType,
    StatusInfoType,
)


class ClearChargingProfileType(Extensible):
    evse_id: Integer | None = Field(None, alias="evseId")
    charging_profile_purpose: ChargingProfilePurposeEnumType | None = Field(None, alias="chargingProfilePurpose")
    stack_level: Integer | None = Field(None, alias="stackLevel")


class ClearChargingProfileRequest(Extensible, Request["ClearChargingProfileResponse"]):
    charging_profile_id: Integer | None = Field(None, alias="chargingProfileId")
    charging_profile_criteria: ClearChargingProfileType | None = Field(None, alias="chargingProfileCriteria")


ClearChargingProfileStatusEnumType = Literal["Accepted", "Unknown"]


class ClearChargingProfileResponse(Extensible, Response):
    status: ClearChargingProfileStatusEnumType
    status_info: StatusInfoType | None = Field(None, alias="statusInfo")


ChargingLimitSourceEnumType = Literal["EMS", "Other", "SO", "CSO"]


class ClearedChargingLimitRequest(Extensible, Request["ClearedChargingLimitResponse"]):
    charging_limit_source: ChargingLimitSourceEnumType = Field(alias="chargingLimitSource")
    evse_id: Integer | None = Field(None, alias="evseId")


class ClearedChargingLimitResponse(Extensible, Response):
    pass


class ChargingProfileCriterionType(Extensible):
    charging_profile_purpose: ChargingProfilePurposeEnumType | None = Field(None, alias="chargingProfilePurpose")
    stack_level: Integer | None = Field(None, alias="stackLevel")
    charging_profile_id: tuple[Integer, ...] | None = Field(None, alias="chargingProfileId", min_length=1)
    charging_limit_source: tuple[ChargingLimitSourceEnumType, ...] | None = Field(
        None, alias="chargingLimitSource", min_length=1, max_length=4
    )


class GetChargingProfilesRequest(Extensible, Request["GetChargingProfilesResponse"]):
    request_id: Integer = Field(alias="requestId")
    evse_id: Integer | None = Field(None, alias="evseId")
    charging_profile: ChargingProfileCriterionType = Field(alias="chargingProfile")


GetChargingProfileStatusEnumType = Literal["Accepted", "NoProfiles"]


class GetChargingProfilesResponse(Extensible, Response):
    status: GetChargingProfileStatusEnumType
    status_info: StatusInfoType | None = Field(None, alias="statusInfo")


class GetCompositeScheduleRequest(Extensible, Request["GetCompositeScheduleResponse"]):
    duration: Integer
    charging_rate_unit: ChargingRateUnitEnumType | None = Field(None, alias="chargingRateUnit")
    evse_id: Integer = Field(alias="evseId")


class CompositeScheduleType(Extensible):
    charging_schedule_period: tuple[ChargingSchedulePeriodType, ...] = Field(
        alias="chargingSchedulePeriod", min_length=1
    )
    evse_id: Integer = Field(alias="evseId")
    duration: Integer
    schedule_start: ShortTimestamp = Field(alias="scheduleStart")
    charging_rate_unit: ChargingRateUnitEnumType = Field(alias="chargingRateUnit")


class GetCompositeScheduleResponse(Extensible, Response):
    status: GenericStatusEnumType
    status_info: StatusInfoType | None = Field(None, alias="statusInfo")
    schedule: CompositeScheduleType | None = None


class ChargingLimitType(Extensible):
    charging_limit_source: ChargingLimitSourceEnumType = Field(alias="chargingLimitSource")
    is_grid_critical: bool | None = Field(None, alias="isGridCritical")


class NotifyChargingLimitRequest(Extensible, Request["NotifyChargingLimitResponse"]):
    charging_schedule: tuple[ChargingScheduleType, ...] | None = Field(None, alias="chargingSchedule", min_length=1)
    evse_id: Integer | None = Field(None, alias="evseId")
    charging_limit: ChargingLimitType = Field(alias="chargingLimit")


class NotifyChargingLimitResponse(Extensible, Response):
    pass


class ACChargingParametersType(Extensible):
    energy_amount: Integer = Field(alias="energyAmount")
    ev_min_current: Integer = Field(alias="evMinCurrent")
    ev_max_current: Integer = Field(alias="evMaxCurrent")
    ev_max_voltage: Integer = Field(alias="evMaxVoltage")


class DCChargingParametersType(Extensible):
    ev_max_current: Integer = Field(alias="evMaxCurrent")
    ev_max_voltage: Integer = Field(alias="evMaxVoltage")
    energy_amount: Integer | None = Field(None, alias="energyAmount")
    ev_max_power: Integer | None = Field(None, alias="evMaxPower")
    state_of_charge: int | None = Field(None, alias="stateOfCharge", ge=0, le=100)
    ev_energy_capacity: Integer | None = Field(None, alias="evEnergyCapacity")
    full_soc: int | None = Field(None, alias="fullSoC", ge=0, le=100)
    bulk_soc: int | None = Field(None, alias="bulkSoC", ge=0, le=100)


EnergyTransferModeEnumType = Literal["DC", "AC_single_phase", "AC_two_phase", "AC_three_phase"]


class ChargingNeedsType(Extensible):
    ac_charging_parameters: ACChargingParametersType | None = Field(None, alias="acChargingParameters")
    dc_charging_parameters: DCChargingParametersType | None = Field(None, alias="dcChargingParameters")
    requested_energy_transfer: EnergyTransferModeEnumType = Field(alias="requestedEnergyTransfer")
    departure_time: ShortTimestamp | None = Field(None, alias="departureTime")


class NotifyEVChargingNeedsRequest(Extensible, Request["NotifyEVChargingNeedsResponse"]):
    max_schedule_tuples: Integer | None = Field(None, alias="maxScheduleTuples")
    charging_needs: ChargingNeedsType = Field(alias="chargingNeeds")
    evse_id: Integer = Field(alias="evseId")


NotifyEVChargingNeedsStatusEnumType = Literal["Accepted", "Rejected", "Processing"]


class NotifyEVChargingNeedsResponse(Extensible, Response):
    status: NotifyEVChargingNeedsStatusEnumType
    status_info: StatusInfoType | None = Field(None, alias="statusInfo")


class NotifyEVChargingScheduleRequest(Extensible, Request["NotifyEVChargingScheduleResponse"]):
    time_base: ShortTimestamp = Field(alias="timeBase")
    charging_schedule: ChargingScheduleType = Field(alias="chargingSchedule")
    evse_id: Integer = Field(alias="evseId")


class NotifyEVChargingScheduleResponse(Extensible, Response):
    status: GenericStatusEnumType
    status_info: StatusInfoType | None = Field(None, alias="statusInfo")


class ReportChargingProfilesRequest(Extensible, Request["ReportChargingProfilesResponse"]):
    request_id: Integer = Field(alias="requestId")
    charging_limit_source: ChargingLimitSourceEnumType = Field(alias="chargingLimitSource")
    charging_profile: tuple[ChargingProfileType, ...] = Field(alias="chargingProfile", min_length=1)
    # Absent means false.
    tbc: bool | None = None
    evse_id: Integer = Field(alias="evseId")


class ReportChargingProfilesResponse(Extensible, Response):
    pass


class SetChargingProfileRequest(Extensible, Request["SetChargingProfileResponse"]):
    evse_id: Integer = Field(alias="evseId")
    charging_profile: ChargingProfileType = Field(alias="chargingProfile")


ChargingProfileStatusEnumType = Literal["Accepted", "Rejected"]


class SetChargingProfileResponse(Extensible, Response):
    status: ChargingProfileStatusEnumType
    status_info: StatusInfoType | None = Field(None, alias="statusInfo")
