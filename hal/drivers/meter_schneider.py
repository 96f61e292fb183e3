"""Schneider Electric iEM3000 series with Modbus (iEM3150, 3155, 3250, 3255, 3350, 3355).

Source: user manual DOCA0005, Modbus register list; the manual counts registers from 1, the wire from 0. Power is in kilowatts. What a
model does not have reads as a quiet NaN, also in the registers of whole numbers, where it makes a negative one.
"""

from hal.drivers.modbus_framing import HOLDING
from hal.drivers.modbus_meter import register_map_driver
from hal.drivers.register_map import FLOAT32, INT64, UINT32, WH, RegisterMap, Value, ascii_text, per_phase

KILO = 1000

IEM3000 = RegisterMap(
    name="Schneider iEM3000",
    phases=3,
    function=HOLDING,
    longest_read=60,
    longest_gap=6,
    current_a=per_phase(FLOAT32, 0x0BB7),
    voltage_v=per_phase(FLOAT32, 0x0BD3),
    power_per_phase_w=per_phase(FLOAT32, 0x0BED, KILO),
    power_w=Value(FLOAT32, 0x0BF3, KILO),
    reactive_power_var=Value(FLOAT32, 0x0BFB, KILO),
    frequency_hz=Value(FLOAT32, 0x0C25),
    import_mwh=Value(INT64, 0x0C83, WH),
    export_mwh=Value(INT64, 0x0C87, WH),
    reactive_import_mvarh=Value(INT64, 0x0C93, WH),
    reactive_export_mvarh=Value(INT64, 0x0C97, WH),
    serial=Value(UINT32, 0x0081),
    type_text=Value(ascii_text(20), 0x0031),
    type_begins="iEM3",
)

iem3000 = register_map_driver("schneider-iem3000", IEM3000)
