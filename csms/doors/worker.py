"""Handles one event at a time and keeps nothing: rows are read from Redis before, and written back after.

Every event of a station is handled while its lock is held, so any number of workers can share the stations. Times are
POSIX seconds: they must mean the same to all workers.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from csms.core.effects import (
    Await,
    Close,
    DomainEvent,
    Effect,
    Emit,
    Outcome,
    OutcomeKind,
    Resolve,
    Send,
    outcome_of_record,
    record_of_outcome,
)
from csms.core.engine import Core
from csms.core.events import Command, Connected, Disconnected, Done, Event, Moment, Received, Timer
from csms.core.outbound import CALLS
from csms.core.presence import Presence
from csms.core.router import Context
from csms.core.store import Record
from csms.doors.connections import Connections, Gone, HolderUnavailable, TooLong
from csms.doors.shared import Shared
from csms.message_log import MESSAGES, entry
from csms.stations import Stations
from csms.stores.keeper import Scope
from csms.stores.mirrored import MirroredStore
from csms.stores.redis import RedisKeeper

log = logging.getLogger(__name__)

EVENT_S: Final = 28.0
"""How long an event may take in all; a cloud gateway gives its functions 29 s."""

_HANDLERS_SHARE: Final = 0.75
"""The part of it after which no handler may still run: the rest is for its answer."""

NUMBERED: Final = "StartTransaction"
NUMBERS: Final = 4
"""Only this message needs a number, and rarely a second one because the first is in the books already."""

MAX_ROUNDS: Final = 8
"""Effects can bring about further events (a connection turns out to be gone); more rounds would be a fault of ours."""


def posix_moment() -> Moment:
    """Now, as all workers understand it."""
    now_s = time.time()
    return Moment(now_s, datetime.fromtimestamp(now_s, UTC))


class Worker:
    """The rules of the central system for whoever brings events."""

    def __init__(
        self,
        core: Core,
        keeper: RedisKeeper,
        shared: Shared,
        connections: Connections,
        *,
        new_id: Callable[[], str],
        now: Callable[[], Moment] = posix_moment,
        on_event: Callable[[DomainEvent], None] | None = None,
        event_s: float = EVENT_S,
    ) -> None:
        """`on_event` hears of every domain event."""
        self._core = core
        self._keeper = keeper
        self._shared = shared
        self._connections = connections
        self._new_id = new_id
        self._now = now
        self._on_event = on_event
        self._event_s = event_s

    async def connected(self, station: str, protocol: str, connection: str, remote: str = "") -> None:
        """A station has a new connection."""
        await self._handle(station, Connected(station, protocol, connection, self._now(), remote))

    async def received(self, connection: str, text: str | bytes) -> None:
        """A message has come in on a connection."""
        station = await self._station_on(connection)
        if station is None:
            await self._close(Close(connection, 1011, "this connection is not known here; connect again"))
            return
        await self._handle(station, Received(connection, text, self._now()))

    async def disconnected(self, connection: str, code: int = 1006, reason: str = "") -> None:
        """A connection has ended. It may never be told: a dead connection is also found out when it is used."""
        station = await self._station_on(connection)
        if station is not None:
            await self._handle(station, Disconnected(connection, self._now(), code, reason))

    async def command(
        self, station: str, action: str, payload: str, *, timeout_s: float, idempotency_key: str | None = None
    ) -> Outcome:
        """Call a station and wait for the outcome, whichever worker gets the answer."""
        command_id, message_id, at = self._new_id(), self._new_id(), self._now()
        deadline_s = at.monotonic_s + timeout_s
        command = Command(command_id, station, action, payload, deadline_s, at, idempotency_key, message_id)
        await self._handle(station, command)
        found = await self._shared.wait_for_outcome(command_id, timeout_s)
        if found is None:
            await self._handle(station, Timer(station, message_id, self._now()))
            found = await self._shared.wait_for_outcome(command_id, 0.0)
        if found is None:  # it waits for a command of the same idempotency key, which has a later deadline
            return Outcome(OutcomeKind.TIMEOUT, None, timeout_s)
        return outcome_of_record(found)

    async def view(self, station: str) -> MirroredStore:
        """Everything that is remembered of a station, to read."""
        store = MirroredStore("view", local=frozenset())
        store.learn(await self._keeper.load(Scope((station,), (station,), logs=True)))
        return store

    async def _handle(self, station: str, event: Event) -> None:
        """Handle an event and everything that follows from it."""
        begun_s = asyncio.get_running_loop().time()
        until_s = begun_s + self._event_s
        waiting: list[Event] = [event]
        for _ in range(MAX_ROUNDS):
            if not waiting:
                return
            jobs: list[Await] = []
            patience_s = until_s - asyncio.get_running_loop().time()
            async with self._shared.alone_with(station, self._new_id(), patience_s):
                following: list[Event] = []
                for each in waiting:
                    for effect in await self._step(station, each):
                        if isinstance(effect, Await):
                            jobs.append(effect)
                        else:
                            following += await self._carry_out(effect)
            # Handlers run without the lock: one of them may call its own station and wait for the answer.
            handlers_until_s = begun_s + _HANDLERS_SHARE * self._event_s
            waiting = [*following, *[await self._run(job, handlers_until_s) for job in jobs]]
        raise RuntimeError(f"station {station}: {type(event).__name__} never came to an end")

    async def _step(self, station: str, event: Event) -> Sequence[Effect]:
        """Read, apply the rules, write."""
        store = MirroredStore(self._new_id(), local=frozenset())
        connection = event.job.connection if isinstance(event, Done) else getattr(event, "connection", None)
        keys = (station,) if connection is None else (station, connection)
        store.learn(await self._keeper.load(Scope(keys, keys)))
        if isinstance(event, Received) and NUMBERED in str(event.text):
            store.give_numbers("transaction", await self._keeper.reserve("transaction", NUMBERS), NUMBERS)
        else:
            store.give_numbers("transaction", 0, 0)
        effects: list[Effect] = []
        for overdue in self._overdue(store, station, event.at):
            effects += self._core.handle(overdue, store)
        if isinstance(event, Connected):
            Stations(store).met(station, event.at.utc)
        if isinstance(event, Received):
            store.append(MESSAGES, station, entry("in", event.text, event.at.utc))
        effects += self._core.handle(event, store)
        for sent in effects:
            if isinstance(sent, Send):
                store.append(MESSAGES, station, entry("out", sent.text, event.at.utc))
        await self._keeper.commit(store.take_changes())
        return effects

    def _overdue(self, store: MirroredStore, station: str, at: Moment) -> list[Event]:
        """The deadline of a call whose worker is gone: nobody else would end it, and those behind it wait."""
        first: tuple[str, Record] | None = store.first(CALLS, station)
        return [Timer(station, first[0], at)] if first and first[1]["deadline_s"] <= at.monotonic_s else []

    async def _carry_out(self, effect: Effect) -> list[Event]:
        match effect:
            case Send():
                return await self._send(effect)
            case Close():
                await self._close(effect)
            case Resolve():
                await self._shared.leave_outcome(effect.command_id, record_of_outcome(effect.outcome))
            case Emit() if self._on_event is not None:
                self._on_event(effect.event)
        return []  # SetTimer: whoever gave the command looks at the clock

    async def _send(self, effect: Send) -> list[Event]:
        try:
            await self._connections.send(effect.connection, effect.text)
        except Gone:
            return [Disconnected(effect.connection, self._now(), 1006, "gone")]
        except (TooLong, HolderUnavailable) as error:
            # An answer is asked for again, a call of ours ends with its deadline.
            log.warning("message not sent connection=%s id=%s error=%s", effect.connection, effect.message_id, error)
        return []

    async def _close(self, effect: Close) -> None:
        try:
            await self._connections.close(effect.connection, effect.code, effect.reason)
        except HolderUnavailable as error:
            log.warning("connection not closed connection=%s error=%s", effect.connection, error)

    async def _run(self, effect: Await, until_s: float) -> Event:
        result: Any
        try:
            async with asyncio.timeout_at(until_s):
                result = await effect.awaitable
        except Exception as error:  # noqa: BLE001 - the core answers with a CALLERROR and logs it
            result = error
        context = effect.job.context
        if isinstance(context, Context) and isinstance(context.store, MirroredStore):
            await self._keeper.commit(context.store.take_changes())  # what the handler wrote after it had waited
        return Done(effect.job, result, self._now())

    async def _station_on(self, connection: str) -> str | None:
        store = MirroredStore("view", local=frozenset())
        store.learn(await self._keeper.load(Scope((), (connection,), ())))
        presence = Presence.on(store, connection)
        return None if presence is None else presence.station
