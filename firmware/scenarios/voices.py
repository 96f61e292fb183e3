"""Says a neutral command or message in the words of the version that is spoken."""

from collections.abc import Mapping
from typing import Any

from firmware.scenarios import commands16, commands201
from firmware.scenarios.commands import MESSAGES, Arguments, Now, Payload, Raw
from firmware.scenarios.stage import NotHere


def say(protocol: str, name: str, arguments: Arguments, now: Now) -> tuple[str, Payload]:
    """Action and payload of a command. Raises NotHere for what the version does not have."""
    if isinstance(arguments, Raw):
        form = next((each for version, each in arguments.forms.items() if version == protocol), None)
        if form is None:
            raise NotHere(f"not written for {protocol}")
        return form.action, form.payload
    if protocol == "ocpp1.6":
        return commands16.say(name, arguments, now)
    return commands201.say(name, arguments, now)


def message(protocol: str, word: str) -> tuple[str, Payload]:
    """Action of a message, and what tells it from others of the action. A word that is not neutral is an action itself."""
    forms = MESSAGES.get(word)
    return (word, {}) if forms is None else forms[protocol]


def form_for(protocol: str, forms: Mapping[str, Any]) -> Mapping[str, Any]:
    """Of a table per version the one that is spoken; a table without versions as it is."""
    if not forms or not set(forms) <= {"ocpp1.6", "ocpp2.0.1"}:
        return forms
    return forms.get(protocol) or {}


def status_of(answer: Mapping[str, Any]) -> Any:
    """The status in an answer, wherever its version has it."""
    results = answer.get("setVariableResult") or answer.get("getVariableResult")
    return results[0].get("attributeStatus") if results else answer.get("status")
