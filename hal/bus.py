"""A bus that several devices of a board share, as the board file describes it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SerialBus:
    """A serial line (RS-485 for most meters). Settings differ between delivery lots of one meter: they are never constants."""

    path: str
    baud: int = 9600
    parity: str = "N"  # N, E or O
    data_bits: int = 8
    stop_bits: int = 1


@dataclass(frozen=True, slots=True)
class TcpBus:
    """A gateway or a device that speaks its protocol over TCP."""

    host: str
    port: int = 502


Bus = SerialBus | TcpBus
