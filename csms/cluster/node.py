"""One node of a cluster, put together."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final

from csms.clock import Clock
from csms.cluster.asking import MOVED, Answer, Asking, Question
from csms.cluster.bus import Bus, BusSettings, BusUnavailable
from csms.cluster.members import FencedKeeper, Members
from csms.cluster.receiving import Receiving
from csms.cluster.sending import Sending
from csms.metrics import Metric
from csms.runtime import Runtime
from csms.stores.keeper import HOUSE, KeeperUnavailable, Scope
from csms.stores.mirrored import MirroredStore

MOVES: Final = 4  # how often a station is looked for that is on its way from node to node
MOVE_S: Final = 0.05

HEADS: Final = ("stations", "registration")
"""Tables with one row for each station."""

log = logging.getLogger(__name__)


class Node:
    """What makes a central system one of several. Give it to one `Csms`, which starts and stops it."""

    def __init__(
        self,
        bus: Bus,
        keeper: FencedKeeper | None = None,
        *,
        settings: BusSettings | None = None,
        close: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """`close` gives up what bus and keeper share, at the very end."""
        self._bus = bus
        self._keeper = keeper
        self._settings = settings or BusSettings()
        self._close = close
        self._runtime: Runtime | None = None
        self._store: MirroredStore | None = None
        self._tasks: list[asyncio.Task[None]] = []

    def attach(self, runtime: Runtime, store: MirroredStore, clock: Clock, new_id: Callable[[], str]) -> Members:
        """Make this the node of a central system; what its door has to tell."""
        self._runtime, self._store = runtime, store
        self.members = Members(self._bus, runtime, store, self._keeper, lease_s=self._settings.lease_s)
        self.sending = Sending(self._bus, self.members, runtime, clock, new_id)
        self.asking = Asking(self._bus, self.members, new_id)
        self._receiving = Receiving(self._bus, self.members, self.sending, self.asking, runtime, clock)
        return self.members

    async def start(self) -> None:
        """Join the others. Raises BusUnavailable, NodeNameTaken or KeeperUnavailable."""
        assert self._runtime is not None  # attached before
        assert self._store is not None
        await self.members.join()
        if self._keeper is not None:
            self._runtime.keep_in(self._store, self._keeper)
        watch_s = self._settings.lease_s / 5
        self._begin("signs of life", self.members.keep_alive())
        self._begin("node's stream", self._receiving.run())
        self._begin("watch on nodes", self.sending.watch(watch_s))

    async def stop(self) -> None:
        """Leave the others."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
        await self.members.leave()
        await self._bus.close()
        if self._close is not None:
            await self._close()

    async def ask_holder(self, station: str, question: Question) -> Answer | None:
        """The answer of the other node that holds a station; None if none does. Raises BusUnavailable or NodeSilent."""
        answer = MOVED
        for _ in range(MOVES):
            owner = await self._bus.owner(station)
            if owner is None or owner.node == self._bus.node:
                return None
            answer = await self.asking.ask(owner.node, question, station=station, epoch=owner.epoch)
            if answer != MOVED:
                break
            await asyncio.sleep(MOVE_S)
        return answer

    async def view(self, station: str | None) -> MirroredStore | None:
        """What is kept of a station that nobody holds, or of all stations in short. None: this node keeps nothing.

        Raises BusUnavailable.
        """
        if self._keeper is None:
            return None
        found = MirroredStore("view", local=frozenset())
        scope = Scope((HOUSE,), (), HEADS) if station is None else Scope((station,), (station,), logs=True)
        try:
            found.learn(await self._keeper.load(scope))
        except KeeperUnavailable as error:
            raise BusUnavailable(str(error)) from error
        return found

    async def protocol_of(self, station: str) -> str | None:
        """The OCPP version a station speaks on whatever node, or None if it is not connected. Raises BusUnavailable."""
        owner = await self._bus.owner(station)
        return None if owner is None else owner.protocol

    async def metrics(self) -> list[Metric]:
        """Presence, lag, pending and latency of this node."""
        labels = {"node": self._bus.node}

        def gauge(name: str, text: str, value: float) -> Metric:
            return Metric(f"wayside_csms_{name}", text, "gauge", value, labels)

        def counter(name: str, text: str, value: float) -> Metric:
            return Metric(f"wayside_csms_{name}_total", text, "counter", value, labels)

        found = [
            gauge("stations_present", "Stations this node holds for the cluster.", len(self.members.stations)),
            gauge("commands_under_way", "Commands whose outcome another node owes.", self.sending.under_way),
            gauge("bus_reachable", "1 while the bus answers.", self.members.reachable),
            counter("bus_losses", "How often the bus had lost its data.", self.members.losses),
            counter("commands_delivered", "Commands of other nodes written to stations.", self._receiving.delivered),
            counter("commands_expired", "Commands of other nodes that came too late.", self._receiving.expired),
        ]
        try:
            figures = await self._bus.figures()
        except BusUnavailable as error:
            log.info("no figures of the stream error=%s", error)
        else:
            found.append(gauge("stream_lag", "Messages for this node that it has not read.", figures.lag))
            found.append(gauge("stream_pending", "Messages read and not acknowledged.", figures.pending))
        return [*found, *self.sending.latency.metrics()]

    def _begin(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        self._tasks.append(asyncio.get_running_loop().create_task(work, name=name))
