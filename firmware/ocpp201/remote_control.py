"""Functional block F of OCPP 2.0.1 (edition 3, part 2): start and stop from afar, unlock."""

import logging

from firmware.core.station import Station
from firmware.core.values import Outcome, Registration, Token, rejected
from firmware.engine.engine import Engine
from firmware.ocpp201.answering import reply
from firmware.ocpp201.status_reports import CONNECTOR
from firmware.ocpp201.words import status_info, token, why
from hal.errors import HalError
from hal.types import Fault, FaultCode, Instant, LockState
from ocpp_client.peer import Reply
from ocpp_client.v201.remote_control import (
    RequestStartTransactionRequest,
    RequestStartTransactionResponse,
    RequestStopTransactionRequest,
    RequestStopTransactionResponse,
    UnlockConnectorRequest,
    UnlockConnectorResponse,
)

log = logging.getLogger(__name__)

_NOT_ACCEPTED = rejected("CSNotAccepted")


class RemoteControl:
    """Handlers of block F, without triggers."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def start(self, request: RequestStartTransactionRequest) -> Reply:
        """RequestStartTransaction (F01, F02). Without smart charging a profile is ignored (F01.FR.12)."""
        who = token(request.id_token)
        group = token(request.group_id_token) if request.group_id_token is not None else None

        def begin(station: Station, now: Instant) -> Outcome:
            if station.registration is not Registration.ACCEPTED:
                return _NOT_ACCEPTED
            return station.start_remote(request.evse_id, who, now, remote_start_id=request.remote_start_id, group=group)

        outcome = self._engine.deferred(begin)
        if not outcome.accepted:
            log.info("remote start refused evse=%s reason=%s", request.evse_id, outcome.reason)
            refused = RequestStartTransactionResponse(status="Rejected", status_info=status_info(outcome))
            return reply(self._engine, refused)
        running = _claimed(self._engine.station, who)
        return reply(self._engine, RequestStartTransactionResponse(status="Accepted", transaction_id=running))

    async def stop(self, request: RequestStopTransactionRequest) -> Reply:
        """RequestStopTransaction (F03)."""

        def end(station: Station, now: Instant) -> Outcome:
            if station.registration is not Registration.ACCEPTED:
                return _NOT_ACCEPTED
            return station.stop_remote(request.transaction_id, now)

        outcome = self._engine.deferred(end)
        if outcome.accepted:
            return reply(self._engine, RequestStopTransactionResponse(status="Accepted"))
        return reply(self._engine, RequestStopTransactionResponse(status="Rejected", status_info=status_info(outcome)))

    async def unlock(self, request: UnlockConnectorRequest) -> Reply:
        """UnlockConnector (F05): not while somebody is authorised; tried also without a cable. A fixed cable does not unlock."""
        driver = self._engine.drivers.get(request.evse_id)
        if driver is None or request.connector_id != CONNECTOR:
            return Reply(UnlockConnectorResponse(status="UnknownConnector", status_info=why("UnknownConnectorId")))
        evse = driver.evse
        if evse.running is not None and evse.running.token is not None and evse.running.revoked is None:
            refusal = why("TxInProgress")
            return Reply(UnlockConnectorResponse(status="OngoingAuthorizedTransaction", status_info=refusal))
        if driver.hardware.lock is None:
            return Reply(UnlockConnectorResponse(status="UnlockFailed", status_info=why("FixedCable")))
        self._engine.apply(lambda station, now: station.stop_for_unlock(request.evse_id, now))
        await driver.settled()
        try:
            state = await driver.unlock_now()
        except HalError as error:
            log.error("unlock failed evse=%d error=%s", request.evse_id, error)
            state = LockState.JAMMED
        if state is LockState.UNLOCKED:
            return Reply(UnlockConnectorResponse(status="Unlocked"))
        fault = Fault(FaultCode.LOCK_JAMMED, active=True, text="connector did not unlock")
        self._engine.deferred(lambda station, now: evse.fault_changed(fault, now))
        return reply(self._engine, UnlockConnectorResponse(status="UnlockFailed"))


def _claimed(station: Station, who: Token) -> str | None:
    """The transaction that was open already, and in which this token may charge now."""
    for evse in station.evses.values():
        if evse.running is not None and evse.auth.belongs_to(who):
            return evse.running.id
    return None
