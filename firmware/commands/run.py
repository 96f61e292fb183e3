"""`wayside run`: the charge point."""

import argparse
import os
import sys
from contextlib import suppress
from typing import Any

from firmware.app import Exit
from firmware.commands import common
from firmware.console import Console


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `wayside run`."""
    common.add_station_arguments(parser)
    parser.add_argument("--quiet", action="store_true", help="log lines only")


def run(args: argparse.Namespace) -> int:
    """Run until a signal; after a reset the program replaces itself by a fresh one."""
    restart = False

    async def main() -> int:
        nonlocal restart
        config = common.configuration(args)
        common.set_up_logging(config.log.level)
        app = await common.open_app(config, common.board(config), common.state_dir(args, config))
        common.on_signals(app.stop)
        app.on_power_cut = _power_cut
        if not args.quiet:
            Console(app, sys.stdout).attach()
        restart = await app.run() is Exit.RESTART
        return 0

    code = common.run_guarded(main, _loop_factory)
    if restart:
        with suppress(OSError):  # an output that takes no more does not keep the station from coming back
            sys.stdout.flush()
            sys.stderr.flush()
        os.execv(sys.executable, [sys.executable, "-m", "firmware", *sys.argv[1:]])  # noqa: S606
    return code


def _power_cut() -> None:
    """Gone as after a power cut: nothing is written, released or told. 137 is what a killed process leaves."""
    os._exit(137)


def _loop_factory() -> Any:
    from hal.mock.fasttime import ScaledEventLoop

    return ScaledEventLoop()
