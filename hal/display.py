"""Contract of the driver's display and its keys."""

from collections.abc import AsyncIterator
from typing import Protocol


class Display(Protocol):
    """A text display, with keys where the board has them."""

    async def open(self) -> None:
        """Connect. Raises HalError."""

    async def show(self, lines: tuple[str, ...], language: str | None = None) -> None:
        """Replace what is shown. Lines that are too long are cut by the driver."""

    def keys(self) -> AsyncIterator[str]:
        """Each key pressed. Ends when closed; raises DeviceLost when the display is gone."""

    async def close(self) -> None:
        """Blank and release. Never raises."""
