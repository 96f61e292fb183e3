"""Brings a command to the node that holds its station, and its outcome back.

A caller is always told how its command ended. It gives up waiting when the node is gone or the deadline has passed, and
then takes the command back: if that succeeds the station never saw it, if not it may have.
"""

import asyncio
import logging
import uuid
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Protocol

from csms.clock import Clock
from csms.cluster.bus import Bus, BusUnavailable, Held, KeyState, Post, PostResult, State
from csms.cluster.members import Members
from csms.cluster.wire import BatchItem, BroadcastBody, BroadcastOutcomesBody, CommandBody, OutcomeBody
from csms.core.effects import Outcome, OutcomeKind, outcome_of_record, record_of_outcome
from csms.core.events import Command
from csms.core.outbound import content_of
from csms.metrics import Histogram

log = logging.getLogger(__name__)

ROOM_WAIT_S: Final = 0.02  # between two tries to post to a node that is full
ROOM_PATIENCE_S: Final = 1.0  # how long at most
RETRY_S: Final = 0.1  # between two tries while the bus cannot be reached
GRACE_S: Final = 0.25  # how much longer than the deadline an outcome may be on its way
LOOKS: Final = (
    3  # a node is gone when it was not seen so often: after Redis lost its data, all need a moment to be seen
)
MAX_REMEMBERED: Final = 10_000  # stations whose node is remembered
MAX_UNDER_WAY: Final = 10_000  # commands of this node to others

_MESSAGE_IDS: Final = uuid.UUID("6c1f6a52-9f0e-4f57-8b0e-0f6f3d3c1d11")

_SEEN: Final = frozenset({State.BEGUN, State.UNKNOWN})


class Caller(Protocol):
    """Calls a station whose socket is in this process. `csms.runtime.Runtime` is one."""

    async def command(self, command: Command, *, on_written: Callable[[], None] | None = None) -> Outcome:
        """Call it and wait for the outcome."""


@dataclass(slots=True)
class _UnderWay:
    node: str
    incarnation: str
    ended: asyncio.Future[Outcome]
    node_gone: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(slots=True)
class _Census:
    missing: set[str]
    outcomes: dict[str, Outcome]
    complete: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(frozen=True, slots=True)
class BroadcastResult:
    """The outcome for each station that was connected, and the nodes that never told theirs."""

    outcomes: Mapping[str, Outcome]
    silent_nodes: tuple[str, ...]


class Sending:
    """The commands given to this node."""

    def __init__(self, bus: Bus, members: Members, caller: Caller, clock: Clock, new_id: Callable[[], str]) -> None:
        self._bus = bus
        self._members = members
        self._caller = caller
        self._clock = clock
        self._new_id = new_id
        self.latency = Histogram("wayside_csms_command_seconds", "From a command to its outcome, stations included.")
        self._under_way: dict[str, _UnderWay] = {}
        self._waiting: dict[str, asyncio.Future[Outcome]] = {}  # for another command with the same key
        self._owners: dict[str, Held] = {}
        self._censuses: dict[str, _Census] = {}

    @property
    def under_way(self) -> int:
        """Commands whose outcome another node owes."""
        return len(self._under_way)

    async def command(self, item: BatchItem, timeout_s: float) -> Outcome:
        """Call a station, wherever it is, and wait for the outcome."""
        started_s = self._now_s()
        command_id = self._new_id()
        if item.idempotency_key is None:
            outcome = await self._send(item, command_id, self._new_id(), started_s + timeout_s)
        else:
            outcome = await self._send_once(item, item.idempotency_key, command_id, started_s + timeout_s)
        elapsed_s = self._now_s() - started_s
        self.latency.observe(elapsed_s)
        return replace(outcome, elapsed_s=elapsed_s)

    async def batch(self, items: Sequence[BatchItem], timeout_s: float) -> list[Outcome]:
        """Call many stations at once; an outcome for each command, in their order."""
        return await asyncio.gather(*(self.command(item, timeout_s) for item in items))

    async def broadcast(self, action: str, payload: str, timeout_s: float) -> BroadcastResult:
        """Call every station that is connected to any node alive. Raises BusUnavailable."""
        nodes = await self._bus.nodes()
        broadcast_id = self._new_id()
        census = self._censuses[broadcast_id] = _Census(set(nodes), {})
        body = BroadcastBody(
            reply_to=self._bus.node, broadcast_id=broadcast_id, action=action, payload=payload, timeout_s=timeout_s
        ).model_dump_json()
        try:
            await asyncio.gather(*(self._bus.tell(node, body) for node in nodes))
            async with asyncio.timeout(timeout_s + GRACE_S):
                if census.missing:
                    await census.complete.wait()
        except TimeoutError:
            log.warning("nodes did not tell their outcomes nodes=%s", ",".join(sorted(census.missing)))
        finally:
            del self._censuses[broadcast_id]
        return BroadcastResult(census.outcomes, tuple(sorted(census.missing)))

    def ended(self, body: OutcomeBody) -> None:
        """An outcome has come from another node."""
        outcome = outcome_of_record(body.outcome)
        under_way = self._under_way.get(body.command_id)
        future = self._waiting.get(body.command_id) if under_way is None else under_way.ended
        if future is not None and not future.done():
            future.set_result(outcome)

    def counted(self, body: BroadcastOutcomesBody) -> None:
        """A node has told how a broadcast ended there."""
        census = self._censuses.get(body.broadcast_id)
        if census is not None:
            census.outcomes |= {station: outcome_of_record(each) for station, each in body.outcomes.items()}
            census.missing.discard(body.node)
            if not census.missing:
                census.complete.set()

    async def watch(self, every_s: float) -> None:
        """Look after the nodes that owe outcomes, until cancelled."""
        missed: Counter[tuple[str, str]] = Counter()
        while True:
            await asyncio.sleep(every_s)
            # Those that wait for room are in no node's hands yet: they have no life to end with.
            lives = {(each.node, each.incarnation) for each in self._under_way.values() if each.incarnation}
            try:
                missing = {life for life in lives if not await self._bus.lives(*life)}
            except BusUnavailable:
                missing = set()  # nothing can be told of anybody
            missed = Counter({life: missed[life] + 1 for life in missing})
            for each in self._under_way.values():
                if each.incarnation and missed[each.node, each.incarnation] >= LOOKS:
                    each.node_gone.set()

    async def _send_once(self, item: BatchItem, key: str, command_id: str, deadline_s: float) -> Outcome:
        content, remaining_s = content_of(item.action, item.payload), deadline_s - self._now_s()
        try:
            opened = await self._bus.open_key(item.station, key, content, command_id, remaining_s)
        except BusUnavailable as error:
            log.warning("command not sent, its idempotency key cannot be looked up error=%s", error)
            return _ended(OutcomeKind.EXPIRED)
        message_id = str(uuid.uuid5(_MESSAGE_IDS, f"{item.station}\n{key}\n{opened.command_id}"))
        match opened.state:
            case KeyState.CONFLICT:
                return _ended(OutcomeKind.CONFLICT)
            case KeyState.DONE:
                return _decoded(opened.outcome)
            case KeyState.LOST:
                return _ended(OutcomeKind.TIMEOUT, message_id)
            case KeyState.RUNNING:
                return await self._wait_for_other(command_id, message_id, deadline_s)
            case KeyState.NEW:
                pass
        outcome = await self._send(item, command_id, message_id, deadline_s)
        await self._close_key(item.station, key, command_id, outcome)
        return outcome

    async def _wait_for_other(self, command_id: str, message_id: str, deadline_s: float) -> Outcome:
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._waiting[command_id] = future
        try:
            async with asyncio.timeout_at(deadline_s + GRACE_S):
                return await future
        except TimeoutError:
            return _ended(OutcomeKind.TIMEOUT, message_id)
        finally:
            del self._waiting[command_id]

    async def _close_key(self, station: str, key: str, command_id: str, outcome: Outcome) -> None:
        # What the station never saw may be tried again under the same key.
        kept = _encoded(outcome) if outcome.message_id is not None else None
        try:
            waiters = await self._bus.close_key(station, key, command_id, kept)
            for waiter in waiters:
                told = OutcomeBody(command_id=waiter.command_id, outcome=record_of_outcome(outcome))
                await self._bus.tell(waiter.node, told.model_dump_json())
        except BusUnavailable as error:
            log.warning("outcome not kept under its idempotency key station=%s error=%s", station, error)

    async def _send(self, item: BatchItem, command_id: str, message_id: str, deadline_s: float) -> Outcome:
        """Find the station's node and call there; once more if that node dies first and the station has moved."""
        posted, failed = command_id, 0
        while True:
            here = self._members.held(item.station)
            if here is not None and self._members.lease_is_good:
                return await self._call_here(item, posted, message_id, deadline_s)
            if self._now_s() >= deadline_s:
                return _ended(OutcomeKind.EXPIRED)
            remembered = self._owners.pop(item.station, None)
            try:
                owner = remembered or await self._bus.owner(item.station)
            except BusUnavailable:
                await self._pause(deadline_s, RETRY_S)
                continue
            if owner is None or (owner.node == self._bus.node and here is None):
                return _ended(OutcomeKind.NOT_CONNECTED)
            if owner.node == self._bus.node:
                await self._pause(deadline_s, RETRY_S)  # the lease ran out; the next sign of life will tell
                continue
            if len(self._under_way) >= MAX_UNDER_WAY:
                return _ended(OutcomeKind.BUSY)
            outcome = await self._call_there(owner, item, posted, message_id, deadline_s)
            unseen = outcome is None or (outcome.kind is OutcomeKind.NOT_CONNECTED and outcome.message_id is None)
            if outcome is not None and not unseen:
                self._remember(owner)
            if outcome is not None and not (unseen and remembered is not None):
                return outcome
            failed += 1  # what was remembered may have been out of date
            posted = f"{command_id}.{failed}"  # the one before was taken back

    def _remember(self, owner: Held) -> None:
        """Spare the next command to this station the look-up; its node checks the epoch in any case."""
        self._owners[owner.station] = owner
        if len(self._owners) > MAX_REMEMBERED:
            del self._owners[next(iter(self._owners))]

    async def _call_here(self, item: BatchItem, command_id: str, message_id: str, deadline_s: float) -> Outcome:
        now = self._clock.moment()
        remaining_s = deadline_s - self._now_s()
        return await self._caller.command(
            Command(
                command_id=command_id,
                station=item.station,
                action=item.action,
                payload=item.payload,
                deadline_s=now.monotonic_s + remaining_s,
                at=now,
                idempotency_key=item.idempotency_key,
                message_id=message_id,
            )
        )

    async def _call_there(
        self, owner: Held, item: BatchItem, command_id: str, message_id: str, deadline_s: float
    ) -> Outcome | None:
        """The outcome of calling on another node, or None: taken back unseen, and the station is elsewhere by now."""
        under_way = _UnderWay(owner.node, "", asyncio.get_running_loop().create_future())
        self._under_way[command_id] = under_way
        try:
            refused = await self._post(owner, item, under_way, command_id, message_id, deadline_s)
            if refused is not None:
                return refused
            gone = asyncio.create_task(under_way.node_gone.wait())
            ended: set[asyncio.Future[Any]] = {under_way.ended, gone}
            done, _ = await asyncio.wait(
                ended,
                timeout=deadline_s + GRACE_S - self._now_s(),
                return_when=asyncio.FIRST_COMPLETED,
            )
            gone.cancel()
            if under_way.ended in done:
                return under_way.ended.result()
            state = await self._withdraw(owner.node, command_id, deadline_s)
            if under_way.ended.done():
                return under_way.ended.result()
            if state in _SEEN:
                kind = OutcomeKind.NOT_CONNECTED if gone in done else OutcomeKind.TIMEOUT
                return _ended(kind, message_id)
            if gone not in done or state is State.EXPIRED:
                return _ended(OutcomeKind.EXPIRED)
            return await self._unless_moved(owner)
        finally:
            del self._under_way[command_id]

    async def _post(
        self,
        owner: Held,
        item: BatchItem,
        under_way: _UnderWay,
        command_id: str,
        message_id: str,
        deadline_s: float,
    ) -> Outcome | None:
        """Post until it is taken; an outcome if it never will be."""
        body = CommandBody(
            reply_to=self._bus.node,
            command_id=command_id,
            message_id=message_id,
            station=item.station,
            epoch=owner.epoch,
            action=item.action,
            payload=item.payload,
            idempotency_key=item.idempotency_key,
        ).model_dump_json()
        uncertain = False
        patience_s = self._now_s() + ROOM_PATIENCE_S
        while (remaining_s := deadline_s - self._now_s()) > 0:
            try:
                posted = await self._bus.post(Post(command_id, owner.node, body, remaining_s))
            except BusUnavailable:
                uncertain = True
                await self._pause(deadline_s, RETRY_S)
                continue
            match posted.result:
                case PostResult.ACCEPTED:
                    under_way.incarnation = posted.incarnation
                    return None
                case PostResult.GONE:
                    return _ended(OutcomeKind.NOT_CONNECTED, message_id if uncertain else None)
                case PostResult.FULL if self._now_s() >= patience_s:
                    return _ended(OutcomeKind.BUSY)
                case PostResult.FULL:
                    await self._pause(deadline_s, ROOM_WAIT_S)
        return _ended(OutcomeKind.TIMEOUT, message_id) if uncertain else _ended(OutcomeKind.EXPIRED)

    async def _withdraw(self, node: str, command_id: str, deadline_s: float) -> State:
        while True:
            try:
                return await self._bus.withdraw(node, command_id)
            except BusUnavailable:
                if self._now_s() >= deadline_s:
                    return State.UNKNOWN
                await asyncio.sleep(RETRY_S)

    async def _unless_moved(self, owner: Held) -> Outcome | None:
        try:
            now = await self._bus.owner(owner.station)
        except BusUnavailable:
            now = None
        moved = now is not None and now.node != owner.node
        return None if moved else _ended(OutcomeKind.NOT_CONNECTED)

    async def _pause(self, deadline_s: float, pause_s: float) -> None:
        await asyncio.sleep(max(0.0, min(pause_s, deadline_s - self._now_s())))

    def _now_s(self) -> float:
        return asyncio.get_running_loop().time()


def _ended(kind: OutcomeKind, message_id: str | None = None) -> Outcome:
    return Outcome(kind, message_id, 0.0)


def _encoded(outcome: Outcome) -> str:
    return OutcomeBody(command_id="", outcome=record_of_outcome(outcome)).model_dump_json()


def _decoded(text: str) -> Outcome:
    found: dict[str, Any] = OutcomeBody.model_validate_json(text).outcome
    return outcome_of_record(found)
