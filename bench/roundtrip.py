"""Heartbeat round trips through the whole client stack, beside its floor: the bare WebSocket library.

Both talk over loopback to one server, the bare library in a process of its own, with one connection each, one call
after the other, in turns, so that a busy machine slows both alike. What differs is the client alone.

`rows()` gives the table; run as a program it prints it.
"""

import asyncio
import itertools
import multiprocessing
import statistics
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from time import perf_counter, process_time

from ocpp.v16 import ChargePoint, call
from websockets.asyncio.client import connect as bare_connect
from websockets.asyncio.server import ServerConnection
from websockets.asyncio.server import serve as bare_serve

from bench.table import Row, show
from ocpp_client.answers import AnswerCache
from ocpp_client.catalogue import catalogue
from ocpp_client.clock import LoopClock
from ocpp_client.errors import Refuse
from ocpp_client.peer import Incoming, Peer, Reply
from ocpp_client.v16 import HeartbeatRequest
from ocpp_client.websocket import connect

CALL = '[2,"%036d","Heartbeat",{}]'
ANSWER = '[3,"%s",{"currentTime":"2026-05-01T12:00:00.000Z"}]'


@dataclass(frozen=True, slots=True)
class RoundTrips:
    """Round trips per second and processor time of the client for each, as medians over all turns.

    `ratio` is the median of the ratios turn by turn, stack to bare.
    """

    bare_per_s: float
    stack_per_s: float
    ratio: float
    bare_cpu_us: float
    stack_cpu_us: float
    other_per_s: float  # PyPI `ocpp` on the same library


async def _answer(connection: ServerConnection) -> None:
    async for text in connection:
        await connection.send(ANSWER % str(text)[4:40])


async def _serve(port: Connection) -> None:
    async with bare_serve(_answer, "127.0.0.1", 0, compression=None, ping_interval=None) as server:
        port.send(server.sockets[0].getsockname()[1])
        await asyncio.get_running_loop().create_future()  # until the process is ended


def server_process(port: Connection) -> None:
    asyncio.run(_serve(port))


async def _refuse(_: Incoming) -> Reply:
    raise Refuse("NotSupported")


async def _turn(round_trip: Callable[[], Awaitable[object]], count: int) -> tuple[float, float]:
    """Return round trips per second, and processor microseconds for each."""
    begun, cpu_begun = perf_counter(), process_time()
    for _ in range(count):
        await round_trip()
    return count / (perf_counter() - begun), (process_time() - cpu_begun) / count * 1e6


async def _measure(port: int, turns: int, count: int) -> RoundTrips:
    url = f"ws://127.0.0.1:{port}"
    bare = await bare_connect(url, compression=None, ping_interval=None, proxy=None)
    socket = await connect(url, subprotocols=["ocpp1.6"])
    numbers = itertools.count()
    peer = Peer(
        socket,
        catalogue("ocpp1.6"),
        handler=_refuse,
        answers=AnswerCache(),
        clock=LoopClock(),
        new_id=lambda: f"{next(numbers):036d}",
    )
    running = asyncio.create_task(peer.run())

    async def bare_round_trip() -> None:
        await bare.send(CALL % next(numbers))
        await bare.recv()

    async def stack_round_trip() -> None:
        await peer.call(HeartbeatRequest())

    other_socket = await bare_connect(url, compression=None, ping_interval=None, proxy=None)
    other = ChargePoint("CP001", other_socket)
    other._unique_id_generator = lambda: f"{next(numbers):036d}"  # the server cuts ids of this length out of the text
    other_running = asyncio.create_task(other.start())

    async def other_round_trip() -> None:
        await other.call(call.Heartbeat())

    for warm_up in (bare_round_trip, stack_round_trip, other_round_trip):
        await _turn(warm_up, count)
    found = [
        (
            await _turn(bare_round_trip, count),
            await _turn(stack_round_trip, count),
            await _turn(other_round_trip, count // 4),
        )
        for _ in range(turns)
    ]
    running.cancel()
    other_running.cancel()
    await bare.close()
    await socket.close()
    await other_socket.close()
    return RoundTrips(
        bare_per_s=statistics.median(bare_rate for (bare_rate, _), _, _ in found),
        stack_per_s=statistics.median(stack_rate for _, (stack_rate, _), _ in found),
        ratio=statistics.median(stack_rate / bare_rate for (bare_rate, _), (stack_rate, _), _ in found),
        bare_cpu_us=statistics.median(bare_cpu for (_, bare_cpu), _, _ in found),
        stack_cpu_us=statistics.median(stack_cpu for _, (_, stack_cpu), _ in found),
        other_per_s=statistics.median(other_rate for _, _, (other_rate, _) in found),
    )


def measure(*, turns: int = 15, count: int = 300) -> RoundTrips:
    """Measure `turns` times `count` round trips of each kind; about five seconds with the defaults."""
    processes = multiprocessing.get_context("spawn")
    ours, theirs = processes.Pipe()
    server = processes.Process(target=server_process, args=(theirs,), daemon=True)
    server.start()
    try:
        return asyncio.run(_measure(ours.recv(), turns, count))
    finally:
        server.terminate()
        server.join()


def rows() -> list[Row]:
    """Measure, and return the lines of the benchmark table."""
    found = measure()
    ours, beside = f"{found.stack_per_s:.0f} /s", f"bare websockets {found.bare_per_s:.0f} /s"
    cpu = f"{found.stack_cpu_us:.0f} us processor", f"bare websockets {found.bare_cpu_us:.0f} us"
    return [
        Row("Heartbeat round trips", ours, beside, f"{found.ratio:.0%}", ">= 80%", found.ratio >= 0.8),
        Row("", cpu[0], cpu[1], f"{found.bare_cpu_us / found.stack_cpu_us:.0%}"),
        Row("", ours, f"PyPI ocpp {found.other_per_s:.0f} /s", f"{found.stack_per_s / found.other_per_s:.1f}x faster"),
    ]


if __name__ == "__main__":
    print(show(rows()))
