"""ChangeAvailability of OCPP 2.0.1 (edition 3, part 2, use cases G03 and G04). Every EVSE has one connector, so both are one here."""

from typing import Literal

from firmware.core.station import Station
from firmware.core.values import Outcome, Result, rejected
from firmware.engine.engine import Engine
from firmware.ocpp201.answering import reply
from firmware.ocpp201.status_reports import CONNECTOR
from firmware.ocpp201.words import status_info
from hal.types import Instant
from ocpp_client.peer import Reply
from ocpp_client.v201.availability import ChangeAvailabilityRequest, ChangeAvailabilityResponse

_STATUS: dict[Result, Literal["Accepted", "Scheduled"]] = {
    Result.ACCEPTED: "Accepted",
    Result.SCHEDULED: "Scheduled",
}
STATION = 0


class Availability:
    """Handler of ChangeAvailability."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def change(self, request: ChangeAvailabilityRequest) -> Reply:
        """ChangeAvailability: no EVSE means the station."""
        evse = request.evse

        def act(station: Station, now: Instant) -> Outcome:
            if evse is not None and evse.id not in station.evses:
                return rejected("UnknownEvse")
            if evse is not None and evse.connector_id not in (None, CONNECTOR):
                return rejected("UnknownConnectorId")
            number = evse.id if evse is not None else STATION
            return station.set_availability(number, request.operational_status == "Operative", now)

        outcome = self._engine.deferred(act)
        response = ChangeAvailabilityResponse(
            status=_STATUS.get(outcome.result, "Rejected"), status_info=status_info(outcome)
        )
        return reply(self._engine, response)
