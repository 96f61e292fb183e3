"""Feature profile SmartCharging of OCPP 1.6 (edition 2, section 3.13): the limit reaches the pilot, on time, and is told."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.station.charging import installed, profile, set_profile
from tests.station.play import OTHER_TAG, TAG, Play, play

OFFERED = {"MeterValuesSampledData": "Current.Offered,Power.Offered,Current.Import", "MeterValueSampleInterval": "30"}


def _offer(stage: Play, evse: int = 1) -> float:
    offered: float = stage.world.evse(evse).offered_a
    return offered


async def _offers(stage: Play, offer_a: float, evse: int = 1, timeout_s: float = 10.0) -> None:
    await stage.until(lambda: _offer(stage, evse) == offer_a, timeout_s)


def _moment(stage: Play, in_s: float) -> str:
    return datetime.fromtimestamp(stage.sim.wall_s() + in_s, UTC).isoformat()


def _told(stage: Play, measurand: str) -> list[float]:
    """Values of a measurand in MeterValues, the first of each reading."""
    return [
        next(float(sample["value"]) for sample in value["sampledValue"] if sample["measurand"] == measurand)
        for call in stage.csms.named("MeterValues")
        for value in call.payload["meterValue"]
    ]


def test_the_limit_reaches_the_pilot_and_shows_in_the_meter_values(tmp_path: Path) -> None:
    """Current.Offered and Power.Offered say what is offered, and the car takes no more."""

    async def scenario(stage: Play) -> None:
        await stage.charge(45)
        await set_profile(stage, profile((0, 10.1)))
        await _offers(stage, 10.1)
        stage.csms.calls.clear()
        await asyncio.sleep(90)
        assert set(_told(stage, "Current.Offered")) == {10.1}
        assert _told(stage, "Power.Offered") == pytest.approx([10.1 * 3 * 230] * 3)
        assert max(_told(stage, "Current.Import")) <= 10.1

    play(tmp_path, scenario, keys=OFFERED)


def test_a_running_transaction_follows_a_new_default_profile(tmp_path: Path) -> None:
    """Also when it is changed, and when it is cleared; a profile of its own comes before it."""

    async def scenario(stage: Play) -> None:
        await stage.charge(10)
        await set_profile(stage, profile((0, 16.0)), 0)
        await _offers(stage, 16.0)
        await set_profile(stage, profile((0, 20.0), number=2, purpose="TxProfile"))
        await _offers(stage, 20.0)
        await set_profile(stage, profile((0, 9.0)), 0)
        await asyncio.sleep(5)
        assert _offer(stage) == 20.0
        assert await stage.csms.ask("ClearChargingProfile", {"id": 2}) == {"status": "Accepted"}
        await _offers(stage, 9.0)
        await stage.csms.ask("ClearChargingProfile", {})
        await _offers(stage, 32.0)

    play(tmp_path, scenario)


def test_a_limit_of_0_suspends_the_transaction(tmp_path: Path) -> None:
    """SuspendedEVSE, and Charging again when it is over; the transaction is one."""

    async def scenario(stage: Play) -> None:
        await stage.charge(10)
        start = {"startSchedule": _moment(stage, 30)}
        await set_profile(stage, profile((0, 0.0), (300, 16.0), schedule=start))
        await stage.status("SuspendedEVSE")
        register = stage.meter_wh()
        await asyncio.sleep(200)
        assert stage.meter_wh() == register
        await stage.status("Charging", timeout_s=120)
        await stage.finish()
        assert [status for status in stage.csms.statuses() if status.startswith(("Charging", "SuspendedEVSE"))] == [
            "Charging",
            "SuspendedEVSE",
            "Charging",
        ]
        assert len(stage.csms.transactions) == 1

    play(tmp_path, scenario)


def test_less_than_6_a_is_a_pause(tmp_path: Path) -> None:
    """The pilot has no word for it."""

    async def scenario(stage: Play) -> None:
        await stage.charge(10)
        await set_profile(stage, profile((0, 5.9)))
        await stage.status("SuspendedEVSE")
        await _offers(stage, 0.0)

    play(tmp_path, scenario)


def test_the_current_changes_at_the_boundary_of_a_period(tmp_path: Path) -> None:
    """Within a second of it, without anything else happening at the station."""

    async def scenario(stage: Play) -> None:
        await stage.charge(10)
        start_s = stage.sim.wall_s() + 100
        periods = [(0, 10.0), (1000, 20.0), (2000, 12.0)]
        await set_profile(stage, profile(*periods, schedule={"startSchedule": _moment(stage, 100), "duration": 3000}))
        for after_s, offer_a in ((0, 10.0), (1000, 20.0), (2000, 12.0), (3000, 32.0)):
            await asyncio.sleep(start_s + after_s - 0.5 - stage.sim.wall_s())
            assert _offer(stage) != offer_a
            await asyncio.sleep(1.5)
            assert _offer(stage) == offer_a

    play(tmp_path, scenario)


def test_a_relative_schedule_counts_from_the_start_of_the_transaction(tmp_path: Path) -> None:
    """For every transaction anew."""

    async def scenario(stage: Play) -> None:
        await set_profile(stage, profile((0, 16.0), (120, 8.0), kind="Relative"), 0)
        for _ in range(2):
            await stage.charge(100)
            assert _offer(stage) == 16.0
            await asyncio.sleep(30)
            assert _offer(stage) == 8.0
            await stage.finish()

    play(tmp_path, scenario)


@pytest.mark.parametrize(("kind", "cycle_s"), [("Daily", 86_400), ("Weekly", 604_800)])
def test_a_recurring_schedule_holds_in_every_cycle(tmp_path: Path, kind: str, cycle_s: int) -> None:
    """At the same time of each day or week, for as long as its duration says; before its first cycle never."""

    async def scenario(stage: Play) -> None:
        third = {"startSchedule": _moment(stage, 300 - 3 * cycle_s), "duration": 600}
        first = {"startSchedule": _moment(stage, 300 + cycle_s)}
        await set_profile(stage, profile((0, 8.0), kind="Recurring", recurrencyKind=kind, schedule=third), 0)
        told = profile((0, 7.0), number=2, stack=1, kind="Recurring", recurrencyKind=kind, schedule=first)
        await set_profile(stage, told, 0)
        await stage.charge(200)
        seen = [_offer(stage)]
        for _ in range(2):
            await asyncio.sleep(600)
            seen.append(_offer(stage))
        assert seen == [32.0, 8.0, 32.0]

    play(tmp_path, scenario)


def test_a_profile_in_watts_is_divided_by_volts_and_phases(tmp_path: Path) -> None:
    """11.04 kW are 16 A on three phases; 10 kW are rounded down to 14.4 A."""

    async def scenario(stage: Play) -> None:
        await stage.charge(10)
        await set_profile(stage, profile((0, 11_040.0), unit="W"))
        await _offers(stage, 16.0)
        await set_profile(stage, profile((0, 10_000.0), unit="W"))
        await _offers(stage, 14.4)

    play(tmp_path, scenario)


def test_the_maximum_of_the_charge_point_is_shared_among_its_connectors(tmp_path: Path) -> None:
    """At every moment the sum is within it; what one leaves, the other gets."""

    async def scenario(stage: Play) -> None:
        await set_profile(stage, profile((0, 30.0), purpose="ChargePointMaxProfile"), 0)
        await stage.charge(10, evse=1)
        assert _offer(stage, 1) == 30.0
        await stage.charge(10, evse=2, tag=OTHER_TAG)
        assert (_offer(stage, 1), _offer(stage, 2)) == (15.0, 15.0)
        await set_profile(stage, profile((0, 8.0), number=2), 1)
        await _offers(stage, 22.0, 2)
        assert _offer(stage, 1) == 8.0
        stage.tap(TAG)
        await _offers(stage, 30.0, 2)

    play(tmp_path, scenario)


def test_a_share_is_not_less_than_the_minimum_charging_rate(tmp_path: Path) -> None:
    """Who came first keeps what is of use, the other has to wait."""

    async def scenario(stage: Play) -> None:
        await set_profile(stage, profile((0, 20.0), purpose="ChargePointMaxProfile"), 0)
        await set_profile(stage, profile((0, 32.0), number=2, schedule={"minChargingRate": 15.0}), 1)
        await stage.charge(10, evse=1)
        stage.plug(2)
        stage.tap(OTHER_TAG, 2)
        await stage.status("SuspendedEVSE", 2)
        assert (_offer(stage, 1), _offer(stage, 2)) == (20.0, 0.0)

    play(tmp_path, scenario)


async def _start(stage: Play, told: dict[str, Any] | None) -> str:
    body = {"connectorId": 1, "idTag": TAG} | ({"chargingProfile": told} if told is not None else {})
    status: str = (await stage.csms.ask("RemoteStartTransaction", body))["status"]
    return status


def test_a_profile_in_remote_start_transaction_is_that_of_the_transaction(tmp_path: Path) -> None:
    """A later SetChargingProfile with its transactionId and stack level replaces it; with the transaction it is gone."""

    async def scenario(stage: Play) -> None:
        stage.plug()
        assert await _start(stage, profile((0, 13.0), (60, 7.0), purpose="TxProfile", kind="Relative")) == "Accepted"
        await stage.status("Charging")
        await _offers(stage, 13.0)
        await asyncio.sleep(60)
        assert _offer(stage) == 7.0
        told = profile((0, 18.0), number=2, purpose="TxProfile", transactionId=1)
        assert await set_profile(stage, told) == "Accepted"
        await _offers(stage, 18.0)
        assert installed(stage) == [2]
        assert await stage.csms.ask("RemoteStopTransaction", {"transactionId": 1}) == {"status": "Accepted"}
        await stage.delivered()
        assert installed(stage) == []

    play(tmp_path, scenario)


@pytest.mark.parametrize(
    "told",
    [
        profile(),
        profile(purpose="ChargePointMaxProfile"),
        profile(purpose="TxProfile", transactionId=1),
        profile((1, 10.0), purpose="TxProfile"),
        profile(purpose="TxProfile", stack=99),
    ],
)
def test_a_remote_start_with_a_profile_that_is_none_for_it_is_rejected(tmp_path: Path, told: dict[str, Any]) -> None:
    """Another purpose, a transactionId, or a profile that breaks a rule; no transaction starts."""

    async def scenario(stage: Play) -> None:
        stage.plug()
        await stage.status("Preparing")
        assert await _start(stage, told) == "Rejected"
        await asyncio.sleep(30)
        assert stage.csms.transactions == []
        assert await _start(stage, None) == "Accepted"

    play(tmp_path, scenario)


def test_a_tx_profile_is_for_the_transaction_it_names(tmp_path: Path) -> None:
    """Another id is Rejected; without one it is for the transaction that runs there."""

    async def scenario(stage: Play) -> None:
        await stage.charge(30)
        assert await set_profile(stage, profile((0, 9.0), purpose="TxProfile", transactionId=77)) == "Rejected"
        assert await set_profile(stage, profile((0, 9.0), purpose="TxProfile", transactionId=1)) == "Accepted"
        assert await set_profile(stage, profile((0, 11.0), purpose="TxProfile")) == "Accepted"
        await _offers(stage, 11.0)

    play(tmp_path, scenario)


def test_offline_what_is_installed_goes_on_to_hold(tmp_path: Path) -> None:
    """Boundaries included."""

    async def scenario(stage: Play) -> None:
        await stage.charge(10)
        start = {"startSchedule": _moment(stage, 0)}
        await set_profile(stage, profile((0, 16.0), (900, 8.0), schedule=start))
        await stage.offline()
        await asyncio.sleep(1000)
        assert _offer(stage) == 8.0

    play(tmp_path, scenario)


def test_a_safe_current_holds_while_the_central_system_is_away_for_long(tmp_path: Path) -> None:
    """OfflineChargingCurrent after OfflineChargingCurrentAfter seconds; back online the profiles alone hold."""

    async def scenario(stage: Play) -> None:
        await stage.set_key("OfflineChargingCurrentAfter", "600")
        await stage.charge(10)
        await stage.offline()
        await asyncio.sleep(595)
        assert _offer(stage) == 32.0
        await asyncio.sleep(10)
        assert _offer(stage) == 10.0
        stage.start_csms()
        await stage.online()
        await _offers(stage, 32.0)

    play(tmp_path, scenario, keys={"OfflineChargingCurrent": "10"})
