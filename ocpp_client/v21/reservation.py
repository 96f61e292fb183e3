"""OCPP 2.1: functional block H, Reservation.

Generated; do not edit. To write it again: `python -m ocpp_client.generate`.
"""

from typing import Literal

from pydantic import Field

from ocpp_client.fields import NonNegative, ShortTimestamp
from ocpp_client.messages import Request, Response
from ocpp_client.v21.datatypes import Extensible, IdTokenType, StatusInfoType


class CancelReservationRequest(Extensible, Request["CancelReservationResponse"]):
    reservation_id: NonNegative = Field(alias="reservationId")


CancelReservationStatusEnumType = Literal["Accepted", "Rejected"]


class CancelReservationResponse(Extensible, Response):
    status: CancelReservationStatusEnumType
    status_info: StatusInfoType | None = Field(None, alias="statusInfo")


ReservationUpdateStatusEnumType = Literal["Expired", "Removed", "NoTransaction"]


class ReservationStatusUpdateRequest(Extensible, Request["ReservationStatusUpdateResponse"]):
    reservation_id: NonNegative = Field(alias="reservationId")
    reservation_update_status: ReservationUpdateStatusEnumType = Field(alias="reservationUpdateStatus")


class ReservationStatusUpdateResponse(Extensible, Response):
    pass


class ReserveNowRequest(Extensible, Request["ReserveNowResponse"]):
    id: NonNegative
    expiry_date_time: ShortTimestamp = Field(alias="expiryDateTime")
    connector_type: str | None = Field(None, alias="connectorType", max_length=20)
    id_token: IdTokenType = Field(alias="idToken")
    evse_id: NonNegative | None = Field(None, alias="evseId")
    group_id_token: IdTokenType | None = Field(None, alias="groupIdToken")


ReserveNowStatusEnumType = Literal["Accepted", "Faulted", "Occupied", "Rejected", "Unavailable"]


class ReserveNowResponse(Extensible, Response):
    status: ReserveNowStatusEnumType
    status_info: StatusInfoType | None = Field(None, alias="statusInfo")
