"""The OpenEVSE driver against a controller at the far end of a pseudo-terminal."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from hal.codecs.rapi import Flag, State
from hal.drivers.openevse_sides import (
    OpenEvseContactor,
    OpenEvseInputs,
    OpenEvseLock,
    OpenEvseMeter,
    OpenEvsePilot,
    openevse_pilot,
)
from hal.drivers.openevse_states import reading_of
from hal.errors import BadDeviceOptions, BadReply, DeviceLost, DeviceRefused, DeviceTimeout, HalError
from hal.pilot import PilotWithContactor
from hal.registry import Registry
from hal.types import FaultCode, LockState, MeterReading, PilotReading, PilotState
from tests.drivers.openevse import DISABLED, GROUND_FAULT, HOT, SLEEPING, STUCK_RELAY, FakeOpenEvse
from tests.drivers.virtual import make_context, virtually
from tests.drivers.wire import TRANSPORTS, Transport, Wire


class Bench:
    """A controller, its line and the sides of the driver."""

    def __init__(self, folder: Path, transport: Transport = "whole", *, numbered: bool = True, seed: int = 0) -> None:
        self.wire = Wire(folder, transport, seed)
        self.box = FakeOpenEvse(self.wire, numbered=numbered)
        self.pilot: OpenEvsePilot = openevse_pilot(make_context(), self.wire.path, dead_man_s=60.0)
        self.contactor: OpenEvseContactor = self.pilot.contactor
        self.inputs = OpenEvseInputs(self.pilot.controller)
        self.meter = OpenEvseMeter(self.pilot.controller)
        self.lock = OpenEvseLock(self.pilot.controller)

    async def start(self, current_a: float = 16) -> None:
        """Offer and allow."""
        await self.pilot.offer(current_a)
        await self.contactor.allow()

    async def state(self) -> str:
        """The pilot's letter."""
        return (await self.pilot.read()).state.value

    def relay(self) -> bool:
        """The relay, as it is."""
        return self.box.relay


@asynccontextmanager
async def open_bench(
    folder: Path, transport: Transport = "whole", *, numbered: bool = True, seed: int = 0
) -> AsyncIterator[Bench]:
    """A bench with pilot and contactor open, closed afterwards."""
    bench = Bench(folder, transport, numbered=numbered, seed=seed)
    await bench.pilot.open()
    await bench.contactor.open()
    try:
        yield bench
    finally:
        await bench.contactor.close()
        await bench.pilot.close()
        bench.box.power_off()
        bench.wire.unplug()


@pytest.mark.parametrize("numbered", [True, False])
@virtually
async def test_a_whole_charge(tmp_path: Path, numbered: bool) -> None:
    """Plug, offer, allow, charge, pause, stop, unplug, with new firmware and with old that repeats no numbers."""
    async with open_bench(tmp_path, numbered=numbered) as bench:
        box, changes, closings = bench.box, bench.pilot.changes(), bench.contactor.changes()
        assert box.mode == SLEEPING
        box.plug(asks=True)
        await asyncio.sleep(0.1)
        assert not bench.relay()
        await bench.pilot.offer(16.9)
        await asyncio.sleep(2)
        assert (box.offered_a, bench.relay()) == (0, False)
        await bench.contactor.allow()
        await asyncio.sleep(0.1)
        assert (box.offered_a, bench.relay(), bench.contactor.closed) == (16, True, True)
        await bench.pilot.offer(10)
        assert box.offered_a == 10
        box.ask(False)
        await asyncio.sleep(0.1)
        assert (await bench.state(), bench.contactor.closed) == ("B", False)
        box.ask(True)
        await asyncio.sleep(0.1)
        assert bench.relay()
        await bench.contactor.deny()
        assert not bench.relay()
        await bench.pilot.offer(0)
        box.unplug()
        await asyncio.sleep(0.1)
        assert await bench.state() == "A"
    assert [reading.state.value async for reading in changes] == ["A", "B", "C", "B", "C", "B", "A"]
    assert [closed async for closed in closings] == [True, False, True, False]
    assert box.mode == SLEEPING


@virtually
async def test_charging_never_writes_the_eeprom(tmp_path: Path) -> None:
    """One write at the first acquaintance, for the boot lock; none for any number of limits, and none at the next start."""
    async with open_bench(tmp_path) as bench:
        assert bench.box.eeprom_writes == 1
        bench.box.plug(asks=True)
        await bench.start()
        for current_a in (6, 32, 10, 13):
            await bench.pilot.offer(current_a)
            assert bench.box.offered_a == current_a
        await bench.contactor.close()
        await bench.pilot.close()
        await bench.pilot.open()
        await bench.contactor.open()
        assert bench.box.eeprom_writes == 1


@pytest.mark.parametrize("transport", TRANSPORTS)
@virtually
async def test_a_charge_through_every_line(tmp_path: Path, transport: Transport) -> None:
    """Whole, byte by byte, with lost bytes and with delay: what is asked is done, and the reading is right."""
    async with open_bench(tmp_path, transport, seed=4) as bench:
        bench.box.plug(asks=True)
        await bench.start()
        await asyncio.sleep(3)
        assert (bench.relay(), await bench.state(), bench.contactor.closed) == (True, "C", True)
        await bench.contactor.deny()
        assert not bench.relay()


@virtually
async def test_noise_between_the_lines_is_survived(tmp_path: Path) -> None:
    """Echo, half lines, lines with wrong checksums and unasked ones before every answer."""
    async with open_bench(tmp_path) as bench:
        bench.box.noise = b"\xff\x00$GS^30\n$OK 99^00\r$AT 03 03^11\r$AN 0^21\rx"
        bench.box.plug(asks=True)
        await bench.start()
        await asyncio.sleep(1)
        assert (bench.relay(), await bench.state()) == (True, "C")


@pytest.mark.parametrize("numbered", [True, False])
@virtually
async def test_late_answers_are_not_taken_for_others(tmp_path: Path, numbered: bool) -> None:
    """Answers that come after their time-out: the numbers, or a pause for old firmware, keep them apart."""
    async with open_bench(tmp_path, numbered=numbered) as bench:
        late = ["GG", "GU"]

        def delay(words: str) -> None:
            bench.box.late_s = 0.7 if words in late else 0.0
            if words in late:
                late.remove(words)

        bench.box.on_request = delay
        bench.box.electrical = "15980 231400"
        reading = await bench.meter.read(timeout_s=10)
        assert (reading.import_mwh, reading.current_a, reading.voltage_v) == (1_000_000, (15.98,), (231.4,))
        assert late == []
        bench.box.on_request = lambda _words: None


@virtually
async def test_a_controller_that_always_answers_late_is_lost(tmp_path: Path) -> None:
    """Its answers say what was, not what is."""
    async with open_bench(tmp_path) as bench:
        bench.box.late_s = 0.7
        with pytest.raises(HalError):
            await bench.meter.read(timeout_s=10)
        bench.box.late_s = 0.0


@virtually
async def test_a_notice_that_was_lost_is_made_up_for(tmp_path: Path) -> None:
    """Without any notice the reading is right within two seconds."""
    async with open_bench(tmp_path) as bench:
        bench.box.notices = False
        bench.box.plug(asks=True)
        await bench.start()
        await asyncio.sleep(2)
        assert (await bench.state(), bench.contactor.closed) == ("C", True)


@virtually
async def test_a_stop_is_gentle_and_a_deny_is_not(tmp_path: Path) -> None:
    """An offer that ends lets the controller wait for the vehicle; a deny opens the relay first, and state F is not shown to us."""
    async with open_bench(tmp_path) as bench:
        bench.box.plug(asks=True)
        await bench.start()
        changes = bench.pilot.changes()
        bench.box.requests.clear()
        await bench.pilot.offer(0)
        assert "FD" not in bench.box.requests
        await bench.start()
        bench.box.requests.clear()
        await bench.contactor.deny()
        commands = [request for request in bench.box.requests if request.startswith("F")]
        assert commands == ["FD", "FS"]
        assert bench.box.mode == SLEEPING
    assert "F" not in [reading.state.value async for reading in changes]


@virtually
async def test_out_of_service_is_state_f(tmp_path: Path) -> None:
    """And back; what was offered and allowed before counts again."""
    async with open_bench(tmp_path) as bench:
        await bench.start()
        await bench.pilot.set_available(False)
        assert (bench.box.mode, await bench.state()) == (DISABLED, "F")
        bench.box.plug(asks=True)
        await asyncio.sleep(2)
        assert bench.box.mode == DISABLED
        await bench.pilot.set_available(True)
        await asyncio.sleep(0.1)
        assert (bench.relay(), await bench.state()) == (True, "C")


@virtually
async def test_a_button_does_not_charge(tmp_path: Path) -> None:
    """Somebody wakes the controller up by hand: it is asleep again at once, and the relay did not stay closed."""
    async with open_bench(tmp_path) as bench:
        bench.box.plug(asks=True)
        await asyncio.sleep(1.5)
        bench.box.press_button()
        assert bench.relay()
        await asyncio.sleep(0.1)
        assert (bench.relay(), bench.box.mode) == (False, SLEEPING)
        await bench.start()
        bench.box.press_button()
        await asyncio.sleep(0.1)
        assert bench.relay()


@virtually
async def test_a_controller_that_restarts_is_set_up_again(tmp_path: Path) -> None:
    """It forgets limit, mode and locks: nothing flows until it knows them again, and then the charge goes on."""
    async with open_bench(tmp_path) as bench:
        bench.box.plug(asks=True)
        await bench.start(10)
        bench.box.boot()
        assert not bench.relay()
        await asyncio.sleep(1)
        assert (bench.relay(), bench.box.offered_a) == (True, 10)
        await bench.contactor.deny()
        bench.box.boot()
        await asyncio.sleep(1)
        assert (bench.relay(), bench.box.mode) == (False, SLEEPING)


@virtually
async def test_its_own_locks_are_opened_when_we_allow(tmp_path: Path) -> None:
    """Boot lock and authorisation lock do not keep a vehicle waiting that we have allowed."""
    async with open_bench(tmp_path) as bench:
        bench.box.boot_locked = bench.box.auth_locked = True
        bench.box.plug(asks=True)
        await bench.start()
        await asyncio.sleep(0.1)
        assert bench.relay()
        await bench.contactor.deny()
        bench.box.fail(GROUND_FAULT)
        bench.box.boot_locked = True
        await asyncio.sleep(0.1)


@pytest.mark.parametrize(
    ("state", "code"),
    [
        (0x04, FaultCode.VENTILATION),
        (0x05, FaultCode.DIODE),
        (GROUND_FAULT, FaultCode.GROUND_FAULT),
        (0x07, FaultCode.NO_GROUND),
        (STUCK_RELAY, FaultCode.WELDED_CONTACTOR),
        (0x09, FaultCode.LEAKAGE_SENSOR),
        (HOT, FaultCode.OVER_TEMPERATURE),
        (0x0B, FaultCode.OVER_CURRENT),
        (0x0E, FaultCode.CONTACTOR_STUCK_OPEN),
        (0x0C, FaultCode.INTERNAL),
        (0x11, FaultCode.INTERNAL),
    ],
)
@virtually
async def test_faults_are_told_with_their_names(tmp_path: Path, state: int, code: FaultCode) -> None:
    """Raised once and cleared once, with the controller's number; the vehicle is seen all the time, and allow is refused."""
    async with open_bench(tmp_path) as bench:
        await bench.inputs.open()
        faults = bench.inputs.faults()
        bench.box.plug(asks=True)
        await bench.start()
        bench.box.fail(state)
        await asyncio.sleep(0.04)
        fault = await anext(faults)
        assert (fault.code, fault.active, fault.vendor_code) == (code, True, f"{state:02X}")
        assert await bench.state() in {"B", "C"}
        assert await anext(bench.inputs.faults()) == fault
        with pytest.raises(DeviceRefused, match="in a fault"):
            await bench.contactor.allow()
        bench.box.fail(0)
        await asyncio.sleep(0.04)
        cleared = await anext(faults)
        assert (cleared.code, cleared.active) == (code, False)
        await bench.inputs.close()


@virtually
async def test_one_fault_after_another(tmp_path: Path) -> None:
    """The first is cleared before the second is raised."""
    async with open_bench(tmp_path) as bench:
        await bench.inputs.open()
        faults = bench.inputs.faults()
        await bench.start()
        bench.box.fail(GROUND_FAULT)
        bench.box.fail(HOT)
        await asyncio.sleep(0.1)
        told = [await anext(faults) for _ in range(3)]
        assert [(fault.code, fault.active) for fault in told] == [
            (FaultCode.GROUND_FAULT, True),
            (FaultCode.GROUND_FAULT, False),
            (FaultCode.OVER_TEMPERATURE, True),
        ]
        await bench.inputs.close()


@virtually
async def test_a_fault_is_not_put_to_sleep(tmp_path: Path) -> None:
    """A deny during a fault leaves the controller in it, so that it stays visible; afterwards it goes to sleep."""
    async with open_bench(tmp_path) as bench:
        await bench.start()
        bench.box.fail(GROUND_FAULT)
        await asyncio.sleep(0.1)
        await bench.contactor.deny()
        await asyncio.sleep(3)
        assert bench.box.state == GROUND_FAULT
        bench.box.fail(0)
        await asyncio.sleep(0.1)
        assert bench.box.mode == SLEEPING


@virtually
async def test_a_relay_that_stays_closed_is_told(tmp_path: Path) -> None:
    """Deny raises, and keeps raising."""
    async with open_bench(tmp_path) as bench:
        bench.box.plug(asks=True)
        await bench.start()
        bench.box.stuck = True
        for _ in range(2):
            with pytest.raises(DeviceRefused, match="stays closed"):
                await bench.contactor.deny()
        bench.box.stuck = False


@virtually
async def test_more_than_it_can_is_less(tmp_path: Path) -> None:
    """The hardware's maximum wins downwards; a controller that insists on more than is offered stays asleep."""
    async with open_bench(tmp_path) as bench:
        bench.box.plug(asks=True)
        await bench.start(63)
        await asyncio.sleep(3)
        assert bench.box.offered_a == 48
        assert [request for request in bench.box.requests if request.startswith("SC")] == ["SC 63 V"]
        bench.box.insists_a = 20
        with pytest.raises(DeviceRefused, match="insists on 20 A"):
            await bench.pilot.offer(10)
        await asyncio.sleep(2)
        assert (bench.box.mode, bench.relay()) == (SLEEPING, False)


@virtually
async def test_heartbeats_keep_the_offer_up(tmp_path: Path) -> None:
    """As long as we live it does not fall back; when it missed us all the same, the offer is restored."""
    async with open_bench(tmp_path) as bench:
        assert (bench.box.heartbeat_s, bench.box.fallback_a) == (15, 6)
        bench.box.plug(asks=True)
        await bench.start(16)
        for _ in range(6):
            await asyncio.sleep(10)
            bench.contactor.keep_alive()
        assert (bench.box.missed, bench.box.offered_a) == (0, 16)
        bench.box._miss()
        assert bench.box.offered_a == 6
        await asyncio.sleep(8)
        assert (bench.box.missed, bench.box.offered_a) == (1, 16)


@virtually
async def test_firmware_without_supervision_or_boot_lock_is_used_all_the_same(tmp_path: Path) -> None:
    """What a firmware is built without is not asked for again, and nothing fails."""
    bench = Bench(tmp_path)
    bench.box.without = {"SY", "FF", "S5", "S4"}
    await bench.pilot.open()
    await bench.contactor.open()
    bench.box.plug(asks=True)
    await bench.start()
    await asyncio.sleep(10)
    assert bench.relay()
    assert [request.split()[0] for request in bench.box.requests].count("SY") == 1
    with pytest.raises(DeviceRefused, match="S5"):
        await bench.lock.open()
    await bench.contactor.close()
    await bench.pilot.close()
    assert (bench.relay(), bench.box.mode) == (False, SLEEPING)


@virtually
async def test_the_dead_man_timer_denies(tmp_path: Path) -> None:
    """Nobody feeds the contactor: the relay opens within the time; a new permission is needed."""
    wire = Wire(tmp_path)
    box = FakeOpenEvse(wire)
    pilot = openevse_pilot(make_context(), wire.path, dead_man_s=2.0)
    await pilot.open()
    await pilot.contactor.open()
    assert pilot.contactor.dead_man_s == 2.0
    box.plug(asks=True)
    await pilot.offer(16)
    await pilot.contactor.allow()
    for _ in range(5):
        await asyncio.sleep(1.5)
        pilot.contactor.keep_alive()
    assert box.relay
    await asyncio.sleep(2.1)
    assert [box.relay, box.mode] == [False, SLEEPING]
    await pilot.contactor.allow()
    await asyncio.sleep(0.1)
    assert [box.relay] == [True]
    await pilot.contactor.close()
    await pilot.close()
    box.power_off()


@virtually
async def test_deny_now_works_on_every_exit_path(tmp_path: Path) -> None:
    """Without an await the request is on the line; before open, asleep, and after the loss it is harmless."""
    bench = Bench(tmp_path)
    bench.contactor.deny_now()
    await bench.pilot.open()
    await bench.contactor.open()
    bench.box.plug(asks=True)
    await bench.start()
    bench.contactor.deny_now()
    bench.box.requests.clear()
    await asyncio.sleep(0.05)
    assert (bench.box.requests[0], bench.relay()) == ("FD", False)
    await asyncio.sleep(0.5)
    assert bench.box.mode == SLEEPING
    bench.box.requests.clear()
    bench.contactor.deny_now()
    await asyncio.sleep(0.1)
    assert "FD" not in bench.box.requests
    await bench.start()
    bench.wire.unplug()
    bench.contactor.deny_now()
    await asyncio.sleep(0.1)
    bench.contactor.deny_now()
    await bench.contactor.close()
    await bench.pilot.close()
    bench.box.power_off()


@virtually
async def test_silence_is_a_loss_within_three_seconds(tmp_path: Path) -> None:
    """Every stream ends with DeviceLost; opened again when it answers again, everything works."""
    async with open_bench(tmp_path) as bench:
        await bench.inputs.open()
        bench.box.plug(asks=True)
        await bench.start()
        begin = asyncio.get_running_loop().time()
        streams = (bench.pilot.changes(), bench.contactor.changes(), bench.inputs.faults())
        await anext(streams[0])
        bench.box.silent = True
        for stream in streams:
            with pytest.raises(DeviceLost, match="answers no more"):
                await anext(stream)
        assert asyncio.get_running_loop().time() - begin < 3
        for call in (bench.pilot.read, bench.contactor.allow, bench.contactor.deny, bench.meter.read):
            with pytest.raises(DeviceLost):
                await call()
        with pytest.raises(DeviceTimeout, match="RX and TX"):
            await bench.pilot.open()
        bench.box.silent = False
        await bench.pilot.open()
        await bench.contactor.open()
        assert not bench.relay()
        await bench.start()
        await asyncio.sleep(0.1)
        assert bench.relay()
        await bench.inputs.close()


@virtually
async def test_unplugged_is_lost_and_returns(tmp_path: Path) -> None:
    """The adapter is pulled out and put back in: DeviceLost in between, then the same objects work."""
    async with open_bench(tmp_path) as bench:
        bench.box.plug(asks=True)
        await bench.start()
        changes = bench.pilot.changes()
        await anext(changes)
        bench.wire.unplug()
        with pytest.raises(DeviceLost):
            await anext(changes)
        with pytest.raises(DeviceLost):
            await bench.pilot.open()
        bench.wire.plug()
        await bench.pilot.open()
        await bench.contactor.open()
        await bench.start()
        await asyncio.sleep(0.1)
        assert bench.relay()


@virtually
async def test_the_wrong_device_is_not_taken_for_a_controller(tmp_path: Path) -> None:
    """A device that chatters in lines of its own, and one that repeats everything."""
    bench = Bench(tmp_path)
    for answer in (b"\r\nOK\r\n", b"\x00\x00\xff\x00\xff\x00"):
        bench.wire.on_data = lambda _data, answer=answer: bench.wire.send(answer)  # type: ignore[misc]
        with pytest.raises(DeviceTimeout):
            await bench.pilot.open()
    bench.wire.on_data = bench.wire.send
    with pytest.raises(HalError):
        await bench.pilot.open()
    await bench.pilot.close()


@virtually
async def test_the_meter_never_runs_backwards(tmp_path: Path) -> None:
    """Session and total are added while the vehicle is there, and the total is counted up when it leaves."""
    async with open_bench(tmp_path) as bench:
        await bench.meter.open()
        assert bench.meter.model == "OpenEVSE 8.2.3"
        assert (bench.meter.phases, bench.meter.serial_number) == (1, None)
        bench.box.plug(asks=True)
        registers = []
        for session_ws in (0, 3599, 3600, 9000, 360_000):
            bench.box.session_ws = session_ws
            registers.append((await bench.meter.read()).import_mwh)
        bench.box.unplug()
        registers.append((await bench.meter.read()).import_mwh)
        bench.box.plug()
        registers.append((await bench.meter.read()).import_mwh)
        assert registers == [1_000_000, 1_000_000, 1_001_000, 1_002_000, 1_100_000, 1_100_000, 1_100_000]
        await bench.meter.close()


@virtually
async def test_a_reading_across_an_unplugging_is_taken_again(tmp_path: Path) -> None:
    """The counters and the vehicle are read at one moment; if they never are, there is no reading."""
    async with open_bench(tmp_path) as bench:
        bench.box.plug()
        bench.box.session_ws = 36_000

        def leave(words: str) -> None:
            if words == "GU" and bench.box.plugged:
                bench.box.unplug()

        bench.box.on_request = leave
        assert (await bench.meter.read()).import_mwh == 1_010_000

        def come_and_go(words: str) -> None:
            if words == "GU":
                bench.box.plugged = not bench.box.plugged

        bench.box.on_request = come_and_go
        with pytest.raises(BadReply, match="come and go"):
            await bench.meter.read()
        bench.box.on_request = lambda _words: None


@virtually
async def test_what_the_meter_does_not_have_is_none(tmp_path: Path) -> None:
    """No ammeter, no thermometer: None and not 0."""
    async with open_bench(tmp_path) as bench:
        bench.box.electrical, bench.box.temperatures = "-1 -1", "-2560 -2560 -2560"
        assert await bench.meter.read() == MeterReading(import_mwh=1_000_000, current_a=(None,), voltage_v=(None,))
        bench.box.electrical, bench.box.temperatures = "10000 230000", "251 -2560 305"
        reading = await bench.meter.read()
        assert (reading.power_w, reading.temperature_c) == (2300.0, 30.5)
        bench.box.without = {"GG"}
        with pytest.raises(DeviceRefused, match="GG"):
            await bench.meter.read()


@virtually
async def test_a_silent_controller_gives_no_reading(tmp_path: Path) -> None:
    """DeviceTimeout within the time that the caller gives."""
    async with open_bench(tmp_path) as bench:
        bench.box.silent = True
        with pytest.raises(DeviceTimeout, match="within"):
            await bench.meter.read(timeout_s=0.2)
        bench.box.silent = False


@virtually
async def test_the_connector_lock(tmp_path: Path) -> None:
    """Taken out of the controller's own hands, also after it has restarted."""
    async with open_bench(tmp_path) as bench:
        assert bench.lock.state == "unknown"
        await bench.lock.open()
        assert await bench.lock.lock() is LockState.LOCKED
        assert bench.box.locked
        assert await bench.lock.unlock() is LockState.UNLOCKED
        bench.box.boot()
        await asyncio.sleep(1)
        await bench.lock.lock()
        assert await bench.lock.lock() is LockState.LOCKED
        await bench.lock.close()
        assert bench.lock.state is LockState.LOCKED


@pytest.mark.parametrize(
    ("state", "pilot", "connected", "letter"),
    [
        (0x00, 0x01, True, "?"),
        (0x03, 0x03, True, "C"),
        (0xFE, 0x03, True, "B"),
        (0xFE, 0x03, False, "A"),
        (GROUND_FAULT, 0x03, True, "C"),
        (GROUND_FAULT, 0x06, True, "B"),
        (GROUND_FAULT, 0x06, False, "A"),
    ],
)
def test_letters_of_states(state: int, pilot: int, connected: bool, letter: str) -> None:
    """A state or a pilot without a letter of its own shows whether a vehicle is there."""
    flags = Flag.CAR_CONNECTED if connected else Flag(0)
    before = PilotReading(PilotState.A)
    assert reading_of(State(state, pilot, flags), before, available=True).state.value == letter


@virtually
async def test_it_is_built_from_a_board(tmp_path: Path) -> None:
    """The pilot names the port; every other side is found at it, and refuses another pilot."""
    registry = Registry([])
    pilot = registry.build("pilot", "openevse", make_context(), {"path": str(tmp_path / "none")})
    assert isinstance(pilot, PilotWithContactor)
    context = make_context(pilot=pilot)
    for kind, side in (("inputs", OpenEvseInputs), ("meter", OpenEvseMeter), ("lock", OpenEvseLock)):
        assert isinstance(registry.build(kind, "openevse", context, {}), side)
    assert registry.build("contactor", "openevse", context, {}) is pilot.contactor
    with pytest.raises(BadDeviceOptions, match="needs a pilot"):
        registry.build("contactor", "openevse", make_context(), {})
    with pytest.raises(BadDeviceOptions, match="heartbeat_s"):
        registry.build("pilot", "openevse", make_context(), {"path": "x", "heartbeat_s": 1})


@virtually
async def test_what_no_pilot_offers_is_refused(tmp_path: Path) -> None:
    """Below 6 and above 80 A, and what is no number."""
    async with open_bench(tmp_path) as bench:
        for current_a in (5, 81, float("nan")):
            with pytest.raises(DeviceRefused, match="6 to 80"):
                await bench.pilot.offer(current_a)
