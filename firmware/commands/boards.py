"""`wayside boards`: lists the boards that ship with the program, checks board files, and asks the devices of a board."""

import argparse
import asyncio
import random
import sys
from pathlib import Path

from boards import Board, BoardDescription, build, find_board, list_boards, load_board
from firmware.commands import common


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `wayside boards`."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    actions.add_parser("list", help="boards that ship with the program")
    check = actions.add_parser("check", help="check a board file without touching any device")
    check.add_argument("board", metavar="NAME|FILE")
    probe = actions.add_parser("probe", help="ask every device of a board, with the contactors denied")
    probe.add_argument("board", metavar="NAME|FILE")


def run(args: argparse.Namespace) -> int:
    """List, check or probe."""
    if args.action == "list":
        for name, path in list_boards().items():
            print(f"{name:28} {load_board(path).board.name}")
        return 0

    async def main() -> int:
        path = find_board(args.board)
        description = load_board(path)
        board = _build(description)
        if args.action == "check":
            print(f"{path}: {board.name}, {len(board.evses)} EVSE{'s' if len(board.evses) != 1 else ''}: good")
            return 0
        return await _probe(path, description, board)

    return common.run_guarded(main)


def _build(description: BoardDescription) -> Board:
    """The devices of a board, none of them open. Raises BoardError."""
    around = common.real_surroundings(Path())
    world = None
    if description.is_mock:
        from boards.mock import make_world

        world = make_world(description, source=asyncio.get_running_loop(), clock=around.clock)
    return build(description, clock=around.clock, rng=random.Random(0), world=world)


async def _probe(path: Path, description: BoardDescription, board: Board) -> int:
    """Print a line for each device as it answers, or does not; 1 when one did not."""
    from firmware.commands.probe import probe

    common.set_up_logging("critical")  # drivers log what the sheet says
    print(f"{path}: {board.name}")
    asked = silent = 0
    async for finding in probe(board, description):
        asked += 1
        silent += not finding.answered
        print(f"  {'✔' if finding.answered else '✘'} {finding.place:22} {finding.driver:20} {finding.told}", flush=True)
    print(f"{asked - silent} of {asked} devices answered")
    if silent:
        print("wayside: look at wiring, supply and the board file of the devices marked ✘", file=sys.stderr)
    return 1 if silent else 0
