"""How a worker reaches a station whose socket is elsewhere."""

from typing import Protocol


class Gone(Exception):
    """The connection does not exist any more: whoever holds sockets has none of this name (HTTP 410)."""


class TooLong(ValueError):
    """The message is longer than what holds the socket passes on."""


class HolderUnavailable(ConnectionError):
    """What holds the socket did not answer; the message may or may not have been passed on."""


class Connections(Protocol):
    """The reverse direction. Each method raises HolderUnavailable."""

    async def send(self, connection: str, text: str) -> None:
        """Pass a text on; when it returns, it was written to the socket or will be next. Raises Gone or TooLong."""

    async def close(self, connection: str, code: int, reason: str) -> None:
        """End a connection; one that is gone is no error. A gateway may choose the close code itself."""
