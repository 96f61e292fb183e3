"""The field types: what they take from the wire, what they take from our code, and what they write."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from pydantic import ValidationError

from ocpp_client.fields import (
    LARGEST_INTEGER,
    Integer,
    Json,
    NonNegative,
    Number,
    Positive,
    ShortTimestamp,
    Tenth,
    Timestamp,
)
from ocpp_client.messages import MessageInvalid, Part, ViolationKind, from_wire, to_wire


class Moment(Part):
    at: Timestamp


class ShortMoment(Part):
    at: ShortTimestamp


class Limit(Part):
    limit: Tenth


class Reading(Part):
    value: Number


class Whole(Part):
    any: Integer | None = None
    from_zero: NonNegative | None = None
    from_one: Positive | None = None


class Free(Part):
    data: Json = None


def _kind(model: type[Part], text: str) -> ViolationKind:
    with pytest.raises(MessageInvalid) as caught:
        from_wire(model, text)
    (violation,) = caught.value.violations
    return violation.kind


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2024-02-29T12:30:00Z", datetime(2024, 2, 29, 12, 30, tzinfo=UTC)),
        ("2024-02-29t12:30:00z", datetime(2024, 2, 29, 12, 30, tzinfo=UTC)),
        ("2024-02-29 12:30:00Z", datetime(2024, 2, 29, 12, 30, tzinfo=UTC)),
        ("2024-02-29T12:30:00.1Z", datetime(2024, 2, 29, 12, 30, 0, 100_000, tzinfo=UTC)),
        ("2024-02-29T12:30:00,25Z", datetime(2024, 2, 29, 12, 30, 0, 250_000, tzinfo=UTC)),
        ("2024-02-29T12:30:00.123456789Z", datetime(2024, 2, 29, 12, 30, 0, 123_456, tzinfo=UTC)),
        ("2024-02-29T12:30:00+05:30", datetime(2024, 2, 29, 7, 0, tzinfo=UTC)),
        ("2024-02-29T12:30:00-0100", datetime(2024, 2, 29, 13, 30, tzinfo=UTC)),
        ("2024-02-29T12:30Z", datetime(2024, 2, 29, 12, 30, tzinfo=UTC)),
    ],
)
def test_reads_every_spelling_of_a_moment_as_utc(text: str, moment: datetime) -> None:
    """RFC 3339 in all its spellings, and the liberties central systems take, give one aware moment in UTC."""
    read = from_wire(Moment, f'{{"at":"{text}"}}').at
    assert read == moment
    assert read.tzinfo is UTC


def test_takes_a_moment_without_offset_as_utc() -> None:
    """A central system that leaves the offset out means UTC."""
    assert from_wire(Moment, '{"at":"2024-02-29T12:30:00"}').at == datetime(2024, 2, 29, 12, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "2024-02-29",
        "1714560000",
        "20240229T123000Z",
        "2024-W09-4T12:30:00Z",
        "2023-02-29T12:30:00Z",
        "2024-02-29T12:30:00.Z",
        "2024-02-29T12:30:00Z ",
        "2024-02-29T12:30:00+25:00",
        "٢٠٢٤-02-29T12:30:00Z",
        "0001-01-01T00:00:00+01:00",
        "9999-12-31T23:59:59-01:00",
    ],
)
def test_refuses_what_is_no_moment(text: str) -> None:
    """Dates that do not exist, other notations, and moments outside Python's years are wrong values, not crashes."""
    assert _kind(Moment, f'{{"at":"{text}"}}') is ViolationKind.VALUE


def test_refuses_a_number_as_a_moment() -> None:
    """A count of seconds has the wrong JSON type."""
    assert _kind(Moment, '{"at":1714560000}') is ViolationKind.TYPE


@pytest.mark.parametrize(
    ("microsecond", "long", "short"),
    [
        (0, "2024-02-29T12:30:00.000Z", "2024-02-29T12:30:00Z"),
        (999, "2024-02-29T12:30:00.000Z", "2024-02-29T12:30:00Z"),
        (1_000, "2024-02-29T12:30:00.001Z", "2024-02-29T12:30:00.001Z"),
        (999_999, "2024-02-29T12:30:00.999Z", "2024-02-29T12:30:00.999Z"),
    ],
)
def test_writes_moments_in_utc_cut_to_milliseconds(microsecond: int, long: str, short: str) -> None:
    """OCPP 1.6 gets three fraction digits, OCPP 2.0.1 only those that are not zero; nothing is rounded up."""
    local = datetime(2024, 2, 29, 14, 30, 0, microsecond, tzinfo=timezone(timedelta(hours=2)))
    assert to_wire(Moment(at=local)) == f'{{"at":"{long}"}}'
    assert to_wire(ShortMoment(at=local)) == f'{{"at":"{short}"}}'


def test_writes_years_with_four_digits() -> None:
    """An early year keeps its leading zeros."""
    assert to_wire(ShortMoment(at=datetime(1, 1, 1, tzinfo=UTC))) == '{"at":"0001-01-01T00:00:00Z"}'


def test_refuses_a_naive_moment_from_our_own_code() -> None:
    """What central systems may leave out, our own code may not."""
    with pytest.raises(ValidationError):
        Moment(at=datetime(2024, 2, 29))  # noqa: DTZ001 - the point of the test


@pytest.mark.parametrize("text", ["16.1", "0.3", "8.2", "-0.1", "32", "0", "1e2", "16.10", "0.7"])
def test_tenths_pass_without_binary_noise(text: str) -> None:
    """A limit with one decimal is read as exactly the digits that were sent."""
    assert from_wire(Limit, f'{{"limit":{text}}}').limit == Decimal(text)


@pytest.mark.parametrize("text", ["8.25", "0.01", "1e-2", "NaN", "Infinity", "-Infinity", "1e999"])
def test_more_than_one_decimal_or_no_number_fails(text: str) -> None:
    """A second decimal and values that are not finite are wrong values."""
    assert _kind(Limit, f'{{"limit":{text}}}') is ViolationKind.VALUE


@pytest.mark.parametrize("text", ['"16.1"', "true", "null", "[]"])
def test_a_tenth_is_a_json_number(text: str) -> None:
    """A number in quotes has the wrong type."""
    assert _kind(Limit, f'{{"limit":{text}}}') is ViolationKind.TYPE


@pytest.mark.parametrize(
    ("limit", "text"), [("16.1", "16.1"), ("16.0", "16"), ("0", "0"), ("1E+1", "10"), ("-6.3", "-6.3")]
)
def test_writes_tenths_as_numbers(limit: str, text: str) -> None:
    """On the wire a limit is a JSON number, whole ones without decimal point."""
    assert to_wire(Limit(limit=Decimal(limit))) == f'{{"limit":{text}}}'


@pytest.mark.parametrize("limit", ["8.25", "NaN", "Infinity"])
def test_refuses_a_wrong_tenth_from_our_own_code(limit: str) -> None:
    """Our own code is held to the same rule before anything is sent."""
    with pytest.raises(ValidationError):
        Limit(limit=Decimal(limit))


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_numbers_are_finite(text: str) -> None:
    """What is not finite is refused in a number and anywhere inside free JSON."""
    assert _kind(Reading, f'{{"value":{text}}}') is ViolationKind.VALUE
    assert _kind(Free, f'{{"data":{text}}}') is ViolationKind.VALUE
    assert _kind(Free, f'{{"data":{{"a":[1,{{"b":{text}}}]}}}}') is ViolationKind.VALUE


def test_refuses_an_infinite_number_from_our_own_code() -> None:
    """A broken meter's infinity stops before the wire."""
    with pytest.raises(ValidationError):
        Reading(value=float("inf"))


@pytest.mark.parametrize("text", ["{}", "[1,null]", '"text"', "0.5", "true", '{"a":{"b":null}}'])
def test_free_json_is_kept_as_it_came(text: str) -> None:
    """Free JSON of any shape comes back as it was sent, nulls inside it included."""
    assert to_wire(from_wire(Free, f'{{"data":{text}}}')) == f'{{"data":{text}}}'


def test_null_as_free_json_is_the_same_as_none() -> None:
    """Free JSON is the one place where null is allowed; it is read as absent."""
    assert from_wire(Free, '{"data":null}').data is None


@pytest.mark.parametrize(("field", "lowest"), [("any", -LARGEST_INTEGER - 1), ("from_zero", 0), ("from_one", 1)])
def test_integers_keep_their_bounds(field: str, lowest: int) -> None:
    """Each kind of integer starts where its name says and ends at 64 bits."""
    for good in (lowest, LARGEST_INTEGER):
        assert getattr(from_wire(Whole, f'{{"{field}":{good}}}'), field) == good
    for digits in (str(lowest - 1), str(LARGEST_INTEGER + 1), "1" + "0" * 5000):
        assert _kind(Whole, f'{{"{field}":{digits}}}') in (ViolationKind.VALUE, ViolationKind.NOT_JSON)


@pytest.mark.parametrize("text", ["1.0", "-0.0", "1.5", '"1"', "true"])
def test_an_integer_has_no_decimal_point_and_no_quotes(text: str) -> None:
    """Anything but plain digits has the wrong type."""
    assert _kind(Whole, f'{{"any":{text}}}') is ViolationKind.TYPE
