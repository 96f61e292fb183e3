"""Protective devices that can prove they work are tested before each charge; one that cannot prove it forbids charging.

The test is made with the contactor open: the sensor's trip opens it in hardware.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence

from hal.clock import Clock
from hal.errors import HalError
from hal.inputs import SelfTesting
from hal.types import Fault, FaultCode

log = logging.getLogger(__name__)

TEST_S = 3.0  # the contract of a test is 2 s
RETEST_S = 60.0  # after a test that was not passed


class SelfTests:
    """The self-testing inputs of one EVSE. `report` is told when one fails, and when all have passed again."""

    def __init__(self, devices: Sequence[object], clock: Clock, report: Callable[[Fault], None]) -> None:
        self._devices = [device for device in devices if isinstance(device, SelfTesting)]
        self._clock = clock
        self._report = report
        self._failed = asyncio.Event()

    async def run(self) -> None:
        """Test a device that failed again, until it passes; for ever."""
        while True:
            await self._failed.wait()
            await self._clock.sleep(RETEST_S)
            if await self.passed():
                self._failed.clear()
                self._report(Fault(FaultCode.LEAKAGE_SENSOR, active=False, text="self-test passed"))

    async def passed(self) -> bool:
        """Test them all, one after the other; the contactor must be open."""
        for device in self._devices:
            try:
                async with asyncio.timeout(TEST_S):
                    good, why = await device.self_test(), "self-test failed"
            except (HalError, TimeoutError) as error:
                good, why = False, f"self-test failed: {error or 'no answer'}"
            if not good:
                log.error("protective device not proven reason=%s", why)
                self._failed.set()
                self._report(Fault(FaultCode.LEAKAGE_SENSOR, active=True, text=why))
                return False
        return True
