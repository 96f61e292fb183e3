"""The OCPP 2.0.1 side of the station: statuses, tokens and the way of a CALL to its handler."""

import logging
from collections.abc import Awaitable, Callable
from typing import Any

from firmware.core import events as ev
from firmware.core.settings import OFFLINE_THRESHOLD_S
from firmware.core.values import TokenInfo
from firmware.engine.engine import Engine
from firmware.engine.timeline import Timeline
from firmware.identity import Identity
from firmware.ocpp201.authorization import Authorization
from firmware.ocpp201.availability import Availability
from firmware.ocpp201.boot import BOOT, PROTOCOL
from firmware.ocpp201.data_transfer import DataTransfer
from firmware.ocpp201.device_model import DeviceModel
from firmware.ocpp201.link_variables import LinkView
from firmware.ocpp201.local_list import LocalList
from firmware.ocpp201.provisioning import Provisioning
from firmware.ocpp201.remote_control import RemoteControl
from firmware.ocpp201.reports import Reports
from firmware.ocpp201.security_events import SecurityEvents
from firmware.ocpp201.status_reports import StatusReporter
from firmware.ocpp201.transaction_status import TransactionStatus
from firmware.ocpp201.transactions import Transactions
from firmware.ocpp201.triggers import Triggers
from firmware.ocpp201.variables import Variables
from firmware.outbox import ByLane, Outbox
from firmware.registration import Registrar
from firmware.session import Manners, Session
from firmware.vendors import Vendors
from ocpp_client.errors import Refuse
from ocpp_client.peer import Incoming, Peer, Reply
from ocpp_client.v201.availability import HeartbeatRequest
from offline_queue import Queue

log = logging.getLogger(__name__)


class Translator201:
    """One for the life of the program; `session` runs once per connection."""

    protocol = PROTOCOL

    def __init__(
        self,
        engine: Engine,
        timeline: Timeline,
        outbox: Outbox,
        registrar: Registrar,
        identity: Callable[[], Identity],
        link: LinkView,
        *,
        quantities: frozenset[str],
        vendors: Vendors,
        lists: bool,
    ) -> None:
        """`identity` says what the station is, `link` what is told of its link; `quantities` are what its meters can tell. Without
        `lists` there is no local list, neither in the model nor in what is answered."""
        self._engine = engine
        self._registrar = registrar
        self.transactions = Transactions(engine, timeline)
        self.statuses = StatusReporter(engine.station, engine.clock)
        settings = engine.station.settings
        manners = Manners(
            BOOT,
            HeartbeatRequest,
            ByLane(self.transactions, SecurityEvents(timeline)),
            self.statuses,
            retell_after_s=lambda: float(settings[OFFLINE_THRESHOLD_S]),
        )
        self._session = Session(engine, outbox, registrar, manners)
        self.authorization = Authorization(engine, self._session)
        self.model = DeviceModel(
            Variables(
                engine.station,
                engine.clock,
                identity,
                link,
                quantities=quantities,
                lists=lists,
                set_setting=engine.station.set_setting,
            ).all()
        )
        provisioning = Provisioning(engine, self.model)
        reports = Reports(self.model, engine.clock, self._session.tell)
        remote = RemoteControl(engine)
        local_list = LocalList(engine)
        triggers = Triggers(engine, self.statuses, send=self._session.send, boot=registrar.boot_now)
        self._handlers: dict[str, Callable[[Any], Awaitable[Reply]]] = {
            "ChangeAvailability": Availability(engine).change,
            "ClearCache": self.authorization.clear_cache,
            "DataTransfer": DataTransfer(engine, vendors).data_transfer,
            "GetBaseReport": reports.base_report,
            "GetReport": reports.report,
            "GetTransactionStatus": TransactionStatus(engine).get,
            "GetVariables": provisioning.get_variables,
            "RequestStartTransaction": remote.start,
            "RequestStopTransaction": remote.stop,
            "Reset": provisioning.reset,
            "SetNetworkProfile": provisioning.set_network_profile,
            "SetVariables": provisioning.set_variables,
            "TriggerMessage": triggers.trigger,
            "UnlockConnector": remote.unlock,
        }
        if lists:
            self._handlers |= {"GetLocalListVersion": local_list.get_version, "SendLocalList": local_list.send}
        engine.observe(self._observe)

    @property
    def actions(self) -> frozenset[str]:
        """The CALLs of the central system that are answered."""
        return frozenset(self._handlers)

    async def load(self, queue: Queue) -> None:
        """Nothing is stored for the protocol alone."""
        self.statuses.changed_all()

    def status_word(self, evse: int) -> str:
        """The status of an EVSE's connector in the protocol's word."""
        return self.statuses.status(evse)

    def remote_id(self, transaction: str) -> int | None:
        """Central systems of this version use our own key."""
        return None

    def _observe(self, event: ev.Event) -> None:
        match event:
            case ev.EvseChanged(evse=number):
                self.statuses.changed(number)
            case ev.StationChanged() | ev.FaultChanged():
                self.statuses.changed_all()
            case ev.SettingChanged():
                self._session.settings_changed()

    async def handle(self, call: Incoming) -> Reply:
        """Answer a CALL. A station that was rejected refuses every one (B03.FR.07)."""
        if not self._registrar.answering.is_set():
            log.info("call while rejected, refused action=%s id=%r", call.action, call.message_id)
            raise Refuse("SecurityError", "the station is rejected and takes no messages")
        handler = self._handlers.get(call.action)
        if handler is None:
            raise Refuse("NotSupported", f"{call.action} is not supported by this charging station")
        return await handler(call.request)

    async def session(self, peer: Peer, accepted: Callable[[], None]) -> None:
        """Register if needed, then tell statuses, drain the queue and keep the heartbeat, until the connection is lost.

        `accepted` is called once the central system takes this station's messages.
        """
        self.transactions.connected()
        await self._session.run(peer, accepted)

    async def authorise(self, query: ev.TokenQueryNeeded) -> TokenInfo | None:
        """Authorize (C01). No usable answer means: decide as if offline."""
        return await self.authorization.authorise(query)
