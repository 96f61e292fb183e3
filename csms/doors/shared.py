"""What stateless workers share in Redis besides the rows: a lock for each station, and a place for outcomes."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from csms.redis_client import RedisClient, Script, tag

LOCK_S: Final = 30.0  # a worker that died gives its station up after so long
LOCK_RETRY_S: Final = 0.005
OUTCOME_S: Final = 120.0

_UNLOCK: Final = Script("if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end return 1")
_LEAVE: Final = Script("redis.call('RPUSH', KEYS[1], ARGV[1]) redis.call('PEXPIRE', KEYS[1], ARGV[2]) return 1")


class StationBusy(TimeoutError):
    """Another worker has held a station for too long."""


class Shared:
    """The meeting place of workers. Every method raises RedisUnavailable."""

    def __init__(self, client: RedisClient) -> None:
        self._client = client

    @asynccontextmanager
    async def alone_with(self, station: str, token: str, patience_s: float) -> AsyncIterator[None]:
        """Hold a station; `token` never repeats. Raises StationBusy when it cannot be had in time."""
        key = self._client.key("lock", tag(station))
        try:
            async with asyncio.timeout(patience_s):
                while not await self._client.run(["SET", key, token, "NX", "PX", int(LOCK_S * 1000)]):  # noqa: ASYNC110 - in Redis
                    await asyncio.sleep(LOCK_RETRY_S)
        except TimeoutError:
            raise StationBusy(f"station {station} is held by another worker for more than {patience_s:g} s") from None
        try:
            yield
        finally:
            await self._client.run(_UNLOCK.words([key], [token]))

    async def leave_outcome(self, command_id: str, outcome: dict[str, Any]) -> None:
        """Put an outcome where the worker that waits for it looks."""
        await self._client.run(_LEAVE.words([self._outcome(command_id)], [json.dumps(outcome), int(OUTCOME_S * 1000)]))

    async def wait_for_outcome(self, command_id: str, timeout_s: float) -> dict[str, Any] | None:
        """An outcome that somebody left, or None after the time."""
        deadline_s = asyncio.get_running_loop().time() + timeout_s
        longest_s = self._client.settings.timeout_s / 2  # a wait in Redis must end before its connection is given up
        while True:
            remaining_s = deadline_s - asyncio.get_running_loop().time()
            wait_s = max(0.01, min(remaining_s, longest_s))
            found = await self._client.run_blocking(["BLPOP", self._outcome(command_id), wait_s])
            if found is not None:
                outcome: dict[str, Any] = json.loads(found[1])
                return outcome
            if remaining_s <= longest_s:
                return None

    def _outcome(self, command_id: str) -> str:
        return self._client.key("outcome", tag(command_id))
