"""Lets the effects of an event wait until what it changed is kept."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from csms.core.effects import Effect
from csms.stores.keeper import Change, Keeper, KeeperUnavailable
from csms.stores.mirrored import MirroredStore

log = logging.getLogger(__name__)

RETRY_S: Final = 0.2


class Committer:
    """Group commit: while one batch is being written, everything that happens gathers in the next."""

    def __init__(
        self,
        store: MirroredStore,
        keeper: Keeper,
        carry_out: Callable[[Effect], None],
        on_refused: Callable[[str], None],
    ) -> None:
        """`on_refused` is told a station whose rows belong to a newer writer, before any effect is carried out."""
        self._store = store
        self._keeper = keeper
        self._carry_out = carry_out
        self._on_refused = on_refused
        self._changes: list[Change] = []
        self._effects: list[Effect] = []
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()

    def submit(self, effects: Sequence[Effect]) -> None:
        """Carry these effects out, after all earlier ones, once what the store has changed by now is kept."""
        changes = self._store.take_changes()
        if not changes and self._idle.is_set():
            for effect in effects:
                self._carry_out(effect)
            return
        self._changes += changes
        self._effects += effects
        self._idle.clear()
        self._wake.set()

    async def run(self) -> None:
        """Write until cancelled. A keeper that cannot be reached is tried again for ever; stations wait meanwhile."""
        loop = asyncio.get_running_loop()
        # What changes outside an event, by an operator's hand, is gathered at the end of the loop's turn.
        self._store.on_change = partial(_call_soon, loop, self.submit)
        while True:
            await self._wake.wait()
            self._wake.clear()
            changes, self._changes = self._changes, []
            effects, self._effects = self._effects, []
            await self._commit(changes)
            for effect in effects:
                self._carry_out(effect)
            if not self._effects and not self._changes:
                self._idle.set()

    async def settled(self) -> None:
        """Wait until everything submitted is kept and carried out."""
        await self._idle.wait()

    async def _commit(self, changes: list[Change]) -> None:
        while changes:
            try:
                for station in await self._keeper.commit(changes):
                    self._on_refused(station)
                return
            except KeeperUnavailable as error:
                log.warning("keeper unavailable, trying again changes=%d error=%s", len(changes), error)
                await asyncio.sleep(RETRY_S)


def _call_soon(loop: asyncio.AbstractEventLoop, submit: Callable[[Sequence[Effect]], None]) -> None:
    loop.call_soon(submit, ())
