"""The link: through every kind of loss it comes back, in its own time, and says why."""

import asyncio
from random import Random
from typing import Any

import pytest

from ocpp_client.backoff import Backoff, BackoffPolicy
from ocpp_client.link import Connected, LinkOptions
from ocpp_client.link_status import LinkState
from ocpp_client.sockets import WebSocket
from ocpp_client.v16 import HeartbeatRequest
from tests.ocpp_client.loops import VirtualLoop, run
from tests.ocpp_client.stations import STEADY, Station, accepting, closing, csms, gaps, mute

pytestmark = pytest.mark.usefixtures("each_backing")

# --- losses


@pytest.mark.parametrize("code", [1000, 1001, 1008, 1011, 1012, 1013, 4000, 4999])
def test_every_close_code_leads_to_a_new_connection(code: int) -> None:
    """Whatever the server says when it closes, the station comes back; never at once, not even after a clean close."""

    async def main(_: VirtualLoop) -> None:
        there = await csms(script=closing(code, "because"))
        station = Station(there)
        await station.reach(LinkState.WAITING)
        drop = station.status.last_drop
        assert drop is not None
        assert drop.kind == "lost"
        assert drop.evidence == {"close_code": code, "clean": 1, "cause": "peer", "close_reason": "because"}
        assert drop.lasted_s == pytest.approx(0.1, abs=0.05)
        there.script = accepting
        await station.reach(LinkState.ONLINE)
        assert there.came[1] - there.came[0] >= 2

    run(main)


def test_a_connection_that_is_accepted_and_dropped_at_once_does_not_reset_the_back_off() -> None:
    """Only an accepted station on a connection that stood for a while begins anew."""

    async def main(_: VirtualLoop) -> None:
        there = await csms(script=closing(1011))
        station = Station(there)
        await asyncio.sleep(100)
        assert gaps(there.came) == pytest.approx([2.1, 4.1, 8.1, 16.1, 32.1], abs=0.2)
        there.script = closing(1001, after_s=40)
        await asyncio.sleep(60)
        assert station.told[-1].state is LinkState.ONLINE
        assert station.told[-1].attempts == 0
        there.came.clear()
        await asyncio.sleep(8)
        assert len(there.came) == 1
        assert station.backoff.state() == 1

    run(main)


def test_an_outage_of_a_week_is_survived() -> None:
    """The station goes on dialling for ever, never more rarely than the cap, and is back within one wait."""

    async def main(loop: VirtualLoop) -> None:
        policy = BackoffPolicy()
        there = await csms()
        station = Station(there, policy=policy)
        await station.reach(LinkState.ONLINE)
        loop.refuse = True
        station.link.reconnect("the outage begins")
        await asyncio.sleep(7 * 86_400)
        assert station.status.attempts > 7 * 86_400 / (policy.cap_s * (1 + policy.jitter_ratio))
        loop.refuse = False
        begun = loop.time()
        await station.reach(LinkState.ONLINE)
        assert loop.time() - begun <= policy.cap_s * (1 + policy.jitter_ratio) + 1

    run(main)


def test_an_open_socket_without_acceptance_does_not_reset_the_back_off() -> None:
    """However long it stands: a server that never accepted the station has proven nothing."""

    async def main(_: VirtualLoop) -> None:
        async def idle(_: Connected) -> None:
            """A session that is never accepted."""

        there = await csms(script=closing(1001, after_s=100))
        Station(there, session=idle)
        await asyncio.sleep(330)
        assert gaps(there.came) == pytest.approx([102, 104, 108], abs=0.5)

    run(main)


def test_after_a_server_restart_the_first_attempts_are_scattered() -> None:
    """1012 and 1013 mean that everybody was sent away: even the first delay is spread wide."""

    async def main(_: VirtualLoop) -> None:
        first: list[float] = []
        for seed in range(20):
            there = await csms(script=closing(1012))
            station = Station(there, options=LinkOptions(restart_spread_s=60))
            station.backoff = station.link._backoff = Backoff(STEADY, Random(seed))
            await station.reach(LinkState.WAITING)
            until = station.status.next_attempt_at
            assert until is not None
            first.append(until - station.status.since)
            await station.link.stop()
        assert min(first) >= 2
        assert max(first) <= 62
        assert max(first) - min(first) > 30

    run(main)


def test_a_broken_connection_is_noticed_and_named() -> None:
    """A reset without a close frame is 1006, with the system's number."""

    async def main(_: VirtualLoop) -> None:
        async def resetting(socket: WebSocket) -> None:
            await socket.receive()
            socket.abort()

        station = Station(await csms(script=resetting))
        await station.reach(LinkState.WAITING)
        drop = station.status.last_drop
        assert drop is not None
        assert (drop.evidence["close_code"], drop.evidence["cause"]) == (1006, "broken")

    run(main)


def test_a_boot_without_an_answer_ends_the_connection() -> None:
    """The server accepts and then never answers: the session's own time-out leads to a new connection."""

    async def main(_: VirtualLoop) -> None:
        there = await csms(script=mute)
        station = Station(there)
        await station.reach(LinkState.CONNECTED)
        await station.reach(LinkState.WAITING)
        drop = station.status.last_drop
        assert drop is not None
        assert drop.kind == "call-timeout"
        assert drop.evidence == {"action": "BootNotification", "timeout_s": 20}
        assert [lost.cause for lost in there.ended] == ["peer"]  # the old one was closed, properly

    run(main)


def test_calls_unanswered_twice_end_the_connection() -> None:
    """A socket that went mute, as the newer of two may, is given up."""

    async def main(_: VirtualLoop) -> None:
        async def beating(connection: Connected) -> None:
            while True:
                try:
                    await connection.peer.call(HeartbeatRequest(), timeout_s=10)
                except TimeoutError:
                    continue

        station = Station(await csms(script=mute), session=beating)
        await station.reach(LinkState.WAITING)
        drop = station.status.last_drop
        assert drop is not None
        assert drop.evidence["cause"] == "unanswered"
        assert drop.lasted_s == pytest.approx(20, abs=1)

    run(main)


def test_a_server_that_stops_answering_close_frames_is_left_in_time() -> None:
    """It says goodbye and keeps the TCP connection: the loss is noticed all the same."""

    async def main(loop: VirtualLoop) -> None:
        async def half_dead(socket: WebSocket) -> None:
            connection: Any = socket._connection  # type: ignore[attr-defined]
            connection.transport.write(b"\x88\x02\x03\xe9")  # a close frame, 1001, past the library's own closing
            await asyncio.sleep(10_000)

        station = Station(await csms(script=half_dead))
        await station.reach(LinkState.WAITING)
        assert station.kinds == ["lost"]
        assert loop.now < 1003

    run(main)


# --- pings


def test_pings_find_a_dead_network() -> None:
    """Bytes vanish without a word: the missing pong ends the connection, and the link comes back afterwards."""

    async def main(loop: VirtualLoop) -> None:
        station = Station(await csms(), ping_interval_s=30)
        await station.reach(LinkState.ONLINE)
        await asyncio.sleep(65)
        assert station.status.rtt_s == pytest.approx(0.02, abs=0.001)
        died_at = loop.now
        loop.black_hole = True
        await station.reach(LinkState.WAITING)
        assert loop.now - died_at == pytest.approx(25 + 20 + 0.8, abs=2)
        drop = station.status.last_drop
        assert drop is not None
        assert drop.evidence == {
            "close_code": 1006,
            "clean": 0,
            "cause": "no-pong",
            "close_reason": "no pong within 20 s",
        }
        loop.black_hole = False
        await station.reach(LinkState.ONLINE)
        assert station.status.rtt_s is None
        await asyncio.sleep(35)
        assert station.status.rtt_s is not None  # pings began anew on the new connection

    run(main)


def test_a_new_ping_interval_applies_at_once() -> None:
    """From none to 10 s to none again, on a standing connection; the pong time-out likewise."""

    async def main(loop: VirtualLoop) -> None:
        station = Station(await csms(), ping_interval_s=0)
        await station.reach(LinkState.ONLINE)
        await asyncio.sleep(1000)
        assert station.rtt_s == 0
        station.link.set_ping_interval(10)
        await asyncio.sleep(11)
        assert station.rtt_s > 0
        station.link.set_ping_interval(0)
        loop.black_hole = True
        await asyncio.sleep(1000)
        assert station.kinds == []
        station.link.set_pong_timeout(5)
        station.link.set_ping_interval(10)
        await asyncio.sleep(17)
        assert station.kinds == ["lost"]

    run(main)


def test_senseless_ping_settings_are_refused() -> None:
    """A negative interval and a pong time-out of nothing are errors of the caller."""

    async def main(_: VirtualLoop) -> None:
        station = Station(await csms())
        with pytest.raises(ValueError, match="use 0 to send none"):
            station.link.set_ping_interval(-1)
        with pytest.raises(ValueError, match="would end every connection"):
            station.link.set_pong_timeout(0)

    run(main)


def test_a_slow_pong_is_no_missing_pong() -> None:
    """Cellular round trips of seconds are normal: only the time-out counts, not the interval."""

    async def main(loop: VirtualLoop) -> None:
        there = await csms()
        station = Station(there, ping_interval_s=5)
        await station.reach(LinkState.ONLINE)
        loop.black_hole = True
        await asyncio.sleep(12)
        assert station.status.state is LinkState.ONLINE

    run(main)
