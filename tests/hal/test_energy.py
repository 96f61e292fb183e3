"""Energy in the mock world: exact, whoever looks and however often."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hal.mock.car import Car
from hal.mock.register import Register
from hal.mock.state import MemoryStore
from hal.mock.supply import Supply
from tests.hal.timing import ManualTime
from tests.hal.worlds import PROMPT, charging, prompt_car, world_on

Event = tuple[float, str, float]

HESITANT = replace(PROMPT, ask_delay_s=1.5, draw_delay_s=0.7, ramp_s=3.0, reaction_s=0.4)
events = st.lists(
    st.tuples(
        st.floats(0, 3000),
        st.sampled_from(["offer", "offer", "voltage", "contactor", "pause", "resume", "phases", "mains"]),
        st.floats(0, 1),
    ),
    max_size=12,
)


def play(history: list[Event], looks: list[float], *, jumping: bool = False) -> tuple[int, float]:
    """Let the same things happen while somebody looks at other moments; returns the register and the battery."""
    time = ManualTime()
    world = world_on(time)
    evse = charging(time, world, Car(HESITANT))
    planned: list[Event] = sorted(history + [(moment, "look", 0.0) for moment in looks])
    start = time.time()
    for moment, what, value in planned:
        (time.jump if jumping else time.advance)(max(0.0, start + moment - time.time()))
        match what:
            case "look":
                evse.reading()
            case "offer":
                evse.offer(0.0 if value < 0.2 else 6 + value * 26)
            case "voltage":
                world.change_supply(voltage_v=(210 + 40 * value, 230.0, 230.0))
            case "contactor":
                evse.command_contactor(value < 0.7)
            case "pause":
                evse.pause_car()
            case "resume":
                evse.resume_car()
            case "phases":
                evse.offer(16.0, 1 if value < 0.5 else 3)
            case "mains":
                world.change_supply(mains=value < 0.7)
    time.advance(start + 4000 - time.time())
    soc = evse.soc_percent()
    assert soc is not None
    return evse.import_mwh(), soc


@settings(max_examples=200, deadline=None)
@given(history=events, looks=st.lists(st.floats(0, 3999), max_size=40))
def test_looking_changes_nothing(history: list[Event], looks: list[float]) -> None:
    """Any pattern of readings between the same events gives the very same register and battery, bit for bit."""
    assert play(history, looks) == play(history, [])


@settings(max_examples=100, deadline=None)
@given(history=events, looks=st.lists(st.floats(0, 3999), max_size=20))
def test_timers_change_nothing(history: list[Event], looks: list[float]) -> None:
    """A loop that was too busy to make its calls finds the same register as one that made each in time."""
    assert play(history, looks, jumping=True) == play(history, looks)


@settings(max_examples=60, deadline=None)
@given(history=events)
def test_battery_and_register_agree(history: list[Event]) -> None:
    """What the battery gained is what passed the meter, times the charger's efficiency."""
    import_mwh, soc_percent = play(history, [])
    gained_wh = (soc_percent - PROMPT.soc_percent) / 100 * PROMPT.battery_wh
    assert gained_wh == pytest.approx(import_mwh / 1000 * PROMPT.efficiency, abs=0.01)


@settings(max_examples=60, deadline=None)
@given(
    offered=st.one_of(st.just(0.0), st.floats(6, 80)),
    maximum=st.floats(6, 63),
    cable=st.floats(6, 63),
    phases=st.sampled_from([1, 2, 3]),
    seconds=st.lists(st.floats(0.1, 3000), max_size=10),
)
def test_current_never_exceeds_offer_car_or_cable(
    offered: float, maximum: float, cable: float, phases: int, seconds: list[float]
) -> None:
    """No phase carries more than the least of the three, and unused phases carry nothing; the register only grows."""
    time = ManualTime()
    world = world_on(time)
    evse = world.evse(1)
    evse.plug(car=prompt_car(max_current_a=maximum, phases=phases), cable_limit_a=cable)
    evse.command_contactor(True)
    evse.offer(offered)
    register = 0
    for pause in seconds:
        time.advance(pause)
        reading = evse.reading()
        assert all(
            current is not None and current <= min(offered, maximum, cable) + 1e-9 for current in reading.current_a
        )
        assert reading.current_a[phases:] == (0.0,) * (3 - phases)
        assert reading.import_mwh is not None
        assert reading.import_mwh >= register
        register = reading.import_mwh


def test_an_hour_at_16_a_on_three_phases_is_11040_wh() -> None:
    """The plainest sum: 16 A on three phases of 230 V for an hour, to the milliwatt hour."""
    time = ManualTime()
    evse = charging(time, world_on(time))
    time.advance(3600)
    reading = evse.reading()
    assert reading.import_mwh == 11_040_000
    assert reading.power_w == pytest.approx(11_040.0)
    assert reading.power_per_phase_w == pytest.approx((3680.0,) * 3)
    assert reading.current_a == (16.0, 16.0, 16.0)
    assert reading.voltage_v == (230.0, 230.0, 230.0)
    assert reading.frequency_hz == 50.0


def test_one_phase_offered_uses_the_first_phase_only() -> None:
    """A three-phase car behind a phase switch draws on L1."""
    time = ManualTime()
    evse = charging(time, world_on(time))
    evse.offer(16.0, 1)
    time.advance(10)
    assert evse.drawn_a() == (16.0, 0.0, 0.0)
    evse.offer(16.0, 3)
    assert evse.drawn_a() == (16.0, 16.0, 16.0)


def test_power_factor_gives_reactive_energy() -> None:
    """At a power factor of 0.8, reactive energy is three quarters of the active one."""
    time = ManualTime()
    evse = charging(time, world_on(time), prompt_car(power_factor=0.8))
    time.advance(3600)
    reading = evse.reading()
    assert reading.import_mwh == pytest.approx(0.8 * 11_040_000, abs=1)
    assert reading.reactive_import_mvarh == pytest.approx(0.6 * 11_040_000, abs=1)
    assert reading.power_factor == 0.8


def test_soc_is_told_only_by_a_car_that_tells() -> None:
    """The state of charge appears in readings of such a car, and never for others."""
    time = ManualTime()
    assert charging(time, world_on(time)).reading().soc_percent is None
    assert charging(time, world_on(time), prompt_car(tells_soc=True)).reading().soc_percent == 20.0


def test_stubborn_car_draws_above_the_offer_but_not_above_itself() -> None:
    """A car that exceeds its offer by 2 A draws 18 A of 16 A, and at most its own maximum."""
    time = ManualTime()
    evse = charging(time, world_on(time), prompt_car(exceeds_by_a=2.0, max_current_a=20.0))
    assert evse.drawn_a()[0] == 18.0
    evse.offer(19.5)
    assert evse.drawn_a()[0] == 20.0


def test_noise_flickers_the_display_and_not_the_energy() -> None:
    """With noise, voltages differ from second to second, repeat from the same seed, and the register is as without."""
    registers, volts = [], []
    for noise in (0.0, 1.0, 1.0):
        time = ManualTime()
        evse = charging(time, world_on(time, supply=Supply(noise_percent=noise, noise_seed=5)))
        seen = []
        for _ in range(5):
            time.advance(10)
            seen.append(evse.reading().voltage_v)
        registers.append(evse.import_mwh())
        volts.append(seen)
    assert registers[0] == registers[1]
    assert volts[1] == volts[2]
    assert len(set(volts[1])) == 5
    assert all(value is not None and abs(value - 230) <= 2.3 for row in volts[1] for value in row)


def test_main_meter_sums_evses_and_background() -> None:
    """The station's meter shows what its EVSEs show plus what flows beside them, across changes of the supply."""
    time = ManualTime()
    world = world_on(time, evses=2, supply=Supply(background_a=2.0))
    evse = charging(time, world)
    begun_at = time.time()
    time.advance(1800)
    reading = world.main_meter.reading()
    assert reading.current_a == (18.0, 18.0, 18.0)
    world.change_supply(background_a=3.0)
    time.advance(1800)
    beside_mwh = 690 * (2 * (1800 + begun_at - 1000.0) + 3 * 1800) / 3.6
    assert world.main_meter.reading().import_mwh == pytest.approx(evse.import_mwh() + beside_mwh, abs=1)


def test_register_refuses_to_count_down_and_keeps_fractions() -> None:
    """Thirds of a milliwatt hour add up to whole ones; negative energy is an error."""
    register = Register(5)
    for _ in range(300_000):
        register.add(1 / 3)
    assert register.shown_mwh() == pytest.approx(100_005, abs=1)
    with pytest.raises(ValueError, match="counts upwards"):
        register.add(-0.1)


def test_register_never_shows_less_than_before() -> None:
    """Once shown, a value is not taken back, even if the stretch under way is counted a little smaller."""
    register = Register()
    assert register.shown_mwh(10.0) == 10
    register.add(9.99)
    assert register.shown_mwh() == 10


def test_restart_resumes_the_register_and_counts_nothing_for_the_dead_time() -> None:
    """A new world on the same store begins with the last register shown; the contactor was open in between."""
    store = MemoryStore()
    time = ManualTime()
    evse = charging(time, world_on(time, store=store))
    time.advance(600)
    seen = evse.reading().import_mwh
    assert seen == 1_840_000
    later = ManualTime(50_000.0)
    again = world_on(later, store=store).evse(1)
    assert again.import_mwh() == seen
    later.advance(3600)
    assert again.import_mwh() == seen
