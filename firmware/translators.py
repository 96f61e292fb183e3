"""Who talks on a connection: the translator of the version that the central system picked.

A version is loaded when it is first spoken. The one spoken last is remembered, so that a station that offers two loads only that one
at its next start. Whatever is to be sent lies in the journal as facts and is rendered by whoever talks, so a change of version loses
nothing.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

from firmware.core import events as ev
from firmware.core.values import TokenInfo
from firmware.engine import memory
from firmware.engine.journal import Change
from ocpp_client.peer import Incoming, Peer, Reply
from offline_queue import Queue

log = logging.getLogger(__name__)

SPOKEN = "protocol"  # document of the station: the version spoken last


class Translator(Protocol):
    """One version of the protocol between core and central system. One for the life of the program."""

    protocol: str

    async def load(self, queue: Queue) -> None:
        """Read what the version stored; called whenever it is spoken after another one."""

    def status_word(self, evse: int) -> str:
        """The status of an EVSE in the version's own word."""

    def remote_id(self, transaction: str) -> int | None:
        """The central system's own number of a transaction, where the version has such and it is known."""

    async def handle(self, call: Incoming) -> Reply:
        """Answer a CALL. Raises Refuse."""

    async def session(self, peer: Peer, accepted: Callable[[], None]) -> None:
        """Talk until the connection is lost; call `accepted` once the central system takes this station's messages."""

    async def authorise(self, query: ev.TokenQueryNeeded) -> TokenInfo | None:
        """Ask the central system about a token; None where it does not say."""


class Translators:
    """The versions that this station offers. Call `load` before anything else."""

    def __init__(
        self, makers: Mapping[str, Callable[[], Translator]], queue: Queue, *, remember: Callable[[Change], None]
    ) -> None:
        """`makers` has a translator's maker for each version offered, in order of preference."""
        self._makers = makers
        self._queue = queue
        self._remember = remember
        self._made: dict[str, Translator] = {}
        self._active: Translator | None = None
        self._turn = asyncio.Lock()

    async def load(self) -> None:
        """Load the version spoken last, or the preferred one."""
        known = await self._queue.get(memory.STATION, SPOKEN)
        spoken = known.decode() if known is not None else ""
        await self.use(spoken if spoken in self._makers else next(iter(self._makers)))

    @property
    def active(self) -> Translator:
        """The version that is, or was last, spoken."""
        assert self._active is not None
        return self._active

    async def use(self, protocol: str) -> Translator:
        """Speak this version from now on."""
        async with self._turn:
            if self._active is not None and self._active.protocol == protocol:
                return self._active
            translator = self._made.get(protocol)
            if translator is None:
                translator = self._made[protocol] = self._makers[protocol]()
            await translator.load(self._queue)
            if self._active is not None:
                log.info("protocol version changed from=%s to=%s", self._active.protocol, protocol)
            self._active = translator
            self._remember(Change(put={(memory.STATION, SPOKEN): protocol.encode()}))
            return translator

    def handler(self, protocol: str) -> Callable[[Incoming], Awaitable[Reply]]:
        """What answers the CALLs of a connection that speaks this version."""

        async def handle(call: Incoming) -> Reply:
            return await (await self.use(protocol)).handle(call)

        return handle

    async def session(self, protocol: str, peer: Peer, accepted: Callable[[], None]) -> None:
        """Talk on a connection until it is lost."""
        await (await self.use(protocol)).session(peer, accepted)

    async def authorise(self, query: ev.TokenQueryNeeded) -> TokenInfo | None:
        """Ask the central system about a token."""
        return await self.active.authorise(query)
