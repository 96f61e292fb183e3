"""What a station that is held Pending may send, because the central system asked for it.

OCPP 1.6 edition 2, section 4.2 and OCPP 2.0.1, use case B02: only what a TriggerMessage or a report request brings about.
"""

import json
from typing import Final

from csms.core.store import Store

SOLICITED = "solicited"

# Requests that are answered later, in messages of their own.
_LATER: Final[dict[str, str]] = {
    "GetBaseReport": "NotifyReport",
    "GetReport": "NotifyReport",
    "GetLog": "LogStatusNotification",
    "GetDiagnostics": "DiagnosticsStatusNotification",
    "UpdateFirmware": "FirmwareStatusNotification",
    "SignedUpdateFirmware": "SignedFirmwareStatusNotification",
}
_TRIGGERS: Final = frozenset({"TriggerMessage", "ExtendedTriggerMessage"})
# Triggers that do not name the message they bring about.
_CERTIFICATES: Final = frozenset(
    {"SignChargePointCertificate", "SignChargingStationCertificate", "SignV2GCertificate", "SignCombinedCertificate"}
)


def note_request(store: Store, station: str, action: str, payload: str) -> None:
    """Remember what a call of ours entitles the station to send."""
    expected: object = _LATER.get(action)
    if action in _TRIGGERS:
        named = _field(payload, "requestedMessage")
        expected = "SignCertificate" if isinstance(named, str) and named in _CERTIFICATES else named
        if action == "ExtendedTriggerMessage" and named == "FirmwareStatusNotification":
            expected = "SignedFirmwareStatusNotification"
    if isinstance(expected, str):
        store.put(SOLICITED, station, expected, {})


def _field(payload: str, name: str) -> object:
    try:
        found = json.loads(payload)
    except ValueError:  # commands may be sent unchecked
        return None
    return found.get(name) if isinstance(found, dict) else None


def solicited(store: Store, station: str, action: str) -> bool:
    """Whether the station was asked for messages of this action since it last booted."""
    return store.get(SOLICITED, station, action) is not None


def forget(store: Store, station: str) -> None:
    """A BootNotification begins anew."""
    store.drop(SOLICITED, station)
