"""Meters for tests: pymodbus' own simulator on the far end of a serial cable, filled with registers that tests encode themselves."""

import asyncio
import contextlib
import struct
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path

from pymodbus.server import ModbusSerialServer, ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from hal.bus import SerialBus, TcpBus
from hal.clocks import SystemClock
from hal.drivers.buses import build_bus
from hal.drivers.modbus_bus import ModbusBus
from tests.drivers_meters.lines import cable

Registers = Mapping[int, bytes]  # address -> the bytes of one or more registers

BAUD = 115200


def float32(*values: float) -> bytes:
    """IEEE 754, high word first, high byte first."""
    return struct.pack(f">{len(values)}f", *values)


def low_word_first(*values: int) -> bytes:
    """32-bit numbers with a sign, low word first, high byte of each word first."""
    return b"".join(packed[2:] + packed[:2] for packed in (struct.pack(">i", value) for value in values))


def words(*values: int) -> bytes:
    """Plain registers."""
    return struct.pack(f">{len(values)}H", *values)


def device(unit: int, inputs: Registers, holdings: Registers | None = None) -> SimDevice:
    """A slave with these input registers (function 4) and holding registers (function 3), and no others."""
    nothing = [SimData(0, values=False, datatype=DataType.BITS, count=16)]
    return SimDevice(unit, (nothing, nothing, _blocks(holdings or {}), _blocks(inputs)))


def _blocks(registers: Registers) -> list[SimData]:
    blocks = [
        SimData(address, values=list(struct.unpack(f">{len(data) // 2}H", data)), datatype=DataType.REGISTERS)
        for address, data in sorted(registers.items())
    ]
    return blocks or [SimData(0, datatype=DataType.INVALID)]


def clock() -> SystemClock:
    """The time of the running loop."""
    return SystemClock(asyncio.get_running_loop(), boot="test")


def _only(devices: Sequence[SimDevice], position: int) -> Callable[[bool, bytes], bytes]:
    """Keeps the simulator from answering, with exception 4, for units that are not there. The unit stands at `position`."""
    units = {device.id for device in devices}

    def trace(sending: bool, data: bytes) -> bytes:
        return b"" if sending and data[position] not in units else data

    return trace


@contextlib.asynccontextmanager
async def far_side(directory: Path, *devices: SimDevice) -> AsyncIterator[Path]:
    """Slaves on the far end of a cable, whose near end has the given path. As on a real bus, nobody answers for a unit that is
    not there."""
    near, far = directory / "near", directory / "far"
    async with cable(near, far):
        server = ModbusSerialServer(list(devices), port=str(far), baudrate=BAUD, trace_packet=_only(devices, 0))
        await server.serve_forever(background=True)
        try:
            yield near
        finally:
            await server.shutdown()  # type: ignore[no-untyped-call]


@contextlib.asynccontextmanager
async def serial_bus(directory: Path, *devices: SimDevice) -> AsyncIterator[ModbusBus]:
    """A bus with these slaves on the far end of a cable."""
    async with far_side(directory, *devices) as near:
        yield build_bus("rs485", SerialBus(str(near), BAUD), clock())


@contextlib.asynccontextmanager
async def tcp_bus(*devices: SimDevice) -> AsyncIterator[ModbusBus]:
    """A bus behind a Modbus TCP gateway."""
    server = ModbusTcpServer(list(devices), address=("127.0.0.1", 0), trace_packet=_only(devices, 6))
    await server.serve_forever(background=True)
    port = server.transport.sockets[0].getsockname()[1]  # type: ignore[attr-defined]
    try:
        yield build_bus("gateway", TcpBus("127.0.0.1", port), clock())
    finally:
        await server.shutdown()  # type: ignore[no-untyped-call]
