"""A proxy or a worker as a process of its own.

    export WAYSIDE_CSMS_SECRET=…            # what proxies and workers prove themselves with
    python -m csms.doors worker --redis redis://127.0.0.1 --listen 127.0.0.1:9101 --proxy p1=http://127.0.0.1:9100
    python -m csms.doors proxy --name p1 --listen 127.0.0.1:9000 --api 127.0.0.1:9100 --worker http://127.0.0.1:9101

Each prints where it listens when it does, and ends with SIGINT or SIGTERM.
"""

import argparse
import asyncio
import logging
import os
import random
import signal
import sys
import uuid
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

from csms import handlers
from csms.admitted import load_admitted
from csms.api.serving import ApiServer
from csms.cli import address, authority_of, router_of, tls_context
from csms.config import SPOKEN, CsmsConfig
from csms.core.engine import Core
from csms.core.policy import Policy
from csms.core.router import Router
from csms.doors.http_client import HttpClient
from csms.doors.proxy import Proxy, ProxyConfig
from csms.doors.shared import Shared
from csms.doors.worker import EVENT_S, Worker
from csms.doors.workers import Balanced, HttpBackend, ProxyConnections, worker_app
from csms.options import add_limits, add_security, limits_of
from csms.redis_client import RedisClient
from csms.redis_settings import RedisSettings
from csms.stores.redis import RedisKeeper

SECRET_VARIABLE: Final = "WAYSIDE_CSMS_SECRET"
CONNECTION_CALL_S: Final = 5.0
USAGE_ERROR: Final = 2


def parser() -> argparse.ArgumentParser:
    """The options."""
    found = argparse.ArgumentParser(prog="python -m csms.doors", description="a central system in several processes")
    kinds = found.add_subparsers(dest="kind", required=True)
    proxy = kinds.add_parser("proxy", help="hold the WebSockets of stations")
    proxy.add_argument("--name", required=True, help="what workers know this proxy by; letters, digits, dashes")
    proxy.add_argument("--listen", metavar="HOST:PORT", default="127.0.0.1:9000", help="for stations (%(default)s)")
    proxy.add_argument("--api", metavar="HOST:PORT", default="127.0.0.1:9100", help="for workers (%(default)s)")
    proxy.add_argument("--worker", metavar="URL", action="append", required=True, help="may be given several times")
    proxy.add_argument("--stations", metavar="FILE", type=Path, help="admit the stations of this TOML file only")
    proxy.add_argument("--protocols", metavar="LIST", default=",".join(SPOKEN), help="in order of preference")
    add_limits(proxy)
    proxy.add_argument("--drain", metavar="S", type=float, default=0.0, help="at the end close over so many seconds")
    add_security(proxy)
    worker = kinds.add_parser("worker", help="handle events, remember everything in Redis")
    worker.add_argument("--listen", metavar="HOST:PORT", default="127.0.0.1:9101", help="for proxies (%(default)s)")
    worker.add_argument("--redis", metavar="URL", required=True)
    worker.add_argument("--redis-cluster", action="store_true", help="the URL names one node of a Redis Cluster")
    worker.add_argument("--redis-pool", metavar="N", type=int, default=32, help="connections at most (%(default)s)")
    worker.add_argument("--proxy", metavar="NAME=URL", action="append", default=[], help="may be given several times")
    worker.add_argument("--heartbeat", metavar="S", type=int, default=300, help="interval in seconds (%(default)s)")
    worker.add_argument("--strict", action="store_true", help="refuse messages before an accepted BootNotification")
    worker.add_argument("--authority", metavar="DIR", type=Path, help="sign stations' requests with the authority here")
    return found


async def run_proxy(args: argparse.Namespace, secret: str, stack: AsyncExitStack) -> str:
    """Open a proxy; what to print. Raises ValueError or OSError."""
    (host, port), (api_host, api_port) = address(args.listen, "--listen"), address(args.api, "--api")
    admitted = None if args.stations is None else load_admitted(args.stations)
    config = CsmsConfig(
        host=host,
        port=port,
        api_host=None,
        protocols=tuple(part.strip() for part in args.protocols.split(",")),
        stations=None if admitted is None else admitted.stations,
        security_profile=args.profile,
        limits=limits_of(args),
    )
    clients = [HttpClient(url, headers=_bearer(secret), timeout_s=EVENT_S) for url in args.worker]
    loop, ssl = asyncio.get_running_loop(), tls_context(args, authority_of(args))
    proxy = Proxy(
        ProxyConfig(config, api_host, api_port, secret),
        Balanced([HttpBackend(client) for client in clients], loop.time),
        new_connection=lambda: f"{args.name}~{uuid.uuid4()}",
        password_secret=os.urandom(32),
        ssl=ssl,
    )
    for client in clients:
        stack.callback(client.close)
    await proxy.open()
    stack.push_async_callback(proxy.close)
    if args.drain:
        stack.push_async_callback(proxy.drain, args.drain, random.SystemRandom())
    scheme = "ws" if ssl is None else "wss"
    return (
        f"stations     {scheme}://{host}:{proxy.port}/ocpp/<identity>\nconnections  http://{api_host}:{proxy.api_port}"
    )


async def run_worker(args: argparse.Namespace, secret: str, stack: AsyncExitStack) -> str:
    """Open a worker; what to print. Raises ValueError or OSError."""
    host, port = address(args.listen, "--listen")
    proxies: dict[str, HttpClient] = {}
    for each in args.proxy:
        name, equals, url = each.partition("=")
        if not equals or not name:
            raise ValueError(f"--proxy {each}: write NAME=URL")
        proxies[name] = HttpClient(url, headers=_bearer(secret), timeout_s=CONNECTION_CALL_S)
        stack.callback(proxies[name].close)
    client = RedisClient(RedisSettings(args.redis, pool_size=args.redis_pool, cluster=args.redis_cluster))
    stack.push_async_callback(client.close)
    policy = Policy(heartbeat_interval_s=args.heartbeat, strict_registration=args.strict)

    def new_id() -> str:
        return str(uuid.uuid4())

    rules = handlers.router().overlaid(router_of(authority_of(args)) or Router())
    core = Core(rules, new_id=new_id, policy=policy)
    worker = Worker(core, RedisKeeper(client), Shared(client), ProxyConnections(proxies), new_id=new_id)
    server = ApiServer(worker_app(worker, secret), host, port)
    found = await server.open()
    stack.push_async_callback(server.close)
    return f"worker       http://{host}:{found}"


async def run(args: argparse.Namespace) -> int:
    """Run until a signal; the exit code: 0 done, 1 an address cannot be had, 2 wrong settings."""
    stopping, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopping.set)
    kinds: dict[str, Callable[[argparse.Namespace, str, AsyncExitStack], Awaitable[str]]]
    kinds = {"proxy": run_proxy, "worker": run_worker}
    async with AsyncExitStack() as stack:
        try:
            told = await kinds[args.kind](args, _secret(), stack)
        except (ValueError, OSError) as error:
            sys.stderr.write(f"{args.kind}: {error}\n")
            return USAGE_ERROR if isinstance(error, ValueError) else 1
        sys.stdout.write(f"{told}\n")
        sys.stdout.flush()
        await stopping.wait()
    return 0


def _secret() -> str:
    found = os.environ.get(SECRET_VARIABLE, "")
    if not found:
        raise ValueError(f"set {SECRET_VARIABLE}: whoever reaches a proxy or a worker could speak for stations")
    return found


def _bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    sys.exit(asyncio.run(run(parser().parse_args())))
