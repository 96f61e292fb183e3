"""A fault that another program raises by creating a file, and clears by removing it."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

from hal.clock import Clock
from hal.registry import DriverContext, driver
from hal.types import Fault, FaultCode

LOOK_S = 0.05  # a fault is told within 50 ms


class FileInput:
    """Satisfies hal.inputs.FaultSource."""

    def __init__(self, clock: Clock, path: Path, fault: FaultCode) -> None:
        self._clock = clock
        self._path = path
        self._code = fault
        self._closed = asyncio.Event()

    async def open(self) -> None:
        """Nothing needs to be there: no file is no fault."""
        self._closed.clear()

    async def faults(self) -> AsyncIterator[Fault]:
        """The fault if it is present, then each change. Ends when closed."""
        told = False
        while not self._closed.is_set():
            there = await asyncio.to_thread(self._path.exists)
            if there is not told:
                told = there
                yield Fault(self._code, active=there, text=f"{self._path} {'exists' if there else 'is gone'}")
            await self._clock.sleep(LOOK_S)

    async def close(self) -> None:
        """End the stream."""
        self._closed.set()


@driver("inputs", "acme-file")
def file_input(context: DriverContext, path: str, fault: FaultCode) -> FileInput:
    """The input of a board file's table: options are the parameters, with their types checked."""
    return FileInput(context.clock, Path(path), FaultCode(fault))
