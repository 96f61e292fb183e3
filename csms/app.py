"""The reference central system, whole.

async with Csms(CsmsConfig()) as csms:
    ...                                   # a station connects to f"{csms.ws_url}/CP001"
    outcome = await csms.command("CP001", "Reset", {"type": "Soft"})
    await csms.wait_for(lambda: csms.books.transactions("CP001", open_only=True))
"""

import asyncio
import json
import logging
import random
import ssl as tls
import uuid
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import TracebackType
from typing import Any, Final, Self, TypeVar

from csms import handlers
from csms.api.build import build_api
from csms.api.reach import answer_in_process
from csms.api.serving import ApiServer
from csms.books import Books
from csms.clock import Clock, SystemClock
from csms.cluster.asking import Answer, Question
from csms.cluster.bus import BusUnavailable
from csms.cluster.node import Node
from csms.cluster.sending import BroadcastResult
from csms.cluster.wire import BatchItem
from csms.config import CsmsConfig
from csms.core.effects import Outcome
from csms.core.engine import Core
from csms.core.events import Command, Restarted
from csms.core.presence import Presence
from csms.core.router import Router
from csms.core.store import Store
from csms.faults.plan import FaultPlan
from csms.files import files_app
from csms.hub import Hub
from csms.membership import Alone, Membership
from csms.memory import MemoryStore
from csms.metrics import exposition, own_metrics
from csms.passwords import PasswordCheck
from csms.runtime import Runtime
from csms.server import Door
from csms.stations import Stations
from csms.stores.keeper import Keeper
from csms.stores.mirrored import MirroredStore
from csms.tokens import Tokens
from ocpp_client.catalogue import catalogue
from ocpp_client.messages import Message, from_wire, to_wire

log = logging.getLogger(__name__)

T = TypeVar("T")

SETTLE_TIMEOUT_S: Final = 0.5


class Csms:
    """A central system in this process: WebSocket door, rules, books and HTTP API."""

    def __init__(
        self,
        config: CsmsConfig | None = None,
        *,
        router: Router | None = None,
        store: Store | None = None,
        keeper: Keeper | None = None,
        node: Node | None = None,
        clock: Clock | None = None,
        rng: random.Random | None = None,
        ssl: tls.SSLContext | None = None,
    ) -> None:
        """`router` holds handlers of your own, which win over the built-in ones. `keeper` outlives the process: what it
        has is loaded at the start. `node` makes this one of several nodes of one central system, and has a keeper of its
        own. `rng` makes all ids (default: a secure one); `ssl` is the server's TLS context for
        stations."""
        self.config = config or CsmsConfig()
        self._rng = rng or random.SystemRandom()
        self._keeper = keeper
        self._node = node
        if sum(each is not None for each in (store, keeper, node)) > 1:
            raise ValueError("give a store, a keeper or a node: each of them decides what is remembered where")
        self._mirror = MirroredStore(self.new_id()) if keeper is not None or node is not None else None
        self.store: Store = self._mirror or (MemoryStore() if store is None else store)
        self.clock: Clock = clock or SystemClock()
        self.books = Books(self.store)
        self.stations = Stations(self.store)
        self.tokens = Tokens(self.store, self.config.policy)
        self.hub = Hub()
        self._ssl = ssl
        rules = handlers.router().overlaid(router or Router())
        core = Core(rules, new_id=self.new_id, policy=self.config.policy)
        self._runtime = Runtime(
            core,
            self.store,
            self.clock,
            self.hub,
            handler_timeout_s=self.config.handler_timeout_s,
            faults_seed=self.config.faults_seed,
        )
        membership: Membership = Alone()
        if node is not None and self._mirror is not None:
            membership = node.attach(self._runtime, self._mirror, self.clock, self.new_id)
        passwords = PasswordCheck(self._rng.randbytes(32))
        self._door = Door(self._runtime, self.config, passwords, self.new_id, membership)
        self._ws_port = 0
        self._api_port = 0
        self._api: ApiServer | None = None
        self._files_port = 0
        self._files: ApiServer | None = None

    @property
    def ws_url(self) -> str:
        """Where stations connect; the percent-encoded identity goes behind another slash."""
        scheme = "ws" if self._ssl is None else "wss"
        return f"{scheme}://{_host(self.config.host)}:{self._ws_port}/ocpp"

    @property
    def api_url(self) -> str | None:
        """The root of the HTTP API, or None without one."""
        host = self.config.api_host
        return None if host is None else f"http://{_host(host)}:{self._api_port}/api"

    @property
    def files_url(self) -> str | None:
        """Where files go up and come down, the key included; a name goes behind another slash. None without them."""
        files = self.config.files
        return None if files is None else f"http://{_host(files.host)}:{self._files_port}/files/{files.key}"

    def new_id(self) -> str:
        """A new random UUID, as text."""
        return str(uuid.UUID(bytes=self._rng.randbytes(16), version=4))

    async def command(
        self,
        station: str,
        action: str,
        payload: Message | Mapping[str, Any] | None = None,
        *,
        timeout_s: float | None = None,
        idempotency_key: str | None = None,
    ) -> Outcome:
        """Call a station and wait for the outcome. `payload` is a message, or its JSON object in wire names.

        Raises MessageInvalid if a payload breaks its schema, UnknownAction if the station's version has no such action.
        A station that is not connected is no error but an outcome. Cancelling the wait does not take the command back.
        """
        if isinstance(payload, Message):
            text = to_wire(payload)
        else:
            text = json.dumps(payload or {}, separators=(",", ":"), ensure_ascii=False)
            await self.check(station, action, text)
        return await self.command_raw(station, action, text, timeout_s=timeout_s, idempotency_key=idempotency_key)

    async def check(self, station: str, action: str, text: str) -> None:
        """Hold a payload's JSON text against its schema in the version the station speaks now.

        Raises MessageInvalid or UnknownAction. A station that is not connected speaks no version: nothing is checked.
        Raises BusUnavailable if its version cannot be found out.
        """
        protocol = await self._protocol_of(station)
        if protocol is not None:
            from_wire(catalogue(protocol).request(action), text)

    async def is_elsewhere(self, station: str) -> bool:
        """Whether a station may be connected to another node; it may while that cannot be found out."""
        try:
            return not self.is_connected(station) and await self._protocol_of(station) is not None
        except BusUnavailable:
            return True

    async def _protocol_of(self, station: str) -> str | None:
        presence = Presence.of(self.store, station)
        if presence is not None:
            return presence.protocol
        return None if self._node is None else await self._node.protocol_of(station)

    async def command_raw(
        self,
        station: str,
        action: str,
        payload_text: str,
        *,
        timeout_s: float | None = None,
        idempotency_key: str | None = None,
    ) -> Outcome:
        """Call a station with a payload that goes out as it is, unchecked.

        Raises ValueError if the text cannot be written as UTF-8.
        """
        payload_text.encode()
        limit_s = self.config.command_timeout_s if timeout_s is None else timeout_s
        if self._node is not None:
            return await self._node.sending.command(BatchItem(station, action, payload_text, idempotency_key), limit_s)
        now = self.clock.moment()
        command = Command(
            command_id=self.new_id(),
            station=station,
            action=action,
            payload=payload_text,
            deadline_s=now.monotonic_s + limit_s,
            at=now,
            idempotency_key=idempotency_key,
        )
        return await self._runtime.command(command)

    async def batch(self, items: Sequence[BatchItem], *, timeout_s: float | None = None) -> list[Outcome]:
        """Call many stations at once, unchecked; an outcome for each command, in their order."""
        return await asyncio.gather(
            *(
                self.command_raw(
                    item.station, item.action, item.payload, timeout_s=timeout_s, idempotency_key=item.idempotency_key
                )
                for item in items
            )
        )

    async def broadcast(self, action: str, payload_text: str, *, timeout_s: float | None = None) -> BroadcastResult:
        """Call every connected station, on all nodes, unchecked. Raises BusUnavailable."""
        limit_s = self.config.command_timeout_s if timeout_s is None else timeout_s
        if self._node is not None:
            return await self._node.sending.broadcast(action, payload_text, limit_s)
        stations = [station for station in self.stations.known() if self.is_connected(station)]
        outcomes = await self.batch([BatchItem(each, action, payload_text) for each in stations], timeout_s=limit_s)
        return BroadcastResult(dict(zip(stations, outcomes, strict=True)), ())

    @property
    def node(self) -> Node | None:
        """What makes this one of several nodes."""
        return self._node

    @property
    def has_others(self) -> bool:
        """Whether there may be other nodes."""
        return self._node is not None

    async def ask_holder(self, station: str, question: Question) -> Answer | None:
        """Put a request to the other node that holds a station; None if none does. Raises BusUnavailable or NodeSilent."""
        if self._node is None or self.is_connected(station):
            return None
        return await self._node.ask_holder(station, question)

    async def ask_others(self, question: Question) -> list[Answer]:
        """Put a request to all other nodes; the answers of those that gave one. Raises BusUnavailable."""
        return [] if self._node is None else await self._node.asking.ask_others(question)

    async def view(self, station: str | None) -> Store:
        """Where to read about a station: what this process has, or what is kept of a station that is not connected here.

        None: about all stations, in short. Raises BusUnavailable.
        """
        if self._node is None or (station is not None and self.is_connected(station)):
            return self.store
        return await self._node.view(station) or self.store

    async def metrics(self) -> str:
        """Figures in the text format of Prometheus."""
        connected = len(self._runtime.links)
        return exposition([*own_metrics(connected), *([] if self._node is None else await self._node.metrics())])

    def is_connected(self, station: str) -> bool:
        """Whether a station has an open connection."""
        return Presence.of(self.store, station) is not None

    def faults(self, station: str) -> FaultPlan | None:
        """The fault plan of a station."""
        active = self._runtime.faults(station)
        return None if active is None else active.plan

    def set_faults(self, station: str, plan: FaultPlan | None) -> None:
        """Make the central system misbehave towards one station; None ends it."""
        self._runtime.set_faults(station, plan)

    def disconnect(self, station: str, *, code: int = 1000, reason: str = "") -> bool:
        """Close a station's connection; tell whether it had one."""
        presence = Presence.of(self.store, station)
        link = None if presence is None else self._runtime.links.get(presence.connection)
        if link is not None:
            link.close(code, reason)
        return link is not None

    async def wait_for(self, predicate: Callable[[], T], timeout_s: float | None = None) -> T:
        """Wait until a predicate is truthy and return its value; it is asked again after everything that happens."""
        return await self.hub.wait_for(predicate, timeout_s)

    @property
    def door(self) -> Door:
        """What serves a station's WebSocket, for servers of another kind; see `csms.doors.asgi`."""
        return self._door

    async def start(self, *, listen: bool = True) -> None:
        """Open the doors, or only get ready for connections that others bring. Raises OSError if an address cannot be
        had."""
        if self._keeper is not None and self._mirror is not None:
            self._mirror.learn(await self._keeper.load(None))
            self._runtime.keep_in(self._mirror, self._keeper)
        if self._node is not None:
            self._node.asking.serve = partial(answer_in_process, build_api(self, guarded=False))
            await self._node.start()
        self._runtime.dispatch(Restarted(self.clock.moment()))
        if not listen:
            return
        self._ws_port = await self._door.open(self._ssl)
        try:
            await self._open_http()
        except OSError:
            await self._door.close()
            await self._close_http()
            raise

    async def _open_http(self) -> None:
        if self.config.api_host is not None:
            api = ApiServer(build_api(self), self.config.api_host, self.config.api_port)
            self._api_port = await api.open()
            self._api = api
        files = self.config.files
        if files is not None:
            served = ApiServer(files_app(files), files.host, files.port)
            self._files_port = await served.open()
            self._files = served

    async def _close_http(self) -> None:
        for server in (self._api, self._files):
            if server is not None:
                await server.close()

    async def stop(self) -> None:
        """Close everything within a second, after the time the settings give connections to move elsewhere."""
        if self.config.drain_s:
            await self._door.drain(self.config.drain_s, self._rng)
        self.hub.close()
        await self._door.close()  # first: it ends the commands that requests are waiting for
        await self._close_http()
        if self._keeper is not None:
            await self._settle()
            await self._keeper.close()
        if self._node is not None:
            await self._settle()
            await self._node.stop()
        await self._runtime.close()

    async def _settle(self) -> None:
        try:
            async with asyncio.timeout(SETTLE_TIMEOUT_S):
                await self._runtime.settled()
        except TimeoutError:
            log.warning("not everything could be kept before the end; stations send what was not answered again")

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()


def _host(host: str) -> str:
    return f"[{host}]" if ":" in host else host
