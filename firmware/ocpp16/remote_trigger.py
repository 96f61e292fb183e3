"""Feature profile RemoteTrigger of OCPP 1.6 (edition 2, section 5.17): the answer first, then the message."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Literal

from firmware.core.facts import MeterFrame
from firmware.core.settings import SAMPLED
from firmware.core.station import MAIN_METER
from firmware.core.values import Registration
from firmware.engine.engine import Engine
from firmware.ocpp16.servicing import Now, Servicing
from firmware.ocpp16.status import StatusReporter
from firmware.ocpp16.transactions import Transactions
from firmware.ocpp16.words import meter_value
from ocpp_client.messages import Request
from ocpp_client.peer import Reply
from ocpp_client.v16 import (
    ExtendedTriggerMessageRequest,
    ExtendedTriggerMessageResponse,
    HeartbeatRequest,
    MeterValuesRequest,
    TriggerMessageRequest,
    TriggerMessageResponse,
)

log = logging.getLogger(__name__)

Judgement = tuple[Literal["Accepted", "Rejected", "NotImplemented"], Callable[[], Awaitable[None]] | None]


class RemoteTrigger:
    """Sends messages on demand."""

    def __init__(
        self,
        engine: Engine,
        statuses: StatusReporter,
        transactions: Transactions,
        servicing: Servicing,
        *,
        send: Callable[[Request[Any]], Awaitable[None]],
        boot: Callable[[], None],
    ) -> None:
        """`send` sends a message and forgets its answer; `boot` makes the next BootNotification go out at once."""
        self._engine = engine
        self._statuses = statuses
        self._transactions = transactions
        self._servicing = servicing
        self._send = send
        self._boot = boot

    async def trigger(self, request: TriggerMessageRequest) -> Reply:
        """TriggerMessage. Before the first answer to a BootNotification nothing else may be sent (section 4.2)."""
        status, act = self._judge(request.requested_message, request.connector_id, self._servicing.plain)
        return Reply(TriggerMessageResponse(status=status), act)

    async def trigger_extended(self, request: ExtendedTriggerMessageRequest) -> Reply:
        """ExtendedTriggerMessage (security whitepaper, edition 3): the messages of the whitepaper in place of the plain ones."""
        status, act = self._judge(request.requested_message, request.connector_id, self._servicing.extended)
        return Reply(ExtendedTriggerMessageResponse(status=status), act)

    def _judge(self, message: str, number: int | None, now: Callable[[str], Now | None]) -> Judgement:
        """Whether a message will be sent, and what sends it after the answer."""
        registration = self._engine.station.registration
        if registration is Registration.UNKNOWN and message != "BootNotification":
            return "Rejected", None
        about_connector = message in ("MeterValues", "StatusNotification")
        if about_connector and number is not None and number not in (0, *self._engine.station.evses):
            return "Rejected", None
        match message:
            case "BootNotification":
                if registration is Registration.ACCEPTED:
                    return "Rejected", None

                async def boot() -> None:
                    self._boot()

                return "Accepted", boot
            case "Heartbeat":
                return "Accepted", lambda: self._send(HeartbeatRequest())
            case "StatusNotification":
                return "Accepted", lambda: self._tell_statuses(number)
            case "MeterValues":
                return (
                    ("Accepted", lambda: self._tell_meter(number)) if self._has_values(number) else ("Rejected", None)
                )
            case "SignChargePointCertificate":
                return (
                    ("Accepted", self._servicing.ask_for_certificate)
                    if self._servicing.can_sign
                    else ("Rejected", None)
                )
        make = now(message)
        return ("NotImplemented", None) if make is None else ("Accepted", lambda: self._send(make()))

    def _has_values(self, number: int | None) -> bool:
        """Whether there is anything to tell: something is to be sampled, and it is a main meter's where that is asked for."""
        metered = number != MAIN_METER or self._engine.main_meter is not None
        return metered and bool(self._engine.station.settings[SAMPLED])

    async def _tell_statuses(self, number: int | None) -> None:
        for connector in (0, *self._engine.station.evses) if number is None else (number,):
            report = self._statuses.report(connector)
            await self._send(self._statuses.message(connector, report, self._engine.clock.wall()))

    async def _tell_meter(self, number: int | None) -> None:
        """Values of MeterValuesSampledData, read now; no number means the main meter, if there is one, and every connector."""
        main = self._engine.main_meter
        if main is not None and number in (None, MAIN_METER):
            reading, at = await main.read(), self._engine.clock.now()
            if reading is not None:
                await self._tell_frame(
                    MAIN_METER,
                    self._engine.station.main_frame(reading, at, self._engine.station.settings[SAMPLED]),
                    None,
                )
        numbers = [*self._engine.station.evses] if number is None else [number]
        connectors = [connector for connector in numbers if connector != MAIN_METER]
        readings = await asyncio.gather(*(self._engine.drivers[connector].read_meter() for connector in connectors))
        for connector, reading in zip(connectors, readings, strict=True):
            if reading is not None:
                evse = self._engine.station.evses[connector]
                at = self._engine.clock.now()
                frame = evse.frame_now(reading, at, evse.context.settings[SAMPLED])
                underway = evse.underway
                await self._tell_frame(connector, frame, self._transactions.id_of(underway.id) if underway else None)

    async def _tell_frame(self, connector: int, frame: MeterFrame | None, transaction_id: int | None) -> None:
        if frame is None or frame.at.wall_s is None:
            return
        values = (meter_value(frame, frame.at.wall_s),)
        await self._send(MeterValuesRequest(connector_id=connector, transaction_id=transaction_id, meter_value=values))
