"""Contract of what installs new firmware of the whole station, and starts into it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class RunningFirmware:
    """The system that is running now. `slot` tells it from the other one, `boot` this start of the machine from every other;
    `version` is None where nobody wrote it down."""

    slot: str
    version: str | None
    boot: str


class Updater(Protocol):
    """Two places for a system: one runs, the other takes what is installed.

    An installation is good only when proven. What was installed runs once after `restart`; unless it is confirmed, whatever starts
    the machine goes back to the other place by itself, at the latest when the new system does not come up.
    """

    async def open(self) -> None:
        """See that there is something to install with. Raises HalError."""

    async def running(self) -> RunningFirmware:
        """What runs now. Raises HalError."""

    async def check(self, image: Path) -> str | None:
        """The version that an image brings, None where it does not say. Raises DeviceRefused for an image that is damaged, not
        signed as it must be, or for another kind of machine; HalError."""

    async def install(self, image: Path, progress: Callable[[int], None]) -> None:
        """Write an image into the place that does not run and choose it for the next start; `progress` is told percent. Bounded by
        60 min. Raises HalError; then the running system is what starts next, as before."""

    async def restart(self) -> None:
        """Have the machine start again. Returns once that is ordered; the program ends itself. Raises HalError."""

    async def confirm(self) -> None:
        """The running system is good and stays. Raises HalError."""

    async def fall_back(self) -> None:
        """The running system is bad: the other one starts next. Takes effect with `restart`. Raises HalError."""

    async def close(self) -> None:
        """Release. Never raises."""
