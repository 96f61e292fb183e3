"""`wayside boards probe`: talks to every device of a board and tells what answered, as a technician's commissioning sheet.

Devices are asked one after the other, each within its time. Contactors stay denied and pilots offer nothing; the devices of an
EVSE stay open until all of them were asked, because some share a controller.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any, TypeVar

from boards import Board, BoardDescription, EvseHardware
from hal.contactor import Contactor
from hal.errors import DeviceRefused, DeviceTimeout, HalError
from hal.inputs import BaySensor, FaultSource, LimitSource, SelfTesting
from hal.lock import ConnectorLock
from hal.meter import Meter
from hal.modem import Modem
from hal.network import NetworkMonitor
from hal.pilot import ControlPilot
from hal.reader import TokenReader

OPEN_S = 5.0
ASK_S = 5.0
LISTEN_S = 0.3  # for what a device tells by itself

T = TypeVar("T")
Ask = Callable[[Any], Awaitable[str]]


@dataclass(frozen=True, slots=True)
class Finding:
    """What became of one device: `told` is its answer, or why there is none."""

    place: str
    driver: str
    answered: bool
    told: str


async def probe(board: Board, description: BoardDescription) -> AsyncIterator[Finding]:
    """Ask every device of a board, in the order of its file."""
    async with AsyncExitStack() as stack:
        for place, driver, device, ask in _devices(board, description):
            yield await _ask(stack, place, driver, device, ask)


async def _ask(stack: AsyncExitStack, place: str, driver: str, device: Any, ask: Ask) -> Finding:
    try:
        await _within(OPEN_S, device.open(), "does not open")
        stack.push_async_callback(device.close)
        told = await _within(ASK_S, ask(device), "gives no answer")
    except HalError as error:
        return Finding(place, driver, False, str(error))
    return Finding(place, driver, True, told)


async def _within(seconds: float, work: Awaitable[T], what: str) -> T:
    try:
        async with asyncio.timeout(seconds):
            return await work
    except HalError:
        raise
    except TimeoutError:
        raise DeviceTimeout(f"{what} within {seconds:g} s") from None


def _devices(board: Board, description: BoardDescription) -> Iterator[tuple[str, str, Any, Ask]]:
    evses = {hardware.id: hardware for hardware in board.evses}
    for number, table in enumerate(description.evse, 1):
        place, hardware = f"evse[{number}]", evses[table.id]
        yield f"{place}.pilot", table.pilot.driver, hardware.pilot, _pilot
        yield f"{place}.contactor", (table.contactor or table.pilot).driver, hardware.contactor, _contactor
        yield f"{place}.meter", table.meter.driver, hardware.meter, _meter
        for kind, ask in (("lock", _lock), ("lamp", _opens), ("bay", _bay)):
            device_table = getattr(table, kind)
            if device_table is not None:
                yield f"{place}.{kind}", device_table.driver, getattr(hardware, kind), ask
        yield from _inputs(place, table.inputs, hardware)
    for index, (table_of, reader) in enumerate(zip(description.reader, board.readers, strict=True), 1):
        yield f"reader[{index}]", table_of.driver, reader, _reader
    for index, (table_of, source) in enumerate(zip(description.input, board.station_inputs, strict=True), 1):
        yield f"input[{index}]", table_of.driver, source, _faults
    whole_station: tuple[tuple[str, Any, Ask], ...] = (
        ("meter", board.main_meter, _meter),
        ("lamp", board.lamp, _opens),
        ("modem", board.modem, _modem),
        ("network", board.network, _network),
        ("display", board.display, _opens),
        ("limits", board.limits, _limit),
    )
    for name, device, question in whole_station:
        if device is not None:
            yield name, getattr(description, name).driver, device, question


def _inputs(place: str, tables: tuple[Any, ...], hardware: EvseHardware) -> Iterator[tuple[str, str, Any, Ask]]:
    for index, (table, source) in enumerate(zip(tables, hardware.inputs, strict=True), 1):
        yield f"{place}.inputs[{index}]", table.driver, source, _faults


async def _pilot(pilot: ControlPilot) -> str:
    reading = await pilot.read()
    cable = {None: "", True: ", cable in the socket", False: ", no cable in the socket"}[reading.cable_at_station]
    return f"state {reading.state.value}{cable}"


async def _contactor(contactor: Contactor) -> str:
    await contactor.deny()
    return {None: "denied, no feedback contact", True: "closed although denied", False: "denied, open"}[
        contactor.closed
    ]


async def _meter(meter: Meter) -> str:
    reading = await meter.read()
    told = [meter.model or "unknown type"]
    if meter.serial_number is not None:
        told.append(f"serial number {meter.serial_number}")
    if reading.import_mwh is not None:
        told.append(f"import {reading.import_mwh / 1e6:.3f} kWh")
    volts = [f"{value:.1f}" for value in reading.voltage_v if value is not None]
    if volts:
        told.append(f"{' / '.join(volts)} V")
    return ", ".join(told)


async def _lock(lock: ConnectorLock) -> str:
    return f"bolt {lock.state.value}"


async def _faults(source: FaultSource) -> str:
    """The faults that are there; a device that can test itself must pass."""
    if isinstance(source, SelfTesting) and not await source.self_test():
        raise DeviceRefused("does not pass its self-test")
    found: list[str] = []
    faults = aiter(source.faults())
    while (fault := await _next(faults)) is not None:
        found.append(fault.code.value)
    told = "faults: " + ", ".join(found) if found else "no fault"
    return f"{told}, self-test passed" if isinstance(source, SelfTesting) else told


async def _reader(reader: TokenReader) -> str:
    seen = await _next(aiter(reader.tokens()))
    return "ready" if seen is None else "ready, sees a card"


async def _bay(bay: BaySensor) -> str:
    return {None: "tells nothing", True: "occupied", False: "free"}[await _next(aiter(bay.occupancy()))]


async def _limit(source: LimitSource) -> str:
    limit_a = await _next(aiter(source.limits()))
    return "no limit" if limit_a is None else f"limit {limit_a:g} A"


async def _modem(modem: Modem) -> str:
    sim, status = await modem.identity(), await modem.status()
    told = ["registered" if status.registered else "not registered"]
    if status.operator is not None:
        told.append(status.operator)
    if status.signal_dbm is not None:
        told.append(f"{status.signal_dbm} dBm")
    told.append("SIM " + ("not readable" if sim.iccid is None else f"…{sim.iccid[-4:]}"))
    return ", ".join(told)


async def _network(network: NetworkMonitor) -> str:
    status = network.status
    return ", ".join(
        ["up" if status.up else "down", *([status.interface] if status.interface else []), *status.addresses]
    )


async def _opens(device: object) -> str:
    return "opens"


async def _next(stream: AsyncIterator[T]) -> T | None:
    """The next value that comes soon, or None."""
    try:
        async with asyncio.timeout(LISTEN_S):
            return await anext(stream, None)
    except HalError:
        raise
    except TimeoutError:
        return None
