"""A real redis-server of our own, on a free port, with nothing on disk."""

import asyncio
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

needs_redis = pytest.mark.skipif(shutil.which("redis-server") is None, reason="redis-server is not installed")


def free_port() -> int:
    """A TCP port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class RedisServer:
    """One process, which can be killed and started again on the same port."""

    def __init__(self, directory: Path, *, cluster: bool = False) -> None:
        """`cluster`: a Redis Cluster of one node, which refuses commands whose keys are in different slots."""
        self.port = free_port()
        self.cluster = cluster
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._directory = directory
        self._process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        """Start and wait until it answers; one that runs already loses what it holds."""
        if self._process is not None:
            await self.say("FLUSHALL")
            return
        self._spawn()
        async with asyncio.timeout(10):
            while not await self._answers():
                await asyncio.sleep(0.01)
            if self.cluster:
                await self.say("CLUSTER", "ADDSLOTSRANGE", "0", "16383")
                while await self.say("GET", "x") != b"$-1\r\n":
                    await asyncio.sleep(0.02)

    def _spawn(self) -> None:
        words = ["redis-server", "--port", str(self.port), "--save", "", "--appendonly", "no"]
        if self.cluster:
            words += ["--cluster-enabled", "yes", "--cluster-config-file", f"nodes-{self.port}.conf"]
            words += ["--cluster-port", str(free_port())]
        with (self._directory / f"redis-{self.port}.log").open("ab") as log:
            self._process = subprocess.Popen([*words, "--dir", str(self._directory)], stdout=log, stderr=log)

    def stop(self) -> None:
        """Kill it; everything it held is gone."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    async def say(self, *words: str) -> bytes:
        """One command; the first line of the answer."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(" ".join(words).encode() + b"\r\n")
            return await reader.readline()
        finally:
            writer.close()

    async def _answers(self) -> bool:
        try:
            return await self.say("PING") == b"+PONG\r\n"
        except OSError:
            return False
