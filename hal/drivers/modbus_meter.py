"""A meter that is read over Modbus, whatever its make: a register map brings it to life.

`register_map_driver` makes the driver of a map for the board file:

    meter = { driver = "eastron-sdm630", bus = "rs485", unit = 1 }
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hal.drivers.modbus_bus import ModbusBus
from hal.drivers.modbus_framing import NoSuchRegister
from hal.drivers.register_map import Block, Number, RegisterMap, Value
from hal.errors import BadReply, DeviceLost, DeviceRefused, DeviceReplaced, DeviceTimeout
from hal.registry import DriverContext, driver
from hal.types import MeterReading

log = logging.getLogger(__name__)

IDENTITY_TIMEOUT_S = 2.0  # for the type and the serial number, at opening


@dataclass(slots=True)
class RegisterEvents:
    """What a meter's energy register did that registers do not do, counted since the start."""

    ran_backwards: int = 0  # rolled over, reset, or another meter without a serial number
    replaced: int = 0  # another serial number


class ModbusMeter:
    """Satisfies hal.meter.Meter for any register map.

    Registers that the meter says it does not have are learnt with the first reading and left out from then on; without an import
    register there is no reading. After a silence, and when the import register ran backwards, the serial number is read
    again: a meter that was replaced is refused until it is opened anew, so that no transaction is charged the difference of two
    meters. A register that ran backwards in the same meter is told as it is, logged and counted.
    """

    def __init__(self, bus: ModbusBus, unit: int, registers: RegisterMap, phases: int | None = None) -> None:
        if not 1 <= unit <= 247:
            raise ValueError(f"unit must be from 1 to 247, is {unit}")
        if phases is not None and phases not in {1, registers.phases}:
            raise ValueError(f"phases must be 1 or {registers.phases} for {registers.name}, is {phases}")
        self.phases = phases or registers.phases
        self.model: str | None = registers.name
        self.serial_number: str | None = None
        self.events = RegisterEvents()
        self._bus = bus
        self._unit = unit
        self._map = registers
        self._name = f"{registers.name} (unit {unit} on bus {bus.name})"
        self._blocks: list[Block] = list(registers.plan())
        self._learning = True  # until the first reading has shown which registers there are
        self._suspect = False  # the meter was out of sight: it may be another one now
        self._refused: str | None = None  # why it is not read until it is opened anew
        self._last_import_mwh: int | None = None
        self._open = False
        self._turn = asyncio.Lock()

    async def open(self) -> None:
        """Find the meter on its bus. Raises DeviceTimeout, DeviceLost, or BadReply for another type of meter."""
        if self._open:
            return
        await self._bus.open()
        try:
            await self._identify()
        except BaseException:
            await self._bus.close()
            raise
        self._blocks = list(self._map.plan())
        self._learning = True
        self._suspect = False
        self._refused = self._last_import_mwh = None
        self._open = True
        log.info("meter found name=%s model=%s serial=%s", self._name, self.model, self.serial_number)

    async def read(self, timeout_s: float = 2.0) -> MeterReading:
        """One reading, its requests directly behind each other. Raises DeviceTimeout, DeviceLost or BadReply."""
        if not self._open:
            raise DeviceLost(f"{self._name} is not open")
        try:
            async with asyncio.timeout(timeout_s), self._turn:
                return await self._reading(timeout_s)
        except (DeviceTimeout, DeviceLost):
            self._suspect = True
            raise
        except DeviceRefused as error:
            raise BadReply(f"{self._name}: {error}; is it this type of meter?") from error
        except TimeoutError:
            self._suspect = True
            raise DeviceTimeout(f"{self._name}: no complete reading within {timeout_s:.1f} s") from None

    async def close(self) -> None:
        """Leave the bus."""
        if self._open:
            self._open = False
            await self._bus.close()

    async def _identify(self) -> None:
        try:
            await self._fetch(self._map.block([self._map.import_mwh]), IDENTITY_TIMEOUT_S)
        except DeviceRefused as error:
            raise BadReply(f"{self._name}: {error}; is it this type of meter?") from error
        text = await self._optional(self._map.type_text, silent=True)
        if text is not None and not str(text).startswith(self._map.type_begins):
            raise BadReply(
                f"{self._name} calls itself {text!r}; choose the driver for that meter, or check the unit number"
            )
        self.model = self._map.name if text is None else str(text)
        self.serial_number = await self._serial(silent=True)

    async def _serial(self, *, silent: bool) -> str | None:
        serial = await self._optional(self._map.serial, silent=silent)
        return None if serial is None or serial == 0 else str(serial)

    async def _optional(self, value: Value | None, *, silent: bool) -> Number | str | None:
        """A value that not every meter of the type has. `silent`: the meter has just answered, so silence means the same."""
        if value is None:
            return None
        block = self._map.block([value])
        try:
            return (await self._fetch(block, IDENTITY_TIMEOUT_S))[value]
        except NoSuchRegister:
            return None
        except DeviceTimeout:
            if silent:
                return None
            raise

    async def _fetch(self, block: Block, timeout_s: float) -> dict[Value, Number | str | None]:
        registers = await self._bus.read(self._unit, block.function, block.address, block.count, timeout_s)
        return block.decode(registers)

    async def _reading(self, timeout_s: float) -> MeterReading:
        if self._refused is not None:
            raise DeviceReplaced(self._refused)
        if self._suspect:
            await self._same_meter()
            self._suspect = False
        raw: dict[Value, Number | str | None] = {}
        for block in tuple(self._blocks):
            raw |= await self._block(block, timeout_s)
        reading = self._map.reading(raw, self.phases)
        await self._watch(reading.import_mwh)
        self._learning = False
        return reading

    async def _block(self, block: Block, timeout_s: float) -> dict[Value, Number | str | None]:
        """The values of a block; in the first reading, those of its registers that the meter has."""
        try:
            return await self._fetch(block, timeout_s)
        except NoSuchRegister:
            if not self._learning or block.values == (self._map.import_mwh,):
                raise
        self._blocks.remove(block)
        if len(block.values) == 1:
            log.info("meter has no register name=%s address=%#06x", self._name, block.address)
            return {}
        raw: dict[Value, Number | str | None] = {}
        for value in block.values:
            alone = self._map.block([value])
            self._blocks.append(alone)
            raw |= await self._block(alone, timeout_s)
        return raw

    async def _watch(self, import_mwh: int | None) -> None:
        """Notice a register that ran backwards. Raises DeviceReplaced when that is because it is another meter."""
        if import_mwh is None:
            return
        last_mwh = self._last_import_mwh
        if last_mwh is not None and import_mwh < last_mwh:
            await self._same_meter()
            self.events.ran_backwards += 1
            log.warning(
                "meter register ran backwards name=%s from_mwh=%d to_mwh=%d; rolled over, reset or replaced",
                self._name,
                last_mwh,
                import_mwh,
            )
        self._last_import_mwh = import_mwh

    async def _same_meter(self) -> None:
        """Read the serial number again. Raises DeviceReplaced when it is another one than at the opening."""
        if self.serial_number is None:
            return
        serial = await self._serial(silent=False)
        if serial == self.serial_number:
            return
        self.events.replaced += 1
        self._refused = (
            f"{self._name} was replaced: serial number {self.serial_number} before, {serial} now; "
            "open it again when no transaction runs on it"
        )
        log.error("meter replaced name=%s serial_before=%s serial_now=%s", self._name, self.serial_number, serial)
        raise DeviceReplaced(self._refused)


def register_map_driver(name: str, registers: RegisterMap) -> Callable[..., Any]:
    """The driver `name` for meters with these registers. Its options: `bus`, `unit`, and `phases` where fewer are wired."""

    def build(context: DriverContext, *, bus: str, unit: int = 1, phases: int | None = None) -> ModbusMeter:
        shared = context.buses.get(bus)
        if not isinstance(shared, ModbusBus):
            names = ", ".join(sorted(context.buses)) or "none"
            raise ValueError(f"no Modbus bus {bus!r} on this board; there are: {names}")
        return ModbusMeter(shared, unit, registers, phases)

    return driver("meter", name)(build)
