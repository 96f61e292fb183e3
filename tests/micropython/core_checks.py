"""Checks of the WebSocket core that run under CPython and MicroPython alike: plain functions, nothing but asserts.

As a program it runs them all and prints one line for each: `ok NAME`, or `failed NAME: REASON`.
"""

from ocpp_client.micro import frames, sha1, upgrade, utf8
from ocpp_client.micro.client import MAX_ANSWERS_BYTES, MAX_PIECES, Client

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
KEY = b"\x37\xfa\x21\x3d"  # of the example in RFC 6455, section 5.7


def made(max_size: int = 1000, fragment_bytes: int = 100) -> Client:
    return Client(lambda size: (KEY * 4)[:size], max_size, fragment_bytes)


def frame(opcode: int, payload: bytes, final: bool = True) -> bytes:
    """As a server sends it."""
    head = bytes((opcode | (0x80 if final else 0),))
    if len(payload) < 126:
        head += bytes((len(payload),))
    elif len(payload) < 65536:
        head += b"\x7e" + len(payload).to_bytes(2, "big")
    else:
        head += b"\x7f" + len(payload).to_bytes(8, "big")
    return head + payload


def events(client: Client, data: bytes, step: int = 0) -> "list[tuple[int, str | bytes]]":
    """What comes of some bytes, given at once or in pieces of `step`."""
    found = []
    for at in range(0, len(data), step or len(data)):
        client.feed(data[at : at + (step or len(data))])
        while True:
            event = client.next()
            if event is None:
                break
            found.append((event.kind, event.value))
    return found


def raises(kind: "type[Exception]", function: "Callable[..., object]", *arguments: object) -> Exception:
    try:
        function(*arguments)
    except kind as error:
        return error
    raise AssertionError("nothing was raised")


# --- text


def check_utf8_is_told_from_what_is_none() -> None:
    good = (
        b"",
        b"Hello",
        b"\xc3\xa4\xe2\x82\xac\xf0\x9d\x84\x9e",
        b"\x00\xc2\x80\xe0\xa0\x80\xf0\x90\x80\x80",
        b"\x7f\xdf\xbf\xef\xbf\xbf\xf4\x8f\xbf\xbf",
        b"\xed\x9f\xbf\xee\x80\x80",
    )
    bad = (
        b"\xff",
        b"\x80",
        b"a\xe2\x82",
        b"\xe2\x82a",
        b"\xc0\x80",
        b"\xc1\xaf",
        b"\xe0\x9f\xbf",
        b"\xf0\x8f\xbf\xbf",
        b"\xed\xa0\x80",
        b"\xf4\x90\x80\x80",
        b"\xf5\x80\x80\x80",
        b"\xf8\x88\x80\x80\x80",
    )
    for data in good:
        assert utf8.is_utf8(data), data
        assert utf8.decode(data).encode() == data
    for data in bad:
        assert not utf8.is_utf8(data), data
        raises(utf8.NotUtf8, utf8.decode, data)


# --- the opening


def check_sha1_of_known_texts() -> None:
    """FIPS 180-4 examples, and lengths around the block's border."""
    assert sha1.own_sha1(b"abc").hex() == "a9993e364706816aba3e25717850c26c9cd0d89d"
    assert sha1.own_sha1(b"").hex() == "da39a3ee5e6b4b0d3255bfef95601890afd80709"
    assert sha1.own_sha1(b"a" * 55).hex() == "c1c8bbdc22796e28c0e15163d20899b65621d65a"
    assert sha1.own_sha1(b"a" * 64).hex() == "0098ba824b5c16427bd7a1122a5a442a25ec644d"
    for size in (0, 3, 55, 56, 63, 64, 119, 120):
        assert sha1.sha1(b"x" * size) == sha1.own_sha1(b"x" * size)


def check_the_accept_of_the_standards_example() -> None:
    """RFC 6455, section 1.3."""
    assert upgrade.accept_for("dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


def check_the_request() -> None:
    asked = upgrade.request(
        "csms:9000", "/ocpp/CP%201", "KEY", ["ocpp2.0.1", "ocpp1.6"], {"Authorization": "Basic eA=="}
    )
    assert asked.split(b"\r\n") == [
        b"GET /ocpp/CP%201 HTTP/1.1",
        b"Host: csms:9000",
        b"Upgrade: websocket",
        b"Connection: Upgrade",
        b"Sec-WebSocket-Key: KEY",
        b"Sec-WebSocket-Version: 13",
        b"Sec-WebSocket-Protocol: ocpp2.0.1, ocpp1.6",
        b"Authorization: Basic eA==",
        b"",
        b"",
    ]
    raises(ValueError, upgrade.request, "csms", "/", "KEY", [], {"X": "a\r\nY: b"})


def check_the_head_of_an_answer() -> None:
    head = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\nconnection:keep-alive, Upgrade\r\n"
    head += b"Sec-WebSocket-Accept: " + upgrade.accept_for("KEY").encode() + b"\r\nX: a\r\nX: \xe4\r\n\r\n"
    for step in (1, 7, 1000):
        reader = upgrade.HeadReader()
        answer = None
        for at in range(0, len(head), step):
            assert answer is None
            answer = reader.feed(head[at : at + step] + (b"rest" if at + step >= len(head) else b""))
        assert answer is not None
        assert reader.rest == b"rest"
        assert answer.status == 101
        assert answer.headers["x"] == "a, \xe4"
        upgrade.check(answer, "KEY")
        raises(upgrade.NotUpgraded, upgrade.check, answer, "OTHER")


def check_what_is_no_http() -> None:
    for head in (
        b"SSH-2.0-OpenSSH",
        b"HTTP/2 200\r\n\r\n",
        b"HTTP/1.1 2x0 OK\r\n\r\n",
        b"HTTP/1.1 999 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n folded: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: a\x00b\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 20000,
    ):
        raises(upgrade.NotHttp, upgrade.HeadReader().feed, head)


def check_bodies_in_every_framing() -> None:
    assert upgrade.body_of(upgrade.Answer(503, {"content-length": "5"}), b"there and more") == (b"there", True)
    assert upgrade.body_of(upgrade.Answer(503, {}), b"there") == (b"there", False)
    chunked = upgrade.Answer(503, {"transfer-encoding": "chunked"})
    assert upgrade.body_of(chunked, b"5;x=1\r\nthere\r\n0\r\n\r\n") == (b"there", True)
    assert upgrade.body_of(chunked, b"5") == (b"", False)


# --- frames


def check_the_standards_own_frames() -> None:
    """RFC 6455, section 5.7."""
    assert frames.encode(TEXT, b"Hello", KEY) == b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"
    assert events(made(), b"\x81\x05\x48\x65\x6c\x6c\x6f") == [(TEXT, "Hello")]
    assert events(made(), b"\x01\x03\x48\x65\x6c\x80\x02\x6c\x6f") == [(TEXT, "Hello")]


def check_masking_undoes_itself() -> None:
    for size in (0, 1, 3, 4, 5, 4095, 4096, 4097, 10000):
        payload = bytes([number & 0xFF for number in range(size)])
        once = frames.masked(payload, KEY)
        assert frames.masked(once, KEY) == payload
        assert size == 0 or once[size - 1] == payload[size - 1] ^ KEY[(size - 1) % 4]


def check_every_length_form_in_any_pieces() -> None:
    for size in (0, 125, 126, 127, 65535, 65536):
        for step in (0, 1021):
            found = events(made(70000), frame(BINARY, b"\xfe" * size) + frame(TEXT, b"x"), step)
            assert found == [(BINARY, b"\xfe" * size), (TEXT, "x")]
    for size, head in ((125, 2), (126, 4), (65536, 10)):
        assert len(made(fragment_bytes=70000).text(b"x" * size)) == head + 4 + size


def check_control_frames_come_between_pieces() -> None:
    client = made()
    data = frame(TEXT, b"be", False) + frame(PING, b"now") + frame(PONG, b"?") + frame(0, b"fore")
    for step in (0, 1):
        assert events(client, data, step) == [(PONG, b"?"), (TEXT, "before")]
        assert client.answers() == frames.encode(PONG, b"now", KEY)
    assert client.answers() == b""


def check_long_texts_go_out_in_fragments() -> None:
    text = made().text(b"x" * 250)
    assert text[0] == TEXT
    assert text[106] == 0
    assert text[212] == 0x80
    assert len(text) == 250 + 3 * 6


def check_faults_end_the_connection_with_their_code() -> None:
    for data, code in (
        (frame(TEXT, b"x" * 1001), 1009),
        (b"\x81\x7f\x7f\xff\xff\xff\xff\xff\xff\xff", 1009),
        (frame(TEXT, b"x" * 600, False) + frame(0, b"x" * 401), 1009),
        (frame(TEXT, b"", False) + frame(0, b"", False) * MAX_PIECES, 1009),
        (frame(TEXT, b"\xed\xa0\x80"), 1007),
        (frame(TEXT, b"\xe2", False) + frame(0, b"a"), 1007),
        (b"\x81\x82\0\0\0\0[]", 1002),
        (b"\xc1\x00", 1002),
        (frame(3, b""), 1002),
        (frame(11, b""), 1002),
        (frame(0, b"x"), 1002),
        (frame(TEXT, b"x", False) + frame(TEXT, b"y"), 1002),
        (frame(PING, b"x" * 126), 1002),
        (frame(PING, b"x", False), 1002),
        (frame(CLOSE, b"\x03"), 1002),
        (frame(CLOSE, b"\x03\xed"), 1002),
        (frame(CLOSE, b"\x03\xe8\xff"), 1007),
    ):
        client = made()
        assert events(client, data)[-1][0] == CLOSE, data[:20]
        assert client.fault is not None
        assert client.fault.code == code, data[:20]
        assert client.sent is not None
        assert client.sent[0] == code
        assert client.answers()[0] == 0x88
        assert events(client, frame(TEXT, b"later")) == []


def check_a_close_is_answered_once() -> None:
    client = made()
    assert events(client, frame(TEXT, b"hi") + frame(CLOSE, b"\x03\xe9bye") + frame(TEXT, b"x")) == [
        (TEXT, "hi"),
        (CLOSE, b""),
    ]
    assert (client.received, client.server_closed) == ((1001, "bye"), True)
    assert client.answers() == frames.encode(CLOSE, b"\x03\xe9", KEY)
    assert client.close(1000, "") == b""


def check_our_close_goes_out_once() -> None:
    client = made()
    assert client.close(1000, "enough") == frames.encode(CLOSE, b"\x03\xe8enough", KEY)
    assert client.close(1001, "") == b""
    assert events(client, frame(TEXT, b"still") + frame(CLOSE, b"\x03\xe8")) == [(TEXT, "still"), (CLOSE, b"")]
    assert not client.server_closed
    assert client.answers() == b""
    raises(ValueError, made().close, 1006, "")


def check_answers_to_a_flood_of_pings_are_bounded() -> None:
    client = made()
    events(client, frame(PING, b"x" * 125) * 1000 + frame(PING, b"last"))
    answers = client.answers()
    assert len(answers) < MAX_ANSWERS_BYTES + 300
    assert answers.endswith(frames.encode(PONG, b"last", KEY))


CHECKS: "dict[str, Callable[[], None]]" = {
    name: value for name, value in globals().items() if name.startswith("check_")
}


def main() -> None:
    for name in sorted(CHECKS):
        try:
            CHECKS[name]()
        except Exception as error:  # noqa: BLE001 - the next check is to run, and the reader is told
            print("failed", name + ":", repr(error))
        else:
            print("ok", name)


if __name__ == "__main__":
    main()
