"""Wall time and its trust, on the mock clock and on the system's."""

import asyncio
from pathlib import Path

import pytest

from hal.clock import Clock
from hal.clocks import SystemClock, read_boot_id
from hal.mock.errors import Impossible
from hal.types import TimeTrust
from tests.hal.timing import START_WALL_S, ManualTime, clock_on, run


def test_mock_wall_time_runs_with_offset_and_drift() -> None:
    """An offset is there at once, drift adds to it, and a change of drift keeps the error so far."""
    time = ManualTime()
    clock = clock_on(time)
    assert clock.wall() == START_WALL_S
    clock.set_offset(-60.0)
    clock.set_drift(100.0)
    time.advance(10_000)
    assert clock.offset_s == pytest.approx(-59.0)
    assert clock.wall() == pytest.approx(START_WALL_S + 10_000 - 59)
    clock.set_drift(0.0)
    time.advance(10_000)
    assert clock.offset_s == pytest.approx(-59.0)
    assert clock.true_wall() == pytest.approx(START_WALL_S + 20_000)


def test_unknown_time_is_none_and_the_csms_corrects_it() -> None:
    """A clock known to be wrong tells no time; the central system's answer sets it and its trust."""
    time = ManualTime()
    clock = clock_on(time, TimeTrust.UNKNOWN)
    assert clock.now().wall_s is None
    clock.set_offset(-500.0)
    step_s = clock.set_from_csms(START_WALL_S + 3)
    assert step_s == pytest.approx(503.0)
    assert clock.trust is TimeTrust.CSMS
    assert clock.wall() == pytest.approx(START_WALL_S + 3)
    assert clock.set_from_csms(START_WALL_S + 1) == pytest.approx(-2.0)


def test_synchronised_mock_clock_is_left_alone() -> None:
    """A wrong answer of the central system does not move a clock that is right."""
    clock = clock_on(ManualTime())
    assert clock.set_from_csms(0.0) == 0.0
    assert (clock.trust, clock.wall()) == (TimeTrust.SYNCHRONISED, START_WALL_S)


def test_becoming_synchronised_ends_the_error() -> None:
    """A time source corrects the wall time as it makes it trusted."""
    clock = clock_on(ManualTime(), TimeTrust.UNKNOWN)
    clock.set_offset(-1e6)
    clock.set_trust(TimeTrust.SYNCHRONISED)
    assert clock.wall() == START_WALL_S


def test_reboot_is_another_boot_at_the_same_wall_time() -> None:
    """A machine with a battery-backed clock comes back with its time and a new boot."""
    clock = clock_on(ManualTime())
    before = clock.now()
    clock.reboot("boot-2")
    assert (before.boot, clock.now().boot) == ("boot-1", "boot-2")
    assert clock.wall() == before.wall_s


def test_speed_needs_a_scaled_loop() -> None:
    """Where time is real its speed is 1 and cannot be changed."""
    clock = clock_on(ManualTime())
    assert clock.speed == 1.0
    with pytest.raises(Impossible, match="scaled event loop"):
        clock.set_speed(10.0)


def as_clock(clock: Clock) -> Clock:
    """The type checker proves here that a clock keeps its contract."""
    return clock


class _Machine:
    """An operating system whose time and trust a test sets."""

    def __init__(self) -> None:
        self.wall_s = 5_000.0
        self.trust = TimeTrust.UNKNOWN

    def clock(self, loop: asyncio.AbstractEventLoop) -> SystemClock:
        return SystemClock(loop, boot="b", trust_source=lambda: self.trust, wall_s=lambda: self.wall_s)


def test_system_clock_tells_only_what_it_can_believe() -> None:
    """Unknown is None; a floor and a synchronised clock are the operating system's time."""

    async def main() -> None:
        machine = _Machine()
        clock = as_clock(machine.clock(asyncio.get_running_loop()))
        assert (clock.wall(), clock.trust) == (None, TimeTrust.UNKNOWN)
        machine.trust = TimeTrust.FLOOR
        assert (clock.wall(), clock.trust) == (5_000.0, TimeTrust.FLOOR)
        machine.trust = TimeTrust.SYNCHRONISED
        assert clock.now().wall_s == 5_000.0
        assert clock.set_from_csms(9_000.0) == 0.0
        assert clock.boot == "b"

    run(main())


def test_csms_time_is_carried_on_by_monotonic_time() -> None:
    """After the central system's answer a step of the operating system's clock moves nothing, until that is synchronised."""

    async def main() -> None:
        machine = _Machine()
        clock = machine.clock(asyncio.get_running_loop())
        assert clock.set_from_csms(9_000.0) == 4_000.0
        assert clock.set_from_csms(9_001.0) == 1.0
        machine.wall_s = 77.0
        await clock.sleep(10.0)
        assert (clock.wall(), clock.trust) == (9_011.0, TimeTrust.CSMS)
        machine.trust = TimeTrust.SYNCHRONISED
        assert (clock.wall(), clock.trust) == (77.0, TimeTrust.SYNCHRONISED)

    run(main())


def test_boot_id_is_the_kernels(tmp_path: Path) -> None:
    """One line, stripped; a machine without one raises."""
    file = tmp_path / "boot_id"
    file.write_text("6fd0c9d8-0000-4000-8000-000000000001\n")
    assert read_boot_id(file) == "6fd0c9d8-0000-4000-8000-000000000001"
    with pytest.raises(FileNotFoundError):
        read_boot_id(tmp_path / "none")
