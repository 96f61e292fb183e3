"""The command line of the central system: `wayside csms`."""

import argparse
import asyncio
import os
import signal
import socket
import ssl as tls
import sys
import uuid
from pathlib import Path

from csms.admitted import Admitted, load_admitted
from csms.app import Csms
from csms.cluster.bus import NodeNameTaken
from csms.cluster.node import Node
from csms.config import SPOKEN, CsmsConfig
from csms.core.policy import Policy
from csms.passwords import hash_password
from csms.redis_settings import RedisSettings
from csms.stores.sqlite import SqliteKeeper

TOKEN_VARIABLE = "WAYSIDE_CSMS_API_TOKEN"
USAGE_ERROR = 2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `wayside csms`."""
    parser.add_argument("--listen", metavar="HOST:PORT", default="127.0.0.1:9000", help="for stations (%(default)s)")
    parser.add_argument("--api", metavar="HOST:PORT", default="127.0.0.1:9001", help="HTTP API, or off (%(default)s)")
    who = parser.add_mutually_exclusive_group()
    who.add_argument("--open", action="store_true", help="admit every station (the default)")
    who.add_argument("--stations", metavar="FILE", type=Path, help="admit the stations of this TOML file only")
    parser.add_argument(
        "--protocols", metavar="LIST", default=",".join(SPOKEN), help="in order of preference (%(default)s)"
    )
    parser.add_argument("--heartbeat", metavar="S", type=int, default=300, help="interval in seconds (%(default)s)")
    parser.add_argument("--strict", action="store_true", help="refuse messages before an accepted BootNotification")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--keep", metavar="FILE", type=Path, help="keep everything in this SQLite file")
    where.add_argument("--redis", metavar="URL", help="be one node of a cluster that shares this Redis")
    parser.add_argument(
        "--node-id", metavar="NAME", default=socket.gethostname(), help="this node's name (%(default)s)"
    )
    parser.add_argument("--redis-cluster", action="store_true", help="the URL names one node of a Redis Cluster")
    parser.add_argument("--redis-pool", metavar="N", type=int, default=32, help="connections at most (%(default)s)")
    parser.add_argument(
        "--drain", metavar="S", type=float, default=0.0, help="at the end close connections over so many seconds"
    )
    parser.add_argument("--certificate", metavar="FILE", type=Path, help="TLS certificate chain, PEM")
    parser.add_argument("--key", metavar="FILE", type=Path, help="its private key, PEM")
    parser.add_argument(
        "--hash-password",
        nargs="?",
        const="text",
        choices=("text", "hex"),
        help="read a station's password from standard input, as text or (AuthorizationKey of 1.6) hex; print its hash",
    )


async def run(args: argparse.Namespace) -> int:
    """Run until SIGINT or SIGTERM. Returns the exit code: 0 done, 1 an address cannot be had, 2 wrong settings."""
    try:
        if args.hash_password is not None:
            sys.stdout.write(hash_password(password_bytes(sys.stdin.readline(), args.hash_password), os.urandom(16)))
            sys.stdout.write("\n")
            return 0
        admitted = None if args.stations is None else load_admitted(args.stations)
        config, ssl = configuration(args, admitted), tls_context(args)
        keeper = None if args.keep is None else await SqliteKeeper.open(args.keep)
        csms = Csms(config, keeper=keeper, node=node_of(args), ssl=ssl)
    except (ValueError, OSError) as error:
        sys.stderr.write(f"wayside csms: {error}\n")
        return USAGE_ERROR
    for token in () if admitted is None else admitted.tokens:
        csms.tokens.put(token)
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopping.set)
    try:
        async with csms:
            sys.stdout.write(f"stations  {csms.ws_url}/<identity>\nAPI       {csms.api_url or 'off'}\n")
            sys.stdout.flush()
            await stopping.wait()
    except (OSError, NodeNameTaken) as error:
        sys.stderr.write(f"wayside csms: {error}\n")
        return 1
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
    return 0


def node_of(args: argparse.Namespace) -> Node | None:
    """The node that the options ask for. Raises ValueError."""
    if args.redis is None:
        return None
    try:
        from csms.cluster.redis_node import redis_node  # noqa: PLC0415 - redis-py is an optional extra
    except ImportError as error:
        raise ValueError(f"--redis needs redis-py ({error}); install wayside[redis]") from error
    settings = RedisSettings(args.redis, pool_size=args.redis_pool, cluster=args.redis_cluster)
    return redis_node(settings, args.node_id, incarnation=str(uuid.uuid4()))


def password_bytes(line: str, form: str) -> bytes:
    """A password as it goes over the wire, from a line of text or of hex digits. Raises ValueError."""
    text = line.rstrip("\r\n")
    if form == "text":
        return text.encode()
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise ValueError("the password on standard input is not hex") from None


def configuration(args: argparse.Namespace, admitted: Admitted | None) -> CsmsConfig:
    """The settings that the options ask for. Raises ValueError."""
    host, port = address(args.listen, "--listen")
    api_host, api_port = (None, 0) if args.api == "off" else address(args.api, "--api")
    return CsmsConfig(
        host=host,
        port=port,
        api_host=api_host,
        api_port=api_port,
        api_token=os.environ.get(TOKEN_VARIABLE) or None,
        protocols=tuple(part.strip() for part in args.protocols.split(",")),
        stations=None if admitted is None else admitted.stations,
        drain_s=args.drain,
        policy=Policy(heartbeat_interval_s=args.heartbeat, strict_registration=args.strict),
    )


def address(text: str, option: str) -> tuple[str, int]:
    """Host and port of HOST:PORT or [HOST]:PORT. Raises ValueError."""
    host, colon, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not colon or not host or not (port.isascii() and port.isdigit()) or int(port) > 65_535:
        raise ValueError(f"{option} {text}: write HOST:PORT, as in 127.0.0.1:9000")
    return host, int(port)


def tls_context(args: argparse.Namespace) -> tls.SSLContext | None:
    """The server side of TLS 1.2 or newer with the given certificate. Raises ValueError or OSError."""
    if args.certificate is None and args.key is None:
        return None
    if args.certificate is None or args.key is None:
        raise ValueError("--certificate and --key belong together")
    context = tls.SSLContext(tls.PROTOCOL_TLS_SERVER)
    context.minimum_version = tls.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(args.certificate, args.key)
    except tls.SSLError as error:
        raise ValueError(f"{args.certificate}, {args.key}: {error.reason or error}") from error
    return context
