"""A vendor's messages by DataTransfer: which EVSEs are free (`free`), and what is plugged in at one of them (`plug`)."""

import json
from typing import Any

from firmware.vendors import VendorAnswer, VendorContext, VendorHandler, VendorResult


def make(context: VendorContext) -> VendorHandler:
    """The handler of `com.example`; the program calls this once at its start."""
    station = context.engine.station

    async def handle(message_id: str | None, data: Any) -> VendorAnswer:
        if message_id == "free":
            free = [number for number, evse in station.evses.items() if evse.available and evse.tx is None]
            return VendorAnswer(VendorResult.ACCEPTED, json.dumps(free))
        if message_id == "plug":
            number = int(data) if str(data).isdecimal() else 0
            if number not in station.evses:
                return VendorAnswer(VendorResult.REJECTED, f"no EVSE {number}")
            return VendorAnswer(VendorResult.ACCEPTED, station.evses[number].plug.value)
        return VendorAnswer(VendorResult.UNKNOWN_MESSAGE)

    return handle
