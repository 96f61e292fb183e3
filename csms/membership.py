"""How a front door lets the rest of a cluster know whom it holds."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol


class NotAdmitted(Exception):
    """The station cannot be taken now; the text says why."""


class Membership(Protocol):
    """Told by a door of every connection, before the core is."""

    def admission(self, station: str, connection: str, protocol: str) -> AbstractAsyncContextManager[None]:
        """Make everything ready for a station; the core is told of it inside. Raises NotAdmitted."""

    async def gone(self, station: str, connection: str) -> None:
        """A connection has ended, and the core knows it."""


class Alone:
    """The membership of a central system that has no other nodes."""

    @asynccontextmanager
    async def admission(self, station: str, connection: str, protocol: str) -> AsyncIterator[None]:
        yield

    async def gone(self, station: str, connection: str) -> None:
        return
