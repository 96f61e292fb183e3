"""What fits an expectation, and how a difference is told."""

from typing import Any

import pytest

from firmware.scenarios.conversation import Conversation
from firmware.scenarios.matching import difference


@pytest.mark.parametrize(
    ("expected", "found"),
    [
        ({"a": 1}, {"a": 1, "b": 2}),
        ({"a": {"above": 1, "below": 3}}, {"a": 2}),
        ({"a": ["x", "y"]}, {"a": "y"}),
        ({"a": [{"b": 1}]}, {"a": [{"b": 0}, {"b": 1, "c": 2}]}),
        ({"a": "*"}, {"a": 0}),
        ({"a": 16.0}, {"a": 16}),
    ],
)
def test_what_fits(expected: Any, found: Any) -> None:
    """A table has at least what is expected; a list names alternatives, or what must be in a list."""
    assert difference(expected, found) is None


@pytest.mark.parametrize(
    ("expected", "found", "said"),
    [
        ({"a": {"b": 1}}, {"a": {}}, "a.b is missing"),
        ({"a": {"above": 1}}, {"a": 1}, "a is 1, not above 1"),
        ({"a": {"below": 1}}, {"a": 2.5}, "a is 2.5, not below 1"),
        ({"a": {"above": 1}}, {"a": None}, "a is unknown, not a number"),
        ({"a": ["x", "y"]}, {"a": "z"}, "a is z, not x or y"),
        ({"a": ["x"]}, {"a": []}, "a has no x"),
        ({"a": "*"}, {"a": None}, "a is missing"),
        ({"a": True}, {"a": 1}, "a is 1, not True"),
        ({"a": 1}, {"a": True}, "a is True, not 1"),
        ({"a": {"b": 1}}, {"a": 5}, "a is 5, not {'b': 1}"),
    ],
)
def test_what_differs_is_told(expected: Any, found: Any, said: str) -> None:
    """By its path, what it is, and what it should be."""
    assert difference(expected, found) == said


def test_an_answer_belongs_to_the_call_of_the_other_side() -> None:
    """The same id may be used by both sides at the same time."""
    conversation = Conversation(lambda: 1.0)
    conversation.hear('[2,"1","Heartbeat",{}]', from_station=True)
    conversation.hear('[2,"1","Reset",{"type":"Soft"}]', from_station=False)
    conversation.hear('[4,"1","NotSupported","",{}]', from_station=True)
    conversation.hear('[3,"1",{"currentTime":"x"}]', from_station=False)
    for nonsense in ("", "{}", "[2]", '[3,"9",{}]', '[9,"1",{}]'):
        conversation.hear(nonsense, from_station=True)
    heartbeat, reset = conversation.since(0)
    assert (heartbeat.answer, heartbeat.error) == ({"currentTime": "x"}, None)
    assert (reset.answer, reset.error, reset.origin) == (None, "NotSupported", "csms")
