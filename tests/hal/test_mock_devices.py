"""The mock devices keep the contracts of the hardware seam."""

import asyncio
from collections.abc import AsyncIterator
from random import Random
from typing import Any

import pytest

from hal.clock import Clock
from hal.contactor import Contactor
from hal.display import Display
from hal.errors import DeviceLost, DeviceRefused, DeviceTimeout, HalError
from hal.inputs import BaySensor, FaultSource, LimitSource, SelfTesting
from hal.lamp import Lamp
from hal.lock import ConnectorLock
from hal.meter import Meter
from hal.mock.devices import (
    MockBay,
    MockContactor,
    MockDisplay,
    MockInputs,
    MockLamp,
    MockLimits,
    MockLock,
    MockMeter,
    MockModem,
    MockNetworkMonitor,
    MockPilot,
    MockReaderDevice,
    mock_clock,
)
from hal.mock.errors import Impossible
from hal.mock.network import NetworkMode
from hal.mock.world import World
from hal.modem import Modem
from hal.network import NetworkMonitor
from hal.pilot import ControlPilot
from hal.reader import TokenReader
from hal.registry import DriverContext
from hal.types import Fault, FaultCode, LampSign, LockState, PilotState, SimIdentity, TokenKind, TokenRead
from tests.hal.timing import clock_on, run
from tests.hal.worlds import prompt_car


class Bench:
    """A world with two EVSEs on the running loop, and contexts for drivers."""

    def __init__(self) -> None:
        self.clock = clock_on(asyncio.get_running_loop())
        self.world = World(self.clock)
        self.world.add_evse(1)
        self.world.add_evse(2, fixed_cable=True)

    def at(self, evse: int | None = 1) -> DriverContext:
        return DriverContext(clock=self.clock, rng=Random(1), evse=evse, world=self.world)


async def take(stream: AsyncIterator[Any], count: int) -> list[Any]:
    """The next items of a stream."""
    return [await anext(stream) for _ in range(count)]


def evse_devices(
    at: DriverContext,
) -> tuple[ControlPilot, Contactor, Meter, ConnectorLock, Lamp, FaultSource, BaySensor]:
    """The type checker proves here that each keeps its contract."""
    return MockPilot(at), MockContactor(at), MockMeter(at), MockLock(at), MockLamp(at), MockInputs(at), MockBay(at)


def station_devices(
    at: DriverContext,
) -> tuple[TokenReader, Meter, Lamp, FaultSource, Display, LimitSource, Modem, NetworkMonitor]:
    """The same for the devices of the station."""
    return (
        MockReaderDevice(at),
        MockMeter(at),
        MockLamp(at),
        MockInputs(at),
        MockDisplay(at),
        MockLimits(at),
        MockModem(at),
        MockNetworkMonitor(at),
    )


def station_clock(at: DriverContext) -> Clock:
    """And for the clock."""
    return mock_clock(at)


def test_every_device_opens_closes_and_opens_again() -> None:
    """A device can be opened again after it was closed, as its contract says."""

    async def main() -> None:
        bench = Bench()
        for device in (*evse_devices(bench.at()), *station_devices(bench.at(None))):
            await device.close()  # never opened
            await device.open()
            await device.close()
            await device.open()
            await device.close()
        assert isinstance(MockInputs(bench.at()), SelfTesting)
        assert station_clock(bench.at(None)) is bench.clock

    run(main())


def test_a_device_needs_its_place() -> None:
    """A pilot outside of an EVSE, and any mock device without a world, are refused in words."""

    async def main() -> None:
        bench = Bench()
        with pytest.raises(ValueError, match=r"belongs into an \[\[evse\]\] table"):
            MockPilot(bench.at(None))
        with pytest.raises(ValueError, match="need a mock world"):
            MockLimits(DriverContext(clock=bench.clock, rng=Random(1)))

    run(main())


def test_pilot_tells_the_present_reading_then_each_change_to_every_listener() -> None:
    """Two listeners see A, B, C and the end of the offer, and both end when the device is closed."""

    async def main() -> None:
        bench = Bench()
        pilot = MockPilot(bench.at())
        await pilot.open()
        streams = [pilot.changes(), pilot.changes()]
        bench.world.evse(1).plug(car=prompt_car(ask_delay_s=1.0))
        await pilot.offer(16.0)
        await asyncio.sleep(2)
        await pilot.close()
        for stream in streams:
            states = [reading.state async for reading in stream]
            assert states == [PilotState.A, PilotState.B, PilotState.C, PilotState.B]

    run(main())


def test_pilot_offers_nothing_when_opened_and_when_closed() -> None:
    """An offer ends with the program that made it."""

    async def main() -> None:
        bench = Bench()
        evse = bench.world.evse(1)
        pilot = MockPilot(bench.at())
        await pilot.open()
        await pilot.offer(16.0, 1)
        assert (await pilot.read()).state is PilotState.A
        await pilot.set_available(False)
        assert (evse.offered_a, evse.offered_phases, evse.available) == (16.0, 1, False)
        await pilot.close()
        assert evse.offered_a == 0.0
        await pilot.open()
        assert evse.available

    run(main())


@pytest.mark.parametrize("current_a", [5.9, 80.1, -1.0, float("nan"), float("inf")])
def test_pilot_refuses_what_no_duty_cycle_means(current_a: float) -> None:
    """Only 0 and 6 to 80 A can be offered; a refused offer leaves the old one."""

    async def main() -> None:
        bench = Bench()
        pilot = MockPilot(bench.at())
        await pilot.open()
        await pilot.offer(10.0)
        with pytest.raises(DeviceRefused, match="offer 0, or 6 to 80 A"):
            await pilot.offer(current_a)
        with pytest.raises(DeviceRefused, match="ask for 1 or 3"):
            await pilot.offer(10.0, 2)
        assert bench.world.evse(1).offered_a == 10.0

    run(main())


def test_pilot_that_cannot_switch_phases_leaves_them_alone() -> None:
    """Asked for one phase, a board without a switch keeps all."""

    async def main() -> None:
        bench = Bench()
        pilot = MockPilot(bench.at(), switches_phases=False)
        await pilot.open()
        await pilot.offer(16.0, 1)
        assert bench.world.evse(1).offered_phases == 3

    run(main())


def test_contactor_answers_when_the_contacts_have_moved() -> None:
    """`allow` and `deny` take the operating time, and each move is told once."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        contactor = MockContactor(Bench().at(), operate_s=0.05)
        await contactor.open()
        moves = contactor.changes()
        begun_at = loop.time()
        await contactor.allow()
        assert loop.time() - begun_at == pytest.approx(0.05)
        await contactor.deny()
        await contactor.deny()
        await contactor.close()
        assert [closed async for closed in moves] == [True, False]

    run(main())


def test_contacts_that_do_not_follow_show_in_the_feedback() -> None:
    """The coil obeys at once, stuck or welded; `allow` and `deny` return within 100 ms, and `closed` tells the truth."""

    async def main() -> None:
        bench = Bench()
        evse = bench.world.evse(1)
        loop = asyncio.get_running_loop()
        contactor = MockContactor(bench.at())
        await contactor.open()
        feedback, commands = [], []
        evse.raise_fault("contactor-stuck-open")
        begun_at = loop.time()
        await contactor.allow()
        assert loop.time() - begun_at == pytest.approx(0.1)
        feedback.append(contactor.closed)
        commands.append(evse.gear.commanded)
        evse.clear_fault("contactor-stuck-open")
        await asyncio.sleep(1)
        feedback.append(contactor.closed)
        evse.raise_fault("welded-contactor")
        await contactor.deny()
        feedback.append(contactor.closed)
        commands.append(evse.gear.commanded)
        assert (feedback, commands) == ([False, True, True], [True, False])

    run(main())


def test_contactor_lost_while_it_moves_raises_device_lost() -> None:
    """A relay board that goes away during `allow` is told, and the contacts fall open."""

    async def main() -> None:
        bench = Bench()
        contactor = MockContactor(bench.at())
        await contactor.open()
        allowing = asyncio.ensure_future(contactor.allow())
        await asyncio.sleep(0.01)
        bench.world.evse(1).lose("contactor")
        with pytest.raises(DeviceLost):
            await allowing
        await asyncio.sleep(1)
        assert contactor.closed is False

    run(main())


def test_cancelled_allow_denies() -> None:
    """A caller that gives up waiting leaves no permission behind."""

    async def main() -> None:
        bench = Bench()
        contactor = MockContactor(bench.at())
        await contactor.open()
        task = asyncio.ensure_future(contactor.allow())
        await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.sleep(1)
        assert contactor.closed is False
        assert not bench.world.evse(1).gear.commanded

    run(main())


def test_deny_now_works_from_any_state() -> None:
    """Before opening, after losing the device and after closing, without an exception."""

    async def main() -> None:
        bench = Bench()
        contactor = MockContactor(bench.at())
        contactor.deny_now()
        await contactor.open()
        await contactor.allow()
        bench.world.evse(1).lose("contactor")
        contactor.deny_now()
        with pytest.raises(DeviceLost):
            await contactor.allow()
        await contactor.close()
        contactor.deny_now()
        await asyncio.sleep(1)
        assert contactor.closed is False

    run(main())


def test_contactor_options() -> None:
    """The dead man is the option's, feedback can be absent, and impossible options are refused."""

    async def main() -> None:
        bench = Bench()
        contactor = MockContactor(bench.at(), dead_man_s=5.0, feedback=False)
        await contactor.open()
        assert contactor.dead_man_s == 5.0
        await contactor.allow()
        assert contactor.closed is None
        evse = bench.world.evse(1)
        await asyncio.sleep(4)
        contactor.keep_alive()
        await asyncio.sleep(4)
        assert evse.contactor_closed()
        await asyncio.sleep(1.1)
        assert not evse.contactor_closed()
        for silence_s in (0.0, float("inf")):
            with pytest.raises(ValueError, match="dead_man_s must be above 0"):
                MockContactor(bench.at(), dead_man_s=silence_s)
        with pytest.raises(ValueError, match="operate_s must be from 0"):
            MockContactor(bench.at(), operate_s=0.1)

    run(main())


def test_meter_reads_silent_lost_and_slow() -> None:
    """A silent meter times out, a lost one is gone until opened again, a slow one takes its time or times out."""

    async def main() -> None:
        bench = Bench()
        evse = bench.world.evse(1)
        loop = asyncio.get_running_loop()
        meter = MockMeter(bench.at(), serial_number="7", answer_s=0.2)
        with pytest.raises(DeviceLost, match="open it first"):
            await meter.read()
        await meter.open()
        begun_at = loop.time()
        assert (await meter.read()).import_mwh == 0
        assert loop.time() - begun_at == pytest.approx(0.2)
        with pytest.raises(DeviceTimeout):
            await meter.read(timeout_s=0.1)
        evse.raise_fault("meter-silent")
        begun_at = loop.time()
        with pytest.raises(DeviceTimeout, match="meter of EVSE 1 did not answer within 2 s"):
            await meter.read()
        assert loop.time() - begun_at == pytest.approx(2.0)
        evse.clear_fault("meter-silent")
        evse.lose("meter")
        with pytest.raises(DeviceLost):
            await meter.read()
        evse.restore("meter")
        await meter.open()
        assert (await meter.read()).import_mwh == 0
        assert (meter.phases, meter.serial_number) == (3, "7")

    run(main())


def test_main_meter_is_silent_on_its_own() -> None:
    """A silent main meter leaves those of the EVSEs alone."""

    async def main() -> None:
        bench = Bench()
        meter, main_meter = MockMeter(bench.at()), MockMeter(bench.at(None))
        await meter.open()
        await main_meter.open()
        bench.world.raise_fault("meter-silent")
        assert (await meter.read()).import_mwh == 0
        with pytest.raises(DeviceTimeout, match="main meter did not answer"):
            await main_meter.read(0.5)

    run(main())


def test_lock_drives_its_bolt() -> None:
    """The bolt takes its travel time; jammed and lost are told apart."""

    async def main() -> None:
        bench = Bench()
        loop = asyncio.get_running_loop()
        lock = MockLock(bench.at(), travel_s=0.5)
        assert lock.state is LockState.UNKNOWN
        await lock.open()
        begun_at = loop.time()
        assert await lock.lock() is LockState.LOCKED
        assert loop.time() - begun_at == pytest.approx(0.5)
        bench.world.evse(1).raise_fault("lock-jammed")
        assert await lock.unlock() is LockState.JAMMED
        bench.world.evse(1).lose("lock")
        with pytest.raises(DeviceLost):
            await lock.unlock()
        with pytest.raises(ValueError, match="travel_s"):
            MockLock(bench.at(), travel_s=3.5)

    run(main())


def test_lamp_shows_passing_signs_for_two_seconds() -> None:
    """A refused token shows, then the sign before it comes back; every sign is recorded with its time."""

    async def main() -> None:
        bench = Bench()
        lamp = MockLamp(bench.at())
        state = bench.world.evse(1).lamp
        seen = []
        await lamp.show(LampSign.CHARGING)  # not open yet: a broken lamp stops nothing
        seen.append(state.sign)
        await lamp.open()
        await lamp.show(LampSign.AVAILABLE)
        await lamp.show(LampSign.TOKEN_REFUSED)
        for pause_s in (0.0, 1.9, 0.2):
            await asyncio.sleep(pause_s)
            seen.append(state.sign)
        await lamp.close()
        seen.append(state.sign)
        refused = LampSign.TOKEN_REFUSED
        assert seen == [LampSign.OFF, refused, refused, LampSign.AVAILABLE, LampSign.OFF]
        assert [sign for _, sign in state.history] == [LampSign.AVAILABLE, refused, LampSign.OFF]

    run(main())


def test_inputs_tell_present_faults_then_changes_once() -> None:
    """A fault that is there at the start is told first; raising it twice tells it once; silent faults are not told."""

    async def main() -> None:
        bench = Bench()
        evse = bench.world.evse(1)
        evse.raise_fault("ground-fault", "34 mA", "GFI")
        inputs = MockInputs(bench.at())
        await inputs.open()
        faults = inputs.faults()
        evse.raise_fault(FaultCode.GROUND_FAULT)
        evse.raise_fault("meter-silent")
        evse.raise_fault("diode")
        evse.clear_fault("ground-fault")
        evse.clear_fault("ground-fault")
        await inputs.close()
        assert [fault async for fault in faults] == [
            Fault(FaultCode.GROUND_FAULT, True, "34 mA", "GFI"),
            Fault(FaultCode.DIODE, True),
            Fault(FaultCode.GROUND_FAULT, False, "34 mA", "GFI"),
        ]

    run(main())


def test_inputs_can_watch_some_codes_only() -> None:
    """A board with a single emergency-stop line tells nothing else."""

    async def main() -> None:
        bench = Bench()
        inputs = MockInputs(bench.at(None), codes=(FaultCode.EMERGENCY_STOP,))
        await inputs.open()
        faults = inputs.faults()
        bench.world.raise_fault("door-open")
        bench.world.raise_fault("emergency-stop")
        assert await take(faults, 1) == [Fault(FaultCode.EMERGENCY_STOP, True)]

    run(main())


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"mains": False}, FaultCode.POWER_LOSS),
        ({"voltage_v": (260.0, 230.0, 230.0)}, FaultCode.OVER_VOLTAGE),
        ({"voltage_v": (230.0, 230.0, 190.0)}, FaultCode.UNDER_VOLTAGE),
    ],
)
def test_bad_mains_raise_their_fault_at_the_station(changes: dict[str, Any], code: FaultCode) -> None:
    """Missing, high and low mains are told by the station's inputs, and cleared when they are right again."""

    async def main() -> None:
        bench = Bench()
        inputs = MockInputs(bench.at(None))
        await inputs.open()
        faults = inputs.faults()
        bench.world.change_supply(**changes)
        bench.world.change_supply(frequency_hz=50.1)
        bench.world.change_supply(mains=True, voltage_v=(230.0, 230.0, 230.0))
        assert [(fault.code, fault.active) for fault in await take(faults, 2)] == [(code, True), (code, False)]

    run(main())


def test_heat_raises_over_temperature() -> None:
    """Above 85 °C the EVSE's input raises the fault, and clears it below."""

    async def main() -> None:
        bench = Bench()
        inputs = MockInputs(bench.at())
        await inputs.open()
        faults = inputs.faults()
        for celsius in (60.0, 91.5, 95.0, 70.0):
            bench.world.evse(1).set_temperature(celsius)
        told = await take(faults, 2)
        assert [(fault.code, fault.active) for fault in told] == [
            (FaultCode.OVER_TEMPERATURE, True),
            (FaultCode.OVER_TEMPERATURE, False),
        ]
        assert told[0].text == "91.5 °C inside"

    run(main())


def test_self_test_fails_with_a_broken_sensor() -> None:
    """The leakage sensor's fault is found by its self-test, not told."""

    async def main() -> None:
        bench = Bench()
        inputs = MockInputs(bench.at())
        await inputs.open()
        assert await inputs.self_test()
        bench.world.evse(1).raise_fault("leakage-sensor")
        assert not await inputs.self_test()

    run(main())


def test_lost_devices_raise_device_lost_in_their_streams_and_come_back() -> None:
    """Pilot and reader faults pull the plug of the device; clearing them lets it be opened again."""

    async def main() -> None:
        bench = Bench()
        pilot, reader = MockPilot(bench.at()), MockReaderDevice(bench.at(None))
        for code, device, stream in (
            ("pilot-lost", pilot, pilot.changes),
            ("reader-lost", reader, reader.tokens),
        ):
            await device.open()
            told = stream()
            bench.world.evse(1).raise_fault(code)
            with pytest.raises(DeviceLost):
                await take(told, 2)
            with pytest.raises(HalError):
                await device.open()
            bench.world.evse(1).clear_fault(code)
            await device.open()

    run(main())


def test_station_reader_fault_loses_all_readers_and_evse_faults_need_an_evse() -> None:
    """READER_LOST at the station takes every reader; a welded contactor cannot happen to a station."""

    async def main() -> None:
        bench = Bench()
        readers = [MockReaderDevice(bench.at(None), evses=(evse,)) for evse in (1, 2)]
        for reader in readers:
            await reader.open()
        bench.world.raise_fault("reader-lost")
        with pytest.raises(Impossible, match="no working token reader"):
            bench.world.swipe("04A2")
        bench.world.clear_fault("reader-lost")
        await readers[1].open()
        assert bench.world.swipe("04A2").evses == (2,)
        with pytest.raises(Impossible, match="raise it there"):
            bench.world.raise_fault("welded-contactor")

    run(main())


def test_swipe_reaches_one_reader_that_serves_the_evses() -> None:
    """With a reader for each EVSE, a card held up at EVSE 2 is read there and nowhere else."""

    async def main() -> None:
        bench = Bench()
        readers = [MockReaderDevice(bench.at(None), evses=(evse,)) for evse in (1, 2)]
        streams = []
        for reader in readers:
            await reader.open()
            streams.append(reader.tokens())
        bench.world.swipe("04a26f91", evses=(2,))
        bench.world.swipe("tag-7")
        for reader in readers:
            await reader.close()
        first, second = [[read async for read in stream] for stream in streams]
        assert first == [TokenRead("tag-7", TokenKind.KEY_CODE, (1,))]
        assert second == [TokenRead("04A26F91", TokenKind.ISO14443, (2,))]
        with pytest.raises(Impossible, match="serves EVSE 1, 2"):
            bench.world.swipe("04A2", evses=(1, 2))
        with pytest.raises(ValueError, match="hexadecimal"):
            bench.world.swipe("tag-7", TokenKind.ISO15693)
        with pytest.raises(ValueError, match="EVSE 3"):
            MockReaderDevice(bench.at(None), evses=(3,))

    run(main())


def test_bay_limit_display_and_keys() -> None:
    """Present value first, changes once each; the display cuts what is too long and its keys are told."""

    async def main() -> None:
        bench = Bench()
        world = bench.world
        bay, limits, display = (
            MockBay(bench.at()),
            MockLimits(bench.at(None)),
            MockDisplay(bench.at(None), rows=2, columns=5),
        )
        with pytest.raises(Impossible, match="no working display"):
            world.press_key("ok")
        for device in (bay, limits, display):
            await device.open()
        occupancy, bounds, keys = bay.occupancy(), limits.limits(), display.keys()
        world.evse(1).set_bay(True)
        world.evse(1).set_bay(True)
        world.evse(1).set_bay(False)
        world.set_limit(16.0)
        world.set_limit(None)
        world.press_key("ok")
        await display.show(("Welcome", "b", "c"), "en")
        assert (world.display_lines, world.display_language) == (("Welco", "b"), "en")
        assert await take(occupancy, 3) == [False, True, False]
        assert await take(bounds, 3) == [None, 16.0, None]
        assert await take(keys, 1) == ["ok"]
        await display.close()
        assert world.display_lines == ()
        with pytest.raises(ValueError, match="at least 1"):
            MockDisplay(bench.at(None), rows=0)
        with pytest.raises(ValueError, match="current_a"):
            world.set_limit(-1.0)

    run(main())


def test_modem_tells_of_itself_and_heals_with_the_right_step() -> None:
    """Options set what it says; the recovery ladder is recorded, and the right step registers it again."""

    async def main() -> None:
        bench = Bench()
        modem = MockModem(bench.at(None), iccid="8949", operator="Test", signal_dbm=-100)
        await modem.open()
        assert await modem.identity() == SimIdentity("8949", "001010000000001")
        bench.world.modem.change(registered=False, heals_with="radio-cycle")
        assert (await modem.status()).registered is False
        for step in modem.recovery_steps[:2]:
            assert (await modem.status()).registered is False
            await modem.recover(step)
        status = await modem.status()
        assert (status.registered, status.operator, status.signal_dbm) == (True, "Test", -100)
        assert [step for _, step in bench.world.modem.recoveries] == ["reattach", "radio-cycle"]
        with pytest.raises(DeviceRefused, match="its steps: reattach"):
            await modem.recover("hammer")

    run(main())


def test_network_monitor_sees_what_an_operating_system_sees() -> None:
    """Down and a new address are told; a black hole is not, because nobody knows of it."""

    async def main() -> None:
        bench = Bench()
        monitor = MockNetworkMonitor(bench.at(None))
        await monitor.open()
        changes = monitor.changes()
        network = bench.world.network
        network.set_mode(NetworkMode.BLACK_HOLE)
        assert monitor.status.up
        network.set_mode(NetworkMode.DOWN)
        network.set_mode(NetworkMode.DOWN)
        network.set_mode(NetworkMode.UP)
        network.change_address("10.0.0.9")
        network.change_address("10.0.0.9")
        await monitor.close()
        told = [(status.up, status.addresses, status.changes) async for status in changes]
        assert told == [(False, (), 1), (True, ("10.0.0.2",), 2), (True, ("10.0.0.9",), 3)]

    run(main())
