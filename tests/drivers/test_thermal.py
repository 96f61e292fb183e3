"""Temperatures of the kernel as a fault and as a limit."""

import asyncio
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hal.drivers import thermometer as thermometer_module
from hal.drivers.thermal import DeratingCurve, OverTemperature, ThermalDerating
from hal.drivers.thermometer import Thermometer
from hal.errors import BadDeviceOptions, BadReply, DeviceLost, DeviceTimeout
from hal.registry import Registry
from hal.types import FaultCode
from tests.drivers.virtual import make_context, virtually


class Sysfs:
    """A folder that looks like /sys/class, with a processor and a board sensor."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.zone = folder / "thermal" / "thermal_zone1"
        self.chip = folder / "hwmon" / "hwmon3"
        for path, label, name in (
            (folder / "thermal" / "thermal_zone0", "type", "gpu-thermal"),
            (self.zone, "type", "cpu-thermal"),
            (self.chip, "name", "lm75"),
        ):
            path.mkdir(parents=True)
            (path / label).write_text(f"{name}\n")
        (folder / "thermal" / "thermal_zone7").mkdir()  # just vanishing: it has no type any more
        self.set(25.0)

    def set(self, celsius: float) -> None:
        """Warm up or cool down."""
        (self.zone / "temp").write_text(f"{round(celsius * 1000)}\n")
        (self.chip / "temp1_input").write_text(f"{round(celsius * 1000) + 500}\n")
        (self.chip / "temp2_input").write_text(f"{round(celsius * 1000) + 1000}\n")

    def lose(self) -> None:
        """The sensor is gone."""
        (self.zone / "temp").unlink()

    def thermometer(self, sensor: str = "thermal:cpu-thermal") -> Thermometer:
        """A thermometer in this folder."""
        return Thermometer(sensor, self.folder)


@pytest.mark.parametrize(
    ("sensor", "celsius"), [("thermal:cpu-thermal", 25.0), ("hwmon:lm75", 25.5), ("hwmon:lm75/temp2", 26.0)]
)
@virtually
async def test_sensors_are_found_by_name(tmp_path: Path, sensor: str, celsius: float) -> None:
    """Whatever number the kernel has given them this time."""
    assert await Sysfs(tmp_path).thermometer(sensor).read() == celsius


@virtually
async def test_a_sensor_that_cannot_be_read_is_an_error_and_no_zero(tmp_path: Path) -> None:
    """No such sensor, no value, nonsense, and a value that no charge point survives."""
    sysfs = Sysfs(tmp_path)
    with pytest.raises(DeviceLost, match="cpu-thermal"):
        await sysfs.thermometer("thermal:other").read()
    with pytest.raises(DeviceLost, match="there are: none"):
        await Thermometer("hwmon:lm75", tmp_path / "empty").read()
    (sysfs.zone / "temp").write_text("warm")
    with pytest.raises(BadReply, match="no number"):
        await sysfs.thermometer().read()
    sysfs.set(-273.0)
    with pytest.raises(BadReply, match="connected"):
        await sysfs.thermometer().read()
    sysfs.lose()
    with pytest.raises(DeviceLost, match="cannot be read"):
        await sysfs.thermometer().read()


def test_a_sensor_that_hangs_holds_nobody_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """DeviceTimeout each time, and one worker thread at most, however often it is asked; afterwards it reads again."""
    monkeypatch.setattr(thermometer_module, "READ_TIMEOUT_S", 0.05)
    sysfs = Sysfs(tmp_path)
    free, entered = threading.Event(), []

    class Hanging(Thermometer):
        def _find(self) -> Path:
            entered.append(1)
            free.wait(5)
            return super()._find()

    async def ask() -> None:
        sensor = Hanging("thermal:cpu-thermal", sysfs.folder)
        for _ in range(3):
            with pytest.raises(DeviceTimeout):
                await sensor.read()
        assert len(entered) == 1
        free.set()
        assert await sensor.read() == 25.0

    asyncio.run(ask())


@virtually
async def test_over_temperature_has_a_hysteresis(tmp_path: Path) -> None:
    """Raised at its threshold, cleared only well below it, told once each."""
    sysfs = Sysfs(tmp_path)
    device = OverTemperature(sysfs.thermometer(), make_context().clock, fault_c=85, clear_c=75, period_s=2)
    with pytest.raises(DeviceLost, match="open it first"):
        device.faults()
    await device.open()
    faults = device.faults()
    for celsius in (84.9, 85.0, 90.0, 80.0, 75.0, 74.9, 80.0):
        sysfs.set(celsius)
        await asyncio.sleep(4)
    sysfs.set(99.0)
    await asyncio.sleep(4)
    assert (await anext(device.faults())).active
    await device.close()
    told = [(fault.code, fault.active) async for fault in faults]
    assert told == [(FaultCode.OVER_TEMPERATURE, active) for active in (True, False, True)]


@virtually
async def test_a_lost_sensor_is_told_after_three_readings(tmp_path: Path) -> None:
    """One bad reading is nothing; three end the stream with DeviceLost; at open the first one counts."""
    sysfs = Sysfs(tmp_path)
    device = OverTemperature(sysfs.thermometer(), make_context().clock, fault_c=85, clear_c=75, period_s=2)
    await device.open()
    faults = device.faults()
    sysfs.lose()
    await asyncio.sleep(3)
    sysfs.set(90)
    assert (await anext(faults)).active
    sysfs.lose()
    with pytest.raises(DeviceLost):
        await anext(faults)
    await device.close()
    with pytest.raises(DeviceLost):
        await device.open()
    await device.close()


CURVE = ((60.0, 32.0), (70.0, 16.0), (80.0, 4.0))


@pytest.mark.parametrize(
    ("celsius", "limit_a"),
    [(20, None), (59.9, None), (60, 32), (61, 30), (65, 24), (70, 16), (75, 10), (78, 6), (78.5, 0), (80, 0), (200, 0)],
)
def test_the_curve(celsius: float, limit_a: float | None) -> None:
    """Straight lines between points, whole amperes, and nothing below 6 A."""
    assert DeratingCurve(CURVE).limit_a(celsius) == limit_a


@given(st.floats(-20, 120), st.floats(-20, 120))
def test_hotter_is_never_more(one: float, other: float) -> None:
    """The limit falls with the temperature, everywhere."""
    curve = DeratingCurve(CURVE)
    cool, hot = curve.limit_a(min(one, other)), curve.limit_a(max(one, other))
    assert cool is None or (hot is not None and hot <= cool)


@pytest.mark.parametrize(
    "points",
    [
        (),
        ((60.0, 32.0),),
        ((60.0, 32.0), (60.0, 16.0)),
        ((60.0, 16.0), (70.0, 32.0)),
        ((60.0, 32.0), (70.0, -1.0)),
    ],
)
def test_a_curve_that_is_none_is_refused(points: tuple[tuple[float, float], ...]) -> None:
    """One point, equal temperatures, rising or negative currents."""
    with pytest.raises(ValueError, match="two points"):
        DeratingCurve(points)


@virtually
async def test_derating_falls_at_once_and_rises_with_a_hysteresis(tmp_path: Path) -> None:
    """Told when it changes; a degree up and down around a step changes nothing."""
    sysfs = Sysfs(tmp_path)
    source = ThermalDerating(
        sysfs.thermometer(), make_context().clock, DeratingCurve(CURVE), hysteresis_c=2, period_s=5
    )
    with pytest.raises(DeviceLost):
        source.limits()
    await source.open()
    limits = source.limits()
    for celsius in (59, 65, 64.5, 65, 64.5, 66, 60, 57, 90, 25):
        sysfs.set(celsius)
        await asyncio.sleep(10)
    await source.close()
    assert [limit async for limit in limits] == [None, 24.0, 22.0, 28.0, None, 0.0, None]


@virtually
async def test_a_sensor_that_cannot_be_read_counts_as_hottest(tmp_path: Path) -> None:
    """The limit falls to the lowest, and rises again when the sensor is back."""
    sysfs = Sysfs(tmp_path)
    curve = DeratingCurve(((60.0, 32.0), (80.0, 10.0)))
    source = ThermalDerating(sysfs.thermometer(), make_context().clock, curve, hysteresis_c=2, period_s=5)
    await source.open()
    limits = source.limits()
    assert await anext(limits) is None
    sysfs.lose()
    assert await anext(limits) == 10
    sysfs.set(25)
    assert await anext(limits) is None
    await source.close()


@virtually
async def test_drivers_are_built_from_a_board() -> None:
    """By name, with refusals for what makes no sense."""
    registry, context = Registry([]), make_context()
    assert isinstance(registry.build("inputs", "thermal", context, {"sensor": "hwmon:lm75"}), OverTemperature)
    options = {"sensor": "hwmon:lm75", "curve": CURVE}
    assert isinstance(registry.build("limits", "thermal-derating", context, options), ThermalDerating)
    for kind, name, bad in (
        ("inputs", "thermal", {"sensor": "lm75"}),
        ("inputs", "thermal", {"sensor": "hwmon:lm75", "clear_c": 90.0}),
        ("inputs", "thermal", {"sensor": "hwmon:lm75", "period_s": 0.0}),
        ("limits", "thermal-derating", options | {"hysteresis_c": -1.0}),
    ):
        with pytest.raises(BadDeviceOptions):
            registry.build(kind, name, context, bad)
