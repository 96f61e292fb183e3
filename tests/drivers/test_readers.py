"""Card readers at the far end of pseudo-terminals, against devices written from the manuals' bytes."""

import asyncio
import errno
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import pytest

from hal.codecs.uid import ByteOrder, UidFormat
from hal.drivers.evdev_reader import KeyboardReader
from hal.drivers.line_reader import LineReader
from hal.drivers.pn532_uart import Pn532Reader
from hal.errors import BadReply, DeviceLost, DeviceTimeout
from hal.reader import TokenReader
from hal.types import TokenRead
from tests.drivers.virtual import make_context, virtually
from tests.drivers.wire import TRANSPORTS, Transport, Wire

ACK = bytes.fromhex("0000ff00ff00")
UID4, UID7, UID10 = "DEADBEEF", "04112233445566", "04112233445566778899"


class FakePn532:
    """A PN532 as UM0701-02 describes it, knowing only the literal frames of the commands it may be asked."""

    FIRMWARE = bytes.fromhex("0000ff02fed4022a00")
    SAM = bytes.fromhex("0000ff05fbd4140114010200")
    RETRIES = bytes.fromhex("0000ff06fad43205ff0102f300")
    LIST = bytes.fromhex("0000ff04fcd44a0100e100")

    def __init__(self, wire: Wire, ic: int = 0x32) -> None:
        self.cards: list[str] = []
        self.silent = False
        self.answers_late = False
        self.refusals = 0  # of commands to come
        self.looks = 0
        self._wire = wire
        self._ic = ic
        self._heard = b""
        wire.on_data = self._take

    def _take(self, data: bytes) -> None:
        self._heard += data
        while (start := self._heard.find(b"\x00\x00\xff")) >= 0:
            rest = self._heard[start:]
            if rest[3:5] == b"\x00\xff":  # the host's acknowledgement ends a command
                self._heard = rest[6:]
                continue
            if len(rest) < 4 or len(rest) < rest[3] + 7:
                return
            self._heard = rest[rest[3] + 7 :]
            self._answer(rest[: rest[3] + 7])

    def _answer(self, frame: bytes) -> None:
        if self.silent:
            return
        if self.refusals:
            self.refusals -= 1
            self._wire.send(ACK + bytes.fromhex("0000ff01ff7f8100"))
            return
        if frame == self.FIRMWARE:
            body = bytes([0xD5, 0x03, self._ic, 1, 6, 7])
        elif frame == self.SAM:
            body = bytes([0xD5, 0x15])
        elif frame == self.RETRIES:
            body = bytes([0xD5, 0x33])
        elif frame == self.LIST:
            self.looks += 1
            uid = bytes.fromhex(self.cards[self.looks % len(self.cards)]) if self.cards else b""
            body = b"\xd5\x4b" + (bytes([1, 1, 0x00, 0x04, 0x08, len(uid)]) + uid if uid else b"\x00")
        else:
            return  # damaged on the line: a real one stays silent too
        answer = b"\x00\x00\xff" + bytes([len(body), -len(body) & 0xFF]) + body + bytes([-sum(body) & 0xFF, 0])
        self._wire.send(answer + ACK if self.answers_late else ACK + answer)


class Listener:
    """Collects what a reader yields."""

    def __init__(self, reader: TokenReader) -> None:
        self.tokens: list[TokenRead] = []
        self.error: Exception | None = None
        self._reader = reader
        self.task = asyncio.create_task(self._listen())

    @property
    def values(self) -> list[str]:
        """The tokens' values."""
        return [token.value for token in self.tokens]

    async def _listen(self) -> None:
        try:
            async for token in self._reader.tokens():
                self.tokens.append(token)
        except DeviceLost as error:
            self.error = error


@asynccontextmanager
async def listening(reader: TokenReader) -> AsyncIterator[Listener]:
    """An open reader with a listener, closed afterwards."""
    await reader.open()
    listener = Listener(reader)
    try:
        yield listener
    finally:
        await reader.close()
        await listener.task


@pytest.mark.parametrize("transport", TRANSPORTS)
@virtually
async def test_pn532_reads_a_card_through_every_line(tmp_path: Path, transport: Transport) -> None:
    """Whole, byte by byte, with lost bytes and with delay: the card is read, whole and once."""
    wire = Wire(tmp_path, transport)
    device = FakePn532(wire)
    async with listening(Pn532Reader(make_context(), wire.path, evses=(2,))) as listener:
        device.cards = [UID7]
        await asyncio.sleep(5)
    assert listener.tokens == [TokenRead(UID7, evses=(2,))]
    wire.unplug()


@pytest.mark.parametrize("uid", [UID4, UID7, UID10])
@virtually
async def test_pn532_takes_every_length_of_uid(tmp_path: Path, uid: str) -> None:
    """Four, seven and ten bytes become tokens of eight, fourteen and twenty characters."""
    wire = Wire(tmp_path)
    device = FakePn532(wire)
    async with listening(Pn532Reader(make_context(), wire.path)) as listener:
        device.cards = [uid]
        await asyncio.sleep(1)
    assert listener.values == [uid]


@virtually
async def test_pn532_byte_order_is_a_field_of_the_board(tmp_path: Path) -> None:
    """A module that reverses is turned round because the board says so."""
    wire = Wire(tmp_path)
    device = FakePn532(wire)
    reader = Pn532Reader(make_context(), wire.path, byte_order=ByteOrder.REVERSED)
    async with listening(reader) as listener:
        device.cards = [UID4]
        await asyncio.sleep(1)
    assert listener.values == ["EFBEADDE"]


@virtually
async def test_pn532_one_presentation_is_one_token(tmp_path: Path) -> None:
    """A card that lies there counts once; taken away and shown again it counts again; two cards count once each."""
    wire = Wire(tmp_path)
    device = FakePn532(wire)
    async with listening(Pn532Reader(make_context(), wire.path)) as listener:
        device.cards = [UID4]
        await asyncio.sleep(8)
        assert listener.values == [UID4]
        device.cards = []
        await asyncio.sleep(2)
        device.cards = [UID4, UID7]
        await asyncio.sleep(4)
    assert sorted(listener.values) == [UID7, UID4, UID4]
    assert device.looks > 50


@virtually
async def test_pn532_wrong_device_is_refused_at_open(tmp_path: Path) -> None:
    """Another chip, a device that sends lines of text, and a silent line are told apart from a reader."""
    wire = Wire(tmp_path)
    reader = Pn532Reader(make_context(), wire.path)
    FakePn532(wire, ic=0x33)
    with pytest.raises(BadReply, match="0x33"):
        await reader.open()
    wire.on_data = lambda _data: wire.send(b"$OK 1^11\r\n")
    with pytest.raises(DeviceTimeout, match="wiring"):
        await reader.open()
    wire.on_data = lambda _data: None
    with pytest.raises(DeviceTimeout):
        await reader.open()


@virtually
async def test_pn532_that_falls_silent_is_lost_and_found(tmp_path: Path) -> None:
    """A reader that answers no more is lost within ten seconds; opened again it reads again."""
    wire = Wire(tmp_path)
    device = FakePn532(wire)
    reader = Pn532Reader(make_context(), wire.path)
    async with listening(reader) as listener:
        started = asyncio.get_running_loop().time()
        device.silent = True
        await listener.task
        assert asyncio.get_running_loop().time() - started < 10
    assert listener.error is not None
    device.silent = False
    async with listening(reader) as listener:
        device.cards = [UID4]
        await asyncio.sleep(1)
    assert listener.values == [UID4]


@virtually
async def test_pn532_survives_refusals_and_answers_before_their_acknowledgement(tmp_path: Path) -> None:
    """A few refused commands cost a moment; an answer without acknowledgement before it is a late one and does not count."""
    wire = Wire(tmp_path)
    device = FakePn532(wire)
    async with listening(Pn532Reader(make_context(), wire.path)) as listener:
        device.answers_late = True
        device.cards = [UID4]
        await asyncio.sleep(1)
        assert listener.values == []
        device.answers_late = False
        device.refusals = 2
        await asyncio.sleep(3)
    assert listener.values == [UID4]
    assert listener.error is None


@virtually
async def test_pn532_unplugged_is_lost_and_returns(tmp_path: Path) -> None:
    """The loss of the port raises DeviceLost at the listener; after plugging in the same object opens again."""
    wire = Wire(tmp_path)
    FakePn532(wire)
    reader = Pn532Reader(make_context(), wire.path)
    async with listening(reader) as listener:
        wire.unplug()
        await listener.task
        assert listener.error is not None
        with pytest.raises(DeviceLost):
            await reader.open()
    wire.plug()
    device = FakePn532(wire)
    async with listening(reader) as listener:
        device.cards = [UID4]
        await asyncio.sleep(1)
    assert listener.values == [UID4]


def test_pn532_refuses_options_that_make_no_sense(tmp_path: Path) -> None:
    """A poll interval of 0 would keep the line busy for ever."""

    @virtually
    async def build() -> None:
        Pn532Reader(make_context(), str(tmp_path), poll_s=0)

    with pytest.raises(ValueError, match="poll_s"):
        build()


@pytest.mark.parametrize("transport", ["whole", "bytewise", "delayed"])
@virtually
async def test_line_reader_reads_lines_through_every_line(tmp_path: Path, transport: Transport) -> None:
    """CR LF, STX and ETX, separators and case do not matter; repeated lines are one presentation."""
    wire = Wire(tmp_path, transport)
    async with listening(LineReader(make_context(), wire.path, evses=(1,))) as listener:
        for line in (b"\x02deadbeef\x03\r\n", b"DE:AD:BE:EF\r", b"04112233445566\n"):
            wire.send(line)
        await asyncio.sleep(0.5)
        assert listener.tokens == [TokenRead(UID4, evses=(1,)), TokenRead(UID7, evses=(1,))]
        await asyncio.sleep(2)
        wire.send(b"deadbeef\r\n")
        await asyncio.sleep(0.5)
    assert listener.values == [UID4, UID7, UID4]


@virtually
async def test_line_reader_on_a_lossy_line_never_invents_a_card(tmp_path: Path) -> None:
    """A line that lost a byte is refused: no value comes out that was not put in."""
    wire = Wire(tmp_path, "lossy", seed=3)
    async with listening(LineReader(make_context(), wire.path, release_s=0.5)) as listener:
        for _ in range(100):
            wire.send(b"deadbeef\r\n")
            await asyncio.sleep(1)
    assert set(listener.values) == {UID4}
    assert 60 < len(listener.values) < 100


@virtually
async def test_line_reader_survives_the_wrong_device(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Binary noise, text and endless lines give no token and at most a log line every ten seconds, which quotes nothing."""
    wire = Wire(tmp_path)
    async with listening(LineReader(make_context(), wire.path)) as listener:
        for _ in range(40):
            wire.send(bytes(range(256)) + b"secret words\r\n" + b"7" * 500)
            await asyncio.sleep(0.5)
    assert listener.values == []
    complaints = [record.getMessage() for record in caplog.records if "card line refused" in record.getMessage()]
    assert 1 <= len(complaints) <= 3
    assert "secret" not in "".join(complaints)


@virtually
async def test_line_reader_decimal_and_reversed(tmp_path: Path) -> None:
    """A decimal number is four bytes; this reader sends them the wrong way round."""
    wire = Wire(tmp_path)
    reader = LineReader(make_context(), wire.path, format=UidFormat.DECIMAL, byte_order=ByteOrder.REVERSED)
    async with listening(reader) as listener:
        wire.send(b"4022250974\r\n")  # 0xEFBEADDE
        await asyncio.sleep(0.5)
    assert listener.values == [UID4]


@virtually
async def test_line_reader_unplugged_is_lost_and_returns(tmp_path: Path) -> None:
    """Half a line from before the loss does not spoil the first one after it."""
    wire = Wire(tmp_path)
    reader = LineReader(make_context(), wire.path)
    async with listening(reader) as listener:
        wire.send(b"dead")
        await asyncio.sleep(0.1)
        wire.unplug()
        await listener.task
    assert listener.error is not None
    wire.plug()
    async with listening(reader) as listener:
        wire.send(b"deadbeef\n")
        await asyncio.sleep(0.1)
    assert listener.values == [UID4]


class InputEvent(NamedTuple):
    """As evdev hands them out."""

    type: int
    code: int
    value: int


class FakeKeyboard:
    """An evdev device whose descriptor is a pipe."""

    CODES = dict(zip("1234567890", range(2, 12), strict=True)) | {"a": 30, "b": 48, "d": 32, "e": 18, "f": 33, "\n": 28}

    def __init__(self) -> None:
        self.grabbed = False
        self.gone: int | None = None
        self._events: list[InputEvent] = []
        self._read_fd, self._write_fd = os.pipe()

    def type(self, text: str) -> None:
        """Press, hold and release keys, with the synchronisation events between them (EV_SYN)."""
        for key in text:
            code = self.CODES[key]
            self._events += [InputEvent(1, code, value) for value in (1, 2, 0)] + [InputEvent(0, 0, 0)]
        os.write(self._write_fd, b"k")

    def unplug(self) -> None:
        """The kernel wakes readers and gives them ENODEV."""
        self.gone = errno.ENODEV
        os.write(self._write_fd, b"k")

    def fileno(self) -> int:
        """The descriptor to wait for."""
        return self._read_fd

    def read(self) -> list[InputEvent]:
        """Events, or what the kernel says instead."""
        if self.gone:
            raise OSError(self.gone, os.strerror(self.gone))
        if not self._events:
            raise BlockingIOError
        os.read(self._read_fd, 4096)
        events, self._events = self._events, []
        return events

    def grab(self) -> None:
        """EVIOCGRAB."""
        if self.grabbed:
            raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))
        self.grabbed = True

    def close(self) -> None:
        """Release."""
        self.grabbed = False


@pytest.fixture
def keyboard(monkeypatch: pytest.MonkeyPatch) -> FakeKeyboard:
    """A keyboard that the evdev library finds at /dev/input/card; anything else is not there."""
    device = FakeKeyboard()

    def find(path: str) -> FakeKeyboard:
        if path != "/dev/input/card":
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        return device

    library: Any = ModuleType("evdev")
    library.InputDevice = find
    monkeypatch.setitem(sys.modules, "evdev", library)
    return device


@virtually
async def test_keyboard_reader_reads_what_is_typed(keyboard: FakeKeyboard) -> None:
    """Presses count once, Enter ends a number, and nobody else sees the keys."""
    async with listening(KeyboardReader(make_context(), "/dev/input/card")) as listener:
        assert keyboard.grabbed
        keyboard.type("deadbeef\n")
        await asyncio.sleep(0.1)
        keyboard.type("deadbeef\n04112233445566\n")
        await asyncio.sleep(0.1)
    assert listener.values == [UID4, UID7]
    assert not keyboard.grabbed


@virtually
async def test_keyboard_reader_forgets_half_a_number(keyboard: FakeKeyboard) -> None:
    """What was typed long before is not the beginning of this card's number."""
    async with listening(KeyboardReader(make_context(), "/dev/input/card")) as listener:
        keyboard.type("dead")
        await asyncio.sleep(5)
        keyboard.type("deadbeef\n")
        await asyncio.sleep(0.1)
    assert listener.values == [UID4]


@virtually
async def test_keyboard_reader_unplugged_is_lost(keyboard: FakeKeyboard) -> None:
    """ENODEV raises DeviceLost at the listener, and the reader opens again when it is back."""
    reader = KeyboardReader(make_context(), "/dev/input/card")
    async with listening(reader) as listener:
        keyboard.unplug()
        await listener.task
        assert "unplugged" in str(listener.error)
    keyboard.gone = None
    async with listening(reader) as listener:
        keyboard.type("deadbeef\n")
        await asyncio.sleep(0.1)
    assert listener.values == [UID4]


@virtually
async def test_keyboard_reader_says_why_it_does_not_open(
    keyboard: FakeKeyboard, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No device, keys held by another program, no library: each has its own words."""
    with pytest.raises(DeviceLost, match="plugged in"):
        await KeyboardReader(make_context(), "/dev/input/other").open()
    keyboard.grabbed = True
    with pytest.raises(DeviceLost, match="another program"):
        await KeyboardReader(make_context(), "/dev/input/card").open()
    monkeypatch.setitem(sys.modules, "evdev", None)
    with pytest.raises(DeviceLost, match=r"wayside\[keyboard\]"):
        await KeyboardReader(make_context(), "/dev/input/card").open()
