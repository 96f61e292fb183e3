"""Keeps the modem open and asks it: what its SIM is, until it tells, and how it is registered."""

import asyncio
import logging
from typing import Final

from hal.errors import DeviceLost, HalError
from hal.modem import Modem
from hal.types import ModemStatus, SimIdentity

log = logging.getLogger(__name__)

FIRST_LOOK_S: Final = 4.0  # a modem that boots, or a SIM that is not ready, does not hold up the start of the station
OPEN_S: Final = 30.0
ASK_S: Final = 60.0  # asking for the operator may take a search


class ModemKeeper:
    """One modem and what it last told. Whatever it fails to do is tried again at the next `look`."""

    def __init__(self, modem: Modem) -> None:
        self.modem = modem
        self.status: ModemStatus | None = None  # None while it does not answer
        self.sim = SimIdentity()  # numbers that are not known yet are None
        self._is_open = False
        self._sim_asked = False  # and answered, since the SIM may last have been another
        self._silent = False

    async def first_look(self) -> None:
        """Ask for the SIM's numbers, as long as the start of the station can wait."""
        try:
            async with asyncio.timeout(FIRST_LOOK_S):
                await self._open()
                await self._ask_sim()
        except (HalError, TimeoutError) as error:
            log.warning("modem does not tell its SIM yet error=%s", error or f"no answer within {FIRST_LOOK_S:g} s")

    async def look(self) -> ModemStatus | None:
        """Open it if it is not open, and ask for what is not known and for its status; None when it does not tell."""
        try:
            async with asyncio.timeout(OPEN_S):
                await self._open()
            async with asyncio.timeout(ASK_S):
                self.status = await self.modem.status()
                await self._ask_sim()
            self._silent = False
        except (HalError, TimeoutError) as error:
            await self._failed(error)
        return self.status

    async def recover(self, step: str, within_s: float) -> None:
        """Carry out a step of its recovery ladder; its SIM is asked for anew afterwards. Raises HalError, TimeoutError."""
        self._sim_asked = False
        async with asyncio.timeout(within_s):
            await self._open()
            await self.modem.recover(step)

    async def _open(self) -> None:
        if not self._is_open:
            await self.modem.open()
            self._is_open = True
            self._sim_asked = False

    async def _ask_sim(self) -> None:
        if self._sim_asked:
            return
        try:
            sim = await self.modem.identity()
        except DeviceLost:
            raise
        except HalError as error:  # no SIM, or one that waits for its PIN: the modem itself is well
            log.debug("SIM not ready error=%s", error)
            return
        self._sim_asked = sim.iccid is not None and sim.imsi is not None
        if sim != self.sim:
            self.sim = sim
            log.info("SIM known iccid_ends=%s", sim.iccid[-4:] if sim.iccid else "?")

    async def _failed(self, error: Exception) -> None:
        """Told once until it answers again."""
        self.status = None
        level = logging.DEBUG if self._silent else logging.WARNING
        log.log(level, "modem tells nothing error=%s", error or "no answer in its time")
        self._silent = True
        if isinstance(error, DeviceLost):
            await self.modem.close()
            self._is_open = False
