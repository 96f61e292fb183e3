"""OCPP 1.6 edition 2: feature profile SmartCharging.

Generated; do not edit. To write it again: `python -m ocpp_client.generate`.
"""

from typing import Literal

from pydantic import Field

from ocpp_client.fields import Integer, Timestamp
from ocpp_client.messages import Request, Response
from ocpp_client.v16.datatypes import (
    ChargingProfile,
    ChargingProfilePurposeType,
    ChargingRateUnitType,
    ChargingSchedule,
)


class ClearChargingProfileRequest(Request["ClearChargingProfileResponse"]):
    id: Integer | None = None
    connector_id: Integer | None = Field(None, alias="connectorId")
    charging_profile_purpose: ChargingProfilePurposeType | None = Field(None, alias="chargingProfilePurpose")
    stack_level: Integer | None = Field(None, alias="stackLevel")


ClearChargingProfileStatus = Literal["Accepted", "Unknown"]


class ClearChargingProfileResponse(Response):
    status: ClearChargingProfileStatus


class GetCompositeScheduleRequest(Request["GetCompositeScheduleResponse"]):
    connector_id: Integer = Field(alias="connectorId")
    duration: Integer
    charging_rate_unit: ChargingRateUnitType | None = Field(None, alias="chargingRateUnit")


GetCompositeScheduleStatus = Literal["Accepted", "Rejected"]


class GetCompositeScheduleResponse(Response):
    status: GetCompositeScheduleStatus
    connector_id: Integer | None = Field(None, alias="connectorId")
    schedule_start: Timestamp | None = Field(None, alias="scheduleStart")
    charging_schedule: ChargingSchedule | None = Field(None, alias="chargingSchedule")


class SetChargingProfileRequest(Request["SetChargingProfileResponse"]):
    connector_id: Integer = Field(alias="connectorId")
    cs_charging_profiles: ChargingProfile = Field(alias="csChargingProfiles")


ChargingProfileStatus = Literal["Accepted", "Rejected", "NotSupported"]


class SetChargingProfileResponse(Response):
    status: ChargingProfileStatus
