"""The core of our own client against chance, and against the library's own frames."""

from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode

from ocpp_client.micro.client import Client
from ocpp_client.micro.frames import BINARY, CLOSE, PONG, TEXT
from ocpp_client.micro.upgrade import HeadReader, NotHttp

LIMIT = 300
SOME = settings(max_examples=150, deadline=None)

Message = tuple[int, bytes]
messages = st.lists(
    st.one_of(
        st.tuples(st.just(TEXT), st.text(max_size=200).map(str.encode).filter(lambda data: len(data) <= LIMIT)),
        st.tuples(st.just(BINARY), st.binary(max_size=LIMIT)),
        st.tuples(st.just(PONG), st.binary(max_size=125)),
    ),
    max_size=8,
)


def client(fragment_bytes: int = 64) -> Client:
    return Client(lambda size: bytes(range(7, 7 + size)), LIMIT, fragment_bytes)


def cut(data: bytes, sizes: list[int]) -> list[bytes]:
    """The bytes in pieces of these sizes, in turn."""
    pieces: list[bytes] = []
    at = 0
    while at < len(data):
        size = sizes[len(pieces) % len(sizes)]
        pieces.append(data[at : at + size])
        at += size
    return pieces


def taken(core: Client, pieces: list[bytes]) -> list[tuple[int, str | bytes]]:
    found = []
    for piece in pieces:
        core.feed(piece)
        while (event := core.next()) is not None:
            found.append((event.kind, event.value))
    return found


@given(messages, st.lists(st.integers(1, 40), min_size=1, max_size=5))
@SOME
def test_what_the_library_writes_is_read_however_it_is_cut(given_messages: list[Message], sizes: list[int]) -> None:
    """Frames of another implementation, in any pieces, become the same messages."""
    wire = b"".join(Frame(Opcode(kind), data).serialize(mask=False) for kind, data in given_messages)
    expected = [(kind, data.decode() if kind == TEXT else data) for kind, data in given_messages]
    assert taken(client(), cut(wire, sizes)) == expected


@given(st.text(max_size=300), st.integers(1, 100))
@SOME
def test_what_we_write_is_what_the_library_would_write(text: str, fragment_bytes: int) -> None:
    """The same bytes, but for the mask, which is ours to choose."""
    data = text.encode()
    ours = client(fragment_bytes).text(data)
    pieces = [data[at : at + fragment_bytes] for at in range(0, len(data), fragment_bytes)] or [b""]
    at = 0
    for number, piece in enumerate(pieces):
        opcode = Opcode.CONT if number else Opcode.TEXT
        theirs = Frame(opcode, piece, fin=number == len(pieces) - 1).serialize(mask=True)
        mine = ours[at : at + len(theirs)]
        head = len(theirs) - len(piece) - 4
        key = mine[head : head + 4]
        assert mine[:head] == theirs[:head]
        assert bytes(byte ^ key[place % 4] for place, byte in enumerate(mine[head + 4 :])) == piece
        at += len(theirs)
    assert at == len(ours)


@given(st.lists(st.binary(max_size=60), max_size=20))
@SOME
def test_garbage_is_survived_and_ends_at_the_first_fault(pieces: list[bytes]) -> None:
    """No exception, whatever comes; after a close nothing more is read."""
    core = client()
    found = taken(core, pieces)
    closes = [place for place, (kind, _) in enumerate(found) if kind == CLOSE]
    assert closes in ([], [len(found) - 1])
    assert core.over is bool(closes)


@given(st.binary(max_size=200))
@SOME
def test_a_head_of_garbage_is_an_answer_or_none(data: bytes) -> None:
    """Nothing but NotHttp is raised."""
    for start in (b"", b"HTTP/1.1 ", b"HTTP/1.1 200 OK\r\n"):
        reader = HeadReader()
        try:
            answer = reader.feed(start + data + b"\r\n\r\n")
        except NotHttp:
            continue
        assert answer is not None
        assert 100 <= answer.status <= 599
