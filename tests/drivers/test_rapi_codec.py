"""The RAPI codec against the request lines printed in OpenEVSE's own protocol description."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hal.codecs import rapi
from hal.codecs.rapi import Booted, Button, EvseState, Flag, Message, Other, Parser, Reply, State
from hal.errors import BadReply


def line(body: str) -> bytes:
    """A line as the controller sends it, its checksum worked out here and not by the codec."""
    check = 0
    for character in body:
        check ^= ord(character)
    return f"{body}^{check:02X}\r".encode()


def only(data: bytes) -> Message:
    """The one message in some bytes."""
    (message,) = Parser().feed(data)
    return message


def reply(body: str) -> Reply:
    """The reply in a line."""
    message = only(line(body))
    assert isinstance(message, Reply)
    return message


@pytest.mark.parametrize(
    ("words", "wire"),
    [
        (("GS",), b"$GS^30\r"),
        (("GG",), b"$GG^24\r"),
        (("GU",), b"$GU^36\r"),
        (("GC",), b"$GC^20\r"),
        (("GP",), b"$GP^33\r"),
        (("GF",), b"$GF^25\r"),
        (("GV",), b"$GV^35\r"),
        (("GE",), b"$GE^26\r"),
        (("G0",), b"$G0^53\r"),
        (("G4",), b"$G4^57\r"),
        (("FE",), b"$FE^27\r"),
        (("FD",), b"$FD^26\r"),
        (("FS",), b"$FS^31\r"),
        (("FR",), b"$FR^30\r"),
        (("SC", "16", "V"), b"$SC 16 V^65\r"),
        (("SY", "100", "6"), b"$SY 100 6^29\r"),
    ],
)
def test_requests_are_the_lines_of_the_protocol_description(words: tuple[str, ...], wire: bytes) -> None:
    """Each request, checksum included, is the published line."""
    assert rapi.request(*words) == wire


def test_a_sequence_number_is_part_of_the_checksum() -> None:
    """`:ss` stands before the caret and counts in the checksum."""
    assert rapi.request("GS", sequence=0x0A) == line("$GS :0A")


def test_a_request_that_overflows_the_controller_is_refused() -> None:
    """The controller drops more than 32 bytes; so they are never sent."""
    with pytest.raises(ValueError, match="33 bytes"):
        rapi.request("FP", "0", "0", "x" * 21)


def test_replies_with_the_published_checksums() -> None:
    """`$OK^20` and `$NK^21` are the shortest replies."""
    assert Parser().feed(b"$OK^20\r$NK^21\r") == [Reply(True, ()), Reply(False, ())]


def test_the_older_sum_is_understood() -> None:
    """`*` announces the sum of the bytes instead of their exclusive or."""
    assert only(b"$OK*BE\r") == Reply(True, ())


def test_a_reply_names_its_request() -> None:
    """The sequence number is taken off the values."""
    assert reply("$OK 16 :0A") == Reply(True, ("16",), 0x0A)


def test_notices_come_between_the_lines() -> None:
    """Boot, state and button notices are told from replies and from each other, wherever they stand."""
    stream = line("$AB 00 8.2.3") + line("$OK 1") + line("$AT fe 01 16 0100") + line("$AN 1") + line("$WF 01")
    assert Parser().feed(stream) == [
        Booted(0, "8.2.3"),
        Reply(True, ("1",)),
        State(EvseState.SLEEPING, EvseState.A, Flag.CAR_CONNECTED, capacity_a=16),
        Button(long=True),
        Other("WF 01"),
    ]


@pytest.mark.parametrize(
    "bad",
    [
        b"$OK\r",
        b"$OK^21\r",
        b"$OK^2\r",
        b"$OK 1\xb2^00\r",
        b"$^24\r",
        line("$OK 1 :XY"),
        line("$AT 03 03 xx 0140"),
        line("$AN 7"),
        line("$AB zz 1"),
        b"$" + b"x" * 200 + b"\r",
    ],
)
def test_a_bad_line_is_counted_and_the_next_one_read(bad: bytes) -> None:
    """No checksum, a wrong one, bytes that are no text, words that do not fit: the line does not count."""
    parser = Parser()
    assert parser.feed(bad + line("$OK 5")) == [Reply(True, ("5",))]
    assert parser.bad_lines == 1


def test_a_line_that_lost_its_end_is_dropped_at_the_next_dollar() -> None:
    """A new `$` begins a new line, whatever was before it."""
    parser = Parser()
    assert parser.feed(b"echo $OK 1" + line("$OK 2") + b"\n") == [Reply(True, ("2",))]
    assert parser.bad_lines == 1


def test_the_state() -> None:
    """`$GS`: 03 charging for 120 s, relay closed, vehicle connected."""
    state = rapi.parse_state(reply("$OK 03 120 03 0140"))
    assert state == State(EvseState.C, EvseState.C, Flag.RELAY_CLOSED | Flag.CAR_CONNECTED, elapsed_s=120)
    assert (state.relay_closed, state.car_connected, state.faulty) == (True, True, False)


@pytest.mark.parametrize(
    ("number", "faulty"), [(1, False), (3, False), (4, True), (0x0C, True), (0x11, True), (0xFE, False)]
)
def test_states_from_d_to_the_last_fault_are_faults(number: int, faulty: bool) -> None:
    """A fault that this file has no name for is a fault all the same."""
    assert State(number, 1, Flag(0)).faulty is faulty


def test_values_of_each_reply() -> None:
    """Every reply is read in the order and the number base of the protocol description."""
    assert rapi.parse_limits(reply("$OK 6 80 16 32")) == rapi.Limits(6, 80, 16, 32)
    assert rapi.parse_electrical(reply("$OK 15980 231400")) == rapi.Electrical(15980, 231400)
    assert rapi.parse_energy(reply("$OK 36000 123456")) == rapi.Energy(36000, 123456)
    assert rapi.parse_temperatures_c(reply("$OK 255 -2560 301")) == (25.5, None, 30.1)
    assert rapi.parse_fault_counts(reply("$OK 1 ff 0a")) == rapi.FaultCounts(1, 255, 10)
    assert rapi.parse_version(reply("$OK 8.2.3.EU 5.2.1")) == "8.2.3.EU"
    assert rapi.parse_settings(reply("$OK 16 2000")) == rapi.Setting.BOOT_LOCK_DISABLED
    assert rapi.parse_capacity_a(reply("$NK 10")) == 10
    assert rapi.parse_lock(reply("$OK 1 M")) == (True, True)
    assert rapi.parse_lock(reply("$OK 0 A")) == (False, False)
    assert rapi.parse_flag(reply("$OK 1")) is True
    assert rapi.parse_heartbeat(reply("$OK 100 6 2")) == rapi.Heartbeat(100, 6, 2)
    assert [rapi.Heartbeat(100, 6, trigger).missed for trigger in (0, 1, 2)] == [False, False, True]


def test_a_sensor_that_is_not_there_reads_none() -> None:
    """Minus one is not a current, and never 0."""
    assert rapi.parse_electrical(reply("$OK -1 -1")) == rapi.Electrical(None, None)


@pytest.mark.parametrize(
    "body", ["$OK", "$OK 03 120", "$OK 0x3 120 03 0140", "$OK 03 1.5 03 0140", "$OK 03 -- 03 0140"]
)
def test_a_state_that_does_not_fit_is_refused(body: str) -> None:
    """Too few values, or values that are no numbers, are an error and no state."""
    with pytest.raises(BadReply):
        rapi.parse_state(reply(body))


def test_energy_is_never_negative() -> None:
    """A negative counter is a fault of the line or the device."""
    with pytest.raises(BadReply):
        rapi.parse_energy(reply("$OK -5 10"))


def test_a_flag_is_0_or_1() -> None:
    """Another word is no flag."""
    with pytest.raises(BadReply):
        rapi.parse_flag(reply("$OK 2"))


@settings(max_examples=150, deadline=None)
@given(st.lists(st.binary(max_size=60), max_size=6), st.lists(st.integers(1, 7), min_size=1, max_size=20))
def test_noise_is_survived_and_a_reply_after_it_found(noise: list[bytes], cuts: list[int]) -> None:
    """Random bytes raise nothing and hide no line that begins after them, however the bytes are cut."""
    data = b"".join(noise) + line("$OK 03 120 03 0140")
    parser, found, position = Parser(), list[Message](), 0
    for cut in (cuts * len(data))[: len(data)]:
        found += parser.feed(data[position : position + cut])
        position += cut
    assert found[-1] == Reply(True, ("03", "120", "03", "0140"))
