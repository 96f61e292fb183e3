"""The local list: whole and partial changes, versions, limits, and its rank before the cache."""

from collections.abc import Sequence

import pytest

from firmware.core import events as ev
from firmware.core.local_list import Change, LocalList
from firmware.core.settings import LIST_ENABLED, Settings
from firmware.core.values import Outcome, Result, Token, TokenInfo, TokenType, Verdict
from tests.core.pole import CARD, EPOCH_S, FAMILY, OTHER, Pole

GOOD = TokenInfo(Verdict.ACCEPTED)
BAD = TokenInfo(Verdict.BLOCKED)


def _list(version: int = 0, *entries: tuple[Token, TokenInfo], **settings: str) -> LocalList:
    names = {f"auth.{name.replace('_', '-')}": value for name, value in settings.items()}
    found = LocalList(Settings(names))
    found.restore(version, entries)
    return found


def _content(found: LocalList) -> dict[str, TokenInfo]:
    return {token.value: info for token, info in found}


def test_a_whole_list_replaces_everything_under_any_version() -> None:
    """Also under a lower one; what was there and is no longer is told as removed."""
    found = _list(7, (CARD, GOOD), (OTHER, GOOD))
    outcome, done = found.replace_all(3, [(CARD, BAD)])
    assert outcome.accepted
    assert (found.version, _content(found)) == (3, {CARD.value: BAD})
    assert done == ((OTHER, None), (CARD, BAD))


def test_a_partial_change_adds_replaces_and_removes() -> None:
    """An entry without information is removed; one that was never there does no harm."""
    found = _list(1, (CARD, GOOD), (OTHER, GOOD))
    outcome, _ = found.amend(2, [(CARD, BAD), (OTHER, None), (FAMILY, GOOD), (Token("nobody"), None)])
    assert outcome.accepted
    assert (found.version, _content(found)) == (2, {CARD.value: BAD, FAMILY.value: GOOD})


@pytest.mark.parametrize("version", [1, 4, 5])
def test_a_partial_change_needs_a_version_above_the_present_one(version: int) -> None:
    """Otherwise it is stale, and nothing changes."""
    found = _list(5, (CARD, GOOD))
    outcome, done = found.amend(version, [(CARD, None)])
    assert (outcome.result, done) == (Result.STALE, ())
    assert (found.version, _content(found)) == (5, {CARD.value: GOOD})


def test_an_empty_partial_change_takes_the_version_only() -> None:
    """The content stays."""
    found = _list(5, (CARD, GOOD))
    assert found.amend(6, [])[0].accepted
    assert (found.version, _content(found)) == (6, {CARD.value: GOOD})


MANY: list[Change] = [(Token(str(number)), GOOD) for number in range(4)]
BROKEN: list[tuple[str, int, list[Change], bool]] = [
    ("DuplicateToken", 9, [(CARD, GOOD), (Token(CARD.value.lower()), BAD)], True),
    ("DuplicateToken", 9, [(CARD, GOOD), (CARD, None)], False),
    ("DuplicateToken", 9, [(Token("a", TokenType.EMAID), GOOD), (Token("A"), GOOD)], True),
    ("TooManyElements", 9, MANY, True),
    ("StorageFull", 9, MANY[:3], True),
    ("StorageFull", 9, MANY[:2], False),
    ("InvalidVersion", 0, [(CARD, GOOD)], True),
    ("InvalidVersion", -1, [], True),
    ("MissingInfo", 9, [(CARD, None)], True),
    ("InvalidToken", 9, [(Token(""), GOOD)], True),
]


@pytest.mark.parametrize(("reason", "version", "changes", "whole"), BROKEN)
def test_a_change_that_breaks_a_rule_changes_nothing(
    reason: str, version: int, changes: Sequence[Change], whole: bool
) -> None:
    """Entirely or not at all."""
    found = _list(5, (OTHER, GOOD), list_limit="2", list_update_limit="3")
    outcome, done = (found.replace_all if whole else found.amend)(version, changes)
    assert (outcome.result, outcome.reason, done) == (Result.FAILED, reason, ())
    assert (found.version, _content(found)) == (5, {OTHER.value: GOOD})


def test_a_full_list_takes_a_change_that_makes_room_for_itself() -> None:
    """What counts is the result."""
    found = _list(5, (CARD, GOOD), (OTHER, GOOD), list_limit="2")
    assert found.amend(6, [(CARD, None), (FAMILY, GOOD)])[0].accepted


def test_two_types_of_the_same_value_are_two_entries_unless_a_type_is_unknown() -> None:
    """An unknown type stands for every type, so it replaces them all."""
    badge, contract = Token("AB", TokenType.ISO14443), Token("AB", TokenType.EMAID)
    found = _list(1, (badge, GOOD), (contract, BAD))
    assert found.find(badge, None) == GOOD
    assert found.find(Token("ab", TokenType.EMAID), None) == BAD
    assert found.find(Token("ab", TokenType.KEY_CODE), None) is None
    assert found.amend(2, [(Token("ab"), BAD)])[0].accepted
    assert len(found) == 1
    assert found.find(badge, None) == BAD


def test_an_entry_expires_and_a_concurrent_one_is_valid() -> None:
    """Where a token charges else is nothing that a list can know."""
    found = _list(
        1, (CARD, TokenInfo(Verdict.ACCEPTED, expires_s=100.0)), (OTHER, TokenInfo(Verdict.CONCURRENT, FAMILY))
    )
    known = found.find(CARD, 100.0)
    assert known is not None
    assert known.verdict is Verdict.EXPIRED
    assert found.find(OTHER, 100.0) == TokenInfo(Verdict.ACCEPTED, FAMILY)


def test_a_list_that_is_switched_off_knows_nobody_and_keeps_its_content() -> None:
    """Switched on again, it is what it was."""
    settings = Settings()
    found = LocalList(settings)
    found.restore(1, [(CARD, GOOD)])
    settings.set(LIST_ENABLED, "false")
    assert found.find(CARD, None) is None
    settings.set(LIST_ENABLED, "true")
    assert found.find(CARD, None) == GOOD


# ---- at the desk ------------------------------------------------------------------------------------------------------


def _change(pole: Pole, version: int, *changes: Change, whole: bool = True) -> Outcome:
    outcome: Outcome = pole.do(lambda station, now: station.desk.change_list(version, changes, whole=whole))
    return outcome


def test_what_is_on_the_list_leaves_the_cache_and_stays_out_of_it() -> None:
    """The list is the only source then; both changes are told, to be stored."""
    pole = Pole()
    pole.learn(CARD, GOOD)
    assert _change(pole, 1, (CARD, GOOD)).accepted
    assert pole.told(ev.TokenListChanged) == [ev.TokenListChanged(1, ((CARD, GOOD),))]
    assert pole.told(ev.TokenLearned)[-1] == ev.TokenLearned(CARD, None)
    pole.learn(CARD, BAD)
    assert len(pole.station.desk.cache) == 0


def test_a_refused_change_tells_nothing() -> None:
    """There is nothing to store."""
    pole = Pole()
    assert not _change(pole, 0, (CARD, GOOD)).accepted
    assert pole.told(ev.TokenListChanged) == []


def test_the_list_beats_the_cache() -> None:
    """Offline, a token that the cache knew as good before it came on the list as blocked is refused."""
    pole = Pole(online=False)
    pole.station.context.accepted = True
    pole.learn(CARD, GOOD)
    _change(pole, 1, (CARD, BAD), (OTHER, TokenInfo(Verdict.ACCEPTED, expires_s=EPOCH_S + 1000)))
    pole.tap(CARD)
    pole.tap(OTHER)
    assert pole.decisions() == ["OfflineListBlocked", "OfflineListAccepted"]


def test_an_answer_that_contradicts_the_list_is_told_and_leaves_it_alone() -> None:
    """The central system's own list is its own matter."""
    pole = Pole()
    _change(pole, 1, (CARD, GOOD))
    pole.learn(CARD, BAD)
    assert pole.told(ev.TokenListConflict) == [ev.TokenListConflict(CARD)]
    assert pole.station.desk.local_list.find(CARD, None) == GOOD


@pytest.mark.parametrize(
    ("listed", "told", "conflict"),
    [
        (BAD, GOOD, True),
        (TokenInfo(Verdict.ACCEPTED, expires_s=EPOCH_S - 1), GOOD, True),
        (TokenInfo(Verdict.ACCEPTED, expires_s=EPOCH_S - 1), TokenInfo(Verdict.EXPIRED), False),
        (BAD, TokenInfo(Verdict.INVALID), False),
        (GOOD, TokenInfo(Verdict.CONCURRENT), False),
    ],
)
def test_a_contradiction_is_that_one_calls_valid_what_the_other_does_not(
    listed: TokenInfo, told: TokenInfo, conflict: bool
) -> None:
    """In either direction; that a token charges elsewhere too is said of a valid one."""
    pole = Pole()
    _change(pole, 1, (CARD, listed))
    pole.learn(CARD, told)
    assert bool(pole.told(ev.TokenListConflict)) is conflict
