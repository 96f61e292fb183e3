"""The meter at the station's connection: read at clock marks, and when somebody asks. Charging does not depend on it."""

import asyncio
import logging
import math
from collections.abc import Callable

from firmware.core.settings import ALIGNED_INTERVAL_S, Settings
from firmware.engine.marks import ClockMarks
from firmware.waiting import woken
from hal.clock import Clock
from hal.errors import DeviceLost, DeviceReplaced, HalError
from hal.meter import Meter
from hal.types import Instant, MeterReading

log = logging.getLogger(__name__)

READ_TIMEOUT_S = 2.0
PLAN_AGAIN_S = 60.0  # wall time may have been corrected meanwhile


class MainMeter:
    """Samples the main meter. A mark at which it is silent is left out."""

    def __init__(
        self, meter: Meter, settings: Settings, clock: Clock, *, sampled: Callable[[MeterReading, Instant], None]
    ) -> None:
        """`sampled` takes a reading and the mark it belongs to."""
        self.meter = meter
        self.lost = asyncio.Event()  # for supervision: open it anew
        self._settings = settings
        self._clock = clock
        self._sampled = sampled
        self._marks = ClockMarks()
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """A setting changed: plan again."""
        self._wake.set()

    async def run(self) -> None:
        """Sample for ever."""
        served_s = self._clock.monotonic()
        while True:
            self._wake.clear()
            now = self._clock.now()
            since_s = max(served_s, now.monotonic_s - READ_TIMEOUT_S)  # a mark that passed during a reading counts
            mark_s, mark_wall_s = self._marks.next(self._settings[ALIGNED_INTERVAL_S], since_s, now)
            if not await self._reached(mark_s) or mark_s is None:
                continue
            self._marks.passed(mark_wall_s)
            served_s = mark_s
            reading = await self.read()
            if reading is not None:
                self._sampled(reading, Instant(mark_s, now.boot, mark_wall_s, now.trust))

    async def read(self) -> MeterReading | None:
        """A reading; None when the meter does not answer."""
        try:
            return await self.meter.read(READ_TIMEOUT_S)
        except HalError as error:
            log.warning("main meter does not answer error=%s", error)
            if isinstance(error, DeviceLost | DeviceReplaced):  # no transaction depends on its register
                self.lost.set()
            return None

    async def _reached(self, mark_s: float | None) -> bool:
        """Wait for a mark; False when it is to be planned again, because a setting or perhaps the clock changed."""
        left_s = math.inf if mark_s is None else max(mark_s - self._clock.monotonic(), 0.0)
        if await woken(self._wake, min(left_s, PLAN_AGAIN_S)):
            return False
        return left_s <= PLAN_AGAIN_S
