"""What a Modbus bus runs on: a serial line or a TCP connection. One exchange at a time; the bus sees to that."""

import asyncio
import logging
from dataclasses import dataclass
from typing import Protocol

from hal.clock import Clock
from hal.drivers.modbus_framing import (
    RTU_OVERHEAD,
    RTU_REQUEST,
    ReadRequest,
    RtuFraming,
    Shape,
    TcpFraming,
    registers_of,
)
from hal.drivers.serial_port import BITS_PER_BYTE, SerialPort
from hal.errors import BadReply, DeviceLost, DeviceTimeout

log = logging.getLogger(__name__)

GAP_S = 0.01  # silence between frames: 3.5 characters are asked for, and meters in the field like a little more
GAP_CHARACTERS = 3.5
LATE_S = 1.0  # after this long no device on a serial line answers any more
SECOND_ANSWER_S = 0.15  # how long to listen for another answer of a unit that has answered twice
KEPT_BYTES = 1024  # of what a line babbles while an answer is awaited
SHOWN_BYTES = 32  # of a damaged answer, in an error text
CONNECT_TIMEOUT_S = 1.5  # inside of a reading's two seconds: a gateway is on the same network
TCP_TIMEOUTS = 3  # in a row: then the connection itself is suspected


class AnsweredTwice(BadReply):
    """Two devices have the same unit number."""


class Line(Protocol):
    """Carries one request and its answer."""

    @property
    def name(self) -> str:
        """For error texts: the path or the address."""

    @property
    def is_open(self) -> bool:
        """True while the line can be used."""

    async def open(self) -> None:
        """Connect. Raises DeviceLost."""

    def embargo_s(self, request: ReadRequest) -> float:
        """For how long the request must not be sent yet, because an answer to it could not be told from a late one."""

    async def exchange(self, request: ReadRequest, within_s: float) -> tuple[int, ...]:
        """Send and wait for the answer, `within_s` beyond the time that the bytes take. Raises HalError."""

    async def close(self) -> None:
        """Release. Never raises."""


@dataclass(frozen=True, slots=True)
class _Debt:
    """A request whose answer did not come and may still be on its way."""

    request: ReadRequest
    until_s: float


class RtuLine:
    """Modbus RTU on a serial port.

    An answer here says which unit it comes from, its function and its length, but not which registers it carries. After an answer
    that did not come in time, another request to that unit is held back while the late answer could be taken for its own; the
    same request again is not, since the late answer has the same registers.

    Two devices with one unit number answer one after the other when their answers do not collide. A second answer is noticed; from
    then on the line listens on behind each answer of that unit, and refuses what it says, until it answers once again.
    """

    def __init__(self, port: SerialPort, clock: Clock) -> None:
        self._port = port
        self._clock = clock
        self._framing = RtuFraming()
        self._character_s = BITS_PER_BYTE / port.baud
        self._gap_s = max(GAP_S, GAP_CHARACTERS * self._character_s)
        self._quiet_since_s = clock.monotonic()
        self._debts: dict[Shape, _Debt] = {}
        self._answered: ReadRequest | None = None  # the request before this one, when it was answered
        self._rest = b""  # what came behind that answer
        self._doubled: set[int] = set()  # units that answered twice

    @property
    def name(self) -> str:
        """The path of the port."""
        return self._port.path

    @property
    def is_open(self) -> bool:
        """True while the port is open."""
        return self._port.is_open

    async def open(self) -> None:
        """Open the port for this program alone. Raises DeviceLost."""
        await self._port.open()
        self._debts.clear()
        self._answered, self._rest = None, b""

    def embargo_s(self, request: ReadRequest) -> float:
        """How long to wait for a late answer of the same shape to pass."""
        debt = self._debts.get(request.shape)
        if debt is None or debt.request == request:
            return 0.0
        return max(0.0, debt.until_s - self._clock.monotonic())

    async def exchange(self, request: ReadRequest, within_s: float) -> tuple[int, ...]:
        """One request and its answer. Raises DeviceTimeout on silence, BadReply on noise, DeviceLost, DeviceRefused."""
        await self._clock.sleep(max(0.0, self._quiet_since_s + self._gap_s - self._clock.monotonic()))
        self._look_behind_answer()
        self._answered, self._rest = None, b""
        try:
            await self._port.write(self._framing.encode(request))
            registers = await self._answer(request, within_s + self._wire_s(request))
        except AnsweredTwice:
            raise
        except (DeviceTimeout, BadReply, asyncio.CancelledError):
            self._owe(request)
            raise
        finally:
            self._quiet_since_s = self._clock.monotonic()
        if self._owes(request):  # this may have been the late answer, and the other is still to come
            self._owe(request)
        return registers

    async def close(self) -> None:
        """Release the port."""
        await self._port.close()

    def _wire_s(self, request: ReadRequest) -> float:
        return (RTU_REQUEST + RTU_OVERHEAD + 2 * request.count) * self._character_s

    async def _answer(self, request: ReadRequest, within_s: float) -> tuple[int, ...]:
        received = b""
        try:
            async with asyncio.timeout(within_s):
                while (found := self._framing.find(received, request)) is None:
                    received = (received + await self._port.read_some())[-KEPT_BYTES:]
        except TimeoutError:
            if not received:
                raise DeviceTimeout(
                    f"{request} on {self.name}: no answer; check power, wiring (A and B swapped?), unit number, "
                    f"and that the device is set to {self._port.settings}"
                ) from None
            raise BadReply(
                f"{request} on {self.name}: damaged answer {received[:SHOWN_BYTES].hex(' ')}; check that the device is set to "
                f"{self._port.settings}, the termination, and that no two devices have this unit number"
            ) from None
        end, answer = found
        self._answered, self._rest = request, received[end:]
        await self._only_answer(request)
        return registers_of(answer, request)

    def _owe(self, request: ReadRequest) -> None:
        self._debts[request.shape] = _Debt(request, self._clock.monotonic() + LATE_S)

    def _owes(self, request: ReadRequest) -> bool:
        """True when the unit may still send an answer of that shape to a request before."""
        debt = self._debts.get(request.shape)
        return debt is not None and self._quiet_since_s < debt.until_s

    def _look_behind_answer(self) -> bool:
        """True when what came behind the last answer is another answer to the same request, and no late one."""
        self._rest += self._port.read_waiting()
        before = self._answered
        if before is None or self._owes(before) or self._framing.find(self._rest, before) is None:
            return False
        if before.unit not in self._doubled:
            self._doubled.add(before.unit)
            log.error("two devices answer line=%s unit=%d; give one another unit number", self.name, before.unit)
        return True

    async def _only_answer(self, request: ReadRequest) -> None:
        """Raises AnsweredTwice when the unit does so: nobody knows whose registers were read."""
        if request.unit in self._doubled:
            await self._clock.sleep(SECOND_ANSWER_S)
        if self._look_behind_answer():
            raise AnsweredTwice(
                f"{request} on {self.name}: answered twice; give one of two devices another unit number"
            )
        if not self._owes(request):
            self._doubled.discard(request.unit)


class TcpLine:
    """Modbus TCP, to a device or to a gateway with a serial bus behind it. Answers carry the number of their request."""

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port
        self._framing = TcpFraming()
        self._timeouts = 0
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    @property
    def name(self) -> str:
        """The address of the gateway."""
        return f"{self._host}:{self._port}"

    @property
    def is_open(self) -> bool:
        """True while connected, as far as is known."""
        return self._streams is not None

    async def open(self) -> None:
        """Connect. Raises DeviceLost."""
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                self._streams = await asyncio.open_connection(self._host, self._port)
        except OSError as error:  # TimeoutError is one
            raise DeviceLost(
                f"Modbus TCP {self.name}: cannot connect ({error or 'no answer'}); check address and network"
            ) from error
        self._framing = TcpFraming()
        self._timeouts = 0

    def embargo_s(self, request: ReadRequest) -> float:
        """Never any: late answers are told from others by their number."""
        return 0.0

    async def exchange(self, request: ReadRequest, within_s: float) -> tuple[int, ...]:
        """One request and its answer. Raises DeviceTimeout on silence, BadReply, DeviceLost, DeviceRefused."""
        assert self._streams is not None, "open comes before exchange"
        reader, writer = self._streams
        try:
            writer.write(self._framing.encode(request))
            async with asyncio.timeout(within_s):
                await writer.drain()
                answer = None
                while answer is None:
                    data = await reader.read(KEPT_BYTES)
                    if not data:
                        raise ConnectionResetError("closed by the other side")
                    answer = self._framing.feed(data, request)
        except OSError as error:
            self._timeouts += 1
            if isinstance(error, TimeoutError) and reader.exception() is None and self._timeouts < TCP_TIMEOUTS:
                raise DeviceTimeout(
                    f"{request} on {self.name}: no answer; check the device behind the gateway"
                ) from None
            await self.close()
            raise DeviceLost(
                f"Modbus TCP {self.name} is lost ({error or 'no answer'}); check the network and the gateway"
            ) from error
        except BadReply:
            await self.close()
            raise
        self._timeouts = 0
        return registers_of(answer, request)

    async def close(self) -> None:
        """Disconnect at once."""
        streams, self._streams = self._streams, None
        if streams is not None:
            streams[1].transport.abort()
