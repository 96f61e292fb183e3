"""Contract of what the driver sees and hears."""

from typing import Protocol

from hal.types import LampSign


class Lamp(Protocol):
    """Light (and sound) of one EVSE or of the station. Showing is fire and forget: a broken lamp stops nothing."""

    async def open(self) -> None:
        """Connect. Raises HalError."""

    async def show(self, sign: LampSign) -> None:
        """Show a sign until the next one. Passing signs (token accepted, refused) return to the one before by themselves."""

    async def close(self) -> None:
        """Dark. Never raises."""
