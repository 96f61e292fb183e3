"""The line of each key in a board file, and errors that name it."""

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from boards import BoardError, list_boards, load_board
from boards.lines import line_of, lines_of
from tests.boards.test_build import built_from
from tests.boards.test_loader import MINIMAL, written

PLACED = '''# a comment with [brackets] and a "quote
[board]
name = "a # b" # more
"max_current_a" = 32
[bus.rs485]
path = "/dev/x"
[[evse]]
id = 1
max_current_a = 16.0
pilot = { driver = "mock", levels = [1, 2], note = 'a}b' }
inputs = [
    { driver = "mock" },
    # closed loop

    { driver = "gpio", line = "!DOOR", pull = "up" }, # {
]
world.supply.voltage_v = [
    230,
    231]
[evse.contactor]
driver = "mock"
[[evse]]
id = 2
[evse.meter]
text = """
[[evse]]
"""
unit = 1
'''


@pytest.mark.parametrize(
    ("place", "line"),
    [
        ("board", 2),
        ("board.max_current_a", 4),
        ("bus.rs485.path", 6),
        ("evse[1]", 7),
        ("evse[1].max_current_a", 9),
        ("evse[1].pilot.note", 10),
        ("evse[1].inputs[1].driver", 12),
        ("evse[1].inputs[2].pull", 15),
        ("evse[1].world.supply.voltage_v[2]", 19),
        ("evse[1].contactor.driver", 21),
        ("evse[2].id", 23),
        ("evse[2].meter.unit", 28),
        ("evse[2].meter.bus", 24),  # missing: the table where it belongs
        ("evse[2].pilot.driver", 22),
        ("evse[3].id", None),
        ("", None),
    ],
)
def test_every_key_has_its_line(place: str, line: int | None) -> None:
    """Strings, comments, inline tables, arrays over several lines and tables within an array's last element do not mislead it."""
    assert tomllib.loads(PLACED)
    assert line_of(lines_of(PLACED), place) == line


@pytest.mark.parametrize("name", list_boards())
def test_every_key_of_a_shipped_board_has_a_line_that_names_it(name: str) -> None:
    """The scanner finds what the parser found, and nothing else."""
    text = list_boards()[name].read_text(encoding="utf-8")
    lines, rows = lines_of(text), text.splitlines()
    document: dict[str, Any] = tomllib.loads(text)

    def places(value: object, place: str) -> Iterator[str]:
        yield place
        if isinstance(value, dict):
            for key, inner in value.items():
                yield from places(inner, f"{place}.{key}" if place else key)
        elif isinstance(value, list):
            for number, inner in enumerate(value, 1):
                yield from places(inner, f"{place}[{number}]")

    found = [
        place for place in places(document, "") if place and place not in {"evse", "reader", "input", "bus", "world"}
    ]
    assert set(found) == set(lines)
    for place in found:
        key = place.rpartition(".")[2]
        if "[" not in key:
            assert key in rows[lines[place] - 1]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("max_current_a = 16", "max_current_a = 5", "board.toml:11: evse[1].max_current_a: Input should be"),
        ("unit = 1", "unti = 1", "board.toml:14: evse[1].meter: meter driver 'eastron-sdm630' has no option 'unti'"),
        ("unit = 1", 'unit = "1"', "board.toml:14: evse[1].meter.unit: Input should be a valid integer"),
        ("[[reader]]", "[world.supply]\nvoltage = 230\n[[reader]]", "board.toml:16: world.supply.voltage: unknown key"),
    ],
)
def test_an_error_names_file_line_and_key(tmp_path: Path, old: str, new: str, said: str) -> None:
    """Whoever finds it: the loader, the driver when the board is built, or the mock world."""
    assert old in MINIMAL
    file = written(tmp_path, MINIMAL.replace(old, new))
    with pytest.raises(BoardError) as refused:
        built_from(load_board(file))
    assert said in str(refused.value)
