"""How the interface comes up, goes down and keeps out of the way."""

import asyncio
import logging
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from firmware.control.server import serve
from hal.mock.fasttime import ScaledEventLoop
from tests.control.station import Events, open_app, station


async def test_a_port_that_is_taken_costs_the_interface_only(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The station runs without its interface, and one line says what to do."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with caplog.at_level(logging.ERROR, "firmware.control"):
            async with station(tmp_path, {"control.listen": f"127.0.0.1:{other.getsockname()[1]}"}) as one:
                assert one.app.control_url is None
                await one.until(lambda: one.app.engine.running)
    lines = [record.getMessage() for record in caplog.records if record.name == "firmware.control.server"]
    assert len(lines) == 1
    assert "Address already in use" in lines[0]
    assert "change control.listen" in lines[0]


async def test_a_name_that_nobody_knows_costs_the_interface_only(tmp_path: Path) -> None:
    """An address that cannot be resolved is like a port that is taken."""
    async with station(tmp_path, {"control.listen": "nowhere.invalid:8080"}) as one:
        assert one.app.control_url is None
        await one.until(lambda: one.app.engine.running)


async def test_real_hardware_does_not_load_the_desktop_world() -> None:
    """The interface itself needs nothing of the mock world, and what a device does not need is not in its memory."""
    program = "import sys, firmware.control.server; sys.exit(any(name.startswith('hal.mock') for name in sys.modules))"
    loading = await asyncio.create_subprocess_exec(sys.executable, "-c", program)
    assert await loading.wait() == 0


async def test_without_the_interface_the_station_runs(tmp_path: Path) -> None:
    """`control.enabled = false` opens no port."""
    async with station(tmp_path, {"control.enabled": "false"}) as one:
        assert one.app.control_url is None
        await one.until(lambda: one.app.engine.running)


async def test_the_url_names_the_port_that_the_system_chose(tmp_path: Path) -> None:
    """Port 0 is replaced by the real one, and a second station finds another."""
    async with station(tmp_path / "a") as one, station(tmp_path / "b") as other:
        assert one.app.control_url != other.app.control_url
        assert (await one.http.get("/health")).status_code == 200
        assert (await other.http.get("/health")).status_code == 200


@pytest.mark.parametrize("host", ["[::1]", "localhost"])
async def test_it_listens_on_every_kind_of_loopback(tmp_path: Path, host: str) -> None:
    """By name and by IPv6 address as well, and the URL can be used as it is."""
    if host == "[::1]" and not has_ipv6_loopback():
        pytest.skip("this machine has no IPv6 loopback")
    async with station(tmp_path, {"control.listen": f"{host}:0"}) as one:
        assert (one.app.control_url or "").startswith(f"http://{host}:")
        assert (await one.http.get("/health")).status_code == 200


def has_ipv6_loopback() -> bool:
    """Some containers have none."""
    with socket.socket(socket.AF_INET6) as probe:
        try:
            probe.bind(("::1", 0))
        except OSError:
            return False
    return True


async def test_it_is_gone_at_once_whatever_its_clients_do(tmp_path: Path) -> None:
    """Clients that listen, that idle and that read nothing do not hold up the end; listeners see the end of their stream."""
    app = await open_app(tmp_path)
    for number in range(3000):
        app.frames.note("in", f'[2,"{number}","DataTransfer",{{"data":"{"x" * 2000}"}}]', 0.0)
    serving = asyncio.create_task(serve(app))
    try:
        async with asyncio.timeout(5.0), httpx.AsyncClient() as http:
            await app.serving.wait()
            url = httpx.URL(app.control_url or "")
            deaf, deaf_writer = await asyncio.open_connection(url.host, url.port, limit=1024)
            deaf_writer.write(f"GET /api/events?since=0 HTTP/1.1\r\nHost: {url.host}:{url.port}\r\n\r\n".encode())
            await deaf.readuntil(b"\r\n\r\n")
            idle, idle_writer = await asyncio.open_connection(url.host, url.port)
            async with http.stream("GET", url.join("/api/events")) as response:
                events = Events(response)
                await events.next("state")
                begun = time.perf_counter()
                serving.cancel()
                await asyncio.wait([serving])
                assert time.perf_counter() - begun < 0.4  # the limit is 0.3 s; a busy machine may be a little late
                await events.end()
            assert await idle.read() == b""
            deaf_writer.close()
            idle_writer.close()
    finally:
        serving.cancel()
        await app.queue.close()


async def test_nothing_is_left_behind(tmp_path: Path) -> None:
    """After the end the port is free and no task of the interface runs on."""
    async with station(tmp_path) as one:
        port = one.http.base_url.port
        async with one.events() as events:
            await events.next("state")
            one.app.stop()
            await one.running
    assert {task for task in asyncio.all_tasks() if task is not asyncio.current_task()} == set()
    with socket.socket() as again:
        again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        again.bind(("127.0.0.1", port or 0))


async def test_a_defect_of_the_stream_costs_the_stream_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """When looking at the program breaks, the log has the traceback, and station and other paths go on."""
    async with station(tmp_path) as one:
        await one.until(lambda: one.app.engine.running)
        async with one.events() as events:
            await events.next("state")
            with monkeypatch.context() as patch:
                patch.setattr("firmware.control.picture.evse_picture", lambda *_: 1 / 0)
                await one.act("evse/1/plug", car="compact")
                await events.end()
        assert "event stream stopped by a defect" in caplog.text
        assert "ZeroDivisionError" in caplog.text
        assert one.app.engine.running
        assert (await one.http.get("/api/state")).status_code == 200
        assert (await one.http.get("/api/events")).status_code == 503


def test_fast_time_does_not_flood_the_stream(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the mock clock runs a thousand times as fast, listeners are told as often as ever."""
    monkeypatch.setattr("tests.control.station.PATIENCE_S", 10_000.0)

    async def main() -> float:
        async with station(tmp_path) as one:
            await one.charge()
            async with one.events() as events:
                await events.next("state")
                await one.act("clock", speed=1000)
                await events.next("evse")
                begun = time.perf_counter()
                for _ in range(4):
                    await events.next("evse")
                took_s = time.perf_counter() - begun
                await one.act("clock", speed=1)
                return took_s

    with asyncio.Runner(loop_factory=ScaledEventLoop) as runner:
        assert runner.run(main()) > 0.3


def test_without_the_page_nothing_of_it_is_loaded(tmp_path: Path) -> None:
    """Where the page is off, its files, its history and its routes cost no memory; on a mock board it is on by itself."""
    loaded = (
        "import asyncio, pathlib, sys\n"
        "from tests.control.station import station\n"
        "async def main(place, settings):\n"
        "    async with station(pathlib.Path(place), settings):\n"
        "        return [name for name in ('pages', 'history') if f'firmware.control.{name}' in sys.modules]\n"
        "print(asyncio.run(main(sys.argv[1] + '/off', {'control.page': 'false'})))\n"
        "print(asyncio.run(main(sys.argv[1] + '/on', {})))\n"
    )
    done = subprocess.run([sys.executable, "-c", loaded, str(tmp_path)], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:2] == ["[]", "['pages', 'history']"]
