"""Charging profiles at a station: which are kept, whom they bind, and when the current follows."""

from dataclasses import replace
from decimal import Decimal

import pytest

from firmware.core import events as ev
from firmware.core.power import desired
from firmware.core.profiles import (
    Kind,
    Period,
    Profile,
    Purpose,
    RateUnit,
    Recurrence,
    Schedule,
    profile_row,
    row_profile,
)
from firmware.core.values import Energy, Outcome
from hal.types import Instant, PilotState
from tests.core.pole import CARD, EPOCH_S, OTHER, Pole


def _profile(
    *periods: tuple[int, str],
    number: int = 1,
    evse: int = 1,
    purpose: Purpose = Purpose.TX_DEFAULT,
    stack: int = 0,
    kind: Kind = Kind.ABSOLUTE,
    start_s: float | None = 0.0,
    duration_s: int | None = None,
    unit: RateUnit = RateUnit.CURRENT,
) -> Profile:
    """Absolute, from long ago."""
    start_ms = None if start_s is None else round((EPOCH_S + start_s) * 1000)
    found = tuple(Period(start, Decimal(limit)) for start, limit in periods or ((0, "10"),))
    return Profile(number, evse, purpose, stack, kind, Schedule(unit, found, duration_s, start_ms))


def _install(pole: Pole, profile: Profile, *, replaces_slot: bool = True) -> Outcome:
    outcome: Outcome = pole.do(lambda station, now: station.limits.install(profile, now, replaces_slot=replaces_slot))
    return outcome


def _offer(pole: Pole, number: int = 1) -> float:
    return desired(pole.evse(number)).offer_a


def _installed(pole: Pole) -> list[int]:
    return sorted(profile.id for profile in pole.station.limits.profiles)


# ---- what is kept -------------------------------------------------------------------------------------------------------

GOOD = _profile()
BAD: dict[str, Profile] = {
    "InvalidStackLevel": replace(GOOD, stack=11),
    "InvalidSchedule": _profile((1, "10")),
    "TooLargeElement": _profile(*((second, "10") for second in range(25))),
    "InvalidProfile": replace(GOOD, kind=Kind.RECURRING),
    "UnknownEvse": replace(GOOD, evse=9),
    "TxNotFound": replace(GOOD, purpose=Purpose.TX),
}
MORE_BAD = [
    ("InvalidStackLevel", replace(GOOD, stack=-1)),
    ("InvalidSchedule", replace(GOOD, schedule=replace(GOOD.schedule, periods=()))),
    ("InvalidSchedule", _profile((0, "10"), (60, "11"), (60, "12"))),
    ("InvalidSchedule", _profile((0, "10"), (60, "11"), (30, "12"))),
    ("InvalidSchedule", _profile((0, "-0.1"))),
    ("InvalidSchedule", _profile(duration_s=-1)),
    ("InvalidSchedule", replace(GOOD, schedule=replace(GOOD.schedule, periods=(Period(0, Decimal(1), 4),)))),
    ("InvalidProfile", _profile(kind=Kind.RECURRING, start_s=None)),
    ("InvalidProfile", _profile(purpose=Purpose.STATION_MAX)),
    ("InvalidProfile", _profile(purpose=Purpose.STATION_MAX, evse=0, kind=Kind.RELATIVE)),
    ("InvalidProfile", _profile(purpose=Purpose.TX, evse=0)),
]


@pytest.mark.parametrize(("reason", "profile"), [*BAD.items(), *MORE_BAD])
def test_a_profile_that_breaks_a_rule_is_refused(reason: str, profile: Profile) -> None:
    """With its reason, and nothing is kept."""
    pole = Pole()
    assert _install(pole, profile).reason == reason
    assert _installed(pole) == []
    assert pole.told(ev.ProfileInstalled) == []


def test_a_unit_that_is_switched_off_is_refused() -> None:
    """The setting says which there are."""
    pole = Pole(profile__units="Current")
    assert _install(pole, _profile(unit=RateUnit.POWER)).reason == "UnsupportedRateUnit"
    assert _install(pole, _profile()).accepted


def test_the_same_number_replaces_a_profile_and_so_does_the_same_place() -> None:
    """Where the protocol replaces by number only, the place being taken is a refusal."""
    pole = Pole()
    _install(pole, _profile((0, "10")))
    _install(pole, _profile((0, "12"), stack=3))
    assert [profile.stack for profile in pole.station.limits.profiles] == [3]
    assert _install(pole, _profile(number=2, stack=3), replaces_slot=False).reason == "DuplicateProfile"
    assert _install(pole, _profile(number=2, stack=3)).accepted
    assert _installed(pole) == [2]
    assert pole.told(ev.ProfileRemoved) == [ev.ProfileRemoved(1)]
    _install(pole, _profile(number=3, stack=3, evse=0))
    _install(pole, _profile(number=4, stack=4))
    assert _installed(pole) == [2, 3, 4]


def test_no_more_profiles_are_kept_than_there_is_room_for() -> None:
    """What takes the place of another needs none."""
    pole = Pole(profile__max_installed="2")
    _install(pole, _profile(number=1))
    _install(pole, _profile(number=2, stack=1))
    assert _install(pole, _profile(number=3, stack=2)).reason == "TooManyProfiles"
    assert _install(pole, _profile(number=3, stack=1)).accepted
    assert _installed(pole) == [1, 3]


def test_profiles_are_cleared_by_everything_that_is_given() -> None:
    """Nothing given: all. What others than the central system set stays."""
    pole = Pole(evses=2)
    _install(pole, _profile(number=1, evse=0, purpose=Purpose.STATION_MAX))
    _install(pole, _profile(number=2, evse=1, stack=1))
    _install(pole, _profile(number=3, evse=2, stack=1))
    _install(pole, _profile(number=4, evse=0, stack=1))
    _install(pole, _profile(number=-5, evse=0, purpose=Purpose.EXTERNAL))
    limits = pole.station.limits
    assert pole.do(lambda station, now: limits.clear(evse=1, stack=2)) == 0
    assert pole.do(lambda station, now: limits.clear(evse=0, purpose=Purpose.TX_DEFAULT)) == 1
    assert _installed(pole) == [-5, 1, 2, 3]
    assert pole.do(lambda station, now: limits.clear(number=2)) == 1
    assert pole.do(lambda station, now: limits.clear()) == 2
    assert _installed(pole) == [-5]


def test_a_profile_survives_as_a_row() -> None:
    """With every field, and its decimals as they are."""
    schedule = Schedule(RateUnit.POWER, (Period(0, Decimal("16.1"), 1), Period(60, Decimal(0))), 90, 5, Decimal("6.3"))
    profile = Profile(7, 1, Purpose.TX, 3, Kind.RECURRING, schedule, Recurrence.WEEKLY, 1, 2, "tx-1", 4)
    assert row_profile(profile_row(profile)) == profile
    assert row_profile(profile_row(GOOD)) == GOOD
    for damage in ({}, profile_row(GOOD) | {"unit": "V"}, profile_row(GOOD) | {"periods": [[0, "ten", None]]}):
        with pytest.raises(ValueError):
            row_profile(damage)


# ---- whom they bind -----------------------------------------------------------------------------------------------------


def test_the_current_follows_a_profile_at_its_boundary() -> None:
    """The boundary is a deadline of the station; the change of the energy is a fact."""
    pole = Pole()
    pole.charge()
    _install(pole, _profile((0, "16"), (200, "0"), (260, "10.5")))
    assert _offer(pole) == 16.0
    for seconds, offer_a in ((100, 0.0), (60, 10.5)):
        assert pole.station.next_deadline(pole.now()) == pytest.approx(pole.now_s + seconds, abs=2e-3)
        pole.later(seconds)
        assert _offer(pole) == offer_a
    charging = [fact.charging for fact in pole.facts()]
    assert charging[-2:] == [Energy.PAUSED_BY_EVSE.value, Energy.FLOWING.value]
    assert pole.station.next_deadline(pole.now()) is None


def test_the_default_of_the_station_is_for_every_evse_but_those_with_their_own() -> None:
    """At the same level."""
    pole = Pole(evses=2)
    _install(pole, _profile((0, "10"), number=1, evse=0))
    _install(pole, _profile((0, "20"), number=2, evse=2))
    pole.charge(CARD, 1)
    pole.charge(OTHER, 2)
    assert (_offer(pole, 1), _offer(pole, 2)) == (10.0, 20.0)


def test_the_profile_of_a_transaction_overrides_the_default_and_goes_with_it() -> None:
    """It may allow more; when its schedule is over the default holds again, and with the transaction it is gone."""
    pole = Pole()
    _install(pole, _profile((0, "10")))
    pole.charge()
    assert _install(pole, _profile((0, "20"), number=2, purpose=Purpose.TX, duration_s=200)).accepted
    assert _offer(pole) == 20.0
    pole.later(100)
    assert _offer(pole) == 10.0
    pole.tap()
    assert _installed(pole) == [1]


def test_a_profile_for_another_transaction_is_refused() -> None:
    """The one that runs at its EVSE, or none."""
    pole = Pole()
    pole.charge()
    profile = replace(_profile(), purpose=Purpose.TX, transaction="tx-9")
    assert _install(pole, profile).reason == "TxNotFound"
    assert _install(pole, replace(profile, transaction="tx-1")).accepted


def test_a_profile_that_comes_with_a_remote_start_is_that_of_the_transaction() -> None:
    """Relative to its start; it is not there before."""
    pole = Pole(auth__authorize_remote="false")
    profile = _profile((0, "12"), (60, "8"), purpose=Purpose.TX, evse=0, kind=Kind.RELATIVE, start_s=None)
    outcome = pole.do(lambda station, now: station.start_remote(1, CARD, now, profile=profile))
    assert outcome.accepted
    assert _installed(pole) == []
    pole.later(30)
    pole.pilot(PilotState.C)
    assert (_installed(pole), _offer(pole)) == ([1], 12.0)
    assert [kept.transaction for kept in pole.station.limits.profiles] == ["tx-1"]
    pole.later(60)
    assert _offer(pole) == 8.0


@pytest.mark.parametrize(
    "profile",
    [_profile(), replace(_profile(purpose=Purpose.TX), transaction="tx-1"), _profile((1, "10"), purpose=Purpose.TX)],
)
def test_a_remote_start_with_a_profile_that_cannot_be_used_is_refused(profile: Profile) -> None:
    """Nobody is authorised then."""
    pole = Pole(auth__authorize_remote="false")
    assert not pole.do(lambda station, now: station.start_remote(1, CARD, now, profile=profile)).accepted
    assert not pole.evse().engaged


def test_a_profile_of_the_station_is_shared_among_its_evses() -> None:
    """What one may not take is there for the other; alone an EVSE may have all of it."""
    pole = Pole(evses=2)
    _install(pole, _profile((0, "30"), evse=0, purpose=Purpose.STATION_MAX))
    pole.charge(CARD, 1)
    assert _offer(pole, 1) == 30.0
    pole.charge(OTHER, 2)
    assert (_offer(pole, 1), _offer(pole, 2)) == (15.0, 15.0)
    _install(pole, _profile((0, "10"), number=2, evse=1))
    assert (_offer(pole, 1), _offer(pole, 2)) == (10.0, 20.0)
    _install(pole, _profile((0, "11"), evse=0, purpose=Purpose.STATION_MAX))
    assert (_offer(pole, 1), _offer(pole, 2)) == (10.0, 0.0)


def test_the_lowest_of_all_limits_holds() -> None:
    """Supply, energy manager, cable, station and EVSE."""
    pole = Pole(supply_a=30.0)
    pole.charge()
    _install(pole, _profile((0, "25"), evse=0, purpose=Purpose.STATION_MAX))
    _install(pole, _profile((0, "20"), number=2))
    assert _offer(pole) == 20.0
    _install(pole, _profile((0, "13"), number=-3, purpose=Purpose.EXTERNAL))
    assert _offer(pole) == 13.0
    pole.do(lambda station, now: station.limit_changed(9.0, now))
    assert _offer(pole) == 9.0


def test_what_the_pilot_cannot_offer_is_a_pause() -> None:
    """Below 6 A the transaction stays, without energy."""
    pole = Pole()
    pole.charge()
    _install(pole, _profile((0, "5.9")))
    assert (_offer(pole), pole.evse().energy) == (0.0, Energy.PAUSED_BY_EVSE)


def test_while_the_central_system_is_away_for_long_a_safe_current_holds() -> None:
    """From a deadline on, until it is back; a profile that allows less goes on to hold."""
    pole = Pole(profile__offline_after="600", profile__offline_current="8")
    pole.charge()
    pole.do(lambda station, now: station.connection_changed(False))
    assert (_offer(pole), pole.station.next_deadline(pole.now())) == (32.0, pole.now_s + 600)
    pole.later(600)
    assert _offer(pole) == 8.0
    _install(pole, _profile((0, "7")))
    assert _offer(pole) == 7.0
    pole.do(lambda station, now: station.limits.clear())
    pole.do(lambda station, now: station.connection_changed(True))
    assert _offer(pole) == 32.0


def test_without_the_time_the_lowest_limit_of_a_schedule_holds() -> None:
    """Nobody knows which period it is; one that counts from the start of the transaction is known."""
    pole = Pole()
    pole.charge()
    _install(pole, _profile((0, "20"), (1000, "9")))
    dark = Instant(pole.now_s, "boot")
    pole.station.tick(dark)
    assert _offer(pole) == 9.0
    pole.do(lambda station, now: station.limits.clear())
    _install(pole, _profile((0, "20"), (1000, "9"), kind=Kind.RELATIVE, start_s=None))
    pole.station.tick(dark)
    assert _offer(pole) == 20.0
    assert pole.station.limits.composite(1, 60, RateUnit.CURRENT, dark) is None
    assert pole.station.limits.ahead(1, 60, dark) == []


def test_a_clock_that_is_put_right_changes_the_current_at_once() -> None:
    """Also over boundaries that it has jumped."""
    pole = Pole()
    pole.charge()
    _install(pole, _profile((0, "20"), (1000, "9"), (2000, "12")))
    corrected = replace(pole.now(), wall_s=EPOCH_S + 1500)
    pole.station.drain(corrected)
    assert _offer(pole) == 9.0
    assert pole.station.next_deadline(corrected) == pytest.approx(pole.now_s + 500, abs=2e-3)


def test_the_schedule_ahead_is_what_will_be_offered() -> None:
    """For a transaction that runs, or as if one began now; for the station what all may take together."""
    pole = Pole(evses=2)
    pole.charge()
    _install(pole, _profile((0, "16"), (130, "12.3"), evse=0))
    _install(pole, _profile((0, "40"), number=2, evse=0, purpose=Purpose.STATION_MAX))
    limits, now = pole.station.limits, pole.now()
    assert limits.ahead(1, 60, now) == limits.ahead(2, 60, now) == [(0, 16.0), (30, 12.3)]
    assert limits.ahead(0, 60, now) == [(0, 32.0), (30, 24.6)]
    pole.later(30)
    assert _offer(pole) == 12.3
    _install(pole, _profile((0, "5.9"), number=3, stack=1))
    assert limits.ahead(1, 60, pole.now()) == [(0, 0.0)]


def test_profiles_of_transactions_wait_for_them_after_a_restart() -> None:
    """Only when what was open has been taken up is one without its transaction dropped."""
    pole = Pole()
    pole.station.context.halting = True
    pole.station.limits.profiles.restore([replace(_profile(purpose=Purpose.TX), transaction="tx-1")])
    pole.do(lambda station, now: station.reconsider(now))
    assert _installed(pole) == [1]
    pole.station.context.halting = False
    pole.do(lambda station, now: station.reconsider(now))
    assert _installed(pole) == []
