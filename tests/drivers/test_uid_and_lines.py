"""Card numbers as text, lines out of bytes, and keys that make lines."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hal.codecs.keys import LineTyper
from hal.codecs.lines import LineSplitter
from hal.codecs.uid import BadUid, ByteOrder, UidFormat, parse_uid, token_of

# Codes from linux/input-event-codes.h, written out here: 0-9, A-F on the main rows.
CODES = {"1": 2, "2": 3, "3": 4, "4": 5, "5": 6, "6": 7, "7": 8, "8": 9, "9": 10, "0": 11}
CODES |= {"a": 30, "b": 48, "c": 46, "d": 32, "e": 18, "f": 33, ":": 39, "-": 12}
KEYPAD = {"7": 71, "8": 72, "9": 73, "4": 75, "5": 76, "6": 77, "1": 79, "2": 80, "3": 81, "0": 82}
ENTER, KEYPAD_ENTER, LEFT_SHIFT, F1 = 28, 96, 42, 59


def test_a_token_is_upper_case_hexadecimal_byte_0_first() -> None:
    """Ten bytes are twenty characters, which is what OCPP 1.6 has room for."""
    assert token_of(bytes.fromhex("04a1b2c3d4e5f6071829"), ByteOrder.ISO) == "04A1B2C3D4E5F6071829"


def test_a_reader_that_reverses_is_turned_round() -> None:
    """The board says that the reader sends byte 0 last."""
    assert token_of(bytes.fromhex("d3c2b104"), ByteOrder.REVERSED) == "04B1C2D3"


@pytest.mark.parametrize("text", ["04B1C2D3", "04b1c2d3", "04:b1:c2:d3", "04 B1 C2 D3", "04-B1-C2-D3", "  04B1C2D3 "])
def test_hexadecimal_in_every_dress(text: str) -> None:
    """Readers differ in case and separators."""
    assert parse_uid(text, UidFormat.HEX) == bytes.fromhex("04b1c2d3")


@pytest.mark.parametrize("text", ["", "0078037715", "78037715"])
def test_decimal_is_a_number_of_four_bytes(text: str) -> None:
    """Leading zeros do not matter; nothing is no number."""
    if not text:
        with pytest.raises(BadUid):
            parse_uid(text, UidFormat.DECIMAL)
    else:
        assert parse_uid(text, UidFormat.DECIMAL) == (78037715).to_bytes(4, "big")


@pytest.mark.parametrize("text", ["04B1C2", "04B1C2D3E", "04B1C2D3E5", "hello", "04B1C2G3", ""])
def test_what_is_no_uid_is_refused(text: str) -> None:
    """A dropped byte or digit is an error, never another person's card."""
    with pytest.raises(BadUid):
        parse_uid(text, UidFormat.HEX)


def test_other_lengths_are_for_the_board_to_allow() -> None:
    """A reader for other cards says which lengths they have."""
    assert len(parse_uid("0102030405", UidFormat.HEX, (5,))) == 5


@pytest.mark.parametrize("text", ["4294967296", "12a4", "²", "9" * 5000])
def test_what_is_no_decimal_number_is_refused(text: str) -> None:
    """More than four bytes, letters, and digits of other scripts are no card number."""
    with pytest.raises(BadUid):
        parse_uid(text, UidFormat.DECIMAL)


def test_lines_end_with_cr_or_lf_or_both() -> None:
    """Empty lines are dropped, so that CR LF ends one line and not two."""
    splitter = LineSplitter(16)
    assert splitter.feed(b"one\r\ntwo\nthree\rfo") == [b"one", b"two", b"three"]
    assert splitter.rest == b"fo"
    assert splitter.feed(b"ur\n") == [b"four"]


def test_a_line_too_long_is_dropped_whole() -> None:
    """Not its beginning, not its end, and it is counted once."""
    splitter = LineSplitter(4)
    assert splitter.feed(b"12345") == []
    assert splitter.feed(b"6789") == []
    assert splitter.feed(b"0\nok\n") == [b"ok"]
    assert splitter.feed(b"123456\nok\n") == [b"ok"]
    assert splitter.overlong == 2


def test_clearing_forgets_a_line_that_has_begun() -> None:
    """What comes next is a line of its own."""
    splitter = LineSplitter(4)
    splitter.feed(b"12")
    splitter.clear()
    assert splitter.feed(b"34\n") == [b"34"]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.binary(max_size=30), max_size=10))
def test_lines_do_not_depend_on_how_bytes_arrive(chunks: list[bytes]) -> None:
    """Whole, or byte by byte: the same lines, the same count, and never more than the limit kept."""
    whole, single = LineSplitter(8), LineSplitter(8)
    data = b"".join(chunks)
    assert whole.feed(data) == [found for byte in data for found in single.feed(bytes([byte]))]
    assert whole.overlong == single.overlong
    assert len(single.rest) <= 8


def test_keys_make_a_line_at_enter() -> None:
    """Digits and letters of both rows, shift ignored, Enter of either kind."""
    typer = LineTyper()
    codes = [LEFT_SHIFT, *(CODES[c] for c in "04:b1:c2-d3")]
    assert [typer.press(code) for code in codes] == [None] * len(codes)
    assert typer.press(ENTER) == "04:b1:c2-d3"
    for digit in "0123456789":
        typer.press(KEYPAD[digit])
    assert typer.press(KEYPAD_ENTER) == "0123456789"


def test_an_unknown_key_spoils_the_line() -> None:
    """A key that belongs to no card number must not vanish from the middle of one."""
    typer = LineTyper()
    for code in (CODES["1"], F1, CODES["2"]):
        typer.press(code)
    line = typer.press(ENTER)
    assert line is not None
    with pytest.raises(BadUid):
        parse_uid(line, UidFormat.HEX, (1,))


def test_enter_alone_and_endless_typing_give_nothing() -> None:
    """An empty line is none, and a key that hangs is not kept without bound."""
    typer = LineTyper(max_length=8)
    assert typer.press(ENTER) is None
    for _ in range(1000):
        typer.press(CODES["1"])
    assert len(typer._typed) <= 9
    assert typer.press(ENTER) is None
    typer.press(CODES["1"])
    typer.clear()
    assert typer.press(ENTER) is None
