"""A charge from plug to unplug, in every order of plug and tap (OCPP 1.6 edition 2, sections 3.5, 3.6, 4.7 to 4.10)."""

import asyncio
from pathlib import Path

import pytest

from tests.station.play import TAG, Play, play


def _books_are_exact(stage: Play, start_wh: int, stop_wh: int, *, count: int = 1) -> None:
    assert len(stage.csms.transactions) == count
    transaction = stage.csms.transactions[-1]
    assert transaction["start"]["meterStart"] == start_wh
    assert transaction["stop"]["meterStop"] == stop_wh
    assert len(stage.csms.named("StartTransaction")) == count
    assert len(stage.csms.named("StopTransaction")) == count


def test_boot_is_followed_by_the_status_of_zero_and_every_connector(tmp_path: Path) -> None:
    """After Accepted a StatusNotification for connector 0 and each connector is sent, before anything else."""

    async def scenario(stage: Play) -> None:
        await stage.csms.heard("StatusNotification", 3)
        assert [call.action for call in stage.csms.calls][:4] == ["BootNotification", *["StatusNotification"] * 3]
        told = [call.payload["connectorId"] for call in stage.csms.named("StatusNotification")]
        assert told == [0, 1, 2]

    play(tmp_path, scenario)


@pytest.mark.parametrize("order", ["plug first", "tap first"])
def test_a_charge_is_one_start_and_one_stop_with_the_meters_registers(tmp_path: Path, order: str) -> None:
    """Start and stop are told once each, with the register values of the meter and the times of the events."""

    async def scenario(stage: Play) -> None:
        if order == "plug first":
            stage.plug()
            await stage.status("Preparing")
            stage.tap()
        else:
            stage.tap()
            await stage.status("Preparing")
            stage.plug()
        await stage.status("Charging")
        await asyncio.sleep(1800)
        stage.tap()
        await stage.status("Finishing")
        await stage.unplug()
        await stage.status("Available")
        await stage.delivered()
        stop_wh = stage.meter_wh()
        assert stop_wh > 1000
        _books_are_exact(stage, 0, stop_wh)
        stop = stage.csms.transactions[0]["stop"]
        assert (stop["idTag"], stop["reason"]) == (TAG, "Local")
        assert stage.csms.statuses() == [
            "Available",
            "Preparing",
            "SuspendedEV",
            "Charging",
            "Finishing",
            "Available",
        ]

    play(tmp_path, scenario)


def test_a_second_charge_begins_where_the_meter_stood(tmp_path: Path) -> None:
    """Registers are never rebased: the second start is the first stop."""

    async def scenario(stage: Play) -> None:
        for _ in range(2):
            await stage.charge(300)
            stage.tap()
            await stage.unplug()
            await stage.status("Available")
        await stage.delivered()
        first, second = stage.csms.transactions
        assert second["start"]["meterStart"] == first["stop"]["meterStop"]

    play(tmp_path, scenario)
