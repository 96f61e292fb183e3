"""Virtual workers: jobs take time, keep the order that real pools keep, and die with their process."""

import asyncio
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from firmware.simulation.runtime import Exit, Simulation
from firmware.simulation.runtime.hosts import JobTiming


def test_a_job_has_its_effect_half_way_and_its_result_at_the_end() -> None:
    """The effect can be seen before whoever awaits the job knows of it."""

    async def main(sim: Simulation) -> None:
        sim.network.outside.jobs = JobTiming(0.010, 0.010)
        effects: list[float] = []
        job = sim.loop.run_in_executor(None, lambda: effects.append(sim.loop.time()))
        await asyncio.sleep(0.0075)
        assert (effects, job.done()) == ([0.005], False)
        await job
        assert sim.loop.time() == pytest.approx(0.010)

    Simulation(1).run(main)


@pytest.mark.parametrize(("workers", "takes_s"), [(1, 0.04), (2, 0.02), (4, 0.01)])
def test_a_pool_has_as_many_virtual_workers_as_it_would_have_threads(workers: int, takes_s: float) -> None:
    """Four jobs of 10 ms take 40 ms on one worker and 10 ms on four; on one worker they run in order."""

    async def main(sim: Simulation) -> None:
        sim.network.outside.jobs = JobTiming(0.010, 0.010)
        pool = ThreadPoolExecutor(workers)
        ran: list[int] = []
        await asyncio.gather(*(sim.loop.run_in_executor(pool, ran.append, number) for number in range(4)))
        assert sim.loop.time() == pytest.approx(takes_s)
        assert ran == [0, 1, 2, 3]

    Simulation(1).run(main)


def test_jobs_of_different_pools_overlap_in_an_order_that_the_seed_decides() -> None:
    """Over seeds, either of two jobs may come first: interleavings are really explored."""

    async def main(sim: Simulation) -> tuple[str, ...]:
        order: list[str] = []
        await asyncio.gather(
            sim.loop.run_in_executor(ThreadPoolExecutor(1), order.append, "a"),
            sim.loop.run_in_executor(ThreadPoolExecutor(1), order.append, "b"),
        )
        return tuple(order)

    assert {Simulation(seed).run(main) for seed in range(10)} == {("a", "b"), ("b", "a")}


def test_an_error_of_a_job_reaches_whoever_awaits_it() -> None:
    """The exception is raised where the result is awaited."""

    async def main(sim: Simulation) -> None:
        with pytest.raises(ZeroDivisionError):
            await sim.loop.run_in_executor(None, lambda: 1 // 0)

    Simulation(1).run(main)


def test_a_job_that_was_called_off_before_it_started_does_not_run() -> None:
    """On a busy worker, cancelling the wait calls the job off; a job already running goes on."""

    async def main(sim: Simulation) -> None:
        sim.network.outside.jobs = JobTiming(0.010, 0.010)
        pool = ThreadPoolExecutor(1)
        ran: list[str] = []
        running = sim.loop.run_in_executor(pool, ran.append, "running")
        waiting = sim.loop.run_in_executor(pool, ran.append, "waiting")
        await asyncio.sleep(0.002)
        running.cancel()
        waiting.cancel()
        await asyncio.sleep(1)
        assert ran == ["running"]

    Simulation(1).run(main)


def test_asyncio_to_thread_runs_on_virtual_workers() -> None:
    """The usual helper needs no real thread."""

    async def main(_: Simulation) -> int:
        return await asyncio.to_thread(sum, [1, 2, 3])

    assert Simulation(1).run(main) == 6


def test_a_killed_process_may_or_may_not_have_done_its_job() -> None:
    """Over seeds, a kill finds the job in flight done or not done; nobody ever learns its result."""

    async def main(sim: Simulation) -> tuple[bool, bool]:
        host = sim.host("station")
        host.jobs = JobTiming(0.0015, 0.004)
        done: list[bool] = []
        told: list[bool] = []

        async def work() -> None:
            await sim.loop.run_in_executor(None, done.append, True)
            told.append(True)

        process = sim.processes.spawn(host, work)
        await asyncio.sleep(0.001)
        sim.processes.kill(process)
        await asyncio.sleep(1)
        return bool(done), bool(told)

    assert {Simulation(seed).run(main) for seed in range(20)} == {(True, False), (False, False)}


def test_a_real_database_survives_the_kill_of_its_process(tmp_path: Path) -> None:
    """SQLite in a one-worker pool: what was committed before the kill is there for the next incarnation."""
    path = tmp_path / "facts.db"

    async def program(written: list[int]) -> int:
        pool = ThreadPoolExecutor(1)
        loop = asyncio.get_running_loop()

        def open_database() -> sqlite3.Connection:
            database = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
            database.execute("PRAGMA journal_mode=WAL")
            database.execute("CREATE TABLE IF NOT EXISTS fact(number INTEGER)")
            return database

        database = await loop.run_in_executor(pool, open_database)
        (count,) = await loop.run_in_executor(pool, database.execute("SELECT count(*) FROM fact").fetchone)
        if count:
            return int(count)
        while True:
            await loop.run_in_executor(pool, database.execute, "INSERT INTO fact VALUES (1)")
            written.append(1)

    async def main(sim: Simulation) -> None:
        written: list[int] = []
        host = sim.host("station")
        first = sim.processes.spawn(host, program, written)
        await asyncio.sleep(1)
        sim.processes.kill(first)
        sim.bury(first)
        second = sim.processes.spawn(host, program, written)
        assert await second.wait() is Exit.FINISHED
        assert len(written) > 100
        assert second.result - len(written) in {0, 1}  # one more may have been committed than was told

    Simulation(1).run(main)
