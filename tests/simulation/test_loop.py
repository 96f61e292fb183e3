"""The loop: time jumps, order is kept, and a program that cannot go on is told apart from one that never stops."""

import asyncio
import threading
import time

import pytest

from firmware.simulation.runtime import Deadlock, Forbidden, LiveLock, Simulation


def test_time_jumps_to_the_next_deadline() -> None:
    """A year of sleep takes no real time and ends at the exact virtual moment."""

    async def main(sim: Simulation) -> float:
        await asyncio.sleep(365 * 86_400)
        return sim.loop.time()

    began_s = time.perf_counter()
    assert Simulation(1).run(main) == 365 * 86_400
    assert time.perf_counter() - began_s < 5


def test_timers_of_one_moment_run_in_the_order_in_which_they_were_set() -> None:
    """A hundred timers with the same deadline keep their order."""
    ran: list[int] = []

    async def main(sim: Simulation) -> None:
        for number in range(100):
            sim.loop.call_at(5.0, ran.append, number)
        await asyncio.sleep(6)

    Simulation(1).run(main)
    assert ran == list(range(100))


def test_a_timer_in_the_past_runs_at_this_instant() -> None:
    """A deadline that has gone by is due now and does not move time backwards."""

    async def main(sim: Simulation) -> tuple[float, float]:
        await asyncio.sleep(10)
        due = sim.loop.create_future()
        sim.loop.call_at(3.0, due.set_result, None)
        await due
        return sim.loop.time(), sim.loop.jumps

    assert Simulation(1).run(main) == (10.0, 1)


def test_a_cancelled_timer_does_not_hold_time_up() -> None:
    """Time does not stop at moments whose timers were all cancelled, however many there were."""

    async def main(sim: Simulation) -> int:
        timers = [sim.loop.call_later(1 + number, lambda: None) for number in range(500)]
        for timer in timers:
            timer.cancel()
        await asyncio.sleep(1000)
        return sim.loop.jumps

    assert Simulation(1).run(main) == 1


def test_an_endless_loop_at_one_instant_is_a_live_lock_and_named() -> None:
    """A task that never lets time move ends the run with its name."""

    async def spin() -> None:
        while True:
            await asyncio.sleep(0)

    async def main(_: Simulation) -> None:
        await asyncio.create_task(spin(), name="the spinner")

    with pytest.raises(LiveLock, match="the spinner"):
        Simulation(1, callbacks_per_instant=10_000).run(main)


def test_callbacks_spread_over_time_are_no_live_lock() -> None:
    """The guard counts callbacks of one instant, not of the run."""

    async def main(sim: Simulation) -> float:
        for _ in range(2_000):
            await asyncio.sleep(0.5)
        return sim.loop.time()

    assert Simulation(1, callbacks_per_instant=100).run(main) == 1_000


def test_waiting_for_what_never_comes_is_a_deadlock_and_located() -> None:
    """With nothing ready and no timer, the run ends and says where its tasks wait."""

    async def main(sim: Simulation) -> None:
        await sim.loop.create_future()

    with pytest.raises(Deadlock, match=r"test_loop\.py:\d+"):
        Simulation(1).run(main)


def test_time_outs_fire_at_their_virtual_moment() -> None:
    """`asyncio.timeout` measures virtual time."""

    async def main(sim: Simulation) -> float:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(12.5):
                await sim.loop.create_future()
        return sim.loop.time()

    assert Simulation(1).run(main) == 12.5


def test_a_real_thread_and_a_real_sleep_are_refused() -> None:
    """What cannot be simulated raises at once, and works again after the run."""

    async def main(_: Simulation) -> None:
        with pytest.raises(Forbidden, match="thread"):
            threading.Thread(target=print).start()
        with pytest.raises(Forbidden, match="sleep"):
            time.sleep(1)  # noqa: ASYNC251 - the point of the test

    Simulation(1).run(main)
    thread = threading.Thread(target=lambda: None)
    thread.start()
    thread.join()


def test_an_exception_that_nobody_takes_is_a_problem_of_the_run() -> None:
    """A callback that raises is kept for the verdict."""

    async def main(sim: Simulation) -> None:
        sim.loop.call_soon(lambda: 1 // 0)
        await asyncio.sleep(1)

    sim = Simulation(1)
    sim.run(main)
    assert len(sim.problems) == 1
    assert "ZeroDivisionError" in sim.problems[0]


def test_tls_is_refused_with_what_to_do_instead() -> None:
    """A secure connection cannot be simulated; the error says to use a plain one."""

    async def main(sim: Simulation) -> None:
        await sim.loop.create_connection(asyncio.Protocol, "csms", 443, ssl=True)

    with pytest.raises(Forbidden, match="ws://"):
        Simulation(1).run(main)
