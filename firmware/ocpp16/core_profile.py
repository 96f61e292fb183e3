"""Feature profile Core of OCPP 1.6: what the central system asks for (edition 2, section 5)."""

import json
import logging
from typing import Literal

from firmware.core.station import Station
from firmware.core.values import Outcome, Registration, ResetKind, Result, Token
from firmware.engine.engine import Engine
from firmware.ocpp16.configuration import Configuration
from firmware.ocpp16.smart_charging import profile_of
from firmware.ocpp16.transactions import Transactions
from firmware.vendors import VendorResult, Vendors
from hal.errors import HalError
from hal.types import Fault, FaultCode, Instant, LockState
from ocpp_client.errors import Refuse
from ocpp_client.messages import Response
from ocpp_client.peer import Reply
from ocpp_client.v16 import (
    ChangeAvailabilityRequest,
    ChangeAvailabilityResponse,
    ChangeConfigurationRequest,
    ChangeConfigurationResponse,
    ClearCacheRequest,
    ClearCacheResponse,
    DataTransferRequest,
    DataTransferResponse,
    GetConfigurationRequest,
    GetConfigurationResponse,
    RemoteStartTransactionRequest,
    RemoteStartTransactionResponse,
    RemoteStopTransactionRequest,
    RemoteStopTransactionResponse,
    ResetRequest,
    ResetResponse,
    UnlockConnectorRequest,
    UnlockConnectorResponse,
)
from ocpp_client.v16.core import DataTransferStatus

log = logging.getLogger(__name__)

_AVAILABILITY: dict[Result, Literal["Accepted", "Rejected", "Scheduled"]] = {
    Result.ACCEPTED: "Accepted",
    Result.SCHEDULED: "Scheduled",
}
_VENDOR: dict[VendorResult, DataTransferStatus] = {
    VendorResult.ACCEPTED: "Accepted",
    VendorResult.REJECTED: "Rejected",
    VendorResult.UNKNOWN_MESSAGE: "UnknownMessageId",
    VendorResult.UNKNOWN_VENDOR: "UnknownVendorId",
}
_CHANGE: dict[Result, Literal["Accepted", "Rejected", "RebootRequired", "NotSupported"]] = {
    Result.ACCEPTED: "Accepted",
    Result.REBOOT_REQUIRED: "RebootRequired",
    Result.NOT_SUPPORTED: "NotSupported",
}


class CoreProfile:
    """Handlers of the Core messages that the central system sends."""

    def __init__(
        self, engine: Engine, configuration: Configuration, transactions: Transactions, vendors: Vendors
    ) -> None:
        self._engine = engine
        self._configuration = configuration
        self._transactions = transactions
        self._vendors = vendors

    def _reply(self, response: Response) -> Reply:
        """Answer first, then let happen what the command caused."""

        async def after() -> None:
            self._engine.pump()

        return Reply(response, after)

    async def change_availability(self, request: ChangeAvailabilityRequest) -> Reply:
        """ChangeAvailability (5.2)."""
        operative = request.type == "Operative"
        outcome = self._engine.deferred(
            lambda station, now: station.set_availability(request.connector_id, operative, now)
        )
        return self._reply(ChangeAvailabilityResponse(status=_AVAILABILITY.get(outcome.result, "Rejected")))

    async def change_configuration(self, request: ChangeConfigurationRequest) -> Reply:
        """ChangeConfiguration (5.3)."""
        outcome = self._engine.deferred(lambda station, now: self._configuration.change(request.key, request.value))
        if outcome.result not in (Result.ACCEPTED, Result.REBOOT_REQUIRED):
            log.info("configuration refused key=%s reason=%s %s", request.key, outcome.reason, outcome.detail)
        return self._reply(ChangeConfigurationResponse(status=_CHANGE.get(outcome.result, "Rejected")))

    async def clear_cache(self, request: ClearCacheRequest) -> Reply:
        """ClearCache (5.4)."""
        outcome = self._engine.deferred(lambda station, now: station.clear_cache())
        return self._reply(ClearCacheResponse(status="Accepted" if outcome.accepted else "Rejected"))

    async def data_transfer(self, request: DataTransferRequest) -> Reply:
        """DataTransfer (5.6)."""
        answer = await self._vendors.answer(request.vendor_id, request.message_id, request.data)
        data = answer.data if answer.data is None or isinstance(answer.data, str) else json.dumps(answer.data)
        return self._reply(DataTransferResponse(status=_VENDOR[answer.result], data=data))

    async def get_configuration(self, request: GetConfigurationRequest) -> Reply:
        """GetConfiguration (5.8): no key, or an empty list, means all."""
        wanted = request.key or tuple(self._configuration.names())
        limit = self._configuration.get("GetConfigurationMaxKeys")
        if request.key and limit is not None and len(request.key) > int(limit.value or 0):
            raise Refuse("OccurenceConstraintViolation", f"key: at most {limit.value} keys in one request")
        found = [(name, self._configuration.get(name)) for name in wanted]
        return Reply(
            GetConfigurationResponse(
                configuration_key=tuple(key for _, key in found if key is not None) or None,
                unknown_key=tuple(name for name, key in found if key is None) or None,
            )
        )

    async def remote_start(self, request: RemoteStartTransactionRequest) -> Reply:
        """RemoteStartTransaction (5.11). Without smart charging a profile is ignored; one with a transactionId is refused, and so
        is a tag without a character: it is nobody's."""
        told = request.charging_profile if "SmartCharging" in self._configuration.profiles else None

        def start(station: Station, now: Instant) -> Outcome:
            if station.registration is not Registration.ACCEPTED or request.connector_id == 0:
                return Outcome(Result.REJECTED, "NotReady")
            if not request.id_tag:
                return Outcome(Result.REJECTED, "NoToken")
            if told is not None and told.transaction_id is not None:
                return Outcome(Result.REJECTED, "InvalidProfile")
            profile = profile_of(told, 0) if told is not None else None
            return station.start_remote(request.connector_id, Token(request.id_tag), now, profile=profile)

        outcome = self._engine.deferred(start)
        if not outcome.accepted:
            log.info("remote start refused connector=%s reason=%s", request.connector_id, outcome.reason)
        return self._reply(RemoteStartTransactionResponse(status="Accepted" if outcome.accepted else "Rejected"))

    async def remote_stop(self, request: RemoteStopTransactionRequest) -> Reply:
        """RemoteStopTransaction (5.12)."""
        key = self._transactions.key_of(request.transaction_id)

        def stop(station: Station, now: Instant) -> bool:
            return (
                key is not None
                and station.registration is Registration.ACCEPTED
                and station.stop_remote(key, now).accepted
            )

        accepted = self._engine.deferred(stop)
        return self._reply(RemoteStopTransactionResponse(status="Accepted" if accepted else "Rejected"))

    async def reset(self, request: ResetRequest) -> Reply:
        """Reset (5.14)."""
        kind = ResetKind.SOFT if request.type == "Soft" else ResetKind.HARD
        outcome = self._engine.deferred(lambda station, now: station.reset(kind, now))
        return self._reply(ResetResponse(status="Accepted" if outcome.accepted else "Rejected"))

    async def unlock_connector(self, request: UnlockConnectorRequest) -> Reply:
        """UnlockConnector (5.18): ends a transaction first, then tells what the bolt did."""
        driver = self._engine.drivers.get(request.connector_id)
        if driver is None or driver.hardware.lock is None:
            return Reply(UnlockConnectorResponse(status="NotSupported"))
        self._engine.apply(lambda station, now: station.stop_for_unlock(request.connector_id, now))
        await driver.settled()
        try:
            state = await driver.unlock_now()
        except HalError as error:
            log.error("unlock failed connector=%d error=%s", request.connector_id, error)
            state = LockState.JAMMED
        if state is LockState.UNLOCKED:
            return Reply(UnlockConnectorResponse(status="Unlocked"))
        fault = Fault(FaultCode.LOCK_JAMMED, active=True, text="connector did not unlock")
        self._engine.deferred(lambda station, now: driver.evse.fault_changed(fault, now))
        return self._reply(UnlockConnectorResponse(status="UnlockFailed"))
