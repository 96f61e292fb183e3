"""What the world remembers: registers, cables, bolts and vehicles outlive the program, even when it is killed."""

import json
import signal
import stat
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest

from hal.mock.actions import perform
from hal.mock.car import PRESETS, Car
from hal.mock.errors import Impossible, WorldError
from hal.mock.fasttime import ScaledEventLoop
from hal.mock.state import FileStore, MemoryStore
from hal.mock.supply import Supply
from hal.mock.world import World
from hal.types import FaultCode, LockState, PilotState
from tests.hal.timing import ManualTime, clock_on
from tests.hal.worlds import charging, prompt_car, world_on

ROOT = Path(__file__).parent.parent.parent


def test_everything_physical_is_still_there_after_a_restart(tmp_path: Path) -> None:
    """Cable, bolt, vehicle with battery and pause, and both registers, from the file; offer and contactor are gone."""
    store = FileStore(tmp_path / "state" / "world.json")
    time = ManualTime()
    world = world_on(time, store=store, supply=Supply(background_a=1.0))
    evse = charging(time, world, Car(PRESETS["compact"], "compact"))
    time.advance(3600)
    evse.drive_bolt(True)
    evse.pause_car()
    evse.raise_fault(FaultCode.GROUND_FAULT)
    seen, soc = evse.reading(), evse.soc_percent()
    total = world.main_meter.reading().import_mwh
    world.save()

    later = ManualTime(7.0)
    again = world_on(later, store=FileStore(tmp_path / "state" / "world.json"))
    evse = again.evse(1)
    assert evse.reading().import_mwh == seen.import_mwh
    assert again.main_meter.reading().import_mwh == total
    assert evse.pilot_reading().state is PilotState.B
    assert evse.cable.bolt is LockState.LOCKED
    assert evse.bay_occupied
    assert evse.soc_percent() == pytest.approx(soc, abs=1e-9)
    assert evse.car is not None
    assert (evse.car.name, evse.car.paused, asdict(evse.car.spec)) == ("compact", True, asdict(PRESETS["compact"]))
    assert (evse.offered_a, evse.contactor_closed(), evse.faults.codes) == (0.0, False, [])


def test_a_recalled_car_is_no_news() -> None:
    """A listener of the new program hears of state B as the present, and of nothing else until something changes."""
    store = MemoryStore()
    world_on(ManualTime(), store=store).evse(1).plug(car=prompt_car(asks=False))
    evse = world_on(ManualTime(), store=store).evse(1)
    port = evse.ports.pilot.attach()
    port.open()
    heard = port.subscribe()
    evse.offer(16.0)
    evse.force_pilot(PilotState.E)
    port.close()
    assert [reading.state for reading in heard._items] == [PilotState.E]


def test_first_start_begins_at_zero(tmp_path: Path) -> None:
    """Without a file every register shows 0 Wh, and nothing is plugged in."""
    world = world_on(ManualTime(), store=FileStore(tmp_path / "world.json"))
    assert world.evse(1).reading().import_mwh == 0
    assert world.evse(1).pilot_reading().state is PilotState.A


def test_every_reading_handed_out_is_on_file_first(tmp_path: Path) -> None:
    """At the moment a reading is returned, the file shows no less."""
    file = tmp_path / "world.json"
    time = ManualTime()
    evse = charging(time, world_on(time, store=FileStore(file)))
    for seconds in (0.1, 7.3, 1000.0):
        time.advance(seconds)
        reading = evse.reading()
        assert reading.import_mwh is not None
        assert json.loads(file.read_text())["evses"]["1"]["import_mwh"] >= reading.import_mwh > 0


def test_killed_program_finds_at_least_what_it_had_seen(tmp_path: Path) -> None:
    """SIGKILL between two readings: the next program's register is not behind the last one printed."""
    script = f"""
import sys
from pathlib import Path
from hal.mock.fasttime import ScaledEventLoop
from hal.mock.state import FileStore
from tests.hal.timing import ManualTime
from tests.hal.worlds import charging, world_on
time = ManualTime()
evse = charging(time, world_on(time, store=FileStore(Path({str(tmp_path / "world.json")!r}))))
while True:
    time.advance(1.7)
    print(evse.reading().import_mwh, flush=True)
"""
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, cwd=ROOT) as program:
        assert program.stdout is not None
        seen = [int(program.stdout.readline()) for _ in range(25)]
        program.send_signal(signal.SIGKILL)
        seen += [int(line) for line in program.stdout if line.endswith("\n")]
    world = world_on(ManualTime(), store=FileStore(tmp_path / "world.json"))
    assert world.evse(1).import_mwh() >= max(seen) > 0


def test_unchanged_memory_is_not_written_again(tmp_path: Path) -> None:
    """Reading an idle meter does not wear out the flash."""
    file = tmp_path / "world.json"
    evse = world_on(ManualTime(), store=FileStore(file)).evse(1)
    evse.reading()
    written = file.stat().st_ino
    evse.reading()
    assert file.stat().st_ino == written


def test_unreadable_memory_is_put_aside(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A damaged file is kept under another name, said in the log, and the world begins anew."""
    file = tmp_path / "world.json"
    file.write_text('{"version": 1, "evs')
    assert world_on(ManualTime(), store=FileStore(file)).evse(1).reading().import_mwh == 0
    assert (tmp_path / "world.unreadable").read_text() == '{"version": 1, "evs'
    assert "world's memory unreadable" in caplog.text


def test_memory_of_another_make_is_refused() -> None:
    """A later version, and an EVSE's memory without its fields, are refused with what to do."""
    store = MemoryStore()
    store.save({"version": 2})
    with pytest.raises(WorldError, match="version 2; delete it"):
        World(clock_on(ManualTime()), store=store)
    store.save({"version": 1, "evses": {"1": {"import_mwh": 5}}})
    with pytest.raises(WorldError, match="EVSE 1 cannot be used"):
        world_on(ManualTime(), store=store)


def test_unwritable_memory_is_said_once_and_stops_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Readings go on while the file cannot be written; the log says so once, until it works again."""
    blocker = tmp_path / "state"
    time = ManualTime()
    world = world_on(time, store=FileStore(blocker / "world.json"))
    blocker.write_text("a file where a directory should be")
    evse = charging(time, world)
    for _ in range(3):
        time.advance(60)
        assert evse.reading().import_mwh
    assert caplog.text.count("world's memory not written") == 1
    blocker.unlink()
    time.advance(60)
    seen = evse.reading().import_mwh
    assert json.loads((blocker / "world.json").read_text())["evses"]["1"]["import_mwh"] == seen
    assert stat.S_IMODE(blocker.stat().st_mode) == 0o700


def test_evses_that_a_board_leaves_out_keep_their_registers() -> None:
    """A board with fewer EVSEs for a while does not reset the meters of the others."""
    store = MemoryStore()
    time = ManualTime()
    world = world_on(time, evses=2, store=store)
    evse = charging(time, world)
    time.advance(600)
    seen = evse.reading().import_mwh
    other = World(clock_on(ManualTime()), store=store)
    other.add_evse(2)
    other.save()
    assert world_on(ManualTime(), evses=2, store=store).evse(1).reading().import_mwh == seen


def test_power_cut_saves_opens_and_calls_the_program() -> None:
    """The register as of the cut is kept, contactors fall open, and devices are gone; without a way to die it is refused."""
    store = MemoryStore()
    time = ManualTime()
    world = world_on(time, store=store)
    with pytest.raises(Impossible, match="how it dies of a power cut"):
        world.cut_power()
    evse = charging(time, world)
    port = evse.ports.pilot.attach()
    port.open()
    cuts: list[int] = []
    world.on_power_cut = lambda: cuts.append(evse.import_mwh())
    time.advance(600)
    world.cut_power()
    assert cuts == [1_840_000]
    assert store.load()["evses"]["1"]["import_mwh"] >= 1_840_000
    time.advance(1)
    assert (evse.contactor_closed(), evse.offered_a, port.is_open) == (False, 0.0, False)
    assert evse.cable.complete


def test_the_world_goes_on_beside_a_restarted_station() -> None:
    """After the station is down, new devices attach to the same world, numbered from the first again."""
    time = ManualTime()
    world = world_on(time)
    evse = charging(time, world, prompt_car(reaction_s=3.0))
    world.attach_reader()
    world.station_down()
    time.advance(10)
    assert (evse.drawn_a()[0], world.readers) == (0.0, [])
    assert evse.ports.pilot.attach().name == "pilot of EVSE 1"
    assert evse.pilot_reading().state is PilotState.B


def test_time_that_ran_fast_makes_the_next_start_another_boot() -> None:
    """After time was scaled, monotonic time of the next program would run backwards: it gets a boot of its own. Real time does not."""
    store = MemoryStore()
    boots = []
    for speed in (1.0, 1.0, 60.0, 1.0, 1.0):
        loop = ScaledEventLoop()
        try:
            world = World(clock_on(loop), store=store)
            boots.append(world.clock.boot)
            perform(world, "clock", {"speed": speed})
        finally:
            loop.close()
    assert boots[:3] == ["boot-1"] * 3
    assert boots[3].startswith("boot-1/")
    assert boots[4] not in boots[:4]
