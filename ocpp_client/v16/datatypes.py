"""OCPP 1.6 edition 2: types that several modules use.

Generated; do not edit. To write it again: `python -m ocpp_client.generate`.
"""

from typing import Literal

from pydantic import Field

from ocpp_client.fields import Integer, Tenth, Timestamp
from ocpp_client.messages import Part

AuthorizationStatus = Literal["Accepted", "Blocked", "Expired", "Invalid", "ConcurrentTx"]
ChargingProfileKindType = Literal["Absolute", "Recurring", "Relative"]
ChargingProfilePurposeType = Literal["ChargePointMaxProfile", "TxDefaultProfile", "TxProfile"]
ChargingRateUnitType = Literal["A", "W"]
RecurrencyKindType = Literal["Daily", "Weekly"]


class ChargingSchedulePeriod(Part):
    start_period: Integer = Field(alias="startPeriod")
    limit: Tenth
    number_phases: Integer | None = Field(None, alias="numberPhases")


class ChargingSchedule(Part):
    duration: Integer | None = None
    start_schedule: Timestamp | None = Field(None, alias="startSchedule")
    charging_rate_unit: ChargingRateUnitType = Field(alias="chargingRateUnit")
    charging_schedule_period: tuple[ChargingSchedulePeriod, ...] = Field(alias="chargingSchedulePeriod")
    min_charging_rate: Tenth | None = Field(None, alias="minChargingRate")


class ChargingProfile(Part):
    charging_profile_id: Integer = Field(alias="chargingProfileId")
    transaction_id: Integer | None = Field(None, alias="transactionId")
    stack_level: Integer = Field(alias="stackLevel")
    charging_profile_purpose: ChargingProfilePurposeType = Field(alias="chargingProfilePurpose")
    charging_profile_kind: ChargingProfileKindType = Field(alias="chargingProfileKind")
    recurrency_kind: RecurrencyKindType | None = Field(None, alias="recurrencyKind")
    valid_from: Timestamp | None = Field(None, alias="validFrom")
    valid_to: Timestamp | None = Field(None, alias="validTo")
    charging_schedule: ChargingSchedule = Field(alias="chargingSchedule")


class IdTagInfo(Part):
    expiry_date: Timestamp | None = Field(None, alias="expiryDate")
    parent_id_tag: str | None = Field(None, alias="parentIdTag", max_length=20)
    status: AuthorizationStatus
