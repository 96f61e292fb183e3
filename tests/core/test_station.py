"""Starts, ends and commands: what becomes a fact, and what does not."""

import pytest

from firmware.core import events as ev
from firmware.core import power
from firmware.core.facts import FactKind, SampleContext, Trigger
from firmware.core.settings import SAMPLE_INTERVAL_S, SAMPLED
from firmware.core.transaction import Transaction
from firmware.core.values import (
    ACCEPTED,
    SCHEDULED,
    Energy,
    Registration,
    ResetKind,
    Result,
    StopCause,
    Verdict,
)
from hal.types import FaultCode, LockState, MeterReading, PilotReading, PilotState
from tests.core.pole import CARD, OTHER, Pole


def test_energy_waits_for_the_start_to_be_on_disk() -> None:
    """Open, but neither offered nor allowed, until `stored`."""
    pole = Pole()
    pole.prompt = False
    pole.charge()
    pole.read()
    pole.pump()
    assert pole.evse().running is not None
    assert pole.evse().energy is Energy.OFF
    pole.do(lambda station, now: station.evses[1].stored("another", now))
    assert pole.evse().energy is Energy.OFF
    pole.do(lambda station, now: station.evses[1].stored("tx-1", now))
    assert pole.evse().energy is Energy.FLOWING


def test_a_start_that_cannot_be_written_never_was() -> None:
    """Nothing runs, nobody is authorised, and an end under way comes to nothing."""
    pole = Pole()
    pole.prompt = False
    pole.charge()
    pole.read()
    pole.tap()
    pole.do(lambda station, now: station.evses[1].not_stored("another", now))
    assert pole.evse().tx is not None
    pole.do(lambda station, now: station.evses[1].not_stored("tx-1", now))
    pole.read()
    pole.pump()
    assert pole.evse().tx is None
    assert pole.facts(FactKind.ENDED) == []


def test_a_start_on_disk_is_not_taken_back() -> None:
    """A late word of failure does not undo a transaction."""
    pole = Pole()
    pole.charge()
    pole.do(lambda station, now: station.evses[1].not_stored("tx-1", now))
    assert pole.evse().running is not None


@pytest.mark.parametrize("why", ["silent", "no register", "unplugged", "taken back", "fault", "restart"])
def test_a_start_is_abandoned_when_its_reason_has_gone(why: str) -> None:
    """Nothing is recorded of a transaction whose register is not known, or that nobody wants any more."""
    pole = Pole()
    pole.prompt = False
    pole.charge()
    match why:
        case "unplugged":
            pole.pilot(PilotState.A)
        case "taken back":
            pole.tap()
        case "fault":
            pole.fault(FaultCode.DIODE)
        case "restart":
            pole.do(lambda station, now: station.reset(ResetKind.SOFT, now))
    reading = MeterReading() if why == "no register" else MeterReading(import_mwh=5)
    pole.do(lambda station, now: station.evses[1].begin(None if why == "silent" else reading, now))
    assert pole.evse().tx is None
    assert pole.facts() == []


def test_answers_that_nobody_waits_for_change_nothing() -> None:
    """A register for a start or an end that is not under way."""
    pole = Pole()
    pole.do(lambda station, now: station.evses[1].begin(MeterReading(import_mwh=1), now))
    pole.do(lambda station, now: station.evses[1].finish(None, now))
    pole.do(lambda station, now: station.evses[1].sampled(MeterReading(), now, SampleContext.PERIODIC))
    pole.do(lambda station, now: station.evses[1].metered(MeterReading(import_mwh=1), now))
    pole.do(lambda station, now: station.evses[1].deauthorise("tx-1", Verdict.BLOCKED, now))
    assert pole.facts() == []
    assert not pole.do(lambda station, now: station.evses[1].stop(StopCause.LOCAL, now))


def test_an_end_without_a_register_takes_the_last_one_seen() -> None:
    """Never less than the start, never unknown."""
    pole = Pole()
    pole.charge()
    pole.do(lambda station, now: station.evses[1].metered(MeterReading(import_mwh=1_500_000), now))
    pole.prompt = False
    pole.tap()
    pole.do(lambda station, now: station.evses[1].finish(None, now))
    assert [fact.meter_wh for fact in pole.facts(FactKind.ENDED)] == [1500]


def test_the_end_carries_the_time_of_the_stop() -> None:
    """Not that of the reading, which may come seconds later."""
    pole = Pole()
    pole.charge()
    pole.prompt = False
    pole.tap()
    stopped = pole.now()
    pole.now_s += 3
    pole.read()
    pole.pump()
    assert [fact.at for fact in pole.facts(FactKind.ENDED)] == [stopped]


@pytest.mark.parametrize(
    ("disconnect", "unlock", "cause", "held"),
    [
        ("true", "true", [StopCause.EV_DISCONNECTED], False),
        ("true", "false", [StopCause.EV_DISCONNECTED], True),
        ("false", "true", [], False),
    ],
)
def test_a_vehicle_that_leaves(disconnect: str, unlock: str, cause: list[StopCause], held: bool) -> None:
    """Ends the transaction or pauses it; the cable stays locked for its owner where unlocking is off."""
    pole = Pole(lock=True, tx__stop_on_ev_disconnect=disconnect, tx__unlock_on_ev_disconnect=unlock)
    pole.charge()
    pole.pilot(PilotState.A, cable=True)
    assert [fact.cause for fact in pole.facts(FactKind.ENDED)] == cause
    assert (pole.evse().held_for is not None) is held
    if not cause:
        assert pole.evse().energy is Energy.PAUSED_BY_EV
        pole.pilot(PilotState.C, cable=True)
        assert pole.evse().energy is Energy.FLOWING


def test_a_silent_pilot_says_nothing_about_the_plug() -> None:
    """State F keeps the vehicle in the books; only a contact that tells the cable is out counts."""
    pole = Pole()
    pole.charge()
    pole.pilot(PilotState.F)
    assert pole.evse().running is not None
    pole.pilot(PilotState.E, cable=False)
    assert [fact.cause for fact in pole.facts(FactKind.ENDED)] == [StopCause.EV_DISCONNECTED]


def test_a_refused_token_may_use_what_it_is_allowed() -> None:
    """Kept open by policy, energy stops after MaxEnergyOnInvalidId, and the owner can still end it."""
    pole = Pole(tx__stop_on_invalid="false", tx__max_energy_on_invalid="10")
    pole.charge()
    pole.refuse_running()
    assert pole.evse().energy is Energy.FLOWING
    for mwh, energy in ((1_009_999, Energy.FLOWING), (1_010_000, Energy.PAUSED_BY_EVSE)):
        reading = MeterReading(import_mwh=mwh)
        pole.do(lambda station, now, reading=reading: station.evses[1].metered(reading, now))  # type: ignore[misc]
        assert pole.evse().energy is energy
    pole.refuse_running()  # told twice
    pole.tap()
    assert [fact.cause for fact in pole.facts(FactKind.ENDED)] == [StopCause.LOCAL]


def test_a_remote_start_waits_for_its_vehicle_and_lapses() -> None:
    """Its id goes into the facts; without a vehicle the grant ends with the connection time-out."""
    pole = Pole(auth__authorize_remote="false")
    start = pole.do(lambda station, now: station.start_remote(1, CARD, now, remote_start_id=7))
    assert start == ACCEPTED
    assert pole.station.next_deadline(pole.now()) == pole.now_s + 60
    pole.later(60)
    assert pole.station.next_deadline(pole.now()) is None
    pole.do(lambda station, now: station.start_remote(1, CARD, now, remote_start_id=8))
    pole.pilot(PilotState.C)
    assert [fact.remote_start_id for fact in pole.facts(FactKind.STARTED)] == [8]


@pytest.mark.parametrize(
    ("trouble", "reason"),
    [
        ("fault", "Faulted"),
        ("unavailable", "Unavailable"),
        ("full", "NotReady"),
        ("leftover", "Occupied"),
        ("running", "Occupied"),
        ("unknown", "UnknownEvse"),
    ],
)
def test_a_remote_start_that_cannot_be(trouble: str, reason: str) -> None:
    """Refused at once, with a reason; nothing changes."""
    pole = Pole()
    match trouble:
        case "fault":
            pole.fault(FaultCode.DIODE)
        case "unavailable":
            pole.do(lambda station, now: station.set_availability(1, False, now))
        case "full":
            pole.do(lambda station, now: station.storage_changed(False, now))
        case "running" | "leftover":
            pole.charge()
            if trouble == "leftover":
                pole.tap()
    number = 9 if trouble == "unknown" else 1
    outcome = pole.do(lambda station, now: station.start_remote(number, OTHER, now))
    assert (outcome.result, outcome.reason) == (Result.REJECTED, reason)


def test_a_remote_start_without_evse_takes_the_one_with_a_vehicle() -> None:
    """Else the first that is free; else none."""
    pole = Pole(evses=2, auth__authorize_remote="false")
    pole.pilot(PilotState.B, 2)
    pole.do(lambda station, now: station.start_remote(None, CARD, now))
    assert pole.evse(2).running is not None
    pole.do(lambda station, now: station.start_remote(None, OTHER, now))
    assert pole.evse(1).auth.belongs_to(OTHER)
    outcome = pole.do(lambda station, now: station.start_remote(None, CARD, now))
    assert outcome.reason == "NoFreeEvse"


def test_a_remote_stop_ends_a_running_transaction_once() -> None:
    """Unknown keys and ends under way are refused; one whose owner was refused before can be ended too."""
    pole = Pole(tx__stop_on_invalid="false")
    pole.charge()
    assert not pole.do(lambda station, now: station.stop_remote("tx-9", now)).accepted
    pole.refuse_running()
    pole.prompt = False
    assert pole.do(lambda station, now: station.stop_remote("tx-1", now)).accepted
    assert not pole.do(lambda station, now: station.stop_remote("tx-1", now)).accepted
    pole.read()
    pole.pump()
    assert [fact.cause for fact in pole.facts(FactKind.ENDED)] == [StopCause.REMOTE]


def test_availability_waits_for_the_transaction() -> None:
    """Scheduled while one runs; a mere wish to charge is ended; each EVSE remembers its own."""
    pole = Pole(evses=2)
    pole.charge()
    pole.tap(OTHER, 2)
    assert pole.do(lambda station, now: station.set_availability(0, False, now)) == SCHEDULED
    assert pole.evse(1).available
    assert not pole.evse(2).available
    assert not pole.evse(2).engaged
    pole.tap()
    assert not pole.evse(1).available
    assert pole.do(lambda station, now: station.set_availability(0, True, now)) == ACCEPTED
    assert pole.evse(1).available
    assert pole.do(lambda station, now: station.set_availability(7, True, now)).reason == "UnknownEvse"


def test_a_reset_ends_everything_once() -> None:
    """Every transaction ends with its cause; the command repeated changes nothing."""
    pole = Pole(evses=2)
    pole.charge()
    pole.charge(OTHER, 2)
    for _ in range(2):
        assert pole.do(lambda station, now: station.reset(ResetKind.HARD, now)) == ACCEPTED
    assert [fact.cause for fact in pole.facts(FactKind.ENDED)] == [StopCause.RESET_HARD] * 2
    assert pole.told(ev.ResetWanted) == [ev.ResetWanted(ResetKind.HARD)]


def test_unlocking_ends_what_keeps_the_cable() -> None:
    """A transaction, a wish, or a hold for somebody."""
    pole = Pole(lock=True)
    pole.charge()
    pole.do(lambda station, now: station.stop_for_unlock(1, now))
    assert [fact.cause for fact in pole.facts(FactKind.ENDED)] == [StopCause.UNLOCK]
    pole.tap()
    pole.do(lambda station, now: station.stop_for_unlock(1, now))
    assert not pole.evse().auth.belongs_to(CARD)


def test_room_on_disk_lets_a_waiting_start_happen() -> None:
    """Authorised and plugged in while the disk was full: it starts when there is room."""
    pole = Pole()
    pole.pilot(PilotState.B)
    pole.tap()
    pole.do(lambda station, now: station.storage_changed(False, now))
    pole.answer()
    assert pole.evse().tx is None
    pole.do(lambda station, now: station.storage_changed(True, now))
    assert pole.evse().running is not None


def test_what_is_known_already_is_not_told_again() -> None:
    """Faults, reachability, registration, storage, feedback, bolt."""
    pole = Pole(lock=True)
    pole.fault(FaultCode.DIODE)
    pole.fault(FaultCode.DOOR_OPEN, number=None)
    pole.events.clear()
    pole.fault(FaultCode.DIODE)
    pole.fault(FaultCode.DOOR_OPEN, number=None)
    pole.do(lambda station, now: station.connection_changed(True))
    pole.do(lambda station, now: station.registered(Registration.ACCEPTED))
    pole.do(lambda station, now: station.storage_changed(True, now))
    pole.do(lambda station, now: station.evses[1].contactor_changed(None, now))
    pole.bolt(LockState.UNKNOWN)
    assert pole.events == []
    pole.fault(FaultCode.DOOR_OPEN, active=False, number=None)
    assert not pole.station.context.faults


def test_online_means_connected_and_accepted() -> None:
    """One event for each change of both together."""
    pole = Pole(online=False)
    for connected, registration in ((True, Registration.PENDING), (True, Registration.ACCEPTED), (False, None)):
        pole.do(lambda station, now, connected=connected: station.connection_changed(connected))  # type: ignore[misc]
        if registration is not None:
            pole.do(lambda station, now, to=registration: station.registered(to))  # type: ignore[misc]
    assert pole.told(ev.OnlineChanged) == [ev.OnlineChanged(True), ev.OnlineChanged(False)]


def test_a_setting_is_stored_when_it_was_taken_only() -> None:
    """A refused value is no event."""
    pole = Pole()
    assert not pole.do(lambda station, now: station.set_setting(SAMPLE_INTERVAL_S, "often")).accepted
    assert pole.do(lambda station, now: station.set_setting(SAMPLE_INTERVAL_S, " 30")).accepted
    assert pole.told(ev.SettingChanged) == [ev.SettingChanged("meter.sample-interval", "30")]


def test_samples_are_told_and_kept_apart() -> None:
    """What is only kept for the end travels with the facts; both ends stay when there are too many."""
    pole = Pole(
        meter__sampled="Voltage", meter__ended_sampled="Energy.Active.Import.Register", meter__ended_max_values="3"
    )
    pole.charge()
    for step in range(1, 31):
        pole.now_s += 60
        reading = MeterReading(import_mwh=1_000_000 + step * 1000)
        pole.do(lambda station, now, r=reading: station.evses[1].sampled(r, now, SampleContext.PERIODIC))  # type: ignore[misc]
    recorded = [event for event in pole.told(ev.FactRecorded) if event.fact.kind is FactKind.SAMPLED]
    assert len(recorded) == 30
    assert all(event.fact.frames == () and len(event.series) == 1 and event.keep for event in recorded)
    tx = pole.evse().tx
    assert tx is not None
    assert len(tx.series) < 12
    pole.import_mwh = 1_050_000
    pole.tap()
    [end] = pole.facts(FactKind.ENDED)
    assert [frame.context for frame in end.frames][:: len(end.frames) - 1] == [SampleContext.BEGIN, SampleContext.END]
    assert len(end.frames) == 3
    assert end.meter_wh == 1050


def test_clock_samples_belong_to_the_transaction_or_to_none() -> None:
    """Interval quantities count from mark to mark; nothing asked for, nothing recorded."""
    pole = Pole(meter__aligned="Energy.Active.Import.Interval")

    def mark(mwh: int) -> None:
        reading = MeterReading(import_mwh=mwh)
        pole.do(lambda station, now: station.evses[1].sampled(reading, now, SampleContext.CLOCK))

    mark(1_000_000)
    mark(1_002_000)
    pole.charge()
    mark(1_005_000)
    sampled = [fact for fact in pole.facts() if fact.frames and fact.kind is not FactKind.STARTED]
    found = [(fact.kind, fact.transaction, fact.frames[0].samples[0].value) for fact in sampled]
    assert found == [(FactKind.METERED, "", 2), (FactKind.SAMPLED, "tx-1", 3)]


def test_values_for_somebody_who_asks_have_their_context() -> None:
    """And they are no fact."""
    pole = Pole()
    frame = pole.evse().frame_now(MeterReading(import_mwh=7_000), pole.now(), pole.station.settings[SAMPLED])
    assert frame is not None
    assert (frame.context, frame.samples[0].value) == (SampleContext.TRIGGER, 7)
    assert pole.facts() == []


def test_a_transaction_taken_up_goes_on() -> None:
    """Its owner can end it, and its facts go on counting."""
    pole = Pole()
    pole.charge()
    [keep] = [event.keep for event in pole.told(ev.FactRecorded)][-1:]
    assert keep is not None
    again = Pole()
    again.pilot(PilotState.C)
    again.do(lambda station, now: station.recover(Transaction.recovered(keep, []), now))
    again.do(lambda station, now: station.reconsider(now))
    assert again.evse().energy is Energy.FLOWING
    again.tap()
    assert [fact.seq for fact in again.facts()][-1] == len(pole.facts()) + 1
    assert again.facts(FactKind.ENDED)[0].trigger is Trigger.STOP_AUTHORIZED


def test_the_pilot_counts_as_seen_when_it_tells_of_a_vehicle_or_none() -> None:
    """A pilot that shows an error right after a start tells neither."""
    pole = Pole()
    evse = pole.evse()
    evse.pilot_seen = False
    evse.pilot_changed(PilotReading(PilotState.F), pole.now())
    assert not evse.pilot_seen
    evse.pilot_changed(PilotReading(PilotState.A), pole.now())
    assert evse.pilot_seen


def test_what_starts_and_ends_a_transaction_is_policy() -> None:
    """From plugging in to unplugging: the token comes and goes within one transaction, whose cause is what ended the authorisation."""
    pole = Pole(tx__start_points="EVConnected", tx__stop_points="EVConnected")
    pole.pilot(PilotState.C)
    assert pole.evse().running is not None
    assert pole.evse().energy is Energy.OFF
    pole.tap()
    pole.answer()
    assert pole.evse().energy is Energy.FLOWING
    pole.tap()
    assert pole.evse().energy is Energy.OFF
    assert pole.evse().running is not None
    pole.tap(OTHER)
    assert pole.decisions()[-1] == "NoFreeEvse"
    pole.pilot(PilotState.A)
    (ended,) = pole.facts(FactKind.ENDED)
    assert (ended.cause, ended.trigger) == (StopCause.LOCAL, Trigger.EV_DEPARTED)
    assert [fact.trigger for fact in pole.facts(FactKind.UPDATED) if fact.token is not None] == [
        Trigger.AUTHORIZED,
        Trigger.STOP_AUTHORIZED,
    ]
    assert [fact.seq for fact in pole.facts()] == list(range(len(pole.facts())))


def test_a_transaction_may_begin_with_the_token_and_lapses_without_a_vehicle() -> None:
    """Started by the authorisation alone, it ends when nobody plugs in within the connection time-out."""
    pole = Pole(tx__start_points="Authorized")
    pole.tap()
    pole.answer()
    assert [fact.vehicle_connected for fact in pole.facts(FactKind.STARTED)] == [False]
    pole.later(59)
    assert pole.evse().running is not None
    pole.later(1)
    (ended,) = pole.facts(FactKind.ENDED)
    assert (ended.cause, ended.trigger) == (StopCause.CONNECT_TIMEOUT, Trigger.EV_CONNECT_TIMEOUT)


def test_a_vehicle_that_comes_in_time_keeps_the_transaction_of_its_token() -> None:
    """The connection time-out is over as soon as a vehicle is there."""
    pole = Pole(tx__start_points="Authorized")
    pole.tap()
    pole.answer()
    pole.later(30)
    pole.pilot(PilotState.C)
    pole.later(60)
    assert pole.evse().energy is Energy.FLOWING
    assert pole.station.next_deadline(pole.now()) is None


def test_a_refused_token_leaves_a_transaction_that_waits_for_one() -> None:
    """Somebody who may not charge does not end what the cable began; the next one may still charge in it."""
    pole = Pole(tx__start_points="EVConnected")
    pole.pilot(PilotState.C)
    pole.tap(OTHER)
    pole.answer(Verdict.BLOCKED)
    assert pole.evse().running is not None
    pole.tap()
    pole.answer()
    assert pole.evse().energy is Energy.FLOWING
    assert len(pole.facts(FactKind.STARTED)) == 1


def test_a_cable_is_not_locked_before_somebody_may_charge() -> None:
    """Who has not been authorised can take the cable out, also where the transaction began with it."""
    pole = Pole(lock=True, tx__start_points="EVConnected")
    pole.pilot(PilotState.B, cable=True)
    assert pole.evse().running is not None
    assert power.desired(pole.evse()).lock is False
    pole.tap()
    pole.answer()
    assert power.desired(pole.evse()).lock is True
    pole.tap()
    assert power.desired(pole.evse()).lock is False


def test_unplugging_ends_the_authorisation_where_only_that_ends_a_transaction() -> None:
    """A vehicle that leaves takes the authorisation with it."""
    pole = Pole(tx__stop_points="Authorized")
    pole.charge()
    pole.pilot(PilotState.A)
    (ended,) = pole.facts(FactKind.ENDED)
    assert (ended.cause, ended.trigger) == (StopCause.EV_DISCONNECTED, Trigger.EV_DEPARTED)
