"""The commands of scenarios as OCPP 2.0.1 says them (part 2, section 2)."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from firmware.core.settings import BY_ID
from firmware.ocpp201.setting_rows import SETTINGS, Row
from firmware.scenarios import commands as c
from firmware.scenarios.commands import Now, Payload
from firmware.scenarios.stage import NotHere

TRIGGERED: Final = {
    "boot": "BootNotification",
    "heartbeat": "Heartbeat",
    "status": "StatusNotification",
    "meter-values": "MeterValues",
    "firmware-status": "FirmwareStatusNotification",
    "log-status": "LogStatusNotification",
}
PURPOSES: Final = {
    "station": "ChargingStationMaxProfile",
    "default": "TxDefaultProfile",
    "transaction": "TxProfile",
}
VARIABLES: Final[Mapping[str, Row]] = {row.setting.id: row for row in SETTINGS}
"""Id of a setting -> its variable."""

NOBODY: Final = "no-such-transaction"


def _token(value: str) -> Payload:
    is_card = len(value) % 2 == 0 and all(digit in "0123456789ABCDEFabcdef" for digit in value)
    return {"idToken": value, "type": "ISO14443" if is_card else "KeyCode"}


def _remote_start(it: c.RemoteStart, _now: Now) -> tuple[str, Payload]:
    payload: Payload = {"idToken": _token(it.token), "remoteStartId": 1}
    if it.evse is not None:
        payload["evseId"] = it.evse
    if it.limit_a is not None:
        limit = c.ChargingLimit(purpose="transaction", limit_a=it.limit_a)
        payload["chargingProfile"] = _profile(limit, None, relative=True)
    return "RequestStartTransaction", payload


def _remote_stop(it: c.OfTransaction, now: Now) -> tuple[str, Payload]:
    return "RequestStopTransaction", {"transactionId": it.transaction or now.transaction(it.evse) or NOBODY}


def _availability(it: c.Availability, _now: Now) -> tuple[str, Payload]:
    payload: Payload = {"operationalStatus": "Operative" if it.operative else "Inoperative"}
    return "ChangeAvailability", {**payload, "evse": {"id": it.evse}} if it.evse else payload


def _trigger(it: c.Trigger, _now: Now) -> tuple[str, Payload]:
    payload: Payload = {"requestedMessage": TRIGGERED[it.message]}
    if it.evse is not None:
        evse: Payload = {"id": it.evse}
        if it.message == "status":
            evse["connectorId"] = 1
        payload["evse"] = evse
    return "TriggerMessage", payload


def _variable(setting: str) -> Payload:
    row = VARIABLES.get(setting)
    if row is None and setting in BY_ID:
        raise NotHere(f"OCPP 2.0.1 has no variable for {setting}")
    if row is None:
        component, _, name = setting.partition(".")
        return {"component": {"name": component}, "variable": {"name": name}}
    variable = {"name": row.name} if row.instance is None else {"name": row.name, "instance": row.instance}
    return {"component": {"name": row.component}, "variable": variable}


def _set(it: c.SetSetting, _now: Now) -> tuple[str, Payload]:
    return "SetVariables", {"setVariableData": [{**_variable(it.setting), "attributeValue": it.value}]}


def _get(it: c.GetSetting, _now: Now) -> tuple[str, Payload]:
    return "GetVariables", {"getVariableData": [_variable(it.setting)]}


def _reserve(it: c.Reserve, now: Now) -> tuple[str, Payload]:
    payload: Payload = {
        "id": it.id,
        "expiryDateTime": _time(now.utc + timedelta(minutes=it.minutes)),
        "idToken": _token(it.token),
    }
    if it.evse:
        payload["evseId"] = it.evse
    if it.group is not None:
        payload["groupIdToken"] = {"idToken": it.group, "type": "Central"}
    return "ReserveNow", payload


def _local_list(it: c.LocalList, _now: Now) -> tuple[str, Payload]:
    payload: Payload = {"versionNumber": it.version, "updateType": it.update.capitalize()}
    if it.tokens:
        payload["localAuthorizationList"] = [_listed(token) for token in it.tokens]
    return "SendLocalList", payload


def _listed(token: c.ListedToken) -> Payload:
    if token.status is None:
        return {"idToken": _token(token.token)}
    info: Payload = {"status": token.status}
    if token.group is not None:
        info["groupIdToken"] = {"idToken": token.group, "type": "Central"}
    return {"idToken": _token(token.token), "idTokenInfo": info}


def _set_limit(it: c.ChargingLimit, now: Now) -> tuple[str, Payload]:
    profile = _profile(it, now.utc, relative=False)
    running = now.transaction(it.evse) if it.purpose == "transaction" else None
    if running is not None:
        profile["transactionId"] = running
    return "SetChargingProfile", {"evseId": it.evse, "chargingProfile": profile}


def _profile(it: c.ChargingLimit, start: datetime | None, *, relative: bool) -> Payload:
    periods = it.periods or (c.Period(start_s=0, limit_a=it.limit_a or 0.0),)
    schedule: Payload = {
        "id": it.id,
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
        "id": it.id,
        "stackLevel": it.level,
        "chargingProfilePurpose": PURPOSES[it.purpose],
        "chargingProfileKind": "Relative" if relative else "Absolute",
        "chargingSchedule": [schedule],
    }


def _composite(it: c.Composite, _now: Now) -> tuple[str, Payload]:
    return "GetCompositeSchedule", {"evseId": it.evse, "duration": it.duration_s, "chargingRateUnit": "A"}


def _firmware(it: c.Firmware, now: Now) -> tuple[str, Payload]:
    at = now.utc + timedelta(seconds=it.after_s)
    return "UpdateFirmware", {"requestId": 1, "firmware": {"location": it.url, "retrieveDateTime": _time(at)}}


def _log(it: c.Log, _now: Now) -> tuple[str, Payload]:
    return "GetLog", {"logType": "DiagnosticsLog", "requestId": 1, "log": {"remoteLocation": it.url}}


def _data(it: c.Data, _now: Now) -> tuple[str, Payload]:
    payload: Payload = {"vendorId": it.vendor}
    if it.message is not None:
        payload["messageId"] = it.message
    if it.data is not None:
        payload["data"] = it.data
    return "DataTransfer", payload


_RESETS: Final = {"soft": "OnIdle", "hard": "Immediate"}

_SAID: Final[Mapping[str, Callable[[Any, Now], tuple[str, Payload]]]] = {
    "remote-start": _remote_start,
    "remote-stop": _remote_stop,
    "unlock": lambda it, _: ("UnlockConnector", {"evseId": it.evse, "connectorId": 1}),
    "reset": lambda it, _: ("Reset", {"type": _RESETS[it.kind]}),
    "availability": _availability,
    "trigger": _trigger,
    "set": _set,
    "get": _get,
    "clear-cache": lambda _it, _: ("ClearCache", {}),
    "reserve": _reserve,
    "cancel-reservation": lambda it, _: ("CancelReservation", {"reservationId": it.id}),
    "local-list": _local_list,
    "local-list-version": lambda _it, _: ("GetLocalListVersion", {}),
    "set-limit": _set_limit,
    "clear-limit": lambda it, _: ("ClearChargingProfile", {} if it.id is None else {"chargingProfileId": it.id}),
    "composite": _composite,
    "update-firmware": _firmware,
    "log": _log,
    "data": _data,
}


def say(name: str, arguments: c.Arguments, now: Now) -> tuple[str, Payload]:
    """Action and payload of a command. Raises NotHere for a setting without a variable."""
    return _SAID[name](arguments, now)


def _time(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")
