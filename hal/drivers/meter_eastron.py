"""Eastron SDM meters. Source: the Modbus protocol chapters of the makers' manuals (SDM630 V2, SDM230, SDM120, SDM72D-M V1 and V2).

All have 32-bit floats in input registers, high word first, and give at most 30 of them in one answer. Registers that a model does
not have read as zero and not as "not available", so a map must not name them.
"""

from hal.drivers.modbus_framing import HOLDING, INPUT
from hal.drivers.modbus_meter import register_map_driver
from hal.drivers.register_map import FLOAT32, KWH, UINT32, RegisterMap, Value, per_phase

LONGEST_READ = 60
LONGEST_GAP = 10
SERIAL = Value(UINT32, 0xFC00, function=HOLDING)  # models from before about 2016 refuse it

SDM630 = RegisterMap(
    name="Eastron SDM630",
    phases=3,
    function=INPUT,
    longest_read=LONGEST_READ,
    longest_gap=LONGEST_GAP,
    voltage_v=per_phase(FLOAT32, 0x00),
    current_a=per_phase(FLOAT32, 0x06),
    power_per_phase_w=per_phase(FLOAT32, 0x0C),
    power_w=Value(FLOAT32, 0x34),
    reactive_power_var=Value(FLOAT32, 0x3C),
    power_factor=Value(FLOAT32, 0x3E),
    frequency_hz=Value(FLOAT32, 0x46),
    import_mwh=Value(FLOAT32, 0x48, KWH),
    export_mwh=Value(FLOAT32, 0x4A, KWH),
    reactive_import_mvarh=Value(FLOAT32, 0x4C, KWH),
    reactive_export_mvarh=Value(FLOAT32, 0x4E, KWH),
    serial=SERIAL,
)

SDM72_V2 = RegisterMap(
    name="Eastron SDM72D-M V2",
    phases=3,
    function=INPUT,
    longest_read=LONGEST_READ,
    longest_gap=LONGEST_GAP,
    voltage_v=per_phase(FLOAT32, 0x00),
    current_a=per_phase(FLOAT32, 0x06),
    power_per_phase_w=per_phase(FLOAT32, 0x0C),
    power_w=Value(FLOAT32, 0x34),
    reactive_power_var=Value(FLOAT32, 0x3C),
    power_factor=Value(FLOAT32, 0x3E),
    frequency_hz=Value(FLOAT32, 0x46),
    import_mwh=Value(FLOAT32, 0x48, KWH),
    export_mwh=Value(FLOAT32, 0x4A, KWH),
    serial=SERIAL,
)

# The first version measures voltage and current, and tells neither.
SDM72_V1 = RegisterMap(
    name="Eastron SDM72D-M",
    phases=3,
    function=INPUT,
    longest_read=LONGEST_READ,
    longest_gap=LONGEST_GAP,
    power_w=Value(FLOAT32, 0x34),
    import_mwh=Value(FLOAT32, 0x48, KWH),
    export_mwh=Value(FLOAT32, 0x4A, KWH),
    serial=SERIAL,
)


def _one_phase(name: str) -> RegisterMap:
    return RegisterMap(
        name=name,
        phases=1,
        function=INPUT,
        longest_read=LONGEST_READ,
        longest_gap=LONGEST_GAP,
        voltage_v=per_phase(FLOAT32, 0x00, phases=1),
        current_a=per_phase(FLOAT32, 0x06, phases=1),
        power_w=Value(FLOAT32, 0x0C),  # 0x34, the total of the three-phase models, is not there
        reactive_power_var=Value(FLOAT32, 0x18),
        power_factor=Value(FLOAT32, 0x1E),
        frequency_hz=Value(FLOAT32, 0x46),
        import_mwh=Value(FLOAT32, 0x48, KWH),
        export_mwh=Value(FLOAT32, 0x4A, KWH),
        reactive_import_mvarh=Value(FLOAT32, 0x4C, KWH),
        reactive_export_mvarh=Value(FLOAT32, 0x4E, KWH),
        serial=SERIAL,
    )


SDM120 = _one_phase("Eastron SDM120")
SDM230 = _one_phase("Eastron SDM230")

sdm72_v1 = register_map_driver("eastron-sdm72-v1", SDM72_V1)
sdm72_v2 = register_map_driver("eastron-sdm72-v2", SDM72_V2)
sdm120 = register_map_driver("eastron-sdm120", SDM120)
sdm230 = register_map_driver("eastron-sdm230", SDM230)
sdm630 = register_map_driver("eastron-sdm630", SDM630)
