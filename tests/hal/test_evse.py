"""One EVSE: what the pilot shows, when a car draws, what cable, contactor and bolt do."""

from contextvars import ContextVar, copy_context

import pytest

from hal.mock.car import PRESETS, Car, CarSpec
from hal.mock.errors import Impossible, UnknownAction
from hal.mock.evse import MockEvse
from hal.mock.switchgear import Switching
from hal.types import LockState, PilotReading, PilotState
from tests.hal.timing import ManualTime
from tests.hal.worlds import CONTACTOR_S, charging, prompt_car, world_on


@pytest.fixture
def time() -> ManualTime:
    """Time that stands still until a test moves it."""
    return ManualTime()


def state(evse: MockEvse) -> PilotState:
    """What the pilot shows."""
    return evse.pilot_reading().state


class TestPlugs:
    def test_each_end_is_plugged_on_its_own(self, time: ManualTime) -> None:
        """The station sees the cable at its own end, and the vehicle only when both ends are in, in either order."""
        evse = world_on(time).evse(1)
        assert evse.pilot_reading() == PilotReading(PilotState.A, False)
        evse.plug("station")
        assert evse.pilot_reading() == PilotReading(PilotState.A, True, 32.0)
        evse.plug("vehicle", prompt_car())
        assert evse.pilot_reading() == PilotReading(PilotState.B, True, 32.0)
        evse.unplug("station")
        assert evse.pilot_reading() == PilotReading(PilotState.A, False)
        evse.plug("station")
        assert state(evse) is PilotState.B

    def test_cable_limit_is_read_from_the_proximity_contact(self, time: ManualTime) -> None:
        """A 20 A cable shows as one, and the car keeps to it whatever is offered."""
        evse = world_on(time).evse(1)
        evse.plug(car=prompt_car(), cable_limit_a=20.0)
        assert evse.pilot_reading().cable_limit_a == 20.0
        evse.command_contactor(True)
        evse.offer(32.0)
        time.advance(1)
        assert evse.drawn_a()[0] == 20.0

    def test_fixed_cable_has_one_end_to_move_and_tells_no_proximity(self, time: ManualTime) -> None:
        """Plugging a fixed cable is plugging its vehicle end; its station end cannot be touched, nor its limit chosen."""
        world = world_on(time, evses=0)
        evse = world.add_evse(1, fixed_cable=True)
        with pytest.raises(Impossible, match="fixed to the station"):
            evse.plug("station")
        with pytest.raises(Impossible, match="limit cannot be chosen"):
            evse.plug(car=prompt_car(), cable_limit_a=20.0)
        evse.plug(car=prompt_car())
        assert evse.pilot_reading() == PilotReading(PilotState.B, None, None)
        evse.unplug()
        assert state(evse) is PilotState.A

    def test_impossible_plugging_changes_nothing(self, time: ManualTime) -> None:
        """Plugging what is plugged, pulling what is not, and a vehicle from nowhere are refused in words."""
        evse = world_on(time).evse(1)
        with pytest.raises(Impossible, match="no vehicle to plug in at EVSE 1"):
            evse.plug()
        with pytest.raises(Impossible, match="cannot come with the station end"):
            evse.plug("station", prompt_car())
        with pytest.raises(Impossible, match="no end is plugged in"):
            evse.unplug()
        with pytest.raises(Impossible, match="vehicle end is not plugged in"):
            evse.unplug("vehicle")
        with pytest.raises(Impossible, match="plug one in first"):
            evse.pause_car()
        evse.plug(car=prompt_car())
        with pytest.raises(Impossible, match="unplug it first"):
            evse.plug("vehicle", prompt_car())
        assert state(evse) is PilotState.B

    def test_locked_plug_stays_in_the_station_but_not_in_the_car(self, time: ManualTime) -> None:
        """The bolt holds the station's end; the vehicle's end can always be pulled."""
        evse = world_on(time).evse(1)
        evse.plug(car=prompt_car())
        evse.drive_bolt(True)
        with pytest.raises(Impossible, match="station end is locked"):
            evse.unplug("both")
        assert evse.cable.complete
        evse.unplug("vehicle")
        assert evse.pilot_reading() == PilotReading(PilotState.A, True, 32.0)

    def test_same_car_comes_back_with_its_battery(self, time: ManualTime) -> None:
        """Unplugging and plugging in again without naming a car continues where the battery was."""
        evse = charging(time, world_on(time))
        time.advance(1000)
        soc = evse.soc_percent()
        evse.unplug()
        assert evse.soc_percent() is None
        evse.plug()
        assert evse.soc_percent() == soc

    def test_a_plugged_car_stands_in_the_bay(self, time: ManualTime) -> None:
        """Plugging in occupies the bay; it is left by driving away, not by unplugging."""
        evse = world_on(time).evse(1)
        evse.plug(car=prompt_car())
        evse.unplug()
        assert evse.bay_occupied


class TestAskingAndDrawing:
    def test_delays_in_their_order(self, time: ManualTime) -> None:
        """See the offer, ask, find power, wait, climb: each after its own delay."""
        evse = world_on(time).evse(1)
        evse.plug(car=Car(CarSpec(reaction_s=0.5, ask_delay_s=2, draw_delay_s=1, ramp_s=4)))
        evse.command_contactor(True)
        evse.offer(16.0)
        time.advance(2.4)
        assert state(evse) is PilotState.B
        time.advance(0.2)
        assert state(evse) is PilotState.C
        time.advance(0.8)  # 0.9 s after asking
        assert evse.drawn_a()[0] == 0.0
        drawn = []
        for _ in range(5):
            time.advance(1)
            drawn.append(evse.drawn_a()[0])
        assert drawn == [0.0, 4.0, 8.0, 12.0, 16.0]

    def test_nothing_flows_while_the_contactor_is_open(self, time: ManualTime) -> None:
        """A car in state C draws nothing without power, and begins when it comes."""
        evse = world_on(time).evse(1)
        evse.plug(car=prompt_car())
        evse.offer(16.0)
        time.advance(10)
        assert state(evse) is PilotState.C
        assert evse.drawn_a()[0] == 0.0
        evse.command_contactor(True)
        time.advance(CONTACTOR_S)
        assert evse.drawn_a()[0] == 16.0

    def test_a_changed_offer_does_not_begin_the_wait_anew(self, time: ManualTime) -> None:
        """A car that waits 5 s before it asks does so 5 s after the first offer, however that changes meanwhile."""
        evse = charging(time, world_on(time), prompt_car(ask_delay_s=5.0))
        time.advance(3)
        evse.offer(10.0)
        time.advance(2.1)
        assert state(evse) is PilotState.C

    @pytest.mark.parametrize("cause", ["pause", "contactor", "mains"])
    def test_every_beginning_waits_again(self, time: ManualTime, cause: str) -> None:
        """After a pause of the driver, the contactor or the mains, the car takes its time before it draws, as at first."""
        world = world_on(time)
        evse = charging(time, world, prompt_car(draw_delay_s=5.0))
        time.advance(6)
        assert evse.drawn_a()[0] == 16.0
        match cause:
            case "pause":
                evse.pause_car()
                evse.resume_car()
            case "contactor":
                evse.command_contactor(False)
                time.advance(1)
                evse.command_contactor(True)
                time.advance(CONTACTOR_S)
            case "mains":
                world.change_supply(mains=False)
                world.change_supply(mains=True)
        assert evse.drawn_a()[0] == 0.0
        time.advance(4.9)
        assert evse.drawn_a()[0] == 0.0
        time.advance(0.2)
        assert evse.drawn_a()[0] == 16.0

    def test_car_follows_a_changed_offer_after_its_reaction_time(self, time: ManualTime) -> None:
        """Less is drawn only when the car has seen the change, also when two changes follow close upon each other."""
        evse = charging(time, world_on(time), prompt_car(reaction_s=2.0))
        time.advance(10)
        evse.offer(10.0)
        time.advance(1)
        evse.offer(8.0)
        assert evse.drawn_a()[0] == 16.0
        time.advance(1.5)
        assert evse.drawn_a()[0] == 10.0
        time.advance(1)
        assert evse.drawn_a()[0] == 8.0

    def test_offer_withdrawn_ends_state_c(self, time: ManualTime) -> None:
        """Without PWM the car stops drawing and asking after its reaction time; a new offer begins anew."""
        evse = charging(time, world_on(time), prompt_car(reaction_s=1.0))
        time.advance(10)
        evse.offer(0.0)
        time.advance(0.5)
        assert state(evse) is PilotState.C
        time.advance(0.6)
        assert state(evse) is PilotState.B
        assert evse.drawn_a()[0] == 0.0
        evse.offer(6.0)
        time.advance(1.1)
        assert evse.drawn_a()[0] == 6.0

    def test_car_with_a_higher_minimum_ignores_a_small_offer(self, time: ManualTime) -> None:
        """A car that needs 10 A does not ask when offered 8 A."""
        evse = charging(time, world_on(time), prompt_car(min_current_a=10.0), offered_a=8.0)
        time.advance(10)
        assert state(evse) is PilotState.B
        evse.offer(10.0)
        assert state(evse) is PilotState.C

    def test_pause_and_resume(self, time: ManualTime) -> None:
        """The driver's pause takes C to B at once and resuming brings it back."""
        evse = charging(time, world_on(time))
        evse.pause_car()
        assert (state(evse), evse.drawn_a()[0]) == (PilotState.B, 0.0)
        evse.resume_car()
        assert (state(evse), evse.drawn_a()[0]) == (PilotState.C, 16.0)

    def test_full_car_stops_asking_at_its_target(self, time: ManualTime) -> None:
        """At the target state B comes by itself, the battery is exactly there, and no more is counted."""
        evse = charging(time, world_on(time), prompt_car(soc_percent=78, target_percent=80))
        time.advance(3600)
        assert state(evse) is PilotState.B
        assert evse.soc_percent() == 80.0
        before = evse.import_mwh()
        assert before == pytest.approx(1_000_000 / 0.9, abs=1)
        time.advance(3600)
        assert evse.import_mwh() == before

    @pytest.mark.parametrize("preset", ["full", "never-asks"])
    def test_some_cars_never_ask(self, time: ManualTime, preset: str) -> None:
        """A full car and one that never asks stay in B whatever is offered."""
        evse = charging(time, world_on(time), Car(PRESETS[preset]))
        time.advance(1000)
        assert state(evse) is PilotState.B

    def test_ventilated_car_shows_d_and_draws_nothing(self, time: ManualTime) -> None:
        """A car that needs ventilation asks with D; without ventilation nothing may flow."""
        evse = charging(time, world_on(time), prompt_car(needs_ventilation=True))
        time.advance(10)
        assert state(evse) is PilotState.D
        assert evse.drawn_a()[0] == 0.0

    def test_every_preset_charges_to_its_target_or_says_why_not(self, time: ManualTime) -> None:
        """Each vehicle of the garage reaches its target within two days at 32 A, except those made not to."""
        for name, spec in PRESETS.items():
            evse = charging(time, world_on(time), Car(spec, name), offered_a=32.0)
            time.advance(2 * 86_400)
            assert evse.car is not None
            assert evse.car.full is (name not in {"never-asks", "ventilated"}), name

    @pytest.mark.parametrize(
        ("field", "value"), [("soc_percent", 101.0), ("phases", 4), ("battery_wh", 0.0), ("efficiency", float("nan"))]
    )
    def test_impossible_cars_are_refused_by_field(self, field: str, value: float) -> None:
        """A car that cannot exist is refused with the name of what is wrong."""
        with pytest.raises(ValueError, match=f"^{field} must be from"):
            prompt_car(**{field: value})

    def test_trickle_above_the_maximum_is_refused(self) -> None:
        """A current cannot fall upwards."""
        with pytest.raises(ValueError, match="trickle_current_a"):
            prompt_car(max_current_a=6.0, trickle_current_a=7.0)


class TestPilotStates:
    def test_unavailable_shows_f_and_the_car_sees_no_offer(self, time: ManualTime) -> None:
        """State F ends a charge from the car's side and gives way to C when the EVSE is available again."""
        evse = charging(time, world_on(time))
        evse.set_available(False)
        assert (state(evse), evse.drawn_a()[0]) == (PilotState.F, 0.0)
        evse.set_available(True)
        assert state(evse) is PilotState.C

    def test_forced_state_shows_until_it_is_released(self, time: ManualTime) -> None:
        """A shorted pilot shows E and stops the car; releasing it shows what is there."""
        evse = charging(time, world_on(time))
        evse.force_pilot(PilotState.E)
        assert (state(evse), evse.drawn_a()[0]) == (PilotState.E, 0.0)
        evse.force_pilot(None)
        assert state(evse) is PilotState.C


class TestContactor:
    def test_contacts_follow_after_their_operating_time_and_keep_a_history(self, time: ManualTime) -> None:
        """Closing and opening take 30 ms each; the history notes the moment and the load."""
        evse = world_on(time).evse(1)
        begun_at = time.time()
        evse.plug(car=prompt_car())
        evse.offer(16.0)
        evse.command_contactor(True)
        time.advance(0.02)
        assert not evse.contactor_closed()
        time.advance(0.02)
        assert evse.contactor_closed()
        time.advance(10)
        evse.command_contactor(False)
        time.advance(0.02)
        assert evse.contactor_closed()
        time.advance(0.02)
        assert not evse.contactor_closed()
        closing, opening = evse.gear.history
        assert closing == Switching(begun_at + 0.03, True, 0.0)
        assert opening.at_s == pytest.approx(begun_at + 10.07)
        assert (opening.closed, opening.current_a) == (False, 16.0)

    def test_command_taken_back_in_time_moves_nothing(self, time: ManualTime) -> None:
        """Closing taken back before the contacts move leaves them open and the history empty."""
        evse = world_on(time).evse(1)
        evse.command_contactor(True)
        time.advance(0.01)
        evse.command_contactor(False)
        time.advance(1)
        assert not evse.gear.history

    def test_dead_man_opens_when_nobody_feeds(self, time: ManualTime) -> None:
        """Fed contacts stay closed; silence opens them after exactly the dead-man time."""
        evse = charging(time, world_on(time))
        evse.gear.dead_man_s = 5.0
        evse.feed_contactor()
        for _ in range(4):
            time.advance(4)
            evse.feed_contactor()
        assert evse.contactor_closed()
        time.advance(4.9)
        assert evse.contactor_closed()
        time.advance(0.2)
        assert not evse.contactor_closed()
        assert not evse.gear.commanded

    def test_dead_man_counts_energy_to_the_right_moment_after_a_stall(self, time: ManualTime) -> None:
        """A loop that hung for an hour finds that the contacts opened when the timer ran out, not when it woke up."""
        evse = charging(time, world_on(time))
        evse.gear.dead_man_s = 5.0
        evse.feed_contactor()
        before = evse.import_mwh()
        time.jump(3600)
        assert evse.import_mwh() - before == pytest.approx(11_040_000 * 5.03 / 3600, abs=2)

    def test_welded_contacts_stay_closed(self, time: ManualTime) -> None:
        """Welding closes the contacts whatever the command; after the repair they follow it again."""
        evse = charging(time, world_on(time))
        evse.raise_fault("welded-contactor")
        evse.command_contactor(False)
        time.advance(10)
        assert evse.contactor_closed()
        evse.clear_fault("welded-contactor")
        time.advance(1)
        assert not evse.contactor_closed()

    def test_stuck_contacts_stay_open(self, time: ManualTime) -> None:
        """Stuck contacts open under the load and do not close; after the repair they follow the command again."""
        evse = charging(time, world_on(time))
        evse.raise_fault("contactor-stuck-open")
        time.advance(1)
        assert (evse.contactor_closed(), evse.drawn_a()[0]) == (False, 0.0)
        evse.clear_fault("contactor-stuck-open")
        time.advance(1)
        assert (evse.contactor_closed(), evse.drawn_a()[0]) == (True, 16.0)

    def test_lost_contactor_falls_open(self, time: ManualTime) -> None:
        """A coil whose controller is gone has no current."""
        evse = charging(time, world_on(time))
        evse.ports.contactor.attach()
        evse.lose("contactor")
        time.advance(1)
        assert not evse.contactor_closed()

    def test_only_attached_devices_can_be_lost(self, time: ManualTime) -> None:
        """Losing a device that is not there is refused, naming those that are."""
        evse = world_on(time).evse(1)
        evse.ports.meter.attach()
        with pytest.raises(UnknownAction, match="EVSE 1 has no device 'bay'; it has: meter"):
            evse.lose("bay")
        evse.lose("meter")
        assert evse.ports.lost == ["meter"]
        evse.restore("meter")
        assert evse.ports.lost == []


class TestTimers:
    def test_a_timer_that_comes_a_hair_early_still_counts(self) -> None:
        """Changes are told when their timer fires, even if the clock does not quite show their time yet."""
        time = ManualTime(early_s=1e-6)
        evse = world_on(time).evse(1)
        port = evse.ports.pilot.attach()
        port.open()
        heard = port.subscribe()
        evse.plug(car=prompt_car(ask_delay_s=5.0))
        evse.offer(16.0)
        time.advance(6)
        assert [reading.state for reading in heard._items] == [PilotState.B, PilotState.C]

    def test_timers_belong_to_the_world_not_to_who_caused_them(self, time: ManualTime) -> None:
        """A program that dies takes its own context with it; the car it offered a current to goes on."""
        owner: ContextVar[str] = ContextVar("owner", default="world")
        evse = world_on(time).evse(1)
        program = copy_context()
        program.run(owner.set, "program")
        program.run(evse.plug, "both", prompt_car(ask_delay_s=5.0))
        program.run(evse.offer, 16.0)
        assert [context.get(owner, "world") for context in time.contexts] == ["world"]


class TestLock:
    def test_jammed_bolt_stays_where_it_was(self, time: ManualTime) -> None:
        """A jammed bolt reports so, does not move, and moves again once it is mended."""
        evse = world_on(time).evse(1)
        assert evse.drive_bolt(True) is LockState.LOCKED
        evse.raise_fault("lock-jammed")
        assert evse.drive_bolt(False) is LockState.JAMMED
        evse.clear_fault("lock-jammed")
        assert evse.cable.lock_state is LockState.LOCKED
        assert evse.drive_bolt(False) is LockState.UNLOCKED


class TestSupply:
    def test_without_mains_nothing_flows_and_the_voltage_is_gone(self, time: ManualTime) -> None:
        """A mains failure stops the current at once; the register goes on where it was when they return."""
        world = world_on(time)
        evse = charging(time, world)
        time.advance(3600)
        world.change_supply(mains=False)
        time.advance(3600)
        reading = evse.reading()
        assert reading.import_mwh == 11_040_000
        assert (reading.voltage_v, reading.current_a, reading.frequency_hz) == ((0.0,) * 3, (0.0,) * 3, None)
        world.change_supply(mains=True)
        time.advance(1)
        assert evse.drawn_a()[0] == 16.0

    def test_energy_follows_a_changed_voltage_from_its_moment_on(self, time: ManualTime) -> None:
        """Half an hour at 230 V and half an hour at 240 V."""
        world = world_on(time)
        evse = charging(time, world)
        time.advance(1800)
        world.change_supply(voltage_v=(240.0, 240.0, 240.0))
        time.advance(1800)
        assert evse.import_mwh() == 16 * 3 * (230 + 240) * 500

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"voltage_v": (230.0, -1.0, 230.0)}, "voltage_v"),
            ({"frequency_hz": 0.0}, "frequency_hz"),
            ({"background_a": -1.0}, "background_a"),
            ({"noise_percent": 50.0}, "noise_percent"),
        ],
    )
    def test_impossible_supply_is_refused_by_field(
        self, time: ManualTime, changes: dict[str, object], field: str
    ) -> None:
        """Mains that cannot be are refused with the name of what is wrong, and nothing changes."""
        world = world_on(time)
        before = world.supply
        with pytest.raises(ValueError, match=f"^{field} must be"):
            world.change_supply(**changes)
        assert world.supply == before
