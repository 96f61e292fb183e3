"""OCPP 2.1: functional block G, Availability.

Generated; do not edit. To write it again: `python -m ocpp_client.generate`.
"""

from typing import Literal

from pydantic import Field

from ocpp_client.fields import NonNegative, ShortTimestamp
from ocpp_client.messages import Request, Response
from ocpp_client.v21.datatypes import EVSEType, Extensible, StatusInfoType

OperationalStatusEnumType = Literal["Inoperative", "Operative"]


class ChangeAvailabilityRequest(Extensible, Request["ChangeAvailabilityResponse"]):
    evse: EVSEType | None = None
    operational_status: OperationalStatusEnumType = Field(alias="operationalStatus")


ChangeAvailabilityStatusEnumType = Literal["Accepted", "Rejected", "Scheduled"]


class ChangeAvailabilityResponse(Extensible, Response):
    status: ChangeAvailabilityStatusEnumType
    status_info: StatusInfoType | None = Field(None, alias="statusInfo")


class HeartbeatRequest(Extensible, Request["HeartbeatResponse"]):
    pass


class HeartbeatResponse(Extensible, Response):
    current_time: ShortTimestamp = Field(alias="currentTime")


ConnectorStatusEnumType = Literal["Available", "Occupied", "Reserved", "Unavailable", "Faulted"]


class StatusNotificationRequest(Extensible, Request["StatusNotificationResponse"]):
    timestamp: ShortTimestamp
    connector_status: ConnectorStatusEnumType = Field(alias="connectorStatus")
    evse_id: NonNegative = Field(alias="evseId")
    connector_id: NonNegative = Field(alias="connectorId")


class StatusNotificationResponse(Extensible, Response):
    pass
