"""Protective devices that must prove themselves, and contactors that find their own faults."""

import asyncio
from collections.abc import AsyncIterator

from firmware.engine.contactor_faults import ContactorFaults
from firmware.engine.self_test import RETEST_S, SelfTests
from hal.clocks import SystemClock
from hal.errors import DeviceLost
from hal.streams import Broadcast
from hal.types import Fault, FaultCode
from tests.hal.timing import run


class Sensor:
    """A leakage sensor that passes, fails, or hangs."""

    def __init__(self, *, good: bool = True, hangs: bool = False) -> None:
        self.good = good
        self.hangs = hangs
        self.tests = 0

    async def self_test(self) -> bool:
        """Satisfies hal.inputs.SelfTesting."""
        self.tests += 1
        if self.hangs:
            await asyncio.Event().wait()
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
