"""Contract of the contactor that connects a vehicle to the supply."""

from collections.abc import AsyncIterator
from typing import Protocol, runtime_checkable

from hal.types import Fault


class Contactor(Protocol):
    """A contactor, or a controller that owns one and takes our permission.

    `allow` gives permission; a controller may close later, when the vehicle asks. `deny` opens within 100 ms. A driver without
    a microcontroller behind it holds a dead-man timer: without `keep_alive` for `dead_man_s` it denies by itself.
    """

    @property
    def dead_man_s(self) -> float | None:
        """Seconds of silence after which the device denies by itself; None when hardware guarantees it."""

    @property
    def follows_vehicle(self) -> bool:
        """True where the device closes and opens with the vehicle's state by itself: then permission lasts as long as energy is
        allowed. False where the program permits only while the vehicle asks."""

    @property
    def waiting(self) -> bool:
        """True while the device holds back a closing to spare its contacts: an open contact is no fault then."""

    async def open(self) -> None:
        """Connect and deny. Raises HalError."""

    async def allow(self) -> None:
        """Permit energy. Raises HalError when the device refuses; then nothing flows."""

    async def deny(self) -> None:
        """Forbid energy. Idempotent. Raises HalError when the device does not confirm; the caller treats that as a fault."""

    def deny_now(self) -> None:
        """Forbid energy from any exit path: no await, no exception, best effort within the driver."""

    def keep_alive(self) -> None:
        """Feed the dead-man timer."""

    @property
    def closed(self) -> bool | None:
        """Feedback contact: True closed, False open, None when there is no feedback."""

    def changes(self) -> AsyncIterator[bool]:
        """Each change of the feedback contact, debounced. Ends when the device is closed."""

    async def close(self) -> None:
        """Deny and release. Never raises."""


@runtime_checkable
class SelfWatching(Protocol):
    """A contactor that compares its feedback contact with its coil by itself."""

    def faults(self) -> AsyncIterator[Fault]:
        """The fault present, then each change. Ends when closed; raises DeviceLost when the contactor is gone or not open."""
