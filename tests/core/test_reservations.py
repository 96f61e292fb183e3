"""Reservations: who may use a reserved EVSE, what is promised for any EVSE, and how they end."""

from functools import partial

import pytest

from firmware.core import events as ev
from firmware.core.power import desired
from firmware.core.station import Station
from firmware.core.values import Outcome, Reservation, ReservationEnd, Result, Token, TokenInfo, Verdict
from hal.types import FaultCode, Instant, LampSign, PilotState
from tests.core.pole import CARD, EPOCH_S, FAMILY, OTHER, Pole

SOON_S = 3600.0


def _reserve(
    pole: Pole,
    evse: int | None = 1,
    number: int = 7,
    *,
    token: Token = CARD,
    group: Token | None = None,
    for_s: float = SOON_S,
) -> Outcome:
    wanted = Reservation(number, evse, token, group, EPOCH_S + pole.now_s + for_s)
    outcome: Outcome = pole.do(lambda station, now: station.reservations.reserve(wanted, now))
    return outcome


def _out_of_service(number: int, station: Station, now: Instant) -> None:
    station.set_availability(number, False, now)


def _ends(pole: Pole) -> list[ReservationEnd]:
    return [event.how for event in pole.told(ev.ReservationEnded)]


def _reserved(pole: Pole) -> list[int]:
    return [number for number, evse in pole.station.evses.items() if evse.reserved]


def test_a_reserved_evse_shows_it_and_keeps_others_away() -> None:
    """A foreign cable changes nothing, and the central system is not asked about a token that cannot help."""
    pole = Pole()
    assert _reserve(pole).accepted
    assert pole.told(ev.ReservationMade)[0].reservation.token == CARD
    pole.pilot(PilotState.B)
    pole.tap(OTHER)
    assert pole.decisions() == ["Reserved"]
    assert pole.told(ev.TokenQueryNeeded) == []
    assert _reserved(pole) == [1]
    assert desired(pole.evse()).sign is LampSign.RESERVED


def test_the_reserved_token_uses_the_reservation_when_its_transaction_starts() -> None:
    """Granted alone does not use it up: without a vehicle it is reserved again when the grant has lapsed."""
    pole = Pole()
    _reserve(pole)
    pole.tap()
    pole.answer()
    assert _reserved(pole) == []
    pole.later(61)
    assert (_reserved(pole), _ends(pole)) == ([1], [])
    pole.charge()
    assert _ends(pole) == [ReservationEnd.USED]
    assert next(fact.reservation_id for fact in pole.facts()) == 7


def test_a_token_of_the_reserved_group_is_admitted_once_the_group_is_known() -> None:
    """Only the central system may know it, so it is asked even where the cache would do for a start."""
    pole = Pole(auth__local_pre_authorize="true")
    pole.learn(OTHER, TokenInfo(Verdict.ACCEPTED))
    _reserve(pole, group=FAMILY)
    pole.pilot(PilotState.B)
    pole.tap(OTHER)
    pole.answer(group=FAMILY)
    pole.pilot(PilotState.C)
    assert pole.facts()[0].reservation_id == 7
    assert _ends(pole) == [ReservationEnd.USED]


@pytest.mark.parametrize("group", [None, Token("STRANGERS"), OTHER])
def test_a_token_of_no_or_another_group_is_refused_after_asking(group: Token | None) -> None:
    """A group is compared with the group, never with a token."""
    pole = Pole()
    _reserve(pole, group=FAMILY)
    pole.pilot(PilotState.B)
    pole.tap(OTHER)
    pole.answer(group=group)
    assert pole.decisions() == ["Reserved"]
    assert _reserved(pole) == [1]


def test_offline_a_group_that_is_not_known_does_not_help() -> None:
    """There is nobody to ask."""
    pole = Pole(online=False, auth__offline_unknown="true")
    pole.station.context.accepted = True
    _reserve(pole, group=FAMILY)
    pole.tap(OTHER)
    assert pole.decisions() == ["Reserved"]


def test_a_reservation_ends_when_its_time_has_come() -> None:
    """At that moment, and its deadline is one of the station's."""
    pole = Pole()
    _reserve(pole, for_s=100)
    assert pole.station.next_deadline(pole.now()) == pytest.approx(pole.now_s + 100, abs=1e-3)
    pole.later(99.5)
    assert _reserved(pole) == [1]
    pole.later(0.5)
    assert (_reserved(pole), _ends(pole)) == ([], [ReservationEnd.EXPIRED])
    assert pole.station.next_deadline(pole.now()) is None


@pytest.mark.parametrize("how", ["fault", "station fault", "out of service"])
def test_a_reservation_ends_when_its_evse_cannot_be_used(how: str) -> None:
    """And does not come back with it."""
    pole = Pole(evses=2)
    _reserve(pole)
    if how == "out of service":
        pole.do(lambda station, now: station.set_availability(1, False, now))
    else:
        pole.fault(FaultCode.DIODE, number=1 if how == "fault" else None)
    assert (_reserved(pole), _ends(pole)) == ([], [ReservationEnd.REMOVED])


def test_a_cancelled_reservation_is_over_and_an_unknown_one_cannot_be_cancelled() -> None:
    """By its number."""
    pole = Pole()
    _reserve(pole)
    assert not pole.do(lambda station, now: station.reservations.cancel(8)).accepted
    assert pole.do(lambda station, now: station.reservations.cancel(7)).accepted
    assert (_reserved(pole), _ends(pole)) == ([], [ReservationEnd.CANCELLED])


def test_the_same_number_replaces_a_reservation() -> None:
    """Also at another EVSE, and under a foreign cable; where it cannot go, the old one stays."""
    pole = Pole(evses=2)
    _reserve(pole, 1)
    pole.pilot(PilotState.B, 1)
    assert _reserve(pole, 1, token=OTHER).accepted
    pole.pilot(PilotState.B, 2)
    assert _reserve(pole, 2).result is Result.OCCUPIED
    pole.pilot(PilotState.A, 2)
    assert _reserved(pole) == [1]
    assert _reserve(pole, 2).accepted
    assert (_reserved(pole), _ends(pole)) == ([2], [])


def test_refusals_name_their_reason() -> None:
    """And nothing is reserved."""
    pole = Pole()
    assert _reserve(pole, 9).reason == "UnknownEvse"
    assert _reserve(pole, for_s=0).reason == "Expired"
    assert _reserve(Pole(reservation__any_evse="false"), None).reason == "UnspecifiedEvse"
    assert _reserve(Pole(reservation__enabled="false")).reason == "NotEnabled"
    assert _reserved(pole) == []


def test_what_is_in_use_cannot_be_reserved() -> None:
    """Neither with a cable in, nor while somebody is asked for, charges, or has left the cable in; nor twice."""
    pole = Pole()
    pole.pilot(PilotState.B)
    found = [_reserve(pole).result]
    pole.pilot(PilotState.A)
    pole.tap()
    found.append(_reserve(pole).result)
    pole.answer()
    found.append(_reserve(pole).result)
    pole.pilot(PilotState.C)
    found.append(_reserve(pole).result)
    pole.tap()
    found.append(_reserve(pole).result)
    assert found == [Result.OCCUPIED] * 5
    pole.pilot(PilotState.A)
    assert _reserve(pole).accepted
    assert _reserve(pole, number=8).result is Result.OCCUPIED


@pytest.mark.parametrize("evse", [1, None])
def test_what_is_faulted_or_out_of_service_says_so(evse: int | None) -> None:
    """For any EVSE only when all are."""
    pole = Pole(evses=2)
    for number in (1, 2):
        pole.do(partial(_out_of_service, number))
        assert (_reserve(pole, None).accepted) is (number == 1)
        pole.do(lambda station, now: station.reservations.cancel(7))
    assert _reserve(pole, evse).result is Result.UNAVAILABLE
    pole.fault(FaultCode.DIODE, number=None)
    assert _reserve(pole, evse).result is Result.FAULTED


# ---- any EVSE -----------------------------------------------------------------------------------------------------------


def test_a_promise_of_any_evse_shows_only_when_no_more_are_free_than_promised() -> None:
    """With two free one promise is no matter; when a stranger takes one, the other is kept."""
    pole = Pole(evses=2)
    assert _reserve(pole, None).accepted
    assert _reserved(pole) == []
    pole.charge(OTHER, 1)
    assert _reserved(pole) == [2]
    pole.tap(FAMILY, 2)
    assert pole.decisions()[-1] == "Reserved"
    pole.charge(CARD, 2)
    assert next(fact.reservation_id for fact in pole.facts() if fact.evse == 2) == 7
    assert _ends(pole) == [ReservationEnd.USED]


def test_the_holder_of_a_promise_takes_whichever_he_likes() -> None:
    """The promise is used with the first."""
    pole = Pole(evses=2)
    _reserve(pole, None)
    pole.charge(CARD, 1)
    assert _ends(pole) == [ReservationEnd.USED]
    pole.charge(OTHER, 2)
    assert pole.evse(2).running is not None


def test_the_holder_of_a_promise_does_not_take_what_is_reserved_for_another() -> None:
    """One of the others was promised."""
    pole = Pole(evses=2)
    _reserve(pole, 1, 1, token=OTHER)
    _reserve(pole, None, 2, token=CARD)
    pole.pilot(PilotState.B, 1)
    pole.tap(CARD, 1)
    assert pole.decisions() == ["Reserved"]
    pole.charge(CARD, 2)
    assert _ends(pole) == [ReservationEnd.USED]


def test_no_more_is_promised_than_there_is() -> None:
    """Reserved ones, used ones and those out of order do not count."""
    pole = Pole(evses=3)
    assert _reserve(pole, 1, 1).accepted
    assert _reserve(pole, None, 2, token=OTHER).accepted
    assert _reserve(pole, None, 3).accepted
    assert _reserved(pole) == [1, 2, 3]
    assert _reserve(pole, None, 4).result is Result.OCCUPIED
    assert _reserve(pole, 2, 4).result is Result.OCCUPIED


def test_a_token_for_several_evses_waits_only_for_those_it_may_use() -> None:
    """A cable at the reserved one does not take it; at the free one it does."""
    pole = Pole(evses=2)
    _reserve(pole, 1)
    pole.tap(OTHER)
    pole.answer()
    pole.pilot(PilotState.B, 1)
    assert pole.evse(1).tx is None
    pole.pilot(PilotState.B, 2)
    assert pole.evse(2).running is not None


def test_the_reserved_token_is_taken_to_its_evse() -> None:
    """At a reader for all of them, before a cable is in."""
    pole = Pole(evses=2)
    _reserve(pole, 2)
    pole.tap(CARD)
    pole.answer()
    assert pole.told(ev.TokenDecided)[-1].evse == 2


# ---- remote -------------------------------------------------------------------------------------------------------------


def _remote(pole: Pole, evse: int | None, token: Token) -> Outcome:
    outcome: Outcome = pole.do(lambda station, now: station.start_remote(evse, token, now))
    return outcome


def test_a_remote_start_respects_reservations() -> None:
    """For the reserved token it is taken, for others refused; without an EVSE it goes where it may."""
    pole = Pole(evses=2, auth__authorize_remote="false")
    _reserve(pole, 1)
    assert _remote(pole, 1, OTHER).reason == "Reserved"
    assert _remote(pole, None, OTHER).accepted
    assert pole.told(ev.TokenDecided)[-1].evse == 2
    assert _remote(pole, None, CARD).accepted
    assert pole.told(ev.TokenDecided)[-1].evse == 1


def test_a_remote_start_whose_group_only_the_central_system_knows_is_tried() -> None:
    """Where the token is checked at all."""
    pole = Pole()
    _reserve(pole, group=FAMILY)
    assert _remote(pole, 1, OTHER).accepted
    pole.answer(group=FAMILY)
    assert pole.decisions() == ["CentralSystemAccepted"]
    unchecked = Pole(auth__authorize_remote="false")
    _reserve(unchecked, group=FAMILY)
    assert _remote(unchecked, 1, OTHER).reason == "Reserved"
    unchecked.learn(OTHER, TokenInfo(Verdict.ACCEPTED, FAMILY))
    assert _remote(unchecked, 1, OTHER).accepted
