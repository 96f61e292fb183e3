"""From the vehicle's C to B, to the driver told to open the contactor, while facts are written, synced and delivered all the time.

The clock starts when the pilot's driver sees the new state and stops in the contactor driver's `deny_now`: what hardware adds on
both sides (debounce, coil) is the board's.
"""

import asyncio
import itertools
import multiprocessing
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path
from random import Random
from typing import Any

from websockets.asyncio.server import ServerConnection, serve

from bench.drain import _fact
from bench.table import Row
from boards import find_board, load_board
from firmware.app import App, Surroundings
from firmware.config import load_config
from hal.clocks import SystemClock
from hal.mock.actions import perform
from offline_queue import Commit

ROUNDS = 1000
BATCH, BATCH_EVERY_S = 10, 0.01  # 1,000 facts a second
TARGET_MS = 50.0
_ACCEPTED = '"idTagInfo":{"status":"Accepted"}'
_ANSWERS = {
    "BootNotification": '{"status":"Accepted","currentTime":"2026-05-01T12:00:00Z","interval":300}',
    "Authorize": "{" + _ACCEPTED + "}",
    "StartTransaction": '{"transactionId":1,' + _ACCEPTED + "}",
}


async def _answer(socket: ServerConnection) -> None:
    async for text in socket:
        _, message_id, _, action, _ = str(text).split('"', 4)
        await socket.send(f'[3,"{message_id}",{_ANSWERS.get(action, "{}")}]')


async def _serve(pipe: Connection) -> None:
    async with serve(_answer, "127.0.0.1", 0, subprotocols=["ocpp1.6"], compression=None) as server:  # type: ignore[list-item]
        pipe.send(server.sockets[0].getsockname()[1])
        await asyncio.get_running_loop().create_future()  # until the process is ended


def _server_process(pipe: Connection) -> None:
    asyncio.run(_serve(pipe))


async def _until(check: Any) -> None:
    async with asyncio.timeout(60):
        while not check():
            await asyncio.sleep(0.002)


async def _load(app: App) -> None:
    for first in itertools.count(1, BATCH):
        await app.queue.submit(Commit(append=tuple(_fact(number) for number in range(first, first + BATCH))))
        app.outbox.wake()
        await asyncio.sleep(BATCH_EVERY_S)


async def _measure(port: int, directory: Path) -> list[float]:
    """Milliseconds of each C to B."""
    config = load_config(
        None,
        environment={},
        overrides={"csms.url": f"ws://127.0.0.1:{port}/ocpp", "control.enabled": "false"},
    )
    clock = SystemClock(asyncio.get_running_loop(), boot="bench")
    ids = itertools.count(1)
    around = Surroundings(clock, Random(1), lambda: f"00000000-0000-4000-8000-{next(ids):012d}", directory)
    app = await App.open(config, load_board(find_board("mock")), around)
    world = app.board.world
    assert world is not None
    running = asyncio.create_task(app.run())
    await _until(lambda: app.engine.station.context.in_service and all(reader.port.is_open for reader in world.readers))
    driver = app.engine.drivers[1]
    contactor: Any = driver.hardware.contactor
    told = contactor.deny_now
    denied_at: list[float] = []

    def deny_now() -> None:
        denied_at.append(time.perf_counter())
        told()

    contactor.deny_now = deny_now
    perform(world, "evse/1/plug", {"car": "compact"})
    perform(world, "token", {"token": "04A1B2C3D4E5F6", "evses": [1]})
    await _until(lambda: driver.allowed)
    load = asyncio.create_task(_load(app))
    taken: list[float] = []
    for _ in range(ROUNDS):
        denied_at.clear()
        begun = time.perf_counter()
        perform(world, "evse/1/pilot", {"forced": "B"})
        await _until(lambda: denied_at)
        taken.append((denied_at[0] - begun) * 1000)
        perform(world, "evse/1/pilot", {"forced": "C"})
        await _until(lambda: driver.allowed)
    load.cancel()
    app.stop()
    await running
    return sorted(taken)


def rows() -> list[Row]:
    """Measure."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    server = context.Process(target=_server_process, args=(theirs,), daemon=True)
    server.start()
    try:
        with tempfile.TemporaryDirectory() as directory:
            taken = asyncio.run(_measure(ours.recv(), Path(directory)))
    finally:
        server.terminate()
    middle, high = taken[len(taken) // 2], taken[int(len(taken) * 0.999)]
    return [
        Row("C to B until deny, under load", f"p50 {middle:.2f} ms, p99.9 {high:.1f} ms", "1,000 facts/s", "", "p99.9 <= 50 ms", high <= TARGET_MS)
    ]  # fmt: skip
