"""The time gate: when a station may judge certificates."""

import asyncio
import logging

import pytest

from ocpp_client.clock import LoopClock
from ocpp_client.timegate import DAY_S, SERVER_TOLERANCE_S, GateOptions, GatePolicy, Leave, TimeGate, TimeView, window
from ocpp_client.tls import Window
from tests.ocpp_client.loops import VirtualLoop, run

FLOOR_S = 1_800_000_000.0


class Machine:
    """A machine whose clock the test sets."""

    def __init__(self, *, synchronised: bool = False, wall_s: float = FLOOR_S + 5) -> None:
        self.synchronised = synchronised
        self.wall_s = wall_s

    def view(self) -> TimeView:
        return TimeView(self.synchronised, self.wall_s, FLOOR_S)


def gate(machine: Machine, policy: GatePolicy, **options: float) -> TimeGate:
    return TimeGate(GateOptions(policy=policy, **options), machine.view, LoopClock())


def test_strict_waits_until_the_clock_is_synchronised(caplog: pytest.LogCaptureFixture) -> None:
    """However long it takes; and it says so now and then, not each second."""

    async def main(loop: VirtualLoop) -> None:
        machine = Machine()
        begun = loop.time()
        waiting = asyncio.ensure_future(gate(machine, GatePolicy.STRICT).wait())
        await asyncio.sleep(3600.5)
        assert not waiting.done()
        assert len(caplog.records) == 13  # at once, and every five minutes
        machine.synchronised = True
        assert await waiting == Leave()
        assert loop.time() - begun == pytest.approx(3601, abs=1)

    with caplog.at_level(logging.WARNING):
        run(main)


def test_a_time_beside_the_machine_s_clock_is_a_narrow_window() -> None:
    """The TLS library judges by the machine's clock; where that is wrong, the time servers' time stands for it."""

    async def main(_: VirtualLoop) -> None:
        now_s = FLOOR_S + 1000
        view = TimeView(True, now_s, FLOOR_S, kept_by_system=False)
        opened = TimeGate(GateOptions(), lambda: view, LoopClock()).leave()
        assert opened == Leave(Window(now_s - SERVER_TOLERANCE_S, now_s + SERVER_TOLERANCE_S))

    run(main)


def test_grace_waits_its_time_and_then_gives_a_window() -> None:
    """After the grace time the station dials, with times judged by a window around what the clock shows."""

    async def main(loop: VirtualLoop) -> None:
        begun = loop.time()
        leave = await gate(Machine(), GatePolicy.GRACE, grace_s=120, tolerance_s=30 * DAY_S).wait()
        assert loop.time() - begun == pytest.approx(120, abs=1)
        assert leave == Leave(Window(FLOOR_S, FLOOR_S + 5 + 30 * DAY_S))

    run(main)


def test_grace_with_a_synchronised_clock_needs_no_window() -> None:
    """The exception ends as soon as there is no need for it, also after the grace time."""

    async def main(_: VirtualLoop) -> None:
        machine = Machine()
        tolerant = gate(machine, GatePolicy.GRACE, grace_s=10)
        assert (await tolerant.wait()).window is not None
        machine.synchronised = True
        assert await tolerant.wait() == Leave()

    run(main)


def test_a_synchronised_clock_before_the_floor_is_not_believed() -> None:
    """A time daemon can be lied to; the floor cannot."""

    async def main(_: VirtualLoop) -> None:
        assert gate(Machine(synchronised=True, wall_s=FLOOR_S - 1), GatePolicy.STRICT).leave() is None

    run(main)


def test_trust_does_not_ask() -> None:
    """Where somebody else vouches for the clock, a station dials at once."""

    async def main(_: VirtualLoop) -> None:
        assert gate(Machine(wall_s=0.0), GatePolicy.TRUST).leave() == Leave()

    run(main)


def test_the_window_never_begins_before_the_floor() -> None:
    """A certificate that expired before the floor is expired, whatever the clock shows."""
    assert window(TimeView(False, 0.0, FLOOR_S), 10.0) == Window(FLOOR_S, FLOOR_S + 10.0)
    assert window(TimeView(False, FLOOR_S + 50, FLOOR_S), 10.0) == Window(FLOOR_S + 40, FLOOR_S + 60)
