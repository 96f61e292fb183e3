"""The same seed gives the same run, byte for byte; another seed gives another."""

import asyncio
import email.utils
import os
import random
import secrets
import subprocess
import sys
import uuid

import pytest
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from firmware.simulation.runtime import EPOCH_S, Simulation


async def _serve() -> None:
    async def echo(connection: ServerConnection) -> None:
        async for message in connection:
            await connection.send(message)

    async with serve(echo, "", 9000, compression=None) as server:
        await asyncio.sleep(2_000)
        server.close()


async def _talk(number: int) -> None:
    rng = random.Random()
    try:
        async with connect(f"ws://csms:9000/{number}", compression=None, proxy=None) as connection:
            while True:
                await connection.send(f"{uuid.uuid4()} {rng.random()}")
                await connection.recv()
                await asyncio.sleep(rng.expovariate(1 / 60))
    except ConnectionClosed:
        pass


async def _conversation(sim: Simulation) -> None:
    """Ten clients talk to one server over a bad network, until the server closes all connections at once."""
    sim.processes.spawn(sim.host("csms"), _serve)
    await asyncio.sleep(1)
    clients = []
    for number in range(10):
        clients.append(sim.processes.spawn(sim.host(f"client{number}"), _talk, number))
        sim.network.degrade(f"client{number}", "csms", loss=0.1, fragment=0.3)
    for client in clients:
        await client.wait()


def _digest(seed: int) -> tuple[str, int]:
    sim = Simulation(seed)
    sim.run(_conversation)
    assert sim.problems == []
    return sim.trace.digest, sim.trace.entries


def test_two_runs_of_one_seed_are_equal_and_another_seed_differs() -> None:
    """Digest and length of the trace repeat with the seed, and change with it."""
    assert _digest(7) == _digest(7)
    assert _digest(7) != _digest(8)


def test_the_kept_lines_of_two_runs_are_equal() -> None:
    """The full trace repeats too, and every entry of it is a line."""
    kept: list[list[str]] = []
    for _ in range(2):
        lines: list[str] = []
        sim = Simulation(3, keep_trace=lines.append)
        sim.run(_conversation)
        assert len(lines) == sim.trace.entries
        kept.append(lines)
    assert kept[0] == kept[1]


_IN_ANOTHER_INTERPRETER = """
import random
litter = [bytearray(random.SystemRandom().randrange(1, 5000)) for _ in range(random.SystemRandom().randrange(2000))]
from tests.simulation.test_determinism import _digest
print(_digest(7)[0])
"""


def test_the_trace_does_not_depend_on_memory_addresses_or_string_hashes() -> None:
    """Two fresh interpreters with littered heaps and different hash seeds give the digest that this one gives."""
    digests = [
        subprocess.run(
            [sys.executable, "-c", _IN_ANOTHER_INTERPRETER],
            env={**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for hash_seed in ("1", "2")
    ]
    assert digests == [_digest(7)[0]] * 2


def test_sets_of_tasks_and_futures_keep_one_order() -> None:
    """`asyncio.wait` and an aborting TaskGroup go through sets: their order is that of creation, not of addresses."""

    async def main(_: Simulation) -> tuple[list[int], list[int]]:
        async def number(which: int) -> int:
            await asyncio.sleep(1)
            return which

        done, _pending = await asyncio.wait([asyncio.create_task(number(which)) for which in range(50)])
        cancelled: list[int] = []

        async def wait(which: int) -> None:
            try:
                await asyncio.sleep(9)
            finally:
                cancelled.append(which)

        async def fail() -> None:
            await asyncio.sleep(1)
            raise ValueError

        async def abort() -> None:
            async with asyncio.TaskGroup() as group:
                for which in range(50):
                    group.create_task(wait(which))
                group.create_task(fail())

        with pytest.raises(ExceptionGroup):
            await abort()
        return [task.result() for task in done], cancelled

    assert Simulation(1).run(main) == Simulation(1).run(main)


def test_chance_comes_from_the_seed_and_is_given_back() -> None:
    """Every usual source of chance repeats inside a run; afterwards the machine's own are back."""

    async def main(_: Simulation) -> list[object]:
        return [
            uuid.uuid4(),
            secrets.token_hex(8),
            os.urandom(4),
            random.random(),
            random.Random().random(),
            random.SystemRandom().random(),
            email.utils.formatdate(usegmt=True),
        ]

    random.seed(5)
    expected = random.Random(5).random()
    first = Simulation(1).run(main)
    assert first == Simulation(1).run(main)
    other = Simulation(2).run(main)
    assert all(a != b for a, b in zip(first[:-1], other[:-1], strict=True))
    assert first[-1] == email.utils.formatdate(EPOCH_S, usegmt=True)
    assert random.random() == expected
    assert uuid.uuid4() != uuid.uuid4()
    assert random.Random().random() != random.Random().random()


def test_streams_of_chance_do_not_shift_each_other() -> None:
    """Two named streams of one seed are independent, and repeat."""
    sim, again = Simulation(1), Simulation(1)
    assert sim.chance("cars").random() != sim.chance("people").random()
    for _ in range(10):
        sim.chance("cars").random()
    assert sim.chance("people").random() == again.chance("people").random()
    for unused in (sim, again):
        unused.loop.close()
