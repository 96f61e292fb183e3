"""`wayside doctor`: goes the way to the central system step by step and says where it ends and what to do next."""

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from firmware.commands import common
from firmware.config import Config
from firmware.doctor import Doctor, Finding, Verdict
from firmware.errors import ConfigError
from ocpp_client.timegate import TimeView

MARKS = {Verdict.GOOD: "✔", Verdict.BAD: "✘", Verdict.NOT_CHECKED: "-"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `wayside doctor`."""
    common.add_station_arguments(parser)
    parser.add_argument("--json", action="store_true", help="one JSON object for scripts")
    parser.add_argument("--no-boot", action="store_true", help="connect, but send no BootNotification")


def run(args: argparse.Namespace) -> int:
    """Examine and print. 0: all is well; 1: something is not; 2: the configuration cannot be read."""
    try:
        config = common.configuration(args)
    except ConfigError as error:
        bad = Finding("configuration", Verdict.BAD, str(error), "correct the key that is named")
        _print([bad], as_json=args.json)
        return 2
    findings = asyncio.run(_examine(config, args))
    if args.json:
        _print(findings, as_json=True)
    return 1 if any(finding.verdict is Verdict.BAD for finding in findings) else 0


async def _examine(config: Config, args: argparse.Namespace) -> list[Finding]:
    findings: list[Finding] = []
    look, traces = _looks(config)
    async for finding in Doctor(config, look, boot=not args.no_boot, traces=traces).examine():
        findings.append(finding)
        if not args.json:
            _print([finding], as_json=False)
    return findings


def _looks(config: Config) -> tuple[Callable[[], TimeView], Callable[[], Mapping[str, Any]]]:
    """How to look at the clock, and at what else the machine shows of its time."""
    if config.clock.policy == "trust" or not sys.platform.startswith("linux"):
        return lambda: TimeView(True, time.time(), 0.0), dict
    from hal.drivers.clock_linux import LinuxTime
    from hal.types import TimeTrust

    judge = LinuxTime()
    return (
        lambda: TimeView(judge.trust() is TimeTrust.SYNCHRONISED, time.time(), judge.floor_s),
        lambda: asdict(judge.evidence()),
    )


def _print(findings: list[Finding], *, as_json: bool) -> None:
    if as_json:
        good = all(finding.verdict is not Verdict.BAD for finding in findings)
        print(json.dumps({"good": good, "findings": [asdict(finding) for finding in findings]}, indent=2))
        return
    for finding in findings:
        print(f"{MARKS[finding.verdict]} {finding.check}: {finding.says}")
        if finding.next_step:
            print(f"    next: {finding.next_step}")
        if finding.verdict is Verdict.BAD:
            for line in finding.evidence.get("chain", ()):
                print(f"    came: {line}")
