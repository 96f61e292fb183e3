"""The GPIO contactor: feedback, welding, wear, and the hands that let go."""

import asyncio
import threading
import time

import pytest

from hal.drivers.dead_man import LoopDeadMan, ThreadDeadMan
from hal.drivers.gpio_contactor import GpioContactor, gpio_contactor
from hal.errors import DeviceLost, DeviceRefused
from hal.registry import Registry
from hal.types import FaultCode
from tests.drivers.gpio import FakeLines
from tests.drivers.virtual import make_context, virtually

CLOSING_S = 0.03


def make(lines: FakeLines, *, dead_man_s: float = 60.0, **options: object) -> GpioContactor:
    """A contactor on K1 with a normally open feedback contact on FB, unless told otherwise."""
    wiring: dict[str, object] = {"coil": "K1", "feedback": "FB"} | options
    return GpioContactor(lines, make_context().clock, LoopDeadMan(dead_man_s), **wiring)  # type: ignore[arg-type]


def now() -> float:
    """Loop time."""
    return asyncio.get_running_loop().time()


def closed(contactor: GpioContactor) -> bool | None:
    """The feedback contact now."""
    return contactor.closed


def waiting(contactor: GpioContactor) -> bool:
    """Whether it waits before it closes."""
    return contactor.waiting


@virtually
async def test_it_closes_and_opens_with_the_permission() -> None:
    """The coil follows allow and deny, and both wait for the bouncing feedback contact."""
    lines = FakeLines()
    lines.wire("K1", "FB", CLOSING_S, bounces=3)
    contactor = make(lines)
    await contactor.open()
    changes = contactor.changes()
    assert closed(contactor) is False
    begin = now()
    await contactor.allow()
    assert closed(contactor) is True
    assert now() - begin < 0.1
    await contactor.allow()
    begin = now()
    await contactor.deny()
    await contactor.deny()
    assert closed(contactor) is False
    assert now() - begin < 0.1
    await contactor.close()
    assert [change async for change in changes] == [True, False]
    assert lines.in_use == []
    assert [level for _, level in lines["K1"].history] == [True, False]


@virtually
async def test_a_normally_closed_feedback_contact_is_read_the_other_way_round() -> None:
    """Active means open."""
    lines = FakeLines()
    lines["FB"].level = True
    lines.wire("K1", "FB", CLOSING_S, inverted=True)
    contactor = make(lines, feedback_kind="nc")
    await contactor.open()
    assert closed(contactor) is False
    await contactor.allow()
    assert closed(contactor) is True
    await contactor.close()


@virtually
async def test_without_feedback_nothing_is_claimed() -> None:
    """No contact, no knowledge: None, and no fault."""
    lines = FakeLines()
    contactor = make(lines, feedback=None)
    await contactor.open()
    await contactor.allow()
    assert lines.active("K1")
    assert closed(contactor) is None
    await contactor.deny()
    assert not lines.active("K1")
    await contactor.close()


@virtually
async def test_contacts_that_do_not_close_are_a_fault() -> None:
    """After 250 ms the coil is let go, allow raises, and nothing is permitted until the device is opened again."""
    lines = FakeLines()
    contactor = make(lines)
    await contactor.open()
    faults = contactor.faults()
    begin = now()
    with pytest.raises(DeviceRefused, match="open with the coil energised"):
        await contactor.allow()
    assert now() - begin == pytest.approx(0.25)
    assert not lines.active("K1")
    with pytest.raises(DeviceRefused):
        await contactor.allow()
    assert len(lines["K1"].history) == 2
    fault = await anext(faults)
    assert (fault.code, fault.active) == (FaultCode.CONTACTOR_STUCK_OPEN, True)
    assert await anext(contactor.faults()) == fault
    await contactor.open()
    lines.wire("K1", "FB", CLOSING_S)
    await asyncio.sleep(10)
    await contactor.allow()
    await contactor.close()


@virtually
async def test_contacts_that_do_not_open_are_welded() -> None:
    """Deny raises, the fault is told, and a feedback that opens later does not make them good again."""
    lines = FakeLines()
    lines.wire("K1", "FB", CLOSING_S)
    contactor = make(lines)
    await contactor.open()
    await contactor.allow()
    faults = contactor.faults()
    lines["K1"].wires.clear()
    with pytest.raises(DeviceRefused, match="stay closed"):
        await contactor.deny()
    assert (await anext(faults)).code is FaultCode.WELDED_CONTACTOR
    lines["FB"].drive(False)
    await asyncio.sleep(1)
    with pytest.raises(DeviceRefused, match="closed with the coil let go"):
        await contactor.allow()
    await contactor.close()


@virtually
async def test_a_contactor_welded_before_the_start_is_found() -> None:
    """Feedback closed when nothing was ever permitted."""
    lines = FakeLines()
    lines["FB"].level = True
    contactor = make(lines)
    await contactor.open()
    assert (await anext(contactor.faults())).code is FaultCode.WELDED_CONTACTOR
    await contactor.close()


@virtually
async def test_contacts_that_fall_off_while_charging_are_a_fault() -> None:
    """The feedback contact is watched all the time, not only after a command."""
    lines = FakeLines()
    lines.wire("K1", "FB", CLOSING_S)
    contactor = make(lines)
    await contactor.open()
    await contactor.allow()
    lines["FB"].drive(False)
    assert (await anext(contactor.faults())).code is FaultCode.CONTACTOR_STUCK_OPEN
    assert not lines.active("K1")
    await contactor.close()


@virtually
async def test_it_closes_at_most_every_ten_seconds() -> None:
    """A second closing waits for its time, and a deny in the meantime cancels it."""
    lines = FakeLines()
    lines.wire("K1", "FB", CLOSING_S)
    contactor = make(lines)
    await contactor.open()
    for _ in range(3):
        await contactor.allow()
        await contactor.deny()
    assert len(lines["K1"].history) == 2
    await contactor.allow()
    assert contactor.waiting
    await asyncio.sleep(11)
    assert closed(contactor)
    assert not waiting(contactor)
    closings = [at for at, level in lines["K1"].history if level]
    assert closings[1] - closings[0] == pytest.approx(10.0)
    await contactor.close()


@virtually
async def test_the_dead_man_timer_lets_go() -> None:
    """Fed it holds; without a sign of life it denies after its time, and a new permission closes again."""
    lines = FakeLines()
    lines.wire("K1", "FB", CLOSING_S)
    contactor = make(lines, dead_man_s=2.0, sign_of_life="WD")
    assert contactor.dead_man_s == 2.0
    await contactor.open()
    await contactor.allow()
    for _ in range(8):
        await asyncio.sleep(1.5)
        contactor.keep_alive()
    assert lines.active("K1")
    assert len(lines["WD"].history) == 8
    await asyncio.sleep(2.1)
    assert not lines.active("K1")
    assert closed(contactor) is False
    await contactor.allow()
    assert closed(contactor)
    await contactor.close()


@virtually
async def test_deny_now_needs_no_await_and_never_raises() -> None:
    """It works on every exit path: before open, after close, on a line that is gone."""
    lines = FakeLines()
    lines.wire("K1", "FB", CLOSING_S)
    contactor = make(lines)
    contactor.deny_now()
    await contactor.open()
    await contactor.allow()
    contactor.deny_now()
    assert not lines.active("K1")
    await asyncio.sleep(10)
    await contactor.allow()
    lines["K1"].lost = True
    contactor.deny_now()
    await contactor.close()
    contactor.deny_now()


@virtually
async def test_a_wait_that_is_cancelled_denies() -> None:
    """Whoever gives up while the contactor closes leaves it open."""
    lines = FakeLines()
    contactor = make(lines)
    await contactor.open()
    waiting = asyncio.create_task(contactor.allow())
    await asyncio.sleep(0.1)
    assert lines.active("K1")
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert not lines.active("K1")
    await contactor.close()


@virtually
async def test_a_lost_line_denies_and_ends_the_streams() -> None:
    """The feedback's chip is gone: the coil is let go, nothing is claimed, and listeners get DeviceLost."""
    lines = FakeLines()
    lines.wire("K1", "FB", CLOSING_S)
    contactor = make(lines, sign_of_life="WD")
    await contactor.open()
    await contactor.allow()
    changes, faults = contactor.changes(), contactor.faults()
    lines["FB"].lose()
    assert not lines.active("K1")
    assert closed(contactor) is None
    for stream in (changes, faults):
        with pytest.raises(DeviceLost):
            await anext(stream)
    changes = contactor.changes()
    lines["WD"].lost = True
    contactor.keep_alive()
    with pytest.raises(DeviceLost):
        await anext(changes)
    await contactor.close()


@virtually
async def test_a_coil_that_cannot_be_driven_is_told(caplog: pytest.LogCaptureFixture) -> None:
    """The coil's chip is gone: a closing that was waiting and the dead-man timer say so, and nothing raises in the event loop."""
    lines = FakeLines()
    contactor = make(lines, feedback=None, dead_man_s=2.0)
    await contactor.open()
    await contactor.allow()
    await contactor.deny()
    await contactor.allow()
    changes = contactor.changes()
    lines["K1"].lost = True
    with pytest.raises(DeviceLost):
        await anext(changes)
    lines["K1"].lost = False
    await contactor.open()
    await asyncio.sleep(10)
    await contactor.allow()
    lines["K1"].lost = True
    await asyncio.sleep(3)
    await contactor.close()
    assert [record.levelname for record in caplog.records].count("CRITICAL") >= 1


@virtually
async def test_it_is_not_open_before_it_is_opened() -> None:
    """A missing line is told at open and leaves no line in use; a closed device refuses everything."""
    lines = FakeLines("FB")
    contactor = make(lines)
    with pytest.raises(DeviceLost, match="FB"):
        await contactor.open()
    assert lines.in_use == []
    for call in (contactor.allow, contactor.deny):
        with pytest.raises(DeviceLost, match="open it first"):
            await call()
    for stream in (contactor.changes, contactor.faults):
        with pytest.raises(DeviceLost, match="open it first"):
            stream()


@virtually
async def test_a_driver_is_built_from_a_board() -> None:
    """The registry knows it, says which options it takes, and refuses what makes no sense."""
    contactor = Registry([]).build("contactor", "gpio", make_context(), {"coil": "K1", "dead_man_s": 1.0})
    assert isinstance(contactor, GpioContactor)
    assert (contactor.dead_man_s, contactor.follows_vehicle) == (1.0, False)
    with pytest.raises(ValueError, match="dead_man_s"):
        gpio_contactor(make_context(), "K1", dead_man_s=0)
    with pytest.raises(ValueError, match="feedback_timeout_s"):
        gpio_contactor(make_context(), "K1", feedback_timeout_s=0)


def test_a_wedged_event_loop_loses_the_contactor() -> None:
    """The timer for real boards runs in a thread: it lets go while the event loop is stuck in a blocking call."""
    cut = threading.Event()
    dead_man = ThreadDeadMan(0.06, "test")

    async def wedge() -> float:
        dead_man.hold(cut.set)
        for _ in range(5):
            await asyncio.sleep(0.02)
            dead_man.feed()
        assert not cut.is_set()
        begin = time.monotonic()
        while not cut.is_set() and time.monotonic() - begin < 2:
            time.sleep(0.005)  # noqa: ASYNC251 - this is the wedged loop
        return time.monotonic() - begin

    assert asyncio.run(wedge()) < 1.0


def test_a_released_dead_man_timer_cuts_nothing() -> None:
    """Its thread ends when nothing is held any more."""
    dead_man = ThreadDeadMan(0.05, "test")
    cut = threading.Event()
    dead_man.feed()
    dead_man.release()
    dead_man.hold(cut.set)
    dead_man.release()
    watchers = [thread for thread in threading.enumerate() if thread.name == "dead-man test"]
    for thread in watchers:
        thread.join(1)
    assert not cut.wait(0.1)
