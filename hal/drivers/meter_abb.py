"""ABB B23 and B24. Source: user manual 2CMC485003M0201, chapter 9 (Modbus mapping tables).

What a model does not have reads as all ones, or as the largest positive number where the value has a sign.
"""

from hal.drivers.modbus_framing import HOLDING
from hal.drivers.modbus_meter import register_map_driver
from hal.drivers.register_map import (
    HUNDREDTH,
    INT16,
    INT32,
    KWH,
    TENTH,
    THOUSANDTH,
    UINT16,
    UINT32,
    UINT64,
    RegisterMap,
    Value,
    ascii_text,
    per_phase,
)

HUNDREDTH_KWH = KWH // 100


def _map(name: str, type_begins: str) -> RegisterMap:
    return RegisterMap(
        name=name,
        phases=3,
        function=HOLDING,
        longest_read=125,
        longest_gap=14,  # the mapping table has no holes there, only values that we do not need
        voltage_v=per_phase(UINT32, 0x5B00, TENTH),
        current_a=per_phase(UINT32, 0x5B0C, HUNDREDTH),
        power_w=Value(INT32, 0x5B14, HUNDREDTH),
        power_per_phase_w=per_phase(INT32, 0x5B16, HUNDREDTH),
        reactive_power_var=Value(INT32, 0x5B1C, HUNDREDTH),
        frequency_hz=Value(UINT16, 0x5B2C, HUNDREDTH),
        power_factor=Value(INT16, 0x5B3A, THOUSANDTH),
        import_mwh=Value(UINT64, 0x5000, HUNDREDTH_KWH),
        export_mwh=Value(UINT64, 0x5004, HUNDREDTH_KWH),
        reactive_import_mvarh=Value(UINT64, 0x500C, HUNDREDTH_KWH),
        reactive_export_mvarh=Value(UINT64, 0x5010, HUNDREDTH_KWH),
        serial=Value(UINT32, 0x8900),
        type_text=Value(ascii_text(6), 0x8960),
        type_begins=type_begins,
    )


B23 = _map("ABB B23", "B23")
B24 = _map("ABB B24", "B24")

b23 = register_map_driver("abb-b23", B23)
b24 = register_map_driver("abb-b24", B24)
