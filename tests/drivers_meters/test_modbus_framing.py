"""Modbus frames, with bytes from the Eastron manuals and from the Modbus specifications."""

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hal.drivers.modbus_framing import (
    HOLDING,
    INPUT,
    NoSuchRegister,
    ReadRequest,
    RtuFraming,
    TcpFraming,
    registers_of,
)
from hal.errors import BadReply, DeviceRefused, DeviceTimeout
from tests.drivers_meters.wire import answer, refusal

# Eastron manuals, chapter 4: volts of phase 1, and the pulse width from a holding register.
VOLTS = ReadRequest(unit=1, function=INPUT, address=0x0156, count=2)
VOLTS_SENT = bytes.fromhex("01 04 01 56 00 02 90 27")
VOLTS_ANSWER = bytes.fromhex("01 04 04 43 66 33 34 1B 38")
PULSE = ReadRequest(unit=1, function=HOLDING, address=0x000C, count=2)
PULSE_SENT = bytes.fromhex("01 03 00 0C 00 02 04 08")
PULSE_ANSWER = bytes.fromhex("01 03 04 42 C8 00 00 6F B5")
# Modbus Messaging on TCP/IP, section 3.1.3, and the application protocol, section 6.3.
TCP_ASKED = ReadRequest(unit=1, function=HOLDING, address=0x006B, count=3)
TCP_SENT = bytes.fromhex("00 01 00 00 00 06 01 03 00 6B 00 03")
TCP_ANSWER = bytes.fromhex("00 01 00 00 00 09 01 03 06 02 2B 00 00 00 64")


def found(received: bytes, request: ReadRequest = VOLTS) -> tuple[int, ...] | None:
    """The registers of an answer on a serial line, None when there is no answer."""
    match = RtuFraming().find(received, request)
    return None if match is None else registers_of(match[1], request)


@pytest.mark.parametrize(("request_", "sent"), [(VOLTS, VOLTS_SENT), (PULSE, PULSE_SENT)], ids=["input", "holding"])
def test_requests_are_those_of_the_manual(request_: ReadRequest, sent: bytes) -> None:
    """Both kinds of registers are asked for byte by byte as the manual shows it."""
    assert RtuFraming().encode(request_) == sent


def test_answers_are_read_as_in_the_manual() -> None:
    """The registers of the manual's answers come out in their order."""
    assert found(VOLTS_ANSWER) == (0x4366, 0x3334)
    assert found(PULSE_ANSWER, PULSE) == (0x42C8, 0x0000)


def test_an_answer_ends_where_its_check_ends() -> None:
    """What comes behind an answer is left to the caller."""
    match = RtuFraming().find(b"\x00" + VOLTS_ANSWER + b"\xff", VOLTS)
    assert match is not None
    assert match[0] == 1 + len(VOLTS_ANSWER)


@pytest.mark.parametrize(
    "noise", [b"\x00", b"\xff\xff", b"\x01", b"\x01\x04", b"\x01\x04\x04", VOLTS_SENT, b"\x01\x84"]
)
def test_noise_in_front_does_not_hide_an_answer(noise: bytes) -> None:
    """A glitch of the line, or the echo of our own request, is passed over."""
    assert found(noise + VOLTS_ANSWER) == (0x4366, 0x3334)


@pytest.mark.parametrize("length", range(len(VOLTS_ANSWER)))
def test_a_part_of_an_answer_is_none(length: int) -> None:
    """Nothing is read from an answer that is not whole."""
    assert found(VOLTS_ANSWER[:length]) is None


@pytest.mark.parametrize("position", range(len(VOLTS_ANSWER)))
def test_a_damaged_answer_is_none(position: int) -> None:
    """One wrong bit anywhere, and nothing is read."""
    damaged = bytearray(VOLTS_ANSWER)
    damaged[position] ^= 0x10
    assert found(bytes(damaged)) is None


@pytest.mark.parametrize(
    "other",
    [
        answer(2, INPUT, b"\x43\x66\x33\x34"),
        answer(1, HOLDING, b"\x43\x66\x33\x34"),
        answer(1, INPUT, b"\x43\x66"),
        answer(1, INPUT, b"\x43\x66\x33\x34\x00\x00"),
        refusal(2, INPUT, 2),
        refusal(1, HOLDING, 2),
    ],
    ids=["unit", "function", "shorter", "longer", "refusal of another unit", "refusal of another function"],
)
def test_an_answer_to_something_else_is_none(other: bytes) -> None:
    """A whole and undamaged frame that does not fit the request is no answer to it; the right one behind it is."""
    assert found(other) is None
    assert found(other + VOLTS_ANSWER) == (0x4366, 0x3334)


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (1, NoSuchRegister),
        (2, NoSuchRegister),
        (3, NoSuchRegister),
        (4, DeviceRefused),
        (6, DeviceRefused),
        (0x0A, DeviceTimeout),
        (0x0B, DeviceTimeout),
        (0x77, DeviceRefused),
    ],
)
def test_refusals_say_what_the_device_said(code: int, error: type[Exception]) -> None:
    """Exception codes become errors that name the unit and the code: never registers."""
    with pytest.raises(error, match=rf"unit 1 .*exception {code}\)"):
        found(refusal(1, INPUT, code))


@given(st.binary(max_size=64))
@settings(max_examples=300, deadline=None)
def test_no_bytes_upset_the_search(noise: bytes) -> None:
    """Whatever a line brings, without a right check there is no answer in it."""
    assert found(noise) is None


@given(st.binary(max_size=12), st.lists(st.integers(0, 0xFFFF), min_size=1, max_size=125), st.binary(max_size=12))
@settings(max_examples=200, deadline=None)
def test_an_answer_is_found_between_any_noise(before: bytes, values: list[int], after: bytes) -> None:
    """Noise around an answer takes nothing away from it."""
    request = ReadRequest(9, HOLDING, 0, len(values))
    whole = answer(9, HOLDING, struct.pack(f">{len(values)}H", *values))
    assert found(before + whole + after, request) == tuple(values)


@pytest.mark.parametrize(
    "fields",
    [(0, 3, 0, 1), (248, 3, 0, 1), (1, 6, 0, 1), (1, 3, 0, 0), (1, 3, 0, 126), (1, 3, 0xFFFF, 2), (1, 3, -1, 1)],
)
def test_impossible_requests_are_refused(fields: tuple[int, int, int, int]) -> None:
    """What Modbus has no words for raises ValueError before anything is sent."""
    with pytest.raises(ValueError, match=r"unit|function|registers"):
        ReadRequest(*fields)


def test_tcp_frames_are_those_of_the_specification() -> None:
    """Header and body as in the specification's example."""
    framing = TcpFraming()
    assert framing.encode(TCP_ASKED) == TCP_SENT
    got = framing.feed(TCP_ANSWER, TCP_ASKED)
    assert got is not None
    assert registers_of(got, TCP_ASKED) == (555, 0, 100)


def test_a_tcp_answer_may_come_in_pieces() -> None:
    """A stream has no frames: each byte may come alone."""
    framing = TcpFraming()
    framing.encode(TCP_ASKED)
    pieces = [framing.feed(TCP_ANSWER[i : i + 1], TCP_ASKED) for i in range(len(TCP_ANSWER))]
    assert pieces[:-1] == [None] * (len(TCP_ANSWER) - 1)
    assert pieces[-1] is not None


def test_a_late_tcp_answer_is_passed_over() -> None:
    """An answer to an earlier request is known by its number; the right one behind it, in the same piece, is found."""
    framing = TcpFraming()
    framing.encode(TCP_ASKED)
    assert framing.encode(TCP_ASKED)[:2] == b"\x00\x02"
    late = bytes.fromhex("00 01 00 00 00 09 01 03 06 FF FF FF FF FF FF")
    right = b"\x00\x02" + TCP_ANSWER[2:]
    got = framing.feed(late + right, TCP_ASKED)
    assert got is not None
    assert registers_of(got, TCP_ASKED) == (555, 0, 100)


@pytest.mark.parametrize(
    "stream",
    [b"HTTP/1.1 400 Bad", bytes.fromhex("00 01 00 00 00 00 01"), bytes.fromhex("00 01 00 00 FF FF 01")],
    ids=["another protocol", "too short", "too long"],
)
def test_a_stream_that_is_not_modbus_is_given_up(stream: bytes) -> None:
    """Garbage in a stream raises BadReply, since nobody can tell where the next frame begins."""
    framing = TcpFraming()
    framing.encode(TCP_ASKED)
    with pytest.raises(BadReply, match="does not speak Modbus TCP"):
        framing.feed(stream, TCP_ASKED)


@pytest.mark.parametrize(
    "body",
    ["03 04 02 2B 00 00", "04 06 02 2B 00 00 00 64", "03 06 02 2B", "2B 00", "99 01"],
    ids=["fewer registers", "another function", "cut short", "no such function", "odd function"],
)
def test_a_tcp_answer_that_does_not_fit_is_refused(body: str) -> None:
    """The right number with the wrong content is an error, not a reading."""
    data = bytes.fromhex(body)
    framing = TcpFraming()
    framing.encode(TCP_ASKED)
    with pytest.raises(BadReply, match="not what was asked"):
        framing.feed(struct.pack(">HHHB", 1, 0, len(data) + 1, 1) + data, TCP_ASKED)


@given(st.binary(max_size=300))
@settings(max_examples=300, deadline=None)
def test_no_stream_upsets_the_tcp_framing(stream: bytes) -> None:
    """Whatever comes, it is an answer, nothing yet, or BadReply."""
    framing = TcpFraming()
    framing.encode(TCP_ASKED)
    try:
        got = framing.feed(stream, TCP_ASKED)
    except BadReply:
        return
    assert got is None or got.isError() or len(got.registers) == TCP_ASKED.count
