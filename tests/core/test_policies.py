"""Rules that are switched by settings, each with the default that changes nothing."""

from typing import Any

import pytest

from firmware.core import events as ev
from firmware.core.facts import FactKind, Trigger
from firmware.core.values import ResetKind, Result, StopCause, Token, TokenInfo, TokenType, Verdict
from hal.types import PilotState
from tests.core.pole import CARD, FAMILY, OTHER, Pole

MASTERS = Token("MASTERS")


def reset(pole: Pole, kind: ResetKind) -> Result:
    """Command a reset."""
    outcome = pole.do(lambda station, now: station.reset(kind, now))
    result: Result = outcome.result
    return result


def test_a_reset_when_idle_waits_for_the_last_transaction_and_admits_no_other() -> None:
    """The running charge ends by itself, nothing begins meanwhile, and then the station starts again, once."""
    pole = Pole(evses=2)
    pole.charge()
    assert reset(pole, ResetKind.IDLE) is Result.SCHEDULED
    assert reset(pole, ResetKind.IDLE) is Result.SCHEDULED
    pole.pilot(PilotState.B, 2)
    pole.tap(OTHER, 2)
    assert pole.decisions()[-1] == "Restarting"
    assert pole.told(ev.ResetWanted) == []
    pole.tap()
    assert pole.told(ev.ResetWanted) == [ev.ResetWanted(ResetKind.IDLE)]
    assert [fact.cause for fact in pole.facts(FactKind.ENDED)] == [StopCause.LOCAL]
    assert reset(pole, ResetKind.IDLE) is Result.ACCEPTED


def test_a_reset_when_idle_of_an_idle_station_is_done_at_once() -> None:
    """Nobody has to be waited for."""
    pole = Pole()
    assert reset(pole, ResetKind.IDLE) is Result.ACCEPTED
    assert pole.told(ev.ResetWanted) == [ev.ResetWanted(ResetKind.SOFT)]


def test_a_hard_reset_does_not_wait_for_what_an_idle_one_waits_for() -> None:
    """A more urgent command overtakes the patient one."""
    pole = Pole()
    pole.charge()
    reset(pole, ResetKind.IDLE)
    assert reset(pole, ResetKind.HARD) is Result.ACCEPTED
    assert pole.told(ev.ResetWanted) == [ev.ResetWanted(ResetKind.HARD)]
    assert [fact.cause for fact in pole.facts(FactKind.ENDED)] == [StopCause.RESET_HARD]


def test_a_token_of_the_master_group_ends_every_transaction_and_starts_none() -> None:
    """Whether it is known already or has to be asked about."""
    for known in (True, False):
        pole = Pole(evses=2, auth__master_group="masters")
        if known:
            pole.learn(OTHER, TokenInfo(Verdict.ACCEPTED, MASTERS))
        pole.charge()
        pole.charge(FAMILY, 2)
        pole.tap(OTHER)
        if not known:
            pole.answer(group=MASTERS)
        assert [fact.cause for fact in pole.facts(FactKind.ENDED)] == [StopCause.MASTER_PASS] * 2
        assert {fact.trigger for fact in pole.facts(FactKind.ENDED)} == {Trigger.STOP_AUTHORIZED}
        assert len(pole.facts(FactKind.STARTED)) == 2


def test_a_token_of_the_master_group_grants_nothing_on_a_free_evse() -> None:
    """There is nothing to end, and nothing begins."""
    pole = Pole(auth__master_group="MASTERS")
    pole.pilot(PilotState.B)
    pole.tap(OTHER)
    pole.answer(group=MASTERS)
    assert pole.decisions() == ["MasterPass"]
    assert pole.facts() == []
    pole.tap()
    pole.answer()
    assert len(pole.facts(FactKind.STARTED)) == 1


@pytest.mark.parametrize(
    ("settings", "known", "decision"),
    [
        ({"auth__cache_is_final": "true"}, Verdict.BLOCKED, "CacheBlocked"),
        ({"auth__remote_disabled": "true"}, Verdict.BLOCKED, "CacheBlocked"),
        ({"auth__remote_disabled": "true"}, Verdict.ACCEPTED, "CacheAccepted"),
        ({"auth__remote_disabled": "true"}, None, "NobodyToAsk"),
    ],
)
def test_the_central_system_is_not_asked_where_policy_says_so(
    settings: dict[str, Any], known: Verdict | None, decision: str
) -> None:
    """What list and cache know decides alone."""
    pole = Pole(**settings)
    if known is not None:
        pole.learn(CARD, TokenInfo(known))
    pole.tap()
    assert pole.decisions() == [decision]
    assert pole.told(ev.TokenQueryNeeded) == []


def test_a_token_made_for_a_remote_start_is_not_asked_about() -> None:
    """The central system knows what it made itself, and says which group it stands for."""
    pole = Pole()
    token = Token("made-for-this-start", TokenType.CENTRAL)
    pole.do(lambda station, now: station.start_remote(1, token, now, remote_start_id=7, group=FAMILY))
    assert pole.told(ev.TokenQueryNeeded) == []
    pole.pilot(PilotState.B)
    (started,) = pole.facts(FactKind.STARTED)
    assert (started.token, started.group, started.remote_start_id) == (token, FAMILY, 7)


def test_who_asks_hears_the_state_and_the_sampled_values_of_the_transaction() -> None:
    """The answer is a fact of the transaction, in its order."""
    pole = Pole()
    pole.charge()
    before = len(pole.facts())
    reading = pole.reading()
    pole.do(lambda station, now: station.evses[1].triggered(reading, now))
    fact = pole.facts()[-1]
    assert (fact.kind, fact.trigger, fact.seq) == (FactKind.UPDATED, Trigger.TRIGGERED, before)
    assert [sample.value for sample in fact.frames[0].samples] == [1000]


def test_a_transaction_may_end_with_the_flow_of_energy() -> None:
    """A vehicle that stops taking energy ends it, one that has not begun to does not; so does one that leaves."""
    pole = Pole(tx__stop_points="EnergyTransfer")
    pole.pilot(PilotState.B)
    pole.tap()
    pole.answer()
    assert pole.facts(FactKind.ENDED) == []
    pole.pilot(PilotState.C)
    pole.pilot(PilotState.B)
    (ended,) = pole.facts(FactKind.ENDED)
    assert (ended.cause, ended.trigger) == (StopCause.STOPPED_BY_EV, Trigger.ENERGY_CHANGED)
    pole.pilot(PilotState.A)
    pole.charge()
    pole.pilot(PilotState.A)
    assert pole.facts(FactKind.ENDED)[-1].cause is StopCause.EV_DISCONNECTED
    pole.charge()
    pole.tap()
    assert pole.facts(FactKind.ENDED)[-1].cause is StopCause.LOCAL
