"""Contract of a token reader."""

from collections.abc import AsyncIterator
from typing import Protocol

from hal.types import TokenRead


class TokenReader(Protocol):
    """Reads cards, key fobs or codes. One presentation yields one value, however long the card lies there."""

    async def open(self) -> None:
        """Connect to the device. Raises HalError."""

    def tokens(self) -> AsyncIterator[TokenRead]:
        """Each presentation. Ends when closed; raises DeviceLost when the device is gone."""

    async def close(self) -> None:
        """Release. Never raises."""
