"""The published JSON schemas as a second opinion: what they accept, and every way to break what they accept.

The schemas use few keywords, so strategies for them are written out here; a keyword that is new stops the tests.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import Any

from hypothesis import strategies as st
from jsonschema import Draft4Validator, Draft6Validator  # type: ignore[import-untyped]

from ocpp_client.catalogue import catalogue
from ocpp_client.messages import Message, ViolationKind

Schema = Mapping[str, Any]

PACKAGES = {"ocpp1.6": "v16", "ocpp2.0.1": "v201", "ocpp2.1": "v21"}
LARGEST = 2**63 - 1

_PROSE = {"$schema", "$id", "comment", "description", "javaType", "title", "default", "additionalItems", "definitions"}
_KEYWORDS = {
    "object": {"type", "properties", "required", "additionalProperties"},
    "array": {"type", "items", "minItems", "maxItems"},
    "string": {"type", "maxLength", "format", "enum", "additionalProperties"},
    "integer": {"type", "minimum", "maximum"},
    "number": {"type", "minimum", "maximum", "multipleOf"},
    "boolean": {"type"},
    "anything": set[str](),
}
_WRONG_TYPE: dict[str, Any] = {
    "object": "text",
    "array": {},
    "string": 17,
    "integer": 1.5,
    "number": "1.5",
    "boolean": 1,
}


@dataclass(frozen=True, eq=False)
class Published:
    """One message: our model of it and its schema, read with exact decimals and as most validators read it."""

    protocol: str
    model: type[Message]
    schema: Schema
    float_schema: Schema

    def __str__(self) -> str:
        return f"{self.protocol}-{self.model.__name__}"

    def accepts(self, text: str, *, exactly: bool = True) -> bool:
        """Whether the schema accepts a JSON text; `exactly` takes 8.2 for a multiple of 0.1, as decimals have it."""
        instance = json.loads(text, parse_float=Decimal) if exactly else json.loads(text)
        return bool(_validator(self, exactly).is_valid(instance))


@cache
def published(protocol: str) -> tuple[Published, ...]:
    """Return all messages of a version."""
    models = catalogue(protocol)
    found = []
    for action in sorted(models.actions):
        bare = protocol == "ocpp1.6" or action in models.unanswered
        found.append(_published(protocol, models.request(action), action if bare else f"{action}Request"))
        if action not in models.unanswered:
            found.append(_published(protocol, models.response(action), f"{action}Response"))
    return tuple(found)


def find(protocol: str, name: str) -> Published:
    """Return the message whose model has this name."""
    return next(message for message in published(protocol) if message.model.__name__ == name)


def _published(protocol: str, model: type[Message], file: str) -> Published:
    path = files("ocpp") / PACKAGES[protocol] / "schemas" / f"{file}.json"
    text = path.read_text(encoding="utf-8-sig")
    return Published(protocol, model, json.loads(text, parse_float=Decimal), json.loads(text))


@cache
def _validator(message: Published, exactly: bool) -> Draft4Validator | Draft6Validator:
    schema = dict(message.schema if exactly else message.float_schema)
    return Draft4Validator(schema) if "draft-04" in schema["$schema"] else Draft6Validator(schema)


# --- Objects that a schema accepts -----------------------------------------------------------------------------------

_WORDS = st.text(max_size=12)
_NUMBERS = st.integers(-LARGEST, LARGEST) | st.floats(allow_nan=False, allow_infinity=False)
_JSON = st.recursive(
    st.none() | st.booleans() | _NUMBERS | _WORDS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(_WORDS, inner, max_size=2),
    max_leaves=4,
)
_MOMENTS = st.builds(
    lambda moment, fraction, zone: moment.isoformat(timespec="seconds") + fraction + zone,
    st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1)),  # noqa: DTZ001 - the zone is added as text
    st.sampled_from(("", ".0", ".5", ".123", ".000001", ".123456789")),
    st.sampled_from(("Z", "z", "+00:00", "-00:00", "+05:30", "-11:00")),
)


@cache
def valid(message: Published) -> st.SearchStrategy[dict[str, Any]]:
    """Return a strategy of objects the message's schema accepts."""
    named: dict[str, st.SearchStrategy[Any]] = {}
    return _valid(message.schema, message.schema, named)


def _valid(schema: Schema, root: Schema, named: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[Any]:
    if "$ref" in schema:
        name = schema["$ref"]
        if name not in named:
            named[name] = _valid(_resolve(schema, root), root, named)
        return named[name]
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    match _type(schema):
        case "object":
            properties = {key: _valid(value, root, named) for key, value in schema.get("properties", {}).items()}
            return _objects(properties, frozenset(schema.get("required", ())), _is_open(schema))
        case "array":
            least = schema.get("minItems", 0)
            items = _valid(schema["items"], root, named)
            return st.lists(items, min_size=least, max_size=min(least + 2, schema.get("maxItems", LARGEST)))
        case "string" if schema.get("format") == "date-time":
            return _MOMENTS
        case "string":
            longest = schema.get("maxLength", 30)
            return st.text(max_size=min(longest, 12)) | st.just("é" * longest)
        case "integer":
            return st.integers(int(schema.get("minimum", -LARGEST - 1)), int(schema.get("maximum", LARGEST)))
        case "number" if "multipleOf" in schema:
            return st.integers(-(10**9), 10**9).map(lambda tenths: tenths / 10)
        case "number":
            lowest, highest = schema.get("minimum"), schema.get("maximum")
            return st.floats(
                None if lowest is None else float(lowest),
                None if highest is None else float(highest),
                allow_nan=False,
                allow_infinity=False,
            )
        case "boolean":
            return st.booleans()
        case _:
            return _JSON


@st.composite
def _objects(
    draw: st.DrawFn, properties: dict[str, st.SearchStrategy[Any]], required: frozenset[str], is_open: bool
) -> dict[str, Any]:
    optional = sorted(properties.keys() - required)
    chosen = draw(st.sets(st.sampled_from(optional), max_size=4)) if optional else set()
    known = {key: draw(strategy) for key, strategy in properties.items() if key in required or key in chosen}
    unknown = (
        draw(st.dictionaries(st.sampled_from(("x", "vendor_id", "ünknown")), _JSON, max_size=2)) if is_open else {}
    )
    return unknown | known


# --- Breaking them ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Broken:
    """An object with one broken rule: which kind, and where."""

    kind: ViolationKind
    path: str
    value: Any


def breakages(message: Published, value: Mapping[str, Any]) -> list[Broken]:
    """Return every way this module knows to break one rule of the message in an object that has broken none."""
    return [
        Broken(ViolationKind.NOT_OBJECT, "", broken.value) if broken.path == "" else broken
        for broken in _breakages(value, message.schema, message.schema, "")
    ]


def _breakages(value: Any, schema: Schema, root: Schema, path: str) -> Iterator[Broken]:
    schema = _resolve(schema, root)
    kind = _type(schema)
    if kind != "anything":
        yield Broken(ViolationKind.TYPE, path, _WRONG_TYPE[kind])
        yield Broken(ViolationKind.TYPE, path, None)
    if kind == "object":
        yield from _broken_objects(value, schema, root, path)
    elif kind == "array":
        if schema.get("minItems"):
            yield Broken(ViolationKind.CARDINALITY, path, [])
        if "maxItems" in schema and value:
            yield Broken(ViolationKind.CARDINALITY, path, [value[0]] * (schema["maxItems"] + 1))
        for index, item in enumerate(value):
            for broken in _breakages(item, schema["items"], root, f"{path}[{index}]"):
                changed = [*value[:index], broken.value, *value[index + 1 :]]
                yield Broken(broken.kind, broken.path, changed)
    for wrong in _wrong_values(kind, schema):
        yield Broken(ViolationKind.VALUE, path, wrong)


def _broken_objects(value: Mapping[str, Any], schema: Schema, root: Schema, path: str) -> Iterator[Broken]:
    prefix = f"{path}." if path else ""
    for key in schema.get("required", ()):
        less = {name: child for name, child in value.items() if name != key}
        yield Broken(ViolationKind.MISSING, prefix + key, less)
    if not _is_open(schema):
        yield Broken(ViolationKind.EXTRA, prefix + "surplus", {**value, "surplus": None})
    for key, child_schema in schema.get("properties", {}).items():
        if key in value:
            for broken in _breakages(value[key], child_schema, root, prefix + key):
                yield Broken(broken.kind, broken.path, {**value, key: broken.value})


def _wrong_values(kind: str, schema: Schema) -> Iterator[Any]:
    if "enum" in schema:
        yield schema["enum"][0] + " "
    if "maxLength" in schema:
        yield "x" * (schema["maxLength"] + 1)
    if kind in ("integer", "number"):
        if "minimum" in schema:
            yield int(schema["minimum"]) - 1
        if "maximum" in schema:
            yield int(schema["maximum"]) + 1
        if "multipleOf" in schema:
            yield 8.25


# --- Reading schemas -------------------------------------------------------------------------------------------------


def _resolve(schema: Schema, root: Schema) -> Schema:
    while "$ref" in schema:
        schema = root["definitions"][schema["$ref"].rpartition("/")[2]]
    return schema


def _type(schema: Schema) -> str:
    kind: str = schema.get("type", "anything")
    surprises = schema.keys() - _KEYWORDS[kind] - _PROSE
    assert not surprises, f"teach these tests the keywords {surprises}"
    return kind


def _is_open(schema: Schema) -> bool:
    return schema.get("additionalProperties") is not False
