"""Strategies of our own models, made from what the models say of themselves."""

import types
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from typing import Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Le, MaxLen, MinLen
from hypothesis import strategies as st

from ocpp_client.messages import Part

_JSON = st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.dictionaries(st.just("k"), st.none())


@cache
def instances(model: type[Part]) -> st.SearchStrategy[Part]:
    """Return a strategy of instances, made through the constructor as our own code does it."""
    required = {}
    optional = {}
    for name, field in model.model_fields.items():
        strategy = _values(field.annotation, tuple(field.metadata))
        if field.is_required():
            required[name] = strategy
        else:
            optional[name] = strategy
    return _fields(required, optional).map(lambda values: model(**values))


@st.composite
def _fields(
    draw: st.DrawFn, required: dict[str, st.SearchStrategy[Any]], optional: dict[str, st.SearchStrategy[Any]]
) -> dict[str, Any]:
    chosen = draw(st.sets(st.sampled_from(sorted(optional)), max_size=4)) if optional else set()
    return {
        name: draw(strategy) for name, strategy in (required | optional).items() if name in required or name in chosen
    }


def _values(annotation: Any, rules: tuple[Any, ...]) -> st.SearchStrategy[Any]:
    rules = tuple(inner for rule in rules for inner in getattr(rule, "metadata", (rule,)))
    origin = get_origin(annotation)
    if origin in (Union, types.UnionType) and type(None) in get_args(annotation):
        (inner,) = (choice for choice in get_args(annotation) if choice is not type(None))
        return st.none() | _values(inner, rules)
    if hasattr(annotation, "__metadata__"):
        return _values(annotation.__origin__, (*annotation.__metadata__, *rules))
    if origin is Literal:
        return st.sampled_from(get_args(annotation))
    if origin is tuple:
        least, most = _bound(rules, MinLen, "min_length", 0), _bound(rules, MaxLen, "max_length", 10**6)
        items = _values(get_args(annotation)[0], ())
        return st.lists(items, min_size=least, max_size=min(least + 2, most)).map(tuple)
    if isinstance(annotation, type) and issubclass(annotation, Part):
        return instances(annotation)
    return _scalars(annotation, rules)


def _scalars(kind: Any, rules: tuple[Any, ...]) -> st.SearchStrategy[Any]:
    if kind is str:
        longest = _bound(rules, MaxLen, "max_length", 30)
        return st.text(max_size=min(longest, 12)) | st.just("é" * longest)
    if kind is bool:
        return st.booleans()
    if kind is int:
        return st.integers(_bound(rules, Ge, "ge", None), _bound(rules, Le, "le", None))
    if kind is float:
        lowest, highest = _bound(rules, Ge, "ge", None), _bound(rules, Le, "le", None)
        return st.floats(lowest, highest, allow_nan=False, allow_infinity=False)
    if kind is Decimal:
        return st.integers(-(10**9), 10**9).map(lambda tenths: Decimal(tenths) / 10)
    if kind is datetime:
        return st.datetimes(timezones=st.just(UTC))
    return _JSON


def _bound(rules: tuple[Any, ...], rule: type, attribute: str, default: Any) -> Any:
    bounds = [getattr(found, attribute) for found in rules if isinstance(found, rule)]
    return bounds[-1] if bounds else default
