"""How far a Linux machine's wall time is believed."""

import asyncio
import ctypes
import os
from pathlib import Path

import pytest

from hal.clocks import read_boot_id
from hal.drivers import clock_linux
from hal.drivers.clock_linux import MADE_AT_S, KernelClock, LinuxClock, LinuxTime
from hal.errors import BadDeviceOptions
from hal.registry import DriverContext, Registry
from hal.types import TimeTrust
from tests.drivers.virtual import make_context, virtually

DAY_S = 86_400.0
NOW_S = MADE_AT_S + 100 * DAY_S


class Machine:
    """A machine's time and what it shows of it, in a folder."""

    def __init__(self, folder: Path) -> None:
        self.wall_s = NOW_S
        self.synchronised: bool | None = False
        self.kept = folder / "clock"
        self.epoch = folder / "clock-epoch"
        self.stamp = folder / "synchronized"
        self.rtc = folder / "since_epoch"

    def judge(self) -> LinuxTime:
        """As after a start of the program."""
        return LinuxTime(
            self.kept,
            synchronised=lambda: self.synchronised,
            wall_s=lambda: self.wall_s,
            clock_epoch=self.epoch,
            timesync_stamp=self.stamp,
            rtc=self.rtc,
        )


def test_the_kernel_decides(tmp_path: Path) -> None:
    """Synchronised is believed; not synchronised, or a kernel that cannot be asked, leaves the floor."""
    machine = Machine(tmp_path)
    assert machine.judge().trust() is TimeTrust.FLOOR
    machine.synchronised = None
    assert machine.judge().trust() is TimeTrust.FLOOR
    machine.synchronised = True
    assert machine.judge().trust() is TimeTrust.SYNCHRONISED


@pytest.mark.parametrize("synchronised", [False, True])
def test_a_time_before_this_program_was_made_is_certainly_wrong(tmp_path: Path, synchronised: bool) -> None:
    """1970 after an empty battery, whatever the kernel says."""
    machine = Machine(tmp_path)
    machine.wall_s, machine.synchronised = 100.0, synchronised
    assert machine.judge().trust() is TimeTrust.UNKNOWN


def test_the_operating_system_image_raises_the_floor(tmp_path: Path) -> None:
    """The modification time of clock-epoch is when the image was made."""
    machine = Machine(tmp_path)
    machine.epoch.touch()
    os.utime(machine.epoch, (NOW_S + DAY_S, NOW_S + DAY_S))
    judge = machine.judge()
    assert judge.floor_s == NOW_S + DAY_S
    assert judge.trust() is TimeTrust.UNKNOWN
    machine.wall_s = NOW_S + 2 * DAY_S
    assert judge.trust() is TimeTrust.FLOOR


def test_the_last_believed_time_is_a_floor_for_the_next_start(tmp_path: Path) -> None:
    """A clock that goes back is not believed, until a time source says so."""
    machine = Machine(tmp_path)
    machine.judge().keep(NOW_S)
    assert not machine.kept.with_suffix(".new").exists()
    machine.wall_s = NOW_S - DAY_S
    judge = machine.judge()
    assert judge.trust() is TimeTrust.UNKNOWN
    machine.synchronised = True
    assert judge.trust() is TimeTrust.SYNCHRONISED


def test_a_damaged_or_missing_kept_time_is_no_floor(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Half a number, no number, no file: the other floors count, and the damage is told."""
    machine = Machine(tmp_path)
    assert machine.judge().floor_s == MADE_AT_S
    machine.kept.write_text("17\x00")
    assert machine.judge().floor_s == MADE_AT_S
    assert "kept time is not a number" in caplog.text
    assert LinuxTime(None, synchronised=lambda: True).trust() is TimeTrust.SYNCHRONISED


def test_a_time_that_cannot_be_kept_stops_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A full or read-only disk is told, and the floor stays where it was."""
    machine = Machine(tmp_path)
    machine.kept = tmp_path / "missing" / "clock"
    judge = machine.judge()
    judge.keep(NOW_S)
    assert judge.floor_s == MADE_AT_S
    assert "time not kept" in caplog.text
    LinuxTime(None, synchronised=lambda: False).keep(NOW_S)


@virtually
async def test_time_is_kept_every_hour_in_which_it_is_believed(tmp_path: Path) -> None:
    """Not before a source has spoken; then hourly."""
    machine = Machine(tmp_path)
    judge = machine.judge()
    clock = LinuxClock(asyncio.get_running_loop(), "boot", judge)
    clock._wall_s = lambda: machine.wall_s
    task = asyncio.create_task(judge.keep_hourly(clock))
    clock.set_from_csms(NOW_S)
    await asyncio.sleep(3610)
    assert not machine.kept.exists()  # what a central system says is no floor for certificates
    machine.synchronised = True
    await asyncio.sleep(3600)
    assert int(machine.kept.read_text()) == NOW_S
    machine.wall_s = NOW_S + 3600
    await asyncio.sleep(3600)
    assert int(machine.kept.read_text()) == NOW_S + 3600
    task.cancel()
    await asyncio.wait([task])


def test_evidence_for_diagnostics(tmp_path: Path) -> None:
    """What is not there is None."""
    machine = Machine(tmp_path)
    evidence = machine.judge().evidence()
    assert (evidence.timesyncd_last_s, evidence.rtc_s, evidence.floor_s) == (None, None, MADE_AT_S)
    assert not evidence.chrony_running
    machine.stamp.touch()
    os.utime(machine.stamp, (NOW_S, NOW_S))
    machine.rtc.write_text("1795132801\n")
    machine.synchronised = True
    evidence = machine.judge().evidence()
    assert (evidence.timesyncd_last_s, evidence.rtc_s, evidence.kernel_synchronised) == (NOW_S, 1_795_132_801, True)


def test_the_running_kernel_can_be_asked() -> None:
    """adjtimex() without a change works for everybody and says yes or no."""
    assert KernelClock().synchronised() in {True, False}


class Library:
    """A C library whose adjtimex() answers this."""

    def __init__(self, result: int, status: int) -> None:
        self._result, self._status = result, status

    def adjtimex(self, pointer: object) -> int:
        """Fill struct timex: status stands at byte 40 on 64-bit machines, at 20 on 32-bit ones."""
        offset = 40 if ctypes.sizeof(ctypes.c_long) == 8 else 20
        address = ctypes.addressof(pointer._obj)  # type: ignore[attr-defined]
        ctypes.c_int.from_address(address + offset).value = self._status
        return self._result


@pytest.mark.parametrize(
    ("result", "status", "expected"),
    [(0, 0x2001, True), (5, 0x2041, False), (0, 0x40, False), (1, 0x2011, True), (-1, 0, None)],
)
def test_what_the_kernel_answers(
    monkeypatch: pytest.MonkeyPatch, result: int, status: int, expected: bool | None
) -> None:
    """TIME_ERROR (5) or STA_UNSYNC (0x40) is no; a pending leap second is yes; a failure is no answer."""
    monkeypatch.setattr(ctypes, "CDLL", lambda *_args, **_kwargs: Library(result, status))
    assert KernelClock().synchronised() is expected


def test_a_library_without_adjtimex_gives_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another operating system."""
    monkeypatch.setattr(ctypes, "CDLL", lambda *_args, **_kwargs: object())
    assert KernelClock().synchronised() is None


@virtually
async def test_it_is_built_from_a_board(tmp_path: Path) -> None:
    """Its monotonic time is that of the event loop, its boot that of the machine."""
    clock = Registry([]).build("clock", "linux", make_context(), {"kept": str(tmp_path / "clock")})
    assert isinstance(clock, LinuxClock)
    assert clock.monotonic() == asyncio.get_running_loop().time()
    assert clock.boot == read_boot_id()
    assert isinstance(Registry([]).build("clock", "linux", make_context(), {}), LinuxClock)


def test_outside_an_event_loop_it_says_so() -> None:
    """A plain error for whoever checks a board without a loop."""
    contexts: list[DriverContext] = []

    @virtually
    async def collect() -> None:
        contexts.append(make_context())

    collect()
    with pytest.raises(BadDeviceOptions, match="event loop"):
        Registry([]).build("clock", "linux", contexts[0], {})
    assert clock_linux.KEEP_EVERY_S == 3600
