"""The one door to redis-py: words in, answers out, for a single Redis or a Redis Cluster.

Every failure to reach Redis in time is a RedisUnavailable. A command that was cut off is tried once more on a fresh
connection, so everything sent here must bear being executed twice.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from redis.asyncio import BlockingConnectionPool, Redis, RedisCluster
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

Words: TypeAlias = Sequence[str | bytes | int | float]

DEFAULT_PREFIX: Final = "wayside"


class RedisUnavailable(ConnectionError):
    """Redis cannot be reached, is loading, or did not answer in time."""


class RedisRefused(ValueError):
    """Redis answered with an error; the text is Redis's."""


@dataclass(frozen=True, slots=True)
class RedisSettings:
    """Where Redis is and how to use it. `cluster`: the URL names one node of a Redis Cluster."""

    url: str
    pool_size: int = 32
    timeout_s: float = 2.0
    cluster: bool = False
    prefix: str = DEFAULT_PREFIX  # several central systems can share a Redis under different ones


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
        self._redis: Any
        if settings.cluster:
            self._redis = RedisCluster.from_url(settings.url, max_connections=settings.pool_size, **common)
        else:
            pool = BlockingConnectionPool.from_url(
                settings.url, max_connections=settings.pool_size, timeout=settings.timeout_s, **common
            )
            self._redis = Redis(connection_pool=pool)

    def key(self, *parts: str) -> str:
        """A key of ours."""
        return ":".join((self.settings.prefix, *parts))

    async def run(self, words: Words) -> Any:
        """Run one command. Raises RedisUnavailable or RedisRefused."""
        try:
            return await self._redis.execute_command(*words)
        except (RedisConnectionError, RedisTimeoutError, OSError) as error:
            raise RedisUnavailable(f"Redis at {self._where()}: {error}") from error
        except ResponseError as error:
            raise RedisRefused(str(error)) from error
        except RedisError as error:
            raise RedisUnavailable(f"Redis at {self._where()}: {error}") from error

    async def run_all(self, commands: Sequence[Words]) -> list[Any]:
        """Run commands in one round trip, in order, each for itself. Raises as `run` does, for the first that failed."""
        if len(commands) == 1:
            return [await self.run(commands[0])]
        try:
            pipeline = self._redis.pipeline() if self.settings.cluster else self._redis.pipeline(transaction=False)
            for words in commands:
                pipeline.execute_command(*words)
            answers: list[Any] = await pipeline.execute(raise_on_error=True)
        except (RedisConnectionError, RedisTimeoutError, OSError) as error:
            raise RedisUnavailable(f"Redis at {self._where()}: {error}") from error
        except ResponseError as error:
            raise RedisRefused(str(error)) from error
        except RedisError as error:
            raise RedisUnavailable(f"Redis at {self._where()}: {error}") from error
        return answers

    async def close(self) -> None:
        """Close every connection."""
        await self._redis.aclose()

    def _where(self) -> str:
        return self.settings.url.rpartition("@")[2]  # without credentials


def tag(name: str) -> str:
    """A hash tag: keys with the same one live on the same node of a cluster (Redis Cluster specification, hash tags).

    Names that differ have tags that differ; the empty name has one too.
    """
    escaped = name.replace("%", "%25").replace("{", "%7B").replace("}", "%7D")
    return "{" + (escaped or "%") + "}"
