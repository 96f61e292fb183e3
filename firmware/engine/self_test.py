"""Protective devices that can prove they work are tested before energy is allowed, and at intervals while nobody charges; one that
cannot prove it forbids charging.

The test is made with the contactor open: the sensor's trip opens it in hardware.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence

from hal.clock import Clock
from hal.errors import DeviceLost, HalError
from hal.inputs import SelfTesting
from hal.types import Fault, FaultCode

log = logging.getLogger(__name__)

TEST_S = 3.0  # the contract of a test is 2 s
OPENING_S = 0.1  # between two tries while a device is only being opened
RETEST_S = 60.0  # after a test that was not passed, and between two looks for a moment without a vehicle


class SelfTests:
    """The self-testing inputs of one EVSE.

    `report` is told when one fails, and when all have passed again. `idle` says whether there is neither vehicle nor transaction;
    `interval_s` how long a proof is good for there, 0 for ever.
    """

    def __init__(
        self,
        devices: Sequence[object],
        clock: Clock,
        report: Callable[[Fault], None],
        *,
        idle: Callable[[], bool] = lambda: False,
        interval_s: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self._devices = [device for device in devices if isinstance(device, SelfTesting)]
        self._clock = clock
        self._report = report
        self._idle = idle
        self._interval_s = interval_s
        self._turn = asyncio.Lock()  # a vehicle may come while a test is under way
        self._tested_s = clock.monotonic()  # when the last test ended, or this began
        self._failed = False

    async def run(self) -> None:
        """Test again what has failed, until it passes, and what has not been proven for too long; for ever."""
        while self._devices:
            await self._clock.sleep(RETEST_S)
            if self._failed or (self._overdue() and self._idle()):
                await self.passed()

    def _overdue(self) -> bool:
        interval_s = self._interval_s()
        return interval_s > 0 and self._clock.monotonic() - self._tested_s >= interval_s

    async def passed(self) -> bool:
        """Test them all, one after the other; the contactor must be open."""
        async with self._turn:
            for device in self._devices:
                why = await self._weakness(device)
                if why is not None:
                    log.error("protective device not proven reason=%s", why)
                    self._failed = True
                    self._report(Fault(FaultCode.LEAKAGE_SENSOR, active=True, text=why))
                    return False
            self._tested_s = self._clock.monotonic()
            if self._failed:
                self._failed = False
                self._report(Fault(FaultCode.LEAKAGE_SENSOR, active=False, text="self-test passed"))
            return True

    async def _weakness(self, device: SelfTesting) -> str | None:
        """Why a device cannot be relied on; None when it has passed."""
        lost: DeviceLost | None = None
        try:
            async with asyncio.timeout(TEST_S):
                while True:
                    try:
                        return None if await device.self_test() else "self-test failed"
                    except DeviceLost as error:  # at the start it may only be about to be opened
                        lost = error
                        await self._clock.sleep(OPENING_S)
        except (HalError, TimeoutError) as error:
            return f"self-test failed: {lost or error or 'no answer'}"
