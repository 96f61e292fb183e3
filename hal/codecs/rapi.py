"""RAPI, the serial language of the OpenEVSE charging controller: requests, replies, and lines that nobody asked for.

Rules:

- A request is `$CC args :ss^XX\\r`. XX is the exclusive or of every byte before the caret. `:ss` is a sequence number from 01
  to FF; controllers that speak version 3 or newer repeat it in the reply, so that a late reply is not taken for the next.
- A reply is `$OK values :ss^XX\\r` or `$NK values :ss^XX\\r`. `*XX` instead of `^XX` is the sum, as older firmware has it.
- `$AB post firmware` (it has booted), `$AT state pilot amperes flags` (its state changed) and `$AN kind` (its button) come
  at any moment, also between a request and its reply.
- A line without a correct checksum never counts, whatever it says.

Source: OpenEVSE RAPI protocol description, version 5; values in replies are decimal unless a comment says hexadecimal.
"""

import operator
import string
from dataclasses import dataclass
from enum import IntEnum, IntFlag
from functools import reduce

from hal.errors import BadReply

BAUD = 115_200
REQUEST_MAX = 32  # bytes that the controller buffers
REPLY_TIMEOUT_S = 0.5
CURRENT_MIN_A, CURRENT_MAX_A = 6, 80
HEARTBEAT_ACK = "165"  # $SY 165 acknowledges missed heartbeats
NOT_MEASURED = -1  # milliamperes or millivolts of a sensor that is not there
NO_SENSOR_DECI_C = -2560  # tenths of a degree of a temperature sensor that is not there

_MISSED = 2
_LINE_MAX = 128  # longer than any reply: noise
_HEX_DIGITS = frozenset(string.hexdigits)


class EvseState(IntEnum):
    """What the controller is doing."""

    UNKNOWN = 0x00
    A = 0x01
    B = 0x02
    C = 0x03
    D = 0x04
    DIODE = 0x05
    GROUND_FAULT = 0x06
    NO_GROUND = 0x07
    STUCK_RELAY = 0x08
    SELF_TEST_FAILED = 0x09  # of its ground fault interrupter
    OVER_TEMPERATURE = 0x0A
    OVER_CURRENT = 0x0B
    RELAY_CLOSURE = 0x0E  # the relay did not close
    PROXIMITY_SHORTED = 0x0F
    PROXIMITY_MISSING = 0x10
    MEMORY = 0x11
    SLEEPING = 0xFE
    DISABLED = 0xFF


LAST_FAULT = 0x11  # states from D up to here are faults


class Flag(IntFlag):
    """Volatile flags in `$GS` and `$AT` that matter here."""

    HARD_FAULT = 0x0002  # does not clear by itself
    AUTH_LOCKED = 0x0008
    RELAY_CLOSED = 0x0040
    CAR_CONNECTED = 0x0100
    BOOT_LOCKED = 0x4000
    LOCK_MANUAL = 0x8000


class Setting(IntFlag):
    """Stored settings in `$GE` that matter here."""

    BOOT_LOCK_DISABLED = 0x2000


@dataclass(frozen=True, slots=True)
class Reply:
    """`$OK` or `$NK` with its values. `sequence` is None from old firmware."""

    ok: bool
    values: tuple[str, ...]
    sequence: int | None = None


@dataclass(frozen=True, slots=True)
class State:
    """`$GS` or `$AT`. `elapsed_s` and `capacity_a` are each known from one of the two only."""

    state: int  # an EvseState, or a number that this file does not know
    pilot: int
    flags: Flag
    elapsed_s: int | None = None
    capacity_a: int | None = None

    @property
    def relay_closed(self) -> bool:
        """True when it supplies the vehicle."""
        return Flag.RELAY_CLOSED in self.flags

    @property
    def car_connected(self) -> bool:
        """True when a vehicle is plugged in; not meaningful while disabled."""
        return Flag.CAR_CONNECTED in self.flags

    @property
    def faulty(self) -> bool:
        """True in each state that stands for a fault."""
        return EvseState.D <= self.state <= LAST_FAULT


@dataclass(frozen=True, slots=True)
class Booted:
    """`$AB`: it has started again and forgotten all that is volatile. `post` is 0, or the state its self-test found."""

    post: int
    firmware: str


@dataclass(frozen=True, slots=True)
class Button:
    """`$AN`: its button."""

    long: bool


@dataclass(frozen=True, slots=True)
class Other:
    """A correct line of no kind that this file knows."""

    text: str


Message = Reply | State | Booted | Button | Other


@dataclass(frozen=True, slots=True)
class Limits:
    """`$GC`: amperes. `hardware_a` cannot be exceeded, `configured_a` is stored, `capacity_a` is offered now."""

    minimum_a: int
    hardware_a: int
    capacity_a: int
    configured_a: int


@dataclass(frozen=True, slots=True)
class Electrical:
    """`$GG`: None where the controller cannot measure."""

    current_ma: int | None
    voltage_mv: int | None


@dataclass(frozen=True, slots=True)
class Energy:
    """`$GU`: the total is counted up when a vehicle leaves, by the whole watt hours of its session."""

    session_ws: int
    total_wh: int


@dataclass(frozen=True, slots=True)
class FaultCounts:
    """`$GF`: trips since it was made, at most 255 each."""

    ground_fault: int
    no_ground: int
    stuck_relay: int


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """`$SY`: supervision of ourselves. `trigger` 0: never missed, 1: missed and acknowledged, 2: missed, still limited."""

    interval_s: int
    fallback_a: int
    trigger: int

    @property
    def missed(self) -> bool:
        """True while it limits itself because we were silent, and we have not acknowledged that."""
        return self.trigger == _MISSED


def request(command: str, *arguments: str, sequence: int | None = None) -> bytes:
    """The line of a request. ValueError when it does not fit the controller's buffer."""
    words = [f"${command}", *arguments]
    if sequence is not None:
        words.append(f":{sequence:02X}")
    body = " ".join(words).encode("ascii")
    line = body + f"^{_xor(body):02X}\r".encode("ascii")
    if len(line) > REQUEST_MAX:
        raise ValueError(f"request {command} has {len(line)} bytes; the controller takes {REQUEST_MAX}")
    return line


class Parser:
    """Takes bytes as they come and gives whole messages. `bad_lines` counts lines thrown away."""

    def __init__(self) -> None:
        self.bad_lines = 0
        self._line: bytearray | None = None  # None: waiting for the next $

    def feed(self, data: bytes) -> list[Message]:
        """Messages completed by these bytes."""
        messages: list[Message] = []
        for byte in data:
            if byte == ord("$"):
                self._abandon()
                self._line = bytearray(b"$")
            elif self._line is None:
                continue
            elif byte == ord("\r"):
                message = _parse(bytes(self._line))
                self._line = None
                if message is None:
                    self.bad_lines += 1
                else:
                    messages.append(message)
            elif len(self._line) < _LINE_MAX:
                self._line.append(byte)
            else:
                self._abandon()
        return messages

    def _abandon(self) -> None:
        if self._line is not None:
            self.bad_lines += 1
            self._line = None


def parse_state(reply: Reply) -> State:
    """`$GS`: state (hexadecimal), elapsed seconds, pilot and flags (hexadecimal). Raises BadReply."""
    state, elapsed, pilot, flags = _values(reply, 4)
    return State(_hex(state), _hex(pilot), Flag(_hex(flags)), elapsed_s=_int(elapsed))


def parse_limits(reply: Reply) -> Limits:
    """`$GC`. Raises BadReply."""
    return Limits(*map(_int, _values(reply, 4)))


def parse_electrical(reply: Reply) -> Electrical:
    """`$GG`. Raises BadReply."""
    current, voltage = (_unless(_int(value), NOT_MEASURED) for value in _values(reply, 2))
    return Electrical(current, voltage)


def parse_energy(reply: Reply) -> Energy:
    """`$GU`. Raises BadReply."""
    session, total = map(_int, _values(reply, 2))
    if session < 0 or total < 0:
        raise BadReply(f"OpenEVSE counts {session} Ws and {total} Wh: energy is never negative")
    return Energy(session, total)


def parse_temperatures_c(reply: Reply) -> tuple[float | None, ...]:
    """`$GP`: one value per sensor, None for one that is not there. Raises BadReply."""
    raw = [_unless(_int(value), NO_SENSOR_DECI_C) for value in _values(reply, 3)]
    return tuple(None if value is None else value / 10 for value in raw)


def parse_fault_counts(reply: Reply) -> FaultCounts:
    """`$GF`, hexadecimal. Raises BadReply."""
    return FaultCounts(*map(_hex, _values(reply, 3)))


def parse_version(reply: Reply) -> str:
    """`$GV`: the firmware's version. Raises BadReply."""
    return _values(reply, 2)[0]


def parse_settings(reply: Reply) -> Setting:
    """`$GE`: amperes, then flags (hexadecimal). Raises BadReply."""
    return Setting(_hex(_values(reply, 2)[1]))


def parse_capacity_a(reply: Reply) -> int:
    """`$SC`: the amperes it has taken, also in a refusal. Raises BadReply."""
    return _int(_values(reply, 1)[0])


def parse_lock(reply: Reply) -> tuple[bool, bool]:
    """`$G5`: whether the connector lock is locked, and whether it obeys us. Raises BadReply."""
    state, mode = _values(reply, 2)
    return _flag(state), mode == "M"


def parse_flag(reply: Reply) -> bool:
    """A single 0 or 1, as `$SB` answers: 1 when the boot lock stays. Raises BadReply."""
    return _flag(_values(reply, 1)[0])


def parse_heartbeat(reply: Reply) -> Heartbeat:
    """`$SY`. Raises BadReply."""
    return Heartbeat(*map(_int, _values(reply, 3)))


def _parse(line: bytes) -> Message | None:
    """A line from `$` on, without its end; None when its checksum or its shape is wrong."""
    body, mark, check = line[:-3], line[-3:-2], line[-2:]
    if not body.isascii() or mark not in _CHECKSUMS or check.upper() != b"%02X" % _CHECKSUMS[mark](body):
        return None
    words = body[1:].decode("ascii").split()
    match words:
        case []:
            return None
        case ["OK" | "NK" as word, *values]:
            return _reply(word == "OK", values)
    try:
        return _notice(words) or Other(" ".join(words))
    except BadReply:
        return None


def _reply(ok: bool, values: list[str]) -> Reply | None:
    sequence = None
    if values and values[-1].startswith(":"):
        try:
            sequence = _hex(values.pop()[1:])
        except BadReply:
            return None
    return Reply(ok, tuple(values), sequence)


def _notice(words: list[str]) -> Message | None:
    match words:
        case ["AB", post, *firmware]:
            return Booted(_hex(post), " ".join(firmware))
        case ["AT", state, pilot, capacity, flags]:
            return State(_hex(state), _hex(pilot), Flag(_hex(flags)), capacity_a=_int(capacity))
        case ["AN", kind]:
            return Button(long=_flag(kind))
    return None


def _xor(body: bytes) -> int:
    return reduce(operator.xor, body, 0)


def _sum(body: bytes) -> int:
    return sum(body) & 0xFF


_CHECKSUMS = {b"^": _xor, b"*": _sum}


def _values(reply: Reply, count: int) -> tuple[str, ...]:
    if len(reply.values) < count:
        raise BadReply(
            f"OpenEVSE answered {' '.join(reply.values)!r} where {count} values belong; is its firmware too old?"
        )
    return reply.values[:count]


def _int(text: str) -> int:
    if not text.removeprefix("-").isdigit():
        raise BadReply(f"OpenEVSE sent {text!r} where a whole number belongs")
    return int(text)


def _hex(text: str) -> int:
    if not text or not _HEX_DIGITS.issuperset(text):
        raise BadReply(f"OpenEVSE sent {text!r} where a hexadecimal number belongs")
    return int(text, 16)


def _flag(text: str) -> bool:
    if text not in {"0", "1"}:
        raise BadReply(f"OpenEVSE sent {text!r} where 0 or 1 belongs")
    return text == "1"


def _unless(value: int, absent: int) -> int | None:
    return None if value == absent else value
