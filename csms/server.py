"""The WebSocket door: admits stations, and moves their messages to the core and back."""

import asyncio
import logging
import random
import ssl as tls
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from csms.admission import Admission, House, admit, identity_of
from csms.config import CsmsConfig
from csms.core.events import Connected, Disconnected
from csms.faults.plan import CloseAtOnce, NoSubprotocol, RefuseUpgrade, WrongSubprotocol
from csms.link import Link
from csms.membership import Membership, NotAdmitted
from csms.message_log import MESSAGES, entry
from csms.pace import Pace
from csms.passwords import PasswordCheck
from csms.runtime import RESTART_CODE, Runtime
from csms.stations import Stations
from ocpp_client.errors import ConnectionLost
from ocpp_client.sockets import PEER_ADDRESS
from ocpp_client.websocket import Rejection, WebSocket, WebSocketServer, serve

log = logging.getLogger(__name__)

STOPPING: Final = "the central system is stopping"
CROWDED_CODE: Final = 1013
NO_VERSION_CODE: Final = 1002
IDLE_CODE: Final = 1001


@dataclass(frozen=True, slots=True)
class _Visit:
    """One admitted request: the version both will speak, what the answer says about it, and whether we stay mute."""

    station: str
    protocol: str | None
    announced: str | None
    mute: bool = False
    farewell: CloseAtOnce | None = None


# Checking the request, choosing the subprotocol and serving the connection happen one after the other in one task.
_visit: ContextVar[_Visit] = ContextVar("visit")


class Door:
    """A listening WebSocket server for stations."""

    def __init__(
        self,
        runtime: Runtime,
        config: CsmsConfig,
        passwords: PasswordCheck,
        new_id: Callable[[], str],
        membership: Membership,
    ) -> None:
        self._runtime = runtime
        self._membership = membership
        self._config = config
        self._passwords = passwords
        self._new_id = new_id
        self._stations = Stations(runtime.store)
        self._per_address: Counter[str] = Counter()
        self._open = 0
        self._closing = False
        self._server: WebSocketServer | None = None

    async def open(self, ssl: tls.SSLContext | None = None) -> int:
        """Listen; return the port. Raises OSError if the address cannot be had."""
        self._server = await serve(
            self.serve,
            self._config.host,
            self._config.port,
            select_subprotocol=self.announce,
            process_request=self.check,
            ssl=ssl,
            close_timeout_s=self._config.close_timeout_s,
            max_size=self._config.limits.message_bytes,
        )
        return self._server.ports[0]

    async def drain(self, over_s: float, rng: random.Random) -> None:
        """Admit nobody, and close the connections with 1012 one by one, each at a random moment within `over_s`."""
        self._closing = True
        moments = sorted((rng.uniform(0, over_s), number) for number in range(len(self._runtime.links)))
        begun_s = asyncio.get_running_loop().time()
        for (due_s, _), link in zip(moments, tuple(self._runtime.links.values()), strict=True):
            await asyncio.sleep(begun_s + due_s - asyncio.get_running_loop().time())
            link.close(RESTART_CODE, STOPPING)

    async def close(self) -> None:
        """Admit nobody, close every connection with 1012, and return within twice the close timeout."""
        self._closing = True
        links = tuple(self._runtime.links.values())
        await asyncio.gather(*(link.close_now(RESTART_CODE, STOPPING) for link in links))
        if self._server is not None:
            await self._server.close()

    async def check(self, path: str, headers: Mapping[str, str]) -> Rejection | None:
        """Decide on a request for an upgrade. This, `announce` and `serve` follow each other in one task."""
        station = identity_of(path)
        if station is None:
            return Rejection(404, {}, "the path must end with a percent-encoded identity of at most 48 characters\n")
        plan = self._runtime.faults(station)
        if plan is not None and plan.is_down(self._runtime.clock.moment().monotonic_s):
            return Rejection(503, {}, "restarting on purpose\n")
        rule = None if plan is None else plan.upgrade()
        if isinstance(rule, RefuseUpgrade):
            wait = {} if rule.retry_after_s is None else {"Retry-After": str(rule.retry_after_s)}
            return Rejection(rule.status, wait, "refused on purpose\n")
        known = self._stations.is_known(station)
        house = House(
            connections=self._open,
            stations=self._stations.count(),
            is_known=known,
            closing=self._closing,
            from_address=self._per_address[headers.get(PEER_ADDRESS, "")],
        )
        decision = admit(station, headers, self._config, self._passwords, house)
        if isinstance(decision, Rejection):
            log.info("station turned away station=%s status=%d", station, decision.status)
            return decision
        _visit.set(_visit_of(decision, rule))
        return None

    def announce(self, _offered: Sequence[str]) -> str | None:
        """The subprotocol for the answer to the request that was checked."""
        return _visit.get().announced

    async def serve(self, socket: WebSocket, _path: str, _headers: Mapping[str, str]) -> None:
        """Talk with the station whose request was checked until the connection ends."""
        visit, address = _visit.get(), socket.peer_address.rpartition(":")[0]
        self._open += 1
        self._per_address[address] += 1
        try:
            if visit.farewell is not None:
                await socket.close(visit.farewell.code, visit.farewell.reason)
            elif visit.mute:
                await _ignore(socket)
            elif visit.protocol is None:
                offer = f"no common OCPP version; offer {', '.join(self._config.protocols)}"
                await socket.close(NO_VERSION_CODE, offer)
            else:
                await self._converse(socket, visit.station, visit.protocol)
        finally:
            self._open -= 1
            self._per_address[address] -= 1
            if not self._per_address[address]:
                del self._per_address[address]

    async def _converse(self, socket: WebSocket, station: str, protocol: str) -> None:
        runtime, connection = self._runtime, self._new_id()
        link = Link(
            socket,
            station,
            connection,
            max_waiting=self._config.limits.waiting_messages,
            close_timeout_s=self._config.close_timeout_s,
            on_written=lambda text: runtime.store.append(MESSAGES, station, entry("out", text, self._now())),
        )
        runtime.links[connection] = link
        ended = ConnectionLost(1006)
        try:
            async with self._membership.admission(station, connection, protocol):
                now = runtime.clock.moment()
                self._stations.met(station, now.utc)
                log.info("station connected station=%s protocol=%s peer=%s", station, protocol, socket.peer_address)
                runtime.dispatch(Connected(station, protocol, connection, now, socket.peer_address))
            async with asyncio.TaskGroup() as tasks:
                writer = tasks.create_task(link.write(), name=f"write to {station}")
                ended = await self._read(socket, link)
                writer.cancel()
        except NotAdmitted as refusal:
            log.warning("station turned away station=%s reason=%s", station, refusal)
            await socket.close(CROWDED_CODE, "the central system cannot take stations now; try again later")
        finally:
            del runtime.links[connection]
            log.info("station gone station=%s code=%d cause=%s", station, ended.code, ended.cause)
            runtime.dispatch(Disconnected(connection, runtime.clock.moment(), ended.code, ended.reason))
            await self._membership.gone(station, connection)

    async def _read(self, socket: WebSocket, link: Link) -> ConnectionLost:
        """Move messages to the core until the connection ends; how it ended."""
        limits = self._config.limits
        pace = Pace(limits.messages_per_s, limits.messages_at_once)
        try:
            while True:
                async with asyncio.timeout(self._config.idle_timeout_s):
                    message = await socket.receive()
                wait_s = pace.wait_s(asyncio.get_running_loop().time())
                wait_s += link.duration_s(message)
                if wait_s:
                    await asyncio.sleep(wait_s)
                self._runtime.store.append(MESSAGES, link.station, entry("in", message, self._now()))
                self._runtime.received(link, message)
        except ConnectionLost as lost:
            return lost
        except TimeoutError:
            ended = ConnectionLost(IDLE_CODE, "no message for too long", cause="local")
            await socket.close(ended.code, ended.reason)
            return ended

    def _now(self) -> datetime:
        return self._runtime.clock.moment().utc


def _visit_of(admission: Admission, rule: NoSubprotocol | WrongSubprotocol | CloseAtOnce | None) -> _Visit:
    match rule:
        case NoSubprotocol():
            return _Visit(admission.station, admission.protocol, None)
        case WrongSubprotocol():
            return _Visit(admission.station, admission.protocol, rule.subprotocol, mute=True)
        case _:
            return _Visit(admission.station, admission.protocol, admission.protocol, farewell=rule)


async def _ignore(socket: WebSocket) -> None:
    try:
        while True:
            await socket.receive()
    except ConnectionLost:
        return
