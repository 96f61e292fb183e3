"""A proxy and two workers as processes, as they would be deployed."""

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from tests.csms.conftest import Raw
from tests.csms.redis_server import RedisServer, free_port, needs_redis

pytestmark = needs_redis

SECRET = "a-secret-of-both"
START = {"connectorId": 1, "idTag": "TAG", "meterStart": 100, "timestamp": "2026-03-01T10:00:00Z"}
BEARER = {"Authorization": f"Bearer {SECRET}"}


class Process:
    """`python -m csms.doors …`"""

    def __init__(self, *words: str) -> None:
        self._words = words
        self.urls: list[str] = []
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        words = [sys.executable, "-m", "csms.doors", *self._words]
        self._process = await asyncio.create_subprocess_exec(
            *words,
            env={"WAYSIDE_CSMS_SECRET": SECRET},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        assert self._process.stdout is not None
        async with asyncio.timeout(40):
            for _ in range(2 if self._words[0] == "proxy" else 1):
                self.urls.append((await self._process.stdout.readline()).decode().split()[1])

    def signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    async def ended(self) -> int:
        assert self._process is not None
        async with asyncio.timeout(10):
            return await self._process.wait()

    async def close(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self.signal(signal.SIGKILL)
            await self._process.wait()


class Deployment:
    """One proxy in front of two workers."""

    def __init__(self, redis_url: str) -> None:
        ports = [free_port() for _ in range(3)]
        way_back = f"p1=http://127.0.0.1:{ports[0]}"
        self.workers = [
            Process("worker", "--redis", redis_url, "--listen", f"127.0.0.1:{port}", "--proxy", way_back)
            for port in ports[1:]
        ]
        urls = [word for port in ports[1:] for word in ("--worker", f"http://127.0.0.1:{port}")]
        listen = ("--listen", "127.0.0.1:0", "--api", f"127.0.0.1:{ports[0]}", "--drain", "0.2")
        self.proxy = Process("proxy", "--name", "p1", *listen, *urls)

    async def command(self, worker: Process, station: str) -> Any:
        async with httpx.AsyncClient(trust_env=False, headers=BEARER, timeout=20) as client:
            url = f"{worker.urls[0]}/stations/{station}/commands/ClearCache?timeout_s=10"
            return (await client.post(url, content=b"{}")).json()

    async def get(self, worker: Process, path: str) -> Any:
        async with httpx.AsyncClient(trust_env=False, headers=BEARER, timeout=20) as client:
            return (await client.get(f"{worker.urls[0]}/stations/{path}")).json()


@pytest.fixture
async def deployment(tmp_path: Path) -> AsyncIterator[Deployment]:
    redis = RedisServer(tmp_path)
    async with AsyncExitStack() as stack:
        stack.callback(redis.stop)
        await redis.start()
        found = Deployment(redis.url)
        for each in (*found.workers, found.proxy):
            stack.push_async_callback(each.close)
        await asyncio.gather(*(each.start() for each in (*found.workers, found.proxy)))
        yield found


async def test_a_worker_is_killed_and_nobody_notices(deployment: Deployment) -> None:
    """Calls, answers and commands go on over the worker that is left; at its end the proxy drains with 1012."""
    one, other = deployment.workers
    url, protocols = deployment.proxy.urls[0].replace("<identity>", "CP1"), [Subprotocol("ocpp1.6")]
    async with connect(url, subprotocols=protocols, ping_interval=None, proxy=None) as socket:
        raw = Raw(socket)
        first = await raw.ask([2, "s1", "StartTransaction", START])
        (begun,) = await deployment.get(other, "CP1/transactions")
        assert begun["transaction_id"] == str(first[2]["transactionId"])
        assert (await deployment.get(other, "CP1"))["connected"] is True
        messages = await deployment.get(other, "CP1/messages?limit=2")
        assert [(each["direction"], json.loads(each["text"])[:2]) for each in messages] == [
            ("in", [2, "s1"]),
            ("out", [3, "s1"]),
        ]
        assert (await deployment.get(other, "nobody"))["error"]["code"] == "unknown-station"
        assert (await answered(raw, deployment.command(one, "CP1")))["outcome"] == "answered"
        one.signal(signal.SIGKILL)
        await one.ended()
        for number in range(4):
            assert (await raw.ask([2, f"h{number}", "Heartbeat", {}]))[0] == 3
        assert await raw.ask([2, "s1", "StartTransaction", START]) == first
        assert (await answered(raw, deployment.command(other, "CP1")))["outcome"] == "answered"
        deployment.proxy.signal(signal.SIGTERM)
        assert await raw.closed() == 1012
    assert await deployment.proxy.ended() == 0


async def answered(raw: Raw, command: Any) -> Any:
    asked = asyncio.create_task(command)
    call = json.loads(await raw.socket.recv())
    await raw.send([3, call[1], {"status": "Accepted"}])
    return await asked


@pytest.mark.parametrize(
    ("words", "environment", "told"),
    [
        (("worker", "--redis", "redis://127.0.0.1"), {}, "WAYSIDE_CSMS_SECRET"),
        (("worker", "--redis", "redis://127.0.0.1", "--proxy", "p1"), {"WAYSIDE_CSMS_SECRET": "x"}, "NAME=URL"),
    ],
)
async def test_wrong_options_are_told(words: tuple[str, ...], environment: dict[str, str], told: str) -> None:
    """One line that says what to write, and exit code 2."""
    command = [sys.executable, "-m", "csms.doors", *words]
    process = await asyncio.create_subprocess_exec(*command, env=environment, stderr=asyncio.subprocess.PIPE)
    async with asyncio.timeout(20):
        _, errors = await process.communicate()
    assert (process.returncode, told in errors.decode()) == (2, True)
