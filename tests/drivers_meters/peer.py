"""A Modbus slave with bad manners, on the far end of a pseudo-terminal."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

from hal.drivers.modbus_bus import ModbusBus
from hal.drivers.modbus_lines import RtuLine
from hal.drivers.serial_port import SerialPort
from tests.drivers_meters.lines import FarEnd, far_end
from tests.drivers_meters.slaves import BAUD, clock
from tests.drivers_meters.wire import request_fields

Fields = tuple[int, int, int, int]  # unit, function, address, count
Behaviour = Callable[[Fields], bytes | None]

REQUEST_BYTES = 8
ANSWER_WITHIN_S = 0.15  # so that tests of silence are short; enough for a loaded machine


class Peer:
    """Answers each request with what `behave` returns for it; None is silence. `asked` keeps what came, in order."""

    def __init__(self, line: FarEnd, behave: Behaviour) -> None:
        self.line = line
        self.behave = behave
        self.asked: list[Fields] = []
        self.heard = asyncio.Condition()

    async def run(self) -> None:
        """Answer for ever."""
        while True:
            fields = request_fields(await self.line.receive(REQUEST_BYTES))
            async with self.heard:
                self.asked.append(fields)
                self.heard.notify_all()
            await self.deliver(self.behave(fields))

    async def deliver(self, data: bytes | None) -> None:
        """Put an answer on the line."""
        if data:
            self.line.send(data)

    async def has_heard(self, count: int) -> None:
        """Wait until so many requests have come."""
        async with self.heard:
            await self.heard.wait_for(lambda: len(self.asked) >= count)


class BytewisePeer(Peer):
    """Sends each byte by itself, and lets the other side look at it before the next."""

    async def deliver(self, data: bytes | None) -> None:
        """One byte at a time."""
        for byte in data or b"":
            self.line.send(bytes([byte]))
            await asyncio.sleep(0.001)


class DelayedPeer(Peer):
    """Takes its time, but not more than the bus grants."""

    async def deliver(self, data: bytes | None) -> None:
        """Later."""
        await asyncio.sleep(ANSWER_WITHIN_S / 3)
        await super().deliver(data)


class LossyPeer(Peer):
    """Loses a byte of every other answer."""

    async def deliver(self, data: bytes | None) -> None:
        """With a gap in it, or whole."""
        if data and len(self.asked) % 2:
            lost = len(self.asked) % len(data)
            data = data[:lost] + data[lost + 1 :]
        await super().deliver(data)


TRANSPORTS: dict[str, type[Peer]] = {
    "whole": Peer,
    "byte by byte": BytewisePeer,
    "lossy": LossyPeer,
    "delayed": DelayedPeer,
}


@contextlib.asynccontextmanager
async def bus_with(behave: Behaviour, kind: type[Peer] = Peer) -> AsyncIterator[tuple[ModbusBus, Peer]]:
    """An open bus with the peer at its other end."""
    with far_end() as line:
        peer = kind(line, behave)
        time = clock()
        bus = ModbusBus("rs485", RtuLine(SerialPort(line.path, BAUD), time), time, answer_within_s=ANSWER_WITHIN_S)
        await bus.open()
        running = asyncio.create_task(peer.run())
        try:
            yield bus, peer
        finally:
            running.cancel()
            with contextlib.suppress(asyncio.CancelledError, OSError):
                await running
            await bus.close()
