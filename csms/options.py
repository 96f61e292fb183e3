"""The options of `wayside csms`."""

import argparse
import socket
from pathlib import Path

from csms.config import SPOKEN, Limits


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
    add_security(parser)
    parser.add_argument(
        "--faults-seed", metavar="N", type=int, help="misbehave towards every station, as this seed has it"
    )
    parser.add_argument("--files", metavar="DIR", type=Path, help="serve DIR/downloads and take files into DIR/uploads")
    parser.add_argument("--files-listen", metavar="HOST:PORT", default="127.0.0.1:9002", help="for files (%(default)s)")
    add_limits(parser)
    parser.add_argument(
        "--hash-password",
        nargs="?",
        const="text",
        choices=("text", "hex"),
        help="read a station's password from standard input, as text or (AuthorizationKey of 1.6) hex; print its hash",
    )


def add_limits(parser: argparse.ArgumentParser) -> None:
    """How much stations may ask for."""
    usual = Limits()
    parser.add_argument(
        "--connections", metavar="N", type=int, default=usual.connections, help="at most; then 503 (%(default)s)"
    )
    parser.add_argument(
        "--per-address",
        metavar="N",
        type=int,
        default=usual.connections_per_address,
        help="connections of one address at most; then 429 (%(default)s)",
    )
    parser.add_argument("--rate", metavar="N", type=float, help="messages a second of one station, on average")


def limits_of(args: argparse.Namespace) -> Limits:
    """The limits that the options ask for. Raises ValueError."""
    if args.connections < 1 or args.per_address < 1 or (args.rate is not None and args.rate <= 0):
        raise ValueError("--connections, --per-address and --rate are above 0")
    return Limits(connections=args.connections, connections_per_address=args.per_address, messages_per_s=args.rate)


def add_security(parser: argparse.ArgumentParser) -> None:
    """Who a station must prove to be, and how."""
    parser.add_argument(
        "--profile",
        metavar="N",
        type=int,
        choices=range(4),
        help="security profile of all stations: 0 none, 1 password, 2 password over TLS, 3 certificate",
    )
    parser.add_argument("--certificate", metavar="FILE", type=Path, help="TLS certificate chain, PEM")
    parser.add_argument("--key", metavar="FILE", type=Path, help="its private key, PEM")
    parser.add_argument("--client-authority", metavar="FILE", type=Path, help="who signs stations' certificates, PEM")
    parser.add_argument(
        "--authority", metavar="DIR", type=Path, help="sign stations' requests with the authority here, made if new"
    )
    parser.add_argument("--tls-name", metavar="HOST", help="TLS with a certificate of --authority's for this name")
