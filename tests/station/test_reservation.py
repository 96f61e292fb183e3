"""Feature profile Reservation of OCPP 1.6 (edition 2, sections 3.13, 5.1 and 5.13)."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.station.play import OTHER_TAG, TAG, Play, play

BOTH = (1, 2)


async def _reserve(
    stage: Play, connector: int = 1, number: int = 7, *, tag: str = TAG, for_s: float = 3600.0, **fields: Any
) -> str:
    until = datetime.fromtimestamp(stage.sim.wall_s() + for_s, UTC).isoformat()
    body = {"connectorId": connector, "expiryDate": until, "idTag": tag, "reservationId": number, **fields}
    status: str = (await stage.csms.ask("ReserveNow", body))["status"]
    return status


async def _cancel(stage: Play, number: int = 7) -> str:
    status: str = (await stage.csms.ask("CancelReservation", {"reservationId": number}))["status"]
    return status


async def _remote(stage: Play, tag: str, connector: int | None = 1) -> str:
    body: dict[str, Any] = {"idTag": tag} | ({} if connector is None else {"connectorId": connector})
    status: str = (await stage.csms.ask("RemoteStartTransaction", body))["status"]
    return status


def test_reserve_now_is_accepted_and_the_connector_becomes_reserved(tmp_path: Path) -> None:
    """The answer comes before the StatusNotification."""

    async def scenario(stage: Play) -> None:
        stage.csms.received.clear()
        assert await _reserve(stage) == "Accepted"
        await stage.csms.heard("StatusNotification", 4)
        assert stage.csms.received == ["answer", "StatusNotification"]
        assert stage.csms.statuses() == ["Available", "Reserved"]

    play(tmp_path, scenario)


def test_the_reserved_tag_starts_a_transaction_that_names_the_reservation(tmp_path: Path) -> None:
    """Reserved, Preparing, Charging; the reservation is over then and cannot be cancelled any more."""

    async def scenario(stage: Play) -> None:
        await _reserve(stage)
        await stage.charge(60)
        start = await stage.csms.heard("StartTransaction")
        assert start.payload["reservationId"] == 7
        assert [status for status in stage.csms.statuses() if status != "SuspendedEV"] == [
            "Available",
            "Reserved",
            "Preparing",
            "Charging",
        ]
        assert await _cancel(stage) == "Rejected"
        await stage.finish()
        await stage.charge(60)
        assert "reservationId" not in (await stage.csms.heard("StartTransaction", 2)).payload

    play(tmp_path, scenario)


def test_another_tag_is_refused_and_the_connector_stays_reserved(tmp_path: Path) -> None:
    """Also with a cable in, and without asking the central system: it could not change that."""

    async def scenario(stage: Play) -> None:
        await _reserve(stage)
        stage.plug()
        stage.tap(OTHER_TAG)
        await asyncio.sleep(60)
        assert stage.csms.statuses() == ["Available", "Reserved"]
        assert stage.csms.named("Authorize") == []
        assert stage.csms.transactions == []

    play(tmp_path, scenario)


@pytest.mark.parametrize(
    ("parent", "started"), [("FAMILY", True), ("family", True), ("STRANGER", False), (None, False)]
)
def test_a_tag_of_the_reserved_parent_may_charge(tmp_path: Path, parent: str | None, started: bool) -> None:
    """Its parent is asked of the central system."""

    async def scenario(stage: Play) -> None:
        stage.csms.authorise("Accepted", **({"parentIdTag": parent} if parent else {}))
        await _reserve(stage, parentIdTag="FAMILY")
        stage.plug()
        stage.tap(OTHER_TAG)
        await asyncio.sleep(60)
        assert [call.payload["idTag"] for call in stage.csms.named("Authorize")] == [OTHER_TAG]
        starts = stage.csms.named("StartTransaction")
        assert [call.payload.get("reservationId") for call in starts] == [7] * started
        assert stage.csms.statuses()[-1] == ("Charging" if started else "Reserved")

    play(tmp_path, scenario)


def test_a_reservation_ends_at_its_expiry_date(tmp_path: Path) -> None:
    """The connector becomes Available at that moment, and anybody may charge."""

    async def scenario(stage: Play) -> None:
        await _reserve(stage, for_s=300)
        reserved = await stage.csms.heard("StatusNotification", 4)
        await stage.status("Available", timeout_s=400)
        available = await stage.csms.heard("StatusNotification", 5)
        assert available.at - reserved.at == pytest.approx(300, abs=0.5)
        assert await _cancel(stage) == "Rejected"
        await stage.charge(60, tag=OTHER_TAG)

    play(tmp_path, scenario)


def test_a_cancelled_reservation_frees_the_connector(tmp_path: Path) -> None:
    """An unknown one is Rejected."""

    async def scenario(stage: Play) -> None:
        await _reserve(stage)
        assert await _cancel(stage, 8) == "Rejected"
        assert await _cancel(stage) == "Accepted"
        await stage.csms.heard("StatusNotification", 5)
        assert stage.csms.statuses() == ["Available", "Reserved", "Available"]

    play(tmp_path, scenario)


def test_the_same_reservation_id_replaces_the_reservation(tmp_path: Path) -> None:
    """Another tag, another connector; another id for the same connector is Occupied, even for the same tag."""

    async def scenario(stage: Play) -> None:
        await _reserve(stage)
        assert await _reserve(stage, tag=OTHER_TAG) == "Accepted"
        assert await _reserve(stage, number=8, tag=OTHER_TAG) == "Occupied"
        assert await _reserve(stage, 2, tag=OTHER_TAG) == "Accepted"
        await stage.status("Available", 1)
        await stage.status("Reserved", 2)
        await stage.charge(60, evse=2, tag=OTHER_TAG)
        assert stage.csms.transactions[0]["start"]["reservationId"] == 7

    play(tmp_path, scenario)


def test_reserve_now_tells_why_it_cannot(tmp_path: Path) -> None:
    """Occupied in use or Preparing, Unavailable, Faulted; Rejected for what is unknown, over already or nobody's."""

    async def scenario(stage: Play) -> None:
        assert await _reserve(stage, 9) == "Rejected"
        assert await _reserve(stage, for_s=-1) == "Rejected"
        assert await _reserve(stage, tag="") == "Rejected"
        stage.plug()
        await stage.status("Preparing")
        assert await _reserve(stage) == "Occupied"
        stage.tap()
        await stage.status("Charging")
        assert await _reserve(stage) == "Occupied"
        await stage.csms.ask("ChangeAvailability", {"connectorId": 2, "type": "Inoperative"})
        assert await _reserve(stage, 2) == "Unavailable"
        stage.do("evse/2/fault", code="over-temperature")
        await stage.status("Faulted", 2)
        assert await _reserve(stage, 2) == "Faulted"

    play(tmp_path, scenario)


@pytest.mark.parametrize("how", ["fault", "availability"])
def test_a_reservation_ends_when_its_connector_is_faulted_or_unavailable(tmp_path: Path, how: str) -> None:
    """Back in order the connector is Available."""

    async def scenario(stage: Play) -> None:
        await _reserve(stage)
        if how == "fault":
            stage.do("evse/1/fault", code="over-temperature")
            await stage.status("Faulted")
            stage.do("evse/1/fault", code="over-temperature", active=False)
        else:
            await stage.csms.ask("ChangeAvailability", {"connectorId": 1, "type": "Inoperative"})
            await stage.status("Unavailable")
            await stage.csms.ask("ChangeAvailability", {"connectorId": 1, "type": "Operative"})
        await stage.status("Available")
        assert await _cancel(stage) == "Rejected"

    play(tmp_path, scenario)


def test_connector_0_keeps_one_connector_usable(tmp_path: Path) -> None:
    """Nothing shows while two are free; when another user takes one, the other is Reserved and refuses foreign tags."""

    async def scenario(stage: Play) -> None:
        assert await _reserve(stage, 0) == "Accepted"
        await asyncio.sleep(5)
        assert [stage.status_now(number) for number in BOTH] == ["Available", "Available"]
        await stage.charge(10, evse=1, tag=OTHER_TAG)
        await stage.status("Reserved", 2)
        stage.tap("FOREIGN1", 2)
        await asyncio.sleep(5)
        assert stage.status_now(2) == "Reserved"
        await stage.charge(10, evse=2, tag=TAG)
        assert [start["start"].get("reservationId") for start in stage.csms.transactions] == [None, 7]

    play(tmp_path, scenario)


def test_connector_0_is_rejected_where_it_is_not_supported(tmp_path: Path) -> None:
    """ReserveConnectorZeroSupported is false then; else it is true and read-only."""

    async def scenario(stage: Play) -> None:
        assert await stage.key("ReserveConnectorZeroSupported") == "false"
        assert await _reserve(stage, 0) == "Rejected"
        answer = await stage.csms.ask("ChangeConfiguration", {"key": "ReserveConnectorZeroSupported", "value": "true"})
        assert answer == {"status": "Rejected"}

    play(tmp_path, scenario, keys={"ReserveConnectorZeroSupported": "false"})


def test_a_remote_start_for_another_tag_is_rejected(tmp_path: Path) -> None:
    """For the reserved tag it is accepted, and uses the reservation."""

    async def scenario(stage: Play) -> None:
        await _reserve(stage)
        assert await _remote(stage, OTHER_TAG) == "Rejected"
        assert await _remote(stage, TAG) == "Accepted"
        await stage.status("Preparing")
        stage.plug()
        start = await stage.csms.heard("StartTransaction")
        assert start.payload["reservationId"] == 7

    play(tmp_path, scenario)


def test_the_reserved_tag_that_does_not_plug_in_leaves_the_reservation(tmp_path: Path) -> None:
    """Reserved again after ConnectionTimeOut: only a transaction uses it up."""

    async def scenario(stage: Play) -> None:
        await _reserve(stage)
        stage.tap()
        await stage.status("Preparing")
        await stage.csms.heard("StatusNotification", 7)
        assert stage.csms.statuses() == ["Available", "Reserved", "Preparing", "Available", "Reserved"]

    play(tmp_path, scenario)


def test_reservations_survive_a_power_cut(tmp_path: Path) -> None:
    """The connector is Reserved after the boot, still for the same tag, until the same moment."""

    async def scenario(stage: Play) -> None:
        await _reserve(stage, for_s=600)
        await asyncio.sleep(1)
        await stage.kill_station()
        await stage.start_station()
        await stage.online()
        await stage.status("Reserved")
        stage.tap(OTHER_TAG)
        await asyncio.sleep(5)
        assert stage.csms.named("Authorize") == []
        await stage.status("Available", timeout_s=600)

    play(tmp_path, scenario)


def test_without_the_profile_nothing_is_reserved(tmp_path: Path) -> None:
    """Its messages are NotSupported, its key is unknown, and what was reserved before does not count."""

    async def scenario(stage: Play) -> None:
        await _reserve(stage)
        await stage.end_station()
        stage.settings = {"station.profiles": ""}
        await stage.start_station()
        await stage.online()
        await stage.status("Available")
        body = {"connectorId": 1, "expiryDate": "2040-01-01T00:00:00Z", "idTag": "A", "reservationId": 1}
        assert await stage.csms.ask("ReserveNow", body) == {"error": "NotSupported"}
        assert await stage.csms.ask("CancelReservation", {"reservationId": 7}) == {"error": "NotSupported"}
        assert await stage.csms.ask("TriggerMessage", {"requestedMessage": "Heartbeat"}) == {"status": "NotImplemented"}
        assert await stage.key("SupportedFeatureProfiles") == "Core"
        answer = await stage.csms.ask("GetConfiguration", {"key": ["ReserveConnectorZeroSupported"]})
        assert answer == {"unknownKey": ["ReserveConnectorZeroSupported"]}

    play(tmp_path, scenario)
