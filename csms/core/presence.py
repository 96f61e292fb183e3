"""Which station is on which connection."""

from dataclasses import asdict, dataclass
from typing import Self

from csms.core.events import Connected, Moment
from csms.core.store import Store

PRESENCE = "presence"
CONNECTIONS = "connections"


@dataclass(frozen=True, slots=True)
class Presence:
    """A station that is connected now, or one of its older connections that is about to end."""

    station: str
    protocol: str
    connection: str
    since: str
    remote: str

    @classmethod
    def of(cls, store: Store, station: str) -> Self | None:
        """The current connection of a station."""
        row = store.get(PRESENCE, "", station)
        return None if row is None else cls(**row)

    @classmethod
    def on(cls, store: Store, connection: str) -> Self | None:
        """The station on a connection, whether or not it is that station's newest."""
        row = store.get(CONNECTIONS, "", connection)
        return None if row is None else cls(**row)

    @classmethod
    def begin(cls, store: Store, event: Connected) -> Self:
        """Record a new connection as the station's current one."""
        presence = cls(event.station, event.protocol, event.connection, event.at.utc.isoformat(), event.remote)
        store.put(PRESENCE, "", presence.station, asdict(presence))
        store.put(CONNECTIONS, "", presence.connection, asdict(presence))
        return presence

    def end(self, store: Store) -> bool:
        """Forget this connection; tell whether it was the current one. A newer one stays untouched."""
        store.delete(CONNECTIONS, "", self.connection)
        current = self.is_current(store)
        if current:
            store.delete(PRESENCE, "", self.station)
        return current

    def is_current(self, store: Store) -> bool:
        """Whether no newer connection has taken this one's place."""
        row = store.get(PRESENCE, "", self.station)
        return row is not None and row["connection"] == self.connection


def registration(store: Store, station: str) -> str | None:
    """What the station's last BootNotification was answered; None if it never sent one."""
    row = store.get("registration", "", station)
    return None if row is None else row["status"]


def set_registration(store: Store, station: str, status: str, at: Moment) -> None:
    """Note the answer to a BootNotification."""
    store.put("registration", "", station, {"status": status, "at": at.utc.isoformat()})
