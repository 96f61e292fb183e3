"""SIGKILL at random moments of the running program: the books come out exact."""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from csms.app import Csms
from csms.config import CsmsConfig
from tests.crash.nursery import Copy, Nursery
from tests.crash.visitors import SLOW_AND_FORGETFUL, Visitors, everybody_leaves, wrong_in
from tests.process.running import free_port

ROUNDS = int(os.environ.get("WAYSIDE_KILL_ROUNDS", "200"))
BROKEN_ROUNDS, BATCHES = 40, 5
TRIPS = 0.1  # chance after each look that somebody trips over the network cable
LONGEST_S = 0.6  # of real time from a start to the kill


async def _rounds(nursery: Nursery, directory: Path, rounds: int, seed: int) -> tuple[list[str], int, int]:
    """Kill and start again; returns what is wrong in the books, how many transactions they have, and their energy in Wh."""
    rng = Random(seed)
    async with Csms(CsmsConfig(port=free_port(), api_host=None)) as csms:
        csms.set_faults("CP001", SLOW_AND_FORGETFUL)
        station = Copy(nursery, directory, csms.ws_url)
        visitors = Visitors(station, rng)
        loop = asyncio.get_running_loop()
        try:
            for _ in range(rounds):
                station.start()
                end_s = loop.time() + rng.uniform(0.0, LONGEST_S)
                while loop.time() < end_s:
                    await visitors.act()
                    if rng.random() < TRIPS:
                        await visitors.trip()
                station.kill()
            csms.set_faults("CP001", None)
            station.start()
            meters_wh = await everybody_leaves(station)
        finally:
            station.kill()
        books = csms.books
        return wrong_in(books, meters_wh), len(books.transactions()), sum(meters_wh.values())


@pytest.mark.slow
def test_no_kill_costs_a_transaction_or_a_watt_hour(tmp_path: Path) -> None:
    """Every transaction started once and ended once, and their energies are what the meters counted."""
    with Nursery() as nursery:
        wrong, transactions, energy_wh = asyncio.run(_rounds(nursery, tmp_path / "state", ROUNDS, seed=1))
    assert wrong == []
    assert transactions > ROUNDS // 20
    assert energy_wh > ROUNDS


@pytest.mark.slow
@pytest.mark.parametrize(
    ("how", "word"), [("allows-before-the-commit", "energy"), ("acknowledges-before-the-answer", "no start or no end")]
)
def test_the_proof_can_fail(tmp_path: Path, how: str, word: str) -> None:
    """Programs that are broken on purpose end with wrong books."""
    assert any(word in line for line in _wrong(how, tmp_path))


def _wrong(how: str, folder: Path) -> Iterator[str]:
    """What is wrong in the books, batch by batch: whether a kill hits the moment is chance."""
    for batch in range(BATCHES):
        with Nursery(how) as nursery:
            yield from asyncio.run(_rounds(nursery, folder / f"state-{batch}", BROKEN_ROUNDS, seed=2 + batch))[0]
