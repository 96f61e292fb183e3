"""A register-map meter whose meter misbehaves, on pseudo-terminals."""

import asyncio
import contextlib
import itertools
import struct
from collections.abc import AsyncIterator, Iterator
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hal.drivers.modbus_bus import ModbusBus
from hal.drivers.modbus_meter import ModbusMeter, register_map_driver
from hal.drivers.register_map import FLOAT32, INT64, KWH, UINT32, WH, RegisterMap, Value, ascii_text, per_phase
from hal.errors import BadReply, DeviceLost, DeviceReplaced, DeviceTimeout, HalError
from hal.meter import Meter
from hal.registry import DriverContext
from tests.drivers_meters.peer import BytewisePeer, DelayedPeer, Fields, Peer, bus_with
from tests.drivers_meters.slaves import clock, float32, words
from tests.drivers_meters.wire import answer, refusal

BENCH = RegisterMap(
    name="Bench meter",
    phases=3,
    function=4,
    longest_read=20,
    longest_gap=2,
    voltage_v=per_phase(FLOAT32, 0),
    power_w=Value(FLOAT32, 8),
    frequency_hz=Value(FLOAT32, 10),
    import_mwh=Value(INT64, 40, WH),
    export_mwh=Value(INT64, 44, WH),
    serial=Value(UINT32, 100, function=3),
    type_text=Value(ascii_text(4), 200, function=3),
    type_begins="Bench",
)


class Memory:
    """Registers of a meter that a test can change while it is read. What is not there is refused with exception 2."""

    def __init__(self) -> None:
        self.registers: dict[tuple[int, int], int] = {}
        self.silent = False
        self.put(4, 0, float32(230, 231, 232) + words(0, 0) + float32(690.5, 50))
        self.put(4, 40, struct.pack(">qq", 5_000, 70))
        self.put(3, 100, words(0, 4711))
        self.put(3, 200, b"Bench 1\0")

    def put(self, function: int, address: int, data: bytes) -> None:
        """Set registers."""
        for offset, value in enumerate(struct.unpack(f">{len(data) // 2}H", data)):
            self.registers[function, address + offset] = value

    def remove(self, function: int, address: int, count: int) -> None:
        """Registers that this meter does not have."""
        for offset in range(count):
            del self.registers[function, address + offset]

    def energy_wh(self, imported: int) -> None:
        """Set the import register."""
        self.put(4, 40, struct.pack(">q", imported))

    def __call__(self, fields: Fields) -> bytes | None:
        unit, function, address, count = fields
        if self.silent:
            return None
        values = [self.registers.get((function, address + offset)) for offset in range(count)]
        if None in values:
            return refusal(unit, function, 2)
        return answer(unit, function, struct.pack(f">{count}H", *values))


@contextlib.asynccontextmanager
async def bench(
    memory: Memory | None = None, kind: type[Peer] = Peer
) -> AsyncIterator[tuple[ModbusMeter, Memory, Peer]]:
    """An open bench meter."""
    memory = memory or Memory()
    async with bus_with(memory, kind) as (bus, peer):
        meter = ModbusMeter(bus, 1, BENCH)
        await meter.open()
        peer.asked.clear()
        yield meter, memory, peer
        await meter.close()


def a_meter(meter: Meter) -> Meter:
    """The type checker proves the contract."""
    return meter


@pytest.mark.parametrize("kind", [Peer, BytewisePeer, DelayedPeer], ids=["whole", "byte by byte", "delayed"])
async def test_a_reading_takes_one_request_a_block(kind: type[Peer]) -> None:
    """Registers that stand together are read together, and gaps that are too long are not read across."""
    async with bench(kind=kind) as (meter, _, peer):
        reading = await a_meter(meter).read()
        assert [fields[1:] for fields in peer.asked] == [(4, 0, 12), (4, 40, 8)]
        assert (reading.import_mwh, reading.export_mwh) == (5_000_000, 70_000)
        assert (reading.voltage_v, reading.power_w, reading.frequency_hz) == ((230.0, 231.0, 232.0), 690.5, 50.0)
        assert (reading.current_a, reading.power_factor, reading.temperature_c) == ((), None, None)
        assert (meter.model, meter.serial_number, meter.phases) == ("Bench 1", "4711", 3)


async def test_a_single_phase_supply_is_told_with_one_phase() -> None:
    """With the option `phases = 1`, the phases of a three-phase meter that are not wired are not told as zero volts."""
    async with bus_with(Memory()) as (bus, _):
        meter = ModbusMeter(bus, 1, BENCH, phases=1)
        await meter.open()
        assert (await meter.read()).voltage_v == (230.0,)
        assert meter.phases == 1
        await meter.close()


async def test_what_a_meter_does_not_have_is_none() -> None:
    """Registers that the meter refuses are left out, one by one, and asked no more."""
    memory = Memory()
    memory.remove(4, 10, 2)
    memory.remove(4, 44, 4)
    async with bench(memory) as (meter, _, peer):
        reading = await meter.read()
        assert (reading.frequency_hz, reading.export_mwh) == (None, None)
        assert (reading.import_mwh, reading.power_w) == (5_000_000, 690.5)
        peer.asked.clear()
        assert await meter.read() == reading
        assert {fields[2] for fields in peer.asked}.isdisjoint({10, 44})


@pytest.mark.parametrize(
    ("address", "data"),
    [
        (8, "7fc00000"),
        (8, "ffc00000"),
        (8, "7f800000"),
        (8, "ffffffff"),
        (40, "8000000000000000"),
        (40, "7fffffffffffffff"),
    ],
)
async def test_not_available_is_none_and_not_a_number(address: int, data: str) -> None:
    """NaN, infinity and the marks of whole numbers become None."""
    memory = Memory()
    memory.put(4, address, bytes.fromhex(data))
    async with bench(memory) as (meter, _, _peer):
        reading = await meter.read()
        assert (reading.power_w if address == 8 else reading.import_mwh) is None


async def test_a_refusal_later_on_is_an_error() -> None:
    """A register that was there and is refused now makes the reading fail; it does not become None."""
    async with bench() as (meter, memory, _):
        await meter.read()
        memory.remove(4, 10, 2)
        with pytest.raises(BadReply, match="is it this type of meter"):
            await meter.read()


async def test_a_meter_without_the_import_register_is_another_meter() -> None:
    """Opening fails, and the error says what to look at."""
    memory = Memory()
    memory.remove(4, 40, 8)
    async with bus_with(memory) as (bus, _):
        meter = ModbusMeter(bus, 1, BENCH)
        with pytest.raises(BadReply, match=r"Bench meter \(unit 1 on bus rs485\): .* is it this type of meter"):
            await meter.open()
        with pytest.raises(DeviceLost, match="not open"):
            await meter.read()


async def test_a_meter_that_calls_itself_otherwise_is_refused() -> None:
    """Another type behind the same unit number is not believed, even if it has registers where ours should be."""
    memory = Memory()
    memory.put(3, 200, b"Other 2\0")
    async with bus_with(memory) as (bus, _):
        with pytest.raises(BadReply, match="calls itself 'Other 2'"):
            await ModbusMeter(bus, 1, BENCH).open()


@pytest.mark.parametrize("gone", ["refused", "unreadable", "zero"])
async def test_a_meter_without_an_identity_is_read(gone: str) -> None:
    """Type and serial number are None or the map's where the meter has none."""
    memory = Memory()
    if gone == "refused":
        memory.remove(3, 100, 2)
        memory.remove(3, 200, 4)
    else:
        memory.put(3, 100, words(0, 0) if gone == "zero" else words(0xFFFF, 0xFFFF))
        memory.put(3, 200, b"\xff\x01\x02\x03\xff\xff\xff\xff" if gone == "unreadable" else bytes(8))
    async with bench(memory) as (meter, _, _peer):
        assert (meter.model, meter.serial_number) == ("Bench meter", None)
        assert (await meter.read()).import_mwh == 5_000_000


async def test_a_meter_that_is_silent_about_its_identity_is_read() -> None:
    """Some meters do not answer at all to registers that they do not have."""
    memory = Memory()

    def selective(fields: Fields) -> bytes | None:
        return None if fields[1] == 3 else memory(fields)

    async with bus_with(selective) as (bus, _):
        meter = ModbusMeter(bus, 1, BENCH)
        await meter.open()
        assert (meter.model, meter.serial_number) == ("Bench meter", None)
        assert (await meter.read()).import_mwh == 5_000_000
        await meter.close()


async def test_a_meter_that_is_not_there_cannot_be_opened() -> None:
    """Silence at the opening is a timeout, and the bus is left as it was: the last to close it closes the line."""
    memory = Memory()
    memory.silent = True
    async with bus_with(memory) as (bus, _):
        meter = ModbusMeter(bus, 1, BENCH)
        with pytest.raises(DeviceTimeout, match="no answer"):
            await meter.open()
        memory.silent = False
        await meter.open()
        await meter.open()
        assert (await meter.read()).import_mwh == 5_000_000
        await meter.close()
        await meter.close()


async def test_silence_in_the_middle_is_no_reading() -> None:
    """When one block does not come, there is no reading at all: nothing of it is zero, nothing is old."""
    async with bench() as (meter, memory, peer):
        peer.behave = lambda fields: None if fields[2] == 40 else memory(fields)
        with pytest.raises(DeviceTimeout):
            await meter.read()


async def test_a_reading_ends_in_its_time() -> None:
    """The time-out of the caller holds for the whole reading."""
    async with bench() as (meter, memory, _):
        memory.silent = True
        with pytest.raises(DeviceTimeout):
            await meter.read(timeout_s=0.05)


async def test_two_readings_at_once_take_turns() -> None:
    """Requests of two readings are not mixed."""
    async with bench() as (meter, _, peer):
        first, second = await asyncio.gather(meter.read(), meter.read())
        assert first == second
        assert [fields[2] for fields in peer.asked] == [0, 40, 0, 40]


async def test_a_register_that_runs_backwards_is_told_and_counted() -> None:
    """A roll-over or a reset is handed on as the meter shows it, with a log line and a count."""
    async with bench() as (meter, memory, _):
        memory.energy_wh(99_999)
        await meter.read()
        memory.energy_wh(3)
        assert (await meter.read()).import_mwh == 3_000
        memory.energy_wh(4)
        assert (await meter.read()).import_mwh == 4_000
        assert (meter.events.ran_backwards, meter.events.replaced) == (1, 0)


async def test_a_meter_without_a_serial_number_may_run_backwards() -> None:
    """Where a replaced meter cannot be told from a reset one, the register is handed on and counted."""
    memory = Memory()
    memory.remove(3, 100, 2)
    async with bench(memory) as (meter, _, _peer):
        await meter.read()
        memory.energy_wh(-1)
        assert (await meter.read()).import_mwh is None
        memory.energy_wh(3)
        assert (await meter.read()).import_mwh == 3_000
        assert meter.events.ran_backwards == 1


async def test_a_replaced_meter_is_refused_until_it_is_opened_anew(caplog: pytest.LogCaptureFixture) -> None:
    """After a silence another serial number answers: its register is not compared with the old meter's."""
    async with bench() as (meter, memory, _):
        await meter.read()
        memory.silent = True
        with pytest.raises(DeviceTimeout):
            await meter.read(0.3)
        memory.silent = False
        memory.put(3, 100, words(0, 4712))
        memory.energy_wh(9_000_000)
        for _ in range(2):
            with pytest.raises(DeviceReplaced, match="serial number 4711 before, 4712 now"):
                await meter.read()
        assert meter.events.replaced == 1
        assert "meter replaced" in caplog.text
        await meter.close()
        await meter.open()
        assert meter.serial_number == "4712"
        assert (await meter.read()).import_mwh == 9_000_000_000


async def test_a_replaced_meter_with_a_lower_register_is_refused_at_once() -> None:
    """A register that ran backwards is reason enough to look at the serial number."""
    async with bench() as (meter, memory, _):
        await meter.read()
        memory.put(3, 100, words(0, 1))
        memory.energy_wh(10)
        with pytest.raises(DeviceReplaced, match="was replaced"):
            await meter.read()
        assert meter.events.ran_backwards == 0


async def test_the_same_meter_after_a_silence_goes_on() -> None:
    """A power cut of the meter alone changes nothing."""
    async with bench() as (meter, memory, _):
        await meter.read()
        memory.silent = True
        with pytest.raises(DeviceTimeout):
            await meter.read(0.3)
        memory.silent = False
        memory.energy_wh(5_001)
        assert (await meter.read()).import_mwh == 5_001_000


def lossy(seed: int) -> Iterator[str]:
    """What happens to answer after answer on a bad line."""
    chance = Random(seed)
    return iter(lambda: chance.choice(("whole", "whole", "lost", "cut", "flipped", "noisy")), None)


async def test_a_lossy_line_brings_right_values_or_none() -> None:
    """With half of the answers lost or damaged, every reading that comes is right."""
    fates = lossy(seed=5)
    chance = Random(6)
    readings = 0
    async with bench() as (meter, memory, peer):

        def spoil(fields: Fields) -> bytes | None:
            whole = memory(fields)
            assert whole is not None
            fate = next(fates)
            if fate == "lost":
                return None
            if fate == "cut":
                return whole[: chance.randrange(len(whole))]
            if fate == "flipped":
                position = chance.randrange(len(whole))
                return whole[:position] + bytes([whole[position] ^ 1 << chance.randrange(8)]) + whole[position + 1 :]
            return b"\x00\xff" + whole + b"\x00" if fate == "noisy" else whole

        peer.behave = spoil
        for _ in range(6):
            with contextlib.suppress(DeviceTimeout, BadReply):
                reading = await meter.read(0.6)
                assert (reading.import_mwh, reading.power_w) == (5_000_000, 690.5)
                readings += 1
    assert readings >= 2


async def test_a_slow_line_brings_right_values_or_none() -> None:
    """Answers that come one request late are never taken for the answer to the next one."""
    owed: list[bytes] = []
    async with bench() as (meter, memory, peer):

        def one_late(fields: Fields) -> bytes | None:
            owed.append(memory(fields) or b"")
            return owed.pop(0) if len(owed) > 1 else None

        peer.behave = one_late
        readings = 0
        for _ in range(2):
            with contextlib.suppress(DeviceTimeout, BadReply):
                reading = await meter.read(1.0)
                assert (reading.import_mwh, reading.power_w) == (5_000_000, 690.5)
                readings += 1
        assert readings >= 1


@given(st.lists(st.binary(max_size=40), min_size=1, max_size=6))
@settings(max_examples=3, deadline=None, suppress_health_check=list(HealthCheck))
def test_no_bytes_from_the_line_become_a_reading(answers: list[bytes]) -> None:
    """Whatever another device on the port sends, opening fails with an error of this room."""

    async def against_noise() -> None:
        noise = itertools.cycle(answers)
        async with bus_with(lambda _: next(noise)) as (bus, _):
            with pytest.raises(HalError):
                await ModbusMeter(bus, 1, BENCH).open()

    asyncio.run(against_noise())


def context(bus: ModbusBus | None) -> DriverContext:
    """What a driver is given on a board with one bus."""
    return DriverContext(clock(), Random(1), buses={} if bus is None else {"rs485": bus})


async def test_a_driver_needs_a_bus_of_the_board() -> None:
    """A name that no bus has is refused with the names that there are."""
    build = register_map_driver("bench", BENCH)
    with pytest.raises(ValueError, match="no Modbus bus 'rs485' on this board; there are: none"):
        build(context(None), bus="rs485")


@pytest.mark.parametrize("options", [{"unit": 0}, {"unit": 248}, {"phases": 2}])
async def test_impossible_options_are_refused(options: dict[str, int]) -> None:
    """Unit numbers and phases that cannot be are refused when the board is built."""
    async with bus_with(Memory()) as (bus, _):
        with pytest.raises(ValueError, match="must be"):
            register_map_driver("bench", BENCH)(context(bus), bus="rs485", **options)


def test_a_map_that_contradicts_itself_is_refused() -> None:
    """Two values for three phases, or a value longer than the longest read, are mistakes of the map's author."""
    energy = Value(INT64, 0, KWH)
    with pytest.raises(ValueError, match="2 values for 3 phases"):
        RegisterMap(
            name="x", phases=3, function=4, longest_read=9, import_mwh=energy, voltage_v=per_phase(FLOAT32, 0, phases=2)
        )
    with pytest.raises(ValueError, match="longer than the longest read"):
        RegisterMap(name="x", phases=3, function=4, longest_read=2, import_mwh=energy)
