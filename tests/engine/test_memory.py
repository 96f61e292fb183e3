"""What a restart remembers, and what becomes of transactions that were open."""

import asyncio
from pathlib import Path

import pytest

from firmware.core.settings import SAMPLE_INTERVAL_S
from firmware.engine import memory
from firmware.engine.journal import TRANSACTIONS
from offline_queue import Commit, Queue
from tests.station.play import Play, play

KEYS = {
    "ConnectionTimeOut": "60",
    "MeterValueSampleInterval": "30",
    "StopTxnSampledData": "Energy.Active.Import.Register",
}


async def test_a_stored_setting_wins_and_one_that_no_longer_fits_is_left_out(tmp_path: Path) -> None:
    """Over what the configuration file gives; nonsense on disk does not keep the program from starting."""
    queue = await Queue.open(tmp_path / "wayside.db")
    stored = {"meter.sample-interval": b"30", "link.heartbeat-interval": b"0", "no.such": b"1"}
    await queue.commit(Commit(put={(memory.SETTINGS, name): text for name, text in stored.items()}))
    settings = await memory.load_settings(queue, {"meter.sample-interval": "10"})
    await queue.close()
    assert settings[SAMPLE_INTERVAL_S] == 30
    assert dict(settings)["link.heartbeat-interval"] == "300"


@pytest.mark.parametrize(("policy", "stops"), [("resume", 0), ("close", 1)])
def test_an_open_transaction_is_resumed_or_closed(tmp_path: Path, policy: str, stops: int) -> None:
    """As the configuration says, after a power cut with the vehicle still there; its samples are not lost."""

    async def scenario(stage: Play) -> None:
        await stage.charge(200)
        await stage.kill_station()
        await stage.start_station()
        await stage.online()
        await asyncio.sleep(60)
        await stage.delivered()
        assert len(stage.csms.named("StopTransaction")) == stops
        if policy == "resume":
            await stage.status("Charging")
            stage.tap()
        stop = await stage.csms.heard("StopTransaction")
        assert stop.payload["reason"] == ("PowerLoss" if stops else "Local")
        assert stop.payload["meterStop"] == stage.meter_wh()
        assert len(stop.payload["transactionData"]) >= 7
        assert len(stage.csms.transactions) == 1

    play(tmp_path, scenario, settings={"station.after_power_loss": policy}, keys=KEYS)


def test_a_transaction_whose_vehicle_left_meanwhile_is_closed(tmp_path: Path) -> None:
    """With the register as it stands, once."""

    async def scenario(stage: Play) -> None:
        await stage.charge(200, evse=2)
        await stage.end_station()
        stage.do("evse/2/unplug")
        await stage.start_station()
        await stage.csms.heard("StopTransaction")
        [transaction] = stage.csms.transactions
        assert transaction["stop"]["reason"] == "Reboot"
        assert transaction["stop"]["meterStop"] == stage.meter_wh(2)

    play(tmp_path, scenario, keys=KEYS)


def test_a_damaged_record_keeps_nobody_from_charging(tmp_path: Path) -> None:
    """It is told in the log; the other transactions are taken up."""

    async def scenario(stage: Play) -> None:
        await stage.charge(60)
        await stage.app.queue.commit(Commit(put={(TRANSACTIONS, "odd"): b"{"}))
        await stage.kill_station()
        await stage.start_station()
        await stage.status("Charging", timeout_s=120)

    play(tmp_path, scenario, keys=KEYS)
