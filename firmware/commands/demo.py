"""`wayside demo`: a charge point on mock hardware and the reference central system, in one process."""

import argparse
import asyncio
import sys
import tempfile
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from firmware.app import App, Exit
from firmware.commands import common
from firmware.console import Console
from hal.types import LockState

if TYPE_CHECKING:
    from csms.app import Csms
    from csms.books import Transaction

TOKEN = "04A1B2C3D4E5F6"
CHARGING_S = 30 * 60.0
FAST = 120.0  # times real time while the car charges
PATIENCE_S = 20.0


class DemoFailed(RuntimeError):
    """The session did not go as it should."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `wayside demo`."""
    common.add_station_arguments(parser)
    parser.add_argument("--auto", action="store_true", help="play one charging session, compare the books, and end")
    parser.add_argument("--csms-port", type=int, default=9000, help="port of the central system (default 9000)")
    parser.add_argument("--csms-api-port", type=int, default=9001, help="port of its HTTP API (default 9001)")


def run(args: argparse.Namespace) -> int:
    """Run both until a signal, or through one session with --auto."""

    async def main() -> int:
        with ExitStack() as stack:
            directory = args.state_dir
            if directory is None:
                directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="wayside-demo-")))
            return await _demo(args, directory)

    return common.run_guarded(main, _loop_factory)


def _loop_factory() -> Any:
    from hal.mock.fasttime import ScaledEventLoop

    return ScaledEventLoop()


async def _demo(args: argparse.Namespace, directory: Path) -> int:
    from csms.app import Csms
    from csms.config import CsmsConfig
    from firmware.scenarios.reference import BesideUs

    common.set_up_logging(args.log_level or "warning")
    ports = (0, 0) if args.auto else (args.csms_port, args.csms_api_port)
    control = {"control.listen": "127.0.0.1:0"} if args.auto else {}
    async with Csms(CsmsConfig(port=ports[0], api_port=ports[1])) as csms:
        config = common.configuration(args, **{"csms.url": csms.ws_url, **control})
        description = common.board(config)
        print(f"central system  {csms.ws_url}  API {csms.api_url}")
        print(f"its console     {str(csms.api_url).removesuffix('api')}")
        stopping = False
        while True:
            app = await common.open_app(config, description, directory)

            def stop(app: App = app) -> None:
                nonlocal stopping
                stopping = True
                app.stop()

            app.central = BesideUs(csms, config.station.id)
            common.on_signals(stop)
            Console(app, sys.stdout).attach()
            running = asyncio.ensure_future(app.run())
            await app.serving.wait()
            if app.control_url is not None:
                print(f"control API     {app.control_url}/api/state  page {app.control_url}/")
            if args.auto:
                try:
                    return await _session(app, csms)
                except DemoFailed as error:
                    print(f"wayside: {error}", file=sys.stderr)
                    return 1
                finally:
                    app.stop()
                    await running
            if await running is Exit.STOP or stopping:
                return 0
            print("the charge point starts again")


async def _session(app: App, csms: "Csms") -> int:
    """Plug, tap, 30 minutes of charging in fast time, tap, unplug; then compare the two books."""
    from hal.mock.actions import perform

    world = app.board.world
    if world is None:
        print("wayside: --auto needs a mock board", file=sys.stderr)
        return 2
    station = app.config.station.id
    loop: Any = asyncio.get_running_loop()
    await _until(lambda: app.engine.station.context.online, "the central system accepts the station")
    perform(world, "evse/1/plug", {"car": "long-range"})
    await _until(lambda: app.translator.status_word(1) == "Preparing", "the connector is Preparing")
    meter_start_mwh = world.evse(1).import_mwh()
    perform(world, "token", {"token": TOKEN, "evses": [1]})
    await _until(lambda: app.translator.status_word(1) == "Charging", "the car charges")
    loop.set_speed(FAST)
    await asyncio.sleep(CHARGING_S)
    loop.set_speed(1.0)
    perform(world, "token", {"token": TOKEN, "evses": [1]})
    await _until(lambda: app.translator.status_word(1) == "Finishing", "the connector is Finishing")
    await _until(lambda: app.engine.station.evses[1].lock_state is LockState.UNLOCKED, "the cable is unlocked")
    meter_stop_mwh = world.evse(1).import_mwh()
    perform(world, "evse/1/unplug", {})
    await _until(lambda: app.queue.stats().rows == 0, "every message is delivered")
    await _until(lambda: app.translator.status_word(1) == "Available", "the connector is Available")
    return _compare(csms.books.transactions(station), meter_start_mwh, meter_stop_mwh)


async def _until(condition: Any, what: str) -> None:
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not condition():
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise DemoFailed(f"waited {PATIENCE_S:.0f} s in vain until {what}") from None


def _compare(found: "tuple[Transaction, ...] | list[Transaction]", start_mwh: int, stop_mwh: int) -> int:
    meter_wh = stop_mwh // 1000 - start_mwh // 1000
    print()
    if len(found) != 1:
        print(f"The central system recorded {len(found)} transactions, expected 1.")
        return 1
    tx = found[0]
    recorded_wh = (tx.meter_stop_wh or 0) - (tx.meter_start_wh or 0)
    rows = [
        ("", "central system", "charge point"),
        ("tag", tx.id_token or "-", TOKEN),
        ("meter at start", f"{tx.meter_start_wh} Wh", f"{start_mwh // 1000} Wh"),
        ("meter at stop", f"{tx.meter_stop_wh} Wh", f"{stop_mwh // 1000} Wh"),
        ("energy", f"{recorded_wh} Wh", f"{meter_wh} Wh"),
        ("started", _time(tx.started_at), ""),
        ("stopped", _time(tx.stopped_at), f"after {_minutes(tx)} min"),
        ("reason", tx.reason or "-", ""),
    ]
    for label, theirs, ours in rows:
        print(f"{label:16}{theirs:28}{ours}".rstrip())
    agree = (
        tx.id_token == TOKEN
        and tx.meter_start_wh == start_mwh // 1000
        and tx.meter_stop_wh == stop_mwh // 1000
        and recorded_wh == meter_wh > 0
        and not tx.anomalies
    )
    print("\nThe books agree." if agree else "\nThe books DO NOT agree.")
    return 0 if agree else 1


def _time(at: datetime | None) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S") if at else "-"


def _minutes(tx: "Transaction") -> str:
    if tx.started_at is None or tx.stopped_at is None:
        return "?"
    return f"{(tx.stopped_at - tx.started_at).total_seconds() / 60:.1f}"
