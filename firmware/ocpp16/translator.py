"""The OCPP 1.6 side of the station: registration, heartbeat, statuses, tokens and the way of a CALL to its handler."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from firmware.core import events as ev
from firmware.core.settings import HEARTBEAT_INTERVAL_S, MESSAGE_TIMEOUT_S
from firmware.core.values import TokenInfo, Verdict
from firmware.engine.engine import Engine
from firmware.engine.timeline import Timeline
from firmware.identity import Identity
from firmware.ocpp16 import absent
from firmware.ocpp16.configuration import Configuration
from firmware.ocpp16.core_profile import CoreProfile
from firmware.ocpp16.registration import Registrar
from firmware.ocpp16.remote_trigger import RemoteTrigger
from firmware.ocpp16.status import StatusReporter
from firmware.ocpp16.transactions import Transactions
from firmware.ocpp16.words import MAX_ID_TAG, id_tag, salvaged_info, token_info
from firmware.outbox import Outbox
from ocpp_client.errors import AnswerInvalid, CallError, CallFailed, CallTimeout, ConnectionLost, Refuse
from ocpp_client.messages import Request, Response
from ocpp_client.peer import Incoming, Peer, Reply
from ocpp_client.v16 import (
    AuthorizeRequest,
    HeartbeatRequest,
    StatusNotificationRequest,
)
from offline_queue import Queue

log = logging.getLogger(__name__)

PROTOCOL = "ocpp1.6"
PROFILES = ("Core", "RemoteTrigger")


class Translator16:
    """One for the life of the program; `session` runs once per connection."""

    protocol = PROTOCOL

    def __init__(
        self,
        engine: Engine,
        timeline: Timeline,
        outbox: Outbox,
        identity: Callable[[], Identity],
        *,
        quantities: frozenset[str],
    ) -> None:
        self._engine = engine
        self._outbox = outbox
        self._peer: Peer | None = None
        self._heartbeat_now = asyncio.Event()
        self.transactions = Transactions(engine, timeline, settled=self._settled)
        self.statuses = StatusReporter(engine.station, engine.clock, owes_stop=self.transactions.owes_stop)
        self.configuration = Configuration(engine.station, profiles=PROFILES, quantities=quantities)
        self.registrar = Registrar(engine, identity, self.configuration)
        self.core = CoreProfile(engine, self.configuration, self.transactions)
        self.triggers = RemoteTrigger(
            engine, self.statuses, self.transactions, send=self._send, boot=self.registrar.boot_now
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
            "TriggerMessage": self.triggers.trigger,
            "GetLocalListVersion": absent.get_local_list_version,
            "SendLocalList": absent.send_local_list,
        }
        engine.observe(self._observe)

    async def load(self, queue: Queue) -> None:
        """Read what the protocol stored."""
        await self.transactions.load(queue)

    def status_word(self, evse: int) -> str:
        """The status of an EVSE in the protocol's word, 0 for the station."""
        return self.statuses.report(evse).status

    def _observe(self, event: ev.Event) -> None:
        match event:
            case ev.EvseChanged(evse=number):
                self.statuses.changed(number)
            case ev.StationChanged() | ev.FaultChanged():
                self.statuses.changed_all()
            case ev.SettingChanged():
                self._heartbeat_now.set()
                if self._peer is not None:
                    self._peer.call_timeout_s = float(self._engine.station.settings[MESSAGE_TIMEOUT_S])

    def _settled(self, evse: int) -> None:
        self.statuses.changed(evse)

    # ---- the central system asks --------------------------------------------------------------------------------------

    async def handle(self, call: Incoming) -> Reply:
        """Answer a CALL. A station that was rejected answers nothing as long as it is (section 4.2)."""
        if not self.registrar.answering.is_set():
            log.info("call while rejected, not answered action=%s id=%r", call.action, call.message_id)
            await self.registrar.answering.wait()
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
        self._peer = peer
        peer.call_timeout_s = float(self._engine.station.settings[MESSAGE_TIMEOUT_S])
        try:
            if self.registrar.needed:
                await self.registrar.register(peer)
                self.statuses.forget_told()
            elif self._outbox.waiting:
                # a central system that was started anew takes a start only from connectors whose status it knows
                self.statuses.forget_told(*self._engine.station.evses)
            self._engine.apply(lambda station, now: station.connection_changed(True))
            accepted()
            await self.statuses.tell(self._tell)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self.statuses.run(self._tell))
                tasks.create_task(self._outbox.drain(self.transactions, self._deliver))
                tasks.create_task(self._heartbeats(peer))
        finally:
            self._peer = None
            self._engine.apply(lambda station, now: station.connection_changed(False))

    @staticmethod
    async def _wait(event: asyncio.Event, seconds: float) -> bool:
        """Wait for an event at most so long; True when it came."""
        try:
            async with asyncio.timeout(seconds):
                await event.wait()
        except TimeoutError:
            return False
        return True

    async def _heartbeats(self, peer: Peer) -> None:
        """A Heartbeat at every interval, also while other messages flow: some central systems count only these."""
        clock = self._engine.clock
        last_s = clock.monotonic()
        while True:
            self._heartbeat_now.clear()
            due_s = last_s + self._engine.station.settings[HEARTBEAT_INTERVAL_S]
            if await self._wait(self._heartbeat_now, max(due_s - clock.monotonic(), 0.0)):
                continue  # the interval changed
            last_s = clock.monotonic()
            await self._heartbeat(peer)

    async def _heartbeat(self, peer: Peer) -> None:
        try:
            answer = await peer.call(HeartbeatRequest())
        except CallError as error:
            log.warning("heartbeat refused error=%s", error)
        except CallFailed as error:
            log.warning("heartbeat failed error=%s", error)
        else:
            step_s = self._engine.clock.set_from_csms(answer.current_time.timestamp())
            if abs(step_s) > 1.0:
                log.info("clock corrected by the central system step_s=%.1f", step_s)

    async def _tell(self, message: StatusNotificationRequest) -> bool:
        return await self._try(message)

    async def _send(self, message: Request[Any]) -> None:
        await self._try(message)

    async def _try(self, message: Request[Any]) -> bool:
        """Send something that is not kept; True when it was answered, or refused in a way that will not change."""
        if self._peer is None:
            return False
        try:
            await self._peer.call(message)
        except CallTimeout as error:
            log.warning("message unanswered error=%s", error)
            return False
        except CallFailed as error:
            log.warning("message refused error=%s", error)
        return True

    async def _deliver(self, message: Request[Any], message_id: str) -> Response:
        assert self._peer is not None
        answer: Response = await self._peer.call(message, message_id=message_id)
        return answer

    async def authorise(self, query: ev.TokenQueryNeeded) -> TokenInfo | None:
        """Authorize (section 4.1). No usable answer means: decide as if offline. What is no idTag is not asked about."""
        if len(query.token.value) > MAX_ID_TAG:
            log.info("token is longer than an idTag, refused token=%s", query.token.masked)
            return TokenInfo(Verdict.INVALID)
        if self._peer is None:
            return None
        try:
            answer = await self._peer.call(AuthorizeRequest(id_tag=id_tag(query.token)))
        except AnswerInvalid as invalid:
            log.warning("Authorize answered against its schema error=%s", invalid)
            return salvaged_info(invalid.raw.get("idTagInfo"))
        except (CallFailed, ConnectionLost) as error:
            log.warning("token not checked, deciding as offline error=%s", error)
            return None
        return token_info(answer.id_tag_info)
