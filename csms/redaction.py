"""Keeps station passwords out of the message log."""

import json
import re
from typing import Any, Final

HIDDEN: Final = "***"

# The configuration keys and variables that hold a password (1.6 security whitepaper; 2.0.1 part 2, SecurityCtrlr).
_SECRET_NAMES: Final = frozenset({"authorizationkey", "basicauthpassword"})
_MAY_HOLD_SECRET: Final = re.compile("AuthorizationKey|BasicAuthPassword", re.IGNORECASE)


def redacted(text: str) -> str:
    """The text of a message, with the values of password settings replaced."""
    if _MAY_HOLD_SECRET.search(text) is None:
        return text
    try:
        return json.dumps(_without_secrets(json.loads(text)), separators=(",", ":"), ensure_ascii=False)
    except (ValueError, RecursionError):
        return f"<{len(text)} characters that mention a password and are not JSON>"


def is_secret(name: str) -> bool:
    """Whether a configuration key or variable of this name holds a password."""
    return name.casefold() in _SECRET_NAMES


def _without_secrets(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_secrets(item) for item in value]
    if not isinstance(value, dict):
        return value
    variable = value.get("variable")
    name = variable.get("name") if isinstance(variable, dict) else value.get("key")
    secret = isinstance(name, str) and is_secret(name)
    hidden = ("value", "attributeValue") if secret else ()
    return {key: HIDDEN if key in hidden else _without_secrets(item) for key, item in value.items()}
