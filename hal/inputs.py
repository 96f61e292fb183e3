"""Contract of everything that watches for trouble: emergency stop, door, leakage, temperature, mains, parking bay."""

from collections.abc import AsyncIterator
from typing import Protocol, runtime_checkable

from hal.types import Fault


class FaultSource(Protocol):
    """A device that raises and clears faults of an EVSE or of the station.

    `faults` yields each fault present at the start, then each change, within 50 ms. A code is raised once until it is cleared.
    """

    async def open(self) -> None:
        """Connect. Raises HalError."""

    def faults(self) -> AsyncIterator[Fault]:
        """Faults raised and cleared. Ends when closed; raises DeviceLost when the device is gone."""

    async def close(self) -> None:
        """Release. Never raises."""


@runtime_checkable
class SelfTesting(Protocol):
    """A protective device that can prove it works (a leakage sensor's test line)."""

    async def self_test(self) -> bool:
        """Run the test (at most 2 s). False means the device must not be relied on: no charging."""


class BaySensor(Protocol):
    """Tells whether a vehicle stands in the bay of an EVSE."""

    async def open(self) -> None:
        """Connect. Raises HalError."""

    def occupancy(self) -> AsyncIterator[bool]:
        """The present occupancy, then each change. Ends when closed."""

    async def close(self) -> None:
        """Release. Never raises."""


class LimitSource(Protocol):
    """A local energy manager that bounds what the station may draw."""

    async def open(self) -> None:
        """Connect. Raises HalError."""

    def limits(self) -> AsyncIterator[float | None]:
        """Limit in amperes per phase for the whole station, None when there is none: the present one, then each change.

        Ends when closed.
        """

    async def close(self) -> None:
        """Release. Never raises."""
