"""Contract of a connector lock."""

from typing import Protocol

from hal.types import LockState


class ConnectorLock(Protocol):
    """The bolt that holds a detachable cable in its socket."""

    async def open(self) -> None:
        """Connect; the bolt stays where it is. Raises HalError."""

    async def lock(self) -> LockState:
        """Drive the bolt in, wait for the position (at most 3 s) and return it."""

    async def unlock(self) -> LockState:
        """Drive the bolt out, wait for the position (at most 3 s) and return it."""

    @property
    def state(self) -> LockState:
        """The last known position."""

    async def close(self) -> None:
        """Release the device; the bolt stays where it is. Never raises."""
