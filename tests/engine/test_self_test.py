"""Protective devices that must prove themselves, and contactors that find their own faults."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from firmware.engine.contactor_faults import ContactorFaults
from firmware.engine.self_test import RETEST_S, SelfTests
from hal.clocks import SystemClock
from hal.errors import DeviceLost
from hal.mock.devices.evse import MockInputs
from hal.streams import Broadcast
from hal.types import Fault, FaultCode
from tests.hal.timing import run
from tests.station.play import Play, play

DAY_S = 86_400.0


class Sensor:
    """A leakage sensor that passes, fails, or hangs."""

    def __init__(self, *, good: bool = True, hangs: bool = False) -> None:
        self.good = good
        self.hangs = hangs
        self.opens_after = 0  # attempts that still find it closed
        self.tests = 0

    async def self_test(self) -> bool:
        """Satisfies hal.inputs.SelfTesting."""
        self.tests += 1
        if self.hangs:
            await asyncio.Event().wait()
        if self.tests <= self.opens_after:
            raise DeviceLost("not open; open it first")
        return self.good


class Welder:
    """A contactor that watches its own contacts."""

    def __init__(self) -> None:
        self.present: list[Fault] = []
        self.told: Broadcast[Fault] = Broadcast()

    def faults(self) -> AsyncIterator[Fault]:
        """Satisfies hal.contactor.SelfWatching."""
        return self.told.subscribe(*self.present)


def clock() -> SystemClock:
    """The time of the running loop."""
    return SystemClock(asyncio.get_running_loop(), boot="test")


def test_a_sensor_that_fails_forbids_charging_until_a_later_test_passes() -> None:
    """The fault is raised at the failure and cleared by a test that nobody asked for."""

    async def main() -> None:
        told: list[tuple[FaultCode, bool]] = []
        sensor = Sensor(good=False)
        tests = SelfTests([object(), sensor], clock(), lambda fault: told.append((fault.code, fault.active)))
        again = asyncio.create_task(tests.run())
        assert not await tests.passed()
        assert told == [(FaultCode.LEAKAGE_SENSOR, True)]
        sensor.good = True
        await asyncio.sleep(RETEST_S + 1)
        assert told == [(FaultCode.LEAKAGE_SENSOR, True), (FaultCode.LEAKAGE_SENSOR, False)]
        assert await tests.passed()
        assert sensor.tests == 3
        again.cancel()

    run(main())


def test_a_sensor_that_hangs_has_not_passed() -> None:
    """A test has its time; a charge does not wait for ever."""

    async def main() -> None:
        told: list[Fault] = []
        assert not await SelfTests([Sensor(hangs=True)], clock(), told.append).passed()
        assert [fault.active for fault in told] == [True]

    run(main())


def test_a_sensor_that_is_only_being_opened_gets_its_time() -> None:
    """At the start of the program a charge that goes on may ask before the lines are taken; one that stays lost has not passed."""

    async def main() -> None:
        told: list[Fault] = []
        sensor = Sensor()
        sensor.opens_after = 3
        assert await SelfTests([sensor], clock(), told.append).passed()
        assert told == []
        sensor.opens_after = 1000
        assert not await SelfTests([sensor], clock(), told.append).passed()
        assert [fault.text for fault in told] == ["self-test failed: not open; open it first"]

    run(main())


def test_a_sensor_nobody_uses_is_tested_every_day_once_the_vehicle_has_left() -> None:
    """The interval counts from the last test; while a vehicle is there the test waits, and a later one is due a day after it."""

    async def main() -> None:
        sensor, idle = Sensor(), True
        tests = SelfTests([sensor], clock(), lambda fault: None, idle=lambda: idle, interval_s=lambda: DAY_S)
        testing = asyncio.create_task(tests.run())
        await asyncio.sleep(DAY_S - 1)
        assert sensor.tests == 0
        await asyncio.sleep(RETEST_S + 1)
        assert sensor.tests == 1
        assert await tests.passed()  # before a charge
        idle = False
        await asyncio.sleep(3 * DAY_S)
        assert sensor.tests == 2
        idle = True
        await asyncio.sleep(RETEST_S + 1)
        assert sensor.tests == 3
        await asyncio.sleep(DAY_S / 2)
        assert sensor.tests == 3
        testing.cancel()

    run(main())


def test_the_daily_test_finds_a_sensor_that_has_died(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A station that nobody used for a day: faulted before the next vehicle comes, and not by it. The setting 0 leaves it out."""
    tests = _counted(monkeypatch, good=False)

    async def scenario(stage: Play) -> None:
        await asyncio.sleep(12.5 * 3600)
        assert tests
        assert FaultCode.LEAKAGE_SENSOR in stage.app.engine.station.evses[1].faults

    play(tmp_path / "tested", scenario, settings={"protection.self_test_every_h": "12"})

    async def untested(stage: Play) -> None:
        tests.clear()
        await asyncio.sleep(2 * DAY_S)
        assert tests == []

    play(tmp_path / "untested", untested, settings={"protection.self_test_every_h": "0"})


def test_a_charge_that_goes_on_after_a_power_loss_is_preceded_by_the_test(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As any other charge: with the contactor open, and no energy while the sensor fails."""
    tests = _counted(monkeypatch, good=True)

    async def scenario(stage: Play) -> None:
        await stage.charge(60)
        await stage.kill_station()
        tests.clear()
        _counted(monkeypatch, good=False, tests=tests)
        await stage.start_station()
        evse = stage.app.engine.station.evses[1]
        await stage.until(lambda: FaultCode.LEAKAGE_SENSOR in evse.faults)
        await asyncio.sleep(RETEST_S / 2)
        assert evse.tx is not None
        assert not stage.world.evse(1).contactor_closed()
        _counted(monkeypatch, good=True, tests=tests)
        await stage.status("Charging", timeout_s=2 * RETEST_S)
        assert tests == [False, True]
        await stage.finish()
        assert len(stage.csms.transactions) == 1

    play(tmp_path, scenario)


def _counted(monkeypatch: pytest.MonkeyPatch, *, good: bool, tests: list[bool] | None = None) -> list[bool]:
    """The results of all self-tests of the mock board's first EVSE from now on."""
    results: list[bool] = [] if tests is None else tests

    async def self_test(self: MockInputs) -> bool:
        results.append(good)
        return good

    monkeypatch.setattr(MockInputs, "self_test", self_test)
    return results


def test_an_evse_without_self_testing_devices_charges_at_once() -> None:
    """There is nothing to prove."""

    async def main() -> None:
        assert await SelfTests([], clock(), lambda fault: None).passed()

    run(main())


def test_a_contactors_own_fault_is_told_and_withdrawn_when_it_is_opened_anew() -> None:
    """What it found before it was lost is over, unless it is found again."""

    async def main() -> None:
        told: list[tuple[FaultCode, bool]] = []
        contactor = Welder()
        faults = ContactorFaults(contactor, lambda fault: told.append((fault.code, fault.active)))
        following = asyncio.create_task(faults.run())
        faults.available(True)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        contactor.told.publish(Fault(FaultCode.WELDED_CONTACTOR, True))
        await asyncio.sleep(1)
        assert told == [(FaultCode.WELDED_CONTACTOR, True)]
        contactor.told.end(lambda: DeviceLost("coil line gone"))
        faults.available(False)
        await asyncio.sleep(1)
        faults.available(True)
        await asyncio.sleep(1)
        assert told == [(FaultCode.WELDED_CONTACTOR, True), (FaultCode.WELDED_CONTACTOR, False)]
        following.cancel()

    run(main())
