"""Frames of the NXP PN532 contactless reader on its serial port (HSU), both directions.

Rules:

- A frame is `00 00 FF LEN LCS TFI data DCS 00`; LEN + LCS and TFI + data + DCS are 0 modulo 256. TFI is D4 towards the
  reader and D5 from it. `LEN LCS` = `00 FF` is an acknowledgement, `FF 00` a refusal, `FF FF` announces a long frame.
- The reader acknowledges each command before it answers it.
- Anything else on the line is noise: the parser drops it, counts it, and finds the next frame.

Source: NXP UM0701-02, sections 6.2.1 (frames) and 7 (commands).
"""

from dataclasses import dataclass
from enum import IntEnum

from hal.errors import BadReply

BAUD = 115_200  # 8N1 after reset

ACK = bytes.fromhex("0000ff00ff00")
WAKE_UP = bytes.fromhex("5555") + bytes(14)  # a long preamble: the oscillator needs it after a sleep

_START = b"\x00\xff"
_TO_READER = 0xD4
_FROM_READER = 0xD5
_LONG = b"\xff\xff"
_ERROR_BODY = b"\x7f"  # the reader's only body without a TFI: it did not understand the command
_BODY_MAX = 265  # longest body that the reader sends: TFI, code and 263 bytes

MAX_RETRIES_ITEM = 0x05  # RFConfiguration: how often the reader looks for a card before it answers "none"
NORMAL_MODE = 0x01  # SAMConfiguration: no secure access module
TYPE_A_106_KBPS = 0x00  # InListPassiveTarget: ISO 14443 type A
UID_LENGTHS = (4, 7, 10)


class Command(IntEnum):
    """Command codes; an answer carries the code plus one."""

    GET_FIRMWARE_VERSION = 0x02
    SAM_CONFIGURATION = 0x14
    RF_CONFIGURATION = 0x32
    IN_LIST_PASSIVE_TARGET = 0x4A


@dataclass(frozen=True, slots=True)
class Ack:
    """The reader has taken the command."""


@dataclass(frozen=True, slots=True)
class Nack:
    """The last answer should be sent again."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """The reader did not understand the command."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer. `command` is the code that it answers, not the code on the wire."""

    command: int
    data: bytes


Message = Ack | Nack | Refusal | Answer


@dataclass(frozen=True, slots=True)
class Firmware:
    """What answers GetFirmwareVersion: IC 0x32 is a PN532."""

    ic: int
    version: int
    revision: int


@dataclass(frozen=True, slots=True)
class Target:
    """A card in the field. `uid` is byte 0 first, as ISO 14443-3 numbers it."""

    sens_res: int
    sel_res: int
    uid: bytes


def command(code: Command, data: bytes = b"") -> bytes:
    """The frame of a command."""
    body = bytes((_TO_READER, code)) + data
    length = len(body)
    return bytes((0x00, 0x00, 0xFF, length, -length & 0xFF)) + body + bytes((-sum(body) & 0xFF, 0x00))


def get_firmware_version() -> bytes:
    """Ask who is there."""
    return command(Command.GET_FIRMWARE_VERSION)


def sam_configuration() -> bytes:
    """Wake the contactless part: normal mode, 1 s time-out (in steps of 50 ms), no interrupt line."""
    return command(Command.SAM_CONFIGURATION, bytes((NORMAL_MODE, 0x14, 0x01)))


def limit_retries(looks: int) -> bytes:
    """Let the reader answer "no card" after so many looks (0 to 254) instead of waiting for one without end."""
    return command(Command.RF_CONFIGURATION, bytes((MAX_RETRIES_ITEM, 0xFF, 0x01, looks)))


def list_passive_target() -> bytes:
    """Look for one type A card."""
    return command(Command.IN_LIST_PASSIVE_TARGET, bytes((0x01, TYPE_A_106_KBPS)))


def parse_firmware(data: bytes) -> Firmware:
    """The answer to GetFirmwareVersion. Raises BadReply."""
    if len(data) != 4:
        raise BadReply(f"a firmware version has 4 bytes, not {len(data)}")
    return Firmware(data[0], data[1], data[2])


def parse_targets(data: bytes) -> Target | None:
    """The answer to `list_passive_target`: the card, or None without one. Raises BadReply."""
    if not data:
        raise BadReply("a list of targets begins with their number; it is empty")
    if data[0] == 0:
        return None
    if len(data) < 6:
        raise BadReply(f"a target needs at least 6 bytes, not {len(data)}")
    length = data[5]
    uid = data[6 : 6 + length]
    if length not in UID_LENGTHS or len(uid) != length:
        raise BadReply(f"a UID has 4, 7 or 10 bytes; announced {length}, sent {len(uid)}")
    return Target(int.from_bytes(data[2:4], "big"), data[4], uid)


class Parser:
    """Takes bytes as they come and gives whole messages. `bad_frames` counts those thrown away."""

    def __init__(self) -> None:
        self.bad_frames = 0
        self._buffer = bytearray()

    def reset(self) -> None:
        """Forget a frame that has begun: the line has been silent since."""
        self._buffer.clear()

    def feed(self, data: bytes) -> list[Message]:
        """Messages completed by these bytes."""
        self._buffer += data
        messages: list[Message] = []
        while (start := self._buffer.find(_START)) >= 0:
            del self._buffer[:start]
            taken = self._take()
            if taken is None:
                return messages
            length, message = taken
            del self._buffer[:length]
            if message is None:
                self.bad_frames += 1
            else:
                messages.append(message)
        del self._buffer[:-1]  # the last byte may be half a start code
        return messages

    def _take(self) -> tuple[int, Message | None] | None:
        """The frame at the beginning of the buffer and its length; None while it is incomplete."""
        buffer = self._buffer
        code = bytes(buffer[2:4])
        if len(code) < 2:
            return None
        if code in _SHORT:
            return 4, _SHORT[code]
        header = 7 if code == _LONG else 4
        if len(buffer) < header:
            return None
        length_field = buffer[4:6] if code == _LONG else buffer[2:3]
        length = int.from_bytes(length_field, "big")
        if (sum(length_field) + buffer[header - 1]) & 0xFF or not 0 < length <= _BODY_MAX:
            return _NOT_A_FRAME
        if len(buffer) < header + length + 1:
            return None
        body = bytes(buffer[header : header + length])
        if (sum(body) + buffer[header + length]) & 0xFF:
            return _NOT_A_FRAME
        if body == _ERROR_BODY:
            return header + length + 1, Refusal()
        if body[0] != _FROM_READER or length < 2:
            return _NOT_A_FRAME  # our own command echoed, or another protocol
        return header + length + 1, Answer(body[1] - 1, body[2:])


_SHORT: dict[bytes, Message] = {b"\x00\xff": Ack(), b"\xff\x00": Nack()}
_NOT_A_FRAME = (1, None)  # a start code by chance, or a broken frame: look for the next one right behind it
