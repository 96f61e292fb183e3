"""What a meter's registers mean, as a table: addresses, encodings, units. No I/O.

A register map names for each quantity of a `MeterReading` where it stands. From that, `plan` makes few requests within the meter's
limits, and `reading` turns the registers back into values. A register that says "not available" in the way of its encoding is None.
"""

import math
import struct
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain

from hal.types import MeterReading

Number = int | float
Decode = Callable[[bytes], "Number | str | None"]


FLOAT32_DIGITS = 9  # enough to tell any two of them apart


@dataclass(frozen=True, slots=True)
class Encoding:
    """How a value lies in `count` registers; `decode` takes their bytes, high byte of the first register first."""

    count: int
    decode: Decode


def _integer(layout: str, *absent: int, low_word_first: bool = False) -> Encoding:
    """A whole number; the values in `absent` say that the meter does not have it."""
    packing = struct.Struct(layout)

    def decode(data: bytes) -> int | None:
        value = packing.unpack(data[2:] + data[:2] if low_word_first else data)[0]
        assert isinstance(value, int)
        return None if value in absent else value

    return Encoding(packing.size // 2, decode)


def _float32(data: bytes) -> float | None:
    """The shortest decimal that means this 32-bit float: what the meter shows, 230.2 and not 230.1999969482422."""
    value = struct.unpack(">f", data)[0]
    assert isinstance(value, float)
    if not math.isfinite(value):
        return None
    decimals = (float(f"{value:.{digits}g}") for digits in range(6, FLOAT32_DIGITS))
    return next((decimal for decimal in decimals if struct.pack(">f", decimal) == data), value)


def _ascii(data: bytes) -> str | None:
    text = data.rstrip(b"\0").decode("ascii", "replace").strip()
    return text if text and text.isprintable() and text.isascii() else None


UINT16 = _integer(">H", 0xFFFF)
INT16 = _integer(">h", 0x7FFF, -0x8000)
UINT32 = _integer(">I", 0xFFFF_FFFF)
INT32 = _integer(">i", 0x7FFF_FFFF, -0x8000_0000)
INT32_LOW_FIRST = _integer(">i", 0x7FFF_FFFF, -0x8000_0000, low_word_first=True)
UINT64 = _integer(">Q", 0xFFFF_FFFF_FFFF_FFFF, 0x7FFF_FFFF_FFFF_FFFF)
INT64 = _integer(">q", 0x7FFF_FFFF_FFFF_FFFF, -0x8000_0000_0000_0000)
FLOAT32 = Encoding(2, _float32)


def ascii_text(registers: int) -> Encoding:
    """Text, two characters in a register, padded with zeros or blanks."""
    return Encoding(registers, _ascii)


TENTH, HUNDREDTH, THOUSANDTH = Fraction(1, 10), Fraction(1, 100), Fraction(1, 1000)
WH, KWH = 1_000, 1_000_000  # milliwatt hours in one; the same for reactive energy


@dataclass(frozen=True, slots=True)
class Value:
    """One value: its first register (0-based, as on the wire), its encoding, and what one of it is in the unit of the reading."""

    encoding: Encoding
    address: int
    scale: Fraction | int = 1
    function: int | None = None  # where it differs from the map's

    @property
    def end(self) -> int:
        """The address behind its last register."""
        return self.address + self.encoding.count


def per_phase(encoding: Encoding, address: int, scale: Fraction | int = 1, *, phases: int = 3) -> tuple[Value, ...]:
    """A value for each phase, one behind the other."""
    return tuple(Value(encoding, address + phase * encoding.count, scale) for phase in range(phases))


@dataclass(frozen=True, slots=True)
class Block:
    """Registers that are read in one request."""

    function: int
    address: int
    values: tuple[Value, ...]

    @property
    def count(self) -> int:
        """How many registers there are."""
        return max(value.end for value in self.values) - self.address

    def decode(self, registers: Sequence[int]) -> dict[Value, Number | str | None]:
        """Each value as the meter has it, before scaling."""
        data = struct.pack(f">{len(registers)}H", *registers)
        return {
            value: value.encoding.decode(data[2 * (value.address - self.address) : 2 * (value.end - self.address)])
            for value in self.values
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterMap:
    """The registers of one type of meter. What it does not have is left out.

    Quantities have the names, units and signs of `MeterReading`. `longest_read` and `longest_gap` say how many registers the meter
    gives in one answer, and how many that we do not need may lie between two that we do. `type_begins` is how the text in the
    `type_text` registers begins for all meters of this map; it keeps another meter from being believed.
    """

    name: str
    phases: int
    function: int
    longest_read: int
    longest_gap: int = 0
    import_mwh: Value
    export_mwh: Value | None = None
    reactive_import_mvarh: Value | None = None
    reactive_export_mvarh: Value | None = None
    power_w: Value | None = None
    power_per_phase_w: tuple[Value, ...] = ()
    reactive_power_var: Value | None = None
    current_a: tuple[Value, ...] = ()
    voltage_v: tuple[Value, ...] = ()
    power_factor: Value | None = None
    frequency_hz: Value | None = None
    serial: Value | None = None
    type_text: Value | None = None
    type_begins: str = ""

    def __post_init__(self) -> None:
        for values in (self.power_per_phase_w, self.current_a, self.voltage_v):
            if len(values) not in {0, self.phases}:
                raise ValueError(f"{self.name}: {len(values)} values for {self.phases} phases")
        for value in self.measured():
            if value.encoding.count > self.longest_read:
                raise ValueError(f"{self.name}: the value at {value.address:#06x} is longer than the longest read")

    def measured(self) -> Iterator[Value]:
        """All values that a reading is made of."""
        single = (
            self.import_mwh,
            self.export_mwh,
            self.reactive_import_mvarh,
            self.reactive_export_mvarh,
            self.power_w,
            self.reactive_power_var,
            self.power_factor,
            self.frequency_hz,
        )
        yield from (value for value in single if value is not None)
        yield from chain(self.power_per_phase_w, self.current_a, self.voltage_v)

    def plan(self) -> tuple[Block, ...]:
        """The requests that bring all measured values, in the order of their addresses."""
        return tuple(self._blocks(self.measured()))

    def block(self, values: Iterable[Value]) -> Block:
        """One request for the values, which lie within the longest read."""
        ordered = tuple(sorted(values, key=lambda value: value.address))
        return Block(ordered[0].function or self.function, ordered[0].address, ordered)

    def _blocks(self, values: Iterable[Value]) -> Iterator[Block]:
        batch: list[Value] = []
        for value in sorted(values, key=lambda value: (value.function or self.function, value.address)):
            if batch and not self._joins(batch, value):
                yield self.block(batch)
                batch = []
            batch.append(value)
        if batch:
            yield self.block(batch)

    def _joins(self, batch: Sequence[Value], value: Value) -> bool:
        same_function = (batch[0].function or self.function) == (value.function or self.function)
        gap = value.address - max(other.end for other in batch)
        return same_function and gap <= self.longest_gap and value.end - batch[0].address <= self.longest_read

    def reading(self, raw: Mapping[Value, Number | str | None], phases: int) -> MeterReading:
        """Values in the units of the contract; `phases` limits what is told of a three-phase meter on a single-phase supply."""

        def single(value: Value | None) -> float | None:
            found = None if value is None else raw.get(value)
            return None if value is None or not isinstance(found, int | float) else float(found * value.scale)

        def energy(value: Value | None) -> int | None:
            found = None if value is None else raw.get(value)
            if value is None or not isinstance(found, int | float) or found < 0:
                return None  # an energy register below zero is a way of saying "not available"
            return round(found * value.scale)

        def phase_values(values: tuple[Value, ...]) -> tuple[float | None, ...]:
            return tuple(single(value) for value in values[:phases])

        return MeterReading(
            import_mwh=energy(self.import_mwh),
            export_mwh=energy(self.export_mwh),
            reactive_import_mvarh=energy(self.reactive_import_mvarh),
            reactive_export_mvarh=energy(self.reactive_export_mvarh),
            power_w=single(self.power_w),
            power_per_phase_w=phase_values(self.power_per_phase_w),
            reactive_power_var=single(self.reactive_power_var),
            current_a=phase_values(self.current_a),
            voltage_v=phase_values(self.voltage_v),
            power_factor=single(self.power_factor),
            frequency_hz=single(self.frequency_hz),
        )
