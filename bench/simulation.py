"""Speed of virtual time, in seconds simulated per second of processor time: the bare runtime, one station, fifty stations.

The first is the floor of everything: two `websockets` ends that ping each other every 30 seconds. `rows()` gives the table; run as a
program it prints it.
"""

import asyncio
from collections.abc import Callable
from time import process_time

from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve

from bench.table import Row, show
from firmware.simulation.day import play
from firmware.simulation.faults import ALL, FaultKind
from firmware.simulation.runtime import Simulation
from firmware.simulation.scenario import Result, scenario

IDLE_DAYS = 5
ONE_DAYS = 4
MANY = 50
MANY_DAYS = 1
SEED = 11
ONE_TARGET = 50_000
MANY_TARGET = 2_000


async def _serve() -> None:
    async def listen(connection: ServerConnection) -> None:
        async for _ in connection:
            pass

    async with serve(listen, "0.0.0.0", 9000, compression=None, ping_interval=None) as server:
        await server.serve_forever()


async def _idle() -> None:
    async with connect("ws://server:9000", compression=None, ping_interval=30, proxy=None):
        await asyncio.sleep(IDLE_DAYS * 86_400)


async def _pair(sim: Simulation) -> None:
    sim.processes.spawn(sim.host("server"), _serve)
    await asyncio.sleep(1)
    await sim.processes.spawn(sim.host("client"), _idle).wait()


def idle_pair() -> float:
    """Speed of two connected ends that only ping."""
    sim = Simulation(SEED)
    return _speed(lambda: sim.run(_pair), sim.loop.time)


def stations(number: int, days: int, kinds: frozenset[FaultKind]) -> float:
    """Speed of whole programs with their central system, their world and all watchers. Raises when a rule was broken."""
    results: list[Result] = []
    wanted = scenario(SEED, days=days, stations=number, kinds=kinds)
    speed = _speed(lambda: results.append(play(wanted)), lambda: results[0].virtual_s)
    if not results[0].passed:
        raise RuntimeError(f"the run was cut short: {results[0].violations[0]}")
    return speed


def _speed(run: Callable[[], object], virtual_s: Callable[[], float]) -> float:
    began_s = process_time()
    run()
    return virtual_s() / (process_time() - began_s)


def rows() -> list[Row]:
    """Measure, and return the lines of the benchmark table."""
    floor = idle_pair()
    one = stations(1, ONE_DAYS, frozenset())
    faulty = stations(1, ONE_DAYS, ALL)
    many = stations(MANY, MANY_DAYS, frozenset())
    beside = f"idle pair {floor:,.0f} x"
    return [
        Row(
            "simulation, 1 station",
            f"{one:,.0f} x real time",
            beside,
            f"{one / floor:.0%}",
            ">= 50,000",
            one >= ONE_TARGET,
        ),
        Row("simulation, 1 station, all faults", f"{faulty:,.0f} x real time", beside, f"{faulty / floor:.0%}"),
        Row(
            f"simulation, {MANY} stations",
            f"{many:,.0f} x real time",
            beside,
            f"{many / floor:.1%}",
            ">= 2,000",
            many >= MANY_TARGET,
        ),
    ]


if __name__ == "__main__":
    print(show(rows()))
