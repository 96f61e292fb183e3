"""ChangeAvailability (OCPP 1.6 edition 2, section 5.2)."""

import asyncio
from pathlib import Path

import pytest

from tests.station.play import TAG, Play, play

ACCEPTED, SCHEDULED, REJECTED = {"status": "Accepted"}, {"status": "Scheduled"}, {"status": "Rejected"}


async def _change(stage: Play, connector: int, kind: str) -> dict[str, str]:
    return await stage.csms.ask("ChangeAvailability", {"connectorId": connector, "type": kind})


def _statuses(stage: Play) -> list[str]:
    return [stage.status_now(connector) for connector in (0, 1, 2)]


def test_a_free_connector_changes_at_once_and_says_so(tmp_path: Path) -> None:
    """Accepted, then a StatusNotification; the other connector and connector 0 stay as they are."""

    async def scenario(stage: Play) -> None:
        assert await _change(stage, 2, "Inoperative") == ACCEPTED
        await stage.csms.heard("StatusNotification", 4)
        assert _statuses(stage) == ["Available", "Available", "Unavailable"]
        assert await _change(stage, 2, "Operative") == ACCEPTED
        await stage.csms.heard("StatusNotification", 5)
        assert stage.csms.statuses(2) == ["Available", "Unavailable", "Available"]
        assert (stage.csms.statuses(0), stage.csms.statuses(1)) == (["Available"], ["Available"])

    play(tmp_path, scenario)


@pytest.mark.parametrize("kind", ["Operative", "Inoperative"])
def test_a_change_to_what_is_already_so_is_accepted_in_silence(tmp_path: Path, kind: str) -> None:
    """Accepted without a StatusNotification."""

    async def scenario(stage: Play) -> None:
        for connector in (0, 1):
            await _change(stage, connector, kind)
        await asyncio.sleep(5)
        before = len(stage.csms.calls)
        for connector in (0, 1):
            assert await _change(stage, connector, kind) == ACCEPTED
        await asyncio.sleep(5)
        assert len(stage.csms.calls) == before

    play(tmp_path, scenario)


def test_a_busy_connector_is_scheduled_and_changes_when_its_transaction_ends(tmp_path: Path) -> None:
    """Scheduled; charging goes on, and at the end the connector is Unavailable."""

    async def scenario(stage: Play) -> None:
        await stage.charge(60)
        assert await _change(stage, 1, "Inoperative") == SCHEDULED
        await asyncio.sleep(120)
        assert stage.status_now() == "Charging"
        stage.tap()
        await stage.csms.heard("StopTransaction")
        await stage.status("Unavailable")
        await stage.unplug()
        await asyncio.sleep(2)
        assert stage.csms.statuses()[-1] == "Unavailable"
        assert "Available" not in stage.csms.statuses()[1:]
        stage.plug()
        stage.tap()
        await asyncio.sleep(10)
        assert len(stage.csms.named("StartTransaction")) == 1

    play(tmp_path, scenario)


def test_a_new_request_replaces_a_scheduled_one(tmp_path: Path) -> None:
    """Operative takes back what was scheduled."""

    async def scenario(stage: Play) -> None:
        await stage.charge(60)
        assert await _change(stage, 1, "Inoperative") == SCHEDULED
        assert await _change(stage, 1, "Operative") == ACCEPTED
        stage.tap()
        await stage.unplug()
        await stage.status("Available")

    play(tmp_path, scenario)


def test_connector_zero_takes_everything_out_of_service(tmp_path: Path) -> None:
    """0 concerns the charge point and all connectors: free ones at once, busy ones later, and the answer is Scheduled then."""

    async def scenario(stage: Play) -> None:
        await stage.charge(60)
        assert await _change(stage, 0, "Inoperative") == SCHEDULED
        await asyncio.sleep(5)
        assert _statuses(stage) == ["Unavailable", "Charging", "Unavailable"]
        stage.tap()
        await stage.unplug()
        await stage.status("Unavailable")
        assert await _change(stage, 0, "Operative") == ACCEPTED
        await asyncio.sleep(5)
        assert _statuses(stage) == ["Available"] * 3

    play(tmp_path, scenario)


def test_operative_at_zero_frees_connectors_that_were_taken_out_one_by_one(tmp_path: Path) -> None:
    """ChangeAvailability(0, Operative) sets all connectors Operative."""

    async def scenario(stage: Play) -> None:
        assert await _change(stage, 1, "Inoperative") == ACCEPTED
        assert await _change(stage, 0, "Operative") == ACCEPTED
        assert _statuses(stage) == ["Available"] * 3

    play(tmp_path, scenario)


def test_an_unknown_connector_is_rejected(tmp_path: Path) -> None:
    """There is nothing to change at a connector that does not exist."""

    async def scenario(stage: Play) -> None:
        for connector in (3, 99):
            assert await _change(stage, connector, "Inoperative") == REJECTED
        assert (await _change(stage, -1, "Inoperative")) in (REJECTED, {"error": "PropertyConstraintViolation"})
        assert _statuses(stage) == ["Available"] * 3

    play(tmp_path, scenario)


@pytest.mark.parametrize("connector", [0, 1])
def test_availability_outlives_restarts_and_crashes(tmp_path: Path, connector: int) -> None:
    """What was taken out of service stays so, and what was scheduled stays scheduled."""

    async def scenario(stage: Play) -> None:
        await stage.charge(60)
        assert await _change(stage, connector, "Inoperative") == SCHEDULED
        await asyncio.sleep(1)
        await stage.kill_station()
        await stage.start_station()
        await stage.status("Charging")
        stage.tap()
        await stage.unplug()
        await stage.status("Unavailable")
        await stage.csms.ask("Reset", {"type": "Soft"})
        await stage.csms.heard("BootNotification", 3)
        await stage.online()
        assert _statuses(stage)[connector] == "Unavailable"
        assert await _change(stage, connector, "Operative") == ACCEPTED
        await asyncio.sleep(1)
        await stage.kill_station()
        await stage.start_station()
        await stage.online()
        assert _statuses(stage) == ["Available"] * 3

    play(tmp_path, scenario)


def test_an_unavailable_connector_refuses_every_start(tmp_path: Path) -> None:
    """Neither a token nor the central system starts anything there; a vehicle left there is Preparing once it is back."""

    async def scenario(stage: Play) -> None:
        assert await _change(stage, 1, "Inoperative") == ACCEPTED
        stage.plug()
        stage.tap()
        start = {"idTag": TAG, "connectorId": 1}
        assert await stage.csms.ask("RemoteStartTransaction", start) == REJECTED
        await asyncio.sleep(10)
        assert stage.csms.named("StartTransaction") == []
        assert stage.status_now() == "Unavailable"
        assert await _change(stage, 1, "Operative") == ACCEPTED
        await stage.status("Preparing")
        stage.tap()
        await stage.status("Charging")

    play(tmp_path, scenario)
