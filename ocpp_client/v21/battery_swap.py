"""OCPP 2.1: functional block S, Battery swapping.

Generated; do not edit. To write it again: `python -m ocpp_client.generate`.
"""

from typing import Literal

from pydantic import Field

from ocpp_client.fields import Integer, NonNegative, Number, ShortTimestamp
from ocpp_client.messages import Request, Response
from ocpp_client.v21.datatypes import Extensible, IdTokenType, StatusInfoType
from ocpp_client.v21.enums import GenericStatusEnumType


class BatteryDataType(Extensible):
    evse_id: NonNegative = Field(alias="evseId")
    serial_number: str = Field(alias="serialNumber", max_length=50)
    soc: Number = Field(alias="soC", ge=0, le=100)
    soh: Number = Field(alias="soH", ge=0, le=100)
    production_date: ShortTimestamp | None = Field(None, alias="productionDate")
    vendor_info: str | None = Field(None, alias="vendorInfo", max_length=500)


BatterySwapEventEnumType = Literal["BatteryIn", "BatteryOut", "BatteryOutTimeout"]


class BatterySwapRequest(Extensible, Request["BatterySwapResponse"]):
    battery_data: tuple[BatteryDataType, ...] = Field(alias="batteryData", min_length=1)
    event_type: BatterySwapEventEnumType = Field(alias="eventType")
    id_token: IdTokenType = Field(alias="idToken")
    request_id: Integer = Field(alias="requestId")


class BatterySwapResponse(Extensible, Response):
    pass


class RequestBatterySwapRequest(Extensible, Request["RequestBatterySwapResponse"]):
    id_token: IdTokenType = Field(alias="idToken")
    request_id: Integer = Field(alias="requestId")


class RequestBatterySwapResponse(Extensible, Response):
    status: GenericStatusEnumType
    status_info: StatusInfoType | None = Field(None, alias="statusInfo")
