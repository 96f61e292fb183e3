"""A serial line that never blocks the event loop. The only file that imports pyserial.

pyserial is used for what is hard to get right by hand: the line settings (raw mode, any baud rate, parity) and the exclusive lock.
Reading and writing then go to its file descriptor, which pyserial opens non-blocking: the event loop says when it is ready, so no
thread waits for bytes and a reading can be cancelled at any moment. Only the opening, where a driver in the kernel may take its
time, runs in a worker thread, bounded by `OPEN_TIMEOUT_S`.

A path is looked up again at each opening: a link under `/dev/serial/by-id/` finds its adapter again in whatever socket it is
plugged, which `/dev/ttyUSB0` does not.
"""

import asyncio
import errno
import logging
import os
import termios
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import serial

from hal.errors import DeviceLost, DeviceTimeout

log = logging.getLogger(__name__)

OPEN_TIMEOUT_S = 5.0  # a kernel driver that takes longer than this to open hangs
WRITE_GRACE_S = 1.0  # beyond the time that the bytes themselves take
READ_BYTES = 4096  # what the kernel keeps of a line
BITS_PER_BYTE = 12  # start, eight data, parity and two stop bits: the slowest line there is

PARITIES = ("N", "E", "O")


class SerialPort:
    """One serial line, used by one task at a time for reading and one for writing.

    `path` is a device file, best a link under /dev/serial/by-id. The object can be opened again after `close` and after a loss.
    Every method raises DeviceLost when the port is not open, is gone, or is used by another program; the text says which.
    Raises ValueError for line settings that no line has.
    """

    def __init__(self, path: str, baud: int = 9600, parity: str = "N", data_bits: int = 8, stop_bits: int = 1) -> None:
        if parity not in PARITIES:
            raise ValueError(f"parity {parity!r} of {path}: one of {', '.join(PARITIES)}")
        if data_bits not in {7, 8} or stop_bits not in {1, 2}:
            raise ValueError(f"{path}: 7 or 8 data bits and 1 or 2 stop bits, not {data_bits} and {stop_bits}")
        if baud <= 0:
            raise ValueError(f"baud of {path} must be positive, not {baud}")
        self.path = path
        self.baud = baud
        self.parity = parity
        self.data_bits = data_bits
        self.stop_bits = stop_bits
        self._device: serial.Serial | None = None
        self._waits: set[asyncio.Future[None]] = set()  # of those who wait for the line, so that `close` can end them

    @property
    def is_open(self) -> bool:
        """True from `open` until `close` or the loss of the port."""
        return self._device is not None

    @property
    def settings(self) -> str:
        """The line settings in the usual short form, as "9600 8N1"."""
        return f"{self.baud} {self.data_bits}{self.parity}{self.stop_bits}"

    async def open(self) -> None:
        """Open the port for this program alone and forget what was received before. Does nothing when it is open."""
        if self._device is not None:
            return
        opening = asyncio.get_running_loop().run_in_executor(None, self._open_device)
        try:
            self._device = await asyncio.wait_for(asyncio.shield(opening), OPEN_TIMEOUT_S)
        except TimeoutError:
            opening.add_done_callback(_close_late)
            raise DeviceLost(f"serial port {self.path}: opening hangs; unplug the adapter or power-cycle it") from None
        except asyncio.CancelledError:
            opening.add_done_callback(_close_late)
            raise
        log.info("serial port open path=%s settings=%s", self.path, self.settings)

    async def read_some(self) -> bytes:
        """Wait for bytes and return what there is, at least one byte."""
        loop = asyncio.get_running_loop()
        while not (data := self.read_waiting()):
            await self._ready(self._fd(), loop.add_reader, loop.remove_reader)
        return data

    def read_waiting(self) -> bytes:
        """What has been received and not read, without waiting; empty when that is nothing."""
        fd = self._fd()
        try:
            data = os.read(fd, READ_BYTES)
        except BlockingIOError:
            return b""
        except OSError as error:
            raise self._lost(error.strerror or "read failed") from error
        if not data:  # end of file on a terminal is a hang-up
            raise self._lost("hung up")
        return data

    async def write(self, data: bytes) -> None:
        """Hand all of `data` to the line. Raises DeviceTimeout when the line does not take it in the time its speed allows."""
        within_s = WRITE_GRACE_S + len(data) * BITS_PER_BYTE / self.baud
        try:
            async with asyncio.timeout(within_s):
                await self._write_all(memoryview(data))
        except TimeoutError:
            raise DeviceTimeout(
                f"serial port {self.path} took no more data for {within_s:.1f} s; is something holding the line?"
            ) from None

    def discard_input(self) -> None:
        """Forget what has been received and not read."""
        fd = self._fd()
        try:
            termios.tcflush(fd, termios.TCIFLUSH)
        except termios.error as error:
            raise self._lost(str(error.args[-1])) from error

    async def close(self) -> None:
        """Release the port; whoever waits for it gets DeviceLost. What is not sent yet is dropped. Never raises."""
        self._release("closed")

    def _open_device(self) -> serial.Serial:
        try:
            return serial.Serial(
                self.path,
                baudrate=self.baud,
                parity=self.parity,
                bytesize=self.data_bits,
                stopbits=self.stop_bits,
                exclusive=True,
                inter_byte_timeout=0,  # asks for VMIN=1: then reading nothing means a hang-up, and not that nothing came
            )
        except serial.SerialException as error:
            raise DeviceLost(f"serial port {self.path}: {_reason(error)}") from error
        except (termios.error, OSError, ValueError) as error:
            raise DeviceLost(f"serial port {self.path} does not take {self.settings}: {error}") from error

    def _fd(self) -> int:
        if self._device is None:
            raise DeviceLost(f"serial port {self.path} is not open")
        fd = self._device.fileno()
        assert isinstance(fd, int)
        return fd

    async def _write_all(self, rest: memoryview) -> None:
        loop = asyncio.get_running_loop()
        while rest:
            fd = self._fd()
            try:
                rest = rest[os.write(fd, rest) :]
            except BlockingIOError:
                await self._ready(fd, loop.add_writer, loop.remove_writer)
            except OSError as error:
                raise self._lost(error.strerror or "write failed") from error

    async def _ready(self, fd: int, add: Callable[..., Any], remove: Callable[[int], bool]) -> None:
        """Wait until the event loop finds the descriptor ready for what `add` asks."""
        device = self._device
        ready = asyncio.get_running_loop().create_future()
        self._waits.add(ready)
        add(fd, _wake, ready)
        try:
            await ready
        finally:
            self._waits.discard(ready)
            if self._device is device:  # else the release has removed it, and the number may belong to another file
                remove(fd)

    def _lost(self, why: str) -> DeviceLost:
        """The port is gone: release it and return the error to raise."""
        log.warning("serial port lost path=%s reason=%s", self.path, why)
        error = DeviceLost(f"serial port {self.path} is lost ({why}); is the adapter unplugged or without power?")
        self._release(str(error))
        return error

    def _release(self, why: str) -> None:
        device, self._device = self._device, None
        if device is None:
            return
        fd = device.fileno()
        loop = asyncio.get_running_loop()
        loop.remove_reader(fd)
        loop.remove_writer(fd)
        for wait in self._waits:
            if not wait.done():
                wait.set_exception(DeviceLost(f"serial port {self.path}: {why}"))
        with suppress(OSError, termios.error):  # a port that is gone cannot be emptied
            termios.tcflush(fd, termios.TCIOFLUSH)  # else the kernel waits, up to 30 s, for a line that takes nothing
        _close_device(device)


def _wake(wait: asyncio.Future[None]) -> None:
    if not wait.done():
        wait.set_result(None)


def _close_device(device: serial.Serial) -> None:
    try:
        device.close()
    except (OSError, termios.error) as error:
        log.info("serial port closed with an error path=%s error=%s", device.port, error)


def _close_late(opening: asyncio.Future[serial.Serial]) -> None:
    """The port opened after its opener had given up."""
    if not opening.cancelled() and opening.exception() is None:
        _close_device(opening.result())


def _reason(error: serial.SerialException) -> str:
    """What a failed opening means to the person at the device."""
    return _REASONS.get(error.errno or 0, str(error))


_REASONS = {
    errno.ENOENT: "there is no such device; is the adapter plugged in?",
    errno.EACCES: "permission denied; the program's user must be in the group that owns the device (often dialout)",
    errno.EAGAIN: "another program is using it",
    errno.EBUSY: "another program is using it",
}
