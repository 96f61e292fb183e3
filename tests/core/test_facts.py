"""Facts survive the way to disk and back."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware.core.facts import Fact, FactKind, MeterFrame, Sample, SampleContext, Trigger, decode, encode
from firmware.core.values import StopCause, Token, TokenType
from hal.types import Instant, SignedReading, TimeTrust

AT = Instant(12.5, "boot", 1_780_000_000.0, TimeTrust.CSMS)
PLAIN = Fact("tx", 0, FactKind.STARTED, Trigger.AUTHORIZED, AT, 1)

_text = st.text(max_size=8)
_time = st.floats(0, 2e9, allow_nan=False)
_instants = st.builds(Instant, _time, _text, st.none() | _time, st.sampled_from(TimeTrust))
_tokens = st.none() | st.builds(Token, _text, st.sampled_from(TokenType))
_samples = st.builds(Sample, _text, st.integers(0, 10**9) | st.floats(-1e6, 1e6), st.none() | _text)
_frames = st.builds(MeterFrame, _instants, st.sampled_from(SampleContext), st.lists(_samples, max_size=2).map(tuple))
_facts = st.builds(
    Fact,
    transaction=_text,
    seq=st.integers(0, 10**6),
    kind=st.sampled_from(FactKind),
    trigger=st.sampled_from(Trigger),
    at=_instants,
    evse=st.integers(1, 99),
    connector=st.integers(1, 3),
    charging=st.none() | _text,
    vehicle_connected=st.booleans(),
    meter_wh=st.none() | st.integers(0, 10**12),
    token=_tokens,
    group=_tokens,
    cause=st.none() | st.sampled_from(StopCause),
    remote_start_id=st.none() | st.integers(0, 2**31),
    reservation_id=st.none() | st.integers(-5, 2**31),
    offline=st.booleans(),
    frames=st.lists(_frames, max_size=2).map(tuple),
    signed=st.none() | st.builds(SignedReading, _text, _text, st.none() | _text),
)


@settings(max_examples=80, deadline=None)
@given(_facts)
def test_a_fact_comes_back_as_it_was(fact: Fact) -> None:
    """Whatever its fields hold, zeros and empty texts included."""
    assert decode(encode(fact)) == fact


def test_keys_of_a_newer_program_are_ignored() -> None:
    """A row written by a newer version can be read by this one."""
    row = json.loads(encode(PLAIN)) | {"new": {"thing": 1}}
    assert decode(json.dumps(row).encode()) == PLAIN


def test_a_row_without_optional_keys_is_a_fact() -> None:
    """Only what every fact has must be there."""
    row = {key: json.loads(encode(PLAIN))[key] for key in ("tx", "n", "k", "t", "at", "evse")}
    assert decode(json.dumps(row).encode()) == PLAIN


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\xfe",
        b"[]",
        b"{}",
        b'"text"',
        encode(PLAIN)[:-1],
        encode(PLAIN).replace(b'"started"', b'"begun"'),
        encode(PLAIN).replace(b"[12.5", b'["boot"], [12.5'),
        encode(PLAIN).replace(b'"at":', b'"at":7, "was":'),
    ],
)
def test_what_is_no_fact_is_refused(data: bytes) -> None:
    """Damage becomes one ValueError, whatever it looks like."""
    with pytest.raises(ValueError):
        decode(data)


def test_a_token_is_not_in_the_text_of_a_fact() -> None:
    """Facts may be logged: the token's value does not show."""
    fact = Fact("tx", 0, FactKind.STARTED, Trigger.AUTHORIZED, AT, 1, token=Token("SECRET99"))
    assert "SECRET99" not in repr(fact)
