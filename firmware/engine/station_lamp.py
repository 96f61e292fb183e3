"""The lamp of a whole station tells somebody who arrives what there is: a free place before anything else.

EVSEs may have lamps of their own besides. A broken lamp stops nothing.
"""

import asyncio
import logging

from firmware.core import events as ev
from firmware.core.power import desired
from firmware.core.station import Station
from firmware.engine.supervise import keep_open
from hal.clock import Clock
from hal.errors import DeviceLost, HalError
from hal.lamp import Lamp
from hal.types import Fault, LampSign

log = logging.getLogger(__name__)

FIRST: tuple[LampSign, ...] = (
    LampSign.TOKEN_WAITING,
    LampSign.PREPARING,
    LampSign.AVAILABLE,
    LampSign.FINISHED,
    LampSign.PAUSED,
    LampSign.CHARGING,
    LampSign.RESERVED,
    LampSign.UNAVAILABLE,
    LampSign.FAULT,
)
"""Of the signs that its EVSEs show, the station shows the first in this list: a fault only when there is nothing but faults."""


class StationLamp:
    """Shows one sign for all EVSEs, and the answer to a card that was shown for any of them."""

    def __init__(self, lamp: Lamp, station: Station, clock: Clock) -> None:
        self._lamp = lamp
        self._station = station
        self._clock = clock
        self._wake = asyncio.Event()
        self._lost = asyncio.Event()
        self._decision: LampSign | None = None  # not shown yet
        self._there = False
        self._shown: LampSign | None = None

    def observe(self, event: ev.Event) -> None:
        """The core said something."""
        match event:
            case ev.TokenDecided(accepted=accepted):
                self._decision = LampSign.TOKEN_ACCEPTED if accepted else LampSign.TOKEN_REFUSED
            case ev.EvseChanged() | ev.StationChanged():
                pass
            case _:
                return
        self._wake.set()

    async def run(self) -> None:
        """Show for ever."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(
                keep_open(
                    self._lamp,
                    name="lamp of the station",
                    clock=self._clock,
                    fault=None,
                    report=_ignore,
                    available=self._available,
                    lost=self._lost,
                )
            )
            while True:
                self._wake.clear()
                await self._show()
                await self._wake.wait()

    def _available(self, there: bool) -> None:
        self._there, self._shown = there, None
        self._wake.set()

    async def _show(self) -> None:
        """The lasting sign, then the answer to a card: a lamp returns from that by itself."""
        if not self._there:
            return
        shown = {desired(evse).sign for evse in self._station.evses.values()}
        sign = next((candidate for candidate in FIRST if candidate in shown), LampSign.OFF)
        decision, self._decision = self._decision, None
        try:
            if sign is not self._shown:
                await self._lamp.show(sign)
                self._shown = sign
            if decision is not None:
                await self._lamp.show(decision)
        except HalError as error:
            log.warning("lamp of the station does not obey error=%s", error)
            if isinstance(error, DeviceLost):
                self._lost.set()


def _ignore(_fault: Fault) -> None:
    """A lamp that is lost is no fault of the station."""
