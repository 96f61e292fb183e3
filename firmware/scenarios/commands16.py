"""The commands of scenarios as OCPP 1.6 says them (edition 2, sections 5 and 6)."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from firmware.ocpp16.configuration import WRITABLE
from firmware.scenarios import commands as c
from firmware.scenarios.commands import Now, Payload

TRIGGERED: Final = {
    "boot": "BootNotification",
    "heartbeat": "Heartbeat",
    "status": "StatusNotification",
    "meter-values": "MeterValues",
    "firmware-status": "FirmwareStatusNotification",
    "log-status": "DiagnosticsStatusNotification",
}
PURPOSES: Final = {"station": "ChargePointMaxProfile", "default": "TxDefaultProfile", "transaction": "TxProfile"}
KEYS: Final[Mapping[str, str]] = {setting.id: key for key, setting in WRITABLE.items()}
"""Id of a setting -> its configuration key."""

NOBODY: Final = 999_999  # a transaction that does not run


def _remote_start(it: c.RemoteStart, _now: Now) -> tuple[str, Payload]:
    payload: Payload = {"idTag": it.token}
    if it.evse is not None:
        payload["connectorId"] = it.evse
    if it.limit_a is not None:
        limit = c.ChargingLimit(purpose="transaction", limit_a=it.limit_a)
        payload["chargingProfile"] = _profile(limit, None, relative=True)
    return "RemoteStartTransaction", payload


def _remote_stop(it: c.OfTransaction, now: Now) -> tuple[str, Payload]:
    number = it.transaction or now.transaction(it.evse)
    return "RemoteStopTransaction", {"transactionId": int(number) if number else NOBODY}


def _availability(it: c.Availability, _now: Now) -> tuple[str, Payload]:
    kind = "Operative" if it.operative else "Inoperative"
    return "ChangeAvailability", {"connectorId": it.evse, "type": kind}


def _trigger(it: c.Trigger, _now: Now) -> tuple[str, Payload]:
    payload: Payload = {"requestedMessage": TRIGGERED[it.message]}
    return "TriggerMessage", payload if it.evse is None else {**payload, "connectorId": it.evse}


def _reserve(it: c.Reserve, now: Now) -> tuple[str, Payload]:
    until = now.utc + timedelta(minutes=it.minutes)
    payload: Payload = {
        "connectorId": it.evse,
        "expiryDate": _time(until),
        "idTag": it.token,
        "reservationId": it.id,
    }
    return "ReserveNow", payload if it.group is None else {**payload, "parentIdTag": it.group}


def _local_list(it: c.LocalList, _now: Now) -> tuple[str, Payload]:
    return "SendLocalList", {
        "listVersion": it.version,
        "updateType": it.update.capitalize(),
        "localAuthorizationList": [_listed(token) for token in it.tokens],
    }


def _listed(token: c.ListedToken) -> Payload:
    if token.status is None:
        return {"idTag": token.token}
    info = {"status": token.status}
    if token.group is not None:
        info["parentIdTag"] = token.group
    return {"idTag": token.token, "idTagInfo": info}


def _set_limit(it: c.ChargingLimit, now: Now) -> tuple[str, Payload]:
    profile = _profile(it, now.utc, relative=False)
    number = now.transaction(it.evse) if it.purpose == "transaction" else None
    if number is not None:
        profile["transactionId"] = int(number)
    return "SetChargingProfile", {"connectorId": it.evse, "csChargingProfiles": profile}


def _profile(it: c.ChargingLimit, start: datetime | None, *, relative: bool) -> Payload:
    periods = it.periods or (c.Period(start_s=0, limit_a=it.limit_a or 0.0),)
    schedule: Payload = {
        "chargingRateUnit": "A",
        "chargingSchedulePeriod": [
            {
                "startPeriod": period.start_s,
                "limit": period.limit_a,
                **({} if period.phases is None else {"numberPhases": period.phases}),
            }
            for period in periods
        ],
    }
    if it.duration_s is not None:
        schedule["duration"] = it.duration_s
    if start is not None:
        schedule["startSchedule"] = _time(start)
    return {
        "chargingProfileId": it.id,
        "stackLevel": it.level,
        "chargingProfilePurpose": PURPOSES[it.purpose],
        "chargingProfileKind": "Relative" if relative else "Absolute",
        "chargingSchedule": schedule,
    }


def _composite(it: c.Composite, _now: Now) -> tuple[str, Payload]:
    return "GetCompositeSchedule", {"connectorId": it.evse, "duration": it.duration_s, "chargingRateUnit": "A"}


def _firmware(it: c.Firmware, now: Now) -> tuple[str, Payload]:
    at = now.utc + timedelta(seconds=it.after_s)
    return "UpdateFirmware", {"location": it.url, "retrieveDate": _time(at)}


def _data(it: c.Data, _now: Now) -> tuple[str, Payload]:
    payload: Payload = {"vendorId": it.vendor}
    if it.message is not None:
        payload["messageId"] = it.message
    if it.data is not None:
        payload["data"] = it.data
    return "DataTransfer", payload


_SAID: Final[Mapping[str, Callable[[Any, Now], tuple[str, Payload]]]] = {
    "remote-start": _remote_start,
    "remote-stop": _remote_stop,
    "unlock": lambda it, _: ("UnlockConnector", {"connectorId": it.evse}),
    "reset": lambda it, _: ("Reset", {"type": it.kind.capitalize()}),
    "availability": _availability,
    "trigger": _trigger,
    "set": lambda it, _: ("ChangeConfiguration", {"key": KEYS.get(it.setting, it.setting), "value": it.value}),
    "get": lambda it, _: ("GetConfiguration", {"key": [KEYS.get(it.setting, it.setting)]}),
    "clear-cache": lambda _it, _: ("ClearCache", {}),
    "reserve": _reserve,
    "cancel-reservation": lambda it, _: ("CancelReservation", {"reservationId": it.id}),
    "local-list": _local_list,
    "local-list-version": lambda _it, _: ("GetLocalListVersion", {}),
    "set-limit": _set_limit,
    "clear-limit": lambda it, _: ("ClearChargingProfile", {} if it.id is None else {"id": it.id}),
    "composite": _composite,
    "update-firmware": _firmware,
    "log": lambda it, _: ("GetDiagnostics", {"location": it.url}),
    "data": _data,
}


def say(name: str, arguments: c.Arguments, now: Now) -> tuple[str, Payload]:
    """Action and payload of a command."""
    return _SAID[name](arguments, now)


def _time(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")
