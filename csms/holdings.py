"""What a station holds because it was put there: its configuration, local list, charging profiles and certificates.

Learnt from what stations answer to calls, whoever made them: a key that was changed is known, a list that was refused is
not. A station that is changed by other hands knows better; ask it again.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from csms.core.store import Record, Store
from csms.redaction import HIDDEN, is_secret

CONFIGURATION: Final = "configuration"
LOCAL_LIST: Final = "local-list"
LIST_VERSION: Final = "local-list-version"
PROFILES: Final = "charging-profiles"
CERTIFICATES: Final = "certificates"


class Holdings:
    """Reads and writes what stations hold. Records are JSON-able, mostly in wire names."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def configuration(self, station: str) -> list[Record]:
        """1.6: the known configuration keys; `needs_reboot` if a change is not in force yet."""
        return self._all(CONFIGURATION, station)

    def set_configuration(
        self, station: str, key: str, value: str | None, *, readonly: bool | None = None, needs_reboot: bool = False
    ) -> None:
        """Note a key's value, but never a password. `readonly` None: as it was known before."""
        found = self._store.get(CONFIGURATION, station, key.casefold()) or {"readonly": None}
        row = {
            "key": key,
            "value": HIDDEN if is_secret(key) and value is not None else value,
            "readonly": found["readonly"] if readonly is None else readonly,
            "needs_reboot": needs_reboot,
        }
        self._store.put(CONFIGURATION, station, key.casefold(), row)

    def remove_configuration(self, station: str, key: str) -> None:
        """The station does not know this key."""
        self._store.delete(CONFIGURATION, station, key.casefold())

    def local_list(self, station: str) -> Record:
        """The local list: its version (None: never told; 0: empty) and its entries."""
        row = self._store.get(LIST_VERSION, station, "")
        return {"version": None if row is None else row["version"], "entries": self._all(LOCAL_LIST, station)}

    def set_list_version(self, station: str, version: int) -> None:
        """Note the version of a station's list. Another one than was sent means another list, with entries unknown."""
        row = self._store.get(LIST_VERSION, station, "")
        if row is not None and row["version"] != version:
            self._store.drop(LOCAL_LIST, station)
        self._store.put(LIST_VERSION, station, "", {"version": version})

    def update_list(
        self, station: str, version: int, changes: Iterable[tuple[str, Record | None]], *, full: bool
    ) -> None:
        """A list was accepted: `changes` are tokens with their entries, None for one to be removed."""
        if full:
            self._store.drop(LOCAL_LIST, station)
        for token, entry in changes:
            if entry is None:
                self._store.delete(LOCAL_LIST, station, token.casefold())
            else:
                self._store.put(LOCAL_LIST, station, token.casefold(), entry)
        self._store.put(LIST_VERSION, station, "", {"version": version})

    def profiles(self, station: str) -> list[Record]:
        """The charging profiles that were accepted or reported, with the connector or EVSE they are for."""
        return self._all(PROFILES, station)

    def set_profile(self, station: str, profile_id: int, row: Record) -> None:
        """A profile is there; it takes the place of one with its id."""
        self._store.put(PROFILES, station, str(profile_id), row)

    def remove_profiles(self, station: str, where: Callable[[Record], bool]) -> None:
        """Profiles are gone: those for which `where` holds."""
        for key, row in self._store.items(PROFILES, station):
            if where(row):
                self._store.delete(PROFILES, station, key)

    def certificates(self, station: str) -> list[Record]:
        """The installed certificates as the station last told them, by type and hash data."""
        return self._all(CERTIFICATES, station)

    def set_certificates(self, station: str, types: frozenset[str] | None, found: Iterable[Record]) -> None:
        """These are all certificates of these types (of any type when None)."""
        for key, row in self._store.items(CERTIFICATES, station):
            if types is None or row["certificateType"] in types:
                self._store.delete(CERTIFICATES, station, key)
        for row in found:
            hashed = row["certificateHashData"]
            key = f"{row['certificateType']}/{hashed['issuerKeyHash']}/{hashed['serialNumber']}".casefold()
            self._store.put(CERTIFICATES, station, key, row)

    def remove_certificate(self, station: str, hash_data: Mapping[str, Any]) -> None:
        """A certificate was deleted."""
        for key, row in self._store.items(CERTIFICATES, station):
            if row["certificateHashData"] == hash_data:
                self._store.delete(CERTIFICATES, station, key)

    def _all(self, table: str, station: str) -> list[Record]:
        return [row for _, row in self._store.items(table, station)]
