"""The temperature inside as a fault and as a limit. Sensors are named as in `thermometer`."""

import logging
from collections.abc import AsyncIterator
from itertools import pairwise

from hal.clock import Clock
from hal.drivers.thermometer import Thermometer, Watch
from hal.errors import DeviceLost, HalError
from hal.registry import DriverContext, driver
from hal.streams import Broadcast
from hal.types import Fault, FaultCode

log = logging.getLogger(__name__)

MINIMUM_CURRENT_A = 6.0  # IEC 61851-1: the pilot cannot offer less


class OverTemperature:
    """Satisfies hal.inputs.FaultSource: OVER_TEMPERATURE from `fault_c` until it is below `clear_c` again."""

    def __init__(
        self, thermometer: Thermometer, clock: Clock, *, fault_c: float, clear_c: float, period_s: float
    ) -> None:
        if clear_c >= fault_c:
            raise ValueError(f"clear_c ({clear_c:g}) must be below fault_c ({fault_c:g})")
        self._sensor = thermometer.sensor
        self._fault_c = fault_c
        self._clear_c = clear_c
        self._watch = Watch(thermometer, clock, period_s, self._judge, self._lost)
        self._fault: Fault | None = None
        self._faults: Broadcast[Fault] = Broadcast()

    async def open(self) -> None:
        """Read once and go on reading. Raises HalError when the sensor cannot be read."""
        await self.close()
        await self._watch.start()

    def faults(self) -> AsyncIterator[Fault]:
        """The fault if it is present, then each change. Ends when closed; raises DeviceLost when the sensor is gone."""
        if not self._watch.running:
            raise DeviceLost(f"temperature sensor {self._sensor} is not open; open it first")
        return self._faults.subscribe(*([] if self._fault is None else [self._fault]))

    async def close(self) -> None:
        """Stop reading. Never raises."""
        await self._watch.stop()
        self._fault = None
        self._faults.end()

    def _judge(self, celsius: float) -> None:
        if self._fault is None and celsius >= self._fault_c:
            self._fault = Fault(FaultCode.OVER_TEMPERATURE, True, f"{celsius:g} °C at {self._sensor}", self._sensor)
            self._faults.publish(self._fault)
        elif self._fault is not None and celsius < self._clear_c:
            self._faults.publish(
                Fault(FaultCode.OVER_TEMPERATURE, False, f"{celsius:g} °C at {self._sensor}", self._sensor)
            )
            self._fault = None

    def _lost(self, error: HalError) -> None:
        log.error("temperature sensor lost sensor=%s error=%s", self._sensor, error)
        self._faults.end(lambda: DeviceLost(str(error)))


class DeratingCurve:
    """Current over temperature: `points` are (°C, A) with rising temperatures and falling currents.

    No limit below the first point, straight lines between points, the last current above the last point. Whole amperes,
    rounded down; below 6 A nothing can be offered, so it is 0.
    """

    def __init__(self, points: tuple[tuple[float, float], ...]) -> None:
        falling = all(one[0] < other[0] and one[1] >= other[1] >= 0 for one, other in pairwise(points))
        if len(points) < 2 or not falling:
            raise ValueError(
                "curve needs at least two points [celsius, amperes], hotter and lower from one to the next"
            )
        self._points = points

    def limit_a(self, celsius: float) -> float | None:
        """The limit at a temperature, None where there is none."""
        if celsius < self._points[0][0]:
            return None
        for (cool_c, cool_a), (hot_c, hot_a) in pairwise(self._points):
            if celsius < hot_c:
                return _offerable(cool_a + (hot_a - cool_a) * (celsius - cool_c) / (hot_c - cool_c))
        return self.lowest_a

    @property
    def lowest_a(self) -> float:
        """The limit above the last point."""
        return _offerable(self._points[-1][1])


def _offerable(current_a: float) -> float:
    whole = float(int(current_a + 1e-9))
    return whole if whole >= MINIMUM_CURRENT_A else 0.0


class ThermalDerating:
    """Satisfies hal.inputs.LimitSource: less current the hotter it gets.

    A limit is raised only when it is `hysteresis_c` cooler than it would have to be. A sensor that cannot be read counts as
    hottest until it can.
    """

    def __init__(
        self,
        thermometer: Thermometer,
        clock: Clock,
        curve: DeratingCurve,
        *,
        hysteresis_c: float,
        period_s: float,
    ) -> None:
        if hysteresis_c < 0:
            raise ValueError(f"hysteresis_c must not be negative, is {hysteresis_c!r}")
        self._sensor = thermometer.sensor
        self._curve = curve
        self._hysteresis_c = hysteresis_c
        self._watch = Watch(thermometer, clock, period_s, self._judge, self._lost)
        self._limit_a: float | None = None
        self._limits: Broadcast[float | None] = Broadcast()

    async def open(self) -> None:
        """Read once and go on reading. Raises HalError when the sensor cannot be read."""
        await self.close()
        await self._watch.start()

    def limits(self) -> AsyncIterator[float | None]:
        """The present limit, then each change. Ends when closed."""
        if not self._watch.running:
            raise DeviceLost(f"temperature sensor {self._sensor} is not open; open it first")
        return self._limits.subscribe(self._limit_a)

    async def close(self) -> None:
        """Stop reading. Never raises."""
        await self._watch.stop()
        self._limit_a = None
        self._limits.end()

    def _judge(self, celsius: float) -> None:
        lowered = self._curve.limit_a(celsius)
        raised = self._curve.limit_a(celsius + self._hysteresis_c)
        if _below(lowered, self._limit_a):
            self._set(lowered, celsius)
        elif _below(self._limit_a, raised):
            self._set(raised, celsius)

    def _lost(self, error: HalError) -> None:
        log.error("temperature sensor lost sensor=%s error=%s", self._sensor, error)
        self._set(self._curve.lowest_a, None)

    def _set(self, limit_a: float | None, celsius: float | None) -> None:
        if limit_a != self._limit_a:
            log.info("thermal limit sensor=%s celsius=%s limit_a=%s", self._sensor, celsius, limit_a)
            self._limit_a = limit_a
            self._limits.publish(limit_a)


def _below(one: float | None, other: float | None) -> bool:
    """Whether a limit is lower than another; None is no limit."""
    return one is not None and (other is None or one < other)


@driver("inputs", "thermal")
def over_temperature(
    context: DriverContext, sensor: str, fault_c: float = 85.0, clear_c: float = 75.0, period_s: float = 2.0
) -> OverTemperature:
    """Over-temperature of a sensor as a fault."""
    return OverTemperature(Thermometer(sensor), context.clock, fault_c=fault_c, clear_c=clear_c, period_s=period_s)


@driver("limits", "thermal-derating")
def thermal_derating(
    context: DriverContext,
    sensor: str,
    curve: tuple[tuple[float, float], ...],
    hysteresis_c: float = 2.0,
    period_s: float = 5.0,
) -> ThermalDerating:
    """Less current the hotter a sensor gets."""
    return ThermalDerating(
        Thermometer(sensor), context.clock, DeratingCurve(curve), hysteresis_c=hysteresis_c, period_s=period_s
    )
