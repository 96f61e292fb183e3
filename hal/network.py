"""Contract of the operating system's network, seen from the program."""

from collections.abc import AsyncIterator
from typing import Protocol

from hal.types import LinkStatus


class NetworkMonitor(Protocol):
    """Tells of address and route changes as they happen. Removing an address does not break an open socket, so somebody has to look."""

    async def open(self) -> None:
        """Start to watch. Raises HalError."""

    @property
    def status(self) -> LinkStatus:
        """The present state."""

    def changes(self) -> AsyncIterator[LinkStatus]:
        """Each change. Ends when closed."""

    async def close(self) -> None:
        """Stop. Never raises."""
