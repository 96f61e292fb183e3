"""The modem of a station: opened in bounded time, asked for its SIM until it tells, opened again after a loss."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from firmware.control.picture import Picture
from firmware.uplink.modem import FIRST_LOOK_S, ModemKeeper
from firmware.uplink.watch import MODEM_EVERY_S
from hal.errors import DeviceLost, DeviceRefused
from hal.mock.devices.station import MockModem
from hal.types import ModemStatus, SimIdentity
from tests.hal.timing import run
from tests.station.play import Play, play

SIM = SimIdentity(iccid="8949000000000000005", imsi="262010000000005")
REGISTERED = ModemStatus(registered=True, signal_dbm=-80)


class Modem:
    """A modem that can hang, be gone, and have a SIM that is not ready."""

    recovery_steps = ("reset",)

    def __init__(self) -> None:
        self.there = True
        self.hangs = False
        self.sim: SimIdentity | None = SIM
        self.is_open = False
        self.openings = 0
        self.asked = 0

    async def open(self) -> None:
        """Connect."""
        self.openings += 1
        await self._work()
        self.is_open = True

    async def identity(self) -> SimIdentity:
        """What the SIM says."""
        self.asked += 1
        await self._work()
        if self.sim is None:
            raise DeviceRefused("the SIM is not ready")
        return self.sim

    async def status(self) -> ModemStatus:
        """Registered, unless it was pulled out since it was opened."""
        await self._work()
        if not self.is_open:
            raise DeviceLost("not open")
        return REGISTERED

    async def recover(self, step: str) -> None:
        """Do a step."""
        await self._work()

    async def close(self) -> None:
        """Let go."""
        self.is_open = False

    async def _work(self) -> None:
        if self.hangs:
            await asyncio.Event().wait()
        if not self.there:
            raise DeviceLost("no such port")


def test_a_modem_that_hangs_at_the_opening_does_not_hold_up_the_start() -> None:
    """The first look is bounded as a whole; a later one finds the modem and its SIM."""

    async def main() -> None:
        modem = Modem()
        modem.hangs = True
        keeper = ModemKeeper(modem)
        began_s = asyncio.get_running_loop().time()
        await keeper.first_look()
        assert asyncio.get_running_loop().time() - began_s <= FIRST_LOOK_S
        assert keeper.sim == SimIdentity()
        assert await keeper.look() is None
        modem.hangs = False
        assert await keeper.look() == REGISTERED
        assert keeper.sim == SIM

    run(main())


def test_a_sim_that_is_not_ready_is_asked_again_until_it_is_and_then_no_more() -> None:
    """A SIM that waits for its PIN says nothing against the modem, whose status is known meanwhile."""

    async def main() -> None:
        modem = Modem()
        modem.sim = None
        keeper = ModemKeeper(modem)
        await keeper.first_look()
        assert await keeper.look() == REGISTERED
        assert keeper.sim == SimIdentity()
        modem.sim = SimIdentity(iccid=SIM.iccid)  # the other number comes a little later
        await keeper.look()
        modem.sim = SIM
        await keeper.look()
        assert keeper.sim == SIM
        asked = modem.asked
        await keeper.look()
        assert modem.asked == asked

    run(main())


def test_a_lost_modem_is_opened_again_and_its_sim_may_be_another() -> None:
    """Nothing is known while it is away."""

    async def main() -> None:
        modem = Modem()
        keeper = ModemKeeper(modem)
        await keeper.first_look()
        modem.there = False
        assert await keeper.look() is None
        assert await keeper.look() is None
        modem.there, modem.sim = True, SimIdentity(iccid="8901", imsi="00101")
        assert await keeper.look() == REGISTERED
        assert keeper.sim == modem.sim
        await keeper.recover("reset", 90)
        modem.sim = SIM
        await keeper.look()
        assert keeper.sim == SIM

    run(main())


def test_numbers_that_the_sim_tells_later_are_in_the_next_boot_notification(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The station does not wait for them; with the next connection the central system learns them."""
    told = SimIdentity()

    async def identity(self: MockModem) -> SimIdentity:
        return told

    monkeypatch.setattr(MockModem, "identity", identity)

    async def scenario(stage: Play) -> None:
        nonlocal told
        first = await stage.csms.heard("BootNotification")
        assert "iccid" not in first.payload
        told = SIM
        await asyncio.sleep(MODEM_EVERY_S + 1)
        await stage.offline()
        stage.start_csms()
        await stage.online()
        last = await stage.csms.heard("BootNotification", 2)
        assert (last.payload["iccid"], last.payload["imsi"]) == (SIM.iccid, SIM.imsi)

    play(tmp_path, scenario)


def test_the_signal_is_in_the_state_and_in_what_a_lost_connection_leaves(tmp_path: Path) -> None:
    """A weak signal is the first thing to look at; a modem that is gone has none."""

    async def scenario(stage: Play) -> None:
        def state() -> Any:
            return next(part.value for part in Picture(stage.app).parts() if part.event == "link")["modem"]

        stage.do("modem", signal_dbm=-109)
        await asyncio.sleep(MODEM_EVERY_S + 1)
        assert (state()["answers"], state()["signal_dbm"], state()["iccid"]) == (True, -109, "8900000000000000001")
        await stage.offline()
        assert stage.app.connection.diagnoses[0].evidence["signal_dbm"] == -109
        stage.do("device", device="modem", lost=True)
        await asyncio.sleep(MODEM_EVERY_S + 1)
        assert (state()["answers"], state()["signal_dbm"]) == (False, None)
        stage.do("device", device="modem", lost=False)
        await stage.until(lambda: state()["answers"], MODEM_EVERY_S + 1)

    play(tmp_path, scenario)
