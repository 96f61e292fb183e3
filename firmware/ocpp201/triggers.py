"""TriggerMessage of OCPP 2.0.1 (edition 3, part 2, use case F06): the answer first, then the message."""

from collections.abc import Awaitable, Callable
from typing import Any

from firmware.core.facts import MeterFrame
from firmware.core.settings import ALIGNED
from firmware.core.station import MAIN_METER, Station
from firmware.core.values import Registration
from firmware.engine.engine import Engine
from firmware.ocpp201.status_reports import CONNECTOR, StatusReporter
from firmware.ocpp201.words import meter_value, why
from hal.types import Instant, MeterReading
from ocpp_client.messages import Request
from ocpp_client.peer import Reply
from ocpp_client.v201.availability import HeartbeatRequest
from ocpp_client.v201.meter_values import MeterValuesRequest
from ocpp_client.v201.remote_control import TriggerMessageRequest, TriggerMessageResponse


class Triggers:
    """Sends messages on demand."""

    def __init__(
        self,
        engine: Engine,
        statuses: StatusReporter,
        *,
        send: Callable[[Request[Any]], Awaitable[None]],
        boot: Callable[[], None],
    ) -> None:
        """`send` sends a message and forgets its answer; `boot` makes the next BootNotification go out at once."""
        self._engine = engine
        self._statuses = statuses
        self._send = send
        self._boot = boot

    async def trigger(self, request: TriggerMessageRequest) -> Reply:
        """TriggerMessage. Before the first answer to a BootNotification nothing else may be sent (B01.FR.08)."""
        station = self._engine.station
        evse = request.evse.id if request.evse is not None else None
        connector = request.evse.connector_id if request.evse is not None else None
        if station.registration is Registration.UNKNOWN and request.requested_message != "BootNotification":
            return _rejected("CSNotAccepted", "no BootNotification was answered yet")
        about_meter = request.requested_message == "MeterValues"
        if evse is not None and evse not in station.evses and not (about_meter and evse == MAIN_METER):
            return _rejected("UnknownEvse")
        if connector not in (None, CONNECTOR):
            return _rejected("UnknownConnectorId")
        match request.requested_message:
            case "BootNotification":
                if station.registration is Registration.ACCEPTED:
                    return _rejected("NotEnabled", "the station is accepted already")

                async def boot() -> None:
                    self._boot()

                return _accepted(boot)
            case "Heartbeat":
                return _accepted(lambda: self._send(HeartbeatRequest()))
            case "StatusNotification":
                return self._status(evse, connector)
            case "MeterValues":
                return _accepted(lambda: self._tell_meters(evse))
            case "TransactionEvent":
                return self._transactions(evse)
        return Reply(TriggerMessageResponse(status="NotImplemented"))

    def _status(self, evse: int | None, connector: int | None) -> Reply:
        if evse is None or connector is None:
            return _rejected("MissingParam", "name the EVSE and the connector")
        return _accepted(lambda: self._send(self._statuses.message(evse)))

    def _transactions(self, evse: int | None) -> Reply:
        """An Updated of every running transaction, or of the one at an EVSE."""
        evses = self._engine.station.evses.values()
        running = [one.id for one in evses if one.running is not None and evse in (None, one.id)]
        if not running:
            return _rejected("TxNotFound", "no transaction is running")

        async def tell() -> None:
            for number in running:
                reading = await self._engine.drivers[number].read_meter()
                if reading is not None:
                    self._engine.apply(_triggered(number, reading))

        return _accepted(tell)

    async def _tell_meters(self, number: int | None) -> None:
        """Values of AlignedDataMeasurands, read now; without a number of the main meter, if there is one, and of every EVSE."""
        main = self._engine.main_meter
        if main is not None and number in (None, MAIN_METER):
            reading, at = await main.read(), self._engine.clock.now()
            if reading is not None:
                await self._tell_frame(
                    MAIN_METER, self._engine.station.main_frame(reading, at, self._engine.station.settings[ALIGNED])
                )
        for evse in self._engine.station.evses.values():
            if number not in (None, evse.id):
                continue
            reading = await self._engine.drivers[evse.id].read_meter()
            if reading is not None:
                wanted = evse.context.settings[ALIGNED]
                await self._tell_frame(evse.id, evse.frame_now(reading, self._engine.clock.now(), wanted))

    async def _tell_frame(self, evse: int, frame: MeterFrame | None) -> None:
        if frame is None or frame.at.wall_s is None:
            return
        value = meter_value(frame, frame.at.wall_s)
        if value is not None:
            await self._send(MeterValuesRequest(evse_id=evse, meter_value=(value,)))


def _triggered(evse: int, reading: MeterReading) -> Callable[[Station, Instant], None]:
    return lambda station, now: station.evses[evse].triggered(reading, now)


def _accepted(act: Callable[[], Awaitable[None]]) -> Reply:
    return Reply(TriggerMessageResponse(status="Accepted"), act)


def _rejected(reason: str, detail: str = "") -> Reply:
    return Reply(TriggerMessageResponse(status="Rejected", status_info=why(reason, detail)))
