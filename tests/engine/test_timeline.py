"""Facts get their true time, also those from before the clock was right; never 1970."""

import asyncio
from datetime import datetime
from pathlib import Path

from firmware import BUILT_S
from firmware.engine.timeline import KEPT_BOOTS, NOTE_S, Dated, Timeline
from firmware.simulation.runtime import EPOCH_S, SimClock
from hal.types import Instant, TimeTrust
from offline_queue import Commit, Queue
from tests.station.play import Play, play


class _Machine:
    """A machine whose boots leave their notes on one disk."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / "wayside.db"

    async def boot(self, name: str, trust: TimeTrust, *, alive_s: float = 0.0) -> tuple[SimClock, Timeline]:
        """Start, note what is known, live a while, note again."""
        clock = SimClock(asyncio.get_running_loop(), epoch_s=EPOCH_S, boot=name, trust=trust)
        timeline = Timeline(clock)
        queue = await Queue.open(self.path)
        await timeline.load(queue)
        change = timeline.note()
        if change is not None:
            await queue.commit(Commit(put=change.put, delete=change.delete))
        await queue.close()
        return clock, timeline


async def test_a_known_time_is_kept(tmp_path: Path) -> None:
    """A moment of usable trust is exact as it is."""
    _, timeline = await _Machine(tmp_path).boot("a", TimeTrust.UNKNOWN)
    assert timeline.date(Instant(5.0, "x", 1000.0, TimeTrust.CSMS)) == Dated(1000.0, exact=True)


async def test_facts_from_before_the_clock_was_right_are_dated_by_it(tmp_path: Path) -> None:
    """As soon as the central system has told the time, and over a restart of the program in the same boot."""
    machine = _Machine(tmp_path)
    clock, timeline = await machine.boot("a", TimeTrust.UNKNOWN)
    early = clock.now()
    assert timeline.date(early) == Dated(BUILT_S, exact=False)  # never 1970
    clock.set_from_csms(EPOCH_S + clock.monotonic())
    true_s = EPOCH_S + early.monotonic_s
    found = timeline.date(early)
    assert found.exact
    assert found.wall_s is not None
    assert abs(found.wall_s - true_s) < 0.01
    await machine.boot("a", TimeTrust.SYNCHRONISED)
    _, later = await machine.boot("b", TimeTrust.UNKNOWN)
    dated = later.date(early)
    assert dated.exact
    assert dated.wall_s is not None
    assert abs(dated.wall_s - true_s) < 0.01


async def test_facts_of_a_boot_that_never_knew_the_time_keep_their_distances(tmp_path: Path) -> None:
    """They end right before the next boot of known time, start and stop as far apart as they were."""
    machine = _Machine(tmp_path)
    clock, _timeline = await machine.boot("a", TimeTrust.UNKNOWN)
    noted_s = clock.monotonic()
    _, later = await machine.boot("b", TimeTrust.SYNCHRONISED)
    start, stop = (later.date(Instant(noted_s - back_s, "a")) for back_s in (900.0, 300.0))
    assert not start.exact
    assert start.wall_s is not None
    assert stop.wall_s is not None
    assert stop.wall_s - start.wall_s == 600.0
    assert stop.wall_s < EPOCH_S + clock.monotonic()


async def test_a_boot_without_a_clock_is_noted_now_and_then(tmp_path: Path) -> None:
    """Not at every look: flash wears out."""
    clock, timeline = await _Machine(tmp_path).boot("a", TimeTrust.UNKNOWN)
    assert timeline.note() is None
    boot = timeline._boots["a"]
    assert boot.alive_s is not None
    timeline._boots["a"] = type(boot)(boot.number, None, boot.alive_s - NOTE_S)
    assert timeline.note() is not None
    clock.set_from_csms(EPOCH_S)
    assert timeline.note() is not None
    assert timeline.note() is None


async def test_only_so_many_boots_are_kept(tmp_path: Path) -> None:
    """The oldest goes, on disk too; a damaged note is left out."""
    path = tmp_path / "wayside.db"
    queue = await Queue.open(path)
    notes = {("boot", f"old-{number}"): f"[{number}, 1.0, null]".encode() for number in range(1, KEPT_BOOTS + 1)}
    await queue.commit(Commit(put=notes | {("boot", "odd"): b"[1]", ("boot", "odder"): b"{"}))
    timeline = Timeline(SimClock(asyncio.get_running_loop(), epoch_s=EPOCH_S, boot="new"))
    await timeline.load(queue)
    change = timeline.note()
    await queue.close()
    assert change is not None
    assert change.delete == (("boot", "old-1"),)


def test_a_charge_from_before_the_clock_was_right_is_billed_with_its_true_time(tmp_path: Path) -> None:
    """Started and ended offline without any time; delivered with the right one once the central system has told it."""

    async def scenario(stage: Play) -> None:
        await stage.start_station()
        stage.do("clock", trust="unknown")
        stage.plug()
        stage.tap()
        await stage.status("Charging")
        began_s = stage.sim.wall_s()
        await asyncio.sleep(600)
        stage.tap()
        await stage.unplug()
        stage.start_csms()
        await stage.online()
        await stage.delivered()
        [transaction] = stage.csms.transactions
        times = [datetime.fromisoformat(transaction[end]["timestamp"]).timestamp() for end in ("start", "stop")]
        assert abs(times[0] - began_s) < 5
        assert abs(times[1] - times[0] - 600) < 5

    play(
        tmp_path,
        scenario,
        connected=None,
        settings={"station.charge_before_accepted": "true"},
        keys={"AllowOfflineTxForUnknownId": "true"},
    )
