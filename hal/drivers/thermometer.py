"""Temperatures that the kernel measures: thermal zones and hwmon chips.

A sensor is named `thermal:cpu-thermal` (by the zone's type), `hwmon:lm75` or `hwmon:lm75/temp2` (by the chip's name and its
input, temp1 if not said), as `sensors` and /sys/class/thermal/*/type show them. The numbers in /sys change from boot to boot;
names do not.
"""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

from hal.clock import Clock
from hal.errors import BadReply, DeviceLost, DeviceTimeout, HalError

log = logging.getLogger(__name__)

SYS_CLASS = Path("/sys/class")
READ_TIMEOUT_S = 1.0  # a sensor on a slow bus needs milliseconds; one that hangs, for ever
PLAUSIBLE_C = (-60.0, 200.0)
TRIES = 3  # readings that may fail in a row


class Thermometer:
    """One sensor. Reading goes through a worker thread, because some buses block."""

    def __init__(self, sensor: str, sys_class: Path = SYS_CLASS) -> None:
        kind, colon, name = sensor.partition(":")
        if kind not in {"thermal", "hwmon"} or not colon or not name:
            raise ValueError(f"sensor {sensor!r}: name it thermal:TYPE, hwmon:CHIP or hwmon:CHIP/tempN")
        self.sensor = sensor
        self._sys_class = sys_class
        self._kind = kind
        self._name, _, self._input = name.partition("/")
        self._reading: asyncio.Future[float] | None = None  # in its worker thread

    async def read(self) -> float:
        """Degrees Celsius. Raises DeviceLost, DeviceTimeout, BadReply."""
        if (
            self._reading is None or self._reading.done()
        ):  # else one still hangs, and must not take more and more threads
            self._reading = asyncio.get_running_loop().run_in_executor(None, self._read)
        done, _ = await asyncio.wait([self._reading], timeout=READ_TIMEOUT_S)
        if not done:
            raise DeviceTimeout(f"temperature sensor {self.sensor} does not answer")
        return self._reading.result()

    def _read(self) -> float:
        file = self._find()
        try:
            text = file.read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise DeviceLost(f"temperature sensor {self.sensor}: {file} cannot be read ({error})") from error
        try:
            celsius = int(text) / 1000
        except ValueError:
            raise BadReply(f"temperature sensor {self.sensor}: {file} holds {text[:20]!r} and no number") from None
        if not PLAUSIBLE_C[0] <= celsius <= PLAUSIBLE_C[1]:
            raise BadReply(f"temperature sensor {self.sensor} shows {celsius:g} °C; is it connected?")
        return celsius

    def _find(self) -> Path:
        pattern, label, value = (
            ("thermal/thermal_zone*", "type", "temp")
            if self._kind == "thermal"
            else ("hwmon/hwmon*", "name", f"{self._input or 'temp1'}_input")
        )
        names = []
        for folder in sorted(self._sys_class.glob(pattern)):
            try:
                name = (folder / label).read_text(encoding="utf-8").strip()
            except OSError:
                continue  # it vanished while we looked
            if name == self._name:
                return folder / value
            names.append(name)
        raise DeviceLost(f"no temperature sensor {self.sensor}; there are: {', '.join(names) or 'none'}")


class Watch:
    """Reads a thermometer again and again, from open to close. `on_lost` is called once TRIES readings have failed in a row."""

    def __init__(
        self,
        thermometer: Thermometer,
        clock: Clock,
        period_s: float,
        on_value: Callable[[float], None],
        on_lost: Callable[[HalError], None],
    ) -> None:
        if period_s <= 0:
            raise ValueError(f"period_s must be above 0, is {period_s!r}")
        self._thermometer = thermometer
        self._clock = clock
        self._period_s = period_s
        self._on_value = on_value
        self._on_lost = on_lost
        self._task: asyncio.Task[None] | None = None

    @property
    def running(self) -> bool:
        """True between start and stop."""
        return self._task is not None

    async def start(self) -> None:
        """The first reading, at once; then the others. Raises HalError when the first fails."""
        await self.stop()
        self._on_value(await self._thermometer.read())
        self._task = asyncio.create_task(self._run(), name=f"thermometer {self._thermometer.sensor}")

    async def stop(self) -> None:
        """No more readings. Never raises."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
            self._task = None

    async def _run(self) -> None:
        failures = 0
        while True:
            await self._clock.sleep(self._period_s)
            try:
                celsius = await self._thermometer.read()
            except HalError as error:
                failures += 1
                log.info(
                    "temperature not read sensor=%s failures=%d error=%s", self._thermometer.sensor, failures, error
                )
                if failures == TRIES:
                    self._on_lost(error)
            else:
                failures = 0
                self._on_value(celsius)
