"""Which fault does what. One row a fault; protocols add their own names elsewhere.

WARN: told, charging goes on. BLOCK: no energy while it lasts, a running transaction is kept and resumes. STOP: as BLOCK, and
a running transaction ends with the cause in the row.
"""

from dataclasses import dataclass
from enum import Enum

from firmware.core.values import StopCause
from hal.types import FaultCode


class Severity(Enum):
    """What a fault does to charging."""

    WARN = 1
    BLOCK = 2
    STOP = 3


@dataclass(frozen=True, slots=True)
class FaultRule:
    """Effect of a fault, and the cause recorded when it ends a transaction."""

    severity: Severity
    cause: StopCause = StopCause.OTHER


_WARN = FaultRule(Severity.WARN)
_BLOCK = FaultRule(Severity.BLOCK)

RULES: dict[FaultCode, FaultRule] = {
    FaultCode.GROUND_FAULT: FaultRule(Severity.STOP, StopCause.GROUND_FAULT),
    FaultCode.LEAKAGE: FaultRule(Severity.STOP, StopCause.GROUND_FAULT),
    FaultCode.OVER_CURRENT: FaultRule(Severity.STOP, StopCause.OVER_CURRENT),
    FaultCode.EMERGENCY_STOP: FaultRule(Severity.STOP, StopCause.EMERGENCY_STOP),
    FaultCode.POWER_LOSS: FaultRule(Severity.STOP, StopCause.POWER_LOSS),
    FaultCode.WELDED_CONTACTOR: FaultRule(Severity.STOP),
    FaultCode.CONTACTOR_STUCK_OPEN: FaultRule(Severity.STOP),
    FaultCode.NO_GROUND: FaultRule(Severity.STOP),
    FaultCode.INTERNAL: FaultRule(Severity.STOP),
    FaultCode.OVER_VOLTAGE: FaultRule(Severity.BLOCK, StopCause.POWER_QUALITY),
    FaultCode.UNDER_VOLTAGE: FaultRule(Severity.BLOCK, StopCause.POWER_QUALITY),
    FaultCode.DIODE: _BLOCK,
    FaultCode.OVER_TEMPERATURE: _BLOCK,
    FaultCode.LEAKAGE_SENSOR: _BLOCK,
    FaultCode.LOCK_JAMMED: _BLOCK,
    FaultCode.METER_SILENT: _BLOCK,
    FaultCode.PILOT_LOST: _BLOCK,
    FaultCode.DEVICE_LOST: _BLOCK,
    FaultCode.VENTILATION: _BLOCK,
    FaultCode.DOOR_OPEN: _BLOCK,
    FaultCode.READER_LOST: _WARN,
}


def blocks(code: FaultCode) -> bool:
    """True when no energy may flow while the fault lasts."""
    return RULES[code].severity is not Severity.WARN
