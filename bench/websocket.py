"""The two WebSocket clients beside each other: what loading one costs, how fast it is, and what the whole station takes with it."""

import asyncio
import multiprocessing
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

from bench.program import start
from bench.roundtrip import ANSWER, CALL, server_process
from bench.table import Row
from ocpp_client.micro.dial import connect as micro_connect
from ocpp_client.websocket import connect as library_connect

ROUNDS = 5
TURNS, COUNT = 15, 300
LONG_CHARS = 30_000

LOAD = """
import asyncio, ssl, re, sys, time, logging, urllib.parse, email.utils, datetime, ocpp_client.dialling, ocpp_client.sockets
def resident():
    return int(next(line for line in open("/proc/self/status") if line.startswith("VmRSS")).split()[1])
before, begun = resident(), time.perf_counter()
import {module}
print((time.perf_counter() - begun) * 1000, resident() - before)
"""


def _loading(module: str) -> tuple[float, float]:
    """Milliseconds and KiB that importing a client takes, above what every station has loaded anyway."""
    found = []
    for _ in range(ROUNDS):
        command = [sys.executable, "-c", LOAD.format(module=module)]
        took_ms, kib = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
        found.append((float(took_ms), float(kib)))
    return min(took_ms for took_ms, _ in found), statistics.median(kib for _, kib in found)


async def _turn(socket: Any, text: str, count: int) -> tuple[float, float]:
    """Round trips per second and processor microseconds for each."""
    begun, cpu_begun = perf_counter(), process_time()
    for _ in range(count):
        await socket.send(text)
        await socket.receive()
    return count / (perf_counter() - begun), (process_time() - cpu_begun) / count * 1e6


async def _speeds(port: int, text: str) -> tuple[tuple[float, float], tuple[float, float]]:
    """For the library and for ours, in turns: medians of rates and of processor times."""
    clients: list[Callable[..., Awaitable[Any]]] = [library_connect, micro_connect]
    sockets = [await connect(f"ws://127.0.0.1:{port}", subprotocols=["ocpp1.6"]) for connect in clients]
    for socket in sockets:
        await _turn(socket, text, COUNT)
    found = [[await _turn(socket, text, COUNT) for socket in sockets] for _ in range(TURNS)]
    for socket in sockets:
        await socket.close()
    library, ours = [
        (statistics.median(turn[which][0] for turn in found), statistics.median(turn[which][1] for turn in found))
        for which in (0, 1)
    ]
    return library, ours


def _whole(name: str) -> tuple[float, float]:
    """Seconds to BootNotification and MiB of the whole station without its local API."""
    with tempfile.TemporaryDirectory() as directory:
        options = ["--set", "control.enabled=false", "--set", f"csms.websocket={name}"]
        found = [asyncio.run(start(Path(directory), *options)) for _ in range(ROUNDS)]
    return min(seconds for seconds, _ in found), min(mib for _, mib in found)


def rows() -> list[Row]:
    """Measure. The library stands in the column beside."""
    processes = multiprocessing.get_context("spawn")
    ours, theirs = processes.Pipe()
    server = processes.Process(target=server_process, args=(theirs,), daemon=True)
    server.start()
    try:
        port = ours.recv()
        short = asyncio.run(_speeds(port, CALL % 1))
        long = asyncio.run(_speeds(port, (CALL % 1).replace("{}", '{"x":"' + "y" * LONG_CHARS + '"}')))
    finally:
        server.terminate()
        server.join()
    library_ms, library_kib = _loading("ocpp_client.websocket")
    micro_ms, micro_kib = _loading("ocpp_client.micro.dial")
    (library_s, library_mib), (micro_s, micro_mib) = _whole("websockets"), _whole("micro")

    def row(what: str, unit: str, of_micro: float, of_library: float, digits: int = 0) -> Row:
        return Row(what, f"{of_micro:.{digits}f} {unit}", f"websockets {of_library:.{digits}f} {unit}", f"{of_micro / of_library:.0%}")  # fmt: skip

    assert len(ANSWER) < 126
    return [
        row("micro: round trips, short", "/s", short[1][0], short[0][0]),
        row("", "us processor", short[1][1], short[0][1]),
        row(f"micro: {LONG_CHARS // 1000} kB out, short in", "/s", long[1][0], long[0][0]),
        row("", "us processor", long[1][1], long[0][1]),
        row("micro: loading", "ms", micro_ms, library_ms, 1),
        row("", "KiB", micro_kib, library_kib),
        row("micro: station, start to boot", "s", micro_s, library_s, 3),
        row("", "MiB", micro_mib, library_mib, 1),
    ]
