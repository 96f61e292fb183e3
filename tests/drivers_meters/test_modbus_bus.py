"""The shared bus on pseudo-terminals and TCP, with slaves that misbehave."""

import asyncio
import contextlib
import itertools
import struct
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from hal.bus import SerialBus, TcpBus
from hal.drivers.buses import build_bus
from hal.drivers.modbus_bus import ModbusBus
from hal.drivers.modbus_framing import INPUT, NoSuchRegister
from hal.errors import BadReply, DeviceLost, DeviceRefused, DeviceTimeout
from tests.drivers_meters.lines import cable, needs_socat
from tests.drivers_meters.peer import ANSWER_WITHIN_S, TRANSPORTS, Fields, bus_with
from tests.drivers_meters.slaves import BAUD, clock, device, serial_bus, tcp_bus, words
from tests.drivers_meters.wire import answer, refusal

SOON_S = 5.0
ONE_TRY_S = ANSWER_WITHIN_S * 1.5  # leaves no time for a second try


def good(fields: Fields) -> bytes:
    """Registers whose values are their own addresses."""
    unit, function, address, count = fields
    return answer(unit, function, struct.pack(f">{count}H", *range(address, address + count)))


async def read(
    bus: ModbusBus, unit: int = 1, address: int = 10, count: int = 3, timeout_s: float = 2.0
) -> tuple[int, ...]:
    """Input registers."""
    return await bus.read(unit, INPUT, address, count, timeout_s)


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_registers_come_in_order(transport: str) -> None:
    """An answer is read whether it comes in one piece or in many, late, or only at the second time of asking."""
    async with bus_with(good, TRANSPORTS[transport]) as (bus, peer):
        assert await read(bus) == (10, 11, 12)
        assert peer.asked == [(1, INPUT, 10, 3)] * (2 if transport == "lossy" else 1)


async def test_silence_is_a_timeout_and_not_a_value() -> None:
    """A unit that does not answer is asked twice, and then the error says what to check."""
    async with bus_with(lambda _: None) as (bus, peer):
        with pytest.raises(DeviceTimeout, match=r"no answer; check power, wiring"):
            await read(bus)
        assert len(peer.asked) == 2
        assert bus.counters.timeouts == 2


async def test_a_unit_known_to_be_silent_is_asked_once() -> None:
    """After a silence there is one try a turn, until the unit answers again."""
    silent = {1}
    async with bus_with(lambda fields: None if fields[0] in silent else good(fields)) as (bus, peer):
        for expected in (2, 3):
            with pytest.raises(DeviceTimeout):
                await read(bus)
            assert len(peer.asked) == expected
        silent.clear()
        assert await read(bus) == (10, 11, 12)


async def test_a_lost_answer_is_asked_for_again() -> None:
    """On a lossy line the second try brings the value."""
    losing = itertools.cycle([True, False])
    async with bus_with(lambda fields: None if next(losing) else good(fields)) as (bus, peer):
        assert await read(bus) == (10, 11, 12)
        assert len(peer.asked) == 2


async def test_a_damaged_answer_is_asked_for_again() -> None:
    """An answer with a wrong check is no answer; what is left of it does not disturb the next."""
    damaging = itertools.chain([True], itertools.repeat(False))

    def damage(fields: Fields) -> bytes:
        whole = good(fields)
        return whole[:-1] + bytes([whole[-1] ^ 1]) if next(damaging) else whole

    async with bus_with(damage) as (bus, _):
        assert await read(bus) == (10, 11, 12)
        assert bus.counters.damaged == 1


async def test_noise_alone_is_a_bad_reply() -> None:
    """Bytes that never become an answer, as with a wrong baud rate, are told as such."""
    async with bus_with(lambda _: b"\x9a\xfe\x00\x31") as (bus, _):
        with pytest.raises(BadReply, match=r"damaged answer 9a fe 00 31; check that the device is set to 115200 8N1"):
            await read(bus, timeout_s=ONE_TRY_S)


async def test_a_babbling_line_ends_in_time() -> None:
    """A line that sends without end does not keep the reader longer than a silent one."""
    async with bus_with(lambda _: bytes(3000)) as (bus, _), asyncio.timeout(SOON_S):
        with pytest.raises(BadReply, match="damaged answer"):
            await read(bus, timeout_s=ONE_TRY_S)


async def test_an_answer_of_another_unit_is_not_taken() -> None:
    """A frame from a unit that was not asked does not count."""
    async with bus_with(lambda fields: good((fields[0] + 1, *fields[1:]))) as (bus, _):
        with pytest.raises(BadReply):
            await read(bus, timeout_s=ONE_TRY_S)


@pytest.mark.parametrize(("code", "error"), [(2, NoSuchRegister), (4, DeviceRefused)])
async def test_a_refusal_is_not_asked_again(code: int, error: type[Exception]) -> None:
    """A device that says no is believed at once."""
    async with bus_with(lambda fields: refusal(fields[0], fields[1], code)) as (bus, peer):
        with pytest.raises(error):
            await read(bus)
        assert len(peer.asked) == 1


async def test_a_late_answer_is_not_taken_for_another_request() -> None:
    """After a timeout, registers of the same number at another address are not asked until the late answer has passed."""
    late: list[bytes] = []

    def slow_at_10(fields: Fields) -> bytes | None:
        if fields[2] == 10:
            late.append(good(fields))
            return None
        return good(fields)

    async with bus_with(slow_at_10) as (bus, peer):
        with pytest.raises(DeviceTimeout):
            await read(bus, address=10, timeout_s=ONE_TRY_S)
        reading = asyncio.create_task(read(bus, address=20))
        await asyncio.sleep(0)
        peer.line.send(late[0])
        assert await reading == (20, 21, 22)


async def test_every_answer_that_is_owed_is_remembered() -> None:
    """A second request that was not answered does not make the first one's late answer acceptable."""
    async with bus_with(lambda fields: good(fields) if fields[2] == 20 else None) as (bus, peer):
        for address, count in ((10, 3), (50, 2)):
            with pytest.raises(DeviceTimeout):
                await read(bus, address=address, count=count, timeout_s=ONE_TRY_S)
        with pytest.raises(DeviceTimeout, match="no turn and answer"):
            await read(bus, address=20, timeout_s=ONE_TRY_S)
        assert [fields[2] for fields in peer.asked] == [10, 50]


async def test_a_late_answer_does_not_hold_up_other_requests() -> None:
    """Where an answer cannot be mistaken, nobody waits: another unit, another number of registers, or the same request."""
    silent = {10}
    async with bus_with(lambda fields: None if fields[2] in silent else good(fields)) as (bus, _):
        with pytest.raises(DeviceTimeout):
            await read(bus, address=10, timeout_s=ONE_TRY_S)
        silent.clear()
        async with asyncio.timeout(ANSWER_WITHIN_S):
            assert await read(bus, unit=2, address=20) == (20, 21, 22)
            assert await read(bus, address=20, count=2) == (20, 21)
            assert await read(bus, address=10) == (10, 11, 12)


async def test_two_devices_with_one_unit_number_are_refused() -> None:
    """When a request has two answers, nobody knows whose registers these are, however often it is asked."""
    async with bus_with(lambda fields: good(fields) + good(fields)) as (bus, _):
        for _ in range(3):
            with pytest.raises(BadReply, match="give one of two devices another unit number"):
                await read(bus)


async def test_a_second_answer_that_comes_later_is_noticed() -> None:
    """From the first surplus answer on, the line listens on behind each answer of that unit, until there is one only."""
    twice = True
    async with bus_with(good) as (bus, peer):
        assert await read(bus) == (10, 11, 12)
        peer.line.send(good(peer.asked[-1]))
        peer.behave = lambda fields: good(fields) * (2 if twice else 1)
        for _ in range(2):
            with pytest.raises(BadReply, match="answered twice"):
                await read(bus)
        twice = False
        assert await read(bus) == (10, 11, 12)


async def test_a_second_answer_of_one_unit_does_not_disturb_another() -> None:
    """Another unit on the bus is read as ever."""
    async with bus_with(lambda fields: good(fields) * (2 if fields[0] == 1 else 1)) as (bus, _):
        with pytest.raises(BadReply):
            await read(bus, unit=1)
        assert await read(bus, unit=2) == (10, 11, 12)


async def test_the_bus_is_shared_in_turns() -> None:
    """A unit that is silent costs the others one answer time a turn: they are served in between, in the order of asking."""
    async with bus_with(lambda fields: None if fields[0] == 9 else good(fields)) as (bus, peer):
        with pytest.raises(DeviceTimeout):
            await read(bus, unit=9)
        peer.asked.clear()
        silent = [asyncio.create_task(read(bus, unit=9)) for _ in range(2)]
        await peer.has_heard(1)
        others = [asyncio.create_task(read(bus, unit=unit)) for unit in (1, 2)]
        assert await asyncio.gather(*others) == [(10, 11, 12)] * 2
        assert await asyncio.gather(*silent, return_exceptions=True) == [silent[0].exception(), silent[1].exception()]
        assert [fields[0] for fields in peer.asked] == [9, 9, 1, 2]


async def test_a_wait_for_the_turn_is_bounded() -> None:
    """The time-out counts from the question on, not from the turn."""
    async with bus_with(lambda _: None) as (bus, peer):
        first = asyncio.create_task(read(bus, unit=9, timeout_s=ONE_TRY_S))
        await peer.has_heard(1)
        with pytest.raises(DeviceTimeout, match="no turn and answer within"):
            await read(bus, unit=1, timeout_s=0.05)
        with pytest.raises(DeviceTimeout):
            await first


async def test_a_cancelled_reading_frees_the_bus() -> None:
    """Who gives up leaves the bus to the next, and the answer that still comes is nobody's."""
    late: list[bytes] = []

    def slow(fields: Fields) -> bytes | None:
        if fields[2] == 10:
            late.append(good(fields))
            return None
        return good(fields)

    async with bus_with(slow) as (bus, peer):
        first = asyncio.create_task(read(bus, address=10))
        await peer.has_heard(1)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        peer.line.send(late[0])
        assert await read(bus, address=20, count=2) == (20, 21)


async def test_an_unplugged_adapter_is_a_loss() -> None:
    """The reader learns at once, and until the next attempt to open every other one too."""
    async with bus_with(lambda _: None) as (bus, peer):
        reading = asyncio.create_task(read(bus))
        await peer.has_heard(1)
        peer.line.unplug()
        with pytest.raises(DeviceLost, match="unplugged"):
            await reading
        with pytest.raises(DeviceLost, match=r"is lost .*; next attempt in 0\.\d s"):
            await read(bus)
        assert bus.counters.losses == 1


@needs_socat
async def test_a_bus_comes_back_when_its_adapter_does(tmp_path: Path) -> None:
    """After a loss the next reading that is due opens the line again; the wait between attempts grows while they fail."""
    near, far = tmp_path / "near", tmp_path / "far"
    waits: list[float] = []

    class Impatient:
        """A clock that the test moves, on top of the loop's time."""

        def __init__(self) -> None:
            self._clock = clock()
            self.skipped_s = 0.0

        def __getattr__(self, name: str) -> object:
            return getattr(self._clock, name)

        def monotonic(self) -> float:
            return self._clock.monotonic() + self.skipped_s

    time = Impatient()
    bus = build_bus("rs485", SerialBus(str(near), BAUD), time)  # type: ignore[arg-type]
    async with cable(near, far):
        await bus.open()
    for _ in range(8):
        with pytest.raises(DeviceLost):
            await read(bus)
        with pytest.raises(DeviceLost, match="next attempt") as refused:
            await read(bus)
        waits.append(float(str(refused.value).rsplit(" ", 2)[1]))
        time.skipped_s += waits[-1] + 0.1
    assert waits == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]
    async with serial_bus(tmp_path, device(1, {10: words(10, 11, 12)})):
        assert await read(bus) == (10, 11, 12)
    await bus.close()


@needs_socat
async def test_a_bus_closes_with_its_last_user(tmp_path: Path) -> None:
    """Two devices open it and one closes: the other reads on. When both have closed, another program may have the port."""
    async with serial_bus(tmp_path, device(1, {10: words(10, 11, 12)})) as bus:
        await bus.open()
        await bus.open()
        await bus.close()
        assert await read(bus) == (10, 11, 12)
        second = build_bus("second", SerialBus(str(tmp_path / "near"), BAUD), clock())
        with pytest.raises(DeviceLost, match="another program"):
            await second.open()
        await bus.close()
        third = build_bus("third", SerialBus(str(tmp_path / "near"), BAUD), clock())
        await third.open()
        await third.close()


@needs_socat
async def test_two_devices_on_one_bus_are_told_apart(tmp_path: Path) -> None:
    """Each unit's registers are its own, also when both are read at the same time; a third unit is silent."""
    devices = (device(1, {0: words(100, 101)}), device(2, {0: words(200, 201)}))
    async with serial_bus(tmp_path, *devices) as bus:
        await bus.open()
        readings = await asyncio.gather(*(read(bus, unit, 0, 2) for unit in (1, 2, 1, 2)))
        assert readings == [(100, 101), (200, 201)] * 2
        with pytest.raises(DeviceTimeout):
            await read(bus, 3, 0, 2, ONE_TRY_S)
        await bus.close()


async def test_a_tcp_gateway_is_a_bus_like_another() -> None:
    """Registers, refusals and silence come through a gateway as they do on a serial line."""
    async with tcp_bus(device(1, {10: words(10, 11, 12)})) as bus:
        await bus.open()
        assert await read(bus) == (10, 11, 12)
        with pytest.raises(NoSuchRegister):
            await read(bus, address=4000)
        with pytest.raises(DeviceTimeout):
            await read(bus, unit=2, timeout_s=ONE_TRY_S)
        assert await read(bus) == (10, 11, 12)
        await bus.close()


@contextlib.asynccontextmanager
async def tcp_peer(serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], object]) -> AsyncIterator[ModbusBus]:
    """An open bus to a TCP server of the test."""
    server = await asyncio.start_server(serve, "127.0.0.1", 0)  # type: ignore[arg-type]
    bus = build_bus("gateway", TcpBus("127.0.0.1", server.sockets[0].getsockname()[1]), clock())
    await bus.open()
    try:
        yield bus
    finally:
        await bus.close()
        server.close()
        await server.wait_closed()


async def test_a_gateway_that_hangs_up_is_a_loss() -> None:
    """A closed connection is told as such."""

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.close()

    async with tcp_peer(hang_up) as bus:
        with pytest.raises(DeviceLost, match="check the network and the gateway"):
            await read(bus)


async def test_a_gateway_that_is_silent_is_dialled_again() -> None:
    """A connection on which nothing comes three times in a row is given up: it may be dead without anybody telling."""
    connections = 0

    async def count(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await reader.read()
        writer.close()

    async with tcp_peer(count) as bus:
        with pytest.raises(DeviceTimeout):
            await read(bus)
        with pytest.raises(DeviceLost):
            await read(bus)
        bus._reopen_at_s = 0.0
        with pytest.raises(DeviceTimeout):
            await read(bus)
        assert connections == 2


async def test_a_web_server_is_not_a_gateway() -> None:
    """Another service on the port is a bad reply that says so."""

    async def speak_http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    async with tcp_peer(speak_http) as bus:
        with pytest.raises(BadReply, match="does not speak Modbus TCP"):
            await read(bus, timeout_s=ONE_TRY_S)


async def test_a_gateway_that_is_not_there_is_a_loss() -> None:
    """Nobody listens: the error names the address."""
    bus = build_bus("gateway", TcpBus("127.0.0.1", 1), clock())
    with pytest.raises(DeviceLost, match=r"127\.0\.0\.1:1: cannot connect"):
        await bus.open()
