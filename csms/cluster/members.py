"""A node's part in the presence of stations: claims, signs of life, and what is written anew after an outage.

A station's rows are read when it connects and belong to this node until it connects elsewhere; the epoch of its
connection fences what is written after that.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import islice
from typing import Final, Protocol

from csms.cluster.bus import Bus, BusUnavailable, Held, NodeNameTaken
from csms.cluster.wire import ReplacedBody
from csms.core.engine import REPLACED_CODE, REPLACED_REASON
from csms.membership import NotAdmitted
from csms.runtime import Runtime
from csms.stores.keeper import HOUSE, Keeper, KeeperUnavailable, Scope
from csms.stores.mirrored import MirroredStore, NumbersExhausted
from csms.tokens import TOKENS

log = logging.getLogger(__name__)

NUMBERS: Final = 1_000
"""Transaction numbers taken at once; so many can be handed out while Redis is away."""

BEATS_PER_ROUND: Final = 20
"""Every connection is confirmed once in so many signs of life."""

COUNTER: Final = "transaction"
OUTAGE_CODE: Final = 1012


class FencedKeeper(Keeper, Protocol):
    """A keeper that several nodes write to."""

    def fence(self, station: str, epoch: int | None) -> None:
        """Write for a station under this epoch only; None: it is not ours any more."""


class Members:
    """Which stations this node holds, and what the others know of it."""

    def __init__(
        self, bus: Bus, runtime: Runtime, store: MirroredStore, keeper: FencedKeeper | None, *, lease_s: float
    ) -> None:
        """Without a keeper every node remembers for itself."""
        self._bus = bus
        self._runtime = runtime
        self._store = store
        self._keeper = keeper
        self._lease_s = lease_s
        self._held: dict[str, Held] = {}
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._alive_until_s = 0.0
        self._recovered_at_s = 0.0  # after a loss, when all nodes alive have written anew what they remember
        self._rounds = 0
        self._confirm_all = False  # what the bus has lost must be said of every connection
        self.reachable = False
        self.losses = 0  # how often the bus turned out to have lost its data

    @property
    def lease_is_good(self) -> bool:
        """Whether the others cannot take this node for dead yet. False after the process was stopped for a while."""
        return asyncio.get_running_loop().time() < self._alive_until_s

    @property
    def stations(self) -> list[str]:
        """The stations held here."""
        return list(self._held)

    def held(self, station: str) -> Held | None:
        """The connection of a station that is held here."""
        return self._held.get(station)

    async def join(self) -> None:
        """Begin to live as this node; an earlier life under its name may have to run out first.

        Raises NodeNameTaken when it does not, BusUnavailable.
        """
        patience_s = asyncio.get_running_loop().time() + 2 * self._lease_s
        while True:
            try:
                await self._bus.join()
                break
            except NodeNameTaken:
                if asyncio.get_running_loop().time() >= patience_s:
                    raise
                await asyncio.sleep(self._lease_s / 10)
        self._extend_lease()
        if self._keeper is not None:
            self._store.learn(await self._keeper.load(Scope((HOUSE,))))
            await self._more_numbers()

    async def leave(self) -> None:
        """End this life: others learn at once that nobody is here."""
        self._alive_until_s = 0.0
        try:
            await self._bus.leave()
        except BusUnavailable as error:
            log.info("left without telling the others, the lease will run out error=%s", error)

    @asynccontextmanager
    async def admission(self, station: str, connection: str, protocol: str) -> AsyncIterator[None]:
        """Claim a station and read its rows. Raises NotAdmitted."""
        async with self._locks[station]:
            try:
                await self._until_recovered()
                await self._admit(station, connection, protocol)
            except (BusUnavailable, KeeperUnavailable, NodeNameTaken) as error:
                raise NotAdmitted(f"the cluster cannot be reached: {error}") from error
            yield

    async def gone(self, station: str, connection: str) -> None:
        """Give a station up, unless it has a newer connection here."""
        async with self._locks[station]:
            held = self._held.get(station)
            if held is not None and held.connection == connection:
                await self._runtime.settled()
                del self._held[station]
                try:
                    await self._bus.release(held)
                except BusUnavailable as error:
                    log.info("presence not taken back, it will run out station=%s error=%s", station, error)
                self._give_up(station)
        if not self._locks[station].locked():
            del self._locks[station]

    async def keep_alive(self) -> None:
        """Give signs of life until cancelled."""
        while True:
            await asyncio.sleep(self._lease_s / 5)
            try:
                await self.renew()
            except BusUnavailable as error:
                if self.reachable:
                    log.warning("bus unavailable error=%s", error)
                self.reachable = False
            except NodeNameTaken as error:
                log.error("this node was taken for dead and its name is in use; closing every connection: %s", error)
                self._close_all()

    async def renew(self) -> None:
        """Give a sign of life now and confirm connections: all of them if the lease had run out, else some.

        Raises BusUnavailable or NodeNameTaken.
        """
        if await self._bus.lost():
            await self._restore()
        everyone = self._confirm_all or not self.lease_is_good
        confirmed = list(self._held.values()) if everyone else self._next_ones()
        beat = await self._bus.beat(confirmed)
        self._confirm_all = False
        self._extend_lease()
        for held, ours in zip(confirmed, beat.ours, strict=True):
            if not ours:
                await self.replaced(held.station, held.connection)
        if beat.forgotten:
            await self._restore()
        if self._rounds == 0 and self._keeper is not None:
            await self._refresh(self._keeper)

    async def replaced(self, station: str, connection: str) -> None:
        """A station has a newer connection on another node: close the one here."""
        held = self._held.get(station)
        if held is not None and held.connection == connection:
            log.info("station has connected elsewhere station=%s", station)
            del self._held[station]
            self._runtime.close_connection(connection, REPLACED_CODE, REPLACED_REASON)
            self._give_up(station)

    async def _admit(self, station: str, connection: str, protocol: str) -> None:
        before = self._held.get(station)
        await self._runtime.settled()  # under the old epoch
        claim = await self._bus.claim(station, connection, protocol)
        self._held[station] = claim.held
        if self._keeper is not None:
            self._keeper.fence(station, claim.held.epoch)
            if before is None or before != claim.older:
                self._store.forget(self._store.owned(station))
                self._store.learn(await self._keeper.load(Scope((station,), (station,), (), logs=True)))
        if claim.older is not None and claim.older.node != self._bus.node:
            body = ReplacedBody(station=station, connection=claim.older.connection)
            await self._bus.tell(claim.older.node, body.model_dump_json())

    async def _until_recovered(self) -> None:
        """After a loss give every node alive the time to write anew what it remembers of its stations: whoever took one
        over before would begin it without its past."""
        if await self._bus.lost():
            await self.renew()
        await asyncio.sleep(max(0.0, self._recovered_at_s - asyncio.get_running_loop().time()))

    async def _restore(self) -> None:
        """The bus has lost everything: write down again what is remembered, and then live there anew. In this order:
        whoever finds a station here finds its books too."""
        self._recovered_at_s = asyncio.get_running_loop().time() + self._lease_s
        self._confirm_all = True
        self.losses += 1
        log.warning("the bus has lost its data, writing it anew stations=%d", len(self._held))
        if self._keeper is not None:
            owners = [owner for station in self._held for owner in self._store.owned(station)]
            try:
                await self._keeper.commit(self._store.rows_of(owners, list(self._held)))
                await self._more_numbers()
            except KeeperUnavailable as error:
                raise BusUnavailable(str(error)) from error
        await self._bus.join()

    async def _refresh(self, keeper: Keeper) -> None:
        try:
            if self._store.numbers_left(COUNTER) < NUMBERS // 2:
                await self._more_numbers()
            await self._runtime.settled()
            self._store.relearn(TOKENS, HOUSE, await keeper.load(Scope((HOUSE,))))
        except KeeperUnavailable as error:
            raise BusUnavailable(str(error)) from error

    async def _more_numbers(self) -> None:
        assert self._keeper is not None
        try:
            highest = self._store.increment(COUNTER) if self._store.numbers_left(COUNTER) else 0
        except NumbersExhausted:
            highest = 0
        first = await self._keeper.reserve(COUNTER, NUMBERS, at_least=highest)
        self._store.give_numbers(COUNTER, first, NUMBERS)

    def _next_ones(self) -> list[Held]:
        self._rounds = (self._rounds + 1) % BEATS_PER_ROUND
        return list(islice(self._held.values(), self._rounds, None, BEATS_PER_ROUND))

    def _extend_lease(self) -> None:
        self.reachable = True
        self._alive_until_s = asyncio.get_running_loop().time() + self._lease_s

    def _give_up(self, station: str) -> None:
        if self._keeper is not None:
            self._store.forget(self._store.owned(station))

    def _close_all(self) -> None:
        for held in list(self._held.values()):
            self._runtime.close_connection(held.connection, OUTAGE_CODE, "this node cannot go on; connect again")
