"""Where Redis is and how to use it; no library is needed to say so."""

from dataclasses import dataclass
from typing import Final

DEFAULT_PREFIX: Final = "wayside"


@dataclass(frozen=True, slots=True)
class RedisSettings:
    """`cluster`: the URL names one node of a Redis Cluster."""

    url: str
    pool_size: int = 32
    timeout_s: float = 2.0
    cluster: bool = False
    prefix: str = DEFAULT_PREFIX  # several central systems can share a Redis under different ones
