"""The bus on Redis: a stream with a consumer group for each node, and small records with a life of their own."""

import json
from collections.abc import Sequence
from typing import Any, Final

from csms.cluster import scripts
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
from csms.redis_client import RedisClient, RedisRefused, RedisUnavailable, Words, tag
from csms.stores.redis import epoch_key

GROUP: Final = "node"
_READ_COUNT: Final = 128


class RedisBus:
    """A `Bus` for one node."""

    def __init__(self, client: RedisClient, node: str, incarnation: str, settings: BusSettings | None = None) -> None:
        """`incarnation` names this life of the node and must never repeat. The client stays the caller's to close."""
        self.node = node
        self._client = client
        self._incarnation = incarnation
        self._settings = settings or BusSettings()
        self._generation = ""  # a value that stands in Redis until Redis loses it
        self._beats = 0
        # Where to go on among entries that were read and not acknowledged; None: only new ones are read.
        self._left: str | None = "0"

    async def join(self) -> None:
        await self.beat(())
        await self._make_stream()
        await self._run(["ZADD", self._client.key("nodes"), 0, self.node])

    async def _make_stream(self) -> None:
        try:
            await self._run(["XGROUP", "CREATE", self._stream(self.node), GROUP, "0", "MKSTREAM"])
        except RedisRefused as error:
            if not str(error).startswith("BUSYGROUP"):  # that is, the group is there already
                raise BusUnavailable(f"cannot read this node's stream: {error}") from error

    async def beat(self, held: Sequence[Held]) -> Beat:
        settings = self._settings
        self._beats += 1
        generation = self._client.key("generation")
        alive = scripts.BEAT.words(
            [self._alive(self.node), self._stream(self.node)],
            [self._incarnation, _ms(settings.lease_s), _ms(settings.stream_s)],
        )
        words: list[Words] = [
            alive,
            ["SET", generation, f"{self._incarnation}.{self._beats}", "NX"],
            ["GET", generation],
        ]
        words += [self._confirm(each) for each in held]
        answers = await self._run_all(words)
        if not answers[0]:
            raise NodeNameTaken(f"another process lives as node {self.node!r}; give each node its own name")
        forgotten = self._generation not in ("", answers[2])
        self._generation = answers[2]
        return Beat(forgotten, tuple(bool(answer) for answer in answers[3:]))

    async def lost(self) -> bool:
        return bool(self._generation) and await self._run(["GET", self._client.key("generation")]) != self._generation

    async def leave(self) -> None:
        await self._run(scripts.LEAVE.words([self._alive(self.node)], [self._incarnation]))

    async def nodes(self) -> list[str]:
        known = await self._run(["ZRANGE", self._client.key("nodes"), 0, -1])
        if not known:
            return []
        living = await self._run_all([["EXISTS", self._alive(node)] for node in known])
        return [node for node, lives in zip(known, living, strict=True) if lives]

    async def lives(self, node: str, incarnation: str) -> bool:
        return bool(await self._run(["GET", self._alive(node)]) == incarnation)

    async def claim(self, station: str, connection: str, protocol: str) -> Claim:
        lives = [_ms(self._settings.presence_s), _ms(self._settings.epoch_s)]
        keys = [self._presence(station), epoch_key(self._client, station)]
        args: Words = [self.node, connection, protocol, *lives]
        epoch, older = await self._run(scripts.CLAIM.words(keys, args))
        return Claim(Held(station, self.node, connection, protocol, int(epoch)), _held(station, older))

    async def release(self, held: Held) -> None:
        await self._run(scripts.RELEASE.words([self._presence(held.station)], [str(held.epoch)]))

    async def owner(self, station: str) -> Held | None:
        return _held(station, await self._run(["GET", self._presence(station)]))

    async def post(self, post: Post) -> Posted:
        keys = [self._alive(post.node), self._stream(post.node), self._state(post.node, post.command_id)]
        settings = self._settings
        args: Words = [
            settings.waiting_commands,
            _ms(post.timeout_s),
            post.command_id,
            post.body,
            _ms(settings.state_s),
        ]
        result, incarnation = await self._run(scripts.POST.words(keys, args))
        return Posted(PostResult(result), incarnation)

    async def begin(self, message: Message) -> Begun:
        assert message.command_id is not None  # only commands are begun
        keys = [self._state(self.node, message.command_id)]
        state, remaining_ms = await self._run(scripts.BEGIN.words(keys, [message.deadline]))
        return Begun(State(state), remaining_ms / 1000)

    async def withdraw(self, node: str, command_id: str) -> State:
        return State(await self._run(scripts.WITHDRAW.words([self._state(node, command_id)])))

    async def tell(self, node: str, body: str) -> None:
        await self._run(scripts.TELL.words([self._stream(node)], [body, _ms(self._settings.stream_s)]))

    async def read(self, wait_s: float) -> list[Message]:
        while self._left is not None:
            left, self._left = self._left, "0"  # should this read fail, begin again
            entries = await self._read(left, None)
            self._left = entries[-1][0] if entries else None
            messages = _messages(entries)
            if messages:
                return messages
        self._left = "0"
        entries = await self._read(">", wait_s)
        self._left = None if entries else "0"
        return _messages(entries)

    async def _read(self, after: str, wait_s: float | None) -> list[tuple[str, Any]]:
        words: list[str | int] = ["XREADGROUP", "GROUP", GROUP, self.node, "COUNT", _READ_COUNT]
        words += [] if wait_s is None else ["BLOCK", max(1, _ms(wait_s))]
        try:
            return _entries(await self._client.run_blocking([*words, "STREAMS", self._stream(self.node), after]))
        except RedisUnavailable as error:
            raise BusUnavailable(str(error)) from error
        except RedisRefused as error:
            # NOGROUP: Redis has lost its data, and our stream with it. The next sign of life must find that out too.
            await self._make_stream()
            raise BusUnavailable(f"this node's stream was lost and is made anew: {error}") from error

    async def acknowledge(self, entry: str) -> None:
        stream = self._stream(self.node)
        await self._run_all([["XACK", stream, GROUP, entry], ["XDEL", stream, entry]])

    async def open_key(self, station: str, key: str, content: str, command_id: str, timeout_s: float) -> OpenedKey:
        args: Words = [content, command_id, self.node, _ms(timeout_s), _ms(self._settings.outcome_s)]
        state, first, outcome = await self._run(scripts.OPEN_KEY.words(self._idempotency(station, key), args))
        return OpenedKey(KeyState(state), first, outcome)

    async def close_key(self, station: str, key: str, command_id: str, outcome: str | None) -> list[Waiter]:
        keys = self._idempotency(station, key)
        waiters = await self._run(scripts.CLOSE_KEY.words(keys, [command_id, outcome or ""]))
        return [Waiter(*json.loads(each)) for each in waiters]

    async def figures(self) -> BusFigures:
        stream = self._stream(self.node)
        length, pending = await self._run_all([["XLEN", stream], ["XPENDING", stream, GROUP]])
        count = int(pending["pending"] if isinstance(pending, dict) else pending[0])
        return BusFigures(lag=max(0, int(length) - count), pending=count)

    async def close(self) -> None:
        return

    def _confirm(self, held: Held) -> Words:
        keys = [self._presence(held.station), epoch_key(self._client, held.station)]
        lives = [_ms(self._settings.presence_s), _ms(self._settings.epoch_s)]
        args: Words = [self.node, held.connection, held.protocol, *lives, str(held.epoch)]
        return scripts.CONFIRM.words(keys, args)

    def _alive(self, node: str) -> str:
        return self._client.key("alive", tag(node))

    def _stream(self, node: str) -> str:
        return self._client.key("stream", tag(node))

    def _state(self, node: str, command_id: str) -> str:
        return self._client.key("command", tag(node), command_id)

    def _presence(self, station: str) -> str:
        return self._client.key("presence", tag(station))

    def _idempotency(self, station: str, key: str) -> list[str]:
        return [self._client.key(name, tag(station), key) for name in ("once", "once-waiters")]

    async def _run(self, words: Words) -> Any:
        try:
            return await self._client.run(words)
        except RedisUnavailable as error:
            raise BusUnavailable(str(error)) from error

    async def _run_all(self, commands: Sequence[Words]) -> list[Any]:
        try:
            return await self._client.run_all(commands)
        except RedisUnavailable as error:
            raise BusUnavailable(str(error)) from error


def _ms(seconds: float) -> int:
    return int(seconds * 1000)


def _held(station: str, text: str | None) -> Held | None:
    if text is None:
        return None
    node, connection, protocol, epoch = json.loads(text)
    return Held(station, node, connection, protocol, int(epoch))


def _entries(found: Any) -> list[tuple[str, Any]]:
    """The entries in an answer to XREADGROUP, in either form of the Redis protocol."""
    if not found:
        return []
    entries = next(iter(found.values())) if isinstance(found, dict) else found[0][1]
    return [(entry, fields) for entry, fields in entries]


def _messages(entries: Sequence[tuple[str, Any]]) -> list[Message]:
    return [_message(entry, fields) for entry, fields in entries if fields]  # a deleted one has no fields


def _message(entry: str, fields: Any) -> Message:
    named = fields if isinstance(fields, dict) else dict(zip(fields[::2], fields[1::2], strict=True))
    return Message(entry, named["body"], named.get("command"), named.get("deadline", ""))
