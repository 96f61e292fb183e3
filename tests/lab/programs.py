"""Real programs of the lab: started on free ports of the loopback, stopped at the end."""

import asyncio
import shutil
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import SystemRandom

import pytest

START_S = 10.0


def found(program: str) -> str | None:
    """Where a program is, also where only root looks."""
    return shutil.which(program) or shutil.which(program, path="/usr/sbin:/sbin")


def needs(program: str) -> pytest.MarkDecorator:
    """Skip without the program."""
    return pytest.mark.skipif(found(program) is None, reason=f"{program} is not installed (scripts/prepare-tests)")


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on now.

    Not those that the system gives to whoever asks for any (32768 and up): somebody else would have one before it is used here.
    """
    chance = SystemRandom()
    ports: set[int] = set()
    while len(ports) < count:
        port = chance.randrange(12_000, 32_000)
        try:
            socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            continue
        ports.add(port)
    return list(ports)


@contextmanager
def running(command: Sequence[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A program in the foreground of its own process; it is killed at the end."""
    with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=output) as process:
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()


async def listens(port: int, host: str = "127.0.0.1") -> None:
    """Wait until something listens there."""
    async with asyncio.timeout(START_S):
        while True:
            try:
                _, writer = await asyncio.open_connection(host, port)
            except OSError:
                await asyncio.sleep(0.02)
            else:
                writer.close()
                return
