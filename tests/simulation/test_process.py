"""Processes: what a kill, a power cut and an ordinary end do, and what they must not do."""

import asyncio
import gc
import signal
import weakref
from collections.abc import AsyncIterator

import pytest

from firmware.simulation.runtime import Exit, Simulation, SimulationError, current_process


class _Diary(list[str]):
    """What a program wrote before and after its end."""


async def _program(diary: _Diary) -> None:
    async def background() -> None:
        try:
            await asyncio.sleep(1_000)
        finally:
            diary.append("background cleaned up")

    task = asyncio.create_task(background())
    try:
        await asyncio.sleep(100)
        diary.append("finished")
    finally:
        diary.append("main cleaned up")
    assert not task.done()


def test_an_ordinary_end_cancels_what_is_left() -> None:
    """A program that ends runs its cleaning up, as under `asyncio.run`."""

    async def main(sim: Simulation) -> None:
        diary = _Diary()
        process = sim.processes.spawn(sim.host("a"), _program, diary)
        assert await process.wait() is Exit.FINISHED
        assert diary == ["finished", "main cleaned up", "background cleaned up"]
        assert sim.loop.time() == 100

    Simulation(1).run(main)


@pytest.mark.parametrize("how", ["kill", "power"])
def test_a_killed_process_runs_nothing_any_more(how: str) -> None:
    """Neither SIGKILL nor a power cut lets a `finally` block, a timer or a task of the process run."""

    async def main(sim: Simulation) -> None:
        diary = _Diary()
        host = sim.host("a")
        process = sim.processes.spawn(host, _program, diary)
        await asyncio.sleep(50)
        if how == "kill":
            sim.processes.kill(process)
        else:
            sim.processes.power_off(host)
        await asyncio.sleep(5_000)
        assert diary == []
        assert await process.wait() is (Exit.KILLED if how == "kill" else Exit.POWER_LOST)

    sim = Simulation(1)
    sim.run(main)
    assert sim.problems == []


def test_a_failing_process_keeps_its_error() -> None:
    """An exception that leaves the main coroutine ends the process, not the run."""

    async def fail() -> None:
        await asyncio.sleep(1)
        raise ValueError("broken")

    async def main(sim: Simulation) -> None:
        process = sim.processes.spawn(sim.host("a"), fail)
        assert await process.wait() is Exit.FAILED
        assert isinstance(process.error, ValueError)

    Simulation(1).run(main)


def test_everything_that_a_process_starts_belongs_to_it() -> None:
    """Tasks, timers, callbacks and jobs see their own process, and nobody else's."""

    async def program() -> list[str]:
        loop = asyncio.get_running_loop()
        seen: list[str] = []

        def look() -> None:
            process = current_process.get()
            seen.append("nobody" if process is None else process.host.name)

        async def look_later() -> None:
            look()

        loop.call_soon(look)
        loop.call_later(1, look)
        await asyncio.create_task(look_later())
        await loop.run_in_executor(None, look)
        await asyncio.sleep(2)
        return seen

    async def main(sim: Simulation) -> None:
        processes = [sim.processes.spawn(sim.host(name), program) for name in ("a", "b")]
        for process in processes:
            await process.wait()
            assert process.result == [process.host.name] * 4
        assert current_process.get() is None

    Simulation(1).run(main)


def test_a_buried_process_leaves_nothing_in_memory_and_has_no_effect() -> None:
    """Burial frees suspended coroutines, also those that await, loop and start tasks in `finally`."""

    class Thing:
        pass

    things: list[weakref.ref[Thing]] = []
    effects: list[str] = []
    tasks: list[asyncio.Task[None]] = []

    async def stubborn() -> None:
        thing = Thing()
        things.append(weakref.ref(thing))
        try:
            await asyncio.sleep(1_000)
        finally:
            await asyncio.sleep(1)
            effects.append("after an await")

    async def generator() -> AsyncIterator[int]:
        thing = Thing()
        things.append(weakref.ref(thing))
        try:
            while True:
                await asyncio.sleep(1)
                yield 1
        finally:
            await asyncio.sleep(1)

    async def program() -> None:
        asyncio.create_task(stubborn()).add_done_callback(lambda _: effects.append("done"))
        try:
            async for _ in generator():
                pass
        finally:
            tasks.append(asyncio.create_task(stubborn()))

    async def main(sim: Simulation) -> None:
        process = sim.processes.spawn(sim.host("a"), program)
        await asyncio.sleep(10)
        gc.collect()
        assert [thing() is None for thing in things] == [False, False]
        sim.processes.kill(process)
        sim.bury(process)
        gc.collect()
        assert [thing() is None for thing in things] == [True, True]
        await asyncio.sleep(10_000)
        assert effects == []

    sim = Simulation(1)
    sim.run(main)
    assert sim.problems == []


def test_the_living_are_not_buried_and_nothing_starts_without_power() -> None:
    """Wrong orders to the simulation are refused."""

    async def main(sim: Simulation) -> None:
        host = sim.host("a")
        process = sim.processes.spawn(host, asyncio.sleep, 100)
        with pytest.raises(SimulationError, match="alive"):
            sim.bury(process)
        sim.processes.power_off(host)
        with pytest.raises(SimulationError, match="switched off"):
            sim.processes.spawn(host, asyncio.sleep, 1)
        sim.processes.power_on(host)
        assert await sim.processes.spawn(host, asyncio.sleep, 1).wait() is Exit.FINISHED

    Simulation(1).run(main)


def test_a_signal_reaches_the_handler_of_its_process() -> None:
    """Handlers set on the loop are kept per process."""

    async def program(take: bool) -> str:
        stop = asyncio.Event()
        if take:
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
        try:
            async with asyncio.timeout(60):
                await stop.wait()
        except TimeoutError:
            return "timed out"
        return "stopped"

    async def main(sim: Simulation) -> None:
        a, b = (sim.processes.spawn(sim.host(name), program, name == "a") for name in "ab")
        await asyncio.sleep(1)
        a.signal(signal.SIGTERM)
        with pytest.raises(SimulationError, match="no handler"):
            b.signal(signal.SIGTERM)
        await a.wait()
        await b.wait()
        assert (a.result, b.result) == ("stopped", "timed out")

    Simulation(1).run(main)


@pytest.mark.parametrize("killed", [True, False])
def test_an_exception_that_a_killed_process_could_not_take_is_no_problem(killed: bool) -> None:
    """A task that failed just before the kill is not reported; one of a living process that nobody awaits is."""

    async def fail() -> None:
        raise ValueError("just now")

    async def program() -> None:
        failing = asyncio.create_task(fail())
        await asyncio.sleep(1)
        del failing
        await asyncio.sleep(1)

    async def main(sim: Simulation) -> None:
        process = sim.processes.spawn(sim.host("a"), program)
        await asyncio.sleep(0.5)
        if killed:
            sim.processes.kill(process)
            sim.bury(process)
        await asyncio.sleep(5)
        gc.collect()

    sim = Simulation(1)
    sim.run(main)
    assert len(sim.problems) == (0 if killed else 1)


@pytest.mark.parametrize("power", [False, True])
def test_connections_of_a_dead_process_with_itself_are_gone(power: bool) -> None:
    """Both ends of a connection over loopback end with their process, and nothing of it is kept."""

    async def program() -> None:
        await asyncio.start_server(lambda _reader, _writer: None, "localhost", 80)
        await asyncio.open_connection("localhost", 80)
        await asyncio.sleep(1_000)

    async def main(sim: Simulation) -> None:
        host = sim.host("a")
        process = sim.processes.spawn(host, program)
        await asyncio.sleep(1)
        assert len(sim.network.pipes) == 2
        if power:
            sim.processes.power_off(host)
        else:
            sim.processes.kill(process)
        assert sim.network.pipes == {}
        forgotten = weakref.ref(process)
        sim.bury(process)
        await asyncio.sleep(1)  # until the last segments have arrived nowhere
        del process
        gc.collect()
        assert forgotten() is None

    Simulation(1).run(main)
