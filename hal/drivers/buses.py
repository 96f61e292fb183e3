"""Makes the live bus that drivers share from the description in a board file."""

from hal.bus import Bus, SerialBus
from hal.clock import Clock
from hal.drivers.modbus_bus import ModbusBus
from hal.drivers.modbus_lines import RtuLine, TcpLine
from hal.drivers.serial_port import SerialPort


def build_bus(name: str, bus: Bus, clock: Clock) -> ModbusBus:
    """The bus `name` of a board, closed. Drivers find it in `DriverContext.buses`. Raises ValueError for impossible settings."""
    if isinstance(bus, SerialBus):
        port = SerialPort(bus.path, bus.baud, bus.parity, bus.data_bits, bus.stop_bits)
        return ModbusBus(name, RtuLine(port, clock), clock)
    return ModbusBus(name, TcpLine(bus.host, bus.port), clock)
