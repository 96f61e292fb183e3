"""The reference central system: Heartbeats per second, memory per connection, commands within a node and across nodes.

The central system runs in a process of its own; this one plays all the stations, with frames made by hand so that the
load costs little. Beside the first stand the bare WebSocket library's server, under the same load, and what another
central system reached on two shared cores: 26,700 Heartbeats per second over 50 connections, 0.73 ms median and 4.0 ms
p99 from node to node. The rows of the cluster need redis-server.

`rows()` gives the table; run as a program it prints it.
"""

import asyncio
import contextlib
import itertools
import multiprocessing
import shutil
import statistics
import subprocess
import sys
import tempfile
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from time import perf_counter

from websockets.asyncio.server import ServerConnection
from websockets.asyncio.server import serve as bare_serve
from websockets.exceptions import ConnectionClosed

from bench.table import Row, show
from csms.app import Csms
from csms.cluster.redis_node import redis_node
from csms.config import CsmsConfig
from csms.redis_settings import RedisSettings

PEER_HEARTBEATS_PER_S = 26_700
PEER_P50_MS, PEER_P99_MS = 0.73, 4.0
ID_CHARS = 36


class Station:
    """A WebSocket client of few lines: text frames below 64 KiB, nothing else."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def connect(cls, port: int, identity: str) -> "Station":
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(
            f"GET /ocpp/{identity} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Protocol: ocpp1.6\r\n\r\n".encode()
        )
        head = await reader.readuntil(b"\r\n\r\n")
        assert b" 101 " in head, head
        return cls(reader, writer)

    def send(self, text: bytes) -> None:
        size = len(text)
        head = bytes((0x81, 0x80 | size)) if size < 126 else bytes((0x81, 0xFE)) + size.to_bytes(2, "big")
        self._writer.write(head + b"\0\0\0\0" + text)  # masked with zeros

    async def receive(self) -> bytes:
        first, size = await self._reader.readexactly(2)
        assert first == 0x81, first
        if size == 126:
            size = int.from_bytes(await self._reader.readexactly(2), "big")
        return await self._reader.readexactly(size)

    async def heartbeats(self, numbers: "itertools.count[int]", until: float) -> int:
        done = 0
        while perf_counter() < until:
            self.send(b'[2,"%036d","Heartbeat",{}]' % next(numbers))
            answer = await self.receive()
            assert answer.startswith(b"[3,"), answer
            done += 1
        return done

    async def answer_calls(self) -> None:
        while True:
            call = await self.receive()
            self.send(b'[3,"%s",{"status":"Accepted"}]' % call[4 : 4 + ID_CHARS])

    def close(self) -> None:
        self._writer.close()


@dataclass(frozen=True, slots=True)
class Load:
    """Heartbeats per second, per second of the server's processor time, and its memory for each connection."""

    per_s: float
    per_cpu_s: float
    kib_per_connection: float


async def _answer(connection: ServerConnection) -> None:
    with contextlib.suppress(ConnectionClosed):
        async for text in connection:
            await connection.send(f'[3,"{str(text)[4:40]}",{{"currentTime":"2026-05-01T12:00:00.000Z"}}]')


def _bare_server(port: Connection) -> None:
    async def run() -> None:
        options = {"compression": None, "ping_interval": None, "subprotocols": ["ocpp1.6"]}
        async with bare_serve(_answer, "127.0.0.1", 0, **options) as server:
            port.send(server.sockets[0].getsockname()[1])
            await asyncio.get_running_loop().create_future()

    asyncio.run(run())


@asynccontextmanager
async def _node(*options: str) -> AsyncIterator[tuple[int, int]]:
    """A node in a process of its own: its port, its process id."""
    words = [sys.executable, "-m", "firmware", "csms", "--listen", "127.0.0.1:0", "--api", "off", *options]
    process = await asyncio.create_subprocess_exec(*words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdout is not None
    line = (await process.stdout.readline()).decode()
    try:
        yield int(line.split("/ocpp")[0].rpartition(":")[2]), process.pid
    finally:
        process.kill()
        await process.wait()


def _rss_kib(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS")))


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


async def _load(port: int, pid: int, connections: int, seconds: float) -> Load:
    first = await Station.connect(port, "warm")  # what is loaded on first use is not a connection's
    await first.heartbeats(itertools.count(), perf_counter() + 0.2)
    first.close()
    await asyncio.sleep(0.1)
    before = _rss_kib(pid)
    stations = [await Station.connect(port, f"CP{number}") for number in range(connections)]
    await asyncio.sleep(0.3)
    memory = (_rss_kib(pid) - before) / connections
    numbers, begun, cpu = itertools.count(), perf_counter(), _cpu_s(pid)
    counts = await asyncio.gather(*(each.heartbeats(numbers, begun + seconds) for each in stations))
    elapsed, used = perf_counter() - begun, _cpu_s(pid) - cpu
    for station in stations:
        station.close()
    return Load(sum(counts) / elapsed, sum(counts) / used, memory)


async def _bare_load(connections: int, seconds: float) -> Load:
    processes = multiprocessing.get_context("spawn")
    ours, theirs = processes.Pipe()
    server = processes.Process(target=_bare_server, args=(theirs,), daemon=True)
    server.start()
    try:
        port = await asyncio.to_thread(ours.recv)
        assert server.pid is not None
        return await _load(port, server.pid, connections, seconds)
    finally:
        server.terminate()
        server.join()


async def _latencies(csms: Csms, station: str, count: int) -> list[float]:
    for _ in range(50):
        await csms.command_raw(station, "ClearCache", "{}", timeout_s=5)
    found = []
    for _ in range(count):
        outcome = await csms.command_raw(station, "ClearCache", "{}", timeout_s=5)
        assert outcome.kind == "answered", outcome
        found.append(outcome.elapsed_s * 1000)
    return sorted(found)


@asynccontextmanager
async def _redis() -> AsyncIterator[str]:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "redis.sock"
        words = ["redis-server", "--port", "0", "--unixsocket", str(path), "--save", "", "--appendonly", "no"]
        process = await asyncio.create_subprocess_exec(*words, "--dir", directory, stdout=subprocess.DEVNULL)
        while not path.exists():
            await asyncio.sleep(0.02)
        try:
            yield f"unix://{path}"
        finally:
            process.kill()
            await process.wait()


async def _unicast(count: int) -> tuple[list[float], list[float]]:
    """Milliseconds of commands to a station on this node and to one on another, sorted."""
    async with _redis() as url, _node("--redis", url, "--node-id", "B") as (port, _):
        node = redis_node(RedisSettings(url), "A", incarnation=str(uuid.uuid4()))
        async with Csms(CsmsConfig(api_host=None), node=node) as csms:
            own = int(csms.ws_url.split("/ocpp")[0].rpartition(":")[2])
            here, there = await Station.connect(own, "here"), await Station.connect(port, "there")
            answering = [asyncio.create_task(each.answer_calls()) for each in (here, there)]
            await csms.wait_for(lambda: csms.is_connected("here"), 5)
            found = await _latencies(csms, "here", count), await _latencies(csms, "there", count)
            for task in answering:
                task.cancel()
            here.close()
            there.close()
            return found


async def _measure_loads(seconds: float) -> tuple[Load, Load, Load]:
    async with _node() as (port, pid):
        few = await _load(port, pid, 50, seconds)
    async with _node() as (port, pid):
        many = await _load(port, pid, 1_000, seconds)
    return few, many, await _bare_load(50, seconds)


def rows() -> list[Row]:
    """Measure, and return the lines of the benchmark table; about fifteen seconds."""
    few, many, bare = asyncio.run(_measure_loads(3.0))
    found = [
        _rate(
            "CSMS, Heartbeats over 50 connections", few, f"bare websockets {bare.per_s:.0f} /s", few.per_s / bare.per_s
        ),
        _rate(
            "CSMS, over 1,000 connections",
            many,
            f"other CSMS, 50: {PEER_HEARTBEATS_PER_S} /s",
            many.per_s / PEER_HEARTBEATS_PER_S,
        ),
        Row(
            "CSMS, memory for an idle connection",
            f"{many.kib_per_connection:.1f} KiB",
            f"bare websockets {bare.kib_per_connection:.1f} KiB",
            f"{many.kib_per_connection / bare.kib_per_connection:.0%}",
            "<= 30 KiB",
            many.kib_per_connection <= 30,
        ),
    ]
    if shutil.which("redis-server") is None:
        return [*found, Row("CSMS, commands across nodes", "not measured", "redis-server is missing", "")]
    here, there = asyncio.run(_unicast(1_000))
    return [
        *found,
        _latency("CSMS, command on its own node", here),
        _latency("CSMS, command to another node", there, 4.0),
    ]


def _rate(what: str, load: Load, beside: str, ratio: float) -> Row:
    ours = f"{load.per_s:.0f} /s, {load.per_cpu_s:.0f} per processor s"
    # This process needs a core as well, and others may use the machine: what one core can do is the figure of the server.
    return Row(what, ours, beside, f"{ratio:.0%}", ">= 10000 per processor s", load.per_cpu_s >= 10_000)


def _latency(what: str, found_ms: Sequence[float], target_ms: float | None = None) -> Row:
    p50, p99 = statistics.median(found_ms), found_ms[int(len(found_ms) * 0.99)]
    beside = f"other CSMS {PEER_P50_MS} / {PEER_P99_MS} ms, across nodes"
    target = "" if target_ms is None else f"p99 <= {target_ms:g} ms"
    met = None if target_ms is None else p99 <= target_ms
    return Row(what, f"p50 {p50:.2f} ms, p99 {p99:.2f} ms", beside, f"{p99 / PEER_P99_MS:.0%}", target, met)


if __name__ == "__main__":
    print(show(rows()))
