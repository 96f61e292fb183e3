"""Keeps rows in Redis, shared by the nodes of a cluster and by stateless workers.

All rows of one station share a hash tag. A table of one owner is a hash (key -> JSON) beside a sorted set that holds the
order of its keys; a log is a table whose keys are made up. A set for each tag names what there is under it.

Writes for a station carry the epoch of its connection. Once a newer connection exists, an older writer changes nothing.
"""

import json
from collections.abc import Iterable, Sequence
from typing import Any, Final

from csms.core.store import Record
from csms.redis_client import RedisClient, RedisUnavailable, Script, Words, tag
from csms.stores.keeper import HOUSE, Append, Change, Count, Delete, Drop, KeeperUnavailable, Put, Scope

_ROW, _ENTRY = "row", "entry"
_REFUSED: Final = -1

# In all three: KEYS hash, order, names, epoch; ARGV[1] the writer's epoch or "".
_FENCE: Final = """
if ARGV[1] ~= '' and tonumber(redis.call('GET', KEYS[4]) or '0') > tonumber(ARGV[1]) then return -1 end
"""
_PUT: Final = Script(
    _FENCE
    + """
if redis.call('HSET', KEYS[1], ARGV[2], ARGV[3]) == 0 then return 0 end
local last = redis.call('ZREVRANGE', KEYS[2], 0, 0, 'WITHSCORES')
redis.call('ZADD', KEYS[2], (tonumber(last[2]) or 0) + 1, ARGV[2])
redis.call('SADD', KEYS[3], ARGV[4])
if ARGV[5] ~= '' then
  local excess = redis.call('ZCARD', KEYS[2]) - tonumber(ARGV[5])
  if excess > 0 then
    local gone = redis.call('ZPOPMIN', KEYS[2], excess)
    for i = 1, #gone, 2 do redis.call('HDEL', KEYS[1], gone[i]) end
  end
end
return 1
"""
)
_DELETE: Final = Script(
    _FENCE
    + """
redis.call('HDEL', KEYS[1], ARGV[2])
redis.call('ZREM', KEYS[2], ARGV[2])
if redis.call('EXISTS', KEYS[1]) == 0 then redis.call('SREM', KEYS[3], ARGV[3]) end
return 1
"""
)
_DROP: Final = Script(_FENCE + "redis.call('DEL', KEYS[1], KEYS[2]) redis.call('SREM', KEYS[3], ARGV[2]) return 1")
_COUNT: Final = Script(
    """
local last = math.max(tonumber(redis.call('GET', KEYS[1]) or '0'), tonumber(ARGV[2]))
redis.call('SET', KEYS[1], string.format('%d', last + tonumber(ARGV[1])))
return last + 1
"""
)


def epoch_key(client: RedisClient, station: str) -> str:
    """Where the epoch of a station's newest connection is kept."""
    return client.key("epoch", tag(station))


class RedisKeeper:
    """A `Keeper` in Redis."""

    def __init__(self, client: RedisClient) -> None:
        """The client stays the caller's to close."""
        self._client = client
        self._epochs: dict[str, int] = {}

    def fence(self, station: str, epoch: int | None) -> None:
        """Write for a station from now on under this epoch; None: without one."""
        if epoch is None:
            self._epochs.pop(station, None)
        else:
            self._epochs[station] = epoch

    async def load(self, scope: Scope | None) -> list[Change]:
        if scope is None:
            raise ValueError("what all stations share is never read at once; name the stations")
        try:
            return await self._load(scope)
        except RedisUnavailable as error:
            raise KeeperUnavailable(str(error)) from error

    async def commit(self, changes: Sequence[Change]) -> frozenset[str]:
        if not changes:
            return frozenset()
        try:
            answers = await self._client.run_all([self._words(change) for change in changes])
        except RedisUnavailable as error:
            raise KeeperUnavailable(str(error)) from error
        refused = (_station(change) for change, answer in zip(changes, answers, strict=True) if answer == _REFUSED)
        return frozenset(refused)

    async def reserve(self, counter: str, count: int, at_least: int = 0) -> int:
        try:
            return int(await self._client.run(_COUNT.words([self._client.key("count", counter)], [count, at_least])))
        except RedisUnavailable as error:
            raise KeeperUnavailable(str(error)) from error

    async def close(self) -> None:
        self._epochs.clear()

    async def _load(self, scope: Scope) -> list[Change]:
        tags = list(dict.fromkeys(owner.partition("\n")[0] for owner in (*scope.owners, HOUSE)))
        named = await self._client.run_all([["SMEMBERS", self._client.key("names", tag(each))] for each in tags])
        places = [json.loads(member) for members in named for member in sorted(members)]
        whole, picked = [], []
        for kind, name, owner in places:
            if owner == HOUSE and name not in scope.whole_house_tables:
                picked.append(name)
            elif kind == _ROW or scope.logs:
                whole.append((kind, name, owner))
        return [*await self._load_whole(whole), *await self._load_picked(picked, scope.house_keys)]

    async def _load_whole(self, places: Sequence[tuple[str, str, str]]) -> list[Change]:
        if not places:
            return []
        asked: list[Words] = []
        for kind, name, owner in places:
            rows, order = self._keys(kind, name, owner)[:2]
            asked += [["ZRANGE", order, 0, -1], ["HGETALL", rows]]
        answers = await self._client.run_all(asked)
        found: list[Change] = []
        for (kind, name, owner), order, values in zip(places, answers[::2], answers[1::2], strict=True):
            pairs = _pairs(values)
            for key in order:
                if key in pairs:
                    value: Record = json.loads(pairs[key])
                    found.append(
                        Put(name, owner, key, value) if kind == _ROW else Append(name, owner, key, value, None)
                    )
        return found

    async def _load_picked(self, tables: Sequence[str], keys: Sequence[str]) -> list[Change]:
        if not tables or not keys:
            return []
        answers = await self._client.run_all([["HMGET", self._keys(_ROW, name, HOUSE)[0], *keys] for name in tables])
        return [
            Put(name, HOUSE, key, json.loads(value))
            for name, values in zip(tables, answers, strict=True)
            for key, value in zip(keys, values, strict=True)
            if value is not None
        ]

    def _words(self, change: Change) -> Words:
        epoch: str | int = self._epochs.get(_station(change), "")
        match change:
            case Put(table, owner, key, value):
                member = _member(_ROW, table, owner)
                return _PUT.words(self._keys(_ROW, table, owner), [epoch, key, _encoded(value), member, ""])
            case Append(log, owner, key, entry, bound):
                limit: str | int = "" if bound is None else bound
                member = _member(_ENTRY, log, owner)
                return _PUT.words(self._keys(_ENTRY, log, owner), [epoch, key, _encoded(entry), member, limit])
            case Delete(table, owner, key):
                return _DELETE.words(self._keys(_ROW, table, owner), [epoch, key, _member(_ROW, table, owner)])
            case Drop(name, owner):
                kind = _ENTRY if name in _LOGS else _ROW
                return _DROP.words(self._keys(kind, name, owner), [epoch, _member(kind, name, owner)])
            case Count(counter, value):
                return _COUNT.words([self._client.key("count", counter)], [0, value])

    def _keys(self, kind: str, name: str, owner: str) -> list[str]:
        station = owner.partition("\n")[0]
        place = tag(station)
        return [
            self._client.key(kind, place, name, owner),
            self._client.key(f"{kind}-order", place, name, owner),
            self._client.key("names", place),
            epoch_key(self._client, station),
        ]


_LOGS: Final = frozenset({"facts", "messages", "notices", "meter-values"})


def _station(change: Change) -> str:
    return "" if isinstance(change, Count) else change.owner.partition("\n")[0]


def _member(kind: str, name: str, owner: str) -> str:
    return json.dumps([kind, name, owner])


def _pairs(values: Any) -> dict[str, str]:
    if isinstance(values, dict):
        return values
    flat: Iterable[str] = iter(values)
    return dict(zip(flat, flat, strict=True))


def _encoded(value: Record) -> str:
    return json.dumps(value, separators=(",", ":"))
