"""The AT codec against answers as 3GPP TS 27.007 and the Quectel EC2x manual print them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hal.codecs import at
from hal.codecs.at import Exchange, Operator, RadioReport, Registration, Response


def run(exchange: Exchange, *lines: bytes) -> Response | None:
    """Feed lines and return the last result."""
    result = None
    for line in lines:
        result = exchange.feed(line)
    return result


def test_an_answer_ends_with_its_final_line() -> None:
    """Information first, then OK."""
    exchange = Exchange("AT+CSQ", "+CSQ")
    assert exchange.request == b"AT+CSQ\r"
    assert run(exchange, b"+CSQ: 18,99") is None
    answer = run(exchange, b"OK")
    assert answer == Response(("+CSQ: 18,99",), "OK")
    assert answer.ok
    assert answer.first == "+CSQ: 18,99"


def test_echo_and_events_are_not_the_answer() -> None:
    """Lines that the command does not expect are the modem's own affair."""
    answer = run(Exchange("AT+CSQ", "+CSQ"), b"AT+CSQ", b"+CREG: 2", b"RING", b"+CSQ: 3,0", b"OK")
    assert answer == Response(("+CSQ: 3,0",), "OK")


def test_a_command_without_information_takes_none() -> None:
    """Only the final line counts."""
    answer = run(Exchange("ATE0"), b"ATE0", b"+CSQ: 1,1", b"OK")
    assert answer == Response((), "OK")
    assert answer.first is None


@pytest.mark.parametrize(
    "final", [b"ERROR", b"+CME ERROR: 10", b"+CME ERROR: SIM not inserted", b"+CMS ERROR: 500", b"NO CARRIER"]
)
def test_a_refusal_is_an_answer_too(final: bytes) -> None:
    """It ends the exchange, and is not success."""
    answer = run(Exchange("AT+CIMI", at.IMSI), final)
    assert answer is not None
    assert not answer.ok
    assert answer.final == final.decode()


def test_a_bare_number_is_told_by_its_shape() -> None:
    """`+CIMI` answers a number without a name before it."""
    answer = run(Exchange("AT+CIMI", at.IMSI), b"+CREG: 1", b"262011234567890", b"OK")
    assert answer == Response(("262011234567890",), "OK")


@pytest.mark.parametrize(
    ("line", "dbm"),
    [
        ("+CSQ: 0,99", -113),
        ("+CSQ: 18,99", -77),
        ("+CSQ: 31,0", -51),
        ("+CSQ: 99,99", None),
        ("+CSQ: ", None),
        ("+CSQ: x,1", None),
    ],
)
def test_signal(line: str, dbm: int | None) -> None:
    """TS 27.007 section 8.5: 0 is -113 dBm, 31 is -51 dBm, 99 is not known and never a number."""
    assert at.parse_signal_dbm(line) == dbm


@pytest.mark.parametrize(
    ("line", "registration"),
    [
        ("+CEREG: 0,1", Registration(True, False)),
        ('+CEREG: 2,5,"1A2B","0123ABCD",7', Registration(True, True)),
        ("+CEREG: 0,2", Registration(False, None)),
        ("+CEREG: 0,3", Registration(False, None)),
        ("+CEREG: 0,4", Registration(None, None)),
        ("+CEREG: 5", None),
        ('+CEREG: 1,"1A2B","0123ABCD",7', None),
        ('+CEREG: 1,"0012","0123ABCD",7', None),
        ("+CEREG: a,b", None),
    ],
)
def test_registration(line: str, registration: Registration | None) -> None:
    """TS 27.007 section 10.1.22: 1 home, 5 roaming; a line without a mode is an event and no answer."""
    assert at.parse_registration(line) == registration


@pytest.mark.parametrize(
    ("line", "operator"),
    [
        ('+COPS: 0,0,"Telekom.de",7', Operator("Telekom.de", "LTE")),
        ('+COPS: 0,0,"A, B",2', Operator("A, B", "UMTS")),
        ('+COPS: 0,2,"26201"', Operator("26201", None)),
        ('+COPS: 0,0,"",99', Operator(None, None)),
        ("+COPS: 0", Operator(None, None)),
    ],
)
def test_operator(line: str, operator: Operator) -> None:
    """TS 27.007 section 7.3; without a network there is only the mode."""
    assert at.parse_operator(line) == operator


@pytest.mark.parametrize(
    ("line", "address"),
    [
        ('+CGPADDR: 1,"10.56.1.23"', "10.56.1.23"),
        ("+CGPADDR: 1,10.56.1.23", "10.56.1.23"),
        ('+CGPADDR: 1,"32.1.13.184.0.0.0.0.0.0.0.0.0.0.0.1"', "2001:db8::1"),
        ('+CGPADDR: 1,"999.1.13.184.0.0.0.0.0.0.0.0.0.0.0.1"', None),
        ('+CGPADDR: 1,"0.0.0.0"', None),
        ("+CGPADDR: 1", None),
        ('+CGPADDR: 1,"nonsense"', None),
    ],
)
def test_address(line: str, address: str | None) -> None:
    """TS 27.007 section 10.1.23: an address of zeros is no address."""
    assert at.parse_address(line) == address


@pytest.mark.parametrize(
    ("line", "report"),
    [
        ('+QCSQ: "LTE",-64,-95,131,-10', RadioReport("LTE", -64)),
        ('+QCSQ: "GSM"', RadioReport("GSM", None)),
        ('+QCSQ: "LTE",-200,-95', RadioReport("LTE", None)),
        ('+QCSQ: "NOSERVICE"', RadioReport(None, None)),
        ("+QCSQ: ", RadioReport(None, None)),
    ],
)
def test_radio_report(line: str, report: RadioReport) -> None:
    """Quectel EC2x manual, AT+QCSQ: mode, then RSSI."""
    assert at.parse_radio_report(line) == report


@pytest.mark.parametrize(
    ("lines", "celsius"),
    [
        (("+QTEMP: 35,38,33",), 38.0),
        (('+QTEMP:"qfe_wtr_pa0","31"', '+QTEMP:"aoss0-usr","42"'), 42.0),
        (("+QTEMP: 255,-273",), None),
        ((), None),
    ],
)
def test_temperature(lines: tuple[str, ...], celsius: float | None) -> None:
    """Both forms that Quectel modems use; values that no modem has are left out."""
    assert at.parse_temperature_c(lines) == celsius


@pytest.mark.parametrize(
    ("line", "iccid"),
    [
        ("+QCCID: 89490200001234567890", "89490200001234567890"),
        ("+QCCID: 8949020000123456789F", "8949020000123456789"),
        ('+CCID: "89490200001234567890"', "89490200001234567890"),
        ("+ICCID: 89490200001234567890", "89490200001234567890"),
        ("89490200001234567890", "89490200001234567890"),
        ("+QCCID: 1234", None),
        ("+CREG: 1", None),
    ],
)
def test_iccid(line: str, iccid: str | None) -> None:
    """ITU-T E.118: begins with 89, at most 19 digits and a check digit; modems fill up with F."""
    assert at.parse_iccid(line) == iccid


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=80), st.text(st.characters(exclude_characters="\r\n"), max_size=60))
def test_any_line_is_survived(raw: bytes, text: str) -> None:
    """No line, whatever is in it, raises."""
    Exchange("AT+CIMI", at.IMSI).feed(raw)
    Exchange("AT+CSQ", "+CSQ").feed(raw)
    line = f"+X: {text}"
    for parse in (
        at.parse_signal_dbm,
        at.parse_registration,
        at.parse_operator,
        at.parse_address,
        at.parse_radio_report,
        at.parse_iccid,
    ):
        parse(line)
    at.parse_temperature_c((line,))
