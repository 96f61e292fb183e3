"""Devices that fail: energy is denied, the program goes on, and what comes back is used again."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from firmware.core import events as ev
from firmware.core.values import StopCause
from firmware.engine.hardware import CLOSE_FEEDBACK_S, OPEN_FEEDBACK_S
from firmware.engine.metering import SILENCE_S
from hal.errors import DeviceReplaced
from hal.mock.devices.evse import MockMeter
from hal.types import FaultCode, LockState, MeterReading
from tests.station.play import Play, play


def _closed(stage: Play, evse: int = 1) -> bool:
    return bool(stage.world.evse(evse).contactor_closed())


def _faults(stage: Play, evse: int = 1) -> set[FaultCode]:
    return set(stage.app.engine.station.evses[evse].faults)


def _limit(stage: Play, limit_a: float) -> None:
    stage.app.engine.apply(lambda station, now: station.limit_changed(limit_a, now))


@pytest.mark.parametrize("device", ["pilot", "contactor"])
def test_a_lost_device_opens_the_contactor_at_once(tmp_path: Path, device: str) -> None:
    """Nothing flows while pilot or contactor cannot be asked; when it is back the station is usable again."""

    async def scenario(stage: Play) -> None:
        await stage.charge(60)
        assert _closed(stage)
        stage.do("evse/1/device", device=device, lost=True)
        await stage.until(lambda: not _closed(stage), 1.0)
        assert _faults(stage)
        stage.do("evse/1/device", device=device, lost=False)
        await stage.until(lambda: not _faults(stage), 120)
        if device == "pilot":
            await stage.status("Charging")

    play(tmp_path, scenario)


def test_a_lost_meter_and_a_lost_lock_come_back(tmp_path: Path) -> None:
    """A port that was pulled out and put back is opened again, without a restart."""

    async def scenario(stage: Play) -> None:
        for device in ("meter", "lock"):
            stage.do("evse/1/device", device=device, lost=True)
            stage.plug()
            stage.tap()
            await stage.until(lambda: _faults(stage), 120)
            assert not _closed(stage)
            stage.do("evse/1/device", device=device, lost=False)
            await stage.until(lambda: not _faults(stage), 120)
            await stage.status("Charging", timeout_s=120)
            stage.tap()
            await stage.unplug()
            await stage.status("Available", timeout_s=120)

    play(tmp_path, scenario, keys={"ConnectionTimeOut": "600"})


def test_a_silent_meter_is_a_fault_within_the_stated_time(tmp_path: Path) -> None:
    """Energy stops, the transaction is kept, and goes on when the meter answers."""

    async def scenario(stage: Play) -> None:
        await stage.charge(25)
        stage.do("evse/1/fault", code="meter-silent", active=True)
        await stage.until(lambda: FaultCode.METER_SILENT in _faults(stage), SILENCE_S)
        await stage.until(lambda: not _closed(stage), 1.0)
        stage.do("evse/1/fault", code="meter-silent", active=False)
        await stage.status("Charging", timeout_s=10)
        assert len(stage.csms.transactions) == 1

    play(tmp_path, scenario)


def test_a_welded_contactor_is_found_and_keeps_the_cable_locked(tmp_path: Path) -> None:
    """The transaction ends, the EVSE is faulted, and nobody can pull a plug that may be live."""

    async def scenario(stage: Play) -> None:
        await stage.charge(60)
        stage.do("evse/1/fault", code="welded-contactor", active=True)
        stage.tap()
        await stage.until(lambda: FaultCode.WELDED_CONTACTOR in _faults(stage), 5)
        assert await stage.csms.ask("UnlockConnector", {"connectorId": 1}) == {"status": "UnlockFailed"}
        await asyncio.sleep(5)
        assert stage.app.engine.station.evses[1].lock_state is LockState.LOCKED

    play(tmp_path, scenario)


def test_a_contactor_that_does_not_close_is_tried_again_with_the_next_vehicle(tmp_path: Path) -> None:
    """A fault after the time it has, the transaction ended; it lasts until the vehicle has left."""

    async def scenario(stage: Play) -> None:
        stage.do("evse/1/fault", code="contactor-stuck-open", active=True)
        stage.plug()
        stage.tap()
        await stage.until(lambda: FaultCode.CONTACTOR_STUCK_OPEN in _faults(stage), CLOSE_FEEDBACK_S + 30)
        stage.do("evse/1/fault", code="contactor-stuck-open", active=False)
        await asyncio.sleep(10)
        await stage.unplug()
        await stage.until(lambda: not _faults(stage), 10)
        await stage.charge(60)
        assert _closed(stage)

    play(tmp_path, scenario)


def test_a_moment_of_refusal_does_not_leave_the_contactor_open(tmp_path: Path) -> None:
    """Denied and allowed again before the driver had its turn: the contactor closes again, and no fault is made of it."""

    async def scenario(stage: Play) -> None:
        await stage.charge(60)
        for limit_a in (0.0, 32.0):  # both before any task of the program runs
            _limit(stage, limit_a)
        await asyncio.sleep(2 * CLOSE_FEEDBACK_S)
        assert _closed(stage)
        assert not _faults(stage)
        assert all(transaction["stop"] is None for transaction in stage.csms.transactions)

    play(tmp_path, scenario)


def test_the_end_of_the_program_opens_every_contactor(tmp_path: Path) -> None:
    """Before anything is waited for."""

    async def scenario(stage: Play) -> None:
        await stage.charge(30)
        stage.app.stop()
        await stage.until(lambda: not _closed(stage), 0.2)

    play(tmp_path, scenario)


def test_a_dead_disk_does_not_stop_contactor_logic(tmp_path: Path) -> None:
    """A running charge goes on and can be ended; nothing new starts; when the disk is back the books are complete."""

    async def scenario(stage: Play) -> None:
        await stage.charge(60)
        stage.station_host.writes_fail = True
        await asyncio.sleep(300)
        assert _closed(stage)
        stage.plug(2)
        stage.tap("04FFEEDDCCBBAA", 2)
        await asyncio.sleep(30)
        assert not _closed(stage, 2)
        assert stage.app.engine.station.evses[2].tx is None
        stage.tap()
        await stage.until(lambda: not _closed(stage), 1.0)
        assert stage.app.engine.station.evses[1].tx is None
        stage.station_host.writes_fail = False
        await stage.csms.heard("StopTransaction")
        [transaction] = stage.csms.transactions
        assert transaction["stop"]["meterStop"] == stage.meter_wh()
        assert transaction["stop"]["reason"] == StopCause.LOCAL.value

    play(tmp_path, scenario)


def test_a_replaced_meter_is_used_as_soon_as_no_transaction_runs_on_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Never in the middle of a transaction, whose end is the old meter's last register; before the next one it is opened anew."""
    built_in = {"now": "old"}
    opened: dict[int, str] = {}
    read = MockMeter.read

    async def open_one(self: MockMeter) -> None:
        opened[id(self)] = built_in["now"]
        self._port.open()

    async def read_one(self: MockMeter, timeout_s: float = 2.0) -> MeterReading:
        reading = await read(self, timeout_s)
        if opened[id(self)] != built_in["now"]:
            raise DeviceReplaced("meter was replaced")
        return reading if built_in["now"] == "old" else replace(reading, import_mwh=7_000_000)

    monkeypatch.setattr(MockMeter, "open", open_one)
    monkeypatch.setattr(MockMeter, "read", read_one)

    async def scenario(stage: Play) -> None:
        await stage.charge(100)
        evse = stage.app.engine.station.evses[1]
        built_in["now"] = "new"
        await stage.until(lambda: FaultCode.METER_SILENT in _faults(stage), SILENCE_S)
        assert evse.tx is not None
        assert evse.tx.last_mwh is not None
        last_wh = evse.tx.last_mwh // 1000
        await asyncio.sleep(120)
        assert not _closed(stage)
        await stage.finish()
        [transaction] = stage.csms.transactions
        assert transaction["stop"]["meterStop"] == last_wh > 0
        await stage.until(lambda: not _faults(stage), 120)
        await stage.charge(10)
        assert stage.csms.transactions[1]["start"]["meterStart"] == 7_000

    play(tmp_path, scenario)


def test_a_contactor_that_opens_as_told_is_never_called_welded(tmp_path: Path) -> None:
    """A closing is looked at again half a second later. A deny that falls into that moment finds contacts that are still on their way,
    and is judged by the time that it has itself."""

    async def scenario(stage: Play) -> None:
        await stage.charge(20)
        moved = stage.app.board.evses[0].contactor.changes()
        told: list[ev.Event] = []
        stage.app.engine.observe(told.append)
        for late_ms in range(-40, 20, 4):
            _limit(stage, 0.0)
            await stage.until(lambda: not _closed(stage), 1.0)
            _limit(stage, 32.0)
            async with asyncio.timeout(5):
                while not await anext(moved):
                    continue
            await asyncio.sleep(OPEN_FEEDBACK_S + late_ms / 1000)
            _limit(stage, 0.0)
            await asyncio.sleep(2 * OPEN_FEEDBACK_S)
            faults = [event for event in told if isinstance(event, ev.FaultChanged)]
            assert faults == [], f"denied {late_ms} ms after the second look"
        assert len(stage.csms.transactions) == 1

    play(tmp_path, scenario)
