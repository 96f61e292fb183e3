"""The end of a connection (RFC 6455, section 7): codes, reasons, who began it, and what is told of it."""

import asyncio
import errno
import socket

import pytest

from ocpp_client.errors import ConnectionLost
from tests.websocket_conformance.server import Dial, conversation, frame

TEXT, CLOSE, PING = 1, 8, 9
VALID = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999]
INVALID = [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535]


def closing(code: int, reason: bytes = b"") -> bytes:
    """A close frame."""
    return frame(CLOSE, code.to_bytes(2, "big") + reason)


@pytest.mark.parametrize("code", VALID)
async def test_a_close_is_answered_in_kind(connect: Dial, code: int) -> None:
    """The same code goes back, and the station learns code and reason (section 5.5.1)."""
    async with conversation(connect) as line:
        line.says(closing(code, "wegen Umbau: später".encode()))
        opcode, _, payload = await line.hears()
        assert (opcode, payload[:2]) == (CLOSE, code.to_bytes(2, "big"))
        lost = await line.loses()
    assert (lost.code, lost.reason, lost.cause, lost.clean) == (code, "wegen Umbau: später", "peer", True)


async def test_a_close_without_a_code_is_1005(connect: Dial) -> None:
    """Which stands for none (section 7.1.5)."""
    async with conversation(connect) as line:
        line.says(frame(CLOSE, b""))
        assert (await line.hears())[0] == CLOSE
        lost = await line.loses()
    assert (lost.code, lost.reason, lost.cause) == (1005, "", "peer")


@pytest.mark.parametrize("code", INVALID)
async def test_a_close_with_a_code_that_is_none_breaks_the_rules(connect: Dial, code: int) -> None:
    """Those that stand for something else, and those nobody has defined (section 7.4)."""
    async with conversation(connect) as line:
        line.says(closing(code))
        lost = await line.loses()
    assert (lost.code, lost.cause) == (1002, "protocol")


@pytest.mark.parametrize(
    ("payload", "codes"),
    [(b"\x03", {1002}), (b"\x03\xe8\xff", {1002, 1007}), (b"\x03\xe8\xe2\x82", {1002, 1007})],
    ids=["half a code", "reason of no UTF-8", "reason cut off"],
)
async def test_a_close_that_cannot_be_read_breaks_the_rules(connect: Dial, payload: bytes, codes: set[int]) -> None:
    """The connection ends all the same."""
    async with conversation(connect) as line:
        line.says(frame(CLOSE, payload))
        lost = await line.loses()
    assert lost.code in codes
    assert lost.cause == "protocol"


async def test_nothing_after_a_close_counts(connect: Dial) -> None:
    """Neither messages nor pings (section 5.5.1)."""
    async with conversation(connect) as line:
        line.says(frame(TEXT, b"before"), closing(1000), frame(TEXT, b"after"), frame(PING, b"?"))
        assert await line.gets() == "before"
        assert (await line.loses()).code == 1000
        assert (await line.hears())[0] == CLOSE
        line.ours.abort()
        assert await line.reader.read() == b""


async def test_nothing_after_a_fault_counts(connect: Dial) -> None:
    """What a server sends that broke a rule is not looked at."""
    async with conversation(connect) as line:
        line.says(frame(TEXT, b"before"), frame(3, b""), frame(TEXT, b"after"))
        assert await line.gets() == "before"
        assert (await line.loses()).code == 1002


async def test_our_close_waits_for_the_answer(connect: Dial) -> None:
    """Code and reason go out once, what still comes is given out, and the end is told as this side's."""
    async with conversation(connect, close_timeout_s=5.0) as line:
        ending = asyncio.create_task(line.ours.close(1001, "restart"))
        assert await line.hears() == (CLOSE, True, b"\x03\xe9restart")
        line.says(closing(1001))
        line.writer.write_eof()
        await asyncio.wait_for(ending, 3)
        lost = await line.loses()
        assert (lost.code, lost.reason, lost.cause, lost.clean) == (1001, "restart", "local", True)
        await line.ours.close()


async def test_nothing_is_sent_after_our_close(connect: Dial) -> None:
    """A message then would break the rules (section 5.5.1)."""
    async with conversation(connect) as line:
        ending = asyncio.create_task(line.ours.close(1000))
        assert (await line.hears())[0] == CLOSE
        with pytest.raises(ConnectionLost):
            await line.ours.send("too late")
        await ending
        with pytest.raises(ConnectionLost):
            await line.ours.ping()


@pytest.mark.parametrize("code", [0, 999, 1004, 1005, 1006, 1015, 2999, 5000])
async def test_a_code_that_must_not_be_sent_is_refused(connect: Dial, code: int) -> None:
    """And the connection is not half closed by it."""
    async with conversation(connect) as line:
        with pytest.raises(ValueError, match=f"close code {code} cannot be sent"):
            await line.ours.close(code)


async def test_a_long_reason_is_cut_at_a_character(connect: Dial) -> None:
    """A control frame carries 125 bytes, two of them the code."""
    async with conversation(connect) as line:
        ending = asyncio.create_task(line.ours.close(4000, "é" * 100))
        assert await line.hears() == (CLOSE, True, b"\x0f\xa0" + "é".encode() * 61)
        await ending


async def test_a_server_that_ignores_our_close_is_left(connect: Dial) -> None:
    """Within the close time-out, though it goes on sending."""
    async with conversation(connect, close_timeout_s=0.05) as line:
        line.says(*[frame(TEXT, b"x" * 1000)] * 100)
        async with asyncio.timeout(1):
            await line.ours.close()


@pytest.mark.parametrize("half", [b"", b"\x81", b"\x81\x05Hel", frame(TEXT, b"Hel", final=False)], ids=len)
async def test_an_end_of_stream_is_1006(connect: Dial, half: bytes) -> None:
    """At whatever point of a frame or message; half a message is none."""
    async with conversation(connect) as line:
        line.says(half)
        line.writer.write_eof()
        lost = await line.loses()
    assert (lost.code, lost.cause, lost.clean, lost.number) == (1006, "broken", False, None)


async def test_a_reset_is_told_with_its_errno(connect: Dial) -> None:
    """As from a router that forgot the connection; pings under way are told as well."""
    async with conversation(connect) as line:
        pinging = asyncio.create_task(line.ours.ping())
        await line.hears()
        tcp = line.writer.get_extra_info("socket")
        tcp.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
        line.writer.transport.abort()
        lost = await line.loses()
        assert (lost.code, lost.cause, lost.number) == (1006, "broken", errno.ECONNRESET)
        with pytest.raises(ConnectionLost):
            await pinging
