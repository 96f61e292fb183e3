"""A defect of one driver costs its EVSE, never the program."""

import asyncio
from collections.abc import AsyncIterator

from firmware.engine.supervise import follow
from firmware.simulation.runtime import Simulation
from hal.types import Fault, FaultCode


class _Broken:
    """A driver whose stream has a defect the first time."""

    def __init__(self) -> None:
        self.openings = 0

    async def open(self) -> None:
        """Always works."""
        self.openings += 1

    async def close(self) -> None:
        """Always works."""

    async def values(self) -> AsyncIterator[int]:
        """Divides by zero, later not."""
        yield 1 // (self.openings - 1)
        await asyncio.Event().wait()


def test_a_driver_with_a_defect_is_faulted_and_opened_again() -> None:
    """The defect is told as the device's fault, and over when the device speaks again."""

    async def main(sim: Simulation) -> list[bool]:
        told: list[Fault] = []
        device = _Broken()

        async def take(_: int) -> None:
            return

        following = asyncio.create_task(
            follow(
                device,
                device.values,
                take,
                name="broken",
                clock=sim.clock("boot"),
                fault=FaultCode.PILOT_LOST,
                report=told.append,
            )
        )
        await asyncio.sleep(5)
        following.cancel()
        return [fault.active for fault in told]

    assert Simulation(1).run(main) == [True, False]
