"""What the station says it is."""

from dataclasses import dataclass
from enum import StrEnum


class StartReason(StrEnum):
    """Why the program was started, as far as it knows."""

    POWER_UP = "power-up"
    RESET_COMMAND = "reset-command"
    RESET_WHEN_IDLE = "reset-when-idle"
    FIRMWARE_UPDATE = "firmware-update"
    WATCHDOG = "watchdog"
    LOCAL = "local"


@dataclass(frozen=True, slots=True)
class Identity:
    """Self-description of the station; told at boot, and again when it changes."""

    vendor: str
    model: str
    serial_number: str | None = None
    box_serial_number: str | None = None
    firmware_version: str | None = None
    iccid: str | None = None
    imsi: str | None = None
    meter_type: str | None = None
    meter_serial_number: str | None = None
    start: StartReason = StartReason.POWER_UP
