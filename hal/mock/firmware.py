"""The firmware of the desktop world: two places for a system, and a boot loader that goes back when the new one is not confirmed."""

from dataclasses import dataclass, field
from typing import Any

from hal.mock.ports import Ports

IMAGE_MARK = "wayside-mock-firmware "
"""The first line of an image for the mock updater is this and the version."""

SLOTS = ("A", "B")
INSTALL_S = 20.0


@dataclass(slots=True)
class MockFirmware:
    """What is in the two places, and what goes wrong with the next installation."""

    versions: dict[str, str | None] = field(default_factory=lambda: dict.fromkeys(SLOTS))
    booted: str = "A"
    primary: str = "A"  # starts next
    trial: bool = False  # what starts next was just installed, or runs and is not confirmed
    boots: int = 1
    install_s: float = INSTALL_S
    install_fails: bool = False
    boot_fails: bool = False  # what was installed does not come up
    ports: Ports[object] = field(default_factory=lambda: Ports("updater"))

    @property
    def other(self) -> str:
        """The place that does not run."""
        return next(slot for slot in SLOTS if slot != self.booted)

    def install(self, version: str) -> None:
        """Write the other place and choose it."""
        self.versions[self.other] = version
        self.primary, self.trial = self.other, True

    def boot(self) -> None:
        """The machine starts again; an installation that does not come up, or came up before and was not confirmed, is left."""
        self.boots += 1
        if self.primary == self.booted:
            if self.trial:
                self.fall_back()
                self.booted = self.primary
        elif self.trial and self.boot_fails:
            self.primary, self.trial = self.booted, False
        else:
            self.booted = self.primary

    def fall_back(self) -> None:
        """The running system is bad: choose the other."""
        self.primary, self.trial = self.other, False

    def remember(self) -> dict[str, Any]:
        """What outlives the program."""
        return {
            "versions": dict(self.versions),
            "booted": self.booted,
            "primary": self.primary,
            "trial": self.trial,
            "boots": self.boots,
        }

    def recall(self, memory: dict[str, Any]) -> None:
        """Bring back what `remember` noted."""
        self.versions = {slot: memory["versions"].get(slot) for slot in SLOTS}
        self.booted, self.primary = str(memory["booted"]), str(memory["primary"])
        self.trial, self.boots = bool(memory["trial"]), int(memory["boots"])
