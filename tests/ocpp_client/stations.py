"""A link under test, and scripted central systems for it to live with."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from ocpp_client.answers import AnswerCache
from ocpp_client.backoff import Backoff, BackoffPolicy
from ocpp_client.catalogue import catalogue
from ocpp_client.clock import LoopClock
from ocpp_client.endpoint import Target
from ocpp_client.errors import ConnectionLost
from ocpp_client.link import Connected, Link
from ocpp_client.link_status import LinkState, LinkStatus
from ocpp_client.peer import Peer
from ocpp_client.sockets import Rejection, WebSocket
from ocpp_client.v16 import BootNotificationRequest
from ocpp_client.websocket import WebSocketServer, connect, serve
from tests.ocpp_client.lines import hear, refuse_all, soon

STEADY = BackoffPolicy(start_s=2, factor=2, cap_s=60, jitter_ratio=0)
BOOT = BootNotificationRequest(charge_point_vendor="V", charge_point_model="M")
BOOTED = '{"status":"Accepted","currentTime":"2026-05-01T12:00:00Z","interval":300}'

Script = Callable[[WebSocket], Awaitable[None]]


async def mute(socket: WebSocket) -> None:
    """A CSMS that takes everything and answers nothing."""
    while True:
        await socket.receive()


async def accepting(socket: WebSocket) -> None:
    """A CSMS that accepts every boot, and answers every other call as a Heartbeat."""
    while True:
        call = await hear(socket)
        answer = BOOTED if call[2] == "BootNotification" else '{"currentTime":"2026-05-01T12:00:00Z"}'
        await socket.send(f'[3,"{call[1]}",{answer}]')


def closing(code: int, reason: str = "", *, after_s: float = 0.1) -> Script:
    """A CSMS that closes each connection soon."""

    async def script(socket: WebSocket) -> None:
        taking = asyncio.ensure_future(accepting(socket))
        await asyncio.sleep(after_s)
        taking.cancel()
        await socket.close(code, reason)

    return script


@dataclass
class Csms:
    """A scripted server; it notes when connections came, with which path and headers."""

    server: WebSocketServer
    script: Script = accepting
    rejection: Rejection | None = None
    chosen: Callable[[Any], str | None] = lambda offered: offered[0]
    came: list[float] = field(default_factory=list)
    headers: list[Mapping[str, str]] = field(default_factory=list)
    ended: list[ConnectionLost] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.server.ports[0]}/ocpp/CP1?token=hunter2"


async def csms(**settings: Any) -> Csms:
    """Start a scripted server."""
    one: list[Csms] = []

    async def handle(socket: WebSocket, path: str, headers: Mapping[str, str]) -> None:
        assert path == "/ocpp/CP1?token=hunter2"
        try:
            await one[0].script(socket)
        except ConnectionLost as lost:
            one[0].ended.append(lost)

    async def check(_path: str, headers: Mapping[str, str]) -> Rejection | None:
        one[0].came.append(asyncio.get_running_loop().time())
        one[0].headers.append(headers)
        return one[0].rejection

    def choose(offered: Sequence[str]) -> str | None:
        return one[0].chosen(offered)

    server = await serve(
        handle,
        "127.0.0.1",
        0,
        select_subprotocol=choose,
        process_request=check,
    )
    one.append(Csms(server, **settings))
    return one[0]


async def boot(connection: Connected) -> None:
    """A session that boots, with a time-out of its own, and then has nothing more to do."""
    await connection.peer.call(BOOT, timeout_s=20)
    connection.accepted()


class Station:
    """A link under test, with what it told on the way."""

    def __init__(self, target: Csms | Callable[[], Target], *, policy: BackoffPolicy = STEADY, **settings: Any) -> None:
        self.told: list[LinkStatus] = []
        self.backoff = Backoff(policy, Random(1))
        numbers = itertools.count(1)
        protocols = settings.pop("protocols", ("ocpp1.6",))
        credentials = settings.pop("credentials", None)
        accept = settings.pop("accept_missing_subprotocol", True)

        def fixed() -> Target:
            assert isinstance(target, Csms)
            return Target(target.url, protocols, credentials, accept_missing_subprotocol=accept)

        def peer(socket: WebSocket, protocol: str) -> Peer:
            return Peer(
                socket,
                catalogue(protocol),
                handler=refuse_all,
                answers=AnswerCache(),
                clock=LoopClock(),
                new_id=lambda: str(next(numbers)),
            )

        given: dict[str, Any] = {"session": boot, "ping_interval_s": 0, **settings}
        self.link = Link(
            target=fixed if isinstance(target, Csms) else target,
            open_peer=peer,
            backoff=self.backoff,
            clock=LoopClock(),
            dial=connect,
            on_change=self.told.append,
            **given,
        )
        self.running = soon(self.link.run())

    @property
    def status(self) -> LinkStatus:
        return self.link.status

    @property
    def rtt_s(self) -> float:
        """The last round trip of a ping; 0 if there was none."""
        return self.status.rtt_s or 0.0

    @property
    def kinds(self) -> list[str]:
        """The kinds of all drops so far."""
        seen = [status.last_drop for status in self.told if status.state is LinkState.WAITING]
        return [drop.kind for drop in seen if drop is not None]

    async def reach(self, state: LinkState) -> None:
        """Wait until the link is in a state; fail after an hour."""
        for _ in range(36_000):
            if self.status.state is state:
                return
            await asyncio.sleep(0.1)
        raise AssertionError(f"never {state}, but {self.status}")


def gaps(times: list[float]) -> list[float]:
    """The time between one attempt and the next."""
    return [round(after - before, 1) for before, after in itertools.pairwise(times)]
