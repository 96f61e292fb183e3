"""The station's link to its central system: what to dial, as whom, who talks on it, and what is learnt when it ends.

This is where the parts of `firmware.uplink` meet the link: each drop is diagnosed, counted against endpoint and access, and
written down, so that a restart of the program goes on where it was.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from firmware.config import CsmsTable
from firmware.core import events as ev
from firmware.core.settings import (
    ATTEMPTS_PER_WAY,
    HEARTBEAT_INTERVAL_S,
    PING_INTERVAL_S,
    RETRY_DOUBLINGS,
    RETRY_RANDOM_S,
    RETRY_WAIT_S,
    WAYS,
)
from firmware.engine.journal import Change
from firmware.uplink import documents
from firmware.uplink.access import BASIC, MUTUAL, Access, AccessBook, Means
from firmware.uplink.dialling import Dialler
from firmware.uplink.modem import ModemKeeper
from firmware.uplink.presets import is_cellular
from firmware.uplink.rota import Endpoint, Rota, fitting
from firmware.uplink.security import SECURITY_EVENTS
from firmware.uplink.sense import time_view
from firmware.uplink.sntp import TakesServerTime, TimeServers
from firmware.uplink.usage import Usage
from firmware.uplink.watch import Watch
from ocpp_client.answers import AnswerCache
from ocpp_client.backoff import Backoff, BackoffPolicy
from ocpp_client.catalogue import catalogue
from ocpp_client.causes import Cause
from ocpp_client.diagnosis import Circumstances, Diagnosis, History
from ocpp_client.endpoint import Credentials, Target, endpoint_url
from ocpp_client.errors import UrlInvalid
from ocpp_client.link import Connected, Link, LinkOptions
from ocpp_client.link_status import Drop, LinkState, LinkStatus
from ocpp_client.peer import Peer
from ocpp_client.sockets import WebSocket
from ocpp_client.timegate import DAY_S, GateOptions, GatePolicy, Leave, TimeGate
from ocpp_client.tls import TlsFilesInvalid

if TYPE_CHECKING:
    from firmware.app import App
    from firmware.frame_rules import FrameRules

log = logging.getLogger(__name__)

MISCONFIGURED = frozenset({Cause.WRONG_PORT, Cause.TLS_VERSION, Cause.CLIENT_CERTIFICATE, Cause.CONFIGURATION})
SLOW_RETRY_S = 60.0
"""The least wait after a failure that only another setting will mend."""

ANSWER_S = 0.5
"""For the answer to a change of the security settings to be sent on the old connection."""

BACKOFF_SETTINGS = frozenset({RETRY_WAIT_S.id, RETRY_RANDOM_S.id, RETRY_DOUBLINGS.id})

USAGE_COUNTED_S = 300.0
USAGE_KEPT_EVERY = 12  # counts: once an hour


class Connection:
    """Owns the link for one run of the program. Call `load` before `run`."""

    def __init__(self, app: "App") -> None:
        self._app = app
        csms = app.config.csms
        self._answers = AnswerCache()
        self._history = History()
        self._listeners: list[Callable[[LinkStatus], None]] = []
        self._security_listeners: list[Callable[[str, str], None]] = []
        self._credentials = app.services.credentials
        self._dialler = Dialler(csms, self._credentials)
        self._order = app.engine.station.settings[WAYS]  # a change takes effect at the next start
        self._leave = Leave()
        self._local_host: str | None = None
        self._address_changed_at: float | None = None
        self._stored_failures = 0
        self._was_accepted = False
        self._usage = Usage()
        self.access = AccessBook(configured_access(csms), self._means())
        self._rota = self._new_rota(None)
        self._spoken: str = csms.protocols[0]  # on the last connection
        self._backoff = Backoff(self._policy(), app.around.rng)
        clock_table = app.config.clock
        gate_options = GateOptions(
            GatePolicy(clock_table.policy), clock_table.grace_s, clock_table.tolerance_days * DAY_S
        )
        self._gate = TimeGate(gate_options, lambda: time_view(app.clock), app.clock)
        board = app.board
        self.rules: FrameRules | None = None
        """What meddles with frames; on a mock board only."""
        if board.world is not None:
            from firmware import frame_rules  # noqa: PLC0415 - a real board loads nothing of it

            self.rules = frame_rules.FrameRules(app.clock.monotonic)
        self.modem = None if board.modem is None else ModemKeeper(board.modem)
        self._watch = Watch(self, app.clock, board.network, self.modem, on_address=self._note_address)
        self.link = Link(
            target=self._target,
            open_peer=self._peer,
            session=self._session,
            backoff=self._backoff,
            clock=app.clock,
            gate=self._wait_for_leave,
            on_change=self._changed,
            on_drop=self._dropped,
            options=LinkOptions(pong_timeout_s=csms.pong_timeout_s),
            ping_interval_s=float(app.engine.station.settings[PING_INTERVAL_S]),
            dial=self._dialler,
        )
        app.engine.observe(self._observe)

    async def load(self) -> None:
        """Go on from what was written down by an earlier run."""
        queue, csms = self._app.queue, self._app.config.csms
        remembered = await documents.recall(queue)
        self._stored_failures = remembered.failures
        self._backoff.restore(remembered.failures)
        try:
            stored = await queue.get(documents.LINK, documents.ACCESS)
            self.access = AccessBook.restore(configured_access(csms), self._means(), stored)
            usage = await queue.get(documents.LINK, documents.USAGE)
            if usage is not None:
                self._usage.restore(usage)
        except ValueError as error:
            log.warning("kept document ignored error=%s", error)
        self._rota = self._new_rota(remembered.worked)

    # ---- for the rest of the program ------------------------------------------------------------------------------------

    @property
    def diagnoses(self) -> tuple[Diagnosis, ...]:
        """The newest lost and failed connections, oldest first: a bounded history."""
        return self._history.diagnoses

    @property
    def usage(self) -> Usage:
        """Data used, by day and by connection, as it stands now."""
        self._count()
        return self._usage

    @property
    def state(self) -> LinkState:
        """What the link is doing."""
        return self.link.status.state

    @property
    def cause(self) -> Cause | None:
        """Why it was last not connected."""
        return self.diagnoses[-1].cause if self.diagnoses else None

    @property
    def endpoint(self) -> Endpoint:
        """The way to the central system that is in use, or tried next."""
        return self._dialler.endpoint

    @property
    def local_host(self) -> str | None:
        """The station's own address of the present or last connection."""
        return self._local_host

    def listen(self, listener: Callable[[LinkStatus], None]) -> None:
        """Be told of each change of the link's state."""
        self._listeners.append(listener)

    def listen_security(self, listener: Callable[[str, str], None]) -> None:
        """Be told of security events: the standard's name of the event, and a technical line."""
        self._security_listeners.append(listener)

    def ask_profile(self, profile: int) -> str | None:
        """Dial with a higher security profile from the next reconnect on; None if it will be tried, else why not."""
        self.access.equip(self._means())
        refusal = self.access.ask_profile(profile)
        if refusal is None:
            self._use_access()
        return refusal

    def ask_password(self, password: bytes) -> None:
        """Dial with a new password from the next reconnect on."""
        self.access.ask_password(password)
        self._use_access()

    @property
    def security_profile(self) -> int:
        """In force, or on trial."""
        return self.access.current.profile

    def credentials_changed(self) -> None:
        """There is a new certificate of the station: use it at once where it is used at all."""
        if self.access.current.profile == MUTUAL:
            self.link.reconnect("new certificate of the station")

    def _means(self) -> Means:
        return Means(roots=self._credentials.has_roots, client_certificate=self._credentials.has_client)

    def reconnect(self, reason: str) -> None:
        """Begin a new connection."""
        self.link.reconnect(reason)

    async def run(self) -> None:
        """Stay connected until `stop` or cancellation."""
        async with AsyncExitStack() as stack:
            board = self._app.board
            if board.world is not None and board.network is not None:
                from hal.mock.relay import Relay  # noqa: PLC0415 - a real board loads nothing of the mock world

                self._dialler.relay = await stack.enter_async_context(Relay(board.world.network))
            async with asyncio.TaskGroup() as tasks:
                works = [self._watch.run(), self._keep_usage(), *self._time_servers()]
                helpers = [tasks.create_task(work) for work in works]
                await self.link.run()
                for helper in helpers:
                    helper.cancel()

    async def stop(self) -> None:
        """Close the connection politely; about a second at the most."""
        await self.link.stop()

    def _time_servers(self) -> list[Coroutine[Any, Any, None]]:
        """What asks the configured time servers, where there are any and the clock can be told."""
        servers, clock = self._app.config.clock.sntp_servers, self._app.clock
        if not servers:
            return []
        if not isinstance(clock, TakesServerTime):
            log.warning("time servers not asked, this clock takes no time from them clock=%s", type(clock).__name__)
            return []
        return [TimeServers(servers, clock, clock, floor_s=lambda: time_view(clock).floor_s).run()]

    # ---- what the link asks -----------------------------------------------------------------------------------------------

    async def _wait_for_leave(self) -> None:
        self._leave = await self._gate.wait() if self._rota.current.is_tls else Leave()

    def _target(self) -> Target:
        csms, identity = self._app.config.csms, self._app.config.station.id
        endpoint = self._dialler.endpoint = self._rota.current
        access = self.access.current
        context = None
        if endpoint.is_tls:
            try:
                context = self._dialler.context(self._leave.window, mutual=access.profile == MUTUAL)
            except TlsFilesInvalid as error:
                raise UrlInvalid(url=endpoint.url, text=str(error)) from error
        missing_ok = csms.accept_missing_subprotocol
        return Target(
            url=endpoint_url(endpoint.url, identity),
            protocols=tuple(csms.protocols),
            credentials=Credentials(identity, access.password or b"") if access.profile in BASIC else None,
            ssl=context,
            compression=csms.compression,
            accept_missing_subprotocol=True if missing_ok is None else missing_ok,
        )

    def _peer(self, socket: WebSocket, protocol: str) -> Peer:
        app = self._app
        self._local_host = socket.local_address.rpartition(":")[0]
        self._usage.begin_session()
        self._spoken = protocol
        self._backoff.policy = self._policy()
        if self.rules is not None:
            from firmware.ruled_socket import RuledSocket  # noqa: PLC0415

            socket = RuledSocket(socket, self.rules)
        return Peer(
            socket,
            catalogue(protocol),
            handler=app.translators.handler(protocol),
            answers=self._answers,
            clock=app.clock,
            new_id=app.around.new_id,
            on_frame=self._frame,
            max_message_bytes=app.config.csms.max_message_bytes,
        )

    def _frame(self, direction: Literal["in", "out"], text: str, monotonic_s: float) -> None:
        self.link.note_message()
        self._app.frames.note(direction, text, monotonic_s)

    async def _session(self, connected: Connected) -> None:
        await self._app.translators.session(connected.protocol, connected.peer, connected.accepted)

    # ---- what the link tells ------------------------------------------------------------------------------------------------

    def _dropped(self, drop: Drop) -> float | None:
        """Learn from a drop; returns the least wait it asks for."""
        found = self._history.add(drop, self._circumstances(drop))
        self._count()
        log.log(
            logging.INFO if found.cause is Cause.ASKED else logging.WARNING,
            "diagnosis cause=%s %s",
            found.cause,
            found.line(),
        )
        self._tell_security(found)
        if drop.kind == "asked":
            return None
        if self._was_accepted:
            self._was_accepted = False  # the end of a proven connection says nothing against endpoint or access
        else:
            self._rota.failed()
        self._credentials.failed(found.cause)
        on_trial = self.access.on_trial
        if self.access.failed():
            log.error(
                "new security profile or password came to nothing, the old one is back profile=%d",
                self.access.current.profile,
            )
            self._rota = self._new_rota(self._rota.worked)
        if on_trial:
            self._keep_access()  # how often it has failed outlives a restart
        self._write(documents.state(self._backoff.state() + 1, self._rota.worked))
        self._stored_failures = self._backoff.state() + 1
        return SLOW_RETRY_S if found.cause in MISCONFIGURED else None

    def _circumstances(self, drop: Drop) -> Circumstances:
        app = self._app
        view = time_view(app.clock)
        extra: dict[str, str | int | float] = {"endpoint": self._dialler.endpoint.url, "clock": app.clock.trust.value}
        modem = None if self.modem is None else self.modem.status
        if modem is not None and modem.signal_dbm is not None:
            extra["signal_dbm"] = modem.signal_dbm
        rtt_s = self.link.status.rtt_s
        if rtt_s is not None:
            extra["rtt_s"] = round(rtt_s, 3)
        changed_at = self._address_changed_at
        if changed_at is not None:
            extra["address_changed_before_s"] = round(drop.at - changed_at, 1)
        return Circumstances(
            clock_trusted=view.synchronised and view.wall_s >= view.floor_s,
            cellular=is_cellular(app.config.csms, app.board),
            address_changed_s=None if changed_at is None else drop.at - changed_at,
            heartbeat_s=float(app.engine.station.settings[HEARTBEAT_INTERVAL_S]),
            wall_s=app.clock.wall(),
            chain=self._dialler.chain,
            extra=extra,
        )

    def _changed(self, status: LinkStatus) -> None:
        self._count()
        if status.state is LinkState.ONLINE:
            self._accepted(status)
        for listener in self._listeners:
            listener(status)

    def _accepted(self, status: LinkStatus) -> None:
        self._was_accepted = True
        self._credentials.proven()
        new_way = self._rota.proven()
        if self.access.proven():
            log.info("security profile proven profile=%d", self.access.current.profile)
            self._keep_access()
        if new_way or (status.attempts == 0 and self._stored_failures):
            self._stored_failures = status.attempts
            self._write(documents.state(status.attempts, self._rota.worked))

    def _tell_security(self, found: Diagnosis) -> None:
        event = SECURITY_EVENTS.get(found.cause)
        if event is None:
            return
        log.warning("security event type=%s", event)
        for listener in self._security_listeners:
            listener(event, found.says)

    # ---- what changes -------------------------------------------------------------------------------------------------------

    def _note_address(self) -> None:
        self._address_changed_at = self._app.clock.monotonic()

    def _observe(self, event: ev.Event) -> None:
        if not isinstance(event, ev.SettingChanged):
            return
        if event.setting == PING_INTERVAL_S.id:
            self.link.set_ping_interval(float(self._app.engine.station.settings[PING_INTERVAL_S]))
        elif event.setting == ATTEMPTS_PER_WAY.id:
            self._rota.attempts = self._app.engine.station.settings[ATTEMPTS_PER_WAY]
        elif event.setting in BACKOFF_SETTINGS:
            self._backoff.policy = self._policy()

    def _use_access(self) -> None:
        self._keep_access()
        self._rota = self._new_rota(self._rota.worked)
        # whoever asked for it over this connection gets an answer first
        asyncio.get_running_loop().call_later(ANSWER_S, self.link.reconnect, "new security settings")

    def _keep_access(self) -> None:
        self._write(documents.document(documents.ACCESS, self.access.document()))

    def _count(self) -> None:
        status = self.link.status
        self._usage.count(status.bytes_sent, status.bytes_received, self._app.clock.wall())

    async def _keep_usage(self) -> None:
        """Count by the day to which it belongs, and write it down now and then."""
        while True:
            for _ in range(USAGE_KEPT_EVERY):
                await self._app.clock.sleep(USAGE_COUNTED_S)
                self._count()
            self._write(documents.document(documents.USAGE, self._usage.document()))

    def _new_rota(self, worked: str | None) -> Rota:
        csms = self._app.config.csms
        given = self._in_order([Endpoint(way.url, way.priority, way.interface, way.proxy) for way in csms.ways])
        profile = self.access.current.profile
        # Profile 0 says nothing of TLS: the URLs stand as they are given.
        usable = fitting(given, tls=self.access.current.tls) if profile else given
        return Rota(usable, attempts=self._app.engine.station.settings[ATTEMPTS_PER_WAY], worked=worked)

    def _in_order(self, ways: list[Endpoint]) -> list[Endpoint]:
        """The ways that were chosen, in the order that holds since the start; what the configuration does not have is left out."""
        ways = sorted(ways, key=lambda way: way.priority)
        chosen = [ways[number - 1] for number in self._order if number <= len(ways)]
        return [replace(way, priority=place) for place, way in enumerate(chosen or ways)]

    def _policy(self) -> BackoffPolicy:
        """In OCPP 2.0.1 the central system sets the numbers of the back-off, in 1.6 the configuration."""
        csms, settings = self._app.config.csms, self._app.engine.station.settings
        if self._spoken == "ocpp1.6":
            return BackoffPolicy(start_s=csms.backoff_start_s, cap_s=max(csms.backoff_cap_s, csms.backoff_start_s))
        return BackoffPolicy.ocpp201(
            wait_minimum_s=settings[RETRY_WAIT_S],
            random_range_s=settings[RETRY_RANDOM_S],
            repeat_times=settings[RETRY_DOUBLINGS],
        )

    def _write(self, change: Change) -> None:
        self._app.engine.journal.write(change)


def configured_access(csms: CsmsTable) -> Access:
    """What the configuration says of security profile and password."""
    password = None
    if csms.password_hex is not None:
        password = bytes.fromhex(csms.password_hex)
    elif csms.password is not None:
        password = csms.password.encode()
    return Access(csms.security_profile, password)
