"""What flowed in the last hours, for the plot of the page: kept only while the page is served, and bounded.

A point is kept when something changed, and now and then when nothing did; between points values are as in the last one.
"""

from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from firmware.control.answers import answer
from firmware.control.readings import present, rounded
from firmware.control.times import iso
from firmware.core import events as ev
from firmware.core.facts import FactKind
from firmware.core.power import limit_a

if TYPE_CHECKING:
    from firmware.app import App

LOOK_S: Final = 1.0  # as people count it
POINTS: Final = 2000  # of each EVSE: three hours of a charge that changes every five seconds
AGE_S: Final = 3 * 3600.0
STEADY_S: Final = 60.0  # at least one point in so long
STEP_A: Final = 0.15  # a smaller change of the current is none


@dataclass(frozen=True, slots=True)
class Point:
    """Per phase: what was drawn, offered and allowed, at a monotonic time. None is unknown."""

    at_s: float
    drawn_a: float | None
    offered_a: float | None
    limit_a: float | None
    power_w: float | None

    def like(self, other: "Point") -> bool:
        """True when nothing changed that could be seen."""
        if (self.limit_a, self.offered_a) != (other.limit_a, other.offered_a):
            return False
        if self.drawn_a is None or other.drawn_a is None:
            return self.drawn_a is other.drawn_a
        return abs(self.drawn_a - other.drawn_a) < STEP_A


@dataclass(frozen=True, slots=True)
class Finished:
    """The last transaction of an EVSE."""

    transaction: str
    started_wall_s: float | None
    ended_wall_s: float | None
    energy_wh: int | None


class History:
    """Looks at every EVSE."""

    def __init__(self, app: "App") -> None:
        self._app = app
        numbers = list(app.engine.station.evses)
        self._points: dict[int, deque[Point]] = {number: deque(maxlen=POINTS) for number in numbers}
        self._running: dict[int, tuple[str, float | None, int | None]] = {}
        self.finished: dict[int, Finished] = {}
        app.engine.observe(self._observe)

    def routes(self) -> list[Route]:
        """The table."""
        return [Route("/api/history", self.show, methods=["GET"])]

    async def run(self, pause: Callable[[float], Awaitable[None]]) -> None:
        """Look, for ever. `pause` waits for seconds as people count them, so that a fast mock clock makes no more points."""
        while True:
            for number in self._points:
                self._look(number)
            await pause(LOOK_S)

    async def show(self, _request: Request) -> Response:
        """Points of each EVSE, oldest first, as lists of `columns`; times are on the monotonic clock of `state.station.time`."""
        columns = ["monotonic_s", "drawn_a", "offered_a", "limit_a", "power_w"]
        rows = {
            str(number): [[round(p.at_s, 1), p.drawn_a, p.offered_a, p.limit_a, p.power_w] for p in points]
            for number, points in self._points.items()
        }
        return answer({"columns": columns, "evses": rows})

    def finished_picture(self, number: int) -> dict[str, Any] | None:
        """The last transaction of an EVSE since the program started, None while there was none."""
        last = self.finished.get(number)
        if last is None:
            return None
        return {
            "id": last.transaction,
            "started": iso(last.started_wall_s),
            "ended": iso(last.ended_wall_s),
            "energy_wh": last.energy_wh,
        }

    def _look(self, number: int) -> None:
        app = self._app
        evse, driver = app.engine.station.evses[number], app.engine.drivers[number]
        values = present(driver, app.board, app.clock).values
        known = [value for value in values.current_a if value is not None]
        point = Point(
            app.clock.monotonic(),
            rounded(max(known, default=None), 2),
            rounded(driver.offered_a, 2),
            rounded(limit_a(evse), 2),
            rounded(values.power_w, 0),
        )
        points = self._points[number]
        while points and point.at_s - points[0].at_s > AGE_S:
            points.popleft()
        if not points or not point.like(points[-1]) or point.at_s - points[-1].at_s >= STEADY_S:
            points.append(point)

    def _observe(self, event: ev.Event) -> None:
        if not isinstance(event, ev.FactRecorded) or event.fact.evse is None:
            return
        fact, number = event.fact, event.fact.evse
        wall_s = self._app.timeline.date(fact.at).wall_s
        tx = self._app.engine.station.evses[number].tx
        if fact.kind is FactKind.STARTED:
            self._running[number] = (fact.transaction, wall_s, fact.meter_wh)
        elif tx is not None and tx.id == fact.transaction and tx.start_mwh is not None:  # begun before this program
            self._running.setdefault(number, (tx.id, None, tx.start_mwh // 1000))
        if fact.kind is FactKind.ENDED:
            _, started_s, start_wh = self._running.pop(number, (fact.transaction, None, None))
            energy_wh = None if start_wh is None or fact.meter_wh is None else fact.meter_wh - start_wh
            self.finished[number] = Finished(fact.transaction, started_s, wall_s, energy_wh)
