"""The simulated machine's clock: monotonic time is the loop's, wall time can be wrong in every way a real one is."""

import asyncio
from typing import TYPE_CHECKING

import pytest

from firmware.simulation.runtime import EPOCH_S, Simulation
from hal.types import TimeTrust

if TYPE_CHECKING:
    from hal.clock import Clock


def test_monotonic_time_is_that_of_the_loop() -> None:
    """Sleeping by the clock moves the clock and the loop alike."""

    async def main(sim: Simulation) -> tuple[float, float, str]:
        clock: Clock = sim.clock("boot-1")
        await clock.sleep(90.5)
        return clock.monotonic(), sim.loop.time(), clock.boot

    assert Simulation(1).run(main) == (90.5, 90.5, "boot-1")


def test_an_untrusted_clock_tells_no_wall_time() -> None:
    """Trust `unknown` means that wall time is None, not a guess."""

    async def main(sim: Simulation) -> None:
        clock = sim.clock("b", trust=TimeTrust.UNKNOWN)
        assert clock.wall() is None
        assert clock.now().wall_s is None
        clock.set_trust(TimeTrust.FLOOR)
        assert clock.now().wall_s == EPOCH_S

    Simulation(1).run(main)


def test_a_clock_drifts_and_jumps() -> None:
    """100 ppm are 8.64 s a day; a change of drift keeps what was gained."""

    async def main(sim: Simulation) -> None:
        clock = sim.clock("b", drift_ppm=100.0, offset_s=-2.0)
        await asyncio.sleep(86_400)
        assert clock.error_s() == pytest.approx(6.64)
        clock.set_drift(0.0)
        await asyncio.sleep(86_400)
        assert clock.error_s() == pytest.approx(6.64)
        clock.jump(-3600)
        assert clock.wall() == pytest.approx(EPOCH_S + 2 * 86_400 + 6.64 - 3600)

    Simulation(1).run(main)


def test_the_central_system_corrects_an_unsynchronised_clock_only() -> None:
    """Setting returns the step and raises the trust; a synchronised clock stays as it is."""

    async def main(sim: Simulation) -> None:
        clock = sim.clock("b", trust=TimeTrust.FLOOR, offset_s=50.0)
        assert clock.set_from_csms(EPOCH_S) == pytest.approx(-50)
        assert (clock.wall(), clock.trust) == (EPOCH_S, TimeTrust.CSMS)
        clock.set_trust(TimeTrust.SYNCHRONISED)
        assert clock.set_from_csms(EPOCH_S + 9) == 0.0
        assert clock.wall() == EPOCH_S

    Simulation(1).run(main)
