"""What can be seen at a running station, under the keys of an expectation."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from firmware.control.evse_picture import evse_picture
from firmware.ocpp16.status import status_of

if TYPE_CHECKING:
    from firmware.app import App

STATES: Final[Mapping[str, str]] = {
    "Available": "available",
    "Preparing": "preparing",
    "Charging": "charging",
    "SuspendedEV": "suspended-ev",
    "SuspendedEVSE": "suspended-evse",
    "Finishing": "finishing",
    "Reserved": "reserved",
    "Unavailable": "unavailable",
    "Faulted": "faulted",
}
"""The words of OCPP 1.6 for what an EVSE does -> those of scenarios."""


def look(app: "App", evse: int) -> dict[str, Any]:
    """An EVSE and its station, now."""
    station, stats = app.engine.station, app.queue.stats()
    if evse not in station.evses:
        return {}
    picture = evse_picture(app, evse)
    transaction = picture["transaction"]
    return {
        "state": STATES[status_of(station.evses[evse]).status],
        "plugged": picture["plugged"],
        "pilot": picture["pilot"],
        "locked": picture["locked"],
        "available": picture["available"],
        "energy": picture["energy"],
        "authorisation": picture["authorisation"],
        "contactor": picture["contactor"]["feedback"],
        "offered_a": picture["offered_a"],
        "limit_a": picture["limit_a"],
        "power_w": picture["power_w"],
        "energy_wh": None if transaction is None else transaction["energy_wh"],
        "transaction": transaction is not None,
        "fault": [fault["code"] for fault in picture["faults"]]
        + [fault.code.value for fault in station.context.faults.values()],
        "online": station.context.online,
        "ready": not station.context.halting and station.context.storage_ok and station.context.in_service,
        "operative": station.context.operative,
        "registration": station.registration.value,
        "link": app.connection.state.value,
        "queue_rows": stats.rows,
        "dead": stats.dead,
        "setting": dict(station.settings),
    }


def remote_id(app: "App", evse: int) -> str | None:
    """The central system's id of the running transaction of an EVSE."""
    known = app.engine.station.evses.get(evse)
    if known is None or known.tx is None:
        return None
    if app.translator.protocol != "ocpp1.6":
        return known.tx.id  # the station's own
    number = app.translator.remote_id(known.tx.id)
    return None if number is None else str(number)
