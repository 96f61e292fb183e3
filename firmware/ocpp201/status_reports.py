"""Functional block G of OCPP 2.0.1 (edition 3, part 2, use case G01): the status of each connector, told when it changes."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from firmware.core.station import Station
from firmware.ocpp201.status import ConnectorStatus, connector_status
from firmware.ocpp201.words import moment
from firmware.waiting import woken
from hal.clock import Clock
from ocpp_client.v201.availability import StatusNotificationRequest

CONNECTOR = 1  # every EVSE of this station has one
TRIES = 3  # tellings of one status without an answer, then it counts as told
RETRY_S = 60.0


class StatusReporter:
    """Tells the statuses that changed, while a connection is there. There is no status of the station as a whole."""

    def __init__(self, station: Station, clock: Clock) -> None:
        self._station = station
        self._clock = clock
        self._told: dict[int, ConnectorStatus] = {}
        self._vain: dict[int, tuple[ConnectorStatus, int]] = {}  # what was told without an answer, and how often
        self._since: dict[int, tuple[ConnectorStatus, float | None]] = {}  # the present status, and since when (POSIX)
        self._wake = asyncio.Event()
        self.changed_all()

    def status(self, evse: int) -> ConnectorStatus:
        """The present status of an EVSE's connector."""
        return connector_status(self._station.evses[evse])

    def changed(self, evse: int) -> None:
        """Something about an EVSE changed; cheap when its status did not."""
        status = self.status(evse)
        known = self._since.get(evse)
        if known is None or known[0] != status:
            self._since[evse] = (status, self._clock.wall())
            self._wake.set()

    def changed_all(self) -> None:
        """Something about the whole station changed."""
        for evse in self._station.evses:
            self.changed(evse)

    def forget_told(self, *evses: int) -> None:
        """Tell these anew; none named: all."""
        for evse in evses or self._station.evses:
            self._told.pop(evse, None)
        self._wake.set()

    def message(self, evse: int) -> StatusNotificationRequest:
        """The present status with the time since when it holds."""
        status, wall_s = self._since[evse]
        at_s = self._clock.wall() if wall_s is None else wall_s
        return StatusNotificationRequest(
            timestamp=moment(at_s or 0.0), connector_status=status, evse_id=evse, connector_id=CONNECTOR
        )

    async def tell(self, send: Callable[[Any], Awaitable[bool]]) -> float | None:
        """Tell what is due; returns seconds until it is to be tried again. `send` returns False when nobody answered."""
        wait_s: float | None = None
        for evse, (status, _) in list(self._since.items()):
            if self._told.get(evse) == status:
                continue
            if await send(self.message(evse)) or self._in_vain(evse, status):
                self._told[evse] = status
                self._vain.pop(evse, None)
            else:
                wait_s = RETRY_S
        return wait_s

    def _in_vain(self, evse: int, status: ConnectorStatus) -> bool:
        """Count a telling without an answer; True when it was the last."""
        known, count = self._vain.get(evse, (status, 0))
        count = count + 1 if known == status else 1
        self._vain[evse] = (status, count)
        return count >= TRIES

    async def run(self, send: Callable[[Any], Awaitable[bool]]) -> None:
        """Tell changes for as long as the connection lasts."""
        while True:
            self._wake.clear()
            wait_s = await self.tell(send)
            await woken(self._wake, wait_s)
