"""Power cuts of the whole program under load: wherever one falls, the books can be made right from what is on the disk."""

import asyncio
import logging
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from csms.app import Csms
from csms.config import CsmsConfig
from tests.crash.disk import cuts, materialise
from tests.crash.nursery import Copy, Nursery
from tests.crash.promises import WORLD, Promises, Worlds, read_image, without_world
from tests.crash.record import Log, NoCompilerError, Recording
from tests.crash.visitors import FAST, SLOW_AND_FORGETFUL, Narrated, Visitors, everybody_leaves, wrong_in
from tests.process.running import free_port

PLACES = int(os.environ.get("WAYSIDE_CRASH_PLACES", "1000"))  # two cuts at each
RESTARTS = int(os.environ.get("WAYSIDE_CRASH_RESTARTS", "20"))
TRANSACTIONS = 12  # in the books, at least, before the record ends
BROKEN_TRANSACTIONS = 4
BUSY_AT_MOST_S = 90.0
MEDDLE_S = 0.4  # of real time between two changes of the network
BROKEN_PLACES = 150
KEYS = ("MeterValueSampleInterval", "HeartbeatInterval", "ConnectionTimeOut", "StopTxnSampledData")


@dataclass(frozen=True, slots=True)
class Played:
    """A record of the program under load, and what the mock world remembered meanwhile."""

    log: Log
    worlds: Worlds


def played(scratch: Path, how: str, transactions: int, places: int, seed: int) -> Played:
    """Record the program, kept busy by people, network and central system, until there are so many transactions and places to cut."""
    root = scratch / "state"
    root.mkdir()
    try:
        recording = Recording(root, scratch)
    except NoCompilerError as error:
        pytest.skip(str(error))

    def enough(csms: Csms) -> bool:
        return (
            len(csms.books.transactions()) >= transactions
            and len(_disk_changes(without_world(recording.log())[0])) >= places
        )

    asyncio.run(_busy(root, how, recording.environment, enough, Random(seed)))
    return Played(*without_world(recording.log()))


async def _busy(
    root: Path, how: str, environment: Mapping[str, str], enough: Callable[[Csms], bool], rng: Random
) -> None:
    async with Csms(CsmsConfig(port=free_port(), api_host=None)) as csms, asyncio.timeout(BUSY_AT_MOST_S):
        csms.set_faults("CP001", SLOW_AND_FORGETFUL)
        station = Narrated(root, csms.ws_url, how, environment)
        station.start()
        try:
            await station.online()
            await station.do("clock", speed=FAST)
            visitors = Visitors(station, rng)
            loop = asyncio.get_running_loop()
            while not enough(csms):
                await visitors.trip()
                await _meddle(csms, rng)
                next_s = loop.time() + MEDDLE_S
                while loop.time() < next_s:
                    await visitors.act()
        finally:
            station.kill()


async def _meddle(csms: Csms, rng: Random) -> None:
    """Sometimes the central system changes a setting or the availability."""
    choice = rng.randrange(6)
    if choice == 0:
        payload = {"connectorId": 2, "type": rng.choice(["Inoperative", "Operative", "Operative", "Operative"])}
        await csms.command("CP001", "ChangeAvailability", payload, timeout_s=0.2)
    elif choice <= 3:
        key = rng.choice(KEYS)
        value = "Energy.Active.Import.Register" if key.startswith("Stop") else str(rng.randint(5, 30))
        await csms.command("CP001", "ChangeConfiguration", {"key": key, "value": value}, timeout_s=0.2)


def told(log: Log, word: str) -> int:
    """How often the program told this."""
    return sum(entry.data.count(word.encode()) for entry in log.entries if entry.what == "told")


def verdicts(play: Played, scratch: Path, places: int, seed: int) -> dict[str, list[str]]:
    """Cut at so many places, evenly drawn among all where the disk changes; returns the cuts that broke a promise."""
    rng = Random(seed)
    changes = _disk_changes(play.log)
    chosen = rng.sample(changes, min(places, len(changes)))
    promises, followed = Promises(), 0
    found: dict[str, list[str]] = {}
    for number, cut in enumerate(cuts(play.log, rng, chosen)):
        while followed < cut.at:
            promises.follow(play.log.entries[followed])
            followed += 1
        folder = scratch / "after"
        shutil.rmtree(folder, ignore_errors=True)
        materialise(cut, folder)
        found[f"{number} at {cut.at}"] = promises.broken(read_image(folder, promises.namespaces))
    return found


def _disk_changes(log: Log) -> list[int]:
    """Places just before the disk changes: of all those with the same disk, the last has the most promises."""
    return [at for at, entry in enumerate(log.entries) if entry.what != "told"]


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    """Thousands of openings are not worth a line each."""
    caplog.set_level(logging.CRITICAL, "offline_queue")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Played:
    """The program as it is."""
    return played(tmp_path_factory.mktemp("whole"), "whole", TRANSACTIONS, PLACES, seed=1)


@pytest.mark.slow
def test_no_power_cut_breaks_a_promise(whole: Played, tmp_path: Path) -> None:
    """No start or stop lost, none twice, no energy without a start on disk, recovery as the journal says, no old setting."""
    found = verdicts(whole, tmp_path, PLACES, seed=2)
    assert {cut: broken for cut, broken in found.items() if broken} == {}
    assert len(found) == 2 * PLACES
    assert told(whole.log, '"started"]') >= 10
    assert told(whole.log, "true]") >= 10  # contactors closed


@pytest.mark.slow
@pytest.mark.parametrize(
    ("how", "word"),
    [
        ("syncs-seldom", "stale"),
        ("allows-before-the-commit", "energy without a start"),
        ("acknowledges-before-the-answer", "lost"),
    ],
)
def test_the_proof_can_fail(tmp_path: Path, how: str, word: str) -> None:
    """Programs that are broken on purpose, each in one way: a few cuts tell."""
    broken_play = played(tmp_path, how, BROKEN_TRANSACTIONS, BROKEN_PLACES, seed=3)
    found = verdicts(broken_play, tmp_path, BROKEN_PLACES, seed=4)
    assert any(fault.startswith(word) for broken in found.values() for fault in broken)


def restarted(play: Played, scratch: Path, places: int, seed: int) -> Iterator[list[str]]:
    """Cut at so many places and start the program on what is left; yields what is wrong in the books each time."""
    rng = Random(seed)
    promises, followed = Promises(), 0
    with Nursery() as nursery:
        for number, cut in enumerate(cuts(play.log, rng, rng.sample(_disk_changes(play.log), places))):
            while followed < cut.at:
                promises.follow(play.log.entries[followed])
                followed += 1
            folder = scratch / f"cut-{number}"
            materialise(cut, folder)
            if (world := play.worlds.at(cut.at)) is not None:
                (folder / WORLD).write_bytes(world)
            yield asyncio.run(_continued(nursery, folder, promises.sent))


async def _continued(nursery: Nursery, folder: Path, sent: list[str]) -> list[str]:
    """Tell a central system what the station had sent, start the station again and let everybody leave; what is wrong then?"""
    async with Csms(CsmsConfig(port=free_port(), api_host=None)) as csms:
        await _retold(csms, sent)
        station = Copy(nursery, folder, csms.ws_url)
        station.start()
        try:
            return wrong_in(csms.books, await everybody_leaves(station))
        finally:
            station.kill()


async def _retold(csms: Csms, sent: list[str]) -> None:
    async with connect(f"{csms.ws_url}/CP001", subprotocols=[Subprotocol("ocpp1.6")]) as socket:
        for text in sent:
            await socket.send(text)
            await socket.recv()


@pytest.mark.slow
def test_after_a_power_cut_the_books_come_out_exact(whole: Played, tmp_path: Path) -> None:
    """The program goes on with what is left: each transaction starts and ends once, and no Wh is lost."""
    found = list(restarted(whole, tmp_path, RESTARTS, seed=5))
    assert found == [[]] * (2 * RESTARTS)


@pytest.mark.slow
def test_the_books_can_come_out_wrong(tmp_path: Path) -> None:
    """With synchronous=NORMAL the same restarts find transactions without an end, or energy that nobody pays for."""
    seldom = played(tmp_path, "syncs-seldom", BROKEN_TRANSACTIONS, BROKEN_PLACES, seed=6)
    assert any(restarted(seldom, tmp_path, RESTARTS, seed=7))
