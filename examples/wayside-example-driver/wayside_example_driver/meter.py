"""The Acme K3, a three-phase meter that nobody sells: registers as its manual would list them."""

from hal.drivers.modbus_meter import register_map_driver
from hal.drivers.register_map import FLOAT32, KWH, UINT32, RegisterMap, Value, per_phase

K3 = RegisterMap(
    name="Acme K3",
    phases=3,
    function=4,
    longest_read=60,
    longest_gap=4,
    voltage_v=per_phase(FLOAT32, 0x0000),
    current_a=per_phase(FLOAT32, 0x0006),
    power_w=Value(FLOAT32, 0x0012, 1000),  # the register is in kilowatts
    import_mwh=Value(UINT32, 0x0100, KWH // 100),  # the register counts hundredths of a kilowatt hour
)

k3 = register_map_driver("acme-k3", K3)
