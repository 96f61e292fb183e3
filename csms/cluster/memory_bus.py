"""The bus without Redis: nodes in one process, for tests and for those who try a cluster out.

`Exchange` is what Redis would hold, with the same rules and lives. It runs on the loop's time, so also in virtual time.
"""

import asyncio
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from csms.cluster.bus import (
    Beat,
    Begun,
    BusFigures,
    BusSettings,
    BusUnavailable,
    Claim,
    Held,
    KeyState,
    Message,
    NodeNameTaken,
    OpenedKey,
    Post,
    Posted,
    PostResult,
    State,
    Waiter,
)


@dataclass(slots=True)
class _Stream:
    unread: dict[str, Message] = field(default_factory=dict)
    read: dict[str, Message] = field(default_factory=dict)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def add(self, message: Message) -> None:
        self.unread[message.entry] = message
        self.changed.set()


@dataclass(slots=True)
class _Key:
    content: str
    command_id: str
    deadline_s: float
    outcome: str = ""
    waiters: list[Waiter] = field(default_factory=list)


class Exchange:
    """What the nodes share. `reachable` False stands for an outage; `forget` for a restart without data."""

    def __init__(self, settings: BusSettings | None = None, now_s: Callable[[], float] | None = None) -> None:
        self.settings = settings or BusSettings()
        self.now_s = now_s or (lambda: asyncio.get_running_loop().time())
        self.reachable = True
        self.numbers = itertools.count(1)
        self.epochs = itertools.count(1)
        self.generation = 1
        self.forget()

    def forget(self) -> None:
        """Lose everything but the clock, which epochs come from."""
        self.generation += 1
        self.alive: dict[str, tuple[str, float]] = {}
        self.streams: dict[str, _Stream] = {}
        self.presence: dict[str, tuple[Held, float]] = {}
        self.newest: dict[str, int] = {}
        self.states: dict[str, State] = {}
        self.keys: dict[tuple[str, str], _Key] = {}

    def stream(self, node: str) -> _Stream:
        """The stream of a node, made when there is none."""
        return self.streams.setdefault(node, _Stream())

    def living(self, node: str) -> str | None:
        """The incarnation of a node that is alive."""
        found = self.alive.get(node)
        return found[0] if found is not None and found[1] > self.now_s() else None


class MemoryBus:
    """A `Bus` for one node of an exchange."""

    def __init__(self, exchange: Exchange, node: str, incarnation: str) -> None:
        self.node = node
        self._exchange = exchange
        self._incarnation = incarnation
        self._generation = 0

    async def join(self) -> None:
        await self.beat(())
        stream = self._shared().stream(self.node)
        stream.unread = {**stream.read, **stream.unread}  # what an earlier life left comes first
        stream.read = {}

    async def beat(self, held: Sequence[Held]) -> Beat:
        shared = self._shared()
        if shared.living(self.node) not in (None, self._incarnation):
            raise NodeNameTaken(f"another process lives as node {self.node!r}; give each node its own name")
        shared.alive[self.node] = (self._incarnation, shared.now_s() + shared.settings.lease_s)
        forgotten = await self.lost()
        self._generation = shared.generation
        return Beat(forgotten, tuple(self._confirm(each) for each in held))

    async def lost(self) -> bool:
        return self._generation not in (0, self._shared().generation)

    async def leave(self) -> None:
        shared = self._shared()
        if shared.living(self.node) == self._incarnation:
            del shared.alive[self.node]

    async def nodes(self) -> list[str]:
        shared = self._shared()
        return sorted(node for node in shared.alive if shared.living(node))

    async def lives(self, node: str, incarnation: str) -> bool:
        return self._shared().living(node) == incarnation

    async def claim(self, station: str, connection: str, protocol: str) -> Claim:
        shared = self._shared()
        older = await self.owner(station)
        held = Held(station, self.node, connection, protocol, next(shared.epochs))
        self._confirm(held)
        return Claim(held, older)

    async def release(self, held: Held) -> None:
        shared = self._shared()
        found = shared.presence.get(held.station)
        if found is not None and found[0].epoch == held.epoch:
            del shared.presence[held.station]

    async def owner(self, station: str) -> Held | None:
        shared = self._shared()
        found = shared.presence.get(station)
        return found[0] if found is not None and found[1] > shared.now_s() else None

    async def post(self, post: Post) -> Posted:
        shared = self._shared()
        living = shared.living(post.node)
        if living is None:
            return Posted(PostResult.GONE)
        if post.command_id not in shared.states:
            stream = shared.stream(post.node)
            if len(stream.unread) + len(stream.read) >= shared.settings.waiting_commands:
                return Posted(PostResult.FULL)
            shared.states[post.command_id] = State.WAITING
            deadline = repr(shared.now_s() + post.timeout_s)
            stream.add(Message(str(next(shared.numbers)), post.body, post.command_id, deadline))
        return Posted(PostResult.ACCEPTED, living)

    async def begin(self, message: Message) -> Begun:
        assert message.command_id is not None  # only commands are begun
        shared = self._shared()
        state = shared.states.get(message.command_id, State.UNKNOWN)
        if state is not State.WAITING:
            return Begun(state)
        remaining_s = float(message.deadline) - shared.now_s()
        shared.states[message.command_id] = State.BEGUN if remaining_s > 0 else State.EXPIRED
        return Begun(State.BEGIN, remaining_s) if remaining_s > 0 else Begun(State.EXPIRED)

    async def withdraw(self, node: str, command_id: str) -> State:
        shared = self._shared()
        state = shared.states.get(command_id, State.UNKNOWN)
        if state is State.WAITING:
            state = shared.states[command_id] = State.WITHDRAWN
        return state

    async def tell(self, node: str, body: str) -> None:
        shared = self._shared()
        shared.stream(node).add(Message(str(next(shared.numbers)), body))

    async def read(self, wait_s: float) -> list[Message]:
        stream = self._shared().stream(self.node)
        if not stream.unread:
            stream.changed.clear()
            try:
                async with asyncio.timeout(wait_s):
                    await stream.changed.wait()
            except TimeoutError:
                return []
        self._shared()
        taken, stream.unread = stream.unread, {}
        stream.read |= taken
        return list(taken.values())

    async def acknowledge(self, entry: str) -> None:
        self._shared().stream(self.node).read.pop(entry, None)

    async def open_key(self, station: str, key: str, content: str, command_id: str, timeout_s: float) -> OpenedKey:
        shared = self._shared()
        known = shared.keys.get((station, key))
        if known is None:
            shared.keys[station, key] = _Key(content, command_id, shared.now_s() + timeout_s)
            return OpenedKey(KeyState.NEW, command_id)
        if known.content != content:
            return OpenedKey(KeyState.CONFLICT, known.command_id)
        if known.outcome:
            return OpenedKey(KeyState.DONE, known.command_id, known.outcome)
        if known.command_id == command_id:
            return OpenedKey(KeyState.NEW, command_id)
        if known.deadline_s <= shared.now_s():
            return OpenedKey(KeyState.LOST, known.command_id)
        known.waiters.append(Waiter(self.node, command_id))
        return OpenedKey(KeyState.RUNNING, known.command_id)

    async def close_key(self, station: str, key: str, command_id: str, outcome: str | None) -> list[Waiter]:
        shared = self._shared()
        known = shared.keys.get((station, key))
        if known is None or known.command_id != command_id:
            return []
        if outcome is None:
            del shared.keys[station, key]
        known.outcome = outcome or ""
        waiters, known.waiters = known.waiters, []
        return waiters

    async def figures(self) -> BusFigures:
        stream = self._shared().stream(self.node)
        return BusFigures(lag=len(stream.unread), pending=len(stream.read))

    async def close(self) -> None:
        return

    def _confirm(self, held: Held) -> bool:
        shared = self._exchange
        if shared.newest.get(held.station, 0) > held.epoch:
            return False
        shared.newest[held.station] = held.epoch
        shared.presence[held.station] = (held, shared.now_s() + shared.settings.presence_s)
        return True

    def _shared(self) -> Exchange:
        if not self._exchange.reachable:
            raise BusUnavailable("the exchange cannot be reached")
        return self._exchange
