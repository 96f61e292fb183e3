"""Follows the faults that a contactor finds by itself from its feedback contact."""

import asyncio
import logging
from collections.abc import Callable

from hal.contactor import SelfWatching
from hal.errors import HalError
from hal.types import Fault, FaultCode

log = logging.getLogger(__name__)


class ContactorFaults:
    """Hands a contactor's own faults on while it is open. Whoever keeps the contactor open calls `available`; its loss is theirs."""

    def __init__(self, contactor: SelfWatching, report: Callable[[Fault], None]) -> None:
        self._contactor = contactor
        self._report = report
        self._open = asyncio.Event()
        self._present: dict[FaultCode, Fault] = {}

    def available(self, there: bool) -> None:
        """The contactor can, or cannot, be used."""
        if there:
            self._open.set()
        else:
            self._open.clear()

    async def run(self) -> None:
        """Follow for ever."""
        while True:
            await self._open.wait()
            self._withdraw()
            try:
                async for fault in self._contactor.faults():
                    self._note(fault)
            except HalError as error:
                log.debug("contactor tells no faults until it is opened anew error=%s", error)
            self._open.clear()

    def _note(self, fault: Fault) -> None:
        if fault.active:
            self._present[fault.code] = fault
        else:
            self._present.pop(fault.code, None)
        self._report(fault)

    def _withdraw(self) -> None:
        """A contactor that was opened anew tells what is still wrong; what it told before is over."""
        for code in tuple(self._present):
            told = self._present.pop(code)
            self._report(Fault(told.code, active=False, text="contactor opened anew"))
