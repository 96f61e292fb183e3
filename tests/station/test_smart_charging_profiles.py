"""Feature profile SmartCharging of OCPP 1.6 (edition 2, sections 3.13, 5.5, 5.7, 5.16): which profiles are taken, kept and cleared."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.station.charging import clear, installed, profile, set_profile
from tests.station.play import Play, play

KEYS = {
    "ChargeProfileMaxStackLevel": "10",
    "ChargingScheduleAllowedChargingRateUnit": "Current,Power",
    "ChargingScheduleMaxPeriods": "24",
    "ConnectorSwitch3to1PhaseSupported": "false",
    "MaxChargingProfilesInstalled": "50",
}


def test_the_keys_of_the_profile_tell_its_limits(tmp_path: Path) -> None:
    """All of them read-only."""

    async def scenario(stage: Play) -> None:
        answer = await stage.csms.ask("GetConfiguration", {"key": list(KEYS)})
        assert {key["key"]: key["value"] for key in answer["configurationKey"]} == KEYS
        assert all(key["readonly"] for key in answer["configurationKey"])
        assert "SmartCharging" in (await stage.key("SupportedFeatureProfiles") or "").split(",")

    play(tmp_path, scenario)


def test_without_the_profile_its_messages_are_not_supported(tmp_path: Path) -> None:
    """Nor its keys; a profile from before does not hold, and one in a RemoteStartTransaction is ignored."""

    async def scenario(stage: Play) -> None:
        assert await set_profile(stage, profile((0, 8.0))) == "Accepted"
        await stage.end_station()
        stage.settings = {"station.profiles": "RemoteTrigger"}
        await stage.start_station()
        await stage.online()
        assert await set_profile(stage, profile()) == "NotSupported"
        assert await stage.csms.ask("ClearChargingProfile", {}) == {"error": "NotSupported"}
        composite = {"connectorId": 1, "duration": 60}
        assert await stage.csms.ask("GetCompositeSchedule", composite) == {"error": "NotSupported"}
        assert await stage.csms.ask("GetConfiguration", {"key": list(KEYS)}) == {"unknownKey": list(KEYS)}
        stage.plug()
        start = {"connectorId": 1, "idTag": "A", "chargingProfile": profile((0, 8.0), purpose="TxProfile")}
        assert await stage.csms.ask("RemoteStartTransaction", start) == {"status": "Accepted"}
        await stage.status("Charging")
        assert stage.world.evse(1).offered_a == 32.0

    play(tmp_path, scenario)


def _period(**fields: Any) -> dict[str, Any]:
    return {"startPeriod": 0, "limit": 10.0, **fields}


REFUSED: list[tuple[str, dict[str, Any], int]] = [
    ("a limit of the station on one connector", profile(purpose="ChargePointMaxProfile"), 1),
    ("a relative limit of the station", profile(purpose="ChargePointMaxProfile", kind="Relative"), 0),
    ("a profile for a transaction on connector 0", profile(purpose="TxProfile"), 0),
    ("a profile for a transaction without one", profile(purpose="TxProfile"), 1),
    ("a transactionId in a default profile", profile(transactionId=1), 1),
    ("a stack level above ChargeProfileMaxStackLevel", profile(stack=11), 1),
    ("a negative stack level", profile(stack=-1), 1),
    ("more periods than ChargingScheduleMaxPeriods", profile(*((second, 10.0) for second in range(25))), 1),
    ("a first period that does not start at 0", profile((1, 10.0)), 1),
    ("periods that do not ascend", profile((0, 10.0), (60, 9.0), (30, 8.0)), 1),
    ("no periods", profile(schedule={"chargingSchedulePeriod": []}), 1),
    ("a negative limit", profile((0, -1.0)), 1),
    ("a negative minChargingRate", profile(schedule={"minChargingRate": -1.0}), 1),
    ("a negative duration", profile(schedule={"duration": -1}), 1),
    ("a limit for no phase", profile(schedule={"chargingSchedulePeriod": [_period(numberPhases=0)]}), 1),
    ("a limit for four phases", profile(schedule={"chargingSchedulePeriod": [_period(numberPhases=4)]}), 1),
    ("a recurring profile without recurrencyKind", profile(kind="Recurring"), 1),
    (
        "a recurring profile without startSchedule",
        profile(kind="Relative") | {"chargingProfileKind": "Recurring", "recurrencyKind": "Daily"},
        1,
    ),
]


@pytest.mark.parametrize(("what", "told", "connector"), REFUSED, ids=[row[0] for row in REFUSED])
def test_a_profile_that_cannot_be_kept_is_rejected(
    tmp_path: Path, what: str, told: dict[str, Any], connector: int
) -> None:
    """And is not kept."""

    async def scenario(stage: Play) -> None:
        assert await set_profile(stage, told, connector) == "Rejected"
        assert installed(stage) == []

    play(tmp_path, scenario)


def test_a_wrong_value_or_connector_is_a_property_constraint_violation(tmp_path: Path) -> None:
    """As the errata have it, also for a connector that does not exist."""

    async def scenario(stage: Play) -> None:
        assert await set_profile(stage, profile(), 3) == "PropertyConstraintViolation"
        assert await set_profile(stage, profile(), -1) == "PropertyConstraintViolation"
        assert await set_profile(stage, profile(unit="VA")) == "PropertyConstraintViolation"
        assert await set_profile(stage, profile(kind="Sometimes")) == "PropertyConstraintViolation"
        assert await set_profile(stage, profile((0, 16.05))) == "PropertyConstraintViolation"

    play(tmp_path, scenario)


def test_a_unit_that_is_not_allowed_is_rejected(tmp_path: Path) -> None:
    """In a profile and in GetCompositeSchedule, as ChargingScheduleAllowedChargingRateUnit says."""

    async def scenario(stage: Play) -> None:
        assert await stage.key("ChargingScheduleAllowedChargingRateUnit") == "Power"
        assert await set_profile(stage, profile(unit="A")) == "Rejected"
        assert await set_profile(stage, profile(unit="W")) == "Accepted"
        ask = {"connectorId": 1, "duration": 60, "chargingRateUnit": "A"}
        assert await stage.csms.ask("GetCompositeSchedule", ask) == {"status": "Rejected"}
        answer = await stage.csms.ask("GetCompositeSchedule", {"connectorId": 1, "duration": 60})
        assert answer["chargingSchedule"]["chargingRateUnit"] == "W"

    play(tmp_path, scenario, keys={"ChargingScheduleAllowedChargingRateUnit": "Power"})


def test_no_more_than_max_charging_profiles_installed_are_kept(tmp_path: Path) -> None:
    """One that replaces another needs no room."""

    async def scenario(stage: Play) -> None:
        for number in (1, 2):
            assert await set_profile(stage, profile(number=number, stack=number)) == "Accepted"
        assert await set_profile(stage, profile(number=3, stack=3)) == "Rejected"
        assert await set_profile(stage, profile(number=3, stack=2)) == "Accepted"
        assert installed(stage) == [1, 3]

    play(tmp_path, scenario, keys={"MaxChargingProfilesInstalled": "2"})


def test_the_same_id_or_the_same_place_replaces_a_profile(tmp_path: Path) -> None:
    """Place: purpose, stack level and connector."""

    async def scenario(stage: Play) -> None:
        await set_profile(stage, profile(number=1, stack=1))
        await set_profile(stage, profile(number=1, stack=2))
        assert installed(stage) == [1]
        await set_profile(stage, profile(number=2, stack=2))
        assert installed(stage) == [2]
        await set_profile(stage, profile(number=3, stack=2), 0)
        await set_profile(stage, profile(number=4, stack=2), 2)
        await set_profile(stage, profile(number=5, stack=2, purpose="ChargePointMaxProfile"), 0)
        assert installed(stage) == [2, 3, 4, 5]

    play(tmp_path, scenario)


async def _four(stage: Play) -> None:
    await set_profile(stage, profile(number=1, stack=1), 0)
    await set_profile(stage, profile(number=2, stack=1), 1)
    await set_profile(stage, profile(number=3, stack=2), 1)
    await set_profile(stage, profile(number=4, stack=1, purpose="ChargePointMaxProfile"), 0)


@pytest.mark.parametrize(
    ("fields", "left"),
    [
        ({}, []),
        ({"id": 2}, [1, 3, 4]),
        ({"id": 2, "connectorId": 9, "stackLevel": 7}, [1, 3, 4]),  # an id alone decides
        ({"connectorId": 1}, [1, 4]),
        ({"connectorId": 0}, [2, 3]),
        ({"stackLevel": 1}, [3]),
        ({"chargingProfilePurpose": "TxDefaultProfile"}, [4]),
        ({"chargingProfilePurpose": "TxDefaultProfile", "stackLevel": 1, "connectorId": 1}, [1, 3, 4]),
    ],
)
def test_clear_charging_profile_clears_what_fits_everything_given(
    tmp_path: Path, fields: dict[str, Any], left: list[int]
) -> None:
    """Accepted when that was at least one."""

    async def scenario(stage: Play) -> None:
        await _four(stage)
        assert await clear(stage, **fields) == "Accepted"
        assert installed(stage) == left

    play(tmp_path, scenario)


def test_clear_charging_profile_without_a_match_is_unknown(tmp_path: Path) -> None:
    """Nothing changes."""

    async def scenario(stage: Play) -> None:
        assert await clear(stage) == "Unknown"
        await _four(stage)
        assert await clear(stage, id=9) == "Unknown"
        assert await clear(stage, connectorId=2) == "Unknown"
        assert await clear(stage, chargingProfilePurpose="TxProfile") == "Unknown"
        assert installed(stage) == [1, 2, 3, 4]

    play(tmp_path, scenario)


def test_profiles_survive_a_power_cut(tmp_path: Path) -> None:
    """Those of a transaction too, with the transaction that goes on."""

    async def scenario(stage: Play) -> None:
        await set_profile(stage, profile((0, 9.3)), 0)
        await stage.charge(60)
        told = profile((0, 12.7), number=2, purpose="TxProfile", transactionId=1)
        assert await set_profile(stage, told) == "Accepted"
        await asyncio.sleep(5)
        await stage.kill_station()
        await stage.start_station()
        await stage.online()
        await stage.status("Charging")
        assert (installed(stage), stage.world.evse(1).offered_a) == ([1, 2], 12.7)
        await stage.finish()
        assert installed(stage) == [1]
        await stage.charge(10)
        assert stage.world.evse(1).offered_a == 9.3

    play(tmp_path, scenario)


async def _composite(stage: Play, connector: int = 1, duration: int = 3600, **fields: Any) -> dict[str, Any]:
    return await stage.csms.ask("GetCompositeSchedule", {"connectorId": connector, "duration": duration, **fields})


def _periods(answer: dict[str, Any]) -> list[tuple[int, float]]:
    return [(period["startPeriod"], period["limit"]) for period in answer["chargingSchedule"]["chargingSchedulePeriod"]]


def test_a_composite_schedule_without_profiles_is_what_the_hardware_can(tmp_path: Path) -> None:
    """In both units; it starts at scheduleStart and has no startSchedule of its own."""

    async def scenario(stage: Play) -> None:
        answer = await _composite(stage)
        assert answer["status"] == "Accepted"
        assert answer["connectorId"] == 1
        start = datetime.fromisoformat(answer["scheduleStart"]).timestamp()
        assert start == pytest.approx(stage.sim.wall_s(), abs=0.5)
        assert answer["chargingSchedule"] == {
            "duration": 3600,
            "chargingRateUnit": "A",
            "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 32.0, "numberPhases": 3}],
        }
        assert _periods(await _composite(stage, chargingRateUnit="W")) == [(0, 22080.0)]
        assert _periods(await _composite(stage, 0)) == [(0, 63.0)]  # what the station is connected with

    play(tmp_path, scenario)


def test_a_composite_schedule_combines_all_that_holds(tmp_path: Path) -> None:
    """The lowest at every moment: station, default profile, and what a higher level covers for a while."""

    async def scenario(stage: Play) -> None:
        now = datetime.fromtimestamp(stage.sim.wall_s() + 100, UTC).isoformat()
        await set_profile(stage, profile((0, 20.0)), 0)
        short = {"startSchedule": now, "duration": 600}
        await set_profile(stage, profile((0, 10.0), (300, 25.0), number=2, stack=1, schedule=short), 1)
        await set_profile(stage, profile((0, 16560.0), number=3, purpose="ChargePointMaxProfile", unit="W"), 0)
        first, second, third = _periods(await _composite(stage))[:3]
        assert (first, second[1], third[1]) == ((0, 20.0), 10.0, 24.0)
        assert 95 <= second[0] <= 100
        assert third[0] - second[0] == 300
        assert _periods(await _composite(stage))[3][1] == 20.0
        assert _periods(await _composite(stage, 2)) == [(0, 20.0)]
        assert [limit for _, limit in _periods(await _composite(stage, 0))] == [24.0]

    play(tmp_path, scenario)


def test_a_composite_schedule_that_cannot_be_computed_is_rejected(tmp_path: Path) -> None:
    """For an unknown connector or a senseless duration; a unit that is none is a wrong value."""

    async def scenario(stage: Play) -> None:
        assert await _composite(stage, 3) == {"status": "Rejected"}
        assert await _composite(stage, 1, -1) == {"status": "Rejected"}
        assert await _composite(stage, chargingRateUnit="VA") == {"error": "PropertyConstraintViolation"}

    play(tmp_path, scenario)


def test_a_composite_schedule_of_too_many_periods_is_told_as_far_as_they_go(tmp_path: Path) -> None:
    """ChargingScheduleMaxPeriods of them, and the duration that they cover."""

    async def scenario(stage: Play) -> None:
        start = datetime.fromtimestamp(stage.sim.wall_s(), UTC).replace(microsecond=0).isoformat()
        told = profile(
            (0, 10.0), (100, 11.0), kind="Recurring", recurrencyKind="Daily", schedule={"startSchedule": start}
        )
        await set_profile(stage, told, 0)
        answer = await _composite(stage, duration=86_400 * 3)
        assert [limit for _, limit in _periods(answer)] == [10.0, 11.0, 10.0]
        assert answer["chargingSchedule"]["duration"] == pytest.approx(86_400 + 100, abs=2)

    play(tmp_path, scenario, keys={"ChargingScheduleMaxPeriods": "3"})
