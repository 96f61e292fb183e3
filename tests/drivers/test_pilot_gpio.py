"""The GPIO control pilot: duty cycles and timings of IEC 61851-1, alone and with the contactor that follows it."""

import asyncio
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hal.codecs.control_pilot import duty, state_of_levels
from hal.drivers.dead_man import LoopDeadMan
from hal.drivers.gpio_contactor import GpioContactor
from hal.drivers.pilot_gpio import GpioPilot, gpio_pilot
from hal.drivers.pwm_sysfs import SysfsPwm
from hal.errors import DeviceLost, DeviceRefused
from hal.registry import Registry
from hal.types import PilotReading, PilotState
from tests.drivers.gpio import FakeLines
from tests.drivers.virtual import make_context, virtually

LEVELS = ("CP_10V5", "CP_7V5", "CP_4V5", "CP_1V5")
STATES = {"A": 0, "B": 1, "C": 2, "D": 3, "E": 4}


@pytest.mark.parametrize(
    ("current_a", "percent"),
    [
        (6, 10.0),
        (10, 16.67),
        (16, 26.67),
        (32, 53.33),
        (51, 85.0),
        (51.5, 85.0),
        (52.5, 85.0),
        (63, 89.2),
        (80, 96.0),
        (0, 100.0),
    ],
)
def test_duty_cycles_of_the_standard(current_a: float, percent: float) -> None:
    """IEC 61851-1, table A.7; the gap between 51 and 52.5 A offers 51 A."""
    assert duty(current_a) * 100 == pytest.approx(percent, abs=0.01)


@pytest.mark.parametrize("current_a", [5.9, -1, 80.1, float("nan"), float("inf")])
def test_what_cannot_be_offered_is_refused(current_a: float) -> None:
    """Below 6 and above 80 A the pilot has no duty cycle."""
    with pytest.raises(ValueError, match="6 to 80"):
        duty(current_a)


@given(st.floats(6, 80), st.floats(6, 80))
def test_a_higher_current_never_has_a_lower_duty_cycle(one: float, other: float) -> None:
    """The two ranges meet without a fold."""
    assert duty(min(one, other)) <= duty(max(one, other))


def test_states_of_the_comparators() -> None:
    """Each threshold that is passed is one state on; a gap between them is a broken wire."""
    assert [state_of_levels(tuple(n < passed for n in range(4))).value for passed in range(5)] == [
        "A",
        "B",
        "C",
        "D",
        "E",
    ]
    assert state_of_levels((True, True)) is PilotState.C
    assert state_of_levels((False, True)) is PilotState.UNKNOWN
    assert state_of_levels((True, False, True, False)) is PilotState.UNKNOWN


class Board:
    """A pilot, and a contactor that follows it, on fake lines and a folder that looks like /sys/class/pwm/pwmchip0."""

    def __init__(self, folder: Path, *, dead_man_s: float = 60.0, inverted: bool = False) -> None:
        self.chip = folder
        self.channel = folder / "pwm1"
        self.channel.mkdir(parents=True)
        self.lines = FakeLines()
        self.lines.wire("K1", "FB", 0.02)
        clock = make_context().clock
        pwm = SysfsPwm(clock, self.chip, 1, 0.001, inverted=inverted)
        self.pilot = GpioPilot(self.lines, pwm, clock, LoopDeadMan(dead_man_s), levels=LEVELS)
        self.contactor = GpioContactor(self.lines, clock, LoopDeadMan(dead_man_s), coil="K1", feedback="FB")
        self.contactor.follow(self.pilot)

    def show(self, state: str) -> None:
        """Put a voltage on the pilot."""
        for index, name in enumerate(LEVELS):
            self.lines[name].drive(index < STATES[state])

    @property
    def percent(self) -> float:
        """Duty cycle as the kernel would see it."""
        return int((self.channel / "duty_cycle").read_text()) / int((self.channel / "period").read_text()) * 100

    def coil(self) -> bool:
        """Whether the coil is energised."""
        return self.lines.active("K1")

    async def open(self) -> None:
        """Open both devices."""
        await self.pilot.open()
        await self.contactor.open()

    async def close(self) -> None:
        """Close both, and leave nothing behind."""
        await self.contactor.close()
        await self.pilot.close()
        assert self.lines.in_use == []


def now() -> float:
    """Loop time."""
    return asyncio.get_running_loop().time()


@virtually
async def test_opening_offers_nothing(tmp_path: Path) -> None:
    """Steady +12 V, one kilohertz, enabled; closing leaves it so."""
    board = Board(tmp_path)
    await board.open()
    assert board.percent == 100
    assert (board.channel / "period").read_text() == "1000000"
    assert (board.channel / "enable").read_text() == "1"
    await board.pilot.offer(16)
    assert board.percent == pytest.approx(26.667, abs=0.01)
    await board.close()
    assert board.percent == 100


@virtually
async def test_an_inverting_driver_stage_is_turned_round(tmp_path: Path) -> None:
    """10 % at the vehicle are 90 % at the output."""
    board = Board(tmp_path, inverted=True)
    await board.open()
    await board.pilot.offer(6)
    assert board.percent == pytest.approx(90)
    await board.close()


@virtually
async def test_changes_are_told_within_fifty_milliseconds_and_debounced(tmp_path: Path) -> None:
    """The present reading first; a bouncing edge is one change; several listeners each get all of them."""
    board = Board(tmp_path)
    board.show("B")
    await board.open()
    changes, others = board.pilot.changes(), board.pilot.changes()
    assert await anext(changes) == PilotReading(PilotState.B)
    for _ in range(5):
        board.show("C")
        await asyncio.sleep(0.002)
        board.show("B")
        await asyncio.sleep(0.002)
    board.show("C")
    begin = now()
    assert await anext(changes) == PilotReading(PilotState.C)
    assert now() - begin < 0.05
    assert await board.pilot.read() == PilotReading(PilotState.C)
    board.show("A")
    assert await anext(changes) == PilotReading(PilotState.A)
    await board.close()
    assert [reading.state.value async for reading in others] == ["B", "C", "A"]
    assert [reading async for reading in changes] == []


@virtually
async def test_the_offer_changes_at_most_every_five_seconds(tmp_path: Path) -> None:
    """A vehicle may take 5 s to follow; the last wish wins; ending the offer never waits."""
    board = Board(tmp_path)
    await board.open()
    await board.pilot.offer(16)
    begin = now()
    for current_a in (20, 32, 10):
        await board.pilot.offer(current_a)
    assert board.percent == pytest.approx(26.667, abs=0.01)
    await asyncio.sleep(5.1)
    assert board.percent == pytest.approx(16.667, abs=0.01)
    await board.pilot.offer(10)
    await board.pilot.offer(13)
    await board.pilot.offer(0)
    assert board.percent == 100
    await asyncio.sleep(6)
    assert board.percent == 100
    await board.pilot.offer(13)
    assert board.percent == pytest.approx(21.667, abs=0.01)
    assert now() - begin < 12
    await board.close()


@virtually
async def test_state_f_is_shown_and_read(tmp_path: Path) -> None:
    """Not available: steady -12 V, whatever is offered, and back."""
    board = Board(tmp_path)
    board.show("B")
    await board.open()
    changes = board.pilot.changes()
    await board.pilot.offer(16)
    await board.pilot.set_available(False)
    assert board.percent == 0
    board.show("E")
    await asyncio.sleep(0.1)
    assert (await board.pilot.read()).state is PilotState.F
    board.show("B")
    await board.pilot.set_available(True)
    await asyncio.sleep(0.1)
    assert board.percent == pytest.approx(26.667, abs=0.01)
    await board.close()
    assert [reading.state.value async for reading in changes] == ["B", "F", "B"]


@virtually
async def test_the_contactor_follows_the_vehicle(tmp_path: Path) -> None:
    """Allowed in state B nothing closes; in state C it does; back in B it is open within 100 ms."""
    board = Board(tmp_path)
    assert board.contactor.follows_vehicle
    board.show("B")
    await board.open()
    await board.pilot.offer(16)
    await board.contactor.allow()
    assert not board.coil()
    board.show("C")
    await asyncio.sleep(0.1)
    assert board.coil()
    left = now()
    board.show("B")
    await asyncio.sleep(0.1)
    assert board.contactor.closed is False
    assert board.lines["FB"].history[-1][0] - left < 0.1
    await board.close()


@pytest.mark.parametrize("state", ["A", "B", "D", "E"])
@virtually
async def test_no_state_but_c_has_demand(tmp_path: Path, state: str) -> None:
    """Ventilation is not to be had here, E is a fault, and without a vehicle nothing is asked."""
    board = Board(tmp_path)
    board.show(state)
    await board.open()
    await board.pilot.offer(16)
    await board.contactor.allow()
    await asyncio.sleep(1)
    assert not board.coil()
    await board.close()


@virtually
async def test_a_vehicle_gets_six_seconds_to_stop(tmp_path: Path) -> None:
    """The offer ends during C: open when the vehicle goes to B, and after 6 s if it does not."""
    board = Board(tmp_path)
    board.show("C")
    await board.open()
    await board.contactor.allow()
    await board.pilot.offer(16)
    assert board.coil()
    await board.pilot.offer(0)
    await asyncio.sleep(2)
    assert board.coil()
    board.show("B")
    await asyncio.sleep(0.1)
    assert not board.coil()
    board.show("C")
    await board.pilot.offer(16)
    await asyncio.sleep(11)
    assert board.coil()
    await board.pilot.offer(0)
    await board.pilot.offer(0)
    await asyncio.sleep(5.9)
    assert board.coil()
    await asyncio.sleep(0.2)
    assert not board.coil()
    await board.close()


@virtually
async def test_an_offer_given_again_in_time_keeps_the_contactor_closed(tmp_path: Path) -> None:
    """The six seconds are forgotten when there is an offer again."""
    board = Board(tmp_path)
    board.show("C")
    await board.open()
    await board.contactor.allow()
    await board.pilot.offer(16)
    await board.pilot.offer(0)
    await asyncio.sleep(3)
    await board.pilot.offer(10)
    await asyncio.sleep(10)
    assert board.coil()
    assert len(board.lines["K1"].history) == 1
    await board.pilot.set_available(False)
    assert not board.coil()
    await board.close()


@virtually
async def test_a_vehicle_that_asks_again_soon_waits_for_the_contactor(tmp_path: Path) -> None:
    """Ten seconds between two closings hold also when the vehicle wants it otherwise."""
    board = Board(tmp_path)
    board.show("C")
    await board.open()
    await board.contactor.allow()
    await board.pilot.offer(16)
    for state in ("B", "C", "B", "C"):
        await asyncio.sleep(1)
        board.show(state)
    await asyncio.sleep(1)
    assert not board.coil()
    await asyncio.sleep(6)
    assert board.coil()
    closings = [at for at, level in board.lines["K1"].history if level]
    assert closings[1] - closings[0] == pytest.approx(10)
    await board.close()


@virtually
async def test_the_dead_man_timer_ends_the_offer(tmp_path: Path) -> None:
    """Nothing to feed before the vehicle asks; then signs of life come through the contactor; without them all goes off."""
    board = Board(tmp_path, dead_man_s=2.0)
    board.show("B")
    await board.open()
    await board.contactor.allow()
    await board.pilot.offer(16)
    await asyncio.sleep(10)
    assert board.percent < 100
    board.show("C")
    await asyncio.sleep(0.1)
    assert board.pilot.dead_man_s == 2.0
    for _ in range(6):
        await asyncio.sleep(1.5)
        board.contactor.keep_alive()
    assert board.coil()
    await asyncio.sleep(2.1)
    assert board.percent == 100
    assert not board.coil()
    await board.pilot.offer(16)
    assert board.percent < 100
    await board.close()


@virtually
async def test_a_lost_line_ends_offer_and_demand(tmp_path: Path) -> None:
    """A comparator's chip is gone: no PWM, contactor open, DeviceLost at the listener; opened again it works again."""
    board = Board(tmp_path)
    board.show("C")
    await board.open()
    await board.contactor.allow()
    await board.pilot.offer(16)
    changes = board.pilot.changes()
    await anext(changes)
    board.lines["CP_7V5"].lose()
    assert board.percent == 100
    assert not board.coil()
    with pytest.raises(DeviceLost):
        await anext(changes)
    board.lines["CP_7V5"].lost = False
    await board.pilot.open()
    assert await board.pilot.read() == PilotReading(PilotState.C)
    board.lines["CP_7V5"].lost = True
    changes = board.pilot.changes()
    await anext(changes)
    board.lines["CP_10V5"].drive(False)
    with pytest.raises(DeviceLost):
        await anext(changes)
    await board.close()


@virtually
async def test_a_lost_pwm_is_told(tmp_path: Path) -> None:
    """Offering raises; a change that was waiting ends the streams; closing does not raise."""
    board = Board(tmp_path)
    await board.open()
    await board.pilot.offer(16)
    await board.pilot.offer(10)
    changes = board.pilot.changes()
    await anext(changes)
    (board.channel / "duty_cycle").unlink()
    (board.channel / "duty_cycle").mkdir()
    with pytest.raises(DeviceLost):
        await anext(changes)
    with pytest.raises(DeviceLost, match="duty_cycle"):
        await board.pilot.offer(0)
    await board.close()


@virtually
async def test_refusals(tmp_path: Path) -> None:
    """What cannot be offered, and a device that is not open."""
    board = Board(tmp_path)
    with pytest.raises(DeviceLost, match="open it first"):
        await board.pilot.read()
    await board.open()
    with pytest.raises(DeviceRefused):
        await board.pilot.offer(5)
    await board.close()
    with pytest.raises(ValueError, match="levels"):
        gpio_pilot(make_context(), ("CP_10V5",))
    built = Registry([]).build("pilot", "gpio", make_context(), {"levels": ("a", "b")})
    assert isinstance(built, GpioPilot)


@virtually
async def test_a_channel_is_exported_first(tmp_path: Path) -> None:
    """The kernel makes the channel's files when asked; udev may take a moment; a kernel that never does is told."""
    chip = tmp_path / "pwmchip0"
    chip.mkdir()
    (chip / "export").touch()
    pwm = SysfsPwm(make_context().clock, chip, 0, 0.001)

    async def kernel() -> None:
        await asyncio.sleep(0.3)
        assert (chip / "export").read_text() == "0"
        (chip / "pwm0").mkdir()

    task = asyncio.create_task(kernel())
    await pwm.open(0.5)
    await task
    assert (chip / "pwm0" / "duty_cycle").read_text() == "500000"
    begin = now()
    with pytest.raises(DeviceLost, match="device tree"):
        await SysfsPwm(make_context().clock, chip, 7, 0.001).open(1.0)
    assert 1.9 < now() - begin < 2.2
