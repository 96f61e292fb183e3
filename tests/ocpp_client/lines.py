"""A connection with a station's `Peer` at one end and a test that plays the CSMS, text by text, at the other."""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Awaitable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from ocpp_client.answers import AnswerCache
from ocpp_client.catalogue import catalogue
from ocpp_client.clock import LoopClock
from ocpp_client.errors import ConnectionLost, Refuse
from ocpp_client.peer import Handler, Incoming, Peer, Reply
from ocpp_client.sockets import WebSocket
from ocpp_client.websocket import connect, serve

HEARTBEAT_ANSWER = '{"currentTime":"2026-05-01T12:00:00.000Z"}'


@asynccontextmanager
async def line(protocol: str = "ocpp1.6") -> AsyncIterator[tuple[WebSocket, WebSocket]]:
    """Both ends of a fresh connection: the station's and the CSMS's."""
    arrived: asyncio.Future[WebSocket] = asyncio.get_running_loop().create_future()
    over = asyncio.Event()

    async def hold(socket: WebSocket, _path: str, _headers: Mapping[str, str]) -> None:
        arrived.set_result(socket)
        await over.wait()

    async with await serve(hold, "127.0.0.1", 0, select_subprotocol=lambda offered: offered[0]) as server:
        ours = await connect(f"ws://127.0.0.1:{server.ports[0]}/CP1", subprotocols=[protocol])
        try:
            yield ours, await arrived
        finally:
            over.set()
            await ours.close()


async def refuse_all(_: Incoming) -> Reply:
    """Stand in for a station that supports nothing."""
    raise Refuse("NotSupported")


@asynccontextmanager
async def station(
    socket: WebSocket,
    *,
    handler: Handler = refuse_all,
    answers: AnswerCache | None = None,
    protocol: str = "ocpp1.6",
    **options: Any,
) -> AsyncIterator[Peer]:
    """A running peer on a socket. Ids are "1", "2", …; how its run ended is in `ended(peer)`."""
    numbers = itertools.count(1)
    peer = Peer(
        socket,
        catalogue(protocol),
        handler=handler,
        answers=answers or AnswerCache(),
        clock=LoopClock(),
        new_id=lambda: str(next(numbers)),
        **options,
    )
    running = asyncio.ensure_future(peer.run())
    _runs[peer] = running
    try:
        yield peer
    finally:
        running.cancel()
        await asyncio.wait([running])
        del _runs[peer]


_runs: dict[Peer, asyncio.Future[Any]] = {}


async def ended(peer: Peer) -> ConnectionLost:
    """Wait until the peer's run has ended, and return why."""
    try:
        await _runs[peer]
    except ConnectionLost as lost:
        return lost
    raise AssertionError("run() returned")


async def hear(socket: WebSocket) -> list[Any]:
    """Receive one message and decode it."""
    return json.loads(await socket.receive())  # type: ignore[no-any-return]


async def quiet(socket: WebSocket, duration_s: float) -> bool:
    """Tell whether nothing arrives for a while."""
    try:
        async with asyncio.timeout(duration_s):
            await socket.receive()
    except TimeoutError:
        return True
    return False


async def answer_heartbeat(csms: WebSocket) -> list[Any]:
    """Receive a CALL, answer it as a Heartbeat, and return it."""
    call = await hear(csms)
    await csms.send(f'[3,"{call[1]}",{HEARTBEAT_ANSWER}]')
    return call


def soon(work: Awaitable[Any]) -> asyncio.Future[Any]:
    """Start something without waiting for it."""
    return asyncio.ensure_future(work)
