"""Everything that a token at the reader can mean."""

import pytest

from firmware.core import events as ev
from firmware.core.authorisation import AuthState
from firmware.core.facts import FactKind
from firmware.core.settings import CACHE_ENABLED
from firmware.core.tokens import aged
from firmware.core.values import ACCEPTED, Plug, StopCause, Token, TokenInfo, Verdict
from hal.types import FaultCode, PilotState
from tests.core.pole import CARD, FAMILY, OTHER, Pole


class _List:
    """A local list that accepts one card."""

    def find(self, token: Token, wall_s: float | None) -> TokenInfo | None:
        return aged(TokenInfo(Verdict.ACCEPTED, FAMILY), wall_s) if token.same_as(CARD) else None


def test_the_same_token_ends_its_transaction_without_being_asked_about() -> None:
    """The end is a fact with that token and the cause Local."""
    pole = Pole()
    pole.charge()
    asked = len(pole.told(ev.TokenQueryNeeded))
    pole.tap()
    [end] = pole.facts(FactKind.ENDED)
    assert (end.cause, end.token) == (StopCause.LOCAL, CARD)
    assert len(pole.told(ev.TokenQueryNeeded)) == asked
    assert pole.decisions()[-1] == "Stopped"


def test_the_same_token_takes_back_its_wish() -> None:
    """While it is asked about, and while it waits for a vehicle; an answer that comes later is of no use."""
    pole = Pole()
    pole.tap()
    pole.tap()
    assert pole.decisions() == ["Cancelled"]
    pole.answer()
    assert pole.evse().auth.state is AuthState.NONE
    pole.tap()
    pole.answer()
    pole.tap()
    assert pole.decisions() == ["Cancelled", "CentralSystemAccepted", "Cancelled"]


def test_a_token_of_the_same_group_ends_a_transaction() -> None:
    """Known from the list or asked about; the group itself is no token."""
    pole = Pole()
    pole.charge(OTHER, group=FAMILY)
    pole.tap(FAMILY)
    pole.answer()
    assert pole.decisions()[-1] == "NotTheSameGroup"
    pole.tap(CARD)
    pole.answer(group=Token("family"))
    assert pole.decisions()[-1] == "StoppedByGroup"
    assert [fact.token for fact in pole.facts(FactKind.ENDED)] == [CARD]


def test_a_group_known_from_the_list_needs_no_question() -> None:
    """Even offline."""
    pole = Pole(auth__local_pre_authorize="true")
    pole.station.desk.local_list = _List()
    pole.charge(OTHER, group=FAMILY)
    pole.do(lambda station, now: station.connection_changed(False))
    pole.tap(CARD)
    assert pole.decisions()[-1] == "StoppedByGroup"


@pytest.mark.parametrize(("verdict", "group"), [(None, None), (Verdict.BLOCKED, FAMILY), (Verdict.ACCEPTED, OTHER)])
def test_another_token_ends_nothing(verdict: Verdict | None, group: Token | None) -> None:
    """Unanswered, refused, or of another group: charging goes on."""
    pole = Pole()
    pole.charge(OTHER, group=FAMILY)
    pole.tap(CARD)
    pole.answer(verdict, group)
    assert pole.decisions()[-1] == "NotTheSameGroup"
    assert pole.evse().running is not None


def test_a_token_of_unknown_group_ends_nothing_offline() -> None:
    """Nobody can be asked."""
    pole = Pole()
    pole.charge(OTHER, group=FAMILY)
    pole.do(lambda station, now: station.connection_changed(False))
    pole.tap(CARD)
    assert pole.decisions()[-1] == "NoFreeEvse"


def test_the_transaction_ended_while_its_group_was_asked_about() -> None:
    """The answer then ends nothing, above all not the next transaction."""
    pole = Pole()
    pole.charge(OTHER, group=FAMILY)
    pole.tap(CARD)
    question = pole.told(ev.TokenQueryNeeded)[-1].query
    pole.tap(OTHER)
    pole.pilot(PilotState.A)
    pole.charge(OTHER, group=FAMILY)
    pole.do(lambda station, now: station.desk.answer(question, TokenInfo(Verdict.ACCEPTED, FAMILY), now))
    assert pole.evse().running is not None


def test_of_several_the_evse_plugged_in_last_is_meant() -> None:
    """Among those with a cable that nobody has claimed."""
    pole = Pole(evses=3)
    pole.pilot(PilotState.B, 2)
    pole.now_s += 5
    pole.pilot(PilotState.B, 3)
    pole.tap()
    assert [evse.auth.state for evse in pole.station.evses.values()] == [
        AuthState.NONE,
        AuthState.NONE,
        AuthState.PENDING,
    ]


def test_without_a_cable_the_token_waits_for_one() -> None:
    """It takes the EVSE that is plugged into first, and lapses after the connection time-out."""
    pole = Pole(evses=2)
    pole.tap()
    pole.answer()
    assert pole.station.next_deadline(pole.now()) == pole.now_s + 60
    pole.pilot(PilotState.B, 2)
    assert pole.evse(2).running is not None
    assert pole.station.desk.waiting is None
    pole.tap(OTHER)
    pole.answer()
    assert pole.evse(1).auth.belongs_to(OTHER) or pole.station.desk.waiting is not None
    pole.later(60)
    assert pole.station.desk.waiting is None
    assert pole.evse(1).auth.state is AuthState.NONE


def test_a_waiting_token_can_be_taken_back() -> None:
    """By showing it again."""
    pole = Pole(evses=2)
    pole.tap()
    pole.answer()
    pole.tap()
    assert pole.station.desk.waiting is None
    pole.pilot(PilotState.B, 1)
    assert pole.evse().auth.state is AuthState.NONE


def test_a_waiting_token_does_not_take_an_evse_with_a_fault() -> None:
    """It goes on waiting for one that works."""
    pole = Pole(evses=2)
    pole.tap()
    pole.answer()
    pole.fault(FaultCode.INTERNAL, number=1)
    pole.pilot(PilotState.B, 1)
    assert pole.evse(1).auth.state is AuthState.NONE
    pole.pilot(PilotState.B, 2)
    assert pole.evse(2).running is not None


def test_a_cable_that_came_while_the_question_was_under_way_is_taken() -> None:
    """The token need not be shown again."""
    pole = Pole(evses=2)
    pole.tap()
    pole.pilot(PilotState.B, 2)
    pole.answer()
    assert pole.evse(2).running is not None


def test_a_token_at_a_leftover_cable_starts_anew() -> None:
    """The same car, a second transaction."""
    pole = Pole()
    pole.charge()
    pole.tap()
    assert pole.evse().leftover
    pole.tap()
    pole.answer()
    assert [fact.transaction for fact in pole.facts(FactKind.STARTED)] == ["tx-1", "tx-2"]


@pytest.mark.parametrize(
    ("trouble", "reason"),
    [
        (lambda station, now: station.storage_changed(False, now), "StorageFull"),
        (lambda station, now: setattr(station.context, "accepted", False), "NotAcceptedYet"),
        (lambda station, now: setattr(station.context, "halting", True), "Restarting"),
    ],
)
def test_a_station_that_is_not_ready_says_why(trouble: object, reason: str) -> None:
    """Nobody is asked, nothing starts; a running transaction can still be ended."""
    pole = Pole(evses=2)
    pole.charge()
    assert callable(trouble)
    pole.do(trouble)
    pole.tap(OTHER, 2)
    assert pole.decisions()[-1] == reason
    pole.tap(CARD, 1)
    assert pole.decisions()[-1] == "Stopped"


def test_a_reader_serves_its_own_evses_only() -> None:
    """And EVSEs that do not exist are not looked for."""
    pole = Pole(evses=2)
    pole.pilot(PilotState.B, 1)
    pole.tap(CARD, 2, 7)
    assert pole.evse(2).auth.state is AuthState.PENDING
    assert pole.evse(1).auth.state is AuthState.NONE


def test_an_unanswered_question_is_decided_as_offline() -> None:
    """With an unknown token and the plain settings that is a refusal, and the EVSE is free again."""
    pole = Pole()
    pole.tap()
    pole.answer(None)
    assert pole.decisions() == ["OfflineUnknown"]
    assert pole.evse().auth.state is AuthState.NONE


def test_a_refusal_is_remembered_and_told() -> None:
    """The cache learns it; the token can be shown again."""
    pole = Pole()
    pole.tap()
    pole.answer(Verdict.EXPIRED)
    assert pole.decisions() == ["CentralSystemExpired"]
    [learned] = pole.told(ev.TokenLearned)
    assert learned.info == TokenInfo(Verdict.EXPIRED)
    pole.tap()
    assert len(pole.told(ev.TokenQueryNeeded)) == 2


def test_an_answer_nobody_waits_for_is_ignored() -> None:
    """Twice the same answer, or one to no question."""
    pole = Pole()
    pole.tap()
    pole.answer()
    events = len(pole.events)
    pole.answer()
    pole.do(lambda station, now: station.desk.answer(99, None, now))
    assert len(pole.events) == events


def test_the_list_is_neither_changed_nor_doubled_in_the_cache() -> None:
    """A central system that refuses what the list accepts is a conflict to be told."""
    pole = Pole()
    pole.station.desk.local_list = _List()
    pole.tap()
    pole.answer(Verdict.BLOCKED)
    assert pole.told(ev.TokenListConflict) == [ev.TokenListConflict(CARD)]
    pole.tap()
    pole.answer(Verdict.ACCEPTED)
    assert pole.told(ev.TokenLearned) == []
    assert len(pole.station.desk.cache) == 0


def test_a_cache_that_is_switched_off_learns_nothing_and_is_not_cleared() -> None:
    """Switched on, clearing forgets on disk too."""
    pole = Pole(auth__cache_enabled="false")
    pole.tap()
    pole.answer()
    assert pole.told(ev.TokenLearned) == []
    assert not pole.do(lambda station, now: station.clear_cache()).accepted
    pole.do(lambda station, now: station.desk.cache.learn(CARD, TokenInfo(Verdict.ACCEPTED)))
    pole.station.settings.set(CACHE_ENABLED, "true")
    assert pole.do(lambda station, now: station.clear_cache()) == ACCEPTED
    assert pole.told(ev.TokenLearned) == [ev.TokenLearned(CARD, None)]


def test_a_full_cache_tells_what_went() -> None:
    """So that it can be removed from disk."""
    pole = Pole()
    pole.station.desk.cache._limit = 1
    for token in (CARD, OTHER):
        pole.learn(token, TokenInfo(Verdict.ACCEPTED))
    assert [(e.token, e.info is None) for e in pole.told(ev.TokenLearned)] == [
        (CARD, False),
        (CARD, True),
        (OTHER, False),
    ]


def test_a_held_cable_is_freed_by_its_token_or_group_only() -> None:
    """After the token was refused during the transaction, the cable waits for its owner."""
    for owner, group in ((CARD, None), (OTHER, FAMILY)):
        pole = Pole(lock=True)
        pole.charge(group=FAMILY)
        pole.refuse_running()
        assert pole.evse().held_for == CARD
        pole.tap(Token("STRANGER"))
        assert pole.evse().held_for == CARD
        pole.learn(owner, TokenInfo(Verdict.ACCEPTED, group))
        pole.tap(owner)
        assert pole.evse().held_for is None
        assert pole.decisions()[-1] == "CableReleased"


def test_pulling_the_cable_frees_it() -> None:
    """A cable that is no longer there is not held for anybody."""
    pole = Pole(lock=True)
    pole.charge()
    pole.refuse_running()
    pole.pilot(PilotState.A, cable=False)
    assert pole.evse().held_for is None
    assert pole.evse().plug is Plug.UNPLUGGED
