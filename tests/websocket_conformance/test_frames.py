"""Frames of RFC 6455, section 5, both ways: sizes, pieces, control frames in between, masks, text."""

import asyncio

import pytest

from ocpp_client.errors import ConnectionLost
from tests.websocket_conformance.server import LIMIT, Dial, conversation, frame, transport_of

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10

# --- sizes


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 128, 65_535, 65_536])
async def test_messages_of_every_length_form_come_in(connect: Dial, size: int) -> None:
    """Around the borders of the three forms of a length (section 5.2)."""
    async with conversation(connect, max_size=65_536) as line:
        line.says(frame(TEXT, b"*" * size), frame(BINARY, b"\xfe" * size))
        assert await line.gets() == "*" * size
        assert await line.gets() == b"\xfe" * size
        assert line.ours.bytes_received == 2 * size


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65_535, 65_536])
async def test_messages_of_every_length_form_go_out(connect: Dial, size: int) -> None:
    """In one frame each, where they are not longer than a fragment may be; every one masked."""
    async with conversation(connect, fragment_bytes=65_536) as line:
        await line.ours.send("*" * size)
        assert await line.hears() == (TEXT, True, b"*" * size)
        assert line.ours.bytes_sent == size


async def test_the_literal_bytes_of_a_short_message() -> None:
    """The RFC's own examples (section 5.7), as this room's server makes them."""
    assert frame(TEXT, b"Hello") == b"\x81\x05Hello"
    assert frame(BINARY, bytes(256))[:4] == b"\x82\x7e\x01\x00"
    assert frame(BINARY, bytes(65_536))[:10] == b"\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00"


async def test_one_byte_at_a_time_makes_the_same_messages(connect: Dial) -> None:
    """A frame may be cut anywhere by the network."""
    async with conversation(connect) as line:
        for byte in frame(TEXT, "grüße".encode()) + frame(PING, b"?") + frame(TEXT, b"x" * 200):
            line.says(bytes([byte]))
            await line.writer.drain()
            await asyncio.sleep(0)
        assert await line.gets() == "grüße"
        assert await line.gets() == "x" * 200
        assert await line.hears() == (PONG, True, b"?")


async def test_many_messages_in_one_piece_come_in_order(connect: Dial) -> None:
    """More than may wait: nothing is lost while nobody receives."""
    async with conversation(connect) as line:
        line.says(*[frame(TEXT, b"%d" % number) for number in range(500)])
        assert [await line.gets() for _ in range(500)] == [str(number) for number in range(500)]


async def test_masks_differ_from_frame_to_frame(connect: Dial) -> None:
    """A mask that could be foreseen would be none (section 5.3)."""
    async with conversation(connect) as line:
        seen = set()
        for _ in range(8):
            await line.ours.send("")
            head = await line.reader.readexactly(6)
            assert head[:2] == b"\x81\x80"
            seen.add(head[2:])
        assert len(seen) > 1


# --- pieces


@pytest.mark.parametrize("pieces", [(b"one", b""), (b"", b"one"), (b"o", b"n", b"e"), (b"", b"", b"one", b"")], ids=len)
async def test_pieces_become_one_message(connect: Dial, pieces: tuple[bytes, ...]) -> None:
    """Text and binary, empty pieces among them (section 5.4)."""
    async with conversation(connect) as line:
        for kind, whole in ((TEXT, "one"), (BINARY, b"one")):
            last = len(pieces) - 1
            line.says(*[frame(kind if at == 0 else 0, piece, final=at == last) for at, piece in enumerate(pieces)])
            assert await line.gets() == whole
        assert line.ours.bytes_received == 6


async def test_a_character_may_be_cut_by_a_fragment(connect: Dial) -> None:
    """Text is judged as a whole, not piece by piece (section 5.6)."""
    euro = "€".encode()
    async with conversation(connect) as line:
        line.says(frame(TEXT, euro[:1], final=False), frame(0, euro[1:]))
        assert await line.gets() == "€"


async def test_control_frames_may_come_between_pieces(connect: Dial) -> None:
    """A ping is answered at once, a pong nobody asked for ignored, and the message is whole (section 5.4)."""
    async with conversation(connect) as line:
        line.says(frame(TEXT, b"be", final=False), frame(PING, b"now"), frame(PONG, b"unasked"))
        assert await line.hears() == (PONG, True, b"now")
        line.says(frame(0, b"fore"))
        assert await line.gets() == "before"


async def test_the_limit_counts_pieces_together(connect: Dial) -> None:
    """As long as allowed is allowed; one byte more is 1009."""
    async with conversation(connect, max_size=1000) as line:
        line.says(frame(TEXT, b"x" * 600, final=False), frame(0, b"x" * 400))
        assert await line.gets() == "x" * 1000
        line.says(frame(TEXT, b"x" * 600, final=False), frame(0, b"x" * 401))
        lost = await line.loses()
        assert (lost.code, lost.cause) == (1009, "protocol")
        opcode, _, payload = await line.hears()
        assert (opcode, payload[:2]) == (CLOSE, b"\x03\xf1")


async def test_the_limit_is_judged_by_the_header(connect: Dial) -> None:
    """Nothing of a message that is too long needs to come first."""
    async with conversation(connect) as line:
        line.says(frame(TEXT, b"x" * (LIMIT + 1))[:10])
        assert (await line.loses()).code == 1009


@pytest.mark.parametrize("fragment_bytes", [10, 1000])
async def test_long_messages_go_out_in_fragments(connect: Dial, fragment_bytes: int) -> None:
    """Of the size asked for, for gateways that take no larger frame; characters may be cut."""
    text = "ü" * 750
    async with conversation(connect, fragment_bytes=fragment_bytes) as line:
        await line.ours.send(text)
        got = b""
        opcodes = []
        final = False
        while not final:
            opcode, final, payload = await line.hears()
            assert len(payload) <= fragment_bytes
            opcodes.append(opcode)
            got += payload
    assert got.decode() == text
    assert opcodes == [TEXT, *[0] * (len(opcodes) - 1)]
    assert len(opcodes) - -(-1500 // fragment_bytes) in (0, 1)  # the library ends with an empty one


async def test_a_new_message_inside_another_is_against_the_rules(connect: Dial) -> None:
    """Pieces of two messages are not mixed (section 5.4)."""
    async with conversation(connect) as line:
        line.says(frame(TEXT, b"be", final=False), frame(TEXT, b"x"))
        lost = await line.loses()
    assert (lost.code, lost.cause) == (1002, "protocol")


async def test_a_slow_reader_holds_the_sender_back(connect: Dial) -> None:
    """What the network does not take is not heaped up; nothing of it is lost, and who waits to send learns of the end."""
    text = "x" * 200_000

    async def send_all() -> None:
        for _ in range(100):  # more than any system buffers
            await line.ours.send(text)

    async with conversation(connect, fragment_bytes=1_000_000) as line:
        sending = asyncio.create_task(send_all())
        await asyncio.wait([sending], timeout=0.3)
        assert not sending.done()
        assert transport_of(line.ours).get_write_buffer_size() < 4 * len(text)
        for _ in range(5):
            assert len((await line.hears())[2]) == len(text)
        line.writer.transport.abort()
        with pytest.raises(ConnectionLost):
            await sending


# --- ping and pong


@pytest.mark.parametrize("payload", [b"", b"hello", bytes(range(125)), b"\xff\xfe"], ids=len)
async def test_a_ping_is_answered_with_what_it_carried(connect: Dial, payload: bytes) -> None:
    """Any bytes, up to 125 (section 5.5.3)."""
    async with conversation(connect) as line:
        line.says(frame(PING, payload))
        assert await line.hears() == (PONG, True, payload)


async def test_pings_in_a_row_are_all_answered(connect: Dial) -> None:
    """As long as the network takes the answers."""
    async with conversation(connect) as line:
        line.says(*[frame(PING, b"%d" % number) for number in range(10)])
        assert [await line.hears() for _ in range(10)] == [(PONG, True, b"%d" % number) for number in range(10)]


async def test_our_ping_is_answered_by_its_pong_only(connect: Dial) -> None:
    """Other pongs are ignored; a later one counts for those before it (section 5.5.3)."""
    async with conversation(connect) as line:
        first, second = [asyncio.create_task(line.ours.ping()) for _ in range(2)]
        _, _, one = await line.hears()
        _, _, two = await line.hears()
        assert one != two
        line.says(frame(PONG, b"other"), frame(PONG, two))
        async with asyncio.timeout(5):
            assert await first >= 0
            assert await second >= 0


# --- text

GOOD = {
    "ASCII": b"Hello",
    "two, three, four bytes": "äß€𝄞".encode(),
    "the first of each length": b"\x00\xc2\x80\xe0\xa0\x80\xf0\x90\x80\x80",
    "the last of each length": b"\x7f\xdf\xbf\xef\xbf\xbf\xf4\x8f\xbf\xbf",
    "around the surrogates": b"\xed\x9f\xbf\xee\x80\x80",
    "no characters": b"\xef\xbf\xbe\xef\xbb\xbf",
}
BAD = {
    "a byte that is none": b"a\xff",
    "continuation of nothing": b"\x80",
    "cut off": b"\xe2\x82",
    "cut off in the middle": b"\xe2\x82a",
    "overlong, two bytes": b"\xc0\x80",
    "overlong, slash": b"\xc1\xaf",
    "overlong, three bytes": b"\xe0\x9f\xbf",
    "overlong, four bytes": b"\xf0\x8f\xbf\xbf",
    "surrogate": b"\xed\xa0\x80",
    "pair of surrogates": b"\xed\xa0\x80\xed\xb0\x80",
    "above the last": b"\xf4\x90\x80\x80",
    "five bytes": b"\xf8\x88\x80\x80\x80",
    "six bytes": b"\xfc\x84\x80\x80\x80\x80",
}


@pytest.mark.parametrize("data", GOOD.values(), ids=GOOD)
async def test_text_is_utf8(connect: Dial, data: bytes) -> None:
    """Every code point there is, and nothing is changed on the way back."""
    async with conversation(connect) as line:
        line.says(frame(TEXT, data))
        text = await line.gets()
        assert isinstance(text, str)
        await line.ours.send(text)
        assert await line.hears() == (TEXT, True, data)


@pytest.mark.parametrize("pieces", [1, 2])
@pytest.mark.parametrize("data", BAD.values(), ids=BAD)
async def test_text_that_is_no_utf8_is_1007(connect: Dial, data: bytes, pieces: int) -> None:
    """In one frame or in two (section 8.1); the other side is told."""
    async with conversation(connect) as line:
        line.says(frame(TEXT, data) if pieces == 1 else frame(TEXT, data[:1], final=False) + frame(0, data[1:]))
        lost = await line.loses()
        assert (lost.code, lost.cause) == (1007, "protocol")
        opcode, _, payload = await line.hears()
        assert (opcode, payload[:2]) == (CLOSE, b"\x03\xef")


async def test_binary_is_not_judged(connect: Dial) -> None:
    """It may hold anything."""
    async with conversation(connect) as line:
        line.says(frame(BINARY, b"\xff\xfe"))
        assert await line.gets() == b"\xff\xfe"
