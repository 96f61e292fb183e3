"""OCPP 2.0.1: functional block H, Reservation.

Generated; do not edit. To write it again: `python -m ocpp_client.generate`.
"""

from typing import Literal

from pydantic import Field

from ocpp_client.fields import Integer, ShortTimestamp
from ocpp_client.messages import Request, Response
from ocpp_client.v201.datatypes import Extensible, IdTokenType, StatusInfoType


class CancelReservationRequest(Extensible, Request["CancelReservationResponse"]):
    reservation_id: Integer = Field(alias="reservationId")


CancelReservationStatusEnumType = Literal["Accepted", "Rejected"]


class CancelReservationResponse(Extensible, Response):
    status: CancelReservationStatusEnumType
    status_info: StatusInfoType | None = Field(None, alias="statusInfo")


ReservationUpdateStatusEnumType = Literal["Expired", "Removed"]


class ReservationStatusUpdateRequest(Extensible, Request["ReservationStatusUpdateResponse"]):
    reservation_id: Integer = Field(alias="reservationId")
    reservation_update_status: ReservationUpdateStatusEnumType = Field(alias="reservationUpdateStatus")


class ReservationStatusUpdateResponse(Extensible, Response):
    pass


ConnectorEnumType = Literal[
    "cCCS1",
    "cCCS2",
    "cG105",
    "cTesla",
    "cType1",
    "cType2",
    "s309-1P-16A",
    "s309-1P-32A",
    "s309-3P-16A",
    "s309-3P-32A",
    "sBS1361",
    "sCEE-7-7",
    "sType2",
    "sType3",
    "Other1PhMax16A",
    "Other1PhOver16A",
    "Other3Ph",
    "Pan",
    "wInductive",
    "wResonant",
    "Undetermined",
    "Unknown",
]


class ReserveNowRequest(Extensible, Request["ReserveNowResponse"]):
    id: Integer
    expiry_date_time: ShortTimestamp = Field(alias="expiryDateTime")
    connector_type: ConnectorEnumType | None = Field(None, alias="connectorType")
    id_token: IdTokenType = Field(alias="idToken")
    evse_id: Integer | None = Field(None, alias="evseId")
    group_id_token: IdTokenType | None = Field(None, alias="groupIdToken")


ReserveNowStatusEnumType = Literal["Accepted", "Faulted", "Occupied", "Rejected", "Unavailable"]


class ReserveNowResponse(Extensible, Response):
    status: ReserveNowStatusEnumType
    status_info: StatusInfoType | None = Field(None, alias="statusInfo")
