"""A sensor of direct residual current (6 mA, IEC 62955) with a fault output and a test input on GPIO lines.

The sensor opens the contactor through the board's own circuit; this driver tells the program, and proves that the sensor works.
"""

import asyncio
import logging
from collections.abc import AsyncIterator

from hal.drivers.debounce import Contact
from hal.drivers.gpio_lines import GpiodLines, Lines, OutputLine, Pull
from hal.errors import DeviceLost
from hal.registry import DriverContext, driver
from hal.streams import Broadcast
from hal.types import Fault, FaultCode

log = logging.getLogger(__name__)

DEBOUNCE_S = 0.005
TEST_TRIP_S = 0.8  # the sensor must show its fault within this
LEAKAGE_TEXT = "residual direct current above 6 mA"
TEST_CLEAR_S = 0.8  # and take it back within this after the test


class LeakageSensor:
    """Satisfies hal.inputs.FaultSource and hal.inputs.SelfTesting.

    `fault` is a line that is active while leakage is found (name it with `!` for an open-collector output that pulls down);
    `test` is a line that makes the sensor believe in leakage. A failed test raises LEAKAGE_SENSOR until a test passes.
    """

    def __init__(self, lines: Lines, *, fault: str, test: str, pull: Pull = Pull.AS_IS) -> None:
        self._lines = lines
        self._fault_name = fault
        self._test_name = test
        self._pull = pull
        self._contact: Contact | None = None
        self._test: OutputLine | None = None
        self._testing = asyncio.Lock()
        self._moved = asyncio.Event()  # set at each change of the contact
        self._active: dict[FaultCode, Fault] = {}
        self._faults: Broadcast[Fault] = Broadcast()

    async def open(self) -> None:
        """Take the lines. Raises DeviceLost."""
        await self.close()
        try:
            self._test = self._lines.output(self._test_name)
            self._contact = Contact(
                self._lines,
                self._fault_name,
                pull=self._pull,
                settle_s=DEBOUNCE_S,
                on_change=self._changed,
                on_lost=self._lost,
            )
        except DeviceLost:
            await self.close()
            raise
        self._set(FaultCode.LEAKAGE, self._contact.active, LEAKAGE_TEXT)

    def faults(self) -> AsyncIterator[Fault]:
        """Faults present, then each change. Ends when closed; raises DeviceLost when a line is gone."""
        self._lines_in_hand()
        return self._faults.subscribe(*self._active.values())

    async def self_test(self) -> bool:
        """Let the sensor trip and recover. False when it does not, and when it finds real leakage. Raises DeviceLost."""
        async with self._testing:
            contact, test = self._lines_in_hand()
            if contact.active:
                log.warning("leakage sensor not tested while it shows leakage line=%s", self._fault_name)
                return False
            test.set(True)
            try:
                tripped = await self._becomes(contact, True, TEST_TRIP_S)
            finally:
                test.set(False)
            passed = await self._becomes(contact, False, TEST_CLEAR_S) and tripped
            log.info("leakage sensor tested line=%s passed=%s", self._fault_name, passed)
            self._set(FaultCode.LEAKAGE_SENSOR, not passed, "the sensor did not trip and recover in its self-test")
        self._set(FaultCode.LEAKAGE, contact.active, LEAKAGE_TEXT)
        return passed

    async def close(self) -> None:
        """Release the lines. Never raises."""
        for line in (self._test, self._contact):
            if line is not None:
                line.close()
        self._test = self._contact = None
        self._active.clear()
        self._faults.end()

    def _lines_in_hand(self) -> tuple[Contact, OutputLine]:
        if self._contact is None or self._test is None:
            raise DeviceLost(f"leakage sensor on {self._fault_name} is not open; open it first")
        return self._contact, self._test

    async def _becomes(self, contact: Contact, active: bool, within_s: float) -> bool:
        try:
            async with asyncio.timeout(within_s):
                while contact.active is not active:
                    self._moved.clear()
                    await self._moved.wait()
        except TimeoutError:
            return False
        return True

    def _changed(self, active: bool) -> None:
        self._moved.set()
        if not self._testing.locked():  # during a test the sensor is made to say so
            self._set(FaultCode.LEAKAGE, active, LEAKAGE_TEXT)

    def _set(self, code: FaultCode, active: bool, text: str) -> None:
        if active is (code in self._active):
            return
        fault = Fault(code, active, text, vendor_code=self._fault_name)
        if active:
            self._active[code] = fault
        else:
            del self._active[code]
        self._faults.publish(fault)

    def _lost(self, error: DeviceLost) -> None:
        log.error("leakage sensor lost line=%s error=%s", self._fault_name, error)
        self._faults.end(lambda: DeviceLost(str(error)))


@driver("inputs", "leakage-gpio")
def leakage_sensor(
    context: DriverContext,
    fault: str,
    test: str,
    pull: Pull = Pull.AS_IS,
) -> LeakageSensor:
    """The leakage sensor on a board's lines."""
    return LeakageSensor(GpiodLines(), fault=fault, test=test, pull=pull)
