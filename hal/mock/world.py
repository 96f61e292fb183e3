"""The desktop world: EVSEs with cables and vehicles, mains, cards, a modem, a network, a clock, a display.

Mock devices satisfy the hardware contracts on top of it; people, tests and the local control interface act on it. Everything
is synchronous and happens on the event loop's thread.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from hal.mock.cable import Cable
from hal.mock.car import PRESETS, Car, CarSpec
from hal.mock.clock import MockClock
from hal.mock.errors import Impossible, UnknownAction, WorldError
from hal.mock.evse import MockEvse
from hal.mock.faults import EVSE_FAULTS, SILENT_FAULTS, FaultBook
from hal.mock.firmware import MockFirmware
from hal.mock.lamp import LampState
from hal.mock.main_meter import MainMeter
from hal.mock.memory import recall, remember, show
from hal.mock.modem import MockModemState
from hal.mock.network import MockNetwork
from hal.mock.ports import Port, StationPorts
from hal.mock.state import MemoryStore, Store
from hal.mock.supply import Supply
from hal.types import Fault, FaultCode, TokenKind, TokenRead

MEMORY_VERSION = 1
_HISTORY = 1000


@dataclass(frozen=True, slots=True)
class MockReader:
    """A token reader: the EVSEs it serves (none named: all of them) and its port."""

    evses: tuple[int, ...]
    port: Port[TokenRead]

    def serves(self, evses: tuple[int, ...]) -> bool:
        """True when it serves all of these EVSEs."""
        return not self.evses or all(evse in self.evses for evse in evses)


class World:
    """Everything outside the program. Actions on one EVSE are methods of `world.evse(id)`.

    `garage` holds the vehicles that can be named: the presets and what a board adds. `on_power_cut` is set by a program that
    can die of a power cut; without it there is none.
    """

    def __init__(
        self,
        clock: MockClock,
        *,
        supply: Supply | None = None,
        store: Store | None = None,
        on_power_cut: Callable[[], None] | None = None,
    ) -> None:
        self.clock = clock
        self.supply = supply or Supply()
        self.network = MockNetwork()
        self.modem = MockModemState()
        self.firmware = MockFirmware()
        self.garage: dict[str, CarSpec] = dict(PRESETS)
        self.faults = FaultBook()
        self.lamp = LampState(clock)
        self.limit_a: float | None = None  # of the local energy manager, per phase
        self.display_lines: tuple[str, ...] = ()
        self.display_language: str | None = None
        self.ports = StationPorts(self.network.monitors, self.modem.ports, self.firmware.ports)
        self.readers: list[MockReader] = []
        self.swipes: deque[tuple[float, TokenRead]] = deque(maxlen=_HISTORY)  # (monotonic seconds, what was read)
        self.on_power_cut = on_power_cut
        self._evses: dict[int, MockEvse] = {}
        self._store = MemoryStore() if store is None else store
        self._memory = self._store.load()
        if self._memory.get("version", MEMORY_VERSION) != MEMORY_VERSION:
            raise WorldError(f"the world's memory has version {self._memory['version']!r}; delete it to begin anew")
        if self._memory.get("scaled_boot") == clock.boot:
            clock.reboot(f"{clock.boot}/{clock.monotonic():.6f}")  # or monotonic time would run backwards within a boot
        self.main_meter = MainMeter(clock, lambda: self.supply, self._evses.values)
        self.main_meter.begin_at(int(self._memory.get("beside_mwh", 0)))
        if "firmware" in self._memory:
            self.firmware.recall(self._memory["firmware"])

    # EVSEs and what is attached

    def add_evse(
        self, evse_id: int, *, phases: int = 3, fixed_cable: bool = False, cable_limit_a: float = 32.0
    ) -> MockEvse:
        """Build an EVSE, in the state in which the last world of this memory left it. ValueError when it is there already."""
        if evse_id in self._evses:
            raise ValueError(f"there is an EVSE {evse_id} already")
        evse = MockEvse(
            evse_id,
            phases=phases,
            cable=Cable(fixed=fixed_cable, limit_a=cable_limit_a),
            clock=self.clock,
            supply=lambda: self.supply,
            save=self.save,
        )
        memory = self._memory.get("evses", {}).get(str(evse_id))
        if memory is not None:
            recall(evse, memory)
        self._evses[evse_id] = evse
        return evse

    def evse(self, evse_id: int) -> MockEvse:
        """An EVSE by its number. Raises UnknownAction, naming what there is."""
        try:
            return self._evses[evse_id]
        except KeyError:
            there = ", ".join(map(str, self._evses)) or "none"
            raise UnknownAction(f"there is no EVSE {evse_id}; there are: {there}") from None

    @property
    def evses(self) -> list[MockEvse]:
        """All EVSEs."""
        return list(self._evses.values())

    def attach_reader(self, evses: tuple[int, ...] = ()) -> Port[TokenRead]:
        """A token reader that serves some EVSEs, or all. ValueError for one that does not exist."""
        strangers = [evse for evse in evses if evse not in self._evses]
        if strangers:
            raise ValueError(f"evses names EVSE {strangers[0]}, which the board does not have")
        reader = MockReader(evses, self.ports.reader.attach())
        self.readers.append(reader)
        for evse_id in evses or self._evses:
            self._evses[evse_id].ports.readers.append(reader.port)
        return reader.port

    # What people do

    def car(self, name: str) -> Car:
        """A vehicle of the garage. Raises UnknownAction, naming what there is."""
        if name not in self.garage:
            raise UnknownAction(f"there is no vehicle {name!r}; there are: {', '.join(self.garage)}")
        return Car(self.garage[name], name)

    def swipe(self, value: str, kind: TokenKind | None = None, evses: tuple[int, ...] = ()) -> TokenRead:
        """Hold a token to the first working reader that serves these EVSEs (none named: any) and return what it read.

        Without a kind, hexadecimal digits are a card and everything else is a code. Raises Impossible when no such reader works,
        UnknownAction for an EVSE that does not exist, ValueError for a card whose number is not hexadecimal.
        """
        value, kind = _token(value, kind)
        for evse_id in evses:
            self.evse(evse_id)
        reader = next((r for r in self.readers if r.serves(evses) and r.port.is_open), None)
        if reader is None:
            where = f" that serves EVSE {', '.join(map(str, evses))}" if evses else ""
            raise Impossible(f"there is no working token reader{where}")
        read = TokenRead(value, kind, evses or reader.evses)
        self.swipes.append((self.clock.monotonic(), read))
        reader.port.publish(read)
        return read

    def press_key(self, key: str) -> None:
        """Press a key of the display. Raises Impossible without a working display."""
        if not self.ports.display.in_use:
            raise Impossible("there is no working display with keys")
        self.ports.display.publish(key)

    def set_limit(self, current_a: float | None) -> None:
        """The local energy manager bounds the station, amperes per phase; None lifts the bound. ValueError below 0."""
        if current_a is not None and not 0.0 <= current_a <= 10_000.0:
            raise ValueError(f"current_a must be from 0 to 10000, is {current_a!r}")
        if current_a != self.limit_a:
            self.limit_a = current_a
            self.ports.limits.publish(current_a)

    # What the world does

    def change_supply(self, **changes: Any) -> None:
        """Other values for fields of Supply from now on. ValueError for values that are not possible."""
        before, after = self.supply, replace(self.supply, **changes)
        for evse in self.evses:
            evse.settle()
        self.main_meter.count()
        self.supply = after
        for evse in self.evses:
            evse.changed_outside()
        for code, was, is_now, text in (
            (FaultCode.POWER_LOSS, not before.mains, not after.mains, "mains are gone"),
            (FaultCode.OVER_VOLTAGE, before.over_voltage, after.over_voltage, "voltage too high"),
            (FaultCode.UNDER_VOLTAGE, before.under_voltage, after.under_voltage, "voltage too low"),
        ):
            if is_now and not was:
                self.raise_fault(code, text)
            elif was and not is_now:
                self.clear_fault(code)

    def raise_fault(self, code: FaultCode | str, text: str = "", vendor_code: str | None = None) -> None:
        """Let something go wrong with the station. Raises Impossible for faults that need an EVSE, ValueError for other words."""
        if FaultCode(code) in EVSE_FAULTS:
            raise Impossible(f"{FaultCode(code)} happens at an EVSE; raise it there")
        fault = self.faults.enter(code, text, vendor_code)
        if fault is not None:
            self._take_effect(fault)

    def clear_fault(self, code: FaultCode | str) -> None:
        """Mend it; nothing happens when nothing is wrong. ValueError for a word that is no fault code."""
        fault = self.faults.strike(code)
        if fault is not None:
            self._take_effect(fault)

    def cut_power(self) -> None:
        """The station's power is gone this instant, and with it the program. Raises Impossible where the program cannot die of it."""
        if self.on_power_cut is None:
            raise Impossible("this program has not said how it dies of a power cut")
        self.save()
        self.on_power_cut()
        self.station_down()

    def station_down(self) -> None:
        """The controller is gone while the world goes on: contactors fall open and every device is detached.

        Devices of a new program can be attached afterwards.
        """
        for evse in self.evses:
            evse.detach()
        self.ports.detach_all()
        self.readers.clear()
        self.display_lines, self.display_language = (), None
        self.save()

    def save(self) -> None:
        """Write down what outlives the program."""
        self._memory = {
            "version": MEMORY_VERSION,
            "scaled_boot": self.clock.scaled_boot or self._memory.get("scaled_boot"),
            "beside_mwh": self.main_meter.beside_mwh(),
            "firmware": self.firmware.remember(),
            "evses": self._memory.get("evses", {}) | {str(evse.id): remember(evse) for evse in self.evses},
        }
        self._store.save(self._memory)

    def snapshot(self) -> dict[str, Any]:
        """Everything that can be seen, JSON-able. Looking changes nothing."""
        modem, link = self.modem, self.network.status
        return {
            "clock": {
                "wall_s": self.clock.wall(),
                "true_wall_s": self.clock.true_wall(),
                "offset_s": self.clock.offset_s,
                "drift_ppm": self.clock.drift_ppm,
                "trust": self.clock.trust.value,
                "speed": self.clock.speed,
            },
            "supply": {
                "voltage_v": list(self.supply.voltage_v),
                "frequency_hz": self.supply.frequency_hz,
                "mains": self.supply.mains,
                "background_a": self.supply.background_a,
            },
            "network": {
                "mode": self.network.mode.value,
                "latency_s": self.network.latency_s,
                "addresses": list(link.addresses),
            },
            "modem": {
                "registered": modem.status.registered,
                "roaming": modem.status.roaming,
                "operator": modem.status.operator,
                "technology": modem.status.technology,
                "signal_dbm": modem.status.signal_dbm,
                "recoveries": [step for _, step in modem.recoveries],
            },
            "firmware": {
                "versions": dict(self.firmware.versions),
                "booted": self.firmware.booted,
                "install_s": self.firmware.install_s,
                "install_fails": self.firmware.install_fails,
                "boot_fails": self.firmware.boot_fails,
            },
            "lamp": self.lamp.sign.value,
            "display": {"lines": list(self.display_lines), "language": self.display_language},
            "limit_a": self.limit_a,
            "cars": list(self.garage),
            "faults": [code.value for code in self.faults.codes],
            "lost_devices": self.ports.lost,
            "evses": {str(evse.id): show(evse) for evse in self.evses},
        }

    def _take_effect(self, fault: Fault) -> None:
        if fault.code is FaultCode.READER_LOST:
            (self.ports.reader.lose if fault.active else self.ports.reader.restore)()
        elif fault.code not in SILENT_FAULTS:
            self.ports.inputs.publish(fault)


def _token(value: str, kind: TokenKind | None) -> tuple[str, TokenKind]:
    is_hex = len(value) % 2 == 0 and all(digit in "0123456789abcdefABCDEF" for digit in value)
    if kind in {TokenKind.ISO14443, TokenKind.ISO15693} and not is_hex:
        raise ValueError("a card's number must be an even number of hexadecimal digits")
    if kind is None:
        kind = TokenKind.ISO14443 if is_hex else TokenKind.KEY_CODE
    return value.upper() if is_hex else value, kind
