"""Which WebSocket client a station dials with, and the program without the library."""

import asyncio
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from firmware.config import load_config
from firmware.errors import ConfigError
from firmware.uplink.dialling import backing
from ocpp_client import websocket
from ocpp_client.errors import ConnectionLost
from ocpp_client.micro import dial as micro
from ocpp_client.sockets import WebSocket
from tests.ocpp_client.lines import hear
from tests.ocpp_client.stations import BOOTED, mute

WITHOUT_THE_LIBRARY = """
import sys
sys.modules["websockets"] = None  # as on an image on which it is not installed
from firmware.cli import main
sys.exit(main(sys.argv[1:]))
"""


def test_each_name_means_its_own_client() -> None:
    """And nothing else is loaded for it."""
    assert backing("websockets") is websocket.connect
    assert backing("micro") is micro.connect


def test_a_missing_library_is_told_with_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """The technician reads what to install or to set."""
    monkeypatch.delitem(sys.modules, "ocpp_client.websocket")
    monkeypatch.setitem(sys.modules, "websockets.asyncio.client", None)
    with pytest.raises(
        ConfigError, match=r'csms\.websocket: .*websockets.*; install it, or set csms\.websocket = "micro"'
    ):
        backing("websockets")


def test_compression_needs_the_library() -> None:
    """Our own client knows none: said at the start, not at the first dial."""
    settings = {"csms.websocket": "micro", "csms.compression": "true"}
    with pytest.raises(ConfigError, match="compression needs websocket"):
        load_config(None, environment={}, overrides=settings)


async def test_a_station_without_the_library_boots(tmp_path: Path) -> None:
    """The whole program, in a process in which `websockets` cannot be imported."""
    accepted = asyncio.Event()

    async def handle(socket: WebSocket, _path: str, _headers: Mapping[str, str]) -> None:
        try:
            boot = await hear(socket)
            await socket.send(f'[3,"{boot[1]}",{BOOTED}]')
            if (await hear(socket))[2] == "StatusNotification":
                accepted.set()
            await mute(socket)
        except ConnectionLost:
            return

    async with await websocket.serve(handle, "127.0.0.1", 0, select_subprotocol=lambda offered: offered[0]) as server:
        url = f"ws://127.0.0.1:{server.ports[0]}/ocpp"
        options = ["--state-dir", str(tmp_path), "--csms-url", url, "--listen", "127.0.0.1:0"]
        process = await asyncio.create_subprocess_exec(
            *[sys.executable, "-c", WITHOUT_THE_LIBRARY, "run", "--quiet", *options, "--set", "csms.websocket=micro"],
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            async with asyncio.timeout(30):
                await accepted.wait()
        finally:
            process.terminate()
            await process.wait()
