"""Feature profile Reservation of OCPP 1.6 (edition 2, sections 5.1 and 5.13). Connector 0 means any connector."""

import logging
from typing import Literal

from firmware.core.values import Reservation, Result, Token
from firmware.engine.engine import Engine
from ocpp_client.messages import Response
from ocpp_client.peer import Reply
from ocpp_client.v16 import (
    CancelReservationRequest,
    CancelReservationResponse,
    ReserveNowRequest,
    ReserveNowResponse,
)

log = logging.getLogger(__name__)

_STATUS: dict[Result, Literal["Accepted", "Faulted", "Occupied", "Unavailable"]] = {
    Result.ACCEPTED: "Accepted",
    Result.FAULTED: "Faulted",
    Result.OCCUPIED: "Occupied",
    Result.UNAVAILABLE: "Unavailable",
}


class ReservationProfile:
    """Handlers of reservations."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def reserve(self, request: ReserveNowRequest) -> Reply:
        """ReserveNow (5.13). A tag without a character is nobody's."""
        if not request.id_tag:
            return Reply(ReserveNowResponse(status="Rejected"))
        wanted = Reservation(
            request.reservation_id,
            request.connector_id if request.connector_id != 0 else None,
            Token(request.id_tag),
            Token(request.parent_id_tag) if request.parent_id_tag else None,
            request.expiry_date.timestamp(),
        )
        outcome = self._engine.deferred(lambda station, now: station.reservations.reserve(wanted, now))
        if not outcome.accepted:
            log.info("reservation refused connector=%d reason=%s", request.connector_id, outcome.reason)
        return self._reply(ReserveNowResponse(status=_STATUS.get(outcome.result, "Rejected")))

    async def cancel(self, request: CancelReservationRequest) -> Reply:
        """CancelReservation (5.1)."""
        outcome = self._engine.deferred(lambda station, now: station.reservations.cancel(request.reservation_id))
        return self._reply(CancelReservationResponse(status="Accepted" if outcome.accepted else "Rejected"))

    def _reply(self, response: Response) -> Reply:
        """Answer first, then tell the status that follows from it."""

        async def after() -> None:
            self._engine.pump()

        return Reply(response, after)
