"""Reads the JSON schemas of one version into specifications.

Both shapes of schema are understood: objects and enumerations written in place (1.6) and named definitions (the 1.6
security messages, 2.0.1, 2.1). A keyword that is not understood stops the run: nothing is left out silently.
"""

import json
from collections.abc import Mapping
from importlib.resources.abc import Traversable
from typing import Any

from ocpp_client._generate.names import enum_name_16, object_name_16, snake_case
from ocpp_client._generate.spec import EnumSpec, FieldSpec, ObjectSpec, Role, Schemas, TypeSpec

Schema = Mapping[str, Any]

_PROSE = {"$schema", "$id", "comment", "description", "javaType", "title", "additionalItems"}
_LIMITS = {"maxLength": "max_length", "minItems": "min_length", "maxItems": "max_length"}
_BOUNDS = {"minimum": "ge", "maximum": "le"}


class SchemaSurprise(ValueError):
    """A schema says something the generator does not understand; teach it before running it again."""


class Reader:
    """Reads schema after schema, collecting the types they share.

    `timestamp` is the field type of this version's moments.
    """

    def __init__(self, timestamp: str) -> None:
        self._timestamp = timestamp
        self._types: dict[str, ObjectSpec | EnumSpec] = {}

    def read(self, folder: Traversable) -> Schemas:
        """Read all schemas of a folder. Raises SchemaSurprise."""
        roots: dict[str, Schema] = {
            file.name.removesuffix(".json"): json.loads(file.read_text(encoding="utf-8-sig"))
            for file in folder.iterdir()
            if file.name.endswith(".json")
        }
        requests = {
            name.removesuffix("Request"): schema for name, schema in roots.items() if not name.endswith("Response")
        }
        messages: dict[str, tuple[ObjectSpec, ...]] = {}
        for action, request in sorted(requests.items()):
            response = roots.get(action + "Response")
            if response is None:
                messages[action] = (self._object(action + "Request", request, Role.UNANSWERED, request),)
            else:
                messages[action] = (
                    self._object(action + "Request", request, Role.REQUEST, request),
                    self._object(action + "Response", response, Role.RESPONSE, response),
                )
        return Schemas(messages, self._types)

    def _object(self, name: str, schema: Schema, role: Role, root: Schema) -> ObjectSpec:
        _understood(name, schema, {"type", "properties", "required", "additionalProperties", "definitions"})
        properties: Mapping[str, Schema] = schema.get("properties", {})
        required = set(schema.get("required", ()))
        extensible = "customData" in properties
        if extensible:
            self._type(name, "customData", properties["customData"], root)
        if not required <= properties.keys():
            raise SchemaSurprise(f"{name} requires fields it does not have: {sorted(required - properties.keys())}")
        return ObjectSpec(
            name,
            role,
            tuple(
                FieldSpec(
                    snake_case(wire),
                    wire,
                    self._type(name, wire, field, root),
                    wire in required,
                    _absent(field, root),
                )
                for wire, field in properties.items()
                if wire != "customData"
            ),
            extensible=extensible,
            open_ended=schema.get("additionalProperties") is not False,
        )

    def _type(self, owner: str, wire: str, schema: Schema, root: Schema) -> TypeSpec:
        if "$ref" in schema:
            _understood(f"{owner}.{wire}", schema, {"$ref"})
            name = schema["$ref"].rpartition("/")[2]
            return self._named(name, name, root["definitions"][name], root)
        if "enum" in schema:
            return self._named(wire, enum_name_16(owner, wire), schema, root)
        match schema.get("type"):
            case "object":
                return self._named(wire, object_name_16(owner, wire), schema, root)
            case "array":
                return self._array(owner, wire, schema, root)
            case "string":
                return self._string(owner, wire, schema)
            case "integer":
                _understood(f"{owner}.{wire}", schema, {"type", "default", *_BOUNDS})
                return _integer(f"{owner}.{wire}", schema)
            case "number":
                _understood(f"{owner}.{wire}", schema, {"type", "multipleOf", *_BOUNDS})
                return _number(f"{owner}.{wire}", schema)
            case "boolean":
                _understood(f"{owner}.{wire}", schema, {"type", "default"})
                return TypeSpec("bool")
            case None:
                _understood(f"{owner}.{wire}", schema, set())
                return TypeSpec("Json")
            case other:
                raise SchemaSurprise(f"{owner}.{wire} has the type {other!r}")

    def _named(self, where: str, name: str, schema: Schema, root: Schema) -> TypeSpec:
        found: ObjectSpec | EnumSpec
        if "enum" in schema:
            _understood(where, schema, {"type", "enum", "default", "additionalProperties"})
            found = EnumSpec(name, tuple(schema["enum"]))
        else:
            found = self._object(name, schema, Role.PART, root)
        if self._types.setdefault(name, found) != found:
            raise SchemaSurprise(f"{name} (at {where}) has two shapes; give the second one a name of its own")
        return TypeSpec(name, uses=(name,))

    def _array(self, owner: str, wire: str, schema: Schema, root: Schema) -> TypeSpec:
        _understood(f"{owner}.{wire}", schema, {"type", "items", "minItems", "maxItems"})
        item = self._type(owner, wire, schema["items"], root)
        annotation = item.annotation
        if item.limits:
            annotation = f"Annotated[{annotation}, Field({_arguments(item.limits)})]"
        return TypeSpec(f"tuple[{annotation}, ...]", _limits(schema, _LIMITS), item.uses)

    def _string(self, owner: str, wire: str, schema: Schema) -> TypeSpec:
        _understood(f"{owner}.{wire}", schema, {"type", "maxLength", "format", "default"})
        if schema.get("format") == "date-time":
            return TypeSpec(self._timestamp)
        # The format "uri" stays unchecked: addresses with odd characters are for the transfer to refuse, with a status.
        return TypeSpec("str", _limits(schema, _LIMITS))


def _integer(where: str, schema: Schema) -> TypeSpec:
    if "maximum" in schema:
        return TypeSpec("int", _limits(schema, _BOUNDS))
    match schema.get("minimum"):
        case None:
            return TypeSpec("Integer")
        case 0:
            return TypeSpec("NonNegative")
        case 1:
            return TypeSpec("Positive")
        case least:
            raise SchemaSurprise(f"{where} starts at {least}")


def _number(where: str, schema: Schema) -> TypeSpec:
    if "multipleOf" not in schema:
        return TypeSpec("Number", _limits(schema, _BOUNDS))
    if schema["multipleOf"] != 0.1:
        raise SchemaSurprise(f"{where} is a multiple of {schema['multipleOf']}")
    return TypeSpec("Tenth")


def _limits(schema: Schema, names: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple((argument, str(int(schema[keyword]))) for keyword, argument in names.items() if keyword in schema)


def _arguments(limits: tuple[tuple[str, str], ...]) -> str:
    return ", ".join(f"{name}={value}" for name, value in limits)


def _absent(field: Schema, root: Schema) -> str | None:
    if "$ref" in field:
        field = root["definitions"][field["$ref"].rpartition("/")[2]]
    return json.dumps(field["default"]) if "default" in field else None


def _understood(where: str, schema: Schema, keywords: set[str]) -> None:
    surprises = schema.keys() - keywords - _PROSE
    if surprises:
        raise SchemaSurprise(f"{where} uses {sorted(surprises)}")
