"""An OpenEVSE controller with a vehicle, at the far end of a serial line: written from its protocol description, for tests.

It knows nothing of the codec under test: lines are built and checked here by hand.
"""

import asyncio
from typing import TYPE_CHECKING

from tests.drivers.wire import Wire

if TYPE_CHECKING:
    from collections.abc import Callable

SLEEPING, DISABLED = 0xFE, 0xFF
A, B, C, GROUND_FAULT, STUCK_RELAY, HOT = 1, 2, 3, 6, 8, 0x0A
ACK_COOKIE = "165"


def checksum(body: str) -> int:
    """Exclusive or of the characters."""
    result = 0
    for character in body:
        result ^= ord(character)
    return result


class FakeOpenEvse:
    """The controller. The vehicle is `plugged` and `asks`; faults are forced by `fault`."""

    def __init__(self, wire: Wire, *, numbered: bool = True) -> None:
        self.numbered = numbered  # firmware that repeats sequence numbers
        self.silent = False
        self.late_s = 0.0  # every answer comes so much later
        self.noise = b""  # before each line
        self.notices = True  # `$AT` is sent
        self.without: set[str] = set()  # commands that this firmware is built without
        self.insists_a = 0  # on offering at least so much
        self.stuck = False  # the relay stays closed
        self.requests: list[str] = []  # without number and checksum
        self.damaged = 0  # requests with a wrong checksum
        self.eeprom_writes = 0
        self.boots = 0
        self.plugged = False
        self.asks = False
        self.fault = 0
        self.relay = False
        self.capacity_a = 32
        self.max_a = 48
        self.mode = A  # A stands for awake
        self.boot_lock_enabled = False
        self.boot_locked = False
        self.auth_locked = False
        self.lock_manual = False
        self.locked = False
        self.heartbeat_s = 0
        self.fallback_a = 0
        self.missed = 0
        self.total_wh = 1000
        self.session_ws = 0
        self.electrical = "0 230000"
        self.temperatures = "251 -2560 -2560"
        self.on_request: Callable[[str], None] = lambda _words: None
        self._wire = wire
        self._line = ""
        self._told = ""
        self._watchdog: asyncio.TimerHandle | None = None
        wire.on_data = self._take

    # The vehicle and the world

    def plug(self, *, asks: bool = False) -> None:
        """A vehicle comes."""
        self.plugged, self.asks, self.session_ws = True, asks, 0
        self._update()

    def unplug(self) -> None:
        """It leaves: the session is counted up."""
        self.plugged = self.asks = False
        self.total_wh += self.session_ws // 3600
        self._update()

    def ask(self, asks: bool) -> None:
        """It wants energy, or no longer does."""
        self.asks = asks
        self._update()

    def fail(self, state: int) -> None:
        """A fault begins; 0 ends it."""
        self.fault = state
        self._update()

    def press_button(self) -> None:
        """Somebody wakes it up, or puts it to sleep."""
        self.mode = SLEEPING if self.mode == A else A
        self.say("$AN 0")
        self._update()

    def boot(self) -> None:
        """Power fails and comes back: everything volatile is gone."""
        self.boots += 1
        self.mode, self.relay, self.capacity_a, self.missed = A, False, 32, 0
        self.boot_locked = self.boot_lock_enabled
        self.lock_manual = False
        self._line = self._told = ""
        self.say("$AB 00 8.2.3")
        self._update()

    # Its state

    @property
    def awake(self) -> bool:
        """PWM may be on."""
        return self.mode == A and not self.fault and not self.auth_locked and not self.boot_locked

    @property
    def offered_a(self) -> int:
        """What the vehicle sees."""
        return self.capacity_a if self.awake and self.plugged else 0

    @property
    def state(self) -> int:
        """As `$GS` tells it."""
        if self.mode in {SLEEPING, DISABLED}:
            return self.mode
        return self.fault or self._vehicle()

    def _vehicle(self) -> int:
        if not self.plugged:
            return A
        return C if self.asks and self.awake else B

    def _flags(self) -> int:
        return (
            0x0040 * (self.relay or self.stuck)
            + 0x0100 * self.plugged
            + 0x0008 * self.auth_locked
            + 0x4000 * self.boot_locked
            + 0x8000 * self.lock_manual
        )

    def _update(self) -> None:
        self.relay = self.state == C
        told = f"{self.state:02x} {self._vehicle():02x} {self.capacity_a} {self._flags():04x}"
        if told != self._told and self.notices and not self.silent:
            self.say(f"$AT {told}")
        self._told = told

    # The line

    def say(self, body: str) -> None:
        """Send a line, with whatever the line adds to it."""
        data = self.noise + f"{body}^{checksum(body):02X}\r".encode()
        if self.late_s:
            asyncio.get_running_loop().call_later(self.late_s, self._wire.send, data)
        else:
            self._wire.send(data)

    def _take(self, data: bytes) -> None:
        for character in data.decode("latin-1"):
            if character == "$":
                self._line = "$"
            elif character == "\r":
                line, self._line = self._line, ""
                if line and not self.silent:
                    self._hear(line)
            elif self._line and len(self._line) < 32:
                self._line += character

    def _hear(self, line: str) -> None:
        body, caret, check = line.partition("^")
        if not caret or check != f"{checksum(body):02X}":
            self.damaged += 1
            self.say("$NK")
            return
        words = body[1:].split()
        number = ""
        if self.numbered and words[-1].startswith(":"):
            number = f" {words.pop()}"
        elif words[0].startswith("G"):
            words = words[:1]  # old firmware takes the number for an argument, which these requests do not have
        self.requests.append(" ".join(words))
        self.on_request(" ".join(words))
        ok, answer = (False, "") if words[0] in self.without else self._do(words)
        self.say(f"${'OK' if ok else 'NK'}{' ' + answer if answer else ''}{number}")
        self._update()

    def _do(self, words: list[str]) -> tuple[bool, str]:
        match words:
            case ["GV"]:
                return True, "8.2.3 5.2.1"
            case ["GS"]:
                return True, f"{self.state:02x} 0 {self._vehicle():02x} {self._flags():04x}"
            case ["GE"]:
                return True, f"{self.capacity_a} {0 if self.boot_lock_enabled else 0x2000:04x}"
            case ["GC"]:
                return True, f"6 {self.max_a} {self.capacity_a} {self.max_a}"
            case ["GF"]:
                return True, "0 1 0"
            case ["GG"]:
                return True, self.electrical
            case ["GU"]:
                return True, f"{self.session_ws} {self.total_wh}"
            case ["GP"]:
                return True, self.temperatures
            case ["FE"]:
                self.mode = A
                return True, ""
            case ["FS"]:
                self.mode = SLEEPING
                return True, ""
            case ["FD"]:
                self.mode = DISABLED
                return True, ""
            case ["FF", "L", flag]:
                self.boot_lock_enabled = flag == "1"
                self.eeprom_writes += 1
                return True, ""
            case ["SB"]:
                if self.fault:
                    return True, "1"
                self.boot_locked = False
                return True, "0"
            case ["S4", flag]:
                self.auth_locked = flag == "1"
                return True, ""
            case ["G5"]:
                return True, f"{int(self.locked)} {'M' if self.lock_manual else 'A'}"
            case ["S5", "M"]:
                self.lock_manual = True
                return True, ""
            case ["S5", ("0" | "1") as flag]:
                if self.lock_manual:
                    self.locked = flag == "1"
                return True, ""
            case ["SC", ampere, *volatile]:
                self.eeprom_writes += not volatile
                return self._set_capacity(int(ampere))
            case ["SY", *arguments]:
                return self._heartbeat(arguments)
        return False, ""

    def _set_capacity(self, ampere: int) -> tuple[bool, str]:
        wanted = min(max(ampere, 6, self.insists_a), self.max_a)
        self.capacity_a = wanted
        return wanted == ampere, str(wanted)

    def _heartbeat(self, arguments: list[str]) -> tuple[bool, str]:
        ok = True
        match arguments:
            case [interval, fallback]:
                self.heartbeat_s, self.fallback_a = int(interval), int(fallback)
            case [cookie]:
                ok = cookie == ACK_COOKIE
                if ok and self.missed:
                    self.missed, self.capacity_a = 1, self.max_a
            case []:
                ok = self.missed != 2
        if self._watchdog is not None:
            self._watchdog.cancel()
        if self.heartbeat_s:
            self._watchdog = asyncio.get_running_loop().call_later(self.heartbeat_s, self._miss)
        return ok, f"{self.heartbeat_s} {self.fallback_a} {self.missed}"

    def _miss(self) -> None:
        self.missed, self.capacity_a = 2, min(self.capacity_a, self.fallback_a)
        self._update()

    def power_off(self) -> None:
        """The end of the test: no timer is left."""
        if self._watchdog is not None:
            self._watchdog.cancel()
