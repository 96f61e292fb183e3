"""The command line of the central system: `wayside csms`."""

import argparse
import asyncio
import os
import secrets
import signal
import ssl as tls
import sys
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from csms.admitted import Admitted, load_admitted
from csms.app import Csms
from csms.cluster.bus import NodeNameTaken
from csms.cluster.node import Node
from csms.config import CsmsConfig, FilesConfig
from csms.core.policy import Policy
from csms.core.router import Router
from csms.options import add_arguments, limits_of
from csms.passwords import hash_password
from csms.redis_settings import RedisSettings
from csms.stores.sqlite import SqliteKeeper

if TYPE_CHECKING:
    from csms.authority import Authority

__all__ = ["add_arguments", "run"]

TOKEN_VARIABLE = "WAYSIDE_CSMS_API_TOKEN"
FILES_KEY_VARIABLE = "WAYSIDE_CSMS_FILES_KEY"
USAGE_ERROR = 2


async def run(args: argparse.Namespace) -> int:
    """Run until SIGINT or SIGTERM. Returns the exit code: 0 done, 1 an address cannot be had, 2 wrong settings."""
    try:
        if args.hash_password is not None:
            sys.stdout.write(hash_password(password_bytes(sys.stdin.readline(), args.hash_password), os.urandom(16)))
            sys.stdout.write("\n")
            return 0
        admitted = None if args.stations is None else load_admitted(args.stations)
        authority = authority_of(args)
        config, ssl = configuration(args, admitted), tls_context(args, authority)
        keeper = None if args.keep is None else await SqliteKeeper.open(args.keep)
        csms = Csms(config, router=router_of(authority), keeper=keeper, node=node_of(args), ssl=ssl)
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
            if csms.files_url is not None:
                sys.stdout.write(f"files     {csms.files_url}/<name>\n")
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
    files = None
    if args.files is not None:
        key = os.environ.get(FILES_KEY_VARIABLE) or secrets.token_urlsafe(16)
        files = FilesConfig(args.files, key, *address(args.files_listen, "--files-listen"))
    return CsmsConfig(
        host=host,
        port=port,
        api_host=api_host,
        api_port=api_port,
        api_token=os.environ.get(TOKEN_VARIABLE) or None,
        protocols=tuple(part.strip() for part in args.protocols.split(",")),
        stations=None if admitted is None else admitted.stations,
        files=files,
        security_profile=args.profile,
        limits=limits_of(args),
        faults_seed=args.faults_seed,
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


def authority_of(args: argparse.Namespace) -> "Authority | None":
    """The authority that the options name, made if it is new. Raises ValueError or OSError."""
    if args.authority is None:
        return None
    try:
        from csms.authority import Authority  # noqa: PLC0415 - cryptography is an optional extra
    except ImportError as error:
        raise ValueError(f"--authority needs cryptography ({error}); install wayside[security]") from error
    return Authority.kept_in(args.authority, "Wayside test authority", lambda: datetime.now(UTC))


def router_of(authority: "Authority | None") -> Router | None:
    """The handlers that an authority brings."""
    if authority is None:
        return None
    from csms.signing import signing  # noqa: PLC0415 - only where certificates are signed

    return signing(authority.sign)


def tls_context(args: argparse.Namespace, authority: "Authority | None" = None) -> tls.SSLContext | None:
    """The server side of TLS 1.2 or newer that the options ask for. Raises ValueError or OSError."""
    trusted = args.client_authority is not None or authority is not None
    if args.profile == 3 and not trusted:
        raise ValueError(
            "--profile 3 asks for certificates: name who signs them with --client-authority or --authority"
        )
    if args.tls_name is not None:
        if authority is None or args.certificate is not None:
            raise ValueError("--tls-name takes a certificate of --authority's, and none of your own")
        return authority.server_context(args.tls_name, args.authority)
    if args.certificate is None and args.key is None:
        if args.profile in (2, 3):
            raise ValueError(
                f"--profile {args.profile} is spoken over TLS: give --certificate and --key, or --tls-name"
            )
        return None
    if args.certificate is None or args.key is None:
        raise ValueError("--certificate and --key belong together")
    context = tls.SSLContext(tls.PROTOCOL_TLS_SERVER)
    context.minimum_version = tls.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(args.certificate, args.key)
        if args.client_authority is not None:
            context.load_verify_locations(cafile=args.client_authority)
    except tls.SSLError as error:
        raise ValueError(f"{args.certificate}, {args.key}: {error.reason or error}") from error
    if authority is not None:
        context.load_verify_locations(cadata=authority.certificate_pem)
    if trusted:
        context.verify_mode = tls.CERT_OPTIONAL  # who comes without one is told so with HTTP 401
    return context
