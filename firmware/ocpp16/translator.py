"""The OCPP 1.6 side of the station: registration, heartbeat, statuses, tokens and the way of a CALL to its handler."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from firmware.core import events as ev
from firmware.core.settings import HEARTBEAT_INTERVAL_S, MESSAGE_TIMEOUT_S
from firmware.core.values import Registration, TokenInfo, Verdict
from firmware.engine.engine import Engine
from firmware.engine.timeline import Timeline
from firmware.identity import Identity
from firmware.ocpp16 import absent
from firmware.ocpp16.configuration import Configuration
from firmware.ocpp16.core_profile import CoreProfile
from firmware.ocpp16.remote_trigger import RemoteTrigger
from firmware.ocpp16.status import StatusReporter
from firmware.ocpp16.transactions import Transactions
from firmware.ocpp16.words import MAX_ID_TAG, id_tag, token_info
from firmware.outbox import Outbox
from ocpp_client.errors import AnswerInvalid, CallError, CallFailed, CallTimeout, ConnectionLost, Refuse
from ocpp_client.messages import Request, Response
from ocpp_client.peer import Incoming, Peer, Reply
from ocpp_client.v16 import (
    AuthorizeRequest,
    BootNotificationRequest,
    BootNotificationResponse,
    HeartbeatRequest,
    StatusNotificationRequest,
)
from offline_queue import Queue

log = logging.getLogger(__name__)

PROTOCOL = "ocpp1.6"
PROFILES = ("Core", "RemoteTrigger")
DEFAULT_RETRY_S = 60.0  # between BootNotifications when the central system names no interval
BOOT_TRIES = 2  # unanswered BootNotifications on one connection before it is given up


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
        self._identity = identity
        self._peer: Peer | None = None
        self._told_identity: Identity | None = None
        self._boot_now = asyncio.Event()
        self._not_rejected = asyncio.Event()  # clear from a BootNotification answered Rejected to the next answer
        self._not_rejected.set()
        self._heartbeat_now = asyncio.Event()
        self.transactions = Transactions(engine, timeline, settled=self._settled)
        self.statuses = StatusReporter(engine.station, engine.clock, owes_stop=self.transactions.owes_stop)
        self.configuration = Configuration(engine.station, profiles=PROFILES, quantities=quantities)
        self.core = CoreProfile(engine, self.configuration, self.transactions)
        self.triggers = RemoteTrigger(
            engine, self.statuses, self.transactions, send=self._send, boot=self._boot_now.set
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
        if not self._not_rejected.is_set():
            log.info("call while rejected, not answered action=%s id=%r", call.action, call.message_id)
            await self._not_rejected.wait()
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
            if self._must_boot():
                await self._register(peer)
                self.statuses.forget_told()
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

    def _must_boot(self) -> bool:
        """A boot is told once per start of the program, and when what it says has changed."""
        registered = self._engine.station.registration is Registration.ACCEPTED
        return not registered or self._told_identity != self._identity()

    async def _register(self, peer: Peer) -> None:
        unanswered = 0
        while True:
            self._boot_now.clear()
            identity = self._identity()
            answer: BootNotificationResponse | None = None
            try:
                answer = await peer.call(_boot(identity))
            except CallTimeout:
                unanswered += 1
                if unanswered >= BOOT_TRIES:
                    raise ConnectionLost(1006, "BootNotification unanswered", cause="unanswered") from None
            except AnswerInvalid as invalid:
                log.warning("BootNotification answered against its schema error=%s", invalid)
                if invalid.usable.get("status") == "Accepted":
                    self._registered(Registration.ACCEPTED, identity)
                    return
            except CallError as error:
                log.warning("BootNotification refused error=%s", error)
            wait_s = DEFAULT_RETRY_S
            if answer is not None:
                unanswered = 0
                self._engine.clock.set_from_csms(answer.current_time.timestamp())
                if answer.status == "Accepted":
                    self._accept_interval(answer.interval)
                    self._registered(Registration.ACCEPTED, identity)
                    return
                wait_s = float(answer.interval) if answer.interval > 0 else DEFAULT_RETRY_S
                held = Registration.PENDING if answer.status == "Pending" else Registration.REJECTED
                self._registered(held, None)
                log.info("registration %s next_in_s=%d", held.value, wait_s)
            await self._wait(self._boot_now, wait_s)

    def _registered(self, registration: Registration, identity: Identity | None) -> None:
        self._told_identity = identity
        if registration is Registration.REJECTED:
            self._not_rejected.clear()
        else:
            self._not_rejected.set()
        self._engine.apply(lambda station, now: station.registered(registration))

    def _accept_interval(self, interval_s: int) -> None:
        """The interval becomes HeartbeatInterval; 0 keeps our own (section 4.2)."""
        if interval_s > 0 and interval_s != self._engine.station.settings[HEARTBEAT_INTERVAL_S]:
            self._engine.apply(lambda station, now: self.configuration.change("HeartbeatInterval", str(interval_s)))

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
        except (CallFailed, ConnectionLost) as error:
            log.warning("token not checked, deciding as offline error=%s", error)
            return None
        return token_info(answer.id_tag_info)


def _boot(identity: Identity) -> BootNotificationRequest:
    def cut(value: str | None, length: int) -> str | None:
        return value[:length] if value else None

    return BootNotificationRequest(
        charge_point_vendor=identity.vendor[:20],
        charge_point_model=identity.model[:20],
        charge_point_serial_number=cut(identity.serial_number, 25),
        charge_box_serial_number=cut(identity.box_serial_number, 25),
        firmware_version=cut(identity.firmware_version, 50),
        iccid=cut(identity.iccid, 20),
        imsi=cut(identity.imsi, 20),
        meter_type=cut(identity.meter_type, 25),
        meter_serial_number=cut(identity.meter_serial_number, 25),
    )
