"""`wayside queue`: what waits to be delivered, and what was given up. Of a running station it asks its control API."""

import argparse
import asyncio
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from firmware.app import DATABASE
from firmware.commands import common
from firmware.config import Config
from firmware.control.client import ControlClient, ControlError
from firmware.control.records import record_picture
from firmware.engine.timeline import Timeline
from offline_queue import DeadRecord, Queue, QueueLocked

PAGE = 200


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `wayside queue`."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    summaries = {
        "list": "waiting messages and dead letters, a line each",
        "export": "dead letters in full, as JSON lines on standard output",
        "retry": "send dead letters again",
    }
    for name, summary in summaries.items():
        action = actions.add_parser(name, help=summary, description=summary[:1].upper() + summary[1:] + ".")
        common.add_station_arguments(action)
        if name == "retry":
            action.add_argument("record", nargs="*", type=int, help="numbers of dead letters (default: all)")


def run(args: argparse.Namespace) -> int:
    """Work on the journal, or let the station that holds it do so."""

    async def main() -> int:
        config = common.configuration(args)
        path = common.state_dir(args, config) / DATABASE
        if not path.exists():
            print(f"wayside: no journal at {path}", file=sys.stderr)
            return 1
        try:
            queue = await Queue.open(path)
        except QueueLocked:
            return await asyncio.to_thread(_ask_station, args, config)
        try:
            await _work(args, config, queue, path)
        finally:
            await queue.close()
        return 0

    return common.run_guarded(main)


def _ask_station(args: argparse.Namespace, config: Config) -> int:
    client = ControlClient.of(config)
    try:
        if args.action == "export":
            for line in client.export_dead():
                print(line)
            return 0
        picture = client.queue()
        if args.action == "retry":
            ids = args.record or [record["id"] for record in picture["dead_letters"]]
            _tell_retried(client.retry(ids) if ids else 0)
            return 0
    except ControlError as error:
        print(f"wayside: the station is running, and {error}", file=sys.stderr)
        return 1
    _tell(picture["waiting"], picture["dead_letters"], picture["rows"], picture["dead"])
    return 0


async def _work(args: argparse.Namespace, config: Config, queue: Queue, path: Path) -> None:
    if args.action == "export":
        async for line in queue.export_dead():
            print(line)
        return
    dead = await _dead(queue)
    if args.action == "retry":
        ids = args.record or [record.id for record in dead]
        _tell_retried(await queue.retry(ids) if ids else 0)
        return
    timeline = Timeline(common.real_surroundings(path.parent).clock)
    await timeline.load(queue)
    stats = queue.stats()
    waiting = []
    for lane in sorted(stats.depth):
        after = 0
        while page := await queue.peek(lane, PAGE, after=after):
            after = page[-1].id
            waiting += [record_picture(record, timeline) for record in page]
    _tell(waiting, [record_picture(record, timeline) for record in dead], stats.rows, stats.dead)


async def _dead(queue: Queue) -> list[DeadRecord]:
    found: list[DeadRecord] = []
    while True:
        page = await queue.dead(PAGE, after=found[-1].id if found else 0)
        found += page
        if len(page) < PAGE:
            return found


def _tell_retried(count: int) -> None:
    print(f"{count} dead letter{'s' if count != 1 else ''} put back into the queue")


def _tell(waiting: list[Any], dead: list[Any], rows: int, dead_count: int) -> None:
    for record in waiting:
        tried = f", tried {record['attempts']} times" if record["attempts"] else ""
        print(f"waiting  {record['id']:>8}  {_summary(record)}{tried}")
    for record in dead:
        print(f"dead     {record['id']:>8}  {_summary(record)}: {record['reason']}")
    print(f"{rows} waiting, {dead_count} dead letter{'s' if dead_count != 1 else ''}")


def _summary(record: Mapping[str, Any]) -> str:
    words = [record["lane"], record["kind"]]
    if record["evse"]:
        words.append(f"EVSE {record['evse']}")
    if record["transaction"]:
        words.append(f"transaction {record['transaction'][:8]}")
    if record["meter_wh"] is not None:
        words.append(f"meter {record['meter_wh']} Wh")
    if record["at"]:
        words.append(f"of {record['at']}")
    return " ".join(words)
