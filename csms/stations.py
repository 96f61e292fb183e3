"""What is known of each station besides its transactions: who it says it is, its connectors, its notices.

`Boots` is how an operator holds a station Pending or Rejected for a while.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, TypeAlias

from csms.core.presence import Presence, registration
from csms.core.store import Record, Store

STATIONS = "stations"
CONNECTORS = "connectors"
NOTICES = "notices"
METER_VALUES = "meter-values"
VARIABLES = "variables"
HELD = "held"

Registration: TypeAlias = Literal["Accepted", "Pending", "Rejected"]


@dataclass(frozen=True, slots=True)
class ConnectorStatus:
    """The last status reported for a connector; 1.6 counts connectors through the station and has no EVSE."""

    evse_id: int | None
    connector_id: int
    status: str
    error_code: str | None
    at: datetime
    details: dict[str, Any]


class Stations:
    """Reads and writes what stations say about themselves."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def known(self) -> list[str]:
        """Every station that was ever connected, in the order of their first connection."""
        return [station for station, _ in self._store.items(STATIONS, "")]

    def count(self) -> int:
        """How many stations were ever connected."""
        return self._store.count(STATIONS, "")

    def is_known(self, station: str) -> bool:
        """Whether a station was ever connected."""
        return self._store.get(STATIONS, "", station) is not None

    def met(self, station: str, at: datetime) -> None:
        """A station has connected."""
        row = self._store.get(STATIONS, "", station) or {"first_seen": at.isoformat(), "boot": None, "boots": 0}
        self._store.put(STATIONS, "", station, {**row, "last_connected": at.isoformat()})

    def booted(self, station: str, boot: Record, at: datetime) -> None:
        """A station has introduced itself with a BootNotification, here with its wire names."""
        row = self._store.get(STATIONS, "", station) or {"first_seen": at.isoformat(), "boots": 0}
        row = {**row, "boot": boot, "boots": row["boots"] + 1, "last_boot": at.isoformat()}
        self._store.put(STATIONS, "", station, row)

    def description(self, station: str) -> Record:
        """All that is known of a station, JSON-able; a station that was never here has no `first_seen`."""
        row = self._store.get(STATIONS, "", station) or {"first_seen": None, "boot": None, "boots": 0}
        presence = Presence.of(self._store, station)
        return {
            "id": station,
            "connected": presence is not None,
            "protocol": None if presence is None else presence.protocol,
            "connected_since": None if presence is None else presence.since,
            "remote": None if presence is None else presence.remote,
            "registration": registration(self._store, station),
            **row,
            "connectors": [entry for _, entry in self._store.items(CONNECTORS, station)],
        }

    def set_status(self, station: str, status: ConnectorStatus) -> None:
        """Note a connector's status. The last one to arrive counts, whatever the station's clock says."""
        row = {
            "evse_id": status.evse_id,
            "connector_id": status.connector_id,
            "status": status.status,
            "error_code": status.error_code,
            "at": status.at.isoformat(),
            **status.details,
        }
        self._store.put(CONNECTORS, station, f"{status.evse_id or 0}.{status.connector_id}", row)

    def status(self, station: str, connector_id: int, evse_id: int | None = None) -> str | None:
        """The last status of a connector, or None if none was reported."""
        row = self._store.get(CONNECTORS, station, f"{evse_id or 0}.{connector_id}")
        return None if row is None else row["status"]

    def set_variable(self, station: str, key: str, report: Record) -> None:
        """Keep what a 2.0.1 station reported of one variable of its device model."""
        self._store.put(VARIABLES, station, key, report)

    def variable(self, station: str, key: str) -> Record | None:
        """What was reported of one variable."""
        return self._store.get(VARIABLES, station, key)

    def variables(self, station: str) -> list[Record]:
        """What was reported of the device model, as ReportData in wire names."""
        return [report for _, report in self._store.items(VARIABLES, station)]

    def note(self, station: str, action: str, payload: Record, at: datetime) -> None:
        """Keep a notice (firmware, log, security event, report …) as it came."""
        self._store.append(NOTICES, station, {"at": at.isoformat(), "action": action, "payload": payload})

    def notices(self, station: str, limit: int | None = None) -> list[Record]:
        """The newest notices of a station, oldest first."""
        return self._store.entries(NOTICES, station, limit)

    def note_values(self, station: str, payload: Record, at: datetime) -> None:
        """Keep meter values that belong to no transaction."""
        self._store.append(METER_VALUES, station, {"at": at.isoformat(), "payload": payload})

    def values(self, station: str, limit: int | None = None) -> list[Record]:
        """The newest meter values outside transactions, oldest first."""
        return self._store.entries(METER_VALUES, station, limit)


class Boots:
    """Decides what a BootNotification is answered."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def hold(self, station: str, status: Registration, *, times: int | None = None, retry_s: int | None = None) -> None:
        """Answer the next `times` BootNotifications (all of them when None) with this status and retry interval."""
        self._store.put(HELD, "", station, {"status": status, "times": times, "retry_s": retry_s})

    def release(self, station: str) -> None:
        """Accept the station again from its next BootNotification on."""
        self._store.delete(HELD, "", station)

    def next_answer(self, station: str, *, heartbeat_s: int, retry_s: int) -> tuple[Registration, int]:
        """The status and interval for one BootNotification; it uses up one of the times of a hold."""
        held = self._store.get(HELD, "", station)
        if held is None:
            return "Accepted", heartbeat_s
        if held["times"] is not None:
            if held["times"] > 1:
                self._store.put(HELD, "", station, {**held, "times": held["times"] - 1})
            else:
                self.release(station)
        accepted = held["status"] == "Accepted"
        interval_s = held["retry_s"] if held["retry_s"] is not None else (heartbeat_s if accepted else retry_s)
        return held["status"], interval_s
