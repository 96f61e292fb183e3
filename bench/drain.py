"""A backlog of 10,000 facts delivered through outbox, translator, peer and socket, beside raw round trips of the same texts.

The central system is a process of its own for both: what differs is the station alone.
While it drains, a ticker measures how long the event loop keeps others waiting: once with nothing else to do, once while both
EVSEs charge and are metered every second.
"""

import asyncio
import gc
import multiprocessing
import statistics
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path
from random import Random
from typing import Any

from websockets.asyncio.client import connect as bare_connect
from websockets.asyncio.server import ServerConnection, serve

from bench.table import Row
from boards import find_board, load_board
from firmware.app import App, Surroundings
from firmware.config import load_config
from firmware.core.facts import Fact, FactKind, MeterFrame, Sample, SampleContext, Trigger, encode
from firmware.core.power import energy
from firmware.core.values import Energy
from hal.clocks import SystemClock
from hal.types import Instant, TimeTrust
from offline_queue import Commit, NewRecord

BACKLOG = 10_000
TICK_S = 0.001
SAMPLE_EVERY_S = 1
ANSWERS = {
    "BootNotification": '{"status":"Accepted","currentTime":"2026-05-01T12:00:00Z","interval":300}',
    "Authorize": '{"idTagInfo":{"status":"Accepted"}}',
    "StartTransaction": '{"transactionId":1,"idTagInfo":{"status":"Accepted"}}',
    "Heartbeat": '{"currentTime":"2026-05-01T12:00:00Z"}',
}


def _resident_mib() -> float:
    text = Path("/proc/self/status").read_text()
    return int(text.split("VmRSS:")[1].split()[0]) / 1024


async def _answer(socket: ServerConnection) -> None:
    async for text in socket:
        _, message_id, _, action, _ = str(text).split('"', 4)
        await socket.send(f'[3,"{message_id}",{ANSWERS.get(action, "{}")}]')


async def _serve(pipe: Connection) -> None:
    async with serve(_answer, "127.0.0.1", 0, subprotocols=["ocpp1.6"], compression=None) as server:  # type: ignore[list-item]
        pipe.send(server.sockets[0].getsockname()[1])
        await asyncio.get_running_loop().create_future()  # until the process is ended


def _server_process(pipe: Connection) -> None:
    asyncio.run(_serve(pipe))


def _fact(number: int) -> NewRecord:
    at = Instant(float(number), "boot", 1_780_000_000.0 + number, TimeTrust.SYNCHRONISED)
    samples = (Sample("Energy.Active.Import.Register", number), Sample("Power.Active.Import", 7360.5))
    frame = MeterFrame(at, SampleContext.CLOCK, samples)
    fact = Fact("", 0, FactKind.METERED, Trigger.SAMPLE_CLOCK, at, 1, frames=(frame,))
    return NewRecord("transaction", "evse-1", "metered", encode(fact), billable=False, thinnable=True)


async def _raw_rate(port: int, text: str) -> float:
    socket = await bare_connect(f"ws://127.0.0.1:{port}", subprotocols=["ocpp1.6"], compression=None, proxy=None)  # type: ignore[list-item]
    begun = time.perf_counter()
    for _ in range(2000):
        await socket.send(text)
        await socket.recv()
    rate = 2000 / (time.perf_counter() - begun)
    await socket.close()
    return rate


async def _measure(port: int, *, charging: bool) -> tuple[float, float, list[float], float]:
    with tempfile.TemporaryDirectory() as directory:
        app = await _open(port, Path(directory))
        running = None
        if charging:
            running = asyncio.create_task(app.run())
            await _charge(app)
        for begin in range(0, BACKLOG, 1000):
            await app.queue.commit(Commit(append=[_fact(begin + i) for i in range(1000)]))
        texts: list[str] = []
        app.frames.listen(lambda frame: texts.append(frame.text) if "MeterValues" in frame.text and not texts else None)
        gc.collect()
        memory = _resident_mib()
        delays: list[float] = []
        ticking = asyncio.create_task(_tick(delays))
        running = running or asyncio.create_task(app.run())
        while app.queue.stats().rows >= BACKLOG:
            await asyncio.sleep(0.001)
        left = app.queue.stats().rows
        begun = time.perf_counter()
        while app.queue.stats().rows:
            await asyncio.sleep(0.001)
        rate = left / (time.perf_counter() - begun)
        ticking.cancel()
        grown = _resident_mib() - memory
        raw = await _raw_rate(port, texts[0])
        app.stop()
        await running
    return rate, raw, delays, grown


async def _open(port: int, directory: Path) -> App:
    numbers = iter(range(10**9))
    overrides = {
        "csms.url": f"ws://127.0.0.1:{port}",
        "control.enabled": "false",
        "ocpp16.MeterValueSampleInterval": str(SAMPLE_EVERY_S),
    }
    board = directory / "board.toml"  # without the mock network, which relays every byte
    board.write_text(find_board("mock").read_text().replace('[network]\ndriver = "mock"\n', ""))
    return await App.open(
        load_config(None, environment={}, overrides=overrides),
        load_board(board),
        Surroundings(
            SystemClock(asyncio.get_running_loop(), boot="bench"), Random(1), lambda: f"{next(numbers):08d}", directory
        ),
    )


async def _charge(app: App) -> None:
    """Let a vehicle charge at each EVSE."""
    world: Any = app.board.world
    evses = app.engine.station.evses
    while not app.engine.station.context.online:
        await asyncio.sleep(0.01)
    for number, evse in evses.items():
        world.evse(number).plug("both", world.car("van"))
        world.swipe(f"04A1B2C{number}")
        while energy(evse) is not Energy.FLOWING:
            await asyncio.sleep(0.01)


async def _tick(delays: list[float]) -> None:
    while True:
        due = time.perf_counter() + TICK_S
        await asyncio.sleep(TICK_S)
        delays.append(time.perf_counter() - due)


def rows() -> list[Row]:
    """Measure."""
    processes = multiprocessing.get_context("spawn")
    ours, theirs = processes.Pipe()
    server = processes.Process(target=_server_process, args=(theirs,), daemon=True)
    server.start()
    try:
        port = ours.recv()
        rate, raw, delays, grown = asyncio.run(_measure(port, charging=False))
        busy_rate, _, busy_delays, _ = asyncio.run(_measure(port, charging=True))
    finally:
        server.terminate()
        server.join()
    late_ms, busy_ms = _p999_ms(delays), _p999_ms(busy_delays)
    return [
        Row("drain of 10,000 records", f"{rate:.0f}/s", f"raw round trips {raw:.0f}/s", f"{rate / raw:.0%}", ">= 70 %", rate / raw >= 0.7),
        Row("  memory grown meanwhile", f"{grown:.1f} MiB", "", "", "flat", grown < 5),
        Row("  event-loop delay p99.9", f"{late_ms:.1f} ms", "", "", "< 10 ms", late_ms < 10),
        Row("  the same, both EVSEs metered every s", f"{busy_ms:.1f} ms", f"drains {busy_rate:.0f}/s", "", "< 10 ms", busy_ms < 10),
    ]  # fmt: skip


def _p999_ms(delays: list[float]) -> float:
    return statistics.quantiles(delays, n=1000)[998] * 1000
