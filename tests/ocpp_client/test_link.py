"""The link: through every kind of refusal and loss it comes back, in its own time, and says why."""

import asyncio
import itertools
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

import pytest

from ocpp_client.answers import AnswerCache
from ocpp_client.backoff import Backoff, BackoffPolicy
from ocpp_client.catalogue import catalogue
from ocpp_client.clock import LoopClock
from ocpp_client.endpoint import Credentials, Target
from ocpp_client.errors import ConnectionLost, DialTimeout, OcppError
from ocpp_client.link import Connected, Link, LinkOptions
from ocpp_client.link_status import LinkState, LinkStatus
from ocpp_client.peer import Peer
from ocpp_client.sockets import Rejection, WebSocket
from ocpp_client.v16 import BootNotificationRequest, HeartbeatRequest
from ocpp_client.websocket import WebSocketServer, serve
from tests.ocpp_client.lines import hear, refuse_all, soon
from tests.ocpp_client.loops import VirtualLoop, run

STEADY = BackoffPolicy(start_s=2, factor=2, cap_s=60, jitter_ratio=0)
BOOT = BootNotificationRequest(charge_point_vendor="V", charge_point_model="M")
BOOTED = '{"status":"Accepted","currentTime":"2026-05-01T12:00:00Z","interval":300}'

Script = Callable[[WebSocket], Awaitable[None]]


async def mute(socket: WebSocket) -> None:
    """A CSMS that takes everything and answers nothing."""
    while True:
        await socket.receive()


async def accepting(socket: WebSocket) -> None:
    """A CSMS that accepts every boot, and answers every other call as a Heartbeat."""
    while True:
        call = await hear(socket)
        answer = BOOTED if call[2] == "BootNotification" else '{"currentTime":"2026-05-01T12:00:00Z"}'
        await socket.send(f'[3,"{call[1]}",{answer}]')


def closing(code: int, reason: str = "", *, after_s: float = 0.1) -> Script:
    """A CSMS that closes each connection soon."""

    async def script(socket: WebSocket) -> None:
        taking = asyncio.ensure_future(accepting(socket))
        await asyncio.sleep(after_s)
        taking.cancel()
        await socket.close(code, reason)

    return script


@dataclass
class Csms:
    """A scripted server; it notes when connections came, with which path and headers."""

    server: WebSocketServer
    script: Script = accepting
    rejection: Rejection | None = None
    chosen: Callable[[Any], str | None] = lambda offered: offered[0]
    came: list[float] = field(default_factory=list)
    headers: list[Mapping[str, str]] = field(default_factory=list)
    ended: list[ConnectionLost] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.server.ports[0]}/ocpp/CP1?token=hunter2"


async def csms(**settings: Any) -> Csms:
    """Start a scripted server."""
    one: list[Csms] = []

    async def handle(socket: WebSocket, path: str, headers: Mapping[str, str]) -> None:
        assert path == "/ocpp/CP1?token=hunter2"
        try:
            await one[0].script(socket)
        except ConnectionLost as lost:
            one[0].ended.append(lost)

    async def check(_path: str, headers: Mapping[str, str]) -> Rejection | None:
        one[0].came.append(asyncio.get_running_loop().time())
        one[0].headers.append(headers)
        return one[0].rejection

    def choose(offered: Sequence[str]) -> str | None:
        return one[0].chosen(offered)

    server = await serve(
        handle,
        "127.0.0.1",
        0,
        select_subprotocol=choose,
        process_request=check,
    )
    one.append(Csms(server, **settings))
    return one[0]


async def boot(connection: Connected) -> None:
    """A session that boots, with a time-out of its own, and then has nothing more to do."""
    await connection.peer.call(BOOT, timeout_s=20)
    connection.accepted()


class Station:
    """A link under test, with what it told on the way."""

    def __init__(self, target: Csms | Callable[[], Target], *, policy: BackoffPolicy = STEADY, **settings: Any) -> None:
        self.told: list[LinkStatus] = []
        self.backoff = Backoff(policy, Random(1))
        numbers = itertools.count(1)
        protocols = settings.pop("protocols", ("ocpp1.6",))
        credentials = settings.pop("credentials", None)
        accept = settings.pop("accept_missing_subprotocol", True)

        def fixed() -> Target:
            assert isinstance(target, Csms)
            return Target(target.url, protocols, credentials, accept_missing_subprotocol=accept)

        def peer(socket: WebSocket, protocol: str) -> Peer:
            return Peer(
                socket,
                catalogue(protocol),
                handler=refuse_all,
                answers=AnswerCache(),
                clock=LoopClock(),
                new_id=lambda: str(next(numbers)),
            )

        given: dict[str, Any] = {"session": boot, "ping_interval_s": 0, **settings}
        self.link = Link(
            target=fixed if isinstance(target, Csms) else target,
            open_peer=peer,
            backoff=self.backoff,
            clock=LoopClock(),
            on_change=self.told.append,
            **given,
        )
        self.running = soon(self.link.run())

    @property
    def status(self) -> LinkStatus:
        return self.link.status

    @property
    def rtt_s(self) -> float:
        """The last round trip of a ping; 0 if there was none."""
        return self.status.rtt_s or 0.0

    @property
    def kinds(self) -> list[str]:
        """The kinds of all drops so far."""
        seen = [status.last_drop for status in self.told if status.state is LinkState.WAITING]
        return [drop.kind for drop in seen if drop is not None]

    async def reach(self, state: LinkState) -> None:
        """Wait until the link is in a state; fail after an hour."""
        for _ in range(36_000):
            if self.status.state is state:
                return
            await asyncio.sleep(0.1)
        raise AssertionError(f"never {state}, but {self.status}")


def gaps(times: list[float]) -> list[float]:
    """The time between one attempt and the next."""
    return [round(after - before, 1) for before, after in itertools.pairwise(times)]


# --- the good way


def test_the_link_goes_its_round_and_tells_of_it() -> None:
    """Gate, dial, connect, accepted: each step is told, with the version agreed and where to."""

    async def main(loop: VirtualLoop) -> None:
        there = await csms(chosen=lambda offered: "ocpp1.6")
        station = Station(there, protocols=("ocpp2.0.1", "ocpp1.6"))
        await station.reach(LinkState.ONLINE)
        assert [status.state.value for status in station.told] == ["gated", "dialling", "connected", "online"]
        status = station.status
        assert status.protocol == "ocpp1.6"  # the server's preference wins
        assert status.url == f"ws://127.0.0.1:{there.server.ports[0]}/ocpp/CP1"
        assert (status.attempts, status.last_drop, status.next_attempt_at) == (0, None, None)
        assert status.bytes_sent > 50
        assert status.bytes_received > 50
        await station.link.stop()
        assert station.status.state is LinkState.STOPPED
        assert station.running.done()
        assert loop.now < 1002

    run(main)


def test_the_gate_holds_the_dialling_back() -> None:
    """Nothing is dialled before there is leave; an error at the gate is a reason to try again later."""

    async def main(_: VirtualLoop) -> None:
        there, leave = await csms(), asyncio.Event()
        failures = [OcppError("the clock is not set")]

        async def gate() -> None:
            if failures:
                raise failures.pop()
            await leave.wait()

        station = Station(there, gate=gate)
        await asyncio.sleep(100)
        assert station.kinds == ["error"]
        assert station.status.state is LinkState.GATED
        assert there.came == []
        leave.set()
        await station.reach(LinkState.ONLINE)

    run(main)


def test_credentials_go_into_the_header_and_nowhere_else(caplog: pytest.LogCaptureFixture) -> None:
    """Basic authentication reaches the server; password, header and query reach no log, status or repr."""

    async def main(_: VirtualLoop) -> None:
        there = await csms(rejection=Rejection(401))
        credentials = Credentials("CP1", b"hunter2\xff")
        station = Station(there, credentials=credentials)
        await station.reach(LinkState.WAITING)
        assert there.headers[0]["authorization"] == "Basic Q1AxOmh1bnRlcjL/"
        shown = f"{caplog.text} {station.status} {credentials!r} {station.link!r}"
        assert "hunter2" not in shown
        assert "Q1AxOmh1" not in shown
        assert "Target(protocols" in repr(Target(there.url, ("ocpp1.6",), credentials))

    with caplog.at_level(logging.DEBUG):
        run(main)


# --- refusals


@pytest.mark.parametrize("status", [200, 400, 401, 403, 404, 429, 500, 502, 503])
def test_every_refusal_is_tried_again_for_ever(status: int) -> None:
    """HTTP refusals, 401 and 404 among them, are recorded and retried with a growing delay."""

    async def main(_: VirtualLoop) -> None:
        there = await csms(rejection=Rejection(status))
        station = Station(there)
        await asyncio.sleep(200)
        assert gaps(there.came) == [2, 4, 8, 16, 32, 60, 60]
        drop = station.status.last_drop
        assert drop is not None
        assert (drop.kind, drop.evidence, drop.lasted_s) == ("http", {"http_status": status}, None)
        assert station.status.attempts == 8
        there.rejection = None
        await station.reach(LinkState.ONLINE)

    run(main)


def test_retry_after_is_honoured() -> None:
    """A server that asks for two minutes gets two minutes."""

    async def main(_: VirtualLoop) -> None:
        there = await csms(rejection=Rejection(503, {"Retry-After": "120"}))
        station = Station(there)
        await station.reach(LinkState.WAITING)
        drop = station.status.last_drop
        assert drop is not None
        assert drop.retry_after_s == 120
        assert station.status.next_attempt_at == pytest.approx(1120, abs=1)
        await asyncio.sleep(130)
        assert gaps(there.came) == [120]

    run(main)


def test_a_redirect_is_not_followed() -> None:
    """The new address belongs into the configuration; it is named."""

    async def main(_: VirtualLoop) -> None:
        there = await csms(rejection=Rejection(302, {"Location": "wss://else.where/ocpp?token=hunter2"}))
        station = Station(there)
        await station.reach(LinkState.WAITING)
        drop = station.status.last_drop
        assert drop is not None
        assert drop.kind == "redirect"
        assert drop.evidence["location"] == "wss://else.where/ocpp"

    run(main)


def test_unreachable_servers_are_tried_again() -> None:
    """Unknown name, refused and swallowed connections: each has its kind, and none ends the link."""

    async def main(loop: VirtualLoop) -> None:
        there = await csms()
        urls = iter(["ws://nowhere.invalid/CP1", "ws://127.0.0.1:9/CP1", "ws://h:99999/CP1"])
        station = Station(lambda: Target(next(urls, there.url), ("ocpp1.6",)))
        await station.reach(LinkState.ONLINE)
        assert station.kinds == ["dns", "tcp", "url"]
        loop.black_hole = True
        station.link.reconnect("try the black hole")
        await asyncio.sleep(40)
        assert station.kinds[3:5] == ["asked", "timeout"]
        drop = station.status.last_drop
        assert drop is not None
        assert "no WebSocket within 20 s" in drop.cause
        loop.black_hole = False
        await station.reach(LinkState.ONLINE)

    run(main)


# --- versions


def test_a_missing_subprotocol_is_accepted_when_there_was_no_choice(caplog: pytest.LogCaptureFixture) -> None:
    """Servers exist that name none: with one version offered it is clear which is meant."""

    async def main(_: VirtualLoop) -> None:
        station = Station(await csms(chosen=lambda offered: None))
        await station.reach(LinkState.ONLINE)
        assert station.status.protocol == "ocpp1.6"

    run(main)
    assert "server named no subprotocol" in caplog.text


@pytest.mark.parametrize(
    ("settings", "answer"),
    [
        ({"accept_missing_subprotocol": False}, None),
        ({"protocols": ("ocpp2.0.1", "ocpp1.6")}, None),
        ({}, "ocpp1.5"),
    ],
)
def test_without_an_agreed_version_the_connection_is_closed(settings: dict[str, Any], answer: str | None) -> None:
    """No version, or one that was not offered: close, wait, try again."""

    async def main(_: VirtualLoop) -> None:
        there = await csms(chosen=lambda offered: answer)
        station = Station(there, **settings)
        await asyncio.sleep(10)
        assert station.kinds == ["subprotocol", "subprotocol", "subprotocol"]
        assert LinkState.CONNECTED not in [status.state for status in station.told]
        assert gaps(there.came) == pytest.approx([2, 4], abs=0.2)

    run(main)


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
