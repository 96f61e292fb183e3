"""Nodes as processes of their own, and charge points that are connected to them."""

import asyncio
import json
import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from typing import Any
from urllib.parse import quote

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from tests.csms.cluster.node_main import run

PATIENCE_S = 15.0
START_S = 40.0  # for a process, beside others that want the processor too


_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(["tests.csms.cluster.node_main"])


class NodeProcess:
    """`wayside csms --redis … --node-id …` in a process of its own."""

    def __init__(self, name: str, redis_url: str, *options: str) -> None:
        self.name = name
        self.ws_url = ""
        self.api_url = ""
        self._words = ["csms", "--redis", redis_url, "--node-id", name, "--listen", "127.0.0.1:0", *options]
        self._process: BaseProcess | None = None
        self.client = httpx.AsyncClient(timeout=PATIENCE_S * 2, trust_env=False)

    async def start(self) -> None:
        """Start it and wait until it listens."""
        ours, theirs = _FORKS.Pipe(duplex=False)
        self._process = _FORKS.Process(target=run, args=([*self._words, "--api", "127.0.0.1:0"], theirs), daemon=True)
        await asyncio.to_thread(self._process.start)
        theirs.close()
        async with asyncio.timeout(START_S):
            first, second = await asyncio.to_thread(_two_lines, ours.fileno())
        ours.close()
        self.ws_url, self.api_url = first.split()[1].removesuffix("/<identity>"), second.split()[1]

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        assert self._process is not None
        assert self._process.pid is not None
        os.kill(self._process.pid, number)

    async def kill(self) -> None:
        """kill -9."""
        self.signal(signal.SIGKILL)
        await self.ended()

    async def ended(self) -> None:
        """Wait for its end."""
        assert self._process is not None
        await asyncio.to_thread(self._process.join, PATIENCE_S)
        assert self._process.exitcode is not None

    async def close(self) -> None:
        """Whatever state it is in, end it."""
        if self._process is not None and self._process.is_alive():
            await self.kill()
        await self.client.aclose()

    async def command(self, station: str, action: str = "ClearCache", **options: Any) -> dict[str, Any]:
        """Call a station through this node's API; the answer as JSON."""
        key = options.pop("key", None)
        response = await self.client.post(
            f"{self.api_url}/stations/{station}/commands/{action}",
            params={"unchecked": 1, **options},
            headers={} if key is None else {"Idempotency-Key": key},
            content=b"{}",
        )
        found: dict[str, Any] = response.json()
        return found

    async def get(self, path: str) -> Any:
        """A JSON document of the API."""
        return (await self.client.get(f"{self.api_url}{path}")).json()

    async def figures(self) -> dict[str, float]:
        """The metrics, without labels."""
        text = (await self.client.get(f"{self.api_url}/metrics")).text
        lines = [line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#")]
        return {name.partition("{")[0]: float(value) for name, value in lines}


class ChargePoint:
    """A station of one WebSocket: it answers every call with Accepted, once it may, and notes what it was asked."""

    def __init__(self, identity: str) -> None:
        self.identity = identity
        self.seen: list[tuple[str, float]] = []  # message id, monotonic time
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.called = asyncio.Event()
        self._answers: dict[str, asyncio.Future[Any]] = {}
        self._socket: ClientConnection | None = None
        self._reading: asyncio.Task[None] | None = None
        self._sent = 0

    async def connect(self, node: NodeProcess) -> "ChargePoint":
        """Connect and boot."""
        self._socket = await connect(
            f"{node.ws_url}/{quote(self.identity, safe='')}",
            subprotocols=[Subprotocol("ocpp1.6")],
            ping_interval=None,
            proxy=None,
            compression=None,
        )
        self._reading = asyncio.create_task(self._read(self._socket))
        boot = {"chargePointVendor": "Example", "chargePointModel": "Kerb 22"}
        assert (await self.call("BootNotification", boot))["status"] == "Accepted"
        return self

    async def call(self, action: str, payload: dict[str, Any], message_id: str | None = None) -> Any:
        """Call the central system; the payload of its result."""
        self._sent += 1
        message_id = message_id or f"{self.identity}-{self._sent}-{time.monotonic_ns()}"
        future = self._answers[message_id] = asyncio.get_running_loop().create_future()
        assert self._socket is not None
        await self._socket.send(json.dumps([2, message_id, action, payload]))
        async with asyncio.timeout(PATIENCE_S):
            return await future

    async def closed(self) -> int | None:
        """Wait until the connection is gone; its close code."""
        assert self._socket is not None
        async with asyncio.timeout(PATIENCE_S):
            await self._socket.wait_closed()
        return self._socket.close_code

    async def close(self) -> None:
        """End the connection."""
        if self._socket is not None:
            await self._socket.close()
        if self._reading is not None:
            await self._reading

    def abandon(self) -> None:
        """Lose the connection without a word."""
        assert self._socket is not None
        self._socket.transport.abort()

    @property
    def ids(self) -> list[str]:
        """The ids of the calls that came in."""
        return [message_id for message_id, _ in self.seen]

    async def _read(self, socket: ClientConnection) -> None:
        try:
            async for text in socket:
                kind, message_id, *rest = json.loads(text)
                if kind == 2:
                    self.seen.append((message_id, time.monotonic()))
                    self.called.set()
                    await self.may_answer.wait()
                    await socket.send(json.dumps([3, message_id, {"status": "Accepted"}]))
                elif message_id in self._answers:
                    self._answers.pop(message_id).set_result(rest[0] if kind == 3 else rest)
        except ConnectionClosed:
            return


async def until(condition: Callable[[], Any], timeout_s: float = PATIENCE_S) -> None:
    """Wait for what happens in another process; there is no event to wait for."""
    async with asyncio.timeout(timeout_s):
        while True:
            found = condition()
            if await found if hasattr(found, "__await__") else found:
                return
            await asyncio.sleep(0.02)


def _two_lines(descriptor: int) -> list[str]:
    with os.fdopen(os.dup(descriptor), encoding="utf-8") as output:
        return [output.readline(), output.readline()]
