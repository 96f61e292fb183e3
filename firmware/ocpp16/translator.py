"""The OCPP 1.6 side of the station: registration, heartbeat, statuses, tokens and the way of a CALL to its handler."""

import logging
from collections.abc import Awaitable, Callable, Collection
from typing import Any

from firmware.core import events as ev
from firmware.core.values import TokenInfo, Verdict
from firmware.engine.engine import Engine
from firmware.engine.timeline import Timeline
from firmware.ocpp16 import absent
from firmware.ocpp16.boot import BOOT, PROTOCOL
from firmware.ocpp16.configuration import Configuration
from firmware.ocpp16.core_profile import CoreProfile
from firmware.ocpp16.local_auth_list import LocalAuthList
from firmware.ocpp16.remote_trigger import RemoteTrigger
from firmware.ocpp16.reservation import ReservationProfile
from firmware.ocpp16.servicing import Servicing
from firmware.ocpp16.smart_charging import SmartCharging
from firmware.ocpp16.status import StatusReporter
from firmware.ocpp16.transactions import Transactions
from firmware.ocpp16.words import MAX_ID_TAG, id_tag, salvaged_info, token_info
from firmware.outbox import Outbox
from firmware.registration import Registrar
from firmware.services.offer import Offer
from firmware.session import Manners, Session
from firmware.vendors import Vendors
from ocpp_client.errors import AnswerInvalid, CallFailed, ConnectionLost, Refuse
from ocpp_client.peer import Incoming, Peer, Reply
from ocpp_client.v16 import (
    AuthorizeRequest,
    HeartbeatRequest,
)
from offline_queue import Queue

log = logging.getLogger(__name__)

# Beside Core, which is always there.
PROFILES = ("FirmwareManagement", "LocalAuthListManagement", "Reservation", "SmartCharging", "RemoteTrigger")


class Translator16:
    """One for the life of the program; `session` runs once per connection."""

    protocol = PROTOCOL

    def __init__(
        self,
        engine: Engine,
        timeline: Timeline,
        outbox: Outbox,
        registrar: Registrar,
        *,
        quantities: frozenset[str],
        profiles: Collection[str] = PROFILES,
        services: Offer,
        vendors: Vendors,
    ) -> None:
        """`profiles` are the feature profiles that are switched on; one that is not is neither advertised nor answered."""
        self._engine = engine
        self.profiles = ("Core", *(name for name in PROFILES if name in profiles))
        self.transactions = Transactions(engine, timeline, settled=self._settled)
        self.statuses = StatusReporter(engine.station, engine.clock, owes_stop=self.transactions.owes_stop)
        servicing = Servicing(services, timeline)
        self.configuration = Configuration(
            engine.station,
            profiles=self.profiles,
            quantities=quantities,
            secures=servicing.secures,
            more=servicing.keys(),
        )
        self._registrar = registrar
        renderer = servicing.renderer(self.transactions)
        manners = Manners(BOOT, HeartbeatRequest, renderer, self.statuses, chores=servicing.chores())
        self._session = Session(engine, outbox, registrar, manners)
        self.core = CoreProfile(engine, self.configuration, self.transactions, vendors)
        self.triggers = RemoteTrigger(
            engine, self.statuses, self.transactions, servicing, send=self._session.send, boot=registrar.boot_now
        )
        self._handlers: dict[str, Callable[[Any], Awaitable[Reply]]] = {
            "ChangeAvailability": self.core.change_availability,
            "ChangeConfiguration": self.core.change_configuration,
            "ClearCache": self.core.clear_cache,
            "DataTransfer": self.core.data_transfer,
            "GetConfiguration": self.core.get_configuration,
            "RemoteStartTransaction": self.core.remote_start,
            "RemoteStopTransaction": self.core.remote_stop,
            "Reset": self.core.reset,
            "UnlockConnector": self.core.unlock_connector,
            "TriggerMessage": absent.trigger_message,
            "GetLocalListVersion": absent.get_local_list_version,
            "SendLocalList": absent.send_local_list,
        }
        local_list, reservation = LocalAuthList(engine), ReservationProfile(engine)
        smart_charging = SmartCharging(engine, self.transactions)
        by_profile: dict[str, dict[str, Callable[[Any], Awaitable[Reply]]]] = {
            "LocalAuthListManagement": {
                "GetLocalListVersion": local_list.get_version,
                "SendLocalList": local_list.send,
            },
            "Reservation": {
                "CancelReservation": reservation.cancel,
                "ReserveNow": reservation.reserve,
            },
            "SmartCharging": {
                "ClearChargingProfile": smart_charging.clear_profile,
                "GetCompositeSchedule": smart_charging.composite_schedule,
                "SetChargingProfile": smart_charging.set_profile,
            },
            "RemoteTrigger": {"TriggerMessage": self.triggers.trigger},
        }
        for name in self.profiles:
            self._handlers |= by_profile.get(name, {})
        self._handlers |= servicing.handlers()
        if servicing.secures:
            self._handlers["ExtendedTriggerMessage"] = self.triggers.trigger_extended
        engine.observe(self._observe)

    @property
    def actions(self) -> frozenset[str]:
        """The CALLs of the central system that are answered."""
        return frozenset(self._handlers)

    async def load(self, queue: Queue) -> None:
        """Read what the protocol stored."""
        await self.transactions.load(queue)

    def status_word(self, evse: int) -> str:
        """The status of an EVSE in the protocol's word, 0 for the station."""
        return self.statuses.report(evse).status

    def remote_id(self, transaction: str) -> int | None:
        """The transactionId that the central system gave to our key."""
        return self.transactions.id_of(transaction)

    def _observe(self, event: ev.Event) -> None:
        match event:
            case ev.EvseChanged(evse=number):
                self.statuses.changed(number)
            case ev.StationChanged() | ev.FaultChanged():
                self.statuses.changed_all()
            case ev.TokenListConflict():
                self.statuses.notice(0, "LocalListConflict")
            case ev.SettingChanged():
                self._session.settings_changed()

    def _settled(self, evse: int) -> None:
        self.statuses.changed(evse)

    # ---- the central system asks --------------------------------------------------------------------------------------

    async def handle(self, call: Incoming) -> Reply:
        """Answer a CALL. A station that was rejected answers nothing as long as it is (section 4.2)."""
        if not self._registrar.answering.is_set():
            log.info("call while rejected, not answered action=%s id=%r", call.action, call.message_id)
            await self._registrar.answering.wait()
            raise Refuse("SecurityError", "this charge point was rejected when the message came")
        handler = self._handlers.get(call.action)
        if handler is None:
            raise Refuse("NotSupported", f"{call.action} is not supported by this charge point")
        return await handler(call.request)

    # ---- one connection -------------------------------------------------------------------------------------------------

    async def session(self, peer: Peer, accepted: Callable[[], None]) -> None:
        """Register if needed, then tell statuses, drain the queue and keep the heartbeat, until the connection is lost.

        `accepted` is called once the central system takes this station's messages.
        """
        await self._session.run(peer, accepted)

    async def authorise(self, query: ev.TokenQueryNeeded) -> TokenInfo | None:
        """Authorize (section 4.1). No usable answer means: decide as if offline. What is no idTag is not asked about."""
        if len(query.token.value) > MAX_ID_TAG:
            log.info("token is longer than an idTag, refused token=%s", query.token.masked)
            return TokenInfo(Verdict.INVALID)
        if self._session.peer is None:
            return None
        try:
            answer = await self._session.peer.call(AuthorizeRequest(id_tag=id_tag(query.token)))
        except AnswerInvalid as invalid:
            log.warning("Authorize answered against its schema error=%s", invalid)
            return salvaged_info(invalid.raw.get("idTagInfo"))
        except (CallFailed, ConnectionLost) as error:
            log.warning("token not checked, deciding as offline error=%s", error)
            return None
        return token_info(answer.id_tag_info)
