"""Reads the meter of one EVSE when a sample is due, and often enough to notice that it went silent."""

import asyncio
import logging
from collections.abc import Callable

from firmware.core.evse import Evse
from firmware.core.facts import SampleContext
from firmware.core.metering import next_mark, next_periodic
from firmware.core.settings import ALIGNED_INTERVAL_S, SAMPLE_INTERVAL_S
from firmware.core.transaction import Phase
from firmware.engine.hardware import EvseDriver
from hal.clock import Clock
from hal.types import Fault, FaultCode, Instant, MeterReading

log = logging.getLogger(__name__)

WATCH_BUSY_S = 10.0  # between looks at the meter during a transaction
WATCH_IDLE_S = 60.0
SILENT_AFTER = 2  # looks in vain before the meter counts as silent
RETRY_S = 1.0


class Sampler:
    """Metering of one EVSE, or (evse None) of the station's main meter."""

    def __init__(
        self,
        evse: Evse,
        driver: EvseDriver,
        clock: Clock,
        *,
        sampled: Callable[[MeterReading, Instant, SampleContext], None],
        metered: Callable[[MeterReading], None],
        fault: Callable[[Fault], None],
    ) -> None:
        self._evse = evse
        self._driver = driver
        self._clock = clock
        self._sampled = sampled
        self._metered = metered
        self._fault = fault
        self._wake = asyncio.Event()
        self._silent = 0

    def wake(self) -> None:
        """A transaction began or ended, or a setting changed: plan again."""
        self._wake.set()

    async def run(self) -> None:
        """Sample for ever."""
        while True:
            self._wake.clear()
            now = self._clock.now()
            tx_id, periodic_s, mark_wall_s, watch_s = self._plan(now)
            mark_s = None if mark_wall_s is None or now.wall_s is None else now.monotonic_s + mark_wall_s - now.wall_s
            due_s = min(time_s for time_s in (periodic_s, mark_s, watch_s) if time_s is not None)
            if not await self._sleep_until(due_s):
                continue
            reading = await self._read()
            if reading is None:
                continue
            if mark_wall_s is not None and mark_s == due_s:
                self._sampled(reading, self._at_mark(mark_wall_s, mark_s), SampleContext.CLOCK)
            if periodic_s == due_s and self._evse.tx is not None and self._evse.tx.id == tx_id:
                self._sampled(reading, self._clock.now(), SampleContext.PERIODIC)
            self._metered(reading)

    def _plan(self, now: Instant) -> tuple[str | None, float | None, float | None, float]:
        settings = self._evse.context.settings
        tx = self._evse.tx
        open_tx = tx is not None and tx.phase is Phase.OPEN
        started = tx.started if tx is not None and open_tx else None
        periodic_s = None
        if started is not None:
            same_boot = started.boot == now.boot
            base_s = started.monotonic_s if same_boot else now.monotonic_s
            periodic_s = next_periodic(base_s, settings[SAMPLE_INTERVAL_S], now.monotonic_s)
        aligned_s = settings[ALIGNED_INTERVAL_S]
        mark_wall_s = next_mark(aligned_s, now.wall_s) if now.wall_s is not None and now.trust.usable else None
        watch_s = now.monotonic_s + (WATCH_BUSY_S if open_tx else WATCH_IDLE_S)
        if self._silent:
            watch_s = now.monotonic_s + RETRY_S
        return (tx.id if tx is not None else None), periodic_s, mark_wall_s, watch_s

    def _at_mark(self, mark_wall_s: float, mark_s: float) -> Instant:
        now = self._clock.now()
        return Instant(mark_s, now.boot, mark_wall_s, now.trust)

    async def _sleep_until(self, due_s: float) -> bool:
        """True when the time came, False when the plan changed before."""
        delay_s = due_s - self._clock.monotonic()
        if delay_s <= 0:
            return True
        try:
            async with asyncio.timeout(delay_s):
                await self._wake.wait()
        except TimeoutError:
            return True
        return False

    async def _read(self) -> MeterReading | None:
        reading = await self._driver.read_meter()
        if reading is None:
            self._silent += 1
            if self._silent == SILENT_AFTER:
                self._fault(Fault(FaultCode.METER_SILENT, active=True, text="meter does not answer"))
            return None
        if self._silent >= SILENT_AFTER or FaultCode.METER_SILENT in self._evse.faults:
            self._fault(Fault(FaultCode.METER_SILENT, active=False, text="meter answers again"))
        self._silent = 0
        return reading
