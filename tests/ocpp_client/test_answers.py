"""The memory of answered calls: bounded in number, size and age."""

import pytest

from ocpp_client.answers import AnswerCache


def executed(cache: AnswerCache, message_id: str, answer: str = "answer", at: float = 0.0) -> None:
    """Put an answered call into the memory."""
    cache.finish(cache.begin(message_id, "content", at), answer)


def remembered(cache: AnswerCache, message_id: str, at: float = 0.0) -> bool:
    """Tell whether a call would be answered from memory."""
    return cache.find(message_id, "content", at) is not None


def test_the_oldest_answers_are_forgotten_first() -> None:
    """Beyond the capacity the oldest go; what is still being executed stays."""
    cache = AnswerCache(capacity=2)
    cache.begin("running", "content", 0.0)
    for name in "abc":
        executed(cache, name)
    assert [remembered(cache, name) for name in ("running", "a", "b", "c")] == [True, False, False, True]


def test_large_answers_are_forgotten_sooner() -> None:
    """The memory is bounded in bytes as well."""
    cache = AnswerCache(max_bytes=250)
    for name in "abc":
        executed(cache, name, "x" * 100)
    assert [remembered(cache, name) for name in "abc"] == [False, True, True]
    executed(cache, "b", "x" * 10)  # again: the former answer no longer counts
    executed(cache, "d", "x" * 100)
    assert [remembered(cache, name) for name in "bcd"] == [True, True, True]


def test_answers_grow_old() -> None:
    """An answer is of no use for a repetition that comes much later."""
    cache = AnswerCache(max_age_s=60)
    executed(cache, "a", at=100.0)
    assert remembered(cache, "a", at=160.0)
    assert not remembered(cache, "a", at=161.0)


def test_an_answer_nobody_remembers_changes_nothing() -> None:
    """An execution replaced in the meantime may finish or be abandoned without a trace."""
    cache = AnswerCache()
    old = cache.begin("a", "content", 0.0)
    new = cache.begin("a", "other", 0.0)
    cache.finish(old, "old")
    assert cache.find("a", "other", 0.0) is new
    replaced = cache.begin("a", "third", 0.0)
    cache.abandon(new)
    assert cache.find("a", "third", 0.0) is replaced
    cache.abandon(replaced)
    assert cache.find("a", "third", 0.0) is None


@pytest.mark.parametrize("bounds", [{"capacity": 0}, {"max_bytes": -1}, {"max_age_s": 0.0}])
def test_senseless_bounds_are_refused(bounds: dict[str, int]) -> None:
    """A memory that can hold nothing is a mistake."""
    with pytest.raises(ValueError, match="must be positive"):
        AnswerCache(**bounds)
