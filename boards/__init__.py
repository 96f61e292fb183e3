"""A controller is a TOML file; this room turns it into devices.

`find_board` and `load_board` read and check a file, `build` makes its devices through the driver registry, and
`boards.mock.make_world` makes the desktop world that a mock board needs.
"""

from boards.board import Board, EvseHardware, build
from boards.description import BoardDescription
from boards.errors import BoardError
from boards.loader import find_board, list_boards, load_board

__all__ = [
    "Board",
    "BoardDescription",
    "BoardError",
    "EvseHardware",
    "build",
    "find_board",
    "list_boards",
    "load_board",
]
