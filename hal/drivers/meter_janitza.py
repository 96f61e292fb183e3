"""Janitza B23 and B24 (B series). Source: product manual "MID energy meters" 2.5, Modbus register list.

Energy is a 32-bit float in watt hours: beyond 16.8 MWh its steps are larger than one.
"""

from hal.drivers.modbus_framing import HOLDING
from hal.drivers.modbus_meter import register_map_driver
from hal.drivers.register_map import FLOAT32, WH, RegisterMap, Value, per_phase

B_SERIES = RegisterMap(
    name="Janitza B series",
    phases=3,
    function=HOLDING,
    longest_read=96,
    longest_gap=16,  # the register list has no holes there, only values that we do not need
    voltage_v=per_phase(FLOAT32, 0x4A38),
    current_a=per_phase(FLOAT32, 0x4A44),
    power_per_phase_w=per_phase(FLOAT32, 0x4A4C),
    power_w=Value(FLOAT32, 0x4A52),
    reactive_power_var=Value(FLOAT32, 0x4A62),
    frequency_hz=Value(FLOAT32, 0x4A6A),
    import_mwh=Value(FLOAT32, 0x4A7C, WH),
    export_mwh=Value(FLOAT32, 0x4A84, WH),
)

b_series = register_map_driver("janitza-b", B_SERIES)
