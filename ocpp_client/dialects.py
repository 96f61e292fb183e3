"""What differs in framing between the versions of OCPP: message types, error codes, and when to be silent."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from ocpp_client.messages import ViolationKind

CALL: Final = 2
CALLRESULT: Final = 3
CALLERROR: Final = 4
CALLRESULTERROR: Final = 5
SEND: Final = 6


class FrameFault(Enum):
    """What is wrong with a message, before anyone looks at its fields."""

    NOT_JSON = "not JSON"
    NOT_ARRAY = "not an array that starts with a message type"
    MESSAGE_TYPE = "a message type this version does not have"
    LENGTH = "too few or too many items"
    ID = "no usable message id"
    ACTION = "the action is not a string"
    PAYLOAD = "the payload is not an object"
    ERROR_ITEMS = "code, description or details have a wrong type"


@dataclass(frozen=True, slots=True)
class Dialect:
    """What differs in framing between the versions of OCPP."""

    protocol: str
    message_types: frozenset[int]
    codes: Mapping[FrameFault | ViolationKind, str]
    """The CALLERROR code for each fault, in the spelling of this version."""
    answers_unreadable: bool
    """Whether a message without a readable id is answered, with the id "-1"."""
    answers_unknown_types: bool
    """Whether a message type that does not exist is answered; otherwise it is ignored."""


# OCPP-J 1.6, section 4.2.3, misspellings included: the published schemas and servers have them.
_CODES_16: Final[dict[FrameFault | ViolationKind, str]] = {
    FrameFault.NOT_JSON: "FormationViolation",
    FrameFault.NOT_ARRAY: "FormationViolation",
    FrameFault.MESSAGE_TYPE: "FormationViolation",
    FrameFault.LENGTH: "FormationViolation",
    FrameFault.ID: "FormationViolation",
    FrameFault.ACTION: "FormationViolation",
    FrameFault.PAYLOAD: "ProtocolError",
    FrameFault.ERROR_ITEMS: "FormationViolation",
    ViolationKind.NOT_JSON: "FormationViolation",
    ViolationKind.NOT_OBJECT: "ProtocolError",
    ViolationKind.EXTRA: "FormationViolation",
    ViolationKind.MISSING: "OccurenceConstraintViolation",
    ViolationKind.CARDINALITY: "OccurenceConstraintViolation",
    ViolationKind.TYPE: "TypeConstraintViolation",
    ViolationKind.VALUE: "PropertyConstraintViolation",
}
# OCPP 2.0.1 part 4, section 4.3.
_CODES_20: Final[dict[FrameFault | ViolationKind, str]] = {
    FrameFault.NOT_JSON: "FormatViolation",
    FrameFault.NOT_ARRAY: "RpcFrameworkError",
    FrameFault.MESSAGE_TYPE: "MessageTypeNotSupported",
    FrameFault.LENGTH: "RpcFrameworkError",
    FrameFault.ID: "RpcFrameworkError",
    FrameFault.ACTION: "RpcFrameworkError",
    FrameFault.PAYLOAD: "ProtocolError",
    FrameFault.ERROR_ITEMS: "RpcFrameworkError",
    ViolationKind.NOT_JSON: "FormatViolation",
    ViolationKind.NOT_OBJECT: "ProtocolError",
    ViolationKind.EXTRA: "FormatViolation",
    ViolationKind.MISSING: "OccurrenceConstraintViolation",
    ViolationKind.CARDINALITY: "OccurrenceConstraintViolation",
    ViolationKind.TYPE: "TypeConstraintViolation",
    ViolationKind.VALUE: "PropertyConstraintViolation",
}

_THREE_TYPES: Final = frozenset({CALL, CALLRESULT, CALLERROR})
_DIALECTS: Final[dict[str, Dialect]] = {
    "ocpp1.6": Dialect("ocpp1.6", _THREE_TYPES, _CODES_16, answers_unreadable=False, answers_unknown_types=False),
    "ocpp2.0.1": Dialect("ocpp2.0.1", _THREE_TYPES, _CODES_20, answers_unreadable=True, answers_unknown_types=True),
    "ocpp2.1": Dialect(
        "ocpp2.1",
        _THREE_TYPES | {CALLRESULTERROR, SEND},
        _CODES_20,
        answers_unreadable=True,
        answers_unknown_types=False,
    ),
}


def dialect(protocol: str) -> Dialect:
    """Return the dialect of a WebSocket subprotocol. Raises ValueError for one that is no OCPP-J version we know."""
    try:
        return _DIALECTS[protocol]
    except KeyError:
        raise ValueError(f"no OCPP-J version is called {protocol!r}; known are {', '.join(_DIALECTS)}") from None
