"""`wayside queue`: what waits to be delivered, and what was given up."""

import argparse
import json
import sys
from typing import Any

from firmware.app import DATABASE
from firmware.commands import common
from firmware.core.facts import decode
from offline_queue import DeadRecord, Queue, Record

PAGE = 200


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `wayside queue`."""
    common.add_station_arguments(parser)
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    actions.add_parser("list", help="waiting messages and dead letters, a line each")
    actions.add_parser("export", help="dead letters as JSON lines on standard output")
    retry = actions.add_parser("retry", help="send dead letters again")
    retry.add_argument("record", nargs="*", type=int, help="numbers (default: all)")


def run(args: argparse.Namespace) -> int:
    """Work on the journal of a station that is not running."""

    async def main() -> int:
        config = common.configuration(args)
        path = common.state_dir(args, config) / DATABASE
        if not path.exists():
            print(f"wayside: no journal at {path}", file=sys.stderr)
            return 1
        queue = await Queue.open(path)
        try:
            if args.action == "retry":
                ids = args.record or [record.id for record in await _dead(queue)]
                count = await queue.retry(ids)
                print(f"{count} dead letter{'s' if count != 1 else ''} put back into the queue")
            elif args.action == "export":
                for record in await _dead(queue):
                    print(json.dumps(_row(record), separators=(",", ":")))
            else:
                await _list(queue)
        finally:
            await queue.close()
        return 0

    return common.run_guarded(main)


async def _dead(queue: Queue) -> list[DeadRecord]:
    found: list[DeadRecord] = []
    while True:
        page = await queue.dead(PAGE, after=found[-1].id if found else 0)
        found += page
        if len(page) < PAGE:
            return found


async def _list(queue: Queue) -> None:
    stats = queue.stats()
    for lane in stats.depth:
        after = 0
        while page := await queue.peek(lane, PAGE, after=after):
            for record in page:
                after = record.id
                tried = f", tried {record.attempts} times" if record.attempts else ""
                print(f"waiting  {record.id:>8}  {_summary(record)}{tried}")
    for dead in await _dead(queue):
        print(f"dead     {dead.id:>8}  {_summary(dead)}: {dead.reason}")
    print(f"{stats.rows} waiting, {stats.dead} dead letters")


def _summary(record: Record | DeadRecord) -> str:
    try:
        fact = decode(record.payload)
    except ValueError:
        return f"{record.lane} {record.kind}"
    energy = f" {fact.meter_wh} Wh" if fact.meter_wh is not None else ""
    return f"{fact.kind.value:8} EVSE {fact.evse} transaction {fact.transaction[:8] or '-'}{energy}"


def _row(record: DeadRecord) -> dict[str, Any]:
    try:
        body: object = json.loads(record.payload)
    except ValueError:
        body = record.payload.hex()
    return {
        "id": record.id,
        "lane": record.lane,
        "stream": record.stream,
        "kind": record.kind,
        "attempts": record.attempts,
        "reason": record.reason,
        "record": body,
    }
