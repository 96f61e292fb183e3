"""One visit as it happens: what its driver and vehicle do, and how they cope with what they meet."""

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from firmware.simulation.life import UNKNOWN_CARD, Closing, Deed, Moment, Opening, Visit
from hal.mock.car import Car
from hal.mock.errors import Impossible
from hal.mock.evse import MockEvse

if TYPE_CHECKING:
    from firmware.simulation.people import People

LIMIT_A = 10.0
LIMIT_LASTS_S = 900.0
REACHES_FOR_PLUG_S = 4.0  # between the tap that ends a charge and the pull
PATIENCE = (5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0)  # between attempts to get the cable back
GIVES_UP_AFTER_S = 4 * 3600.0  # then the cable counts as trapped


class Stay:
    """A visit in progress."""

    def __init__(self, people: "People", visit: Visit) -> None:
        self._people = people
        self._visit = visit

    @property
    def _evse(self) -> MockEvse:
        return self._people.site.world.evse(self._visit.evse)

    async def happen(self) -> None:
        """From arrival until the cable is free again."""
        visit, people = self._visit, self._people
        people.sim.note("visit", people.site.identity, visit.evse, visit.number, visit.opening.value, visit.car)
        people.count["visits"] += 1
        await self._open()
        for moment in visit.moments:
            await people.until(moment.at_s)
            await self._do(moment)
        await people.until(visit.leaves_s)
        await self._leave()

    async def _open(self) -> None:
        visit = self._visit
        match visit.opening:
            case Opening.TAP_FIRST:
                self._tap()
                await asyncio.sleep(visit.hesitates_s)
                self._plug()
            case Opening.PLUG_FIRST:
                self._plug()
                await asyncio.sleep(visit.hesitates_s)
                self._tap()
            case Opening.BY_APP:
                self._plug()
                await asyncio.sleep(visit.hesitates_s)
                await self._start_by_app()
            case Opening.APP_FIRST:
                await self._start_by_app()
                await asyncio.sleep(visit.hesitates_s)
                self._plug()
            case Opening.ONLY_PLUG:
                self._plug()
            case Opening.ONLY_TAP:
                self._tap()

    def _tap(self, card: str | None = None) -> None:
        self._people.tap(card or self._visit.card, self._visit.evse)

    async def _start_by_app(self) -> None:
        if not await self._people.start_by_app(self._visit.card, self._visit.evse):
            self._people.count["app refused"] += 1
            await asyncio.sleep(10)
            self._tap()

    def _plug(self) -> None:
        visit = self._visit
        spec = self._people.site.world.car(visit.car).spec
        if visit.car not in {"full", "nearly-full"}:
            spec = replace(spec, soc_percent=visit.soc_percent)
        try:
            self._evse.plug("both", Car(spec, visit.car))
        except Impossible:
            self._people.count["socket taken"] += 1  # somebody's cable was left there

    async def _do(self, moment: Moment) -> None:
        people = self._people
        people.sim.note("deed", people.site.identity, self._visit.evse, moment.deed.value)
        try:
            match moment.deed:
                case Deed.PAUSE:
                    self._evse.pause_car()
                case Deed.RESUME:
                    self._evse.resume_car()
                case Deed.STRANGER:
                    self._tap("04" + self._visit.card[2:][::-1])
                case Deed.UNKNOWN_CARD:
                    self._tap(UNKNOWN_CARD)
                case Deed.OWN_CARD:
                    self._tap()
                case Deed.DOUBLE_TAP:
                    self._tap()
                    await asyncio.sleep(1.5)
                    self._tap()
                case Deed.REPLUG:
                    await self._replug()
                case Deed.LIMIT:
                    people.site.world.set_limit(LIMIT_A)
                    people.sim.loop.call_later(LIMIT_LASTS_S, people.site.world.set_limit, None)
        except Impossible:
            people.count["could not"] += 1

    async def _replug(self) -> None:
        car = self._evse.car
        self._evse.unplug("vehicle")
        await asyncio.sleep(20)
        self._evse.plug("vehicle", car)

    async def _leave(self) -> None:
        visit, people = self._visit, self._people
        match visit.closing:
            case Closing.TAP:
                self._tap()
            case Closing.BY_APP:
                if not await people.stop_by_app(visit.evse):
                    self._tap()
            case Closing.UNLOCK:
                await people.unlock_by_operator(visit.evse)
            case Closing.PULL:
                self._pull("vehicle")
        await asyncio.sleep(REACHES_FOR_PLUG_S)
        await self._take_cable()

    async def _take_cable(self) -> None:
        """Pull until the cable comes out; in between tap, and call the hotline."""
        began_s = self._people.sim.loop.time()
        attempt = 0
        while not self._pull("both"):
            if self._people.sim.loop.time() - began_s > GIVES_UP_AFTER_S:
                self._people.gave_up(self._visit)
                return
            await asyncio.sleep(PATIENCE[min(attempt, len(PATIENCE) - 1)])
            attempt += 1
            if attempt % 4 == 3:
                await self._people.unlock_by_operator(self._visit.evse)
            elif attempt % 2:
                self._tap()
            await asyncio.sleep(REACHES_FOR_PLUG_S)

    def _pull(self, end: str) -> bool:
        """Pull; True when nothing of ours is plugged in any more."""
        evse = self._evse
        try:
            if evse.cable.at_vehicle:
                evse.unplug("vehicle")
            if end == "both" and evse.cable.at_station and not evse.cable.fixed:
                evse.unplug("station")
        except Impossible:
            self._people.count["cable held"] += 1
            return False
        return True
