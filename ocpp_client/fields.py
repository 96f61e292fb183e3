"""The kinds of field of every OCPP version: moments, numbers and free JSON, with their text on the wire.

Each kind knows two doors. From JSON text it takes what a peer may send; from our own code it takes the Python type
only, already right.
"""

import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any

from pydantic import Field, GetCoreSchemaHandler, JsonValue
from pydantic_core import CoreSchema, core_schema

LARGEST_INTEGER = 2**63 - 1
"""The schemas bound no integer; this bound keeps what a peer sends storable in 64 bits."""

# RFC 3339, and what central systems really send: no offset, an offset without colon, no seconds, a decimal comma.
_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:[Zz]|[+-]\d\d:?\d\d)?", re.ASCII)


def _in_utc(moment: datetime) -> datetime:
    if moment.tzinfo is UTC:
        return moment
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("is outside the years 1 to 9999 in UTC") from None


def _read_timestamp(text: str) -> datetime:
    if _DATE_TIME.fullmatch(text) is None:
        raise ValueError("is not an RFC 3339 date and time")
    try:
        moment = datetime.fromisoformat(text.upper())
    except ValueError:
        raise ValueError("is not an existing date and time") from None
    return _in_utc(moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC))


# A validated moment is in UTC, so its text ends with "+00:00".
def _write_timestamp(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds")[:-6] + "Z"


def _write_short_timestamp(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds" if moment.microsecond >= 1000 else "seconds")[:-6] + "Z"


@dataclass(frozen=True, slots=True)
class _TimestampRule:
    short: bool

    def __get_pydantic_core_schema__(self, _source: object, _handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.json_or_python_schema(
            json_schema=core_schema.no_info_after_validator_function(
                _read_timestamp, core_schema.str_schema(strict=True)
            ),
            python_schema=core_schema.no_info_after_validator_function(
                _in_utc, core_schema.datetime_schema(strict=True, tz_constraint="aware")
            ),
            serialization=core_schema.plain_serializer_function_ser_schema(
                _write_short_timestamp if self.short else _write_timestamp,
                return_schema=core_schema.str_schema(),
                when_used="json",
            ),
        )


Timestamp = Annotated[datetime, _TimestampRule(short=False)]
"""An aware moment, in UTC once validated; written as `2024-02-29T12:00:00.000Z`.

Read from RFC 3339 with any number of fraction digits (cut to microseconds), `Z` or an offset, in either case. Without
an offset it is taken as UTC, because central systems send that; a naive `datetime` from our own code is refused.
"""

ShortTimestamp = Annotated[datetime, _TimestampRule(short=True)]
"""A `Timestamp` written without fraction when its milliseconds are zero, as OCPP 2.0.1 part 4 advises."""


def _tenths(value: Decimal) -> Decimal:
    if value and int(value.normalize().as_tuple().exponent) < -1:
        raise ValueError("has more than one decimal")
    return value


def _read_tenth(number: float) -> Decimal:
    # The shortest text of a float is what its sender wrote: 16.1 stays 16.1.
    return _tenths(Decimal(repr(number)))


def _write_tenth(value: Decimal) -> int | float:
    return int(value) if value == value.to_integral_value() else float(value)


class _TenthRule:
    def __get_pydantic_core_schema__(self, _source: object, _handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.json_or_python_schema(
            json_schema=core_schema.no_info_after_validator_function(
                _read_tenth, core_schema.float_schema(strict=True, allow_inf_nan=False)
            ),
            python_schema=core_schema.no_info_after_validator_function(
                _tenths, core_schema.decimal_schema(strict=True, allow_inf_nan=False)
            ),
            serialization=core_schema.plain_serializer_function_ser_schema(_write_tenth, when_used="json"),
        )


Tenth = Annotated[Decimal, _TenthRule()]
"""A finite decimal with at most one digit after the point (`multipleOf: 0.1`), a JSON number on the wire.

The check is made on decimal digits, so that 0.3 and 16.1 are free of binary noise.
"""

Number = Annotated[float, Field(allow_inf_nan=False)]
"""A finite JSON number without a stated precision."""

Integer = Annotated[int, Field(ge=-LARGEST_INTEGER - 1, le=LARGEST_INTEGER)]
"""A JSON integer of at most 64 bits; `1.0` is not one."""

NonNegative = Annotated[int, Field(ge=0, le=LARGEST_INTEGER)]
"""An `Integer` from 0 up."""

Positive = Annotated[int, Field(ge=1, le=LARGEST_INTEGER)]
"""An `Integer` from 1 up."""


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("holds a number that is not finite")
    if isinstance(value, dict):
        for child in value.values():
            _finite(child)
    elif isinstance(value, list):
        for child in value:
            _finite(child)
    return value


class FreeJson:
    def __get_pydantic_core_schema__(self, _source: object, _handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(_finite, core_schema.any_schema())


Json = Annotated[JsonValue, FreeJson()]
"""Any JSON value with finite numbers; the only field in which a received `null` is allowed (and read as absent)."""
