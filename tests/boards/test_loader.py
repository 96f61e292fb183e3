"""Board files: what is read, and the one line that says what is wrong with one."""

from pathlib import Path
from typing import Any

import pytest

from boards import BoardError, find_board, list_boards, load_board
from boards.loader import describe
from hal.bus import SerialBus, TcpBus

MINIMAL = """
[board]
name = "Small"
[bus.rs485]
path = "/dev/ttyAMA1"
parity = "E"
[bus.gateway]
host = "10.0.0.7"
[[evse]]
id = 1
max_current_a = 16
pilot = { driver = "mock" }
contactor = { driver = "mock" }
meter = { driver = "eastron-sdm630", bus = "rs485", unit = 1 }
[[reader]]
driver = "mock"
evses = [1]
"""


def written(tmp_path: Path, text: str | bytes) -> Path:
    """A board file with this content."""
    file = tmp_path / "board.toml"
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return file


def refusal(tmp_path: Path, text: str | bytes) -> BoardError:
    """What is said of a board file."""
    with pytest.raises(BoardError) as refused:
        load_board(written(tmp_path, text))
    assert "\n" not in str(refused.value)
    assert str(refused.value).startswith(str(tmp_path / "board.toml"))
    return refused.value


def test_a_board_is_read_with_its_defaults(tmp_path: Path) -> None:
    """Whole numbers serve as currents, options stay with their driver, and what is left out has its default."""
    board = load_board(written(tmp_path, MINIMAL))
    evse = board.evse[0]
    assert (board.board.name, board.board.phases, board.board.max_current_a) == ("Small", 3, None)
    assert (evse.max_current_a, evse.phases, evse.connector_type, evse.fixed_cable) == (16.0, None, "type2", False)
    assert evse.meter.driver == "eastron-sdm630"
    assert evse.meter.options == {"bus": "rs485", "unit": 1}
    assert board.bus["rs485"].bus() == SerialBus("/dev/ttyAMA1", 9600, "E")
    assert board.bus["gateway"].bus() == TcpBus("10.0.0.7", 502)
    assert board.is_mock


def test_a_board_without_mock_devices_is_none(tmp_path: Path) -> None:
    """The mock world is for boards with mock devices, or a world table, only."""
    text = MINIMAL.replace('"mock"', '"openevse"')
    assert not load_board(written(tmp_path, text)).is_mock
    assert load_board(written(tmp_path, text + "[world]\n")).is_mock


def test_every_shipped_board_can_be_read() -> None:
    """No board ships broken, and the mock board is among them."""
    boards = list_boards()
    assert "mock" in boards
    for name, file in boards.items():
        assert find_board(name) == file
        assert load_board(file).board.name


def test_a_board_is_found_by_name_or_path(tmp_path: Path) -> None:
    """A name is a shipped board, everything else is a file; neither is an error that lists the names."""
    file = written(tmp_path, MINIMAL)
    assert find_board(str(file)) == file
    with pytest.raises(BoardError, match=r"^toaster: no such board; shipped are .*mock.*, or give the path"):
        find_board("toaster")


@pytest.mark.parametrize(
    ("old", "new", "place", "reason"),
    [
        ('name = "Small"', 'name = "Small"\ncolour = "red"', "board.colour", "unknown key"),
        ('name = "Small"', "", "board.name", "missing"),
        ('name = "Small"', 'name = ""', "board.name", "at least 1 character"),
        ("[board]", "[bored]", "board", "missing"),
        ("max_current_a = 16", "max_current_a = 5.9", "evse[1].max_current_a", "greater than or equal to 6, not 5.9"),
        ("max_current_a = 16", "max_current_a = 81", "evse[1].max_current_a", "less than or equal to 80, not 81"),
        ("max_current_a = 16", "max_current_a = nan", "evse[1].max_current_a", "finite number"),
        ("max_current_a = 16", 'max_current_a = "16"', "evse[1].max_current_a", "valid number, not '16'"),
        ("max_current_a = 16", "max_curent_a = 16", "evse[1].max_current_a", "missing"),
        ("max_current_a = 16", "max_current_a = 16\nphases = 2", "evse[1].phases", "1 or 3, not 2"),
        ("max_current_a = 16", "max_current_a = 16\nid = 1.5", "", "line"),
        ("id = 1\n", "id = 0\n", "evse[1].id", "greater than or equal to 1, not 0"),
        ("id = 1\n", "id = 2\n", "evse", "1 is missing"),
        ("max_current_a = 16", 'max_current_a = 16\nconnector_type = "plug"', "evse[1].connector_type", "'type2'"),
        ('pilot = { driver = "mock" }', "", "evse[1].pilot", "missing"),
        ('pilot = { driver = "mock" }', "pilot = { path = 1 }", "evse[1].pilot.driver", "missing"),
        ('pilot = { driver = "mock" }', 'pilot = "mock"', "evse[1].pilot", "object"),
        ('bus = "rs485"', 'bus = "rs458"', "evse[1].meter.bus", "no bus 'rs458'; there are: rs485, gateway"),
        ("evses = [1]", "evses = [1, 4]", "reader[1].evses", "no EVSE 4"),
        ('parity = "E"', 'parity = "X"', "bus.rs485.parity", "'N', 'E' or 'O', not 'X'"),
        ('host = "10.0.0.7"', 'host = "10.0.0.7"\nbaud = 9600', "bus.gateway", "baud does not belong to a TCP gateway"),
        ('parity = "E"', 'parity = "E"\nport = 5', "bus.rs485", "port does not belong to a serial line"),
        ('host = "10.0.0.7"', "", "bus.gateway", "give either path"),
        ('host = "10.0.0.7"', "port = 70000", "bus.gateway.port", "less than or equal to 65535"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(tmp_path: Path, old: str, new: str, place: str, reason: str) -> None:
    """One line: the file, the key, and why."""
    assert old in MINIMAL
    error = refusal(tmp_path, MINIMAL.replace(old, new))
    assert error.place == place
    assert reason in error.reason


def test_two_evses_of_one_number_are_refused(tmp_path: Path) -> None:
    """The second one is named."""
    evse = MINIMAL[MINIMAL.index("[[evse]]") : MINIMAL.index("[[reader]]")]
    error = refusal(tmp_path, MINIMAL + evse)
    assert (error.place, error.reason) == ("evse[2].id", "there is an EVSE 1 already")


def test_no_evse_at_all_is_refused(tmp_path: Path) -> None:
    """A board without an EVSE is no charge point."""
    assert refusal(tmp_path, '[board]\nname = "x"\n').place == "evse"
    assert refusal(tmp_path, 'evse = []\n[board]\nname = "x"\n').place == "evse"


def test_broken_toml_is_named_with_its_line(tmp_path: Path) -> None:
    """Where the parser stopped."""
    assert "at line 3, column 8" in refusal(tmp_path, '[board]\nname = "x"\nphases 3\n').reason


def test_unreadable_files_are_refused(tmp_path: Path) -> None:
    """Not UTF-8, and not there."""
    assert refusal(tmp_path, b'[board]\nname = "\xff"\n').place == "byte 16"
    with pytest.raises(BoardError, match="cannot be read: No such file"):
        load_board(tmp_path / "none.toml")


@pytest.mark.parametrize("value", ["2024-01-01", "inf"])
def test_values_that_json_does_not_have_are_wrong_values(tmp_path: Path, value: str) -> None:
    """A date or an infinity is refused like any other wrong value."""
    assert (
        refusal(tmp_path, MINIMAL.replace("max_current_a = 16", f"max_current_a = {value}")).place
        == "evse[1].max_current_a"
    )


def test_the_source_is_not_a_key_of_the_file() -> None:
    """A file cannot name itself."""
    document: dict[str, Any] = {"source": "elsewhere", "board": {"name": "x"}}
    with pytest.raises(BoardError, match=r"^b\.toml: source: unknown key"):
        describe(document, "b.toml")
