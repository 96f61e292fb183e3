"""Contacts on GPIO lines that tell of trouble, and of a vehicle in the bay."""

import logging
from collections.abc import AsyncIterator

from hal.drivers.debounce import Contact
from hal.drivers.gpio_lines import GpiodLines, Lines, Pull
from hal.errors import DeviceLost
from hal.registry import DriverContext, driver
from hal.streams import Broadcast
from hal.types import Fault, FaultCode

log = logging.getLogger(__name__)

FAULT_DEBOUNCE_S = 0.010
BAY_DEBOUNCE_S = 1.0  # people walk past the sensor


class GpioInput:
    """Satisfies hal.inputs.FaultSource: a line that is active while something is wrong.

    Wire emergency stops as a loop that a broken wire opens too, and name the line with `!`, so that the fault is the open loop.
    """

    def __init__(
        self,
        lines: Lines,
        line: str,
        fault: FaultCode,
        *,
        text: str = "",
        pull: Pull = Pull.AS_IS,
        debounce_s: float = FAULT_DEBOUNCE_S,
    ) -> None:
        if not 0 < debounce_s <= 0.04:
            raise ValueError(
                f"debounce_s must be above 0 and at most 0.04 (a fault is told within 50 ms), is {debounce_s!r}"
            )
        self._lines = lines
        self._name = line
        self._code = FaultCode(fault)
        self._text = text
        self._pull = pull
        self._debounce_s = debounce_s
        self._contact: Contact | None = None
        self._faults: Broadcast[Fault] = Broadcast()

    async def open(self) -> None:
        """Take the line. Raises DeviceLost."""
        await self.close()
        self._contact = Contact(
            self._lines,
            self._name,
            pull=self._pull,
            settle_s=self._debounce_s,
            on_change=self._changed,
            on_lost=self._lost,
        )

    def faults(self) -> AsyncIterator[Fault]:
        """The fault if it is present, then each change. Ends when closed; raises DeviceLost when the line is gone."""
        if self._contact is None:
            raise DeviceLost(f"input {self._name} is not open; open it first")
        return self._faults.subscribe(*([self._fault(True)] if self._contact.active else []))

    async def close(self) -> None:
        """Release the line. Never raises."""
        if self._contact is not None:
            self._contact.close()
            self._contact = None
        self._faults.end()

    def _changed(self, active: bool) -> None:
        self._faults.publish(self._fault(active))

    def _fault(self, active: bool) -> Fault:
        return Fault(self._code, active, self._text, vendor_code=self._name)

    def _lost(self, error: DeviceLost) -> None:
        log.error("input lost line=%s error=%s", self._name, error)
        self._faults.end(lambda: DeviceLost(str(error)))


class GpioBaySensor:
    """Satisfies hal.inputs.BaySensor: a line that is active while a vehicle stands in the bay."""

    def __init__(self, lines: Lines, line: str, *, pull: Pull = Pull.AS_IS, debounce_s: float = BAY_DEBOUNCE_S) -> None:
        if debounce_s <= 0:
            raise ValueError(f"debounce_s must be above 0, is {debounce_s!r}")
        self._lines = lines
        self._name = line
        self._pull = pull
        self._debounce_s = debounce_s
        self._contact: Contact | None = None
        self._occupancy: Broadcast[bool] = Broadcast()

    async def open(self) -> None:
        """Take the line. Raises DeviceLost."""
        await self.close()
        self._contact = Contact(
            self._lines,
            self._name,
            pull=self._pull,
            settle_s=self._debounce_s,
            on_change=self._occupancy.publish,
            on_lost=self._lost,
        )

    def occupancy(self) -> AsyncIterator[bool]:
        """The present occupancy, then each change. Ends when closed; raises DeviceLost when the line is gone."""
        if self._contact is None:
            raise DeviceLost(f"bay sensor {self._name} is not open; open it first")
        return self._occupancy.subscribe(self._contact.active)

    async def close(self) -> None:
        """Release the line. Never raises."""
        if self._contact is not None:
            self._contact.close()
            self._contact = None
        self._occupancy.end()

    def _lost(self, error: DeviceLost) -> None:
        log.error("bay sensor lost line=%s error=%s", self._name, error)
        self._occupancy.end(lambda: DeviceLost(str(error)))


@driver("inputs", "gpio")
def gpio_input(
    context: DriverContext,
    line: str,
    fault: FaultCode,
    text: str = "",
    pull: Pull = Pull.AS_IS,
    debounce_s: float = FAULT_DEBOUNCE_S,
) -> GpioInput:
    """A fault contact: emergency stop, door, tamper, thermostat, mains monitor."""
    return GpioInput(GpiodLines(), line, fault, text=text, pull=pull, debounce_s=debounce_s)


@driver("bay", "gpio")
def gpio_bay_sensor(
    context: DriverContext,
    line: str,
    pull: Pull = Pull.AS_IS,
    debounce_s: float = BAY_DEBOUNCE_S,
) -> GpioBaySensor:
    """A parking-bay sensor with a contact."""
    return GpioBaySensor(GpiodLines(), line, pull=pull, debounce_s=debounce_s)
