"""A device that is gone for a moment holds energy back; one that stays away ends what was going on."""

import asyncio
from pathlib import Path

import pytest

from firmware.engine.losses import Losses
from hal.clocks import SystemClock
from hal.types import Fault, FaultCode
from tests.hal.timing import run
from tests.station.play import Play, play

GRACE_S = 20
STUCK, INTERNAL, LOST = FaultCode.CONTACTOR_STUCK_OPEN, FaultCode.INTERNAL, FaultCode.DEVICE_LOST


def test_a_loss_blocks_at_once_and_becomes_its_own_fault_after_the_grace() -> None:
    """Each is told once; the device's return takes back what is told at that moment."""

    async def main() -> None:
        told: list[tuple[FaultCode, bool]] = []
        clock = SystemClock(asyncio.get_running_loop(), boot="test")
        losses = Losses(clock, lambda: GRACE_S, lambda fault: told.append((fault.code, fault.active)))
        running = asyncio.create_task(losses.run())
        contactor, one, other = losses.of("contactor"), losses.of("input 1"), losses.of("input 2")
        contactor(Fault(STUCK, active=True))
        await asyncio.sleep(GRACE_S - 1)
        contactor(Fault(STUCK, active=False))
        assert told == [(LOST, True), (LOST, False)]
        told.clear()
        contactor(Fault(STUCK, active=True))
        one(Fault(INTERNAL, active=True))
        await asyncio.sleep(GRACE_S / 2)
        other(Fault(INTERNAL, active=True))
        await asyncio.sleep(GRACE_S / 2 + 1)
        assert told == [(LOST, True), (STUCK, True), (INTERNAL, True)]
        await asyncio.sleep(GRACE_S)
        assert told[3:] == [(LOST, False)]
        one(Fault(INTERNAL, active=False))
        assert told[4:] == []  # the other input is still gone
        other(Fault(INTERNAL, active=False))
        contactor(Fault(STUCK, active=False))
        assert told[4:] == [(INTERNAL, False), (STUCK, False)]
        running.cancel()

    run(main())


@pytest.mark.parametrize("device", ["contactor", "inputs"])
def test_a_device_that_is_back_in_time_pauses_the_transaction(tmp_path: Path, device: str) -> None:
    """The contactor is open while it is away; afterwards the same transaction goes on without another card."""

    async def scenario(stage: Play) -> None:
        await stage.charge(60)
        evse, began = stage.app.engine.station.evses[1], stage.meter_wh()
        stage.do("evse/1/device", device=device, lost=True)
        await stage.until(lambda: set(evse.faults) == {LOST}, 1.0)
        await stage.until(lambda: not stage.world.evse(1).contactor_closed(), 0.2)
        assert stage.status_now() == "Faulted"
        await asyncio.sleep(5)
        stage.do("evse/1/device", device=device, lost=False)
        await stage.status("Charging", timeout_s=GRACE_S)
        await asyncio.sleep(60)
        assert stage.meter_wh() > began
        await stage.finish()
        [transaction] = stage.csms.transactions
        assert transaction["stop"]["meterStop"] == stage.meter_wh()

    play(tmp_path, scenario)


@pytest.mark.parametrize("device", ["contactor", "inputs"])
def test_a_device_that_stays_away_ends_the_transaction(tmp_path: Path, device: str) -> None:
    """After the grace of the configuration, and not before it."""

    async def scenario(stage: Play) -> None:
        await stage.charge(60)
        evse = stage.app.engine.station.evses[1]

        def charges() -> bool:
            return evse.tx is not None

        stage.do("evse/1/device", device=device, lost=True)
        await asyncio.sleep(7)
        assert charges()
        await asyncio.sleep(2)
        assert not charges()
        assert LOST not in evse.faults
        stage.do("evse/1/device", device=device, lost=False)
        await stage.until(lambda: not evse.faults, 60)
        await stage.unplug()
        await stage.charge_exactly()

    play(tmp_path, scenario, settings={"protection.lost_device_grace_s": "8"})
