"""Lets people and vehicles live: carries out the visits of `life` against the world, and copes with what they meet there."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace

from csms.core.effects import OutcomeKind
from firmware.simulation.central import Central
from firmware.simulation.life import UNKNOWN_CARD, Closing, Deed, Moment, Opening, Visit
from firmware.simulation.runtime import Simulation
from firmware.simulation.site import Site
from hal.mock.car import Car
from hal.mock.errors import Impossible
from hal.mock.evse import MockEvse

LIMIT_A = 10.0
LIMIT_LASTS_S = 900.0
REACHES_FOR_PLUG_S = 4.0  # between the tap that ends a charge and the pull
PATIENCE = (5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0)  # between attempts to get the cable back
GIVES_UP_AFTER_S = 4 * 3600.0  # then the cable counts as trapped


class People:
    """Everybody at one site. `trapped` is told of a cable that its driver could not get back."""

    def __init__(
        self,
        sim: Simulation,
        site: Site,
        central: Central,
        visits: Iterable[Visit],
        trapped: Callable[[Site, Visit], None],
    ) -> None:
        self._sim = sim
        self._site = site
        self._central = central
        self._visits = [visit for visit in visits if visit.station == site.index]
        self._trapped = trapped
        self.count: Counter[str] = Counter()  # what happened, for the statistics

    async def live(self) -> None:
        """Everybody's visits, each EVSE's one after the other."""
        numbers = sorted({visit.evse for visit in self._visits})
        async with asyncio.TaskGroup() as tasks:
            for number in numbers:
                tasks.create_task(self._at([visit for visit in self._visits if visit.evse == number]))

    async def _at(self, visits: list[Visit]) -> None:
        for visit in visits:
            await self._until(visit.arrives_s)
            if self._sim.loop.time() < visit.leaves_s:
                await _Stay(self, visit).happen()

    async def _until(self, at_s: float) -> None:
        await asyncio.sleep(max(0.0, at_s - self._sim.loop.time()))

    def tap(self, card: str, evse: int) -> bool:
        """Hold a card to the reader; False when there is no working one."""
        try:
            self._site.world.swipe(card)
        except Impossible:
            self.count["no reader"] += 1
            return False
        self._sim.note("tap", self._site.identity, evse, card)
        self.count["taps"] += 1
        return True

    async def start_by_app(self, card: str, evse: int) -> bool:
        """Ask the central system to start; True when the station accepted."""
        payload = {"connectorId": evse, "idTag": card}
        outcome = await self._central.command(self._site.identity, "RemoteStartTransaction", payload)
        self._sim.note("app-start", self._site.identity, evse, outcome.kind.value)
        return outcome.kind is OutcomeKind.ANSWERED and (outcome.response or {}).get("status") == "Accepted"

    async def stop_by_app(self, evse: int) -> bool:
        """Ask the central system to stop what it knows to run here; True when the station accepted."""
        running = self._central.books.transactions(self._site.identity, open_only=True)
        here = [transaction for transaction in running if transaction.connector_id == evse]
        if not here:
            return False
        payload = {"transactionId": int(here[-1].transaction_id)}
        outcome = await self._central.command(self._site.identity, "RemoteStopTransaction", payload)
        self._sim.note("app-stop", self._site.identity, evse, outcome.kind.value)
        return outcome.kind is OutcomeKind.ANSWERED and (outcome.response or {}).get("status") == "Accepted"

    async def unlock_by_operator(self, evse: int) -> None:
        """Call the hotline."""
        await self._central.command(self._site.identity, "UnlockConnector", {"connectorId": evse})

    def gave_up(self, visit: Visit) -> None:
        """The driver has left without the cable."""
        self._trapped(self._site, visit)


class _Stay:
    """One visit as it happens."""

    def __init__(self, people: People, visit: Visit) -> None:
        self._people = people
        self._visit = visit

    @property
    def _evse(self) -> MockEvse:
        return self._people._site.world.evse(self._visit.evse)

    async def happen(self) -> None:
        visit, people = self._visit, self._people
        people._sim.note("visit", people._site.identity, visit.evse, visit.number, visit.opening.value, visit.car)
        people.count["visits"] += 1
        await self._open()
        for moment in visit.moments:
            await people._until(moment.at_s)
            await self._do(moment)
        await people._until(visit.leaves_s)
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
        spec = self._people._site.world.car(visit.car).spec
        if visit.car not in {"full", "nearly-full"}:
            spec = replace(spec, soc_percent=visit.soc_percent)
        try:
            self._evse.plug("both", Car(spec, visit.car))
        except Impossible:
            self._people.count["socket taken"] += 1  # somebody's cable was left there

    async def _do(self, moment: Moment) -> None:
        people = self._people
        people._sim.note("deed", people._site.identity, self._visit.evse, moment.deed.value)
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
                    people._site.world.set_limit(LIMIT_A)
                    people._sim.loop.call_later(LIMIT_LASTS_S, people._site.world.set_limit, None)
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
        began_s = self._people._sim.loop.time()
        attempt = 0
        while not self._pull("both"):
            if self._people._sim.loop.time() - began_s > GIVES_UP_AFTER_S:
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
