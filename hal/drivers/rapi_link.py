"""Questions and answers with an OpenEVSE controller, on one serial port.

Rules:

- One request is under way at a time; its answer has `REPLY_TIMEOUT_S`, and it is asked `TRIES` times.
- Answers carry the sequence number of their request. Old firmware does not do that: then, after a request that nobody answered,
  nothing is asked until a late answer can no longer come.
- What the controller says unasked goes to `on_notice` at once, in order, also while a request is under way.
"""

import asyncio
import logging
import os
from collections.abc import Callable

from hal.codecs import rapi
from hal.codecs.rapi import REPLY_TIMEOUT_S, Booted, Button, Message, Other, Parser, Reply, State
from hal.drivers.serial_port import SerialPort
from hal.errors import DeviceLost, DeviceTimeout

log = logging.getLogger(__name__)

TRIES = 3
LAST_SEQUENCE = 0xFF

Notice = State | Booted | Button | Other


class _Port(SerialPort):
    """A serial port that can also be written to from an exit path."""

    def write_now(self, data: bytes) -> None:
        """Hand data to the line without waiting. Raises DeviceLost when not all of it is taken."""
        try:
            written = os.write(self._fd(), data)
        except OSError as error:
            raise DeviceLost(f"serial port {self.path} took nothing: {error.strerror}") from error
        if written < len(data):
            raise DeviceLost(f"serial port {self.path} took {written} of {len(data)} bytes")


class RapiLink:
    """The link to one controller. `on_lost` is called once when its port is gone."""

    def __init__(self, path: str, on_notice: Callable[[Notice], None], on_lost: Callable[[DeviceLost], None]) -> None:
        self._port = _Port(path, rapi.BAUD)
        self._on_notice = on_notice
        self._on_lost = on_lost
        self._parser = Parser()
        self._turn = asyncio.Lock()
        self._answer: asyncio.Future[Reply] | None = None  # of the request under way
        self._last_number = 0
        self._awaited_number: int | None = None  # of the request under way
        self._numbered: bool | None = None  # whether answers carry numbers; None before the first one
        self._quiet_until = 0.0  # loop time before which a late answer without number may come
        self._reader: asyncio.Task[None] | None = None
        self._closing = False
        self._loop: asyncio.AbstractEventLoop | None = None  # an exit path may come when it no longer runs

    @property
    def path(self) -> str:
        """The port's path."""
        return self._port.path

    @property
    def is_open(self) -> bool:
        """True from `open` until `close` or the loss of the port."""
        return self._port.is_open

    async def open(self) -> None:
        """Open the port. Raises DeviceLost."""
        await self._port.open()
        self._parser = Parser()
        self._numbered = None
        self._closing = False
        self._loop = asyncio.get_running_loop()
        self._reader = asyncio.create_task(self._read(), name=f"rapi {self.path}")

    async def ask(self, command: str, *arguments: str) -> Reply:
        """Send a request and return its answer, `$OK` or `$NK`. Raises DeviceTimeout, DeviceLost."""
        async with self._turn:
            for attempt in range(1, TRIES + 1):
                reply = await self._ask_once(command, arguments)
                if reply is not None:
                    return reply
                log.info("request without an answer path=%s command=%s attempt=%d", self.path, command, attempt)
            raise DeviceTimeout(
                f"no OpenEVSE answers ${command} at {self.path}; check its power, the wiring of RX and TX, and that this is its port"
            )

    def send_now(self, command: str) -> None:
        """Send a request from an exit path: no wait, no answer. Raises DeviceLost."""
        self._port.write_now(rapi.request(command, sequence=self._next_number()))
        if self._loop is not None:
            self._quiet_until = self._loop.time() + REPLY_TIMEOUT_S

    async def close(self) -> None:
        """Release the port; a request under way gets DeviceLost. Never raises."""
        self._closing = True
        await self._port.close()
        if self._reader is not None:
            await asyncio.wait([self._reader])
            self._reader = None

    async def _ask_once(self, command: str, arguments: tuple[str, ...]) -> Reply | None:
        """One attempt; None when no answer came in time, or one that says the request was damaged on its way."""
        loop = asyncio.get_running_loop()
        if self._numbered is False and self._quiet_until > loop.time():
            await asyncio.sleep(self._quiet_until - loop.time())
        number = self._awaited_number = self._next_number()
        self._answer = loop.create_future()
        self._quiet_until = loop.time() + 2 * REPLY_TIMEOUT_S  # unless the answer comes
        try:
            await self._port.write(rapi.request(command, *arguments, sequence=number))
            async with asyncio.timeout(REPLY_TIMEOUT_S):
                reply = await self._answer
        except TimeoutError:
            return None
        finally:
            self._answer = None
        self._quiet_until = loop.time()
        damaged = reply.sequence is None and self._numbered is not False
        return None if damaged else reply

    def _next_number(self) -> int | None:
        """The number for a request; None for firmware that does not repeat it."""
        if self._numbered is False:
            return None
        self._last_number = self._last_number % LAST_SEQUENCE + 1
        return self._last_number

    async def _read(self) -> None:
        """Body of the task that reads for the whole life of the open port."""
        try:
            while True:
                for message in self._parser.feed(await self._port.read_some()):
                    self._take(message)
        except DeviceLost as error:
            if self._answer is not None and not self._answer.done():
                self._answer.set_exception(error)
            if not self._closing:
                self._on_lost(error)

    def _take(self, message: Message) -> None:
        if not isinstance(message, Reply):
            self._on_notice(message)
        elif self._answer is None or self._answer.done() or not self._is_expected(message):
            log.info("late answer ignored path=%s", self.path)
        else:
            self._answer.set_result(message)

    def _is_expected(self, reply: Reply) -> bool:
        if self._numbered is None and reply.ok:
            self._numbered = reply.sequence is not None
            if not self._numbered:
                log.info("controller answers without numbers path=%s", self.path)
        if reply.sequence is not None:
            return reply.sequence == self._awaited_number
        # Without a number it is the answer of old firmware, or of newer firmware to a request that came damaged.
        return self._numbered is False or not reply.ok
