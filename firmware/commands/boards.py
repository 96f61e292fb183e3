"""`wayside boards`: lists the boards that ship with the program and checks board files."""

import argparse
import random
import sys
from pathlib import Path

from boards import BoardError, build, find_board, list_boards, load_board
from firmware.commands import common


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `wayside boards`."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    actions.add_parser("list", help="boards that ship with the program")
    check = actions.add_parser("check", help="check a board file without touching any device")
    check.add_argument("board", metavar="NAME|FILE")


def run(args: argparse.Namespace) -> int:
    """List or check."""
    if args.action == "list":
        for name, path in list_boards().items():
            print(f"{name:28} {load_board(path).board.name}")
        return 0

    async def main() -> int:
        return _check(args.board)

    return common.run_guarded(main)


def _check(name: str) -> int:
    from boards.mock import make_world

    path: Path = find_board(name)
    description = load_board(path)
    around = common.real_surroundings(Path())
    import asyncio

    world = (
        make_world(description, source=asyncio.get_running_loop(), clock=around.clock) if description.is_mock else None
    )
    try:
        board = build(description, clock=around.clock, rng=random.Random(0), world=world)
    except BoardError as error:
        print(f"wayside: {error}", file=sys.stderr)
        return 2
    print(f"{path}: {board.name}, {len(board.evses)} EVSE{'s' if len(board.evses) != 1 else ''}: good")
    return 0
