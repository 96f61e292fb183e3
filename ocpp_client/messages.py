"""What the message models of every OCPP version share.

A model is read from JSON text with `from_wire` and written with `to_wire`; both are strict about names, types and
limits, in both directions. Inside the program a model is immutable, its fields carry Python names, and an absent
optional field is `None`. On the wire `None` does not exist: it is never written, and a received `null` is a violation
unless the field may hold any JSON value.

Models are built on first use, so importing a module of models costs little.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails, to_json

from ocpp_client.errors import OcppError
from ocpp_client.fields import FreeJson

MAX_VIOLATIONS = 20
"""A report names the first ones; a hostile message may hold thousands."""

MAX_PATH_PIECE_CHARS = 60
"""Names of unknown fields are the peer's own text; a path shows no more of each than this."""


class ViolationKind(Enum):
    """How a text breaks the rules of its model; the framing layer maps each kind to a CALLERROR code."""

    NOT_JSON = "not JSON"
    NOT_OBJECT = "not an object"
    MISSING = "a required field is missing"
    EXTRA = "an unknown field"
    TYPE = "a wrong JSON type"
    VALUE = "a value outside its enumeration, length, format or range"
    CARDINALITY = "too few or too many items"


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken rule. `path` is in wire names (`meterValue[0].timestamp`), `text` never holds the value itself."""

    kind: ViolationKind
    path: str
    text: str

    def __str__(self) -> str:
        return f"{self.path}: {self.text}" if self.path else self.text


class MessageInvalid(OcppError, ValueError):
    """A text that is no valid message of its model. `violations` holds at least one and at most `MAX_VIOLATIONS`."""

    kind = "message-invalid"

    def __init__(self, model: str, violations: tuple[Violation, ...]) -> None:
        super().__init__(f"{model} is invalid: " + "; ".join(str(violation) for violation in violations))
        self.model = model
        self.violations = violations


class Part(BaseModel):
    """An object inside a message, such as an IdTagInfo or a MeterValue."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        frozen=True,
        populate_by_name=True,
        defer_build=True,
        hide_input_in_errors=True,
    )


class Message(Part):
    """The payload of one CALL, CALLRESULT or SEND."""


class Response(Message):
    """The payload of a CALLRESULT."""


ResponseT = TypeVar("ResponseT", bound=Response)

if TYPE_CHECKING:

    class Request(Message, Generic[ResponseT]):
        """The payload of a CALL; its type parameter is the response that answers it."""

else:

    class Request(Message):
        """The payload of a CALL; its type parameter is the response that answers it."""

        # The parameter is for type checkers. A generic pydantic model would create one more class per message.
        def __class_getitem__(cls, _response):
            return cls


PartT = TypeVar("PartT", bound=Part)


def to_wire(message: Part) -> str:
    """Return the compact JSON text of a message, without its absent fields.

    Raises ValueError if free JSON in it, from our own code, is no JSON (a lone surrogate, an object of another kind).
    """
    return message.__pydantic_serializer__.to_json(message, by_alias=True, exclude_none=True).decode()


def from_wire(model: type[PartT], text: str | bytes) -> PartT:
    """Read a message from its JSON text.

    Raises MessageInvalid with every broken rule that was found.
    """
    try:
        message: PartT = model.__pydantic_validator__.validate_json(text, by_alias=True, by_name=False)
    except ValidationError as error:
        raise MessageInvalid(model.__name__, tuple(_violations(error))) from None
    # Validation lets `null` pass for an optional field, as None; only a text with that word needs the closer look.
    if "null" in text if isinstance(text, str) else b"null" in text:
        nulls = tuple(_explicit_nulls(message, ""))
        if nulls:
            raise MessageInvalid(model.__name__, nulls[:MAX_VIOLATIONS])
    return message


def salvage(model: type[Part], obj: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a rule-breaking object that are valid by themselves, under their Python names.

    `obj` is the decoded JSON object. For answers that must be used although they break their schema.
    """
    usable: dict[str, Any] = {}
    for name, field in model.model_fields.items():
        value = obj.get(field.alias or name)
        if value is None:
            continue
        kind: Any = Annotated[field.annotation, *field.metadata] if field.metadata else field.annotation
        try:
            found = TypeAdapter(kind).validate_json(to_json(value), strict=True, by_alias=True, by_name=False)
        except ValueError:  # broken, or (a lone surrogate, too deep) no JSON at all
            continue
        if not any(_explicit_nulls(found, "")):
            usable[name] = found
    return usable


def _violations(error: ValidationError) -> Iterator[Violation]:
    found = error.errors(include_url=False)[:MAX_VIOLATIONS]
    for details in found:
        place = details["loc"]
        # Items that are invalid are missing in the count as well; the report names them once.
        if details["type"] == "too_short" and any(_within(other["loc"], place) for other in found):
            continue
        yield Violation(_kind(details), _path(place), _text(details))


def _within(inner: tuple[int | str, ...], outer: tuple[int | str, ...]) -> bool:
    return len(inner) > len(outer) and inner[: len(outer)] == outer


def _kind(details: ErrorDetails) -> ViolationKind:
    match details["type"]:
        case "json_invalid":
            return ViolationKind.NOT_JSON
        case "missing":
            return ViolationKind.MISSING
        case "extra_forbidden":
            return ViolationKind.EXTRA
        case "too_short" | "too_long":
            return ViolationKind.CARDINALITY
        case "model_type" if not details["loc"]:
            return ViolationKind.NOT_OBJECT
        case "literal_error":
            return ViolationKind.VALUE if isinstance(details["input"], str) else ViolationKind.TYPE
        case kind if kind.endswith("_type"):
            return ViolationKind.TYPE
        case _:
            return ViolationKind.VALUE


def _text(details: ErrorDetails) -> str:
    # The messages of pydantic name the rule, never the input; these few read better in the words of the protocol.
    match details["type"]:
        case "missing":
            return "is required"
        case "extra_forbidden":
            return "is not a field of this object"
        case "too_short":
            return f"needs at least {details['ctx']['min_length']} items"
        case "too_long":
            return f"may hold at most {details['ctx']['max_length']} items"
        case "value_error":
            return details["msg"].removeprefix("Value error, ")
        case _:
            return details["msg"][:1].lower() + details["msg"][1:]


def _path(location: tuple[int | str, ...]) -> str:
    path = ""
    for piece in location:
        if isinstance(piece, int):
            path += f"[{piece}]"
        else:
            path += ("." if path else "") + piece[:MAX_PATH_PIECE_CHARS]
    return path


def _explicit_nulls(value: object, path: str) -> Iterator[Violation]:
    if isinstance(value, Part):
        for name, field in type(value).model_fields.items():
            if name not in value.model_fields_set:
                continue
            child, child_path = getattr(value, name), _join(path, field, name)
            if child is not None:
                yield from _explicit_nulls(child, child_path)
            elif not any(isinstance(rule, FreeJson) for rule in field.metadata):
                yield Violation(ViolationKind.TYPE, child_path, "is null; leave the field out instead")
    elif isinstance(value, tuple):
        for index, item in enumerate(value):
            yield from _explicit_nulls(item, f"{path}[{index}]")


def _join(path: str, field: FieldInfo, name: str) -> str:
    return f"{path}.{field.alias or name}" if path else field.alias or name
