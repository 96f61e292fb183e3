"""What the generator knows of a version's messages, between reading the schemas and writing the modules."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum


@dataclass(frozen=True, slots=True)
class TypeSpec:
    """A field's type as Python text, the limits to hand to `Field`, and the names of generated types in the text."""

    annotation: str
    limits: tuple[tuple[str, str], ...] = ()
    uses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """A field; `absent` is what the schema says its absence means, as Python text."""

    name: str
    wire: str
    type: TypeSpec
    required: bool
    absent: str | None = None


@dataclass(frozen=True, slots=True)
class EnumSpec:
    """A closed set of strings."""

    name: str
    values: tuple[str, ...]


class Role(Enum):
    """What an object is on the wire."""

    PART = "Part"
    REQUEST = "Request"
    RESPONSE = "Response"
    UNANSWERED = "Message"


@dataclass(frozen=True, slots=True)
class ObjectSpec:
    """An object; `extensible` ones may carry customData, `open_ended` ones any field."""

    name: str
    role: Role
    fields: tuple[FieldSpec, ...]
    extensible: bool = False
    open_ended: bool = False

    def uses(self) -> Iterator[str]:
        """Name the generated types its fields are made of, in order."""
        for field in self.fields:
            yield from field.type.uses


@dataclass(frozen=True, slots=True)
class Schemas:
    """All messages by action, request first, and the types they are made of, by name."""

    messages: dict[str, tuple[ObjectSpec, ...]]
    types: dict[str, ObjectSpec | EnumSpec]
