"""OCPP-J messages as text: sans-I/O. Nothing here waits, logs or remembers.

A message is a JSON array; its first item says what it is (OCPP-J 1.6, section 4.2; OCPP 2.0.1 part 4, section 4.2;
OCPP 2.1 part 4, section 4.2):

    [2, id, action, payload]               Call
    [3, id, payload]                       CallResult
    [4, id, code, description, details]    CallError
    [5, id, code, description, details]    CallResultError    2.1: refuses a CALLRESULT, is never answered
    [6, id, action, payload]               Send               2.1: a CALL without an answer

Payloads stay raw JSON text, because validating a model straight from text is much faster than from decoded objects.
There are two readers:

- `split` takes the usual spelling apart with one regular expression. It does not look into the payload: whoever
  decodes that next finds out, at no extra cost, whether it is JSON. If it is, the answer equals that of `parse`.
- `parse` reads any spelling and proves everything; what breaks a rule becomes a `Malformed`, and `answer_to` says what
  its sender is told.

Rules in both: an id is a string of at most 36 characters; a payload is an object, and `null` stands for an empty one;
NaN and Infinity are not JSON. Only CALLERROR is read with more patience: some central systems send an id of null or
"-1" when they could not read ours, and null for an empty description or empty details.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from json.encoder import encode_basestring_ascii as _quote
from typing import Any, Final

from ocpp_client.dialects import CALL, CALLERROR, CALLRESULT, CALLRESULTERROR, SEND, Dialect, FrameFault
from ocpp_client.errors import MessageTooLarge

MAX_ID_CHARS: Final = 36
MAX_DESCRIPTION_CHARS: Final = 255
MAX_ECHO_CHARS: Final = 255
"""A longer id than allowed is still good for telling its sender so, up to here."""

UNREADABLE_ID: Final = "-1"
"""Stands for an id nobody could read (OCPP 2.0.1 part 4, section 4.2.3)."""


@dataclass(frozen=True, slots=True)
class Call:
    """A request. `payload` is the JSON text of an object."""

    id: str
    action: str
    payload: str


@dataclass(frozen=True, slots=True)
class CallResult:
    """The answer to the CALL of this id. `payload` is the JSON text of an object."""

    id: str
    payload: str


@dataclass(frozen=True, slots=True)
class CallError:
    """The refusal of the CALL of this id; `id` is None where the peer says it could not read it."""

    id: str | None
    code: str
    description: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CallResultError:
    """The refusal of the CALLRESULT of this id (2.1)."""

    id: str
    code: str
    description: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Send:
    """A request that nobody answers (2.1)."""

    id: str
    action: str
    payload: str


Frame = Call | CallResult | CallError | CallResultError | Send


@dataclass(frozen=True, slots=True)
class Malformed:
    """A text that is no message. `message_type` and `id` are set as far as they could be read.

    `text` is fit for a CALLERROR and for a log: it quotes nothing of the message.
    """

    fault: FrameFault
    text: str
    message_type: int | None = None
    id: str | None = None


# --- reading

_BLANK: Final = re.compile(r"[ \t\n\r]*")
# The usual spelling of a CALL or CALLRESULT, up to the payload: no escapes in the strings, blanks after commas at most.
_HEAD: Final = re.compile(
    r'\[([23]),[ \t\n\r]*"([^"\\\x00-\x1f]{0,36})",[ \t\n\r]*(?:"([^"\\\x00-\x1f]*)",[ \t\n\r]*)?(?=\{)'
)
# What can still be read of a text that is not JSON as a whole.
_REMAINS: Final = re.compile(r'[ \t\n\r]*\[[ \t\n\r]*([2-6])[ \t\n\r]*,[ \t\n\r]*"([^"\\\x00-\x1f]{0,36})"[ \t\n\r]*,')


def split(text: str) -> Call | CallResult | None:
    """Take a CALL or CALLRESULT of the usual spelling apart, without looking into its payload.

    None means no more than that `parse` has to look; it does so, too, where NaN or Infinity may stand as a number, which
    decoders of models let pass. If the payload of the frame turns out not to be JSON, the message
    is malformed, and `parse` says in which way.
    """
    head = _HEAD.match(text)
    if head is None or not text.endswith("}]") or "NaN" in text or "Infinity" in text:
        return None
    message_type, message_id, action = head.groups()
    payload = text[head.end() : -1]
    if message_type == "2":
        return None if action is None else Call(message_id, action, payload)
    return CallResult(message_id, payload) if action is None else None


def parse(text: str, version: Dialect) -> Frame | Malformed:
    """Read a message of any spelling, and prove it."""
    try:
        items = _items(text)
    except (ValueError, RecursionError):  # RecursionError: nested deeper than any message of OCPP by far
        remains = _REMAINS.match(text)
        message_type, message_id = (int(remains[1]), remains[2]) if remains else (None, None)
        return Malformed(FrameFault.NOT_JSON, "the message is not JSON", message_type, message_id)
    if not items or type(items[0][0]) is not int:
        return Malformed(FrameFault.NOT_ARRAY, "the message is not an array that starts with a message type")
    message_type = items[0][0]
    if message_type not in version.message_types:
        readable = _readable_id(items)
        return Malformed(FrameFault.MESSAGE_TYPE, f"no message type {message_type}"[:40], message_type, readable)
    if message_type in (CALL, SEND):
        return _request(message_type, items)
    if message_type == CALLRESULT:
        return _result(items)
    return _error(message_type, items)


Items = list[tuple[Any, str]]
"""The items of a JSON array: each decoded, and as the text it was."""


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


_DECODER: Final = json.JSONDecoder(parse_constant=_refuse_constant)


def _items(text: str) -> Items:
    """Return the items of an array; none if the text is other JSON. Raises ValueError or RecursionError if not JSON."""
    at = _skip_blanks(text, 0)
    if not text.startswith("[", at):
        _DECODER.decode(text)
        return []
    items: Items = []
    closed = text.startswith("]", at := _skip_blanks(text, at + 1))
    while not closed:
        value, end = _DECODER.raw_decode(text, at)
        items.append((value, text[at:end]))
        at = _skip_blanks(text, end)
        closed = text.startswith("]", at)
        if not closed:
            if not text.startswith(",", at):
                raise ValueError("neither comma nor end of the array")
            at = _skip_blanks(text, at + 1)
    if _skip_blanks(text, at + 1) != len(text):
        raise ValueError("text after the array")
    return items


def _skip_blanks(text: str, at: int) -> int:
    blank = _BLANK.match(text, at)
    assert blank is not None  # it matches nothing, too
    return blank.end()


def _readable_id(items: Items) -> str | None:
    message_id = items[1][0] if len(items) > 1 else None
    return message_id if isinstance(message_id, str) and len(message_id) <= MAX_ECHO_CHARS else None


def _request(message_type: int, items: Items) -> Call | Send | Malformed:
    message_id = _readable_id(items)
    if message_id is None or len(message_id) > MAX_ID_CHARS:
        return _bad_id(message_type, message_id)
    if len(items) != 4:
        return _bad_length(message_type, message_id, 4, len(items))
    action = items[2][0]
    if not isinstance(action, str):
        return Malformed(FrameFault.ACTION, "the action is not a string", message_type, message_id)
    payload = _object_text(items[3])
    if payload is None:
        return _bad_payload(message_type, message_id)
    return (Call if message_type == CALL else Send)(message_id, action, payload)


def _result(items: Items) -> CallResult | Malformed:
    message_id = _readable_id(items)
    if message_id is None or len(message_id) > MAX_ID_CHARS:
        return _bad_id(CALLRESULT, message_id)
    if len(items) != 3:
        return _bad_length(CALLRESULT, message_id, 3, len(items))
    payload = _object_text(items[2])
    return _bad_payload(CALLRESULT, message_id) if payload is None else CallResult(message_id, payload)


def _error(message_type: int, items: Items) -> CallError | CallResultError | Malformed:
    message_id = _readable_id(items)
    nobodys = message_type == CALLERROR and len(items) > 1 and items[1][0] in (None, UNREADABLE_ID)
    if not nobodys and (message_id is None or len(message_id) > MAX_ID_CHARS):
        return _bad_id(message_type, message_id)
    if len(items) != 5:
        return _bad_length(message_type, message_id, 5, len(items))
    code, description, details = (value for value, _ in items[2:])
    description = "" if description is None else description
    details = {} if details is None else details
    if not (isinstance(code, str) and isinstance(description, str) and isinstance(details, dict)):
        text = "code, description or details have a wrong type"
        return Malformed(FrameFault.ERROR_ITEMS, text, message_type, message_id)
    if message_type == CALLERROR:
        return CallError(None if nobodys else message_id, code, description, details)
    assert message_id is not None  # only a CALLERROR may be nobody's
    return CallResultError(message_id, code, description, details)


def _object_text(item: tuple[Any, str]) -> str | None:
    value, text = item
    if value is None:
        return "{}"
    return text if isinstance(value, dict) else None


def _bad_id(message_type: int, message_id: str | None) -> Malformed:
    text = f"the message id is not a string of at most {MAX_ID_CHARS} characters"
    return Malformed(FrameFault.ID, text, message_type, message_id)


def _bad_length(message_type: int, message_id: str | None, wanted: int, found: int) -> Malformed:
    text = f"a message of type {message_type} has {wanted} items, this one {found}"
    return Malformed(FrameFault.LENGTH, text, message_type, message_id)


def _bad_payload(message_type: int, message_id: str) -> Malformed:
    return Malformed(FrameFault.PAYLOAD, "the payload is not an object", message_type, message_id)


# --- answering what cannot be handled


def answer_to(bad: Malformed, version: Dialect) -> CallError | None:
    """Return what the sender of a malformed message is told; None for silence.

    Answers are never answered, or two peers could do it for ever.
    """
    if bad.fault is FrameFault.MESSAGE_TYPE and not version.answers_unknown_types:
        return None
    if bad.message_type in version.message_types and bad.message_type != CALL:
        return None
    if bad.id is not None:
        return CallError(bad.id, version.codes[bad.fault], bad.text)
    if not version.answers_unreadable:
        return None
    code = "RpcFrameworkError" if bad.fault is not FrameFault.MESSAGE_TYPE else version.codes[bad.fault]
    return CallError(UNREADABLE_ID, code, bad.text)


# --- writing


def encode_call(message_id: str, action: str, payload: str) -> str:
    """Return the text of a CALL; `payload` is the JSON text of an object."""
    return f"[2,{_quote(message_id)},{_quote(action)},{payload}]"


def encode_result(message_id: str, payload: str) -> str:
    """Return the text of a CALLRESULT; `payload` is the JSON text of an object."""
    return f"[3,{_quote(message_id)},{payload}]"


def encode_error(frame: CallError | CallResultError) -> str:
    """Return the text of a CALLERROR or CALLRESULTERROR, its description cut to 255 characters."""
    message_type = CALLERROR if isinstance(frame, CallError) else CALLRESULTERROR
    message_id = UNREADABLE_ID if frame.id is None else frame.id
    description = _quote(frame.description[:MAX_DESCRIPTION_CHARS])
    details = json.dumps(dict(frame.details), separators=(",", ":"), allow_nan=False)
    return f"[{message_type},{_quote(message_id)},{_quote(frame.code)},{description},{details}]"


def encode_send(message_id: str, action: str, payload: str) -> str:
    """Return the text of a SEND (2.1); `payload` is the JSON text of an object."""
    return f"[6,{_quote(message_id)},{_quote(action)},{payload}]"


def check_size(action: str, text: str, limit_bytes: int) -> None:
    """Raise MessageTooLarge if the text of this action's message takes more than `limit_bytes` as UTF-8."""
    size = len(text) if text.isascii() else len(text.encode())
    if size > limit_bytes:
        raise MessageTooLarge(action, size, limit_bytes)
