"""`GET /api/events`."""

import asyncio
import json
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from firmware.control import stream
from tests.control.station import EAGER_CAR, Station, station


def call(number: int) -> str:
    """A Heartbeat as it goes over the wire."""
    return json.dumps([2, f"m-{number}", "Heartbeat", {}])


async def test_the_first_event_is_the_whole_state(tmp_path: Path) -> None:
    """A client knows everything from the first event on, in the shape of the state."""
    async with station(tmp_path) as one, one.events() as events:
        first = await events.next()
        assert first.name == "state"
        assert set(first.data) == {*(await one.state()), "run"}
        assert [evse["id"] for evse in first.data["evses"]] == [1, 2]


async def test_a_changed_evse_is_told_in_full(tmp_path: Path) -> None:
    """After a plug the EVSE comes as a whole, with its new status; the other one does not come."""
    async with station(tmp_path) as one, one.events() as events:
        await events.next("state")
        await one.act("evse/1/plug", car=EAGER_CAR)
        evse = (await events.next("evse")).data
        while evse["status"]["ocpp1.6"] != "Preparing":
            assert evse["id"] == 1
            evse = (await events.next("evse")).data
        assert set(evse) == set((await one.state())["evses"][0])


async def test_the_queue_and_the_link_are_told_when_they_change(tmp_path: Path) -> None:
    """A record that waits and an attempt that failed come by themselves, each as the whole part of the state."""
    async with station(tmp_path) as one, one.events() as events:
        state = (await events.next("state")).data
        await one.charge()
        queue = (await events.next("queue")).data
        assert queue["rows"] >= 1
        assert set(queue) == set(state["queue"])
        assert set((await events.next("link")).data) == set(state["link"])


async def test_energy_flows_into_the_stream_without_any_other_event(tmp_path: Path) -> None:
    """While current flows and nothing else happens, the present energy is told again and again."""
    async with station(tmp_path) as one:
        await one.charge()
        async with one.events() as events:
            first = (await events.next("state")).data["evses"][0]["meter"]["import_wh"]
            energy = first
            while energy == first:
                energy = (await events.next("evse")).data["meter"]["import_wh"]
            assert energy > first


async def test_a_new_client_takes_no_news_from_another(tmp_path: Path) -> None:
    """A change that is first seen when somebody joins is told to those who were there before."""
    async with station(tmp_path) as one, one.events() as first:
        await one.ready()
        await one.app.connection.stop()  # so that nothing else is news
        while (await first.next("link")).data["state"] != "stopped":
            pass
        world = one.app.board.world
        assert world is not None
        world.network.set_latency(0.25)  # nothing reports this, so that the second client is the first to see it
        async with one.events() as second:
            await second.next("state")
            assert (await first.next("world")).data["network"]["latency_s"] == 0.25


async def test_a_look_at_the_headers_opens_no_stream(tmp_path: Path) -> None:
    """HEAD answers at once."""
    async with station(tmp_path) as one:
        head = await one.http.head("/api/events")
        assert head.status_code == 200
        assert head.headers["content-type"].startswith("text/event-stream")


async def test_an_idle_station_is_quiet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What only runs on with time, such as the time itself, is no news: a station in peace sends signs of life."""
    monkeypatch.setattr(stream, "KEEP_ALIVE_S", 0.7)  # longer than the interval between two looks
    async with station(tmp_path) as one:
        await one.app.connection.stop()
        async with one.events() as events:
            await events.comment()  # by then the program has come to rest
            assert await events.comment() == ["alive"]


async def test_frames_come_as_they_are_with_their_numbers(tmp_path: Path) -> None:
    """Every frame that goes over the wire is an event with its direction and its text."""
    async with station(tmp_path) as one, one.events() as events:
        state = (await events.next("state")).data
        one.app.frames.note("out", call(1), 12.5)
        frame = await events.next("frame")
        assert frame.id == f"{state['run']}-1"
        assert frame.data["direction"] == "out"
        assert frame.data["text"] == call(1)
        assert frame.data["monotonic_s"] == 12.5


async def test_the_stream_goes_on_after_the_last_frame_that_was_seen(tmp_path: Path) -> None:
    """With Last-Event-ID nothing is told twice and nothing is left out."""
    async with station(tmp_path) as one:
        for number in range(1, 6):
            one.app.frames.note("out", call(number), 0.0)
        async with one.events() as events:
            run = (await events.next("state")).data["run"]
        async with one.events(**{"Last-Event-ID": f"{run}-3"}) as events:
            assert [(await events.next("frame")).data["number"] for _ in range(2)] == [4, 5]


async def test_since_asks_for_older_frames_and_nothing_for_new_ones_only(tmp_path: Path) -> None:
    """`since=0` brings every frame that is kept; without it only what comes from now on."""
    async with station(tmp_path) as one:
        for number in range(1, 4):
            one.app.frames.note("in", call(number), 0.0)
        async with one.events("/api/events?since=0") as events:
            assert [(await events.next("frame")).data["number"] for _ in range(3)] == [1, 2, 3]
        async with one.events() as events:
            await events.next("state")
            one.app.frames.note("in", call(4), 0.0)
            assert (await events.next("frame")).data["number"] == 4


async def test_frames_of_another_run_are_not_confused_with_ours(tmp_path: Path) -> None:
    """After a restart of the program numbers begin anew: a client of the old run gets every frame of the new one."""
    async with station(tmp_path) as one:
        one.app.frames.note("in", call(1), 0.0)
        async with one.events(**{"Last-Event-ID": "00000000-1"}) as events:
            assert (await events.next("frame")).data["number"] == 1


async def test_lost_frames_are_counted(tmp_path: Path) -> None:
    """A client that comes back too late is told how many frames it missed before it gets the next one."""
    async with station(tmp_path) as one:
        for number in range(5010):
            one.app.frames.note("in", call(number), 0.0)
        async with one.events("/api/events?since=4") as events:
            assert (await events.next("gap")).data == {"missed": 6}
            assert (await events.next("frame")).data["number"] == 11


class Heard(logging.Handler):
    """Waits for a log line."""

    def __init__(self, phrase: str) -> None:
        super().__init__()
        self.phrase = phrase
        self.heard = asyncio.Event()

    def emit(self, record: logging.LogRecord) -> None:
        if self.phrase in record.getMessage():
            self.heard.set()


@asynccontextmanager
async def deaf_client(one: Station) -> AsyncIterator[socket.socket]:
    """A client that asked for every frame and reads nothing; hardly anything fits between it and the station."""
    host, port = one.http.base_url.host, one.http.base_url.port
    with socket.socket() as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(deaf, (host, port))
        await loop.sock_sendall(deaf, f"GET /api/events?since=0 HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
        yield deaf


async def read_all(deaf: socket.socket) -> int:
    """Take what was already on its way, up to the end of the connection; returns how many bytes that were."""
    size = 0
    async with asyncio.timeout(10.0):
        while data := await asyncio.get_running_loop().sock_recv(deaf, 65536):
            size += len(data)
    return size


async def test_a_client_that_takes_nothing_is_cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that never reads is cut off in the end; meanwhile others get everything."""
    monkeypatch.setattr(stream, "STALLED_S", 0.5)
    log = logging.getLogger("firmware.control.stream")
    cut_off = Heard("takes nothing")
    log.addHandler(cut_off)
    log.setLevel(logging.INFO)
    try:
        async with station(tmp_path) as one:
            for number in range(5000):
                one.app.frames.note("in", json.dumps([2, f"m-{number}", "DataTransfer", {"data": "x" * 2000}]), 0.0)
            async with deaf_client(one) as deaf:
                async with one.events() as events:
                    await events.next("state")
                    one.app.frames.note("out", call(9999), 0.0)
                    assert (await events.next("frame")).data["text"] == call(9999)
                async with asyncio.timeout(10.0):
                    await cut_off.heard.wait()
                assert await read_all(deaf) < 5000 * 2000
    finally:
        log.removeHandler(cut_off)


async def test_there_is_an_end_to_how_many_may_listen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One stream too many is refused with a reason."""
    monkeypatch.setattr(stream, "MAX_STREAMS", 1)
    async with station(tmp_path) as one, one.events() as events:
        await events.next("state")
        refused = await one.http.get("/api/events")
        assert refused.status_code == 503
        assert "close one" in refused.json()["error"]["message"]


async def test_wrong_positions_are_refused(tmp_path: Path) -> None:
    """What is no frame number is named."""
    async with station(tmp_path) as one:
        for path, headers, field in (
            ("/api/events?since=-1", {}, "since"),
            ("/api/events?since=all", {}, "since"),
            ("/api/events", {"Last-Event-ID": "abc"}, "Last-Event-ID"),
        ):
            refused = await one.http.get(path, headers=headers)
            assert refused.status_code == 400
            assert refused.json()["error"]["field"] == field
