"""`wayside simulate`: plays charger-days in virtual time and prints a verdict."""
# ruff: noqa: T201 - a command line prints

import argparse
import os
import sys
from collections.abc import Generator, Iterator
from contextlib import closing
from pathlib import Path

from firmware.simulation.day import play
from firmware.simulation.faults import FaultKind, parse_kinds
from firmware.simulation.scenario import VISITS_PER_DAY, Result, Scenario, scenario
from firmware.simulation.seeds import play_each
from firmware.simulation.shorten import Shortener

BAR_WIDTH = 32
LAST_LINES = 12
BUDGET_S = 120.0
PROTOCOLS = {"ocpp1.6": ("ocpp1.6",), "ocpp2.0.1": ("ocpp2.0.1",), "both": ("ocpp1.6", "ocpp2.0.1")}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument("--days", type=_positive, default=1, metavar="N", help="virtual days (default: 1)")
    parser.add_argument("--stations", type=_positive, default=1, metavar="N", help="charge points (default: 1)")
    parser.add_argument("--seed", type=int, default=1, metavar="S", help="decides everything that happens (default: 1)")
    parser.add_argument(
        "--faults",
        type=_kinds,
        default=parse_kinds("all"),
        metavar="LIST",
        help="all, none, or words with commas between; -word leaves one out. Words: " + ", ".join(FaultKind),
    )
    parser.add_argument(
        "--visits",
        type=float,
        default=VISITS_PER_DAY,
        metavar="N",
        help="visits a day at each EVSE (default: %(default)g)",
    )
    parser.add_argument(
        "--protocol",
        choices=PROTOCOLS,
        default="both",
        help="what the stations speak; both: in turns, by station and seed (default: %(default)s)",
    )
    parser.add_argument("--seeds", type=_positive, default=1, metavar="N", help="play N seeds, from S on (default: 1)")
    parser.add_argument(
        "--jobs",
        type=_positive,
        default=os.cpu_count() or 1,
        metavar="N",
        help="seeds played at a time (default: all cores)",
    )
    parser.add_argument("--twice", action="store_true", help="play each seed twice and compare the traces")
    parser.add_argument("--story", type=Path, metavar="FILE", help="write down what happens, line by line")
    parser.add_argument(
        "--shorten",
        type=float,
        default=BUDGET_S,
        metavar="S",
        help="real seconds to spend on a shorter failure (default: %(default)g)",
    )


def run(args: argparse.Namespace) -> int:
    """Play what the options say; 0 when every rule held, 1 when one was broken."""
    with closing(_results(args)) as results:
        for result in results:
            print(_summary(result), flush=True)
            if not result.passed:
                results.close()  # before others are played to find a shorter one
                _show_failure(result, args)
                return 1
            if args.twice and not _same_again(result):
                return 1
    return 0


def _results(args: argparse.Namespace) -> Generator[Result, None, None]:
    """Seed by seed; several at a time when there are several and nobody wants their story."""
    wanted = [
        scenario(
            seed,
            days=args.days,
            stations=args.stations,
            kinds=args.faults,
            visits_per_day=args.visits,
            protocols=PROTOCOLS[args.protocol],
        )
        for seed in range(args.seed, args.seed + args.seeds)
    ]
    jobs = min(args.jobs, args.seeds)
    if jobs > 1 and args.story is None:
        yield from play_each(wanted, jobs)
    else:
        yield from (_play_shown(each, args.story) for each in wanted)


def _play_shown(wanted: Scenario, story: Path | None) -> Result:
    bar = _Bar(sys.stderr.isatty())
    try:
        if story is None:
            return play(wanted, progress=bar.show)
        with story.open("w", encoding="utf-8") as file:
            return play(wanted, progress=bar.show, keep_trace=file.write)
    finally:
        bar.clear()


def _same_again(first: Result) -> bool:
    again = play(first.scenario)
    if again.digest == first.digest:
        print(f"  played again: the same trace, {again.digest}")
        return True
    print(f"  played again: ANOTHER trace, {again.digest}; something in the program is left to chance")
    return False


def _summary(result: Result) -> str:
    wanted = result.scenario
    verdict = "every rule held" if result.passed else f"BROKEN: {result.violations[0].rule.value}"
    what = f"{_count(wanted.days, 'day')} of {_count(wanted.stations, 'station')}"
    lines = [
        f"seed {wanted.seed}: {what} in {result.real_s:.1f} s ({result.speed:,.0f} x real time): {verdict}",
        "  happened: " + ", ".join(f"{name} {count:,}" for name, count in result.statistics.items()),
        "  faults: " + (", ".join(f"{kind.value} {count}" for kind, count in sorted(result.faults.items())) or "none"),
        f"  trace: {result.digest}",
    ]
    return "\n".join(lines)


def _show_failure(result: Result, args: argparse.Namespace) -> None:
    for violation in result.violations[:3]:
        print(f"  {violation}")
    print(f"  again: wayside simulate --seed {result.scenario.seed} --days {args.days} --stations {args.stations}")
    shortener = Shortener(play, budget_s=args.shorten)
    shortest = shortener.shorten(result)
    lines: list[str] = []
    play(shortest.scenario, keep_trace=lines.append)
    path = Path(f"wayside-simulate-{result.scenario.seed}.txt")
    path.write_text("".join(lines), encoding="utf-8")
    print(f"shortest failure found in {_count(shortener.runs, 'run')}:")
    print("\n".join(_events(shortest.scenario)))
    print(f"  {shortest.violations[0]}")
    print(f"its story, {_count(len(lines), 'line')}, is in {path}; it ends:")
    print("".join(f"  {line}" for line in lines[-LAST_LINES:]), end="")


def _events(shortest: Scenario) -> Iterator[str]:
    """What is left of the plans, in the order of time."""
    events = [(visit.arrives_s, f"visit {visit}") for visit in shortest.visits]
    events += [(fault.at_s, f"fault {fault}") for fault in shortest.faults]
    for at_s, text in sorted(events):
        yield f"  {at_s:12.3f} s  {text}"


class _Bar:
    """A progress bar on a terminal; nothing elsewhere."""

    def __init__(self, is_terminal: bool) -> None:
        self._is_terminal = is_terminal

    def show(self, played_s: float, of_s: float) -> None:
        """Draw it."""
        if self._is_terminal:
            done = min(BAR_WIDTH, int(BAR_WIDTH * played_s / of_s))
            days = played_s / 86_400
            print(f"\r[{'#' * done}{'.' * (BAR_WIDTH - done)}] day {days:.1f}", end="", file=sys.stderr, flush=True)

    def clear(self) -> None:
        """Take it away."""
        if self._is_terminal:
            print("\r" + " " * (BAR_WIDTH + 14) + "\r", end="", file=sys.stderr, flush=True)


def _count(number: int, word: str) -> str:
    return f"{number:,} {word}" if number == 1 else f"{number:,} {word}s"


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, is {number}")
    return number


def _kinds(text: str) -> frozenset[FaultKind]:
    try:
        return parse_kinds(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
