"""The people and vehicles at one site: they come as planned, and know how to tap, use an app and call the hotline."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable

from csms.core.effects import OutcomeKind
from firmware.simulation.central import Central
from firmware.simulation.checks.books import evse_of
from firmware.simulation.life import Visit
from firmware.simulation.runtime import Simulation
from firmware.simulation.site import Site
from firmware.simulation.stay import Stay
from hal.mock.errors import Impossible


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
        self.sim = sim
        self.site = site
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
            await self.until(visit.arrives_s)
            if self.sim.loop.time() < visit.leaves_s:
                await Stay(self, visit).happen()

    async def until(self, at_s: float) -> None:
        """Wait for a moment of the run; one that has gone by is now."""
        await asyncio.sleep(max(0.0, at_s - self.sim.loop.time()))

    def tap(self, card: str, evse: int) -> bool:
        """Hold a card to the reader; False when there is no working one."""
        try:
            self.site.world.swipe(card)
        except Impossible:
            self.count["no reader"] += 1
            return False
        self.sim.note("tap", self.site.identity, evse, card)
        self.count["taps"] += 1
        return True

    async def start_by_app(self, card: str, evse: int) -> bool:
        """Ask the central system to start; True when the station accepted."""
        outcome = await self._central.command(self.site.identity, *self.site.words.start(evse, card))
        self.sim.note("app-start", self.site.identity, evse, outcome.kind.value)
        return outcome.kind is OutcomeKind.ANSWERED and (outcome.response or {}).get("status") == "Accepted"

    async def stop_by_app(self, evse: int) -> bool:
        """Ask the central system to stop what it knows to run here; True when the station accepted."""
        running = self._central.books.transactions(self.site.identity, open_only=True)
        here = [transaction for transaction in running if evse_of(transaction) == evse]
        if not here:
            return False
        outcome = await self._central.command(self.site.identity, *self.site.words.stop(here[-1].transaction_id))
        self.sim.note("app-stop", self.site.identity, evse, outcome.kind.value)
        return outcome.kind is OutcomeKind.ANSWERED and (outcome.response or {}).get("status") == "Accepted"

    async def unlock_by_operator(self, evse: int) -> None:
        """Call the hotline."""
        await self._central.command(self.site.identity, *self.site.words.unlock(evse))

    def gave_up(self, visit: Visit) -> None:
        """The driver has left without the cable."""
        self._trapped(self.site, visit)
