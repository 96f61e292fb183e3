"""What the commands share: options, configuration, surroundings of a real machine, and the end on a signal."""

import argparse
import asyncio
import logging
import os
import random
import signal
import sys
import uuid
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any
from urllib.parse import quote

from boards import BoardDescription, BoardError, find_board, load_board
from firmware.app import App, Surroundings
from firmware.config import Config, load_config
from firmware.errors import ConfigError
from hal.clock import Clock
from hal.clocks import SystemClock, read_boot_id
from offline_queue import QueueError

END_S = 1.8  # after a signal; then the program leaves whatever still waits

CONFIG_ERRORS = (ConfigError, BoardError)


def add_station_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of every command that runs a charge point."""
    parser.add_argument("--config", type=Path, metavar="FILE", help="configuration file (TOML)")
    parser.add_argument("--board", metavar="NAME|FILE", help="board: a shipped name or a TOML file (default mock)")
    parser.add_argument("--state-dir", type=Path, metavar="DIR", help="where the journal lives")
    parser.add_argument("--id", metavar="ID", help="identity of the station")
    parser.add_argument("--csms-url", metavar="URL", help="central system, without the identity")
    parser.add_argument("--listen", metavar="HOST:PORT", help="address of the local control API")
    parser.add_argument("--set", action="append", default=[], metavar="SECTION.KEY=VALUE", help="any configuration key")
    parser.add_argument("--log-level", choices=("debug", "info", "warning", "error"), help="how much is logged")


def configuration(args: argparse.Namespace, **more: str) -> Config:
    """The configuration that the options describe. Raises ConfigError."""
    overrides: dict[str, str] = {}
    named = {
        "board": args.board,
        "station.id": args.id,
        "csms.url": args.csms_url,
        "control.listen": args.listen,
        "log.level": args.log_level,
    }
    overrides |= {key: value for key, value in named.items() if value is not None}
    for item in args.set:
        key, equals, value = item.partition("=")
        if not equals:
            raise ConfigError(f"command line: --set {item}: expected SECTION.KEY=VALUE")
        overrides[key] = value
    return load_config(args.config, environment=os.environ, overrides={**more, **overrides})


def board(config: Config) -> BoardDescription:
    """The board that the configuration names. Raises BoardError."""
    return load_board(find_board(config.board))


def state_dir(args: argparse.Namespace, config: Config) -> Path:
    """Where the journal lives: the option, what the service manager gives, or the user's state directory."""
    if args.state_dir is not None:
        return Path(args.state_dir)
    given = os.environ.get("STATE_DIRECTORY")
    if given:
        return Path(given)
    base = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
    name = quote(config.station.id, safe="")
    return base / "wayside" / (name if name.strip(".") else name.replace(".", "%2E"))


def real_surroundings(directory: Path) -> Surroundings:
    """Clock, chance and ids of a real machine, on the running loop."""
    try:
        boot = read_boot_id()
    except OSError:
        boot = str(uuid.uuid4())
    clock: Clock = SystemClock(asyncio.get_running_loop(), boot=boot)
    return Surroundings(clock, random.SystemRandom(), lambda: str(uuid.uuid4()), directory, os.environ)


def set_up_logging(level: str) -> None:
    """Log lines to standard error: time, level, place, phrase with key=value."""
    logging.basicConfig(
        level=level.upper(),
        format="%(asctime)s %(levelname)-7s %(name)s: %(message)s",
        datefmt="%H:%M:%S",
        stream=sys.stderr,
    )
    for noisy in ("uvicorn", "uvicorn.error", "uvicorn.access", "websockets"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def on_signals(stop: Callable[[], None]) -> None:
    """SIGINT and SIGTERM stop the program; it is gone `END_S` later in any case, and at once on a second signal."""
    loop = asyncio.get_running_loop()
    seen: list[int] = []

    def leave() -> None:
        logging.getLogger("wayside").warning("ended without waiting any longer")
        os._exit(1)

    def received() -> None:
        if seen:
            leave()
        seen.append(1)
        stop()
        loop.call_later(END_S, leave)

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, received)


def run_guarded(main: Callable[[], Coroutine[Any, Any, int]], loop_factory: Callable[[], Any] | None = None) -> int:
    """Run a command's coroutine. Wrong configuration is one line and exit code 2, a journal that cannot be used 1."""
    try:
        with asyncio.Runner(loop_factory=loop_factory) as runner:
            return runner.run(main())
    except CONFIG_ERRORS as error:
        print(f"wayside: {error}", file=sys.stderr)
        return 2
    except QueueError as error:
        print(f"wayside: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"wayside: {error}", file=sys.stderr)
        return 1


async def open_app(config: Config, description: BoardDescription, directory: Path) -> App:
    """The program on a real machine."""
    return await App.open(config, description, real_surroundings(directory))
