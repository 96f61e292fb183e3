"""Reads the meter of one EVSE when a sample is due, and often enough to notice that it went silent.

No sample that fell due is skipped because something else happened at that moment: what is served is remembered, and the next is
planned from there. Samples that fall due together share one reading. A meter that stops answering during a transaction is a
fault after at most `SILENCE_S`.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

from firmware.core.evse import Evse
from firmware.core.facts import SampleContext
from firmware.core.metering import Use, next_periodic
from firmware.core.settings import (
    ALIGNED_INTERVAL_S,
    ENDED_INTERVAL_S,
    ENDED_SAMPLED,
    SAMPLE_INTERVAL_S,
    WITH_EACH_SAMPLE,
)
from firmware.core.transaction import Phase, Transaction
from firmware.engine.hardware import READ_TIMEOUT_S, READ_TRIES, EvseDriver
from firmware.engine.marks import ClockMarks
from firmware.waiting import woken
from hal.clock import Clock
from hal.types import Fault, FaultCode, Instant, MeterReading

log = logging.getLogger(__name__)

WATCH_BUSY_S = 10.0  # between looks at the meter during a transaction
WATCH_ALLOWANCE_S = 1.0  # while a transaction uses up what an invalid token is still allowed
WATCH_IDLE_S = 60.0
SILENT_AFTER = 2  # looks in vain before the meter counts as silent
RETRY_S = 1.0
LOOK_S = READ_TIMEOUT_S * READ_TRIES  # the longest that one look takes
SILENCE_S = WATCH_BUSY_S + SILENT_AFTER * LOOK_S + RETRY_S
LATE_S = 2 * LOOK_S  # a sample that could not be taken for so long is left out
TOGETHER_S = 0.05  # samples due so close to each other share a reading


@dataclass(frozen=True, slots=True)
class Plan:
    """What falls due next, monotonic seconds; None: nothing of that kind."""

    transaction: str | None
    told_s: float | None
    kept_s: float | None
    mark_s: float | None
    mark_wall_s: float | None  # POSIX time of that mark
    watch_s: float

    @property
    def due_s(self) -> float:
        """When to read the meter."""
        return min(time_s for time_s in (self.told_s, self.kept_s, self.mark_s, self.watch_s) if time_s is not None)

    def use(self, until_s: float) -> Use:
        """What a periodic sample is for that serves everything due until then."""
        told = Use.TOLD if self.told_s is not None and self.told_s <= until_s else Use(0)
        kept = Use.KEPT if self.kept_s is not None and self.kept_s <= until_s else Use(0)
        return told | kept


class Sampler:
    """Metering of one EVSE."""

    def __init__(
        self,
        evse: Evse,
        driver: EvseDriver,
        clock: Clock,
        *,
        sampled: Callable[[MeterReading, Instant, SampleContext, Use], None],
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
        self._looked_s = clock.monotonic()  # when the meter was last looked at
        self._served_s = clock.monotonic()  # everything due until then was taken
        self._marks = ClockMarks()
        self._intervals = (0, 0, 0)  # as last planned
        self._counted: tuple[str, float] | None = None  # a transaction, and the moment its samples count from

    def wake(self) -> None:
        """A transaction began or ended, or a setting changed: plan again."""
        self._wake.set()

    async def run(self) -> None:
        """Sample for ever."""
        while True:
            self._wake.clear()
            plan = self._plan(self._clock.now())
            if await self._sleep_until(plan.due_s):
                await self._take(plan)

    async def _take(self, plan: Plan) -> None:
        now_s = self._clock.monotonic()
        reading = await self._read()
        self._served_s = max(self._served_s, min(plan.due_s, now_s) + TOGETHER_S)
        self._looked_s = self._clock.monotonic()
        if plan.mark_s is not None and plan.mark_s <= self._served_s:
            self._marks.passed(plan.mark_wall_s)
        if reading is None:
            return
        now = self._clock.now()
        if plan.mark_s is not None and plan.mark_s <= self._served_s:
            mark = Instant(plan.mark_s, now.boot, plan.mark_wall_s, now.trust)
            self._sampled(reading, mark, SampleContext.CLOCK, Use.BOTH)
        tx = self._evse.tx
        use = plan.use(self._served_s)
        if use and tx and tx.id == plan.transaction:
            self._sampled(reading, now, SampleContext.PERIODIC, use)
        self._metered(reading)

    def _plan(self, now: Instant) -> Plan:
        settings = self._evse.context.settings
        tx = self._evse.tx if self._evse.tx is not None and self._evse.tx.phase is Phase.OPEN else None
        told_every_s, kept_every_s = settings[SAMPLE_INTERVAL_S], settings[ENDED_INTERVAL_S]
        if kept_every_s == WITH_EACH_SAMPLE:
            kept_every_s = told_every_s
        intervals = (told_every_s, kept_every_s, settings[ALIGNED_INTERVAL_S])
        if intervals != self._intervals:
            self._intervals, self._served_s = intervals, now.monotonic_s  # new marks, and none of them in the past
        since_s = max(self._served_s, now.monotonic_s - LATE_S)
        told_s = kept_s = None
        if tx is not None:
            start_s = self._counts_from(tx, now)
            told_s = next_periodic(start_s, told_every_s, max(since_s, start_s))
            if settings[ENDED_SAMPLED]:
                kept_s = next_periodic(start_s, kept_every_s, max(since_s, start_s))
        mark_s, mark_wall_s = self._marks.next(settings[ALIGNED_INTERVAL_S], since_s, now)
        watch_s = self._looked_s + (WATCH_BUSY_S if tx is not None else WATCH_IDLE_S)
        if tx is not None and tx.invalid is not None and not self._evse.allowance_spent:
            watch_s = self._looked_s + WATCH_ALLOWANCE_S
        if self._silent or FaultCode.METER_SILENT in self._evse.faults:
            watch_s = self._looked_s + RETRY_S
        return Plan(tx.id if tx else None, told_s, kept_s, mark_s, mark_wall_s, watch_s)

    def _counts_from(self, tx: Transaction, now: Instant) -> float:
        """The start of a transaction; for one of an earlier boot as wall time tells it, else the moment it was taken up."""
        started = tx.started
        if started is not None and started.boot == now.boot:
            return started.monotonic_s
        if self._counted is None or self._counted[0] != tx.id:
            ago_s = _ago_s(started, now)
            self._counted = (tx.id, now.monotonic_s - ago_s)
        return self._counted[1]

    async def _sleep_until(self, due_s: float) -> bool:
        """True when the time came, False when the plan changed before."""
        delay_s = due_s - self._clock.monotonic()
        if delay_s <= 0:
            return True
        return not await woken(self._wake, delay_s)

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


def _ago_s(started: Instant | None, now: Instant) -> float:
    """How long ago a moment of an earlier boot was; 0 where the clocks cannot tell."""
    if started is None or started.wall_s is None or now.wall_s is None:
        return 0.0
    trusted = started.trust.usable and now.trust.usable
    return max(now.wall_s - started.wall_s, 0.0) if trusted else 0.0
