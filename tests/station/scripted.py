"""A small central system that behaves as a test tells it to, written on the bare WebSocket library."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

Answer = dict[str, Any] | str | None
"""Payload of a CALLRESULT, raw text to send as it is, or None for silence."""


@dataclass(frozen=True, slots=True)
class Call:
    """A CALL of the station."""

    at: float  # virtual seconds
    id: str
    action: str
    payload: dict[str, Any]
    connection: int


@dataclass(slots=True)
class Error:
    """Answer with a CALLERROR."""

    code: str = "InternalError"


Script = Callable[[Call], Answer | Error | Awaitable[Answer | Error]]


@dataclass
class Scripted:
    """The central system. `scripts` maps actions to what answers them; the rest is answered kindly."""

    now_s: Callable[[], float]  # POSIX seconds
    subprotocol: str | None = "ocpp1.6"
    insists: bool = False  # on its subprotocol, offered or not
    interval_s: int = 300
    statuses_at_boot: int = 3  # of the station and of each connector
    scripts: dict[str, Script] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    transactions: list[dict[str, Any]] = field(default_factory=list)
    connections: list[ServerConnection] = field(default_factory=list)
    closed: list[int | None] = field(default_factory=list)
    received: list[str] = field(default_factory=list)  # in order: the actions of calls, and "answer"
    ignored: list[str] = field(default_factory=list)  # frames that were no CALL and matched nothing
    on_connect: Callable[[ServerConnection], Awaitable[None]] | None = None
    on_upgrade: Callable[[ServerConnection, Request], Response | None] | None = None  # may refuse the upgrade
    _tasks: set["asyncio.Task[None]"] = field(default_factory=set)
    _answers: dict[str, "asyncio.Future[list[Any]]"] = field(default_factory=dict)
    _sent: int = 0
    _heard: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self, port: int = 9000) -> None:
        """Serve for ever."""

        def choose(_connection: ServerConnection, offered: Any) -> Any:
            return self.subprotocol if self.insists or self.subprotocol in offered else None

        def upgrade(connection: ServerConnection, request: Request) -> Response | None:
            return self.on_upgrade(connection, request) if self.on_upgrade is not None else None

        async with serve(
            self._serve,
            "0.0.0.0",
            port,
            process_request=upgrade,
            select_subprotocol=choose,
            compression=None,
            ping_interval=None,
        ) as server:
            await server.serve_forever()

    async def _serve(self, socket: ServerConnection) -> None:
        self.connections.append(socket)
        number = len(self.connections) - 1
        if self.on_connect is not None:
            await self.on_connect(socket)
        try:
            async for text in socket:
                frame = json.loads(text)
                self.received.append(frame[2] if frame[0] == 2 else "answer")
                if frame[0] == 2:
                    await self._called(socket, Call(self._time(), frame[1], frame[2], frame[3], number))
                elif frame[1] in self._answers and not self._answers[frame[1]].done():
                    self._answers.pop(frame[1]).set_result(frame)
                else:
                    self.ignored.append(str(text))
        except ConnectionClosed:
            pass
        self.closed.append(socket.close_code)

    @staticmethod
    def _time() -> float:
        return asyncio.get_running_loop().time()

    async def _called(self, socket: ServerConnection, call: Call) -> None:
        self.calls.append(call)
        self._heard.set()
        answer = self.scripts.get(call.action, self.kindly)(call)
        if isinstance(answer, Awaitable):
            task = asyncio.ensure_future(self._answer_later(socket, call, answer))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        else:
            await self._answer(socket, call, answer)

    async def _answer_later(self, socket: ServerConnection, call: Call, answer: Awaitable[Answer | Error]) -> None:
        await self._answer(socket, call, await answer)

    async def _answer(self, socket: ServerConnection, call: Call, answer: Answer | Error) -> None:
        try:
            if isinstance(answer, Error):
                await socket.send(json.dumps([4, call.id, answer.code, "", {}]))
            elif isinstance(answer, str):
                await socket.send(answer)
            elif answer is not None:
                await socket.send(json.dumps([3, call.id, answer]))
        except ConnectionClosed:
            pass

    def time(self) -> str:
        """currentTime."""
        return datetime.fromtimestamp(self.now_s(), UTC).isoformat().replace("+00:00", "Z")

    def kindly(self, call: Call) -> Answer:
        """What a well-meaning central system answers."""
        match call.action:
            case "BootNotification":
                return {"status": "Accepted", "currentTime": self.time(), "interval": self.interval_s}
            case "Heartbeat":
                return {"currentTime": self.time()}
            case "Authorize":
                return {"idTagInfo": {"status": "Accepted"}}
            case "StartTransaction":
                return self.start(call)
            case "StopTransaction":
                return self.stop(call)
            case "DataTransfer":
                return {"status": "Accepted"}
        return {}

    def start(self, call: Call, status: str = "Accepted", **info: Any) -> Answer:
        """Record a StartTransaction and give it the next id."""
        self.transactions.append({"id": len(self.transactions) + 1, "start": call.payload, "stop": None})
        return {"transactionId": len(self.transactions), "idTagInfo": {"status": status, **info}}

    def stop(self, call: Call) -> Answer:
        """Record a StopTransaction."""
        for transaction in self.transactions:
            if transaction["id"] == call.payload["transactionId"]:
                transaction["stop"] = call.payload
        return {}

    def named(self, action: str) -> list[Call]:
        """CALLs of one action, oldest first."""
        return [call for call in self.calls if call.action == action]

    def statuses(self, connector: int = 1) -> list[str]:
        """The statuses told of a connector."""
        found = self.named("StatusNotification")
        return [call.payload["status"] for call in found if call.payload["connectorId"] == connector]

    async def heard(self, action: str, count: int = 1, timeout_s: float = 120.0) -> Call:
        """Wait until an action came `count` times; returns the last of them."""
        async with asyncio.timeout(timeout_s):
            while len(self.named(action)) < count:
                self._heard.clear()
                await self._heard.wait()
        return self.named(action)[count - 1]

    async def ask(self, action: str, payload: dict[str, Any], *, message_id: str | None = None) -> dict[str, Any]:
        """Send a CALL on the newest connection and return its answer's payload; a CALLERROR comes as {"error": code}."""
        frame = await self.ask_frame(action, payload, message_id=message_id)
        return frame[2] if frame[0] == 3 else {"error": frame[2]}

    async def ask_frame(self, action: str, payload: Any, *, message_id: str | None = None) -> list[Any]:
        """Send a CALL and return the whole answer."""
        self._sent += 1
        message_id = message_id or f"server-{self._sent}"
        future: asyncio.Future[list[Any]] = asyncio.get_running_loop().create_future()
        self._answers[message_id] = future
        await self.connections[-1].send(json.dumps([2, message_id, action, payload]))
        async with asyncio.timeout(60):
            return await future

    async def say(self, message: str | bytes) -> None:
        """Send anything on the newest connection."""
        await self.connections[-1].send(message)

    async def answer_to(self, message: str, message_id: str) -> list[Any]:
        """Send any text and return the answer that names this id."""
        future: asyncio.Future[list[Any]] = asyncio.get_running_loop().create_future()
        self._answers[message_id] = future
        await self.say(message)
        async with asyncio.timeout(60):
            return await future

    async def close(self, code: int, reason: str = "") -> None:
        """Close the newest connection."""
        await self.connections[-1].close(code, reason)

    def authorise(self, status: str, **info: Any) -> None:
        """Answer every Authorize so from now on."""
        self.scripts["Authorize"] = lambda call: {"idTagInfo": {"status": status, **info}}
