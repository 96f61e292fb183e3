"""While somebody works on the station nothing new begins, and what runs is left to end, or ended."""

from firmware.core.facts import FactKind
from firmware.core.values import Maintenance, Outcome, ResetKind, Result, StopCause
from hal.types import PilotState
from tests.core.pole import OTHER, Pole


def _maintain(pole: Pole, maintenance: Maintenance, stop: StopCause | None = None) -> None:
    pole.do(lambda station, now: station.maintain(maintenance, now, stop=stop))


def test_nothing_new_begins_and_what_runs_goes_on() -> None:
    """A free EVSE is not available, a charging one is until its transaction ends."""
    pole = Pole(evses=2)
    pole.charge()
    _maintain(pole, Maintenance.WAITING)
    assert pole.evse(1).available
    assert not pole.evse(2).available
    pole.pilot(PilotState.B, 2)
    pole.tap(OTHER, 2)
    assert pole.evse(2).tx is None
    assert [fact.kind for fact in pole.facts()].count(FactKind.ENDED) == 0
    pole.tap()
    assert not pole.evse(1).available


def test_transactions_end_where_that_was_decided() -> None:
    """With the cause given."""
    pole = Pole()
    pole.charge()
    _maintain(pole, Maintenance.WAITING, StopCause.REBOOT)
    (ended,) = pole.facts(FactKind.ENDED)
    assert ended.cause is StopCause.REBOOT


def test_a_grant_without_a_vehicle_lapses_and_charging_is_possible_afterwards() -> None:
    """Nobody stands at a pole that will do nothing."""
    pole = Pole()
    pole.tap()
    pole.answer()
    _maintain(pole, Maintenance.WAITING)
    pole.pilot(PilotState.B)
    assert pole.evse().tx is None
    _maintain(pole, Maintenance.NONE)
    pole.tap()
    pole.answer()
    pole.pilot(PilotState.C)
    assert pole.evse().running is not None


def test_a_reset_is_refused_only_while_work_must_not_be_cut_short() -> None:
    """Waiting may be ended by a reset."""
    pole = Pole()
    _maintain(pole, Maintenance.RUNNING)
    refused: Outcome = pole.do(lambda station, now: station.reset(ResetKind.SOFT, now))
    assert refused.reason == "FwUpdateInProgress"
    _maintain(pole, Maintenance.WAITING)
    assert pole.do(lambda station, now: station.reset(ResetKind.SOFT, now)).result is Result.ACCEPTED
