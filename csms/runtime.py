"""Carries out the effects of the core: the one place where its decisions meet sockets, timers and tasks."""

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from csms.clock import Clock
from csms.core.effects import Await, Close, Effect, Emit, Outcome, Resolve, Send, SetTimer
from csms.core.engine import Core
from csms.core.events import Command, Done, Event, Received, Timer
from csms.core.store import Store
from csms.faults.active import ActivePlan
from csms.faults.plan import Boot, FaultPlan, Freeze, Restart, Slow
from csms.faults.plan import Close as CloseFault
from csms.faults.seeded import seeded
from csms.hub import Hub
from csms.link import Link
from csms.stations import Boots
from csms.stores.committer import Committer
from csms.stores.keeper import Keeper
from csms.stores.mirrored import MirroredStore
from ocpp_client.framing import Call, split

log = logging.getLogger(__name__)

RESTART_CODE: Final = 1012


class Runtime:
    """One core, one store, the open links, and what is waited for."""

    def __init__(
        self,
        core: Core,
        store: Store,
        clock: Clock,
        hub: Hub,
        *,
        handler_timeout_s: float,
        faults_seed: int | None = None,
    ) -> None:
        """With `faults_seed` every station has a plan of faults that is made from it, until it is given another."""
        self.store = store
        self.hub = hub
        self.clock = clock
        self.links: dict[str, Link] = {}
        self._faults: dict[str, ActivePlan | None] = {}
        self._faults_seed = faults_seed
        self._core = core
        self._handler_timeout_s = handler_timeout_s
        self._timers: dict[tuple[str, str], asyncio.TimerHandle] = {}
        self._late: set[asyncio.TimerHandle] = set()
        self._commands: dict[str, asyncio.Future[Outcome]] = {}
        self._jobs: set[asyncio.Task[None]] = set()
        self._written: dict[str, Callable[[], None]] = {}
        self._committer: Committer | None = None
        self._committing: asyncio.Task[None] | None = None

    def keep_in(self, store: MirroredStore, keeper: Keeper) -> None:
        """From now on carry out no effect before the keeper has what changed with it."""
        self._committer = Committer(store, keeper, self._carry_out_and_tell, self._cut_off)
        self._committing = asyncio.get_running_loop().create_task(self._committer.run(), name="commit")

    def dispatch(self, event: Event) -> None:
        """Let the core handle one event, and carry out what it wants."""
        effects = self._core.handle(event, self.store)
        if self._committer is not None:
            self._committer.submit(effects)
            return
        for effect in effects:
            self._carry_out(effect)
        self.hub.changed()

    def close_connection(self, connection: str, code: int, reason: str) -> None:
        """Close one connection, if it is still open."""
        link = self.links.get(connection)
        if link is not None:
            link.close(code, reason)

    async def settled(self) -> None:
        """Wait until everything that has happened is kept."""
        if self._committer is not None:
            await self._committer.settled()

    def received(self, link: Link, text: str | bytes) -> None:
        """A WebSocket message has come in."""
        plan = self._faults.get(link.station)
        spoilt = None
        if plan is not None and isinstance(text, str):
            call = split(text)
            spoilt = plan.call(call) if isinstance(call, Call) else None
        if spoilt is None:
            self.dispatch(Received(link.connection, text, self.clock.moment()))
        else:
            for write in spoilt:
                link.send(write.text)
        rule = None if plan is None else plan.message()
        match rule:
            case None:
                return
            case CloseFault():
                link.close(rule.code, rule.reason)
            case Freeze():
                link.freeze()
            case Slow():
                link.slow_down(rule.bytes_per_s)
            case Restart():
                assert plan is not None  # whose rule it is
                plan.go_down(self.clock.moment().monotonic_s + rule.down_s)
                link.close(RESTART_CODE, "restarting")
            case _:
                link.abort()

    def faults(self, station: str) -> ActivePlan | None:
        """The fault plan at work for a station."""
        if station not in self._faults and self._faults_seed is not None:
            self.set_faults(station, seeded(self._faults_seed, station))
        return self._faults.get(station)

    def set_faults(self, station: str, plan: FaultPlan | None) -> None:
        """Give a station a fault plan in place of the one it had; None ends its faults."""
        boots = Boots(self.store)
        boots.release(station)
        self._faults.pop(station, None)
        if plan is None and self._faults_seed is not None:
            self._faults[station] = None  # not even those of the seed
        if plan is not None:
            self._faults[station] = ActivePlan(plan)
            for rule in plan.rules:
                if isinstance(rule, Boot):
                    boots.hold(station, rule.status, times=rule.times, retry_s=rule.retry_s)

    async def command(self, command: Command, *, on_written: Callable[[], None] | None = None) -> Outcome:
        """Give the core a command and wait for its outcome.

        `on_written` is called when the message has been handed to the operating system; it needs a command with a
        `message_id`.
        """
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._commands[command.command_id] = future
        if on_written is not None and command.message_id is not None:
            self._written[command.message_id] = on_written
        try:
            self.dispatch(command)
            return await future
        finally:
            del self._commands[command.command_id]
            self._written.pop(command.message_id or "", None)

    async def close(self) -> None:
        """Call off every timer and running handler."""
        for handle in (*self._timers.values(), *self._late):
            handle.cancel()
        self._timers.clear()
        self._late.clear()
        ending = [*self._jobs, *([] if self._committing is None else [self._committing])]
        for task in ending:
            task.cancel()
        await asyncio.gather(*ending, return_exceptions=True)

    def _carry_out_and_tell(self, effect: Effect) -> None:
        self._carry_out(effect)
        self.hub.changed()

    def _cut_off(self, station: str) -> None:
        """Drop connections of a station that is connected elsewhere by now: nothing may be answered there."""
        log.warning("station cut off: its newer connection is on another node station=%s", station)
        for link in self.links.values():
            if link.station == station:
                link.abort()

    def _carry_out(self, effect: Effect) -> None:
        match effect:
            case Send():
                self._send(effect)
            case Emit():
                self.hub.publish(effect.event)
            case SetTimer():
                self._set_timer(effect)
            case Resolve():
                future = self._commands.get(effect.command_id)
                if future is not None and not future.done():
                    future.set_result(effect.outcome)
            case Close():
                link = self.links.get(effect.connection)
                if link is not None:
                    link.close(effect.code, effect.reason)
            case Await():
                job = asyncio.get_running_loop().create_task(self._run(effect), name=f"handler {effect.job.action}")
                self._jobs.add(job)
                job.add_done_callback(self._jobs.discard)

    def _send(self, effect: Send) -> None:
        link = self.links.get(effect.connection)
        if link is None:
            return
        plan = self._faults.get(link.station)
        if plan is None or effect.answers is None:
            for _ in range(1 if plan is None or effect.calls is None else plan.our_call(effect.calls)):
                link.send(effect.text, self._written.get(effect.message_id))
            return
        for write in plan.answer(effect.answers, effect.message_id, effect.text):
            if write.delay_s:
                self._later(write.delay_s, partial(link.send, write.text))
            else:
                link.send(write.text)

    def _later(self, delay_s: float, action: Callable[[], None]) -> None:
        def act() -> None:
            self._late.discard(handle)
            action()

        handle = asyncio.get_running_loop().call_later(delay_s, act)
        self._late.add(handle)

    def _set_timer(self, effect: SetTimer) -> None:
        key = (effect.station, effect.message_id)
        older = self._timers.pop(key, None)
        if older is not None:
            older.cancel()
        if effect.due_s is not None:
            delay_s = max(0.0, effect.due_s - self.clock.moment().monotonic_s)
            self._timers[key] = asyncio.get_running_loop().call_later(delay_s, self._fire, *key)

    def _fire(self, station: str, message_id: str) -> None:
        del self._timers[station, message_id]
        self.dispatch(Timer(station, message_id, self.clock.moment()))

    async def _run(self, effect: Await) -> None:
        result: Any
        try:
            async with asyncio.timeout(self._handler_timeout_s):
                result = await effect.awaitable
        except Exception as error:  # noqa: BLE001 - the core answers with a CALLERROR and logs it
            result = error
        self.dispatch(Done(effect.job, result, self.clock.moment()))
