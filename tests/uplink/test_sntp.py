"""Asking time servers: real UDP on the loopback, servers that lie, keep silent or are nobody's."""

import asyncio
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import cast

import pytest

from firmware.uplink import sntp as asking
from firmware.uplink.sense import time_view
from firmware.uplink.sntp import TimeServers, agreed, ask
from hal.clocks import SERVER_TIME_GOOD_S, SystemClock
from hal.codecs import sntp
from hal.types import TimeTrust

NOW_S = 1_795_200_000.0
NONCE = b"\x01\x23\x45\x67\x89\xab\xcd\xef"
SINCE_1900_S = 2_208_988_800


def stamp(posix_s: float) -> bytes:
    return struct.pack("!Q", int((posix_s + SINCE_1900_S) * 2**32) % 2**64)


def packet(
    nonce: bytes = NONCE,
    *,
    posix_s: float = NOW_S,
    mode: int = 4,
    leap: int = 0,
    stratum: int = 2,
    reference: bytes = b"\x7f\0\0\1",
) -> bytes:
    """A server's answer: it takes half a second to give it."""
    head = bytes([leap << 6 | 4 << 3 | mode, stratum, 6, 0xEC]) + bytes(8) + reference
    return head + stamp(posix_s - 60) + nonce + stamp(posix_s - 0.5) + stamp(posix_s)


class Server(asyncio.DatagramProtocol):
    """A time server that answers as it is told."""

    def __init__(self, answers: Callable[[bytes], list[bytes]]) -> None:
        self.answers = answers
        self.asked: list[bytes] = []
        self.transport: asyncio.DatagramTransport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.asked.append(data)
        for answer in self.answers(data[40:48]):
            self.transport.sendto(answer, addr)

    @property
    def name(self) -> str:
        return f"127.0.0.1:{self.transport.get_extra_info('sockname')[1]}"


@asynccontextmanager
async def server(answers: Callable[[bytes], list[bytes]]) -> AsyncIterator[Server]:
    """One on a free port of the loopback."""
    made = Server(answers)
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(lambda: made, local_addr=("127.0.0.1", 0))
    try:
        yield made
    finally:
        transport.close()


def honest(posix_s: float = NOW_S) -> Callable[[bytes], list[bytes]]:
    return lambda nonce: [packet(nonce, posix_s=posix_s)]


def clock(trust: TimeTrust = TimeTrust.UNKNOWN) -> SystemClock:
    return SystemClock(
        asyncio.get_running_loop(), boot="test", trust_source=lambda: trust, wall_s=lambda: NOW_S - 1_000_000
    )


def keeper(made: SystemClock, *servers: Server, floor_s: float = NOW_S - 10_000) -> TimeServers:
    return TimeServers([one.name for one in servers], made, made, floor_s=lambda: floor_s)


# --- the packets


def test_a_question_tells_nothing_but_the_nonce() -> None:
    """Version 4, client; no time of ours in it."""
    asked = sntp.question(NONCE)
    assert asked == b"\x23" + bytes(39) + NONCE
    with pytest.raises(ValueError, match="8 bytes"):
        sntp.question(b"1234")


def test_an_answer_is_read_and_half_the_way_added() -> None:
    """What the server took itself is no part of the way."""
    answer = sntp.read(packet(), NONCE)
    assert answer == sntp.Answer(NOW_S - 0.5, NOW_S, 2)
    assert answer.at_arrival_s(0.7) == pytest.approx(NOW_S + 0.1)


def test_the_years_after_2036_are_told() -> None:
    """32 bits of seconds begin anew on 7 February 2036."""
    later_s = 2_085_978_496.0 + 86_400.0
    assert sntp.read(packet(posix_s=later_s), NONCE).sent_s == later_s


@pytest.mark.parametrize(
    "wrong",
    [packet(b"another!"), packet(mode=3), packet(mode=5), packet()[:47], b""],
    ids=["another nonce", "a question", "broadcast", "short", "empty"],
)
def test_what_does_not_answer_the_question_is_told_apart(wrong: bytes) -> None:
    """A forger who cannot read the question cannot answer it."""
    with pytest.raises(sntp.NotAnAnswer):
        sntp.read(wrong, NONCE)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (packet(stratum=0, reference=b"RATE"), "left alone .RATE."),
        (packet(leap=3), "not synchronised"),
        (packet(stratum=16), "not synchronised"),
        (packet()[:40] + bytes(8), "not synchronised"),
    ],
)
def test_a_server_without_the_time_gives_none(wrong: bytes, says: str) -> None:
    """It says so itself (RFC 4330, section 8)."""
    with pytest.raises(sntp.NoTime, match=says):
        sntp.read(wrong, NONCE)


@pytest.mark.parametrize(
    ("text", "address"),
    [("a.example", ("a.example", 123)), ("a:1123", ("a", 1123)), ("::1", ("::1", 123)), ("[::1]:9", ("::1", 9))],
)
def test_servers_are_named_with_or_without_a_port(text: str, address: tuple[str, int]) -> None:
    """IPv6 addresses too."""
    assert sntp.server_address(text) == address


@pytest.mark.parametrize("text", ["", "a:b", ":123", "a:0", "a:70000"])
def test_what_is_no_server_is_refused(text: str) -> None:
    """With what was expected."""
    with pytest.raises(ValueError, match="expected HOST or HOST:PORT"):
        sntp.server_address(text)


def test_the_largest_group_counts() -> None:
    """Two that agree outvote one that does not; a single answer is not enough where two are needed."""
    assert agreed([100.0, 5.0, 100.4], needed=2) == 100.4
    assert agreed([100.0, 5.0], needed=2) is None
    assert agreed([5.0], needed=1) == 5.0
    assert agreed([], needed=1) is None


# --- on the wire


async def test_a_server_is_asked_and_believed() -> None:
    """Real UDP: the clock becomes synchronised, with the server's time carried on by monotonic time."""
    made = clock()
    assert not time_view(made).synchronised
    async with server(honest()) as one:
        assert await keeper(made, one).ask_all()
    now = made.now()
    assert now.trust is TimeTrust.SYNCHRONISED
    assert now.wall_s == pytest.approx(NOW_S, abs=2.0)
    assert time_view(made).synchronised
    assert made.set_from_csms(NOW_S + 500) == 0.0


async def test_packets_of_others_do_not_count() -> None:
    """Forged ones that come first are ignored, the answer is still waited for."""
    forged = packet(b"guessed!", posix_s=NOW_S + 9_999)
    async with server(lambda nonce: [forged, b"garbage", packet(nonce)]) as one:
        found_s, _ = await ask(one.name, asyncio.get_running_loop().time, NONCE)
    assert found_s == pytest.approx(NOW_S, abs=2.0)


async def test_one_wrong_server_of_three_sets_no_clock() -> None:
    """The two others agree."""
    made = clock()
    async with server(honest()) as one, server(honest(NOW_S + 86_400)) as liar, server(honest()) as two:
        assert await keeper(made, one, liar, two).ask_all()
    assert made.wall() == pytest.approx(NOW_S, abs=2.0)


async def test_servers_that_disagree_set_no_clock(caplog: pytest.LogCaptureFixture) -> None:
    """Nobody knows which of two is right."""
    made = clock()
    async with server(honest()) as one, server(honest(NOW_S + 3600)) as two:
        assert not await keeper(made, one, two).ask_all()
    assert made.trust is TimeTrust.UNKNOWN
    assert "do not agree" in caplog.text


async def test_a_time_before_the_floor_is_refused() -> None:
    """It has passed for certain: the software was made later."""
    made = clock()
    async with server(honest(NOW_S - 20_000)) as one:
        assert not await keeper(made, one).ask_all()
    assert made.trust is TimeTrust.UNKNOWN


async def test_silence_refusal_and_no_server_are_survived(monkeypatch: pytest.MonkeyPatch) -> None:
    """One says nothing, one has no time, one is not there; the next question comes all the same."""
    monkeypatch.setattr(asking, "TIMEOUT_S", 0.1)
    made = clock()
    async with server(lambda _: []) as silent, server(lambda nonce: [packet(nonce, leap=3)]) as lost:
        async with server(honest()) as gone:
            pass
        assert not await keeper(made, silent, lost, gone).ask_all()
        assert len(silent.asked) == len(lost.asked) == 1
        assert silent.asked[0] != lost.asked[0]  # each with a nonce of its own


async def test_a_clock_that_is_kept_needs_no_question() -> None:
    """A time daemon keeps it: the servers are left in peace."""
    made = clock(TimeTrust.SYNCHRONISED)
    async with server(honest()) as one:
        running = asyncio.create_task(keeper(made, one).run())
        await asyncio.sleep(0.05)
        running.cancel()
        assert one.asked == []


async def test_a_server_s_time_is_good_for_a_day() -> None:
    """After that the quartz is not believed without being asked again."""
    trusts = []
    for age_s in (SERVER_TIME_GOOD_S - 60, SERVER_TIME_GOOD_S + 60):
        made = clock()
        made.set_from_server(NOW_S, made.monotonic() - age_s)
        trusts.append(made.trust)
    assert trusts == [TimeTrust.SYNCHRONISED, TimeTrust.UNKNOWN]
