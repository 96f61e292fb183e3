"""What scenarios call messages and commands, in words of no particular OCPP version; `commands16` and `commands201` say them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

Payload = dict[str, Any]

MESSAGES: Final[Mapping[str, Mapping[str, tuple[str, Payload]]]] = {
    "boot": {"ocpp1.6": ("BootNotification", {}), "ocpp2.0.1": ("BootNotification", {})},
    "heartbeat": {"ocpp1.6": ("Heartbeat", {}), "ocpp2.0.1": ("Heartbeat", {})},
    "status": {"ocpp1.6": ("StatusNotification", {}), "ocpp2.0.1": ("StatusNotification", {})},
    "authorize": {"ocpp1.6": ("Authorize", {}), "ocpp2.0.1": ("Authorize", {})},
    "start": {
        "ocpp1.6": ("StartTransaction", {}),
        "ocpp2.0.1": ("TransactionEvent", {"eventType": "Started"}),
    },
    "meter-values": {
        "ocpp1.6": ("MeterValues", {}),
        "ocpp2.0.1": ("TransactionEvent", {"eventType": "Updated", "meterValue": "*"}),
    },
    "stop": {
        "ocpp1.6": ("StopTransaction", {}),
        "ocpp2.0.1": ("TransactionEvent", {"eventType": "Ended"}),
    },
    "firmware-status": {
        "ocpp1.6": ("FirmwareStatusNotification", {}),
        "ocpp2.0.1": ("FirmwareStatusNotification", {}),
    },
    "log-status": {
        "ocpp1.6": ("DiagnosticsStatusNotification", {}),
        "ocpp2.0.1": ("LogStatusNotification", {}),
    },
}
"""Neutral word -> version -> action, and what tells this message from others of the action."""


@dataclass(frozen=True, slots=True)
class Now:
    """What a command may depend on: the time, and the running transaction of an EVSE (the central system's id; None: none)."""

    utc: datetime
    transaction: Callable[[int], str | None]


class Arguments(BaseModel):
    """The arguments of one command."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class NoArguments(Arguments):
    """Of a command that needs none."""


class RemoteStart(Arguments):
    """Start a transaction. `limit_a` comes as a charging profile for it."""

    token: str
    evse: int | None = 1
    limit_a: float | None = None


class OfTransaction(Arguments):
    """The running transaction of an EVSE, or one by its id."""

    evse: int = 1
    transaction: str | None = None


class OfEvse(Arguments):
    """An EVSE."""

    evse: int = 1


class Reset(Arguments):
    """`soft`: when transactions have ended properly; `hard`: at once."""

    kind: Literal["soft", "hard"] = "soft"


class Availability(Arguments):
    """In or out of service; EVSE 0 is the station."""

    evse: int = 0
    operative: bool


class Trigger(Arguments):
    """A message that the station is to send now."""

    message: Literal["boot", "heartbeat", "status", "meter-values", "firmware-status", "log-status"]
    evse: int | None = None


class SetSetting(Arguments):
    """A setting, by its own id or by the name that the version gives it (a key of 1.6, Component.Variable of 2.0.1)."""

    setting: str
    value: str


class GetSetting(Arguments):
    """As for `set`."""

    setting: str


class Reserve(Arguments):
    """Keep an EVSE (0: any) for a token."""

    evse: int = 1
    token: str
    minutes: float = 15.0
    id: int = 1
    group: str | None = None


class CancelReservation(Arguments):
    """Give it up."""

    id: int = 1


class ListedToken(Arguments):
    """A token of the local list; without a status it is taken off."""

    token: str
    status: str | None = "Accepted"
    group: str | None = None


class LocalList(Arguments):
    """Tokens that the station may decide on by itself."""

    version: int
    tokens: tuple[ListedToken, ...] = ()
    update: Literal["full", "differential"] = "full"


class Period(Arguments):
    """A limit in amperes per phase from so many seconds after the schedule's start."""

    start_s: int
    limit_a: float
    phases: int | None = None


class ChargingLimit(Arguments):
    """A charging profile: a constant limit, or periods; from now on, for the transaction or by default."""

    evse: int = 0
    purpose: Literal["station", "default", "transaction"] = "default"
    limit_a: float | None = None
    periods: tuple[Period, ...] = ()
    duration_s: int | None = None
    id: int = 1
    level: int = 0


class ClearLimit(Arguments):
    """Take charging profiles away, one or all."""

    id: int | None = None


class Composite(Arguments):
    """What comes of all profiles."""

    evse: int = 1
    duration_s: int = 3600


class Firmware(Arguments):
    """New firmware from a place."""

    url: str
    after_s: float = 0.0


class Log(Arguments):
    """Diagnostics to a place."""

    url: str


class Data(Arguments):
    """A vendor's own message."""

    vendor: str
    message: str | None = None
    data: str | None = None


class Raw(Arguments):
    """Any message, per version."""

    forms: Mapping[Literal["ocpp1.6", "ocpp2.0.1"], "RawForm"] = Field(min_length=1)


class RawForm(Arguments):
    """An action and its payload as they go over the wire."""

    action: str
    payload: Payload = Field(default_factory=dict)


COMMANDS: Final[Mapping[str, type[Arguments]]] = {
    "remote-start": RemoteStart,
    "remote-stop": OfTransaction,
    "unlock": OfEvse,
    "reset": Reset,
    "availability": Availability,
    "trigger": Trigger,
    "set": SetSetting,
    "get": GetSetting,
    "clear-cache": NoArguments,
    "reserve": Reserve,
    "cancel-reservation": CancelReservation,
    "local-list": LocalList,
    "local-list-version": NoArguments,
    "set-limit": ChargingLimit,
    "clear-limit": ClearLimit,
    "composite": Composite,
    "update-firmware": Firmware,
    "log": Log,
    "data": Data,
    "raw": Raw,
}
