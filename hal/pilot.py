"""Contract of the control pilot (IEC 61851-1) of one EVSE."""

from collections.abc import AsyncIterator
from typing import Protocol, runtime_checkable

from hal.contactor import Contactor
from hal.types import PilotReading


class ControlPilot(Protocol):
    """Reads the vehicle's state and offers it a current.

    `changes` yields the present reading first, then each change within 50 ms of the electrical edge (debounced by the driver).
    """

    async def open(self) -> None:
        """Connect to the device, offering nothing. Raises HalError."""

    async def read(self) -> PilotReading:
        """The present reading. Raises HalError."""

    def changes(self) -> AsyncIterator[PilotReading]:
        """The present reading, then each change. Ends when closed; raises DeviceLost when the device is gone."""

    async def offer(self, current_a: float, phases: int | None = None) -> None:
        """Offer `current_a` amperes per phase (6 to 80), or nothing with 0: no PWM, state B1. Takes effect within 1 s.

        `phases` asks for one or three phases where the board can switch them; None leaves them alone.
        """

    async def set_available(self, available: bool) -> None:
        """False shows the vehicle state F (EVSE not available)."""

    async def close(self) -> None:
        """Offer nothing and release. Never raises."""


@runtime_checkable
class PilotWithContactor(Protocol):
    """A controller that drives its contactor itself: one device, seen from two sides."""

    @property
    def contactor(self) -> Contactor:
        """Its contactor. Opened and closed on its own; both sides share one connection."""
