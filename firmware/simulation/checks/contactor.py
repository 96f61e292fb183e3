"""Watches the moment at which energy is allowed: the transaction's start must be on disk by then."""

import json
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from firmware.app import DATABASE
from firmware.engine.journal import TRANSACTIONS
from hal.mock.evse import MockEvse
from hal.mock.switchgear import Switchgear
from offline_queue.errors import QueueError
from offline_queue.store import Store

DOCUMENTS = "SELECT value FROM documents WHERE namespace = ?"


class WatchedSwitchgear(Switchgear):
    """A contactor that tells when it is commanded to close."""

    def __init__(self, closing: Callable[[], None]) -> None:
        super().__init__()
        self._closing = closing

    def command(self, at: float, close: bool) -> None:
        """Energise the coil, or let go."""
        if close and not self.commanded:
            self._closing()
        super().command(at, close)


def watch(evse: MockEvse, state_dir: Path, broken: Callable[[str], None]) -> None:
    """Put a watched contactor into an EVSE. `broken` is told what is wrong when it is allowed too early."""

    def closing() -> None:
        open_at = evses_with_a_start_on_disk(state_dir)
        if evse.id not in open_at:
            broken(f"EVSE {evse.id} was allowed; starts on disk: {open_at or 'none'}")

    evse.gear = WatchedSwitchgear(closing)


def evses_with_a_start_on_disk(state_dir: Path) -> list[int]:
    """What a program would find if the power were cut now, read from a copy of the files."""
    with tempfile.TemporaryDirectory(dir=state_dir.parent) as place:
        copy = Path(place)
        for file in state_dir.glob(f"{DATABASE}*"):
            shutil.copyfile(file, copy / file.name)
        try:
            store = Store(copy / DATABASE)
            try:
                rows = store.rows(DOCUMENTS, (TRANSACTIONS,))
            finally:
                store.close()
        except QueueError:
            return []
    return sorted(json.loads(value)["evse"] for (value,) in rows)
