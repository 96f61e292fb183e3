"""The one door to redis-py: words in, answers out, for a single Redis or a Redis Cluster.

Every failure to reach Redis in time is a RedisUnavailable. A command that was cut off is tried once more on a fresh
connection, so everything sent here must bear being executed twice.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from redis.asyncio import BlockingConnectionPool, Redis, RedisCluster
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import BusyLoadingError, ReadOnlyError, RedisClusterException, RedisError, ResponseError

from csms.redis_settings import RedisSettings

Words: TypeAlias = Sequence[str | bytes | int | float]

# A cluster none of whose nodes answers is told by an exception that is no RedisError.
_UNREACHABLE: Final = (RedisError, RedisClusterException, OSError)


SPARE_CONNECTIONS: Final = 2
"""The cluster client asks for the layout of the cluster on connections beside those that are in use."""


class RedisUnavailable(ConnectionError):
    """Redis cannot be reached, is loading, or did not answer in time."""


class RedisRefused(ValueError):
    """Redis answered with an error; the text is Redis's."""


@dataclass(frozen=True, slots=True)
class Script:
    """A Lua script; Redis runs it whole, and compiles it once."""

    text: str

    def words(self, keys: Sequence[str], args: Words = ()) -> list[str | bytes | int | float]:
        """The command that runs it. In a cluster all keys must share a hash tag."""
        return ["EVAL", self.text, len(keys), *keys, *args]


class RedisClient:
    """A pool of connections."""

    def __init__(self, settings: RedisSettings) -> None:
        """Nothing is dialled yet. Raises ValueError for a URL that redis-py cannot read."""
        self.settings = settings
        common: dict[str, Any] = {
            "decode_responses": True,
            "socket_timeout": settings.timeout_s,
            "socket_connect_timeout": settings.timeout_s,
            "retry": Retry(NoBackoff(), 1),
        }
        self._waiting: list[tuple[Words, asyncio.Future[Any]]] = []
        self._sending: asyncio.Task[None] | None = None
        self._redis: Any
        self._room = asyncio.Semaphore(settings.pool_size)  # the cluster's pool refuses where a pool should wait
        if settings.cluster:
            connections = settings.pool_size + SPARE_CONNECTIONS
            self._redis = RedisCluster.from_url(settings.url, max_connections=connections, **common)
        else:
            pool = BlockingConnectionPool.from_url(
                settings.url, max_connections=settings.pool_size, timeout=settings.timeout_s, **common
            )
            self._redis = Redis(connection_pool=pool)

    def key(self, *parts: str) -> str:
        """A key of ours."""
        return ":".join((self.settings.prefix, *parts))

    async def run(self, words: Words) -> Any:
        """Run one command. Those asked for at the same time share a round trip. Raises RedisUnavailable or RedisRefused."""
        asked: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting.append((words, asked))
        if self._sending is None:
            self._sending = asyncio.get_running_loop().create_task(self._send(), name="redis")
        return await asked

    async def run_all(self, commands: Sequence[Words]) -> list[Any]:
        """Run commands in one round trip, in order, each for itself. Raises as `run` does, for the first that failed."""
        answers = await self._round_trip(commands)
        for answer in answers:
            if isinstance(answer, Exception):
                raise answer
        return answers

    async def run_blocking(self, words: Words) -> Any:
        """Run a command that may wait in Redis, for less than the timeout; it holds up no other."""
        return (await self._round_trip([words]))[0]

    async def _send(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            try:
                answers = await self._round_trip([words for words, _ in batch])
            except asyncio.CancelledError:
                for _, asked in batch:
                    asked.cancel()
                raise
            except Exception as error:  # noqa: BLE001 - whatever it is, whoever asked is told, or would wait for ever
                answers = [error] * len(batch)
            for (_, asked), answer in zip(batch, answers, strict=True):
                if asked.done():
                    continue  # whoever asked was cancelled
                if isinstance(answer, Exception):
                    asked.set_exception(answer)
                else:
                    asked.set_result(answer)
        self._sending = None

    async def _round_trip(self, commands: Sequence[Words]) -> list[Any]:
        """The answers; what went wrong with one command only stands in its place, as one of our errors."""
        async with self._room:
            return await self._exchange(commands)

    async def _exchange(self, commands: Sequence[Words]) -> list[Any]:
        try:
            if len(commands) == 1:
                return [await self._redis.execute_command(*commands[0])]
            pipeline = self._redis.pipeline() if self.settings.cluster else self._redis.pipeline(transaction=False)
            for words in commands:
                pipeline.execute_command(*words)
            answers = await pipeline.execute(raise_on_error=False)
        except (BusyLoadingError, ReadOnlyError) as error:
            raise RedisUnavailable(f"Redis at {self._where()}: {error}") from error
        except ResponseError as error:
            raise RedisRefused(str(error)) from error
        except _UNREACHABLE as error:
            raise RedisUnavailable(f"Redis at {self._where()}: {error}") from error
        return [self._answer(each) for each in answers]

    def _answer(self, answer: Any) -> Any:
        if isinstance(answer, ResponseError):
            return RedisRefused(str(answer))
        if isinstance(answer, _UNREACHABLE):
            return RedisUnavailable(f"Redis at {self._where()}: {answer}")
        return answer

    async def close(self) -> None:
        """Close every connection; what was asked for and not answered yet fails."""
        if self._sending is not None:
            self._sending.cancel()
        for _, asked in self._waiting:
            asked.cancel()
        await self._redis.aclose()

    def _where(self) -> str:
        return self.settings.url.rpartition("@")[2]  # without credentials


def tag(name: str) -> str:
    """A hash tag: keys with the same one live on the same node of a cluster (Redis Cluster specification, hash tags).

    Names that differ have tags that differ; the empty name has one too.
    """
    escaped = name.replace("%", "%25").replace("{", "%7B").replace("}", "%7D")
    return "{" + (escaped or "%") + "}"
