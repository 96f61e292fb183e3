"""OCPP 1.6 edition 2: feature profile Reservation.

Generated; do not edit. To write it again: `python -m ocpp_client.generate`.
"""

from typing import Literal

from pydantic import Field

from ocpp_client.fields import Integer, Timestamp
from ocpp_client.messages import Request, Response


class CancelReservationRequest(Request["CancelReservationResponse"]):
    reservation_id: Integer = Field(alias="reservationId")


CancelReservationStatus = Literal["Accepted", "Rejected"]


class CancelReservationResponse(Response):
    status: CancelReservationStatus


class ReserveNowRequest(Request["ReserveNowResponse"]):
    connector_id: Integer = Field(alias="connectorId")
    expiry_date: Timestamp = Field(alias="expiryDate")
    id_tag: str = Field(alias="idTag", max_length=20)
    parent_id_tag: str | None = Field(None, alias="parentIdTag", max_length=20)
    reservation_id: Integer = Field(alias="reservationId")


ReservationStatus = Literal["Accepted", "Faulted", "Occupied", "Rejected", "Unavailable"]


class ReserveNowResponse(Response):
    status: ReservationStatus
