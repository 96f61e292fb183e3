"""What a dead process leaves behind is put away without a trace."""

import asyncio
import gc
import sys
from collections.abc import Callable

import pytest

from firmware.simulation.runtime import Simulation


async def _farewell() -> None:
    await asyncio.sleep(1)


async def _says_goodbye() -> None:
    try:
        await asyncio.Event().wait()
    finally:
        await asyncio.gather(*(_farewell() for _ in range(3)))


@pytest.fixture
def complaints(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the interpreter could raise nowhere."""
    heard: list[str] = []
    told: Callable[[object], None] = lambda each: heard.append(repr(each))  # noqa: E731
    monkeypatch.setattr(sys, "unraisablehook", told)
    return heard


@pytest.mark.parametrize("killed", [True, False], ids=["killed", "left at the end"])
def test_a_last_act_that_starts_tasks_leaves_no_coroutine_that_nobody_awaited(
    killed: bool, complaints: list[str]
) -> None:
    """Also in a thread in which another event loop has come and gone before."""
    asyncio.run(asyncio.sleep(0))

    async def main(sim: Simulation) -> None:
        process = sim.processes.spawn(sim.host("cp"), _says_goodbye)
        await asyncio.sleep(1)
        if killed:
            sim.processes.kill(process)
            sim.bury(process)

    Simulation(seed=1).run(main)
    gc.collect()

    assert complaints == []
