"""What a central system says about charging profiles."""

from typing import Any

from tests.station.play import Play


def profile(
    *periods: tuple[int, float],
    number: int = 1,
    purpose: str = "TxDefaultProfile",
    kind: str = "Absolute",
    stack: int = 0,
    unit: str = "A",
    schedule: dict[str, Any] | None = None,
    **fields: Any,
) -> dict[str, Any]:
    """A csChargingProfiles whose schedule began long ago, unless it says otherwise."""
    found = [{"startPeriod": start, "limit": limit} for start, limit in periods or ((0, 10.0),)]
    start = {"startSchedule": "2026-01-01T00:00:00Z"} if kind != "Relative" else {}
    return {
        "chargingProfileId": number,
        "stackLevel": stack,
        "chargingProfilePurpose": purpose,
        "chargingProfileKind": kind,
        "chargingSchedule": {"chargingRateUnit": unit, "chargingSchedulePeriod": found, **start, **(schedule or {})},
        **fields,
    }


async def set_profile(stage: Play, told: dict[str, Any], connector: int = 1) -> str:
    """SetChargingProfile; the status, or the code of a CALLERROR."""
    answer = await stage.csms.ask("SetChargingProfile", {"connectorId": connector, "csChargingProfiles": told})
    status: str = answer.get("status") or answer["error"]
    return status


async def clear(stage: Play, **fields: Any) -> str:
    """ClearChargingProfile."""
    status: str = (await stage.csms.ask("ClearChargingProfile", fields))["status"]
    return status


def installed(stage: Play) -> list[int]:
    """The numbers of the profiles that are kept."""
    return sorted(kept.id for kept in stage.app.engine.station.limits.profiles)
