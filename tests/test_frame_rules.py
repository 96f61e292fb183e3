"""Which frames a rule is about, and what it makes of them."""

import json
from typing import Any

import pytest

from firmware.frame_rules import HELD_AT_MOST, RULES_AT_MOST, Direction, FrameRules, Rule, RuleError, Seen, Verb, edited

START = '[2,"7","StartTransaction",{"connectorId":1,"idTag":"04AA"}]'
STARTED = '[3,"7",{"transactionId":5,"idTagInfo":{"status":"Accepted"}}]'
REFUSED = '[4,"7","InternalError","",{}]'


def rules(*each: Rule) -> FrameRules:
    """An engine with these rules."""
    engine = FrameRules(lambda: 1.0)
    for rule in each:
        engine.add(rule)
    return engine


def acts(engine: FrameRules, direction: Direction, text: str) -> int | None:
    """The number of the rule that acts on a frame."""
    found = engine.judge(direction, text)
    return None if found is None else found[0].number


@pytest.mark.parametrize(
    ("rule", "direction", "text", "fits"),
    [
        (Rule(Verb.DROP), "out", START, True),
        (Rule(Verb.DROP), "in", "nonsense", True),
        (Rule(Verb.DROP, direction="in"), "out", START, False),
        (Rule(Verb.DROP, kind="call"), "out", START, True),
        (Rule(Verb.DROP, kind="answer"), "out", START, False),
        (Rule(Verb.DROP, kind="call"), "in", "nonsense", False),
        (Rule(Verb.DROP, action="StartTransaction"), "out", START, True),
        (Rule(Verb.DROP, action="StopTransaction"), "out", START, False),
        (Rule(Verb.DROP, contains="04AA"), "out", START, True),
        (Rule(Verb.DROP, contains="04BB"), "out", START, False),
    ],
)
def test_a_rule_is_about_frames_that_fit_all_it_names(rule: Rule, direction: Direction, text: str, fits: bool) -> None:
    """What it does not name does not matter."""
    assert (acts(rules(rule), direction, text) == 1) is fits


def test_an_answer_belongs_to_the_action_of_its_call() -> None:
    """Also a refusal; an answer that goes the same way as the call under its id is another one's."""
    engine = rules(Rule(Verb.DROP, kind="answer", action="StartTransaction"))
    assert acts(engine, "in", STARTED) is None  # its call was never seen
    assert acts(engine, "out", START) is None
    assert acts(engine, "out", STARTED) is None
    assert acts(engine, "in", STARTED) == 1
    assert acts(engine, "in", REFUSED) == 1


def test_a_rule_lets_frames_pass_and_then_acts_so_often() -> None:
    """`skip` first, `count` then, and nothing after."""
    engine = rules(Rule(Verb.DROP, skip=2, count=2))
    assert [acts(engine, "out", START) for _ in range(6)] == [None, None, 1, 1, None, None]
    (numbered,) = engine.rules
    assert (numbered.seen, numbered.hits) == (4, 2)


def test_the_first_rule_that_fits_is_the_only_one() -> None:
    """One that is switched off or has done its work leaves the frame to the next."""
    engine = rules(Rule(Verb.DROP, count=1), Rule(Verb.DUPLICATE))
    assert [acts(engine, "out", START) for _ in range(2)] == [1, 2]
    engine = rules(Rule(Verb.DROP), Rule(Verb.DUPLICATE))
    engine.switch(1, on=False)
    assert acts(engine, "out", START) == 2


@pytest.mark.parametrize(
    ("rule", "text", "result"),
    [
        (Rule(Verb.EDIT, change={"idTag": "04BB", "meterStart": 5}), START, {"idTag": "04BB", "meterStart": 5}),
        (Rule(Verb.EDIT, change={"idTagInfo.status": "Blocked"}), STARTED, {"idTagInfo": {"status": "Blocked"}}),
        (Rule(Verb.EDIT, change={"a.b": 1}), STARTED, {"a": {"b": 1}}),
        (Rule(Verb.EDIT, remove=("idTag", "no.such")), START, {"connectorId": 1}),
        (Rule(Verb.EDIT, change={"list.1.x": 2}), '[3,"7",{"list":[{},{"x":1}]}]', {"list": [{}, {"x": 2}]}),
        (Rule(Verb.EDIT, change={"list.0": 2, "list.9": 3}), '[3,"7",{"list":[1]}]', {"list": [2]}),
    ],
)
def test_an_edit_puts_values_into_the_payload(rule: Rule, text: str, result: dict[str, Any]) -> None:
    """By their paths; what cannot be reached stays as it is."""
    frame = rules(rule).judge("out", text)
    assert frame is not None
    before, after = json.loads(text), json.loads(edited(rule, frame[1]))
    assert after[:-1] == before[:-1]
    assert {key: after[-1][key] for key in result} == result
    assert not set(rule.remove) & set(after[-1])


def test_an_edit_replaces_answers_and_texts() -> None:
    """A CALLERROR instead of an answer, never of a call; any text, with the message id in its place."""
    answer, call = Seen("in", STARTED, "answer", "7"), Seen("out", START, "call", "7")
    assert json.loads(edited(Rule(Verb.EDIT, error="SecurityError"), answer)) == [4, "7", "SecurityError", "", {}]
    assert edited(Rule(Verb.EDIT, error="SecurityError"), call) == START
    assert edited(Rule(Verb.EDIT, text='[3,"{id}",{}'), answer) == '[3,"7",{}'
    assert edited(Rule(Verb.EDIT, change={"a": 1}), Seen("in", "nonsense")) == "nonsense"
    assert edited(Rule(Verb.EDIT, change={"a": 1}), Seen("in", REFUSED, "answer", "7")) == REFUSED


@pytest.mark.parametrize(
    ("fields", "at_fault"),
    [
        ({"verb": Verb.DELAY}, "delay_s"),
        ({"verb": Verb.EDIT}, "change"),
        ({"verb": Verb.DROP, "error": "InternalError"}, "verb"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(fields: dict[str, Any], at_fault: str) -> None:
    """With the field that is wrong."""
    with pytest.raises(RuleError) as caught:
        Rule(**fields)
    assert caught.value.field == at_fault


def test_what_is_held_waits_for_its_number_its_rule_or_all() -> None:
    """Each is let go once, and told to whoever holds the connection."""
    engine = rules(Rule(Verb.HOLD), Rule(Verb.HOLD))
    passed: list[str] = []
    first, second = engine.rules
    numbers = [
        engine.hold(each, Seen("out", text), passed.append)
        for each, text in ((first, "a"), (first, "b"), (second, "c"))
    ]
    assert numbers == [1, 2, 3]
    assert engine.release(2) == 1
    engine.forget(1)
    with pytest.raises(KeyError):
        engine.release(1)
    engine.remove(2)
    assert (passed, engine.held) == (["b", "c"], ())
    assert [mark.did for mark in engine.marks] == ["held", "held", "held", "released", "released"]


def test_there_is_an_end_to_what_is_kept() -> None:
    """Frames pass when too many are held; rules beyond the limit are refused."""
    engine = rules(Rule(Verb.HOLD))
    for _ in range(HELD_AT_MOST):
        assert engine.hold(engine.rules[0], Seen("out", "x"), lambda _text: None) is not None
    assert engine.hold(engine.rules[0], Seen("out", "x"), lambda _text: None) is None
    for _ in range(RULES_AT_MOST - 1):
        engine.add(Rule(Verb.DROP))
    with pytest.raises(RuleError):
        engine.add(Rule(Verb.DROP))
