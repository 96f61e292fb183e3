"""What stands behind the program when it fails: the parts that must turn, and the watchdogs that are fed while they do."""

import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from firmware.services.watchdog import Feeder, MachineWatchdog, Part, ServiceManager, Watchdog
from hal.clock import Clock

if TYPE_CHECKING:
    from firmware.engine.engine import Engine

log = logging.getLogger(__name__)


class Guard:
    """The watchdogs of one run. Without a device and a service manager it does nothing."""

    def __init__(
        self, engine: "Engine", clock: Clock, *, device: str | None, timeout_s: int, environment: Mapping[str, str]
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._manager = ServiceManager.of(environment, os.getpid())
        self._machine = None if device is None else MachineWatchdog(Path(device), timeout_s)

    async def run(self) -> None:
        """Feed while the loops that drive pilots and contactors, and the journal's, turn."""
        feeders: list[Feeder] = [] if self._manager is None else [self._manager]
        if self._machine is not None:
            try:
                self._machine.open()
            except OSError as error:
                log.error("watchdog not armed error=%s; look at [watchdog] device and who else holds it", error)
            else:
                feeders.append(self._machine)
        await Watchdog(self._clock, parts_of(self._engine), feeders).run()

    def ready(self) -> None:
        """Tell the service manager that the station is at work."""
        if self._manager is not None:
            self._manager.ready()

    def stopping(self) -> None:
        """Tell the service manager that the program ends on purpose."""
        if self._manager is not None:
            self._manager.stopping()

    def disarm(self) -> None:
        """The program has ended on purpose: the machine goes on without it."""
        if self._machine is not None:
            self._machine.disarm()


def parts_of(engine: "Engine") -> list[Part]:
    """The loops without which charging is not safe or not recorded."""
    parts = [
        Part(f"evse {number}", driver.wake, lambda driver=driver: driver.ticks)  # type: ignore[misc]
        for number, driver in engine.drivers.items()
    ]
    return [*parts, Part("journal", engine.journal.nudge, lambda: engine.journal.ticks)]
