"""Energy is permitted in one place, where every condition must hold."""

from collections.abc import Callable

import pytest

from firmware.core import power
from firmware.core.authorisation import AuthState
from firmware.core.faults import RULES, Severity, blocks
from firmware.core.transaction import Move
from firmware.core.values import Energy, Plug, Verdict
from hal.types import FaultCode, LampSign, LockState, PilotState
from tests.core.pole import Pole


def _charging() -> Pole:
    pole = Pole(lock=True, supply_a=32.0)
    pole.charge()
    assert power.permit(pole.evse())
    return pole


def _no_transaction(pole: Pole) -> None:
    pole.evse().tx = None


def _ending(pole: Pole) -> None:
    tx = pole.evse().tx
    assert tx is not None
    tx.move(Move.STOP)


def _not_on_disk(pole: Pole) -> None:
    tx = pole.evse().tx
    assert tx is not None
    tx.durable = False


def _refused_later(pole: Pole) -> None:
    tx = pole.evse().tx
    assert tx is not None
    tx.invalid, tx.invalid_at_mwh = Verdict.BLOCKED, tx.last_mwh


CONDITIONS: dict[str, Callable[[Pole], object]] = {
    "no transaction": _no_transaction,
    "it is ending": _ending,
    "its start is not on disk": _not_on_disk,
    "nobody is authorised": lambda pole: pole.evse().auth.to(AuthState.NONE),
    "the token was refused later": _refused_later,
    "no vehicle": lambda pole: setattr(pole.evse(), "plug", Plug.STATION),
    "a fault of the EVSE": lambda pole: pole.fault(FaultCode.OVER_TEMPERATURE),
    "a fault of the station": lambda pole: pole.fault(FaultCode.DOOR_OPEN, number=None),
    "the cable is not held": lambda pole: pole.bolt(LockState.UNKNOWN),
    "the cable carries too little": lambda pole: setattr(pole.evse(), "cable_limit_a", 5.9),
    "the energy manager allows too little": lambda pole: pole.do(lambda station, now: station.limit_changed(5.9, now)),
}


@pytest.mark.parametrize("condition", CONDITIONS)
def test_each_condition_alone_denies(condition: str) -> None:
    """Everything else being met, the contactor is not to close and nothing is offered."""
    pole = _charging()
    CONDITIONS[condition](pole)
    wanted = power.desired(pole.evse())
    assert not power.permit(pole.evse())
    assert not wanted.close
    assert wanted.offer_a == 0.0


def test_the_contactor_closes_only_when_the_vehicle_asks() -> None:
    """In state B the current is offered, the contactor stays open; state D has no ventilation here."""
    pole = _charging()
    for state in (PilotState.B, PilotState.D):
        pole.pilot(state)
        wanted = power.desired(pole.evse())
        assert (wanted.close, wanted.offer_a) == (False, 32.0)


@pytest.mark.parametrize(
    ("limits", "offer_a"),
    [((32.0, None), 32.0), ((16.0, None), 16.0), ((16.0, 13.04), 13.0), ((6.0, None), 6.0), ((0.3 + 12.5, None), 12.8)],
)
def test_the_smallest_limit_is_offered_in_tenths(limits: tuple[float, float | None], offer_a: float) -> None:
    """Rounded down; binary fractions do not cost a tenth."""
    pole = _charging()
    pole.evse().cable_limit_a = limits[1]
    pole.do(lambda station, now: station.limit_changed(limits[0], now))
    assert power.desired(pole.evse()).offer_a == offer_a


def test_energy_states_follow_pilot_permission_and_contactor() -> None:
    """Flowing needs all three; a contactor that is about to close is no restriction by the station."""
    pole = Pole()
    evse = pole.evse()
    assert power.energy(evse) is Energy.OFF
    pole.charge()
    assert power.energy(evse) is Energy.FLOWING  # without feedback permission counts
    pole.do(lambda station, now: evse.contactor_changed(False, now))
    assert power.energy(evse) is Energy.PAUSED_BY_EV
    pole.do(lambda station, now: evse.contactor_changed(True, now))
    assert power.energy(evse) is Energy.FLOWING
    pole.pilot(PilotState.B)
    assert power.energy(evse) is Energy.PAUSED_BY_EV
    pole.fault(FaultCode.DIODE)
    assert power.energy(evse) is Energy.PAUSED_BY_EVSE


@pytest.mark.parametrize("code", FaultCode)
def test_every_fault_has_a_rule(code: FaultCode) -> None:
    """WARN charges on; BLOCK keeps the transaction, without energy; STOP ends it with the rule's cause."""
    pole = Pole()
    pole.charge()
    pole.fault(code)
    rule = RULES[code]
    assert blocks(code) is (rule.severity is not Severity.WARN)
    assert power.permit(pole.evse()) is (rule.severity is Severity.WARN)
    ended = [fact.cause for fact in pole.facts() if fact.cause is not None]
    assert ended == ([rule.cause] if rule.severity is Severity.STOP else [])
    pole.fault(code, active=False)
    assert power.permit(pole.evse()) is (rule.severity is not Severity.STOP)


def test_a_cable_that_may_be_live_stays_locked() -> None:
    """A welded contactor holds the bolt when the transaction is over, until it has opened."""
    pole = _charging()
    pole.fault(FaultCode.WELDED_CONTACTOR)
    assert pole.evse().tx is None
    assert power.desired(pole.evse()).lock is True
    pole.fault(FaultCode.WELDED_CONTACTOR, active=False)
    assert power.desired(pole.evse()).lock is False


def test_the_bolt_follows_the_use() -> None:
    """In with authorisation and cable, out at the end; an empty socket and a fixed cable have nothing to hold."""
    pole = Pole(lock=True)
    pole.tap()
    pole.answer()
    assert power.desired(pole.evse()).lock is False
    pole.pilot(PilotState.A, cable=True)
    assert power.desired(pole.evse()).lock is True
    pole.bolt()
    pole.pilot(PilotState.C, cable=True)
    assert pole.evse().running is not None
    pole.tap()
    assert power.desired(pole.evse()).lock is False
    assert power.desired(Pole().evse()).lock is None


def test_the_lamp_tells_what_goes_on() -> None:
    """From available over preparing and charging to finished; unavailable and faults come before all."""
    pole = Pole()

    def sign() -> LampSign:
        return power.desired(pole.evse()).sign

    seen = [sign()]
    pole.pilot(PilotState.B)
    seen.append(sign())
    pole.tap()
    seen.append(sign())
    pole.answer()
    seen.append(sign())
    pole.pilot(PilotState.C)
    seen.append(sign())
    pole.tap()
    seen.append(sign())
    pole.pilot(PilotState.A)
    pole.do(lambda station, now: station.set_availability(1, False, now))
    seen.append(sign())
    pole.fault(FaultCode.INTERNAL)
    seen.append(sign())
    assert seen == [
        LampSign.AVAILABLE,
        LampSign.PREPARING,
        LampSign.TOKEN_WAITING,
        LampSign.PAUSED,
        LampSign.CHARGING,
        LampSign.FINISHED,
        LampSign.UNAVAILABLE,
        LampSign.FAULT,
    ]
