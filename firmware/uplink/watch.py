"""Eyes on the network and the modem: a new address means a new connection, and a link that stays down has its modem helped up.

Removing an address does not break the socket that used it. Without somebody looking, only pings would find out.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Final, Protocol

from firmware.uplink.ladder import Ladder
from firmware.uplink.modem import ModemKeeper
from hal.clock import Clock
from hal.errors import HalError
from hal.network import NetworkMonitor
from hal.types import LinkStatus as NetworkStatus
from ocpp_client.causes import Cause
from ocpp_client.link_status import LinkState

log = logging.getLogger(__name__)

REOPEN_S: Final = 60.0
MODEM_EVERY_S: Final = 30.0
RECOVERY_S: Final = 95.0  # the contract of a step is 90

STANDING: Final = frozenset({LinkState.CONNECTED, LinkState.ONLINE})


class Uplink(Protocol):
    """What is watched over."""

    @property
    def state(self) -> LinkState: ...

    @property
    def cause(self) -> Cause | None:
        """Of the last drop."""

    @property
    def local_host(self) -> str | None:
        """The station's own address of the present connection."""

    def reconnect(self, reason: str) -> None: ...


class Watch:
    """Reacts for one link."""

    def __init__(
        self,
        uplink: Uplink,
        clock: Clock,
        network: NetworkMonitor | None,
        modem: ModemKeeper | None,
        *,
        on_address: Callable[[], None],
    ) -> None:
        self._uplink = uplink
        self._clock = clock
        self._network = network
        self._modem = modem
        self._on_address = on_address

    async def run(self) -> None:
        """Watch until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            if self._network is not None:
                tasks.create_task(self._watch_network(self._network))
            if self._modem is not None:
                tasks.create_task(self._watch_modem(self._modem))

    # ---- network

    async def _watch_network(self, network: NetworkMonitor) -> None:
        while True:
            try:
                await network.open()
                before = network.status
                async for now in network.changes():
                    self._network_changed(before, now)
                    before = now
            except HalError as error:
                log.warning("network not watched, pings alone find a dead connection error=%s", error)
            await self._clock.sleep(REOPEN_S)

    def _network_changed(self, before: NetworkStatus, now: NetworkStatus) -> None:
        if (now.interface, now.addresses) != (before.interface, before.addresses):
            self._on_address()
        if not now.up:
            return  # nothing to dial with; the connection may outlive it
        standing = self._uplink.state in STANDING
        moved = now.interface != before.interface or self._uplink.local_host not in now.addresses
        if not standing or moved:
            self._uplink.reconnect("the network changed")

    # ---- modem

    async def _watch_modem(self, keeper: ModemKeeper) -> None:
        ladder = Ladder(keeper.modem.recovery_steps)
        address: str | None = None
        while True:
            await self._clock.sleep(MODEM_EVERY_S)
            status = await keeper.look()
            if status is not None:
                known, address = address, status.address or address
                if known is not None and address != known:
                    self._on_address()
                    self._uplink.reconnect("the modem got another address")
            if self._uplink.state in STANDING:
                ladder.up()
            elif (step := ladder.down(self._clock.monotonic(), self._uplink.cause)) is not None:
                await self._recover(keeper, step)

    async def _recover(self, keeper: ModemKeeper, step: str) -> None:
        log.warning("link stays down, helping the modem step=%s", step)
        try:
            await keeper.recover(step, RECOVERY_S)
        except (HalError, TimeoutError) as error:
            log.warning("modem step failed step=%s error=%s", step, error)
        else:
            self._uplink.reconnect(f"the modem took step {step}")
