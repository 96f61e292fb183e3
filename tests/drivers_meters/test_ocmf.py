"""Records in OCMF, after the examples of the specification."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hal.codecs.ocmf import parse
from hal.errors import BadReply

SIGNATURE = '{"SD":"887FABF407AC82782EEFFF2220C2F856AEB0BC22364BBCC6B55761911ED651D1A922BADA88818C9671AFEE7094D7F536"}'


def record(*marks: str, serial: str = "BQ27400330016", text: str = "Tarif 1") -> str:
    """A record with one reading for each mark."""
    readings = [
        {"TM": "2018-07-24T13:22:04,000+0200 S", "TX": mark, "RV": 2935.6, "RI": "1-b:1.8.0", "RU": "kWh", "ST": "G"}
        for mark in marks
    ]
    payload = {"FV": "1.0", "GI": "ABL SBC-301", "PG": "T12345", "MS": serial, "TT": text, "RD": readings}
    return f"OCMF|{json.dumps(payload)}|{SIGNATURE}"


def test_a_record_keeps_its_text_byte_for_byte() -> None:
    """The text is evidence: only blanks around it go."""
    text = record("B", "E")
    parsed = parse(f"\n{text}\r\n")
    assert parsed.text == text
    assert (parsed.meter_serial, parsed.transaction_marks) == ("BQ27400330016", ("B", "E"))


@pytest.mark.parametrize(
    ("marks", "closed"),
    [
        (("B", "E"), True),
        (("B", "C", "L"), True),
        (("B", "R"), True),
        (("B", "A"), True),
        (("B", "P"), True),
        (("B",), False),
        (("B", "C"), False),
        (("C", "E"), False),
        ((), False),
    ],
)
def test_a_record_is_closed_by_a_begin_and_an_end(marks: tuple[str, ...], closed: bool) -> None:
    """Only both together say an amount of energy."""
    assert parse(record(*marks)).closed is closed


def test_a_bar_inside_of_a_text_separates_nothing() -> None:
    """The sections end where their JSON ends."""
    assert parse(record("B", "E", text="day|night")).closed


def test_a_record_without_a_serial_number_has_none() -> None:
    """The number is optional in the format."""
    assert parse(record("B", serial="")).meter_serial is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "OCMF",
        "OCMF|",
        "ocmf|{}|{}",
        'OCMF|{"RD":[]}',
        'OCMF|{"RD":[]}|',
        f'OCMF|["RD"]|{SIGNATURE}',
        'OCMF|{"RD":[]}|[]',
        f"OCMF|{{}}|{SIGNATURE}",
        f'OCMF|{{"RD":[1]}}|{SIGNATURE}',
        'OCMF|{"RD":[]}|{}',
        'OCMF|{"RD":[]}|{"SD":""}',
        f'OCMF|{{"RD":[]}}|{SIGNATURE}|more',
        f'OCMF|{{"RD":[]}} |{SIGNATURE}',
        "OCMF|" + "[" * 100_000,
        "<html><body>404</body></html>",
    ],
)
def test_what_is_no_record_is_refused(text: str) -> None:
    """The error shows how the text begins, and not more than that."""
    with pytest.raises(BadReply, match="OCMF record") as refused:
        parse(text)
    assert len(str(refused.value)) < 250


@given(st.text(max_size=60))
@settings(max_examples=200, deadline=None)
def test_no_text_upsets_the_parser(text: str) -> None:
    """Random text behind the header is refused."""
    with pytest.raises(BadReply):
        parse(f"OCMF|{text}")
