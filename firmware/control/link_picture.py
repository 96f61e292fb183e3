"""What is known of lost and failed connections and of the data used, as JSON: the parts `diagnoses` and `usage` of the state."""

from typing import TYPE_CHECKING, Any

from firmware.control.readings import rounded
from firmware.control.times import moment
from firmware.uplink.usage import Bytes
from hal.clock import Clock
from ocpp_client.diagnosis import Diagnosis

if TYPE_CHECKING:
    from firmware.connection import Connection


def diagnoses_picture(connection: "Connection", clock: Clock) -> list[dict[str, Any]]:
    """Why the station was not connected, oldest first; as many as the connection remembers."""
    return [_diagnosis(found, clock) for found in connection.diagnoses]


def diagnoses_essence(connection: "Connection") -> tuple[float, ...]:
    """What changes when there is one more."""
    return tuple(found.at for found in connection.diagnoses)


def _diagnosis(found: Diagnosis, clock: Clock) -> dict[str, Any]:
    return {
        "cause": found.cause.value,
        "says": found.says,
        "check_first": found.check_first,
        "pattern": found.pattern,
        "is_setting": found.is_setting,
        "evidence": dict(found.evidence),
        "at": moment(clock, found.at),
        "lasted_s": rounded(found.lasted_s, 1),
    }


def usage_picture(connection: "Connection") -> dict[str, Any]:
    """Bytes of OCPP messages, by day of UTC (oldest first) and on the present or last connection."""
    usage = connection.usage
    return {
        "session": _bytes(usage.session),
        "days": [{"day": day, **_bytes(used)} for day, used in usage.days.items()],
    }


def _bytes(used: Bytes) -> dict[str, int]:
    return {"sent": used.sent, "received": used.received}
