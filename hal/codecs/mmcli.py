"""What `mmcli -J` prints of a modem, its SIM, its bearers and its signal (ModemManager 1.18 and newer).

Every value is a string or a list of strings; `--` stands for what is not known. A key that is missing counts as not known.

Source: mmcli(1); the keys are those of its JSON output.
"""

import json
from collections.abc import Iterable
from typing import Any

from hal.errors import BadReply

_UNKNOWN = "--"
_REGISTERED = {"home": False, "roaming": True}  # state -> roaming
_NOT_REGISTERED = frozenset({"idle", "searching", "denied"})
_SIGNAL_KINDS = ("5g", "lte", "umts", "gsm")
_TECHNOLOGY = {
    "lte": "LTE",
    "5gnr": "5G NR",
    "umts": "UMTS",
    "hspa": "HSPA",
    "hspa-plus": "HSPA+",
    "edge": "EDGE",
    "gsm": "GSM",
}


def parse(text: bytes) -> dict[str, Any]:
    """The document. Raises BadReply for anything but a JSON object."""
    try:
        document = json.loads(text)
    except ValueError as error:
        raise BadReply(f"mmcli printed no JSON ({error}); is its version 1.18 or newer?") from error
    if not isinstance(document, dict):
        raise BadReply(f"mmcli printed a JSON {type(document).__name__} where an object belongs")
    return document


def text_at(document: dict[str, Any], *path: str) -> str | None:
    """A string in the document; None when it is missing, empty or not known."""
    value: Any = document
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, str) and value not in {"", _UNKNOWN} else None


def texts_at(document: dict[str, Any], *path: str) -> tuple[str, ...]:
    """A list of strings in the document; empty when it is missing."""
    value: Any = document
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()


def registration(modem: dict[str, Any]) -> tuple[bool | None, bool | None]:
    """Whether it is registered, and whether it roams; None where it does not tell."""
    state = text_at(modem, "modem", "3gpp", "registration-state")
    if state in _REGISTERED:
        return True, _REGISTERED[state]
    return (False if state in _NOT_REGISTERED else None), None


def technology(modem: dict[str, Any]) -> str | None:
    """The access technologies in use, in the words of the field."""
    names = texts_at(modem, "modem", "generic", "access-technologies")
    return "/".join(_TECHNOLOGY.get(name, name.upper()) for name in names if name != _UNKNOWN) or None


def signal_dbm(signal: dict[str, Any]) -> int | None:
    """The received strength of the best technology that reports one."""
    for kind in _SIGNAL_KINDS:
        for quantity in ("rssi", "rsrp"):
            number = _number(text_at(signal, "modem", "signal", kind, quantity))
            if number is not None:
                return number
    return None


def address(bearers: Iterable[dict[str, Any]]) -> str | None:
    """The address of the first connected bearer that has one."""
    for bearer in bearers:
        if text_at(bearer, "bearer", "status", "connected") != "yes":
            continue
        found = text_at(bearer, "bearer", "ipv4-config", "address") or text_at(
            bearer, "bearer", "ipv6-config", "address"
        )
        if found is not None:
            return found
    return None


def index_of(path: str) -> str:
    """The number at the end of a D-Bus path, by which mmcli addresses an object."""
    return path.rpartition("/")[2]


def _number(text: str | None) -> int | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return round(value) if -140 <= value < 0 else None
