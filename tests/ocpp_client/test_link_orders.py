"""The link: it obeys its owner at any moment, and outlives the defects of its session."""

import asyncio

import pytest

from ocpp_client.endpoint import Target
from ocpp_client.errors import DialTimeout
from ocpp_client.link import Connected
from ocpp_client.link_status import LinkState
from ocpp_client.sockets import Rejection, WebSocket
from ocpp_client.v16 import HeartbeatRequest
from tests.ocpp_client.lines import hear
from tests.ocpp_client.loops import VirtualLoop, run
from tests.ocpp_client.stations import BOOTED, Station, accepting, boot, closing, csms, mute

pytestmark = pytest.mark.usefixtures("each_backing")

# --- orders


def test_a_reconnect_on_demand_closes_and_dials_with_the_new_target() -> None:
    """Changed settings apply to the next connection, after the shortest wait, and count as no failure."""

    async def main(_: VirtualLoop) -> None:
        old, new = await csms(), await csms()
        current = [old]
        station = Station(lambda: Target(current[0].url, ("ocpp1.6",)))
        await station.reach(LinkState.ONLINE)
        current[0] = new
        station.link.reconnect("another CSMS")
        station.link.reconnect("another CSMS")
        await station.reach(LinkState.WAITING)
        await station.reach(LinkState.ONLINE)
        assert len(new.came) == 1
        assert [(lost.code, lost.reason) for lost in old.ended] == [(1000, "another CSMS")]
        assert station.kinds == ["asked"]
        assert station.status.attempts == 0

    run(main)


def test_a_reconnect_on_demand_shortens_a_wait_but_not_to_nothing() -> None:
    """The network is back: dial now, but never within the shortest wait after the last end."""

    async def main(loop: VirtualLoop) -> None:
        there = await csms(rejection=Rejection(503, {"Retry-After": "600"}))
        station = Station(there)
        await station.reach(LinkState.WAITING)
        ended_at = station.status.since
        station.link.reconnect("address changed")
        await asyncio.sleep(0.45)
        assert len(there.came) == 1
        await asyncio.sleep(0.15)
        assert len(there.came) == 2
        assert there.came[1] - ended_at >= 0.5
        await asyncio.sleep(100)
        station.link.reconnect("address changed")
        await asyncio.sleep(0.1)
        assert len(there.came) == 3

    run(main)


@pytest.mark.parametrize("seconds", [0.0, 0.01, 0.03, 0.5, 30.0])
def test_stop_ends_the_link_within_a_second_whatever_it_does(seconds: float) -> None:
    """Before, while and after dialling, connected to a frozen server or waiting: a second is enough."""

    async def main(loop: VirtualLoop) -> None:
        async def frozen(socket: WebSocket) -> None:
            socket.pause_reading()
            await asyncio.sleep(10_000)

        for script, rejection in ((frozen, None), (mute, None), (accepting, Rejection(404))):
            there = await csms(script=script, rejection=rejection)
            station = Station(there)
            await asyncio.sleep(seconds)
            begun = loop.now
            await station.link.stop()
            assert loop.now - begun <= 1.0
            await station.link.stop()
            await asyncio.sleep(100)
            assert station.status.state is LinkState.STOPPED
            assert len(there.came) <= 5

    run(main)


def test_stop_ends_a_connection_into_a_black_hole() -> None:
    """Neither a dial nor a close that gets no answer holds the stop up."""

    async def main(loop: VirtualLoop) -> None:
        for wait_s, state in ((10.0, LinkState.DIALLING), (0.2, LinkState.ONLINE)):
            loop.black_hole = state is LinkState.DIALLING
            station = Station(await csms())
            await asyncio.sleep(wait_s)
            assert station.status.state is state
            loop.black_hole = True
            begun = loop.now
            await station.link.stop()
            assert loop.now - begun <= 1.0
            loop.black_hole = False

    run(main)


def test_cancelling_the_run_closes_the_connection() -> None:
    """An owner that ends by cancelling gets its cancellation, even if the session fails while it is cancelled."""

    async def main(_: VirtualLoop) -> None:
        async def stubborn(connection: Connected) -> None:
            try:
                await boot(connection)
                await asyncio.sleep(10_000)
            finally:
                raise DialTimeout(url="ws://x", timeout_s=1)

        there = await csms(script=mute)
        for session in (boot, stubborn):
            station = Station(there, session=session)
            await station.reach(LinkState.CONNECTED)
            station.running.cancel()
            await asyncio.wait([station.running], timeout=2)
            assert station.running.cancelled()
            assert station.status.state is LinkState.STOPPED
        await asyncio.sleep(1)
        assert len(there.ended) == 2

    run(main)


def test_cancelling_the_run_waits_for_the_session_to_clean_up() -> None:
    """When the run is over, nothing of the connection is left."""

    async def main(_: VirtualLoop) -> None:
        left: list[str] = []

        async def tidy(connection: Connected) -> None:
            try:
                await asyncio.sleep(10_000)
            finally:
                await asyncio.sleep(0.5)
                left.append(connection.protocol)

        station = Station(await csms(), session=tidy)
        await station.reach(LinkState.CONNECTED)
        station.running.cancel()
        await asyncio.wait([station.running])
        assert left == ["ocpp1.6"]

    run(main)


@pytest.mark.parametrize("answers_closes", [True, False])
def test_the_old_connection_is_gone_before_the_next_is_dialled(answers_closes: bool) -> None:
    """A station never has two: of two that live together a server cannot know which one counts."""

    async def main(_: VirtualLoop) -> None:
        living: set[WebSocket] = set()
        together: list[int] = []

        async def script(socket: WebSocket) -> None:
            living.add(socket)
            together.append(len(living))
            try:
                call = await hear(socket)
                await socket.send(f'[3,"{call[1]}",{BOOTED}]')
                if not answers_closes:
                    socket.pause_reading()
                    await asyncio.sleep(5)  # longer than the station waits for an answer to its close
                await mute(socket)
            finally:
                living.discard(socket)

        station = Station(await csms(script=script))
        for _number in range(3):
            await station.reach(LinkState.ONLINE)
            station.link.reconnect("another network")
            await station.reach(LinkState.WAITING)
            assert station.link._socket is None
        await station.reach(LinkState.ONLINE)
        if answers_closes:
            assert together == [1, 1, 1, 1]

    run(main)


def test_a_link_runs_once() -> None:
    """A second run is refused; one stopped before it ran does nothing."""

    async def main(_: VirtualLoop) -> None:
        there = await csms()
        station = Station(there)
        await station.reach(LinkState.ONLINE)
        with pytest.raises(RuntimeError, match="runs once"):
            await station.link.run()
        await station.link.stop()
        with pytest.raises(RuntimeError, match="runs once"):
            await station.link.run()
        other = Station(there)
        await other.link.stop()
        await other.running
        assert other.status.state is LinkState.STOPPED
        assert len(there.came) == 1

    run(main)


def test_an_illegal_move_changes_nothing() -> None:
    """The table of moves is the law."""

    async def main(_: VirtualLoop) -> None:
        station = Station(await csms())
        await station.reach(LinkState.ONLINE)
        before = station.status
        with pytest.raises(RuntimeError, match="from online to gated"):
            station.link._move(LinkState.GATED)
        assert station.status == before

    run(main)


# --- defects


def test_a_defect_of_the_session_does_not_end_the_link(caplog: pytest.LogCaptureFixture) -> None:
    """A bug is logged with its traceback, and the station is back after the wait."""

    async def main(_: VirtualLoop) -> None:
        failing = [True]

        async def session(connection: Connected) -> None:
            await boot(connection)
            if failing.pop() if failing else False:
                raise KeyError("a bug")

        station = Station(await csms(), session=session)
        await station.reach(LinkState.WAITING)
        assert station.kinds == ["fault"]
        await station.reach(LinkState.ONLINE)

    run(main)
    assert caplog.text.count("KeyError: 'a bug'") == 1


def test_a_defect_that_comes_with_a_loss_is_not_hidden(caplog: pytest.LogCaptureFixture) -> None:
    """The loss is the reason on record; the bug it laid bare is in the log."""

    async def main(_: VirtualLoop) -> None:
        async def session(connection: Connected) -> None:
            try:
                await boot(connection)
                await connection.peer.call(HeartbeatRequest())
                await asyncio.sleep(1000)
            finally:
                raise KeyError("a bug")

        station = Station(await csms(script=closing(1001, after_s=1)), session=session)
        await station.reach(LinkState.WAITING)
        assert station.kinds == ["lost"]

    run(main)
    assert caplog.text.count("KeyError: 'a bug'") == 1


def test_a_program_that_failed_before_does_not_dial_at_once() -> None:
    """The kept state of the back-off delays even the first attempt: a crash loop must not hammer a server."""

    async def main(_: VirtualLoop) -> None:
        there = await csms()
        station = Station(there)
        station.backoff.restore(3)
        await asyncio.sleep(15)
        assert there.came == []
        await asyncio.sleep(2)
        assert len(there.came) == 1

    run(main)
