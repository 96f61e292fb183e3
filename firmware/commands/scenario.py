"""`wayside scenario`: plays scenario files against the reference central system, or against anybody's."""

import argparse
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from firmware.commands import common
from firmware.scenarios import library
from firmware.scenarios.format import PROTOCOLS, Scenario, ScenarioError, load
from firmware.scenarios.report import Result, junit, result_line, tick_line
from firmware.scenarios.runner import Run, TickState

if TYPE_CHECKING:
    from firmware.app import App

FINISHED = {TickState.DONE, TickState.FAILED, TickState.SKIPPED}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Subcommands and options of `wayside scenario`."""
    subcommands = parser.add_subparsers(dest="subcommand", metavar="COMMAND", required=True)
    subcommands.add_parser("list", help="the scenarios that ship with Wayside")
    play = subcommands.add_parser("run", help="play scenarios", description="Play scenarios.")
    play.add_argument("scenarios", nargs="*", metavar="NAME|FILE", help="of the library by its name, or a TOML file")
    play.add_argument("--all", action="store_true", help="the whole library")
    play.add_argument("--protocol", choices=(*PROTOCOLS, "both"), default="ocpp1.6", help="(default: %(default)s)")
    play.add_argument("--junit", type=Path, metavar="FILE", help="write what came of them as JUnit XML")
    play.add_argument("--ticks", action="store_true", help="show every step, also of many scenarios")
    play.add_argument("--seed", type=int, default=1, metavar="S", help="of chance in virtual time (default: 1)")
    pace = play.add_mutually_exclusive_group()
    pace.add_argument("--virtual", action="store_true", help="in virtual time, an hour in a moment (the default)")
    pace.add_argument("--real", action="store_true", help="in real time")
    play.add_argument("--csms", metavar="URL", help="your central system, without the identity; in real time")
    play.add_argument("--longest-wait", type=float, metavar="S", help="cut waits that are longer, in real time")
    play.add_argument("--id", metavar="ID", help="identity of the station in real time")
    play.add_argument("--config", type=Path, metavar="FILE", help="configuration of the station in real time")
    play.add_argument("--set", action="append", default=[], metavar="SECTION.KEY=VALUE", help="any configuration key")
    play.add_argument("--log-level", choices=("debug", "info", "warning", "error"), default="error")


def run(args: argparse.Namespace) -> int:
    """Exit code 0: all passed; 1: one failed; 2: a file or an option is wrong."""
    if args.subcommand == "list":
        return _list()
    try:
        chosen = _chosen(args)
        jobs = _jobs(args, chosen)
    except ScenarioError as error:
        print(f"wayside: {error}", file=sys.stderr)
        return 2
    common.set_up_logging(args.log_level)
    show = args.ticks or len(jobs) == 1
    is_real = args.real or args.csms is not None
    results: list[Result] = []

    def play_all() -> int:
        for scenario, protocol in jobs:
            if show:
                print(f"{scenario.head.title}  ({protocol})")
            results.append(_virtual(args, scenario, protocol, show=show))
            _tell(results[-1], show=show)
        return 0

    async def play_all_really() -> int:
        for scenario, protocol in jobs:
            if show:
                print(f"{scenario.head.title}  ({protocol})")
            results.append(await _real(args, scenario, protocol, show=show))
            _tell(results[-1], show=show)
        return 0

    code = common.run_guarded(play_all_really, _loop_factory) if is_real else play_all()
    if args.junit is not None:
        args.junit.write_bytes(junit(results))
    failed = sum(result.problem is not None for result in results)
    if len(results) > 1:
        print(f"\n{len(results) - failed} of {len(results)} passed")
    return code or (1 if failed else 0)


def _loop_factory() -> Any:
    from hal.mock.fasttime import ScaledEventLoop

    return ScaledEventLoop()


def _list() -> int:
    for name in library.names():
        scenario = library.get(name)
        versions = "" if len(scenario.head.protocols) > 1 else f"  ({scenario.head.protocols[0]})"
        print(f"{name:28}{scenario.head.title}{versions}")
    return 0


def _chosen(args: argparse.Namespace) -> list[Scenario]:
    """The scenarios that are named. Raises ScenarioError."""
    named = [*args.scenarios, *(library.names() if args.all else ())]
    if not named:
        raise ScenarioError("name a scenario or a file, or --all; `wayside scenario list` shows the library")
    return [load(Path(each)) if _is_file(each) else library.get(each) for each in named]


def _is_file(word: str) -> bool:
    return word.endswith(".toml") or "/" in word


def _jobs(args: argparse.Namespace, chosen: list[Scenario]) -> list[tuple[Scenario, str]]:
    """Each scenario with each version that it is for. Raises ScenarioError when nothing is left."""
    wanted = PROTOCOLS if args.protocol == "both" else (args.protocol,)
    jobs = [(scenario, protocol) for protocol in wanted for scenario in chosen if scenario.fits(protocol)]
    for job in tuple(jobs):
        hindrance = _hindrance(args, job[0])
        if hindrance is not None:
            print(f"{job[0].name} is left out: {hindrance}", file=sys.stderr)
            jobs.remove(job)
    if not jobs:
        raise ScenarioError("none of these can be played so")
    return jobs


def _hindrance(args: argparse.Namespace, scenario: Scenario) -> str | None:
    """Why a scenario cannot be played as the options ask."""
    if args.csms is not None and scenario.needs_reference:
        return "only the reference central system can play its part"
    if (args.real or args.csms is not None) and scenario.needs_virtual:
        return "the power fails or the central system goes away in it; only in virtual time they come back"
    return None


def _virtual(args: argparse.Namespace, scenario: Scenario, protocol: str, *, show: bool) -> Result:
    from firmware.scenarios.virtual import play

    began_s = time.perf_counter()
    found, frames = play(scenario, protocol, seed=args.seed, changed=_progress(show))
    return Result(found, protocol, time.perf_counter() - began_s, frames)


async def _real(args: argparse.Namespace, scenario: Scenario, protocol: str, *, show: bool) -> Result:
    from csms.app import Csms
    from csms.config import CsmsConfig
    from firmware.scenarios.real import play

    began_s = time.perf_counter()
    async with AsyncExitStack() as stack:
        csms = None if args.csms else await stack.enter_async_context(Csms(CsmsConfig(api_host=None)))
        url = args.csms if csms is None else csms.ws_url
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="wayside-scenario-")))
        config = common.configuration(
            _station_arguments(args, url),
            **{"csms.protocols": protocol, "control.enabled": "false", "firmware.unsigned": "true"},
        )
        description = common.board(config)

        async def open_app(where: Path) -> "App":
            return await common.open_app(config, description, where)

        found = await play(
            scenario,
            open_app,
            directory,
            csms=csms,
            changed=_progress(show),
            ask=_ask,
            longest_wait_s=args.longest_wait,
        )
    return Result(found, protocol, time.perf_counter() - began_s)


def _station_arguments(args: argparse.Namespace, url: str) -> argparse.Namespace:
    """The options from which a station's configuration is made."""
    return argparse.Namespace(
        config=args.config, board=None, id=args.id, csms_url=url, listen=None, log_level=None, set=args.set
    )


def _progress(show: bool) -> Any:
    def changed(found: Run, index: int) -> None:
        if show and index >= 0 and found.ticks[index].state in FINISHED:
            print(tick_line(found.ticks[index]), flush=True)

    return changed


def _ask(text: str) -> None:
    print(f"  … {text}", flush=True)


def _tell(result: Result, *, show: bool) -> None:
    if not show:
        print(result_line(result), flush=True)
    elif result.problem is not None:
        print(f"failed: {result.problem}")
        for frame in result.frames[-10:]:
            print(f"    {frame}")
    else:
        print("passed")
