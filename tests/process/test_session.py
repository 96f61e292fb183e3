"""The running program over real sockets: whole sessions against another library's central system, and against ours."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from csms.app import Csms
from csms.config import CsmsConfig
from tests.process.running import TAG, Books, Running, free_port, other_csms

OFFLINE = ("--set", "ocpp16.AllowOfflineTxForUnknownId=true", "--set", "station.charge_before_accepted=true")
FAST = 60.0


@pytest.fixture
def port() -> int:
    """Where the central system will listen."""
    return free_port()


@pytest.fixture
def station(tmp_path: Path, port: int) -> Iterator[Running]:
    """A station, switched on."""
    running = Running(tmp_path / "state", f"ws://127.0.0.1:{port}/ocpp", *OFFLINE)
    running.start()
    yield running
    if running.process is not None and running.process.poll() is None:
        running.kill()


async def _charge(station: Running, wh: int = 200) -> None:
    """Plug, tap, and charge in fast time until the meter has counted so much."""
    await station.do("evse/1/plug", car="long-range")
    await station.do("token", token=TAG, evses=[1])
    await station.status("Charging")
    await _run_on(station, wh)


async def _run_on(station: Running, wh: int) -> None:
    begun = (await station.evse())["meter"]["import_wh"]
    await station.do("clock", speed=FAST)
    await station.until(lambda state: state["evses"][0]["meter"]["import_wh"] >= begun + wh, f"{wh} Wh")
    await station.do("clock", speed=1.0)


async def _leave(station: Running) -> int:
    """Tap, unplug; returns what the meter shows."""
    await station.do("token", token=TAG, evses=[1])
    await station.until(lambda state: state["evses"][0]["locked"] is False, "the cable is free")
    await station.do("evse/1/unplug")
    return int((await station.evse())["meter"]["import_wh"])


async def test_a_whole_session_against_another_librarys_central_system(station: Running, port: int) -> None:
    """Plug, tap, charge, tap, unplug: one start, one stop, energy equal to the meter; SIGTERM ends it within 2 s."""
    books = Books()
    async with other_csms(books, port):
        await station.online()
        await _charge(station)
        meter_wh = await _leave(station)
        await station.delivered()
        await station.status("Available")
        begun = asyncio.get_running_loop().time()
        assert await asyncio.to_thread(station.end) == 0
        assert asyncio.get_running_loop().time() - begun < 2.0
    assert (len(books.starts), len(books.stops)) == (1, 1)
    assert books.energies() == [meter_wh]
    assert books.starts[0]["id_tag"] == TAG


async def test_a_whole_session_against_the_reference_central_system(station: Running, port: int) -> None:
    """The same against ours."""
    async with Csms(CsmsConfig(port=port)) as csms:
        await station.online()
        await _charge(station)
        meter_wh = await _leave(station)
        await station.delivered()
        (transaction,) = csms.books.transactions("CP001")
        assert transaction.meter_stop_wh == meter_wh
        assert transaction.meter_start_wh == 0
        assert not transaction.anomalies


@pytest.mark.parametrize("away", ["whole session", "start", "end"])
async def test_the_books_are_exact_when_the_central_system_is_away(station: Running, port: int, away: str) -> None:
    """Start and stop once each, energy equal to the meter, whichever part of the session it missed."""
    books = Books()
    if away == "end":
        async with other_csms(books, port):
            await station.online()
            await _charge(station)
        await station.until(lambda state: not state["station"]["online"], "offline")
        meter_wh = await _leave(station)
    else:
        await station.until(lambda state: state["link"]["last_drop"], "a first attempt in vain")
        await _charge(station)
        meter_wh = await _leave(station) if away == "whole session" else 0
    async with other_csms(books, port):
        await station.do("clock", speed=FAST)  # the back-off has grown
        await station.online()
        await station.do("clock", speed=1.0)
        if away == "start":
            meter_wh = await _leave(station)
        await station.delivered()
    assert (len(books.starts), len(books.stops)) == (1, 1)
    assert books.energies() == [meter_wh]


async def test_a_killed_process_takes_its_session_up_again(station: Running, port: int) -> None:
    """SIGKILL in the middle: started again, the session goes on under the same books."""
    books = Books()
    async with other_csms(books, port):
        await station.online()
        await _charge(station)
        await asyncio.to_thread(station.kill)
        station.start()
        await station.status("Charging")
        await _run_on(station, 100)
        meter_wh = await _leave(station)
        await station.delivered()
    assert (len(books.starts), len(books.stops)) == (1, 1)
    assert books.energies() == [meter_wh]


async def test_a_reset_replaces_the_process_by_a_fresh_one(station: Running, port: int) -> None:
    """Reset Hard: the same process id runs a program that has just begun."""
    async with Csms(CsmsConfig(port=port)) as csms:
        await station.online()
        assert station.process is not None
        before = _begun(await station.get("/api/state"))
        outcome = await csms.command("CP001", "Reset", {"type": "Hard"})
        assert outcome.response == {"status": "Accepted"}
        await station.until(lambda state: _begun(state) > before and state["station"]["online"], "a fresh start")
        assert station.process.poll() is None


def _begun(state: dict[str, Any]) -> float:
    """Monotonic time at which the program started, to a tenth of a second."""
    time = state["station"]["time"]
    return round(time["monotonic_s"] - time["uptime_s"], 1)
