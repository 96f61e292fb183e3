"""What is wrong at one place of the world."""

from hal.types import Fault, FaultCode

# Faults that no input tells of: the program has to find them in the device that has them.
SILENT_FAULTS = frozenset(
    {
        FaultCode.WELDED_CONTACTOR,
        FaultCode.CONTACTOR_STUCK_OPEN,
        FaultCode.LOCK_JAMMED,
        FaultCode.METER_SILENT,
        FaultCode.READER_LOST,
        FaultCode.PILOT_LOST,
        FaultCode.LEAKAGE_SENSOR,
    }
)
# Of those, the ones that need an EVSE to happen at.
EVSE_FAULTS = frozenset(
    {FaultCode.WELDED_CONTACTOR, FaultCode.CONTACTOR_STUCK_OPEN, FaultCode.LOCK_JAMMED, FaultCode.PILOT_LOST}
)


class FaultBook:
    """The faults present at one place. A code is raised once until it is cleared."""

    def __init__(self) -> None:
        self._active: dict[FaultCode, Fault] = {}

    def enter(self, code: FaultCode | str, text: str, vendor_code: str | None) -> Fault | None:
        """Note a fault; None when it is there already. ValueError for a word that is no fault code."""
        fault = Fault(FaultCode(code), True, text, vendor_code)
        if fault.code in self._active:
            return None
        self._active[fault.code] = fault
        return fault

    def strike(self, code: FaultCode | str) -> Fault | None:
        """Strike it out and return its end; None when it was not there. ValueError for a word that is no fault code."""
        fault = self._active.pop(FaultCode(code), None)
        return None if fault is None else Fault(fault.code, False, fault.text, fault.vendor_code)

    def __contains__(self, code: FaultCode) -> bool:
        return code in self._active

    @property
    def codes(self) -> list[FaultCode]:
        """Codes of all that is wrong, oldest first."""
        return list(self._active)

    @property
    def told(self) -> list[Fault]:
        """What an input tells of, oldest first."""
        return [fault for code, fault in self._active.items() if code not in SILENT_FAULTS]
