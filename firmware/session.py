"""One connection's work that is alike in every version of the protocol: register, tell statuses, drain the queue, keep the heartbeat.

A translator gives its own messages for it; the rules of order are here. Nothing but BootNotification is sent before the station is
accepted, and statuses are told before the queue is drained.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol

from firmware.core.settings import CENTRAL_TIME, HEARTBEAT_INTERVAL_S, MESSAGE_TIMEOUT_S
from firmware.engine.engine import Engine
from firmware.engine.journal import LANE
from firmware.outbox import Outbox, Renderer
from firmware.registration import Boot, Registrar
from firmware.waiting import woken
from ocpp_client.errors import CallError, CallFailed, CallTimeout
from ocpp_client.messages import Request, Response
from ocpp_client.peer import Peer

log = logging.getLogger(__name__)

Send = Callable[[Any], Awaitable[bool]]
"""Sends a message; False when nobody answered."""


class Statuses(Protocol):
    """Tells the statuses of connectors, in whatever words a version has."""

    def forget_told(self, *numbers: int) -> None:
        """Tell these anew; none named: everything."""

    async def tell(self, send: Send) -> float | None:
        """Tell what is due."""

    async def run(self, send: Send) -> None:
        """Tell changes for as long as the connection lasts."""


@dataclass(frozen=True, slots=True)
class Manners:
    """What a version brings to a connection. `heartbeat` makes a Heartbeat; `retell_after_s` is how long a station must have been
    offline to tell every status anew, None: never for that reason. `chores` run while the station is accepted."""

    boot: Boot
    heartbeat: Callable[[], Request[Any]]
    renderer: Renderer
    statuses: Statuses
    retell_after_s: Callable[[], float | None] = lambda: None
    chores: tuple[Callable[[Send], Awaitable[None]], ...] = ()


class Session:
    """One for the life of a translator; `run` once per connection."""

    def __init__(self, engine: Engine, outbox: Outbox, registrar: Registrar, manners: Manners) -> None:
        self._engine = engine
        self._outbox = outbox
        self._registrar = registrar
        self._manners = manners
        self._heartbeat_now = asyncio.Event()
        self._lost_s: float | None = None  # monotonic time at which the last connection ended
        self.peer: Peer | None = None  # while connected

    async def run(self, peer: Peer, accepted: Callable[[], None]) -> None:
        """Until the connection is lost. `accepted` is called once the central system takes this station's messages."""
        self.peer = peer
        self.settings_changed()
        statuses = self._manners.statuses
        try:
            if self._registrar.needed(self._manners.boot):
                await self._registrar.register(peer, self._manners.boot)
                statuses.forget_told()
            elif self._outbox.waiting(LANE) or self._offline_for_long():
                # a central system that was started anew takes a start only from connectors whose status it knows
                statuses.forget_told(*self._engine.station.evses)
            self._engine.apply(lambda station, now: station.connection_changed(True))
            accepted()
            await statuses.tell(self.tell)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(statuses.run(self.tell))
                tasks.create_task(self._outbox.drain(self._manners.renderer, self._deliver))
                tasks.create_task(self._heartbeats(peer))
                for chore in self._manners.chores:
                    tasks.create_task(self._do(chore))
        finally:
            self.peer = None
            self._lost_s = self._engine.clock.monotonic()
            self._engine.apply(lambda station, now: station.connection_changed(False))

    async def _do(self, chore: Callable[[Send], Awaitable[None]]) -> None:
        await chore(self.tell)

    def _offline_for_long(self) -> bool:
        threshold_s = self._manners.retell_after_s()
        if threshold_s is None or self._lost_s is None:
            return False
        return self._engine.clock.monotonic() - self._lost_s > threshold_s

    def settings_changed(self) -> None:
        """Take up new intervals and time-outs."""
        self._heartbeat_now.set()
        if self.peer is not None:
            self.peer.call_timeout_s = float(self._engine.station.settings[MESSAGE_TIMEOUT_S])

    # ---- heartbeat ------------------------------------------------------------------------------------------------------

    async def _heartbeats(self, peer: Peer) -> None:
        """A Heartbeat at every interval, also while other messages flow: some central systems count only these."""
        clock = self._engine.clock
        last_s = clock.monotonic()
        while True:
            self._heartbeat_now.clear()
            due_s = last_s + self._engine.station.settings[HEARTBEAT_INTERVAL_S]
            if await woken(self._heartbeat_now, max(due_s - clock.monotonic(), 0.0)):
                continue  # the interval changed
            last_s = clock.monotonic()
            await self._heartbeat(peer)

    async def _heartbeat(self, peer: Peer) -> None:
        try:
            answer = await peer.call(self._manners.heartbeat())
        except CallError as error:
            log.warning("heartbeat refused error=%s", error)
        except CallFailed as error:
            log.warning("heartbeat failed error=%s", error)
        else:
            if not self._engine.station.settings[CENTRAL_TIME]:
                return
            step_s = self._engine.clock.set_from_csms(answer.current_time.timestamp())
            if abs(step_s) > 1.0:
                log.info("clock corrected by the central system step_s=%.1f", step_s)
                self._engine.pump()  # schedules and reservations go by the clock

    # ---- messages -------------------------------------------------------------------------------------------------------

    async def send(self, message: Request[Any]) -> None:
        """Send something that is not kept, and forget its answer."""
        await self.tell(message)

    async def tell(self, message: Request[Any]) -> bool:
        """Send something that is not kept; True when it was answered, or refused in a way that will not change."""
        if self.peer is None:
            return False
        try:
            await self.peer.call(message)
        except CallTimeout as error:
            log.warning("message unanswered error=%s", error)
            return False
        except CallFailed as error:
            log.warning("message refused error=%s", error)
        return True

    async def _deliver(self, message: Request[Any], message_id: str) -> Response:
        assert self.peer is not None
        answer: Response = await self.peer.call(message, message_id=message_id)
        return answer
