"""What the driver's display says: a line for each EVSE, in the order in which they are turned by its keys.

The display is an addition: nothing waits for it, and a station whose display is broken charges.
"""

import asyncio
import logging

from firmware.core import events as ev
from firmware.core.evse import Evse
from firmware.core.power import desired
from firmware.core.station import Station
from firmware.engine.supervise import follow
from firmware.waiting import woken
from hal.clock import Clock
from hal.display import Display
from hal.errors import HalError
from hal.types import Fault, LampSign

log = logging.getLogger(__name__)

REFRESH_S = 30.0  # of the energy, while somebody charges
DECISION_S = 3.0  # for which the answer to a card is shown

WORDS: dict[LampSign, str] = {
    LampSign.AVAILABLE: "available",
    LampSign.PREPARING: "plug in, and show your card",
    LampSign.CHARGING: "charging",
    LampSign.PAUSED: "paused",
    LampSign.FINISHED: "finished, please unplug",
    LampSign.RESERVED: "reserved",
    LampSign.UNAVAILABLE: "out of service",
    LampSign.FAULT: "fault",
    LampSign.TOKEN_WAITING: "checking your card",
    LampSign.TOKEN_ACCEPTED: "card accepted",
    LampSign.TOKEN_REFUSED: "card refused",
}
LANGUAGE = "en"


def line_of(evse: Evse, decision: LampSign | None = None) -> str:
    """What there is to say of an EVSE; `decision` is that of a card that was just shown there."""
    sign = decision or desired(evse).sign
    words = WORDS.get(sign, "")
    if sign is LampSign.FAULT:
        names = [code.value for code in (*evse.context.faults, *evse.faults)]
        words += f": {', '.join(names)}"
    tx = evse.running
    if tx is not None and tx.start_mwh is not None and tx.last_mwh is not None and decision is None:
        words += f", {max(tx.last_mwh - tx.start_mwh, 0) / 1e6:.1f} kWh"
    return f"{evse.id} {words}"


class Screen:
    """The display of one station."""

    def __init__(self, display: Display, station: Station, clock: Clock) -> None:
        self._display = display
        self._evses = list(station.evses.values())
        self._clock = clock
        self._wake = asyncio.Event()
        self._first = 0  # which EVSE stands on top
        self._decisions: dict[int, tuple[LampSign, float]] = {}  # EVSE -> what its card was told, until when
        self._there = False
        self._shown: tuple[str, ...] | None = None

    def observe(self, event: ev.Event) -> None:
        """The core said something."""
        match event:
            case ev.TokenDecided(evse=number, accepted=accepted):
                sign = LampSign.TOKEN_ACCEPTED if accepted else LampSign.TOKEN_REFUSED
                for evse in self._evses:
                    if number in (None, evse.id):
                        self._decisions[evse.id] = (sign, self._clock.monotonic() + DECISION_S)
            case ev.EvseChanged() | ev.StationChanged():
                pass
            case _:
                return
        self._wake.set()

    async def run(self) -> None:
        """Show for ever."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(
                follow(
                    self._display,
                    self._display.keys,
                    self._turn,
                    name="display",
                    clock=self._clock,
                    fault=None,
                    report=_ignore,
                    available=self._available,
                    speaks_at_once=False,
                )
            )
            while True:
                self._wake.clear()
                await self._show()
                await woken(self._wake, self._patience_s())

    def _available(self, there: bool) -> None:
        self._there, self._shown = there, None
        self._wake.set()

    async def _turn(self, _key: str) -> None:
        """Any key brings the next EVSE to the top, for displays with fewer lines than there are EVSEs."""
        self._first = (self._first + 1) % len(self._evses)
        self._wake.set()

    def _patience_s(self) -> float | None:
        ends = [until_s - self._clock.monotonic() for _, until_s in self._decisions.values()]
        if any(evse.running is not None for evse in self._evses):
            ends.append(REFRESH_S)
        return max(min(ends), 0.0) if ends else None

    def _lines(self) -> tuple[str, ...]:
        now_s = self._clock.monotonic()
        self._decisions = {number: told for number, told in self._decisions.items() if told[1] > now_s}
        ordered = self._evses[self._first :] + self._evses[: self._first]
        return tuple(line_of(evse, self._decisions.get(evse.id, (None,))[0]) for evse in ordered)

    async def _show(self) -> None:
        lines = self._lines()
        if not self._there or lines == self._shown:
            return
        try:
            await self._display.show(lines, LANGUAGE)
        except HalError as error:
            log.warning("display does not show error=%s", error)
            self._there = False  # until it is opened anew
        else:
            self._shown = lines


def _ignore(_fault: Fault) -> None:
    """A display that is lost is no fault of the station."""
