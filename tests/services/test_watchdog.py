"""The watchdogs: a real datagram socket as the service manager, a file as the device, and loops that stop turning."""

import asyncio
import os
import socket
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from firmware.services.watchdog import MachineWatchdog, Part, ServiceManager, Watchdog
from hal.clocks import SystemClock

TIMEOUT_S = 0.3


class Loop:
    """A loop that turns when it is nudged, unless it is wedged."""

    def __init__(self) -> None:
        self.count = 0
        self.wedged = False

    def nudge(self) -> None:
        """Turn once."""
        self.count += not self.wedged

    def part(self, name: str) -> Part:
        """What the watchdog sees of it."""
        return Part(name, self.nudge, lambda: self.count)


class Manager:
    """A service manager's socket."""

    def __init__(self, address: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind("\0" + address[1:] if address.startswith("@") else address)
        self._socket.setblocking(False)

    async def hears(self) -> bytes:
        """The next message."""
        async with asyncio.timeout(5):
            return await asyncio.get_running_loop().sock_recv(self._socket, 100)

    def has_heard(self) -> list[bytes]:
        """What has come and was not asked for yet."""
        heard: list[bytes] = []
        while True:
            try:
                heard.append(self._socket.recv(100))
            except BlockingIOError:
                return heard

    def close(self) -> None:
        """Release the socket."""
        self._socket.close()


@pytest.mark.parametrize("kind", ["path", "abstract"])
async def test_the_service_manager_hears_ready_watchdog_and_stopping(tmp_path: Path, kind: str) -> None:
    """sd_notify: one datagram a message, to a path or to an abstract name."""
    address = str(tmp_path / "notify") if kind == "path" else f"@wayside-test-{os.getpid()}"
    manager = Manager(address)
    told = ServiceManager.of({"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "30000000"}, pid=7)
    assert told is not None
    assert told.timeout_s == 30.0
    told.ready()
    told.feed()
    told.stopping()
    assert [await manager.hears() for _ in range(3)] == [b"READY=1", b"WATCHDOG=1", b"STOPPING=1"]
    manager.close()


@pytest.mark.parametrize(
    ("environment", "timeout_s"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "5000000", "WATCHDOG_PID": "8"}, None),  # meant for another process
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({"WATCHDOG_USEC": "5000000", "WATCHDOG_PID": "7"}, 5.0),
    ],
)
def test_the_service_manager_is_fed_only_when_it_asks_this_process(
    environment: dict[str, str], timeout_s: float | None
) -> None:
    """WATCHDOG_PID names the process that is watched."""
    told = ServiceManager.of({"NOTIFY_SOCKET": "/run/notify", **environment}, pid=7)
    assert told is not None
    assert told.timeout_s == timeout_s


def test_without_a_service_manager_there_is_none_to_tell() -> None:
    """A program that was started by hand tells nobody."""
    assert ServiceManager.of({}, pid=7) is None


def test_a_service_manager_that_is_gone_stops_nothing(tmp_path: Path) -> None:
    """A socket that nobody reads is a log line."""
    ServiceManager(str(tmp_path / "nobody"), 1.0).feed()


async def test_a_wedged_loop_stops_the_feeding_and_a_loop_that_turns_again_resumes_it(tmp_path: Path) -> None:
    """One part of many is enough; it is named."""
    manager = Manager(str(tmp_path / "notify"))
    loops = {name: Loop() for name in ("evse 1", "evse 2", "journal")}
    watchdog = Watchdog(
        SystemClock(asyncio.get_running_loop(), boot="test"),
        [loop.part(name) for name, loop in loops.items()],
        [ServiceManager(str(tmp_path / "notify"), TIMEOUT_S)],
    )
    running = asyncio.create_task(watchdog.run())
    assert [await manager.hears() for _ in range(3)] == [b"WATCHDOG=1"] * 3
    loops["evse 2"].wedged = True
    async with asyncio.timeout(5):
        while watchdog.late != ("evse 2",):
            await asyncio.sleep(0.01)
    manager.has_heard()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(TIMEOUT_S * 2):
            await manager.hears()
    loops["evse 2"].wedged = False
    assert await manager.hears() == b"WATCHDOG=1"
    running.cancel()
    manager.close()


async def test_a_blocked_event_loop_feeds_nothing(tmp_path: Path) -> None:
    """The feeding is a task of the loop that it vouches for."""
    manager = Manager(str(tmp_path / "notify"))
    feeder = ServiceManager(str(tmp_path / "notify"), TIMEOUT_S)
    watchdog = Watchdog(SystemClock(asyncio.get_running_loop(), boot="test"), [Loop().part("evse 1")], [feeder])
    running = asyncio.create_task(watchdog.run())
    assert await manager.hears() == b"WATCHDOG=1"
    manager.has_heard()
    time.sleep(TIMEOUT_S * 2)  # noqa: ASYNC251 - this is the fault
    assert manager.has_heard() == []
    assert await manager.hears() == b"WATCHDOG=1"
    running.cancel()
    manager.close()


def test_the_machines_watchdog_is_fed_and_disarmed_only_on_purpose(tmp_path: Path) -> None:
    """Kernel interface: any byte feeds, `V` before the close disarms. (The timeout needs a real device: it is logged and left.)"""
    device = tmp_path / "watchdog"
    device.touch()
    watchdog = MachineWatchdog(device, 30)
    watchdog.open()
    watchdog.feed()
    watchdog.feed()
    assert device.read_bytes() == b"\0\0"
    watchdog.disarm()
    watchdog.disarm()
    assert device.read_bytes() == b"\0\0V"


async def test_the_program_says_ready_feeds_both_watchdogs_and_disarms_at_the_end(tmp_path: Path) -> None:
    """`wayside run` under a service manager, with a device in its configuration, ended by SIGTERM."""
    manager = Manager(str(tmp_path / "notify"))
    device = tmp_path / "watchdog"
    device.touch()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "firmware", "run", "--quiet", "--board", "mock", "--listen", "127.0.0.1:0"),
        *("--csms-url", "ws://127.0.0.1:9/ocpp", "--state-dir", str(tmp_path / "state")),
        *("--set", f"watchdog.device={device}"),
        env={**os.environ, "NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "600000"},
    )
    try:
        heard: set[bytes] = set()
        while heard != {b"READY=1", b"WATCHDOG=1"}:
            heard.add(await manager.hears())
        assert set(device.read_bytes()) == {0}
        for _ in range(3):
            assert await manager.hears() == b"WATCHDOG=1"
        process.terminate()
        while await manager.hears() != b"STOPPING=1":
            pass
        async with asyncio.timeout(10):
            assert await process.wait() == 0
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        manager.close()
    assert device.read_bytes().endswith(b"\0V")
