"""Modbus RTU written out by hand, for the other end of the line: nothing here comes from the program or from pymodbus."""

import struct


def crc16(data: bytes) -> bytes:
    """CRC-16/MODBUS, low byte first, bit by bit as the standard describes it."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ 0xA001 if crc & 1 else crc >> 1
    return struct.pack("<H", crc)


def framed(body: bytes) -> bytes:
    """A body with its check."""
    return body + crc16(body)


def answer(unit: int, function: int, data: bytes) -> bytes:
    """An answer that carries registers."""
    return framed(bytes([unit, function, len(data)]) + data)


def refusal(unit: int, function: int, code: int) -> bytes:
    """An exception response."""
    return framed(bytes([unit, function | 0x80, code]))


def request_fields(frame: bytes) -> tuple[int, int, int, int]:
    """Unit, function, address and count of a request; it must be whole and right."""
    assert len(frame) == 8
    assert crc16(frame[:6]) == frame[6:]
    return struct.unpack(">BBHH", frame[:6])
