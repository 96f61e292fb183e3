"""From what must end the flow of energy to the driver told to open the contactor, under load.

Four causes: the vehicle leaves state C, a fault, the emergency stop, a limit that falls below what a pilot can offer. Meanwhile facts
are written, synced and delivered all the time, and another process syncs megabytes to the same disk. The clock starts when the
device's driver learns of it and stops in the contactor driver's `deny_now`: what hardware adds on both sides (debounce, coil) is
the board's. What the machine adds shows beside: how late it wakes a process that only sleeps. The mock world keeps its registers in
memory here: its file is written in the event loop, which no driver of a real board does.
"""

import asyncio
import itertools
import logging
import math
import multiprocessing
import os
import tempfile
import time
import tomllib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from random import Random
from typing import Any, Final
from unittest.mock import patch

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from bench.drain import _fact
from bench.table import Row
from boards import BoardDescription, find_board
from boards.loader import describe
from firmware.app import App, Surroundings
from firmware.config import load_config
from hal.clocks import SystemClock
from hal.mock.actions import perform
from hal.mock.state import MemoryStore
from offline_queue import Commit

ROUNDS: Final = 1000
BATCH, BATCH_EVERY_S = 10, 0.01  # 1,000 facts a second
SYNCED_BYTES: Final = 1 << 20
SLEEP_S: Final = 0.001
TARGET_MS: Final = 50.0
EVSE: Final = 2  # has no lock, whose bolt would only cost time
OPERATE_S: Final = 0.001  # of the contacts, after the coil: not measured, and waited for in each round
PROMPT_CAR: Final = {
    "ask_delay_s": 0,
    "draw_delay_s": 0,
    "ramp_s": 0,
    "reaction_s": 0,
}  # each round waits for it to ask
CARD: Final = {"token": "04A1B2C3D4E5F6", "evses": [EVSE]}
_ACCEPTED: Final = '"idTagInfo":{"status":"Accepted"}'
_ANSWERS: Final = {
    "BootNotification": '{"status":"Accepted","currentTime":"2026-05-01T12:00:00Z","interval":300}',
    "Authorize": "{" + _ACCEPTED + "}",
    "StartTransaction": '{"transactionId":1,' + _ACCEPTED + "}",
    "StopTransaction": "{}",
}


@dataclass(frozen=True, slots=True)
class Cause:
    """What ends the flow, and what lets it begin again: actions of the mock world, each a path and a body."""

    name: str
    ends: tuple[str, dict[str, Any]]
    mends: tuple[tuple[str, dict[str, Any]], ...]


_PLACE: Final = f"evse/{EVSE}"
_ANOTHER_CHARGE: Final[tuple[tuple[str, dict[str, Any]], ...]] = (
    (f"{_PLACE}/unplug", {}),
    (f"{_PLACE}/plug", {"car": PROMPT_CAR}),
    ("token", CARD),
)
CAUSES: Final = (
    Cause("state C to B", (f"{_PLACE}/pilot", {"forced": "B"}), ((f"{_PLACE}/pilot", {"forced": "C"}),)),
    Cause(
        "fault",
        ("fault", {"code": "over-temperature", "active": True}),
        (("fault", {"code": "over-temperature", "active": False}),),
    ),
    Cause(
        "emergency stop",
        ("fault", {"code": "emergency-stop", "active": True}),
        (("fault", {"code": "emergency-stop", "active": False}), *_ANOTHER_CHARGE),
    ),
    Cause("limit lost", ("limit", {"current_a": 0.0}), (("limit", {"current_a": None}),)),
)


async def _answer(socket: ServerConnection) -> None:
    with suppress(ConnectionClosed):  # the station leaves in the middle of its backlog
        async for text in socket:
            _, message_id, _, action, _ = str(text).split('"', 4)
            await socket.send(f'[3,"{message_id}",{_ANSWERS.get(action, "{}")}]')


async def _serve(pipe: Connection) -> None:
    async with serve(_answer, "127.0.0.1", 0, subprotocols=["ocpp1.6"], compression=None) as server:  # type: ignore[list-item]
        pipe.send(server.sockets[0].getsockname()[1])
        await asyncio.get_running_loop().create_future()  # until the process is ended


def _server_process(pipe: Connection) -> None:
    asyncio.run(_serve(pipe))


def _sync_process(path: Path) -> None:
    """Write and sync, for ever."""
    data = os.urandom(SYNCED_BYTES)
    fd = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    while True:
        os.pwrite(fd, data, 0)
        os.fsync(fd)
        time.sleep(0.01)


def _sleeper_process(pipe: Connection) -> None:
    """Sleep a millisecond again and again until somebody asks by how many milliseconds each was late."""
    late: list[float] = []
    while not pipe.poll():
        begun = time.perf_counter()
        time.sleep(SLEEP_S)
        late.append((time.perf_counter() - begun - SLEEP_S) * 1000)
    pipe.send(sorted(late))


@contextmanager
def _beside(work: Callable[..., None], argument: object) -> Any:
    """A process for the time of the measurement."""
    process = multiprocessing.get_context("spawn").Process(target=work, args=(argument,), daemon=True)
    process.start()
    try:
        yield
    finally:
        process.terminate()
        process.join()


def _board() -> BoardDescription:
    document = tomllib.loads(find_board("mock").read_text(encoding="utf-8"))
    for evse in document["evse"]:
        evse["contactor"]["operate_s"] = OPERATE_S
        del evse["inputs"]  # the station's tell the same faults, and need no self-test before each charge
    return describe(document, "mock")


async def _until(check: Callable[[], object]) -> None:
    async with asyncio.timeout(60):
        while not check():
            await asyncio.sleep(0.001)


async def _load(app: App) -> None:
    for first in itertools.count(1, BATCH):
        await app.queue.submit(Commit(append=tuple(_fact(number) for number in range(first, first + BATCH))))
        app.outbox.wake()
        await asyncio.sleep(BATCH_EVERY_S)


@asynccontextmanager
async def _charging(port: int, directory: Path) -> AsyncIterator[App]:
    """The whole program, with a car that draws current and the load beside it."""
    config = load_config(
        None,
        environment={},
        overrides={"csms.url": f"ws://127.0.0.1:{port}/ocpp", "control.enabled": "false"},
    )
    clock = SystemClock(asyncio.get_running_loop(), boot="bench")
    ids = itertools.count(1)
    around = Surroundings(clock, Random(1), lambda: f"00000000-0000-4000-8000-{next(ids):012d}", directory)
    with patch("boards.mock.FileStore", lambda _path: MemoryStore()):
        app = await App.open(config, _board(), around)
    world = app.board.world
    assert world is not None
    running = asyncio.create_task(app.run())
    await _until(lambda: app.engine.station.context.in_service and all(reader.port.is_open for reader in world.readers))
    for path, body in _ANOTHER_CHARGE[1:]:
        perform(world, path, body)
    await _until(lambda: app.engine.drivers[EVSE].allowed)
    load = asyncio.create_task(_load(app))
    try:
        yield app
    finally:
        load.cancel()
        app.stop()
        await running


async def _measure(app: App, cause: Cause, rounds: int) -> list[float]:
    """Milliseconds of each deny, sorted."""
    world, driver = app.board.world, app.engine.drivers[EVSE]
    assert world is not None
    contactor: Any = driver.hardware.contactor
    told = contactor.deny_now
    denied_at: list[float] = []

    def deny_now() -> None:
        denied_at.append(time.perf_counter())
        told()

    contactor.deny_now = deny_now
    taken: list[float] = []
    for _ in range(rounds):
        denied_at.clear()
        begun = time.perf_counter()
        perform(world, *cause.ends)
        await _until(lambda: denied_at)
        taken.append((denied_at[0] - begun) * 1000)
        await _until(lambda: app.engine.station.evses[EVSE].tx is None or cause.name != "emergency stop")
        for path, body in cause.mends:
            perform(world, path, body)
        await _until(lambda: driver.allowed)
    contactor.deny_now = told
    return sorted(taken)


async def _measure_all(port: int, directory: Path, rounds: int) -> dict[str, list[float]]:
    async with _charging(port, directory) as app:
        return {cause.name: await _measure(app, cause, rounds) for cause in CAUSES}


def measure(rounds: int) -> tuple[dict[str, list[float]], list[float]]:
    """Milliseconds until deny for each cause, and by which the machine woke an idle process late meanwhile; sorted."""
    spawn = multiprocessing.get_context("spawn")
    port, server = spawn.Pipe()
    asked, sleeper = spawn.Pipe()
    with (
        tempfile.TemporaryDirectory() as directory,
        _beside(_server_process, server),
        _beside(_sync_process, Path(directory) / "synced"),
        _beside(_sleeper_process, sleeper),
    ):
        taken = asyncio.run(_measure_all(port.recv(), Path(directory) / "state", rounds))
        asked.send(None)
        return taken, asked.recv()


def rows() -> list[Row]:
    """Measure."""
    logging.disable(logging.ERROR)  # thousands of faults are raised on purpose
    taken, late = measure(ROUNDS)
    beside = f"a sleeper's wake-up: p99.9 {_share(late, 0.999):.1f} ms, worst {late[-1]:.1f} ms"
    return [
        Row(
            f"{name} until deny, under load",
            f"p50 {_share(values, 0.5):.2f} ms, p99.9 {_share(values, 0.999):.1f} ms, worst {values[-1]:.1f} ms",
            beside,
            "",
            f"p99.9 <= {TARGET_MS:g} ms",
            _share(values, 0.999) <= TARGET_MS,
        )
        for name, values in taken.items()
    ]


def _share(values: list[float], share: float) -> float:
    """The value that this share of the sorted ones does not exceed."""
    return values[math.ceil(len(values) * share) - 1]
