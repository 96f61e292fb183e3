"""Serial lines for tests: pseudo-terminals of this process, and cables made of socat."""

import asyncio
import contextlib
import os
import shutil
import tty
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

needs_socat = pytest.mark.skipif(shutil.which("socat") is None, reason="socat is not installed (apt-get install socat)")


class FarEnd:
    """The other end of a serial line: the test holds it, the driver opens `path`."""

    def __init__(self) -> None:
        self.fd, self._near = os.openpty()
        tty.setraw(self._near)
        os.set_blocking(self.fd, False)
        self.path = os.ttyname(self._near)  # `_near` stays open, so that the line survives a driver that closes it

    def send(self, data: bytes) -> None:
        """Put bytes on the line."""
        assert os.write(self.fd, data) == len(data)

    async def receive(self, count: int) -> bytes:
        """Wait for so many bytes from the driver."""
        data = b""
        while len(data) < count:
            await readable(self.fd)
            data += os.read(self.fd, count - len(data))
        return data

    def unplug(self) -> None:
        """The line is gone, as when a USB adapter is pulled out."""
        for fd in (self.fd, self._near):
            if fd >= 0:
                os.close(fd)
        self.fd = self._near = -1


@contextlib.contextmanager
def far_end() -> Iterator[FarEnd]:
    """A serial line whose other end the test holds."""
    end = FarEnd()
    try:
        yield end
    finally:
        end.unplug()


@contextlib.asynccontextmanager
async def cable(left: Path, right: Path) -> AsyncIterator[None]:
    """Two pseudo-terminals joined by socat, at the given paths. Leaving the context unplugs both ends."""
    process = await asyncio.create_subprocess_exec(
        "socat",
        "-d",
        "-d",
        f"pty,raw,echo=0,link={left}",
        f"pty,raw,echo=0,link={right}",
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,  # a child with the test runner's own pipes keeps it waiting for their end
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stderr is not None
        while b"starting data transfer loop" not in (line := await process.stderr.readline()):
            assert line, "socat has ended"
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        for link in (left, right):
            link.unlink(missing_ok=True)


async def readable(fd: int) -> None:
    """Wait until a descriptor has something to read."""
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_reader(fd, ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_reader(fd)
