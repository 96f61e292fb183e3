"""A station's link in the lab: real sockets, short times, and each drop diagnosed as the firmware does it."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Literal

from firmware.config import CsmsTable
from firmware.uplink.dialling import Dialler
from ocpp_client.answers import AnswerCache
from ocpp_client.backoff import Backoff, BackoffPolicy
from ocpp_client.catalogue import catalogue
from ocpp_client.causes import Cause
from ocpp_client.clock import LoopClock
from ocpp_client.diagnosis import Circumstances, Diagnosis, History
from ocpp_client.endpoint import Target, endpoint_url
from ocpp_client.link import Connected, Link, LinkOptions
from ocpp_client.link_status import Drop, LinkState, LinkStatus
from ocpp_client.peer import Peer
from ocpp_client.sockets import WebSocket
from tests.ocpp_client.lines import refuse_all
from tests.ocpp_client.stations import boot

QUICK = BackoffPolicy(start_s=0.05, cap_s=0.2, floor_s=0.02, jitter_ratio=0.0)
PATIENCE_S = 20.0

Backing = Literal["websockets", "micro"]


class LabStation:
    """One link and what it made of its drops."""

    def __init__(
        self, url: str, *, roots: Path | None, ping_interval_s: float, around: Circumstances, websocket: Backing
    ) -> None:
        self.around = around
        self.history = History()
        self.drops: asyncio.Queue[Diagnosis] = asyncio.Queue()
        self.online = asyncio.Event()
        self.delays_s: list[float] = []
        self._local_host: str | None = None
        self._url = url
        self._dialler = Dialler(CsmsTable(url=url, ca_file=None if roots is None else str(roots), websocket=websocket))
        self._numbers = itertools.count(1)
        self.link = Link(
            target=self._target,
            open_peer=self._peer,
            session=self._boot,
            backoff=Backoff(QUICK, Random(1)),
            clock=LoopClock(),
            on_change=self._changed,
            on_drop=self._dropped,
            options=LinkOptions(open_timeout_s=5.0, close_timeout_s=0.3, pong_timeout_s=0.7, loss_spread_s=0.1),
            ping_interval_s=ping_interval_s,
            dial=self._dialler,
        )

    # --- as `firmware.uplink.watch` wants it

    @property
    def state(self) -> LinkState:
        """What the link is doing."""
        return self.link.status.state

    @property
    def cause(self) -> Cause | None:
        """Of the last drop."""
        return self.history.diagnoses[-1].cause if self.history.diagnoses else None

    @property
    def local_host(self) -> str | None:
        """The station's own address."""
        return self._local_host

    def reconnect(self, reason: str) -> None:
        """Begin anew."""
        self.link.reconnect(reason)

    # --- for tests

    async def diagnosis(self) -> Diagnosis:
        """The next drop's."""
        async with asyncio.timeout(PATIENCE_S):
            return await self.drops.get()

    async def comes_online(self) -> None:
        """Wait until the CSMS accepts the station."""
        async with asyncio.timeout(PATIENCE_S):
            await self.online.wait()

    def _target(self) -> Target:
        context = self._dialler.context(None, mutual=False) if self._url.startswith("wss:") else None
        return Target(endpoint_url(self._url, "CP1"), ("ocpp1.6",), ssl=context)

    def _peer(self, socket: WebSocket, protocol: str) -> Peer:
        self._local_host = socket.local_address.rpartition(":")[0]
        return Peer(
            socket,
            catalogue(protocol),
            handler=refuse_all,
            answers=AnswerCache(),
            clock=LoopClock(),
            new_id=lambda: str(next(self._numbers)),
            on_frame=lambda *_: self.link.note_message(),
        )

    async def _boot(self, connected: Connected) -> None:
        await boot(connected)

    def _dropped(self, drop: Drop) -> None:
        self.online.clear()
        around = self.around
        found = self.history.add(
            drop,
            Circumstances(
                clock_trusted=around.clock_trusted,
                cellular=around.cellular,
                address_changed_s=around.address_changed_s,
                heartbeat_s=around.heartbeat_s,
                chain=self._dialler.chain,
            ),
        )
        self.drops.put_nowait(found)

    def _changed(self, status: LinkStatus) -> None:
        if status.state is LinkState.ONLINE:
            self.online.set()
        if status.state is LinkState.WAITING and status.next_attempt_at is not None:
            self.delays_s.append(status.next_attempt_at - status.since)


@asynccontextmanager
async def station(
    url: str,
    *,
    roots: Path | None = None,
    ping_interval_s: float = 0.0,
    around: Circumstances | None = None,
    websocket: Backing = "websockets",
) -> AsyncIterator[LabStation]:
    """A running station."""
    around = around or Circumstances()
    made = LabStation(url, roots=roots, ping_interval_s=ping_interval_s, around=around, websocket=websocket)
    running = asyncio.create_task(made.link.run())
    try:
        yield made
    finally:
        await made.link.stop()
        await running
