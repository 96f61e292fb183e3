"""Frames of Modbus on a serial line (RTU) and over TCP, without I/O. The only file that imports pymodbus.

pymodbus encodes requests, decodes answers and checks their CRC. Its client is not used: on RTU an answer names only the unit, the
function and its length, and that client takes any such answer for the awaited one, also one that comes late and belongs to another
request. Here an answer is looked for by all that the request tells of it, anywhere in what was received, so that noise in front of
it does no harm. Source: Modbus Application Protocol 1.1b3, sections 6.3, 6.4 and 7; Modbus over Serial Line 1.02, section 2.5.
"""

import struct
from dataclasses import dataclass

from pymodbus.exceptions import ModbusException
from pymodbus.framer import FramerRTU, FramerSocket
from pymodbus.pdu import DecodePDU, ModbusPDU
from pymodbus.pdu.register_message import ReadHoldingRegistersRequest, ReadInputRegistersRequest

from hal.errors import BadReply, DeviceRefused, DeviceTimeout

HOLDING, INPUT = 3, 4  # function codes: read holding registers, read input registers
LONGEST_READ = 125  # registers in one answer
EXCEPTION_BIT = 0x80
RTU_OVERHEAD = 5  # unit, function, byte count, and two bytes of CRC
RTU_EXCEPTION = 5  # unit, function, exception code, and two bytes of CRC
RTU_REQUEST = 8
MBAP = struct.Struct(">HHHB")  # transaction, protocol (0 is Modbus), bytes that follow from the unit on, unit
MBAP_BEFORE_UNIT = 6
MBAP_LENGTHS = range(3, 255)  # from unit, function and exception code to the longest answer there is

NO_SUCH_REGISTER = (1, 2, 3)  # illegal function, illegal data address, illegal data value
GATEWAY_SILENT = (0x0A, 0x0B)  # path unavailable, target device failed to respond
EXCEPTIONS = {
    1: "does not know the function",
    2: "has no such register",
    3: "does not allow so many registers",
    4: "has failed",
    5: "needs more time",
    6: "is busy",
    0x0A: "cannot be reached through the gateway",
    0x0B: "does not answer the gateway",
}

_REQUESTS: dict[int, type[ModbusPDU]] = {HOLDING: ReadHoldingRegistersRequest, INPUT: ReadInputRegistersRequest}


class NoSuchRegister(DeviceRefused):
    """The device does not have the registers that were asked for; asking again is of no use."""


Shape = tuple[int, int, int]  # unit, function, number of registers


@dataclass(frozen=True, slots=True)
class ReadRequest:
    """Read `count` registers from `address` (0-based, as on the wire) of a unit. Raises ValueError for what Modbus cannot say."""

    unit: int
    function: int
    address: int
    count: int

    def __post_init__(self) -> None:
        if not 1 <= self.unit <= 247:
            raise ValueError(f"unit {self.unit}: a device has a Modbus address from 1 to 247")
        if self.function not in _REQUESTS:
            raise ValueError(f"function {self.function}: registers are read with 3 (holding) or 4 (input)")
        if not (1 <= self.count <= LONGEST_READ and 0 <= self.address <= 0x10000 - self.count):
            raise ValueError(f"{self.count} registers from {self.address:#06x}: at most 125, inside 0x0000-0xFFFF")

    @property
    def shape(self) -> Shape:
        """All that an answer on a serial line tells of the request it answers."""
        return self.unit, self.function, self.count

    def __str__(self) -> str:
        return f"unit {self.unit} registers {self.address:#06x}+{self.count}"


class RtuFraming:
    """Frames on a serial line."""

    def __init__(self) -> None:
        self._framer = FramerRTU(DecodePDU(False))

    def encode(self, request: ReadRequest) -> bytes:
        """The request as bytes."""
        return self._framer.buildFrame(_pdu(request, 0))

    def find(self, received: bytes, request: ReadRequest) -> tuple[int, ModbusPDU] | None:
        """The answer to the request and where it ends in `received`; None as long as there is none."""
        for start in range(len(received) - RTU_EXCEPTION + 1):
            if received[start] != request.unit:
                continue
            size = _rtu_size(received[start + 1], received[start + 2], request)
            frame = received[start : start + size]
            if not size or len(frame) < size:
                continue
            answer = _decode(self._framer, frame, request, 0)
            if answer is not None:
                return start + size, answer
        return None


class TcpFraming:
    """Frames on a TCP connection. Keeps what was received of a frame that is not whole yet."""

    def __init__(self) -> None:
        self._framer = FramerSocket(DecodePDU(False))
        self._received = bytearray()
        self._transaction = 0

    def encode(self, request: ReadRequest) -> bytes:
        """The request as bytes, under a transaction number of its own."""
        self._transaction = self._transaction % 0xFFFF + 1
        return self._framer.buildFrame(_pdu(request, self._transaction))

    def feed(self, data: bytes, request: ReadRequest) -> ModbusPDU | None:
        """Take what was received; the answer to the last request encoded, or None as long as there is none.

        Raises BadReply when the stream is not Modbus; the connection is of no more use then.
        """
        self._received += data
        while len(self._received) >= MBAP.size:
            transaction, protocol, length, unit = MBAP.unpack_from(self._received)
            if protocol != 0 or length not in MBAP_LENGTHS:
                raise BadReply(
                    f"received {bytes(self._received[: MBAP.size]).hex(' ')}: the other side does not speak Modbus TCP"
                )
            size = MBAP_BEFORE_UNIT + length
            if len(self._received) < size:
                return None
            frame = bytes(self._received[:size])
            del self._received[:size]
            if (transaction, unit) == (self._transaction, request.unit):
                answer = _decode(self._framer, frame, request, transaction)
                if answer is None:
                    raise BadReply(f"{request}: answered with {frame.hex(' ')}, which is not what was asked")
                return answer
        return None


def registers_of(answer: ModbusPDU, request: ReadRequest) -> tuple[int, ...]:
    """The registers in an answer. Raises DeviceRefused (or NoSuchRegister), or DeviceTimeout from a gateway."""
    if not answer.isError():
        return tuple(answer.registers)
    code = answer.exception_code
    text = f"{request}: the device {EXCEPTIONS.get(code, 'refuses')} (exception {code})"
    if code in GATEWAY_SILENT:
        raise DeviceTimeout(text)
    if code in NO_SUCH_REGISTER:
        raise NoSuchRegister(text)
    raise DeviceRefused(text)


def _pdu(request: ReadRequest, transaction: int) -> ModbusPDU:
    return _REQUESTS[request.function](
        dev_id=request.unit, transaction_id=transaction, address=request.address, count=request.count
    )


def _rtu_size(function: int, third: int, request: ReadRequest) -> int:
    """Length of the answer that begins with the unit, this function and this third byte; 0 when it answers something else."""
    if function == request.function | EXCEPTION_BIT:
        return RTU_EXCEPTION
    if function == request.function and third == 2 * request.count:
        return RTU_OVERHEAD + third
    return 0


def _decode(framer: FramerRTU | FramerSocket, frame: bytes, request: ReadRequest, transaction: int) -> ModbusPDU | None:
    """The answer in a whole frame, None when it is damaged or answers something else."""
    try:
        _, answer = framer.handleFrame(frame, request.unit, transaction)
    except ModbusException:
        return None
    if answer is None or answer.function_code & ~EXCEPTION_BIT != request.function:
        return None
    if not answer.isError() and len(answer.registers) != request.count:
        return None
    return answer
