"""A node on Redis; it needs the extra `redis`."""

from csms.cluster.bus import BusSettings
from csms.cluster.node import Node
from csms.cluster.redis_bus import RedisBus
from csms.redis_client import RedisClient
from csms.redis_settings import RedisSettings
from csms.stores.redis import RedisKeeper


def redis_node(redis: RedisSettings, name: str, *, incarnation: str, settings: BusSettings | None = None) -> Node:
    """A node of the cluster that shares this Redis. `incarnation` names this life of it and never repeats.

    Raises ValueError for a URL that cannot be read.
    """
    client = RedisClient(redis)
    bus = RedisBus(client, name, incarnation, settings)
    return Node(bus, RedisKeeper(client), settings=settings, close=client.close)
