"""The PN532 codec against the literal bytes of NXP UM0701-02."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hal.codecs.pn532 import (
    ACK,
    Ack,
    Answer,
    Command,
    Firmware,
    Nack,
    Parser,
    Refusal,
    Target,
    get_firmware_version,
    limit_retries,
    list_passive_target,
    parse_firmware,
    parse_targets,
    sam_configuration,
)
from hal.errors import BadReply

# Section 7.2.2: the answer of a PN532 with firmware 1.6; checksums added by hand.
FIRMWARE_ANSWER = bytes.fromhex("0000ff06fad50332010607e800")
# A type A card with a four-byte UID (section 7.3.5): n 1, tg 1, SENS 00 04, SEL 08, length 4, UID.
CARD_ANSWER = bytes.fromhex("0000ff0cf4d54b010100040804deadbeef9600")


def test_commands_are_the_bytes_of_the_manual() -> None:
    """Each command is the frame that the manual prints for it."""
    assert get_firmware_version().hex() == "0000ff02fed402" + "2a00"
    assert sam_configuration().hex() == "0000ff05fbd414011401" + "0200"
    assert list_passive_target().hex() == "0000ff04fcd44a0100" + "e100"
    assert limit_retries(2).hex() == "0000ff06fad43205ff0102" + "f300"


def test_an_acknowledgement_and_an_answer_come_apart() -> None:
    """The acknowledgement and the answer behind it are two messages, in order."""
    assert Parser().feed(ACK + FIRMWARE_ANSWER) == [Ack(), Answer(Command.GET_FIRMWARE_VERSION, b"\x32\x01\x06\x07")]


def test_a_frame_in_single_bytes_is_the_same_frame() -> None:
    """Bytes may come one at a time."""
    parser = Parser()
    found = [message for byte in ACK + CARD_ANSWER for message in parser.feed(bytes([byte]))]
    assert found == [Ack(), Answer(Command.IN_LIST_PASSIVE_TARGET, CARD_ANSWER[7:-2])]


def test_short_frames_of_the_reader() -> None:
    """A refusal to take a frame and the error frame are told from answers (sections 6.2.1.4 and 6.2.1.5)."""
    assert Parser().feed(bytes.fromhex("0000ffff0000")) == [Nack()]
    assert Parser().feed(bytes.fromhex("0000ff01ff7f8100")) == [Refusal()]


def test_a_long_frame_is_read() -> None:
    """The extended frame of section 6.2.1.2 carries up to 265 bytes."""
    body = b"\xd5\x4b" + bytes(256)
    frame = b"\x00\x00\xff\xff\xff\x01\x02\xfd" + body + bytes([-sum(body) & 0xFF, 0])
    parser = Parser()
    assert parser.feed(frame[:6]) == []
    assert parser.feed(frame[6:]) == [Answer(0x4A, bytes(256))]


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param("0000ff06fbd50332010607e800", id="length checksum"),
        pytest.param("0000ff06fad50332010607e900", id="data checksum"),
        pytest.param("0000ffffffff00010000", id="extended length zero"),
        pytest.param("0000ff02fed4022a00", id="our own command echoed"),
        pytest.param("0000ff01ffd52b00", id="body without a code"),
    ],
)
def test_a_broken_frame_is_thrown_away_and_the_next_one_found(broken: str) -> None:
    """Whatever is wrong with a frame, it is counted and the frame behind it is read."""
    parser = Parser()
    assert parser.feed(bytes.fromhex(broken) + FIRMWARE_ANSWER) == [
        Answer(Command.GET_FIRMWARE_VERSION, b"\x32\x01\x06\x07")
    ]
    assert parser.bad_frames >= 1


def test_a_frame_that_never_ends_is_forgotten_by_a_reset() -> None:
    """After a reset the bytes of a frame that broke off do not swallow the next answer."""
    parser = Parser()
    assert parser.feed(bytes.fromhex("0000ff20e0d54b")) == []
    parser.reset()
    assert len(parser.feed(FIRMWARE_ANSWER)) == 1


def test_the_firmware_version() -> None:
    """IC, version and revision are the first three bytes; another length is refused."""
    assert parse_firmware(b"\x32\x01\x06\x07") == Firmware(0x32, 1, 6)
    with pytest.raises(BadReply):
        parse_firmware(b"\x32\x01\x06")


@pytest.mark.parametrize("uid", ["deadbeef", "04112233445566", "04112233445566778899"])
def test_a_card_has_four_seven_or_ten_bytes(uid: str) -> None:
    """Every length of UID that ISO 14443-3 knows is read whole."""
    raw = bytes.fromhex(uid)
    assert parse_targets(bytes([1, 1, 0x03, 0x44, 0x20, len(raw)]) + raw + b"\x06\x75\x77\x81\x02\x80") == Target(
        0x0344, 0x20, raw
    )


def test_no_card_is_none() -> None:
    """A list of no targets is not a card of zeros."""
    assert parse_targets(b"\x00") is None


@pytest.mark.parametrize("data", ["", "0101000408", "010100040804deadbe", "010100040805deadbeef00", "010100040800"])
def test_a_card_that_does_not_add_up_is_refused(data: str) -> None:
    """A UID of another length than announced, or of one that no card has, is an error and no token."""
    with pytest.raises(BadReply):
        parse_targets(bytes.fromhex(data))


@settings(max_examples=200, deadline=None)
@given(st.lists(st.binary(max_size=40), max_size=8))
def test_noise_never_becomes_a_card_and_never_grows(chunks: list[bytes]) -> None:
    """Random bytes raise nothing, are not kept without bound, and do not hide a frame that follows a reset."""
    parser = Parser()
    for chunk in chunks:
        parser.feed(chunk)
        assert len(parser._buffer) <= 7 + 265 + 1
    parser.reset()
    assert parser.feed(CARD_ANSWER) == [Answer(0x4A, CARD_ANSWER[7:-2])]


@settings(max_examples=100, deadline=None)
@given(st.integers(0, len(CARD_ANSWER) - 2), st.integers(1, 255))
def test_one_changed_byte_is_never_believed(position: int, change: int) -> None:
    """A frame with one wrong byte gives no card, unless the byte is the preamble or the postamble."""
    damaged = bytearray(CARD_ANSWER)
    damaged[position] ^= change
    found = Parser().feed(bytes(damaged))
    assert found == ([Answer(0x4A, CARD_ANSWER[7:-2])] if position == 0 else [])
