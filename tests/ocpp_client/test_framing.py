"""OCPP-J framing: literal texts, and both readers held against a plain JSON parser."""

import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ocpp_client import framing
from ocpp_client.dialects import CALL, CALLERROR, CALLRESULT, CALLRESULTERROR, SEND, Dialect, FrameFault, dialect
from ocpp_client.framing import Call, CallError, CallResult, CallResultError, Malformed, Send, answer_to, parse, split
from ocpp_client.messages import ViolationKind

V16, V201, V21 = dialect("ocpp1.6"), dialect("ocpp2.0.1"), dialect("ocpp2.1")
ID = "19223201-0a5e-4a3e-8f3b-6b1d3f0f7c11"


# --- valid messages


@pytest.mark.parametrize(
    ("text", "frame"),
    [
        ('[2,"1","Heartbeat",{}]', Call("1", "Heartbeat", "{}")),
        ('[2, "1", "Authorize", {"idTag": "A]},{["}]', Call("1", "Authorize", '{"idTag": "A]},{["}')),
        ('[3,"1",{"currentTime":"2026-05-01T00:00:00Z"}]', CallResult("1", '{"currentTime":"2026-05-01T00:00:00Z"}')),
        (f'[3,"{ID}",{{}}]', CallResult(ID, "{}")),
        ('[3,"",{}]', CallResult("", "{}")),
        ('[2,"ö","Ä",{}]', Call("ö", "Ä", "{}")),
    ],
)
def test_the_usual_spelling_is_read_alike_by_both_readers(text: str, frame: Call | CallResult) -> None:
    """A CALL or CALLRESULT as everybody writes it goes through the fast reader, with the same outcome."""
    assert split(text) == frame
    assert parse(text, V16) == frame


@pytest.mark.parametrize(
    ("text", "frame"),
    [
        (' \n[\t2 , "1" , "Heartbeat" , {} ]\r\n', Call("1", "Heartbeat", "{}")),
        (r'[2,"\u0031","Heart\u0062eat",{}]', Call("1", "Heartbeat", "{}")),
        ('[2,"1","Heartbeat",null]', Call("1", "Heartbeat", "{}")),
        ('[3,"1",null]', CallResult("1", "{}")),
        ('[2,"1","A",{"a":1,"a":2}]', Call("1", "A", '{"a":1,"a":2}')),
        ('[2,"1","A",{ "x" : 8.20 } ]', Call("1", "A", '{ "x" : 8.20 }')),
        (r'[3,"a\"b",{}]', CallResult('a"b', "{}")),
    ],
)
def test_an_unusual_spelling_keeps_the_text_of_its_payload(text: str, frame: Call | CallResult) -> None:
    """Blanks, escapes and a null payload are JSON too; numbers stay as they were written."""
    assert parse(text, V16) == frame


@pytest.mark.parametrize(
    ("text", "frame"),
    [
        ('[4,"1","NotSupported","no",{"a":1}]', CallError("1", "NotSupported", "no", {"a": 1})),
        ('[4,null,"GenericError","",{}]', CallError(None, "GenericError", "", {})),
        ('[4,"-1","RpcFrameworkError","",{}]', CallError(None, "RpcFrameworkError", "", {})),
        ('[4,"1","InternalError",null,null]', CallError("1", "InternalError", "", {})),
    ],
)
def test_a_callerror_is_read_with_patience(text: str, frame: CallError) -> None:
    """Central systems send ids of null or "-1", and null for an empty description or empty details."""
    assert split(text) is None
    assert parse(text, V16) == frame


def test_version_2_1_has_two_more_message_types() -> None:
    """SEND and CALLRESULTERROR exist in 2.1 only; elsewhere their numbers mean nothing."""
    send, refusal = '[6,"1","NotifyPeriodicEventStream",{"id":1}]', '[5,"1","FormatViolation","x",{}]'
    assert parse(send, V21) == Send("1", "NotifyPeriodicEventStream", '{"id":1}')
    assert parse(refusal, V21) == CallResultError("1", "FormatViolation", "x", {})
    for text in (send, refusal):
        assert parse(text, V201) == Malformed(FrameFault.MESSAGE_TYPE, f"no message type {text[1]}", int(text[1]), "1")


# --- malformed messages

LONG_ID = "x" * 37


@pytest.mark.parametrize(
    ("text", "fault", "message_type", "message_id"),
    [
        ("", FrameFault.NOT_JSON, None, None),
        ("hello", FrameFault.NOT_JSON, None, None),
        ("[", FrameFault.NOT_JSON, None, None),
        ('[2,"1","Heartbeat",{}', FrameFault.NOT_JSON, CALL, "1"),
        ('[2,"1","Heartbeat",{}]]', FrameFault.NOT_JSON, CALL, "1"),
        ('[2,"1","Heartbeat",{},]', FrameFault.NOT_JSON, CALL, "1"),
        ('[2,"1","Heartbeat",{}}]', FrameFault.NOT_JSON, CALL, "1"),
        ('[2,"1" "Heartbeat",{}]', FrameFault.NOT_JSON, None, None),
        ('[2,"1","Heartbeat",{"x":NaN}]', FrameFault.NOT_JSON, CALL, "1"),
        ('[2,"1","Heartbeat",{"x":-Infinity}]', FrameFault.NOT_JSON, CALL, "1"),
        ('[2,"1","A",' + '{"a":' * 100_000 + "1" + "}" * 100_000 + "]", FrameFault.NOT_JSON, CALL, "1"),
        ('[2,"1","A",{"a":' + "9" * 5000 + "}]", FrameFault.NOT_JSON, CALL, "1"),
        ('[3,"1",{]', FrameFault.NOT_JSON, CALLRESULT, "1"),
        ('[7,"1",{]', FrameFault.NOT_JSON, None, None),
        ("{}", FrameFault.NOT_ARRAY, None, None),
        ("null", FrameFault.NOT_ARRAY, None, None),
        ("[]", FrameFault.NOT_ARRAY, None, None),
        ('["2","1","Heartbeat",{}]', FrameFault.NOT_ARRAY, None, None),
        ('[true,"1","Heartbeat",{}]', FrameFault.NOT_ARRAY, None, None),
        ('[2.0,"1","Heartbeat",{}]', FrameFault.NOT_ARRAY, None, None),
        ('[7,"1","Heartbeat",{}]', FrameFault.MESSAGE_TYPE, 7, "1"),
        ("[7]", FrameFault.MESSAGE_TYPE, 7, None),
        ("[2]", FrameFault.ID, CALL, None),
        ('[2,17,"Heartbeat",{}]', FrameFault.ID, CALL, None),
        ('[2,null,"Heartbeat",{}]', FrameFault.ID, CALL, None),
        (f'[2,"{LONG_ID}","Heartbeat",{{}}]', FrameFault.ID, CALL, LONG_ID),
        (f'[2,"{"x" * 256}","Heartbeat",{{}}]', FrameFault.ID, CALL, None),
        ('[2,"1"]', FrameFault.LENGTH, CALL, "1"),
        ('[2,"1","Heartbeat"]', FrameFault.LENGTH, CALL, "1"),
        ('[2,"1","Heartbeat",{},{}]', FrameFault.LENGTH, CALL, "1"),
        ('[2,"1",{"a":1}]', FrameFault.LENGTH, CALL, "1"),
        ('[2,"1",5,{}]', FrameFault.ACTION, CALL, "1"),
        ('[2,"1","Heartbeat",[]]', FrameFault.PAYLOAD, CALL, "1"),
        ('[2,"1","Heartbeat","{}"]', FrameFault.PAYLOAD, CALL, "1"),
        ("[3,1,{}]", FrameFault.ID, CALLRESULT, None),
        (f'[3,"{LONG_ID}",{{}}]', FrameFault.ID, CALLRESULT, LONG_ID),
        ('[3,"1"]', FrameFault.LENGTH, CALLRESULT, "1"),
        ('[3,"1","Heartbeat",{}]', FrameFault.LENGTH, CALLRESULT, "1"),
        ('[3,"1",17]', FrameFault.PAYLOAD, CALLRESULT, "1"),
        ('[4,17,"GenericError","",{}]', FrameFault.ID, CALLERROR, None),
        ("[4]", FrameFault.ID, CALLERROR, None),
        ('[4,"1","GenericError",""]', FrameFault.LENGTH, CALLERROR, "1"),
        ('[4,"1",17,"",{}]', FrameFault.ERROR_ITEMS, CALLERROR, "1"),
        ('[4,"1","GenericError",17,{}]', FrameFault.ERROR_ITEMS, CALLERROR, "1"),
        ('[4,"1","GenericError","",[]]', FrameFault.ERROR_ITEMS, CALLERROR, "1"),
    ],
)
def test_what_is_wrong_is_named(text: str, fault: FrameFault, message_type: int | None, message_id: str | None) -> None:
    """Each way to break a message has its fault, and type and id are told as far as they can be read."""
    bad = parse(text, V16)
    assert isinstance(bad, Malformed)
    assert (bad.fault, bad.message_type, bad.id) == (fault, message_type, message_id)


def test_nobodys_result_error_is_malformed() -> None:
    """Only a CALLERROR may lack a readable id: a CALLRESULTERROR always answers a message that was read."""
    bad = parse('[5,null,"FormatViolation","",{}]', V21)
    assert bad == Malformed(
        FrameFault.ID, "the message id is not a string of at most 36 characters", CALLRESULTERROR, None
    )
    assert isinstance(parse('[5,"-1","FormatViolation","",{}]', V21), CallResultError)


def test_the_fast_reader_leaves_doubtful_texts_alone() -> None:
    """Whatever is not plainly a CALL or CALLRESULT is left to the reader that proves everything."""
    for text in (
        '[3,"1","x",{}]',
        '[2,"1",{}]',
        '[2,"1","A",{}] ',
        '[2,"1","A",[]]',
        f'[2,"{LONG_ID}","A",{{}}]',
        '[3,"1",{"a":NaN}]',
        "",
    ):
        assert split(text) is None


# --- answers to malformed messages


@pytest.mark.parametrize(
    ("version", "text", "message_id", "code"),
    [
        (V16, '[2,"1","Heartbeat",{}', "1", "FormationViolation"),
        (V16, '[2,"1","Heartbeat"]', "1", "FormationViolation"),
        (V16, '[2,"1","Heartbeat",[]]', "1", "ProtocolError"),
        (V16, f'[2,"{LONG_ID}","Heartbeat",{{}}]', LONG_ID, "FormationViolation"),
        (V201, '[2,"1","Heartbeat",{}', "1", "FormatViolation"),
        (V201, '[2,"1","Heartbeat"]', "1", "RpcFrameworkError"),
        (V201, "hello", "-1", "RpcFrameworkError"),
        (V201, "[]", "-1", "RpcFrameworkError"),
        (V201, '[2,17,"Heartbeat",{}]', "-1", "RpcFrameworkError"),
        (V201, '[7,"1"]', "1", "MessageTypeNotSupported"),
        (V201, "[7]", "-1", "MessageTypeNotSupported"),
        (V21, "hello", "-1", "RpcFrameworkError"),
    ],
)
def test_the_sender_of_a_bad_call_is_told(version: Dialect, text: str, message_id: str, code: str) -> None:
    """A readable id is answered in every version; from 2.0.1 on, an unreadable one too."""
    bad = parse(text, version)
    assert isinstance(bad, Malformed)
    answer = answer_to(bad, version)
    assert answer is not None
    assert (answer.id, answer.code) == (message_id, code)
    assert answer.description


@pytest.mark.parametrize(
    ("version", "text"),
    [
        (V16, "hello"),
        (V16, '[2,17,"Heartbeat",{}]'),
        (V16, '[7,"1","Heartbeat",{}]'),
        (V21, '[7,"1","Heartbeat",{}]'),
        (V201, '[3,"1"]'),
        (V201, '[3,"1",{]'),
        (V201, "[3,1,{}]"),
        (V201, '[4,"1",17,"",{}]'),
        (V21, '[5,"1"]'),
        (V21, '[6,"1"]'),
    ],
)
def test_silence_where_an_answer_is_impossible_or_forbidden(version: Dialect, text: str) -> None:
    """Answers and SENDs are never answered; 1.6 has no answer without an id; 1.6 and 2.1 ignore unknown types."""
    bad = parse(text, version)
    assert isinstance(bad, Malformed)
    assert answer_to(bad, version) is None


# --- writing


def test_what_is_written_is_compact_and_read_back_alike() -> None:
    """Every kind of message survives the way out and in, ids with quotes and controls included."""
    assert framing.encode_call("1", "Heartbeat", "{}") == '[2,"1","Heartbeat",{}]'
    assert framing.encode_result("1", '{"a":1}') == '[3,"1",{"a":1}]'
    assert framing.encode_send("1", "A", "{}") == '[6,"1","A",{}]'
    error = CallError("1", "GenericError", "x", {"a": 1})
    assert framing.encode_error(error) == '[4,"1","GenericError","x",{"a":1}]'
    assert framing.encode_error(CallError(None, "GenericError")) == '[4,"-1","GenericError","",{}]'
    assert framing.encode_error(CallResultError("1", "FormatViolation")) == '[5,"1","FormatViolation","",{}]'
    odd = 'a"\n\u2028\ud800'
    assert parse(framing.encode_result(odd, "{}"), V16) == CallResult(odd, "{}")
    framing.encode_result(odd, "{}").encode()  # a lone surrogate goes out escaped, never as broken UTF-8


def test_a_description_never_exceeds_its_limit() -> None:
    """Longer texts are cut to 255 characters (OCPP 2.0.1 part 4, section 4.2.3)."""
    frame = parse(framing.encode_error(CallError("1", "GenericError", "é" * 300)), V16)
    assert isinstance(frame, CallError)
    assert frame.description == "é" * 255


def test_every_fault_has_a_code_in_every_version() -> None:
    """No way of being wrong is without its CALLERROR code, spelt as each version spells it."""
    for version in (V16, V201, V21):
        assert set(version.codes) == {*FrameFault, *ViolationKind}
    assert V16.codes[ViolationKind.MISSING] == "OccurenceConstraintViolation"
    assert V201.codes[ViolationKind.MISSING] == "OccurrenceConstraintViolation"
    assert V16.codes[ViolationKind.EXTRA] == "FormationViolation"
    assert V201.codes[ViolationKind.EXTRA] == "FormatViolation"


def test_an_unknown_version_is_refused() -> None:
    """Framing exists only for versions whose rules are known."""
    with pytest.raises(ValueError, match=r"ocpp1\.5.*known are ocpp1\.6"):
        dialect("ocpp1.5")


# --- both readers against a plain parser

JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**6), 10**6)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
TYPES = st.sampled_from([2, 3, 4, 5, 6, 7, 2.0, "2", True])
IDS = st.sampled_from(["1", "-1", "", ID, LONG_ID, 'a"b', "]},{"]) | st.text(max_size=40) | JSON_VALUES
MESSAGES = st.builds(lambda head, rest: [*head, *rest], st.tuples(TYPES, IDS), st.lists(JSON_VALUES, max_size=4))
LIKELY = st.one_of(
    st.tuples(st.just(2), IDS, st.text(max_size=8), st.dictionaries(st.text(max_size=5), JSON_VALUES, max_size=3)),
    st.tuples(st.just(3), IDS, st.dictionaries(st.text(max_size=5), JSON_VALUES, max_size=3)),
    st.tuples(st.just(4), IDS, st.text(max_size=8), st.text(max_size=8), st.dictionaries(st.text(), JSON_VALUES)),
)
SPELLINGS = st.sampled_from([(",", ":"), (", ", ": "), (" ,\n", " : ")])


@st.composite
def texts(draw: st.DrawFn) -> str:
    """A message of some spelling, now and then with a piece cut out, doubled or put in."""
    text = json.dumps(draw(LIKELY | MESSAGES), ensure_ascii=draw(st.booleans()), separators=draw(SPELLINGS))
    for _ in range(draw(st.integers(0, 2))):
        at = draw(st.integers(0, len(text)))
        match draw(st.sampled_from(["keep", "cut", "double", "insert"])):
            case "cut":
                text = text[:at] + text[at + draw(st.integers(1, 3)) :]
            case "double":
                text = text[:at] + text[max(at - 3, 0) :]
            case "insert":
                text = (
                    text[:at]
                    + draw(st.sampled_from(["]", "[", "{", "}", ",", '"', "\\", "NaN", " ", "\x00"]))
                    + text[at:]
                )
    return text


def strictly(text: str) -> Any:
    """Decode as the standard library does, without the constants JSON does not have."""

    def refuse(name: str) -> None:
        raise ValueError(name)

    return json.loads(text, parse_constant=refuse)


def plain(text: str, version: Dialect) -> tuple[Any, ...] | None:
    """Read a message in the most obvious way: the rules again, without regular expressions and without slices."""
    try:
        items = strictly(text)
    except ValueError:
        return None
    if not isinstance(items, list) or not items or type(items[0]) is not int or items[0] not in version.message_types:
        return None
    kind, rest = items[0], items[1:]
    if kind == CALLERROR and rest and rest[0] in (None, "-1"):
        rest[0] = None
    elif not rest or not isinstance(rest[0], str) or len(rest[0]) > 36:
        return None
    if kind in (CALL, SEND):
        shapes: tuple[Any, ...] = (str, str, (dict, type(None)))
    elif kind == CALLRESULT:
        shapes = (str, (dict, type(None)))
    else:
        shapes = ((str, type(None)), str, (str, type(None)), (dict, type(None)))
    if len(rest) != len(shapes) or not all(isinstance(item, shape) for item, shape in zip(rest, shapes, strict=True)):
        return None
    if rest[-1] is None:
        rest[-1] = {}
    if kind in (CALLERROR, CALLRESULTERROR) and rest[2] is None:
        rest[2] = ""
    return (kind, *rest)


def decoded(frame: framing.Frame | Malformed | None) -> tuple[Any, ...] | None:
    """Return a frame as the plain reader would, its payload decoded."""
    match frame:
        case Call(message_id, action, payload):
            return CALL, message_id, action, strictly(payload)
        case Send(message_id, action, payload):
            return SEND, message_id, action, strictly(payload)
        case CallResult(message_id, payload):
            return CALLRESULT, message_id, strictly(payload)
        case CallError(message_id, code, description, details):
            return CALLERROR, message_id, code, description, details
        case CallResultError(message_id, code, description, details):
            return CALLRESULTERROR, message_id, code, description, details
        case _:
            return None


@settings(max_examples=400, deadline=None)
@given(texts(), st.sampled_from([V16, V201, V21]))
@example('[2,"1","A",{},{}]', V16)
@example('[2,"1","A",{}{}]', V16)
@example('[2,"1","A",{}]}]', V16)
@example('[3,"1",{"a":"}]"}]', V16)
@example('[2,"1","A",{"a":"]}', V16)
def test_the_proving_reader_equals_a_plain_parser(text: str, version: Dialect) -> None:
    """Whatever the text, `parse` accepts what a plain parser accepts, with the same content, and nothing else."""
    assert decoded(parse(text, version)) == plain(text, version)


@settings(max_examples=400, deadline=None)
@given(texts())
@example('[2,"1","A",{},{}]')
@example('[3,"1",{"a":1}],{}]')
@example('[3,"1",{"x":NaN}]')
def test_the_fast_reader_is_right_wherever_its_payload_is_json(text: str) -> None:
    """A split frame whose payload is JSON is exactly the frame `parse` proves; otherwise `parse` calls it malformed."""
    frame = split(text)
    if frame is None:
        return
    try:
        strictly(frame.payload)
    except ValueError:
        assert isinstance(parse(text, V16), Malformed)
    else:
        assert parse(text, V16) == frame


@settings(max_examples=100, deadline=None)
@given(
    st.text(max_size=36),
    st.text(min_size=1, max_size=20),
    st.dictionaries(st.text(max_size=5), JSON_VALUES, max_size=3),
)
def test_what_is_written_is_read(message_id: str, action: str, payload: dict[str, Any]) -> None:
    """Any id, action and payload that may be sent arrive unchanged."""
    text = json.dumps(payload)
    assert parse(framing.encode_call(message_id, action, text), V16) == Call(message_id, action, text)
    assert parse(framing.encode_result(message_id, text), V16) == CallResult(message_id, text)
