"""What the station says it is."""

from dataclasses import dataclass


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
