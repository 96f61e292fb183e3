"""Fault contacts, the bay sensor, the leakage sensor and the connector lock on GPIO lines."""

import asyncio
import functools

import pytest

from hal.drivers.gpio_inputs import GpioBaySensor, GpioInput
from hal.drivers.gpio_lines import Pull
from hal.drivers.leakage import LeakageSensor
from hal.drivers.lock import GpioLock
from hal.errors import BadDeviceOptions, DeviceLost
from hal.inputs import SelfTesting
from hal.registry import Registry
from hal.types import Fault, FaultCode, LockState
from tests.drivers.gpio import FakeLines
from tests.drivers.virtual import make_context, virtually


def now() -> float:
    """Loop time."""
    return asyncio.get_running_loop().time()


@virtually
async def test_an_emergency_stop_is_told_within_fifty_milliseconds() -> None:
    """Pressed, held, released: one fault raised and one cleared, however the contact bounces."""
    lines = FakeLines()
    device = GpioInput(lines, "!ESTOP", FaultCode.EMERGENCY_STOP, text="emergency stop pressed", pull=Pull.UP)
    await device.open()
    assert lines["!ESTOP"].pull is Pull.UP
    faults = device.faults()
    begin = now()
    for level in (True, False, True, False, True):
        lines["!ESTOP"].drive(level)
        await asyncio.sleep(0.003)
    assert await anext(faults) == Fault(FaultCode.EMERGENCY_STOP, True, "emergency stop pressed", "!ESTOP")
    assert now() - begin < 0.05
    assert await anext(device.faults()) == Fault(FaultCode.EMERGENCY_STOP, True, "emergency stop pressed", "!ESTOP")
    lines["!ESTOP"].drive(False)
    cleared = await anext(faults)
    assert (cleared.code, cleared.active) == (FaultCode.EMERGENCY_STOP, False)
    await device.close()
    assert [fault async for fault in faults] == []
    assert lines.in_use == []


@virtually
async def test_a_glitch_is_no_fault() -> None:
    """Two milliseconds of noise on a long wire stop nobody's charge."""
    lines = FakeLines()
    device = GpioInput(lines, "DOOR", FaultCode.DOOR_OPEN)
    await device.open()
    faults = device.faults()
    lines["DOOR"].drive(True)
    await asyncio.sleep(0.002)
    lines["DOOR"].drive(False)
    await asyncio.sleep(1)
    await device.close()
    assert [fault async for fault in faults] == []


@virtually
async def test_a_fault_present_at_the_start_is_told_at_once() -> None:
    """A door that stands open when the station starts."""
    lines = FakeLines()
    lines["DOOR"].level = True
    device = GpioInput(lines, "DOOR", FaultCode.DOOR_OPEN)
    await device.open()
    assert (await anext(device.faults())).active
    await device.close()


@virtually
async def test_an_input_that_is_lost_or_not_there() -> None:
    """DeviceLost at open, at a closed device, and at the listener; opened again it works again."""
    with pytest.raises(DeviceLost):
        await GpioInput(FakeLines("DOOR"), "DOOR", FaultCode.DOOR_OPEN).open()
    lines = FakeLines()
    device = GpioInput(lines, "DOOR", FaultCode.DOOR_OPEN)
    with pytest.raises(DeviceLost, match="open it first"):
        device.faults()
    await device.open()
    faults = device.faults()
    lines["DOOR"].lose()
    with pytest.raises(DeviceLost):
        await anext(faults)
    lines["DOOR"].lost = False
    await device.open()
    lines["DOOR"].drive(True)
    assert (await anext(device.faults())).active
    await device.close()


@virtually
async def test_the_bay_sensor_tells_who_stands_there() -> None:
    """The present occupancy first; people who walk past do not count."""
    lines = FakeLines()
    sensor = GpioBaySensor(lines, "BAY")
    with pytest.raises(DeviceLost):
        sensor.occupancy()
    await sensor.open()
    occupancy = sensor.occupancy()
    lines["BAY"].drive(True)
    await asyncio.sleep(0.5)
    lines["BAY"].drive(False)
    await asyncio.sleep(5)
    lines["BAY"].drive(True)
    assert [await anext(occupancy), await anext(occupancy)] == [False, True]
    lines["BAY"].lose()
    with pytest.raises(DeviceLost):
        await anext(occupancy)
    await sensor.close()


class Sensor:
    """A leakage sensor as its data sheet describes it: trips after 100 ms of test, clears 200 ms after it."""

    def __init__(self, lines: FakeLines, *, trips: bool = True, clears: bool = True) -> None:
        self.trips, self.clears = trips, clears
        self._line = lines["!RCM"]
        lines["TEST"].wires.append(self._test)

    def _test(self, active: bool) -> None:
        loop = asyncio.get_running_loop()
        if active and self.trips:
            loop.call_later(0.1, self._line.drive, True)
        if not active and self.clears:
            loop.call_later(0.2, self._line.drive, False)


@virtually
async def test_a_good_leakage_sensor_passes_its_test_without_a_fault() -> None:
    """The trip of the test is not told as leakage; all of it takes less than 2 s."""
    lines = FakeLines()
    Sensor(lines)
    device = LeakageSensor(lines, fault="!RCM", test="TEST")
    assert isinstance(device, SelfTesting)
    await device.open()
    faults = device.faults()
    begin = now()
    assert await device.self_test()
    assert now() - begin < 2
    assert not lines.active("TEST")
    await device.close()
    assert [fault async for fault in faults] == []


@pytest.mark.parametrize(("trips", "clears"), [(False, True), (True, False)])
@virtually
async def test_a_bad_leakage_sensor_fails_its_test(trips: bool, clears: bool) -> None:
    """One that does not trip, or does not recover, must not be relied on until it passes."""
    lines = FakeLines()
    sensor = Sensor(lines, trips=trips, clears=clears)
    device = LeakageSensor(lines, fault="!RCM", test="TEST")
    await device.open()
    faults = device.faults()
    begin = now()
    assert not await device.self_test()
    assert now() - begin < 2
    fault = await anext(faults)
    assert (fault.code, fault.active) == (FaultCode.LEAKAGE_SENSOR, True)
    sensor.trips = sensor.clears = True
    lines["!RCM"].drive(False)
    await asyncio.sleep(0.1)
    assert await device.self_test()
    codes = [(fault.code, fault.active) for fault in [await anext(faults)] if fault.code is FaultCode.LEAKAGE_SENSOR]
    assert codes in ([(FaultCode.LEAKAGE_SENSOR, False)], [])
    await device.close()
    assert [fault.code for fault in [fault async for fault in faults] if fault.active] == []


@virtually
async def test_leakage_is_told_and_not_mistaken_for_a_bad_sensor() -> None:
    """Raised once, cleared once; a test during leakage fails without a word against the sensor."""
    lines = FakeLines()
    device = LeakageSensor(lines, fault="!RCM", test="TEST")
    await device.open()
    faults = device.faults()
    lines["!RCM"].drive(True)
    raised = await anext(faults)
    assert (raised.code, raised.active, raised.vendor_code) == (FaultCode.LEAKAGE, True, "!RCM")
    assert not await device.self_test()
    assert lines["TEST"].history == []
    lines["!RCM"].drive(False)
    cleared = await anext(faults)
    assert (cleared.code, cleared.active) == (FaultCode.LEAKAGE, False)
    lines["!RCM"].lose()
    with pytest.raises(DeviceLost):
        await anext(faults)
    await device.close()


@virtually
async def test_a_leakage_sensor_that_is_not_there() -> None:
    """A missing test line is told at open and leaves nothing in use; before it, everything is refused."""
    lines = FakeLines("!RCM")
    device = LeakageSensor(lines, fault="!RCM", test="TEST")
    with pytest.raises(DeviceLost):
        await device.open()
    assert lines.in_use == []
    with pytest.raises(DeviceLost, match="open it first"):
        await device.self_test()
    with pytest.raises(DeviceLost, match="open it first"):
        device.faults()


class Bolt:
    """A bolt that needs 0.2 s of current to move, and can be held."""

    def __init__(self, lines: FakeLines) -> None:
        self.held = False
        self.needs = 0  # so many pulses in vain
        self._lines = lines
        self._timer: asyncio.TimerHandle | None = None
        lines["IN"].wires.append(functools.partial(self._drive, True))
        lines["OUT"].wires.append(functools.partial(self._drive, False))

    def _drive(self, position: bool, active: bool) -> None:
        assert not (self._lines.active("IN") and self._lines.active("OUT")), "both sides of the bridge at once"
        if self._timer is not None:
            self._timer.cancel()
        if active and not self.held:
            self._timer = asyncio.get_running_loop().call_later(0.2, self._lines["LOCKED"].drive, position)


def make_lock(lines: FakeLines) -> GpioLock:
    """A lock on those lines."""
    return GpioLock(lines, make_context().clock, drive_in="IN", drive_out="OUT", locked="LOCKED")


def state(lock: GpioLock) -> LockState:
    """The position now."""
    return lock.state


@virtually
async def test_the_bolt_goes_in_and_out() -> None:
    """The motor stops as soon as the contact shows the position; a bolt that is there already is left alone."""
    lines = FakeLines()
    Bolt(lines)
    lock = make_lock(lines)
    assert state(lock) is LockState.UNKNOWN
    await lock.open()
    assert state(lock) is LockState.UNLOCKED
    begin = now()
    assert await lock.lock() is LockState.LOCKED
    assert now() - begin < 0.3
    assert await lock.lock() is LockState.LOCKED
    assert len(lines["IN"].history) == 2
    assert await lock.unlock() is LockState.UNLOCKED
    await lock.close()
    assert lines.in_use == []


@virtually
async def test_a_jammed_bolt_is_tried_again_and_told() -> None:
    """Within 3 s; the motor is never left running; when somebody frees it, the contact counts again."""
    lines = FakeLines()
    bolt = Bolt(lines)
    bolt.held = True
    lock = make_lock(lines)
    await lock.open()
    begin = now()
    assert await lock.lock() is LockState.JAMMED
    assert now() - begin < 3
    assert state(lock) is LockState.JAMMED
    assert [level for _, level in lines["IN"].history] == [True, False, True, False]
    assert [level for _, level in lines["OUT"].history] == [True, False]
    for name in ("IN", "OUT"):
        on, off = (at for at, _ in lines[name].history[:2])
        assert off - on <= 0.61
    lines["LOCKED"].drive(True)
    await asyncio.sleep(0.1)
    assert state(lock) is LockState.LOCKED
    bolt.held = False
    assert await lock.unlock() is LockState.UNLOCKED
    await lock.close()


@virtually
async def test_two_moves_at_once_wait_for_each_other() -> None:
    """The bridge is never driven from both sides, and the last move decides."""
    lines = FakeLines()
    Bolt(lines)
    lock = make_lock(lines)
    await lock.open()
    states = await asyncio.gather(lock.lock(), lock.unlock())
    assert list(states) == [LockState.LOCKED, LockState.UNLOCKED]
    await lock.close()


@virtually
async def test_a_move_that_is_cancelled_stops_the_motor() -> None:
    """Whatever ends the wait, no current flows on."""
    lines = FakeLines()
    Bolt(lines).held = True
    lock = make_lock(lines)
    await lock.open()
    moving = asyncio.create_task(lock.lock())
    await asyncio.sleep(0.1)
    assert lines.active("IN")
    moving.cancel()
    await asyncio.wait([moving])
    assert not lines.active("IN")
    await lock.close()


@virtually
async def test_a_lock_whose_contact_is_lost_knows_nothing() -> None:
    """UNKNOWN, and DeviceLost for whoever wants to move it; a missing line is told at open."""
    lines = FakeLines()
    Bolt(lines).held = True
    lock = make_lock(lines)
    with pytest.raises(DeviceLost):
        await lock.lock()
    await lock.open()
    moving = asyncio.create_task(lock.lock())
    await asyncio.sleep(0.1)
    lines["LOCKED"].lose()
    with pytest.raises(DeviceLost):
        await moving
    assert state(lock) is LockState.UNKNOWN
    assert not lines.active("IN")
    await lock.close()
    absent = make_lock(FakeLines("LOCKED"))
    with pytest.raises(DeviceLost):
        await absent.open()


@virtually
async def test_drivers_are_built_from_a_board() -> None:
    """Each is found by name and refuses options that make no sense."""
    registry, context = Registry([]), make_context()
    assert isinstance(registry.build("inputs", "gpio", context, {"line": "X", "fault": "door-open"}), GpioInput)
    assert isinstance(registry.build("bay", "gpio", context, {"line": "X"}), GpioBaySensor)
    assert isinstance(registry.build("inputs", "leakage-gpio", context, {"fault": "X", "test": "Y"}), LeakageSensor)
    wiring = {"drive_in": "X", "drive_out": "Y", "locked": "Z"}
    assert isinstance(registry.build("lock", "gpio", context, wiring), GpioLock)
    for kind, options in (
        ("inputs", {"line": "X", "fault": "thunder"}),
        ("inputs", {"line": "X", "fault": "door-open", "debounce_s": 1.0}),
        ("bay", {"line": "X", "debounce_s": 0.0}),
        ("lock", wiring | {"pulse_s": 10.0}),
    ):
        with pytest.raises(BadDeviceOptions):
            registry.build(kind, "gpio", context, options)
