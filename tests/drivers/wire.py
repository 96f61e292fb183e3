"""The far end of a serial line: a pseudo-terminal, and what real lines do to bytes."""

import asyncio
import os
import tty
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable

Transport = Literal["whole", "bytewise", "lossy", "delayed"]
TRANSPORTS: tuple[Transport, ...] = ("whole", "bytewise", "lossy", "delayed")
BYTE_S = 0.001
DELAY_S = 0.15
LOSS = 0.01  # of all bytes


class Wire:
    """A device's end of a line. `path` is a link, as udev makes one: it survives unplugging and plugging in again.

    `on_data` is called with what the program writes. `send` carries bytes to the program by the chosen transport.
    """

    def __init__(self, folder: Path, transport: Transport = "whole", seed: int = 0) -> None:
        self.path = str(folder / "device")
        self.on_data: Callable[[bytes], None] = lambda _data: None
        self.heard = b""  # all that the program has written
        self._transport = transport
        self._rng = Random(seed)
        self._master = self._slave = -1
        self._free_at = 0.0  # when the line has carried what was sent before
        self.plug()

    def plug(self) -> None:
        """Plug the device in; its number may be another one than before."""
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        link = Path(self.path)
        link.unlink(missing_ok=True)
        link.symlink_to(os.ttyname(self._slave))
        asyncio.get_running_loop().add_reader(self._master, self._read)

    def unplug(self) -> None:
        """Pull it out: the program's end hangs up."""
        if self._master >= 0:
            asyncio.get_running_loop().remove_reader(self._master)
            os.close(self._slave)
            os.close(self._master)
            Path(self.path).unlink()
        self._master = self._slave = -1

    def send(self, data: bytes) -> None:
        """Towards the program."""
        match self._transport:
            case "whole":
                self._write(data)
            case "lossy":
                self._write(bytes(byte for byte in data if self._rng.random() >= LOSS))
            case "bytewise":
                for byte in data:
                    self._later(BYTE_S, bytes([byte]))
            case "delayed":
                self._later(DELAY_S, data)

    def _later(self, seconds: float, data: bytes) -> None:
        """Write after what is on the line already."""
        loop = asyncio.get_running_loop()
        self._free_at = max(self._free_at, loop.time()) + seconds
        loop.call_at(self._free_at, self._write, data)

    def _write(self, data: bytes) -> None:
        if self._master >= 0:
            os.write(self._master, data)

    def _read(self) -> None:
        with suppress(BlockingIOError, OSError):
            data = os.read(self._master, 4096)
            if self._transport == "lossy":
                data = bytes(byte for byte in data if self._rng.random() >= LOSS)
            self.heard += data
            self.on_data(data)
