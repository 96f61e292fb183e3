"""Carlo Gavazzi EM24, EM330 and EM340. Source: their serial communication protocols (EM24-DIN; EM330-EM340-ET330-ET340).

Numbers of 32 bits have their low word first. The EM24 gives at most 11 registers in one answer, and its energies and frequency stand
elsewhere than those of the others.
"""

from hal.drivers.modbus_framing import INPUT
from hal.drivers.modbus_meter import register_map_driver
from hal.drivers.register_map import (
    INT16,
    INT32_LOW_FIRST,
    KWH,
    TENTH,
    THOUSANDTH,
    RegisterMap,
    Value,
    ascii_text,
    per_phase,
)

LONGEST_READ = 11
LONGEST_GAP = 2
TENTH_KWH = KWH // 10


def _map(name: str, *, power_factor: int, frequency: int, imported: int, exported: int, serial: int) -> RegisterMap:
    return RegisterMap(
        name=name,
        phases=3,
        function=INPUT,
        longest_read=LONGEST_READ,
        longest_gap=LONGEST_GAP,
        voltage_v=per_phase(INT32_LOW_FIRST, 0x00, TENTH),
        current_a=per_phase(INT32_LOW_FIRST, 0x0C, THOUSANDTH),
        power_per_phase_w=per_phase(INT32_LOW_FIRST, 0x12, TENTH),
        power_w=Value(INT32_LOW_FIRST, 0x28, TENTH),
        reactive_power_var=Value(INT32_LOW_FIRST, 0x2C, TENTH),
        power_factor=Value(INT16, power_factor, THOUSANDTH),
        frequency_hz=Value(INT16, frequency, TENTH),
        import_mwh=Value(INT32_LOW_FIRST, imported, TENTH_KWH),
        export_mwh=Value(INT32_LOW_FIRST, exported, TENTH_KWH),
        serial=Value(ascii_text(7), serial),
    )


EM24 = _map("Carlo Gavazzi EM24", power_factor=0x35, frequency=0x37, imported=0x42, exported=0x5C, serial=0x1300)
EM330 = _map("Carlo Gavazzi EM330", power_factor=0x31, frequency=0x33, imported=0x34, exported=0x4E, serial=0x5000)
EM340 = _map("Carlo Gavazzi EM340", power_factor=0x31, frequency=0x33, imported=0x34, exported=0x4E, serial=0x5000)

em24 = register_map_driver("gavazzi-em24", EM24)
em330 = register_map_driver("gavazzi-em330", EM330)
em340 = register_map_driver("gavazzi-em340", EM340)
