"""Quantities a meter can tell, and how a reading becomes samples.

The names are those of IEC 61968 as charging protocols spell them. Energy comes out as whole watt hours (the register's value
rounded down, so that the difference of two registers is what the meter's own display shows), power in W, current in A.
"""

from dataclasses import dataclass

from firmware.core.facts import Sample
from hal.types import MeterReading

PHASE_NAMES = ("L1", "L2", "L3")
LINE_TO_NEUTRAL = ("L1-N", "L2-N", "L3-N")
ALL_PHASES = (*PHASE_NAMES, "N", *LINE_TO_NEUTRAL, "L1-L2", "L2-L3", "L3-L1")

QUANTITIES = (
    "Current.Export",
    "Current.Import",
    "Current.Offered",
    "Energy.Active.Export.Register",
    "Energy.Active.Import.Register",
    "Energy.Reactive.Export.Register",
    "Energy.Reactive.Import.Register",
    "Energy.Active.Export.Interval",
    "Energy.Active.Import.Interval",
    "Energy.Reactive.Export.Interval",
    "Energy.Reactive.Import.Interval",
    "Frequency",
    "Power.Active.Export",
    "Power.Active.Import",
    "Power.Factor",
    "Power.Offered",
    "Power.Reactive.Export",
    "Power.Reactive.Import",
    "RPM",
    "SoC",
    "Temperature",
    "Voltage",
)
_KNOWN = {name.casefold(): name for name in QUANTITIES}
# Quantities that meters tell per phase, and what they call the phases.
_PER_PHASE: dict[str, tuple[str, ...]] = {
    "Voltage": LINE_TO_NEUTRAL,
    "Current.Import": PHASE_NAMES,
    "Current.Export": PHASE_NAMES,
    "Power.Active.Import": PHASE_NAMES,
    "Power.Active.Export": PHASE_NAMES,
}


@dataclass(frozen=True, slots=True)
class Measurand:
    """A quantity, on one phase or on all that exist."""

    quantity: str
    phase: str | None = None

    def __str__(self) -> str:
        return self.quantity if self.phase is None else f"{self.quantity}.{self.phase}"

    @property
    def measured(self) -> bool:
        """Whether any meter tells this quantity on this phase."""
        names = _PER_PHASE.get(self.quantity, ())
        return self.phase is None or any(self.means(name) for name in names)

    def means(self, name: str) -> bool:
        """Whether a value on this phase is wanted. A phase alone also means its voltage to neutral; a voltage between phases is
        not one of these."""
        return self.phase in (None, name, name.removesuffix("-N"))


MeasurandList = tuple[Measurand, ...]


def parse_measurands(text: str) -> MeasurandList:
    """A comma-separated list such as `Voltage.L1,SoC`; empty means none. Raises ValueError naming the item that is not known."""
    found: list[Measurand] = []
    for item in filter(None, (part.strip() for part in text.split(","))):
        name, phase = item, None
        if name.casefold() not in _KNOWN:
            name, _, suffix = item.rpartition(".")
            phase = next((p for p in ALL_PHASES if p.casefold() == suffix.casefold()), None)
            if name.casefold() not in _KNOWN or phase is None:
                raise ValueError(f"no quantity {item!r}")
        measurand = Measurand(_KNOWN[name.casefold()], phase)
        if measurand not in found:
            found.append(measurand)
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Offer:
    """What the station offers at the moment of a reading: amperes per phase, phases, nominal volts."""

    current_a: float
    phases: int
    voltage_v: float


@dataclass(frozen=True, slots=True)
class Interval:
    """Registers at the previous reading of the same series, for interval quantities."""

    import_mwh: int | None
    export_mwh: int | None


def supported_quantities(phases: int, *, soc: bool, temperature: bool, reactive: bool) -> frozenset[str]:
    """Quantities that a station with such a meter can tell."""
    names = {
        "Current.Export",
        "Current.Import",
        "Current.Offered",
        "Energy.Active.Export.Register",
        "Energy.Active.Import.Register",
        "Energy.Active.Export.Interval",
        "Energy.Active.Import.Interval",
        "Frequency",
        "Power.Active.Export",
        "Power.Active.Import",
        "Power.Factor",
        "Power.Offered",
        "Voltage",
    }
    names |= {"SoC"} if soc else set()
    names |= {"Temperature"} if temperature else set()
    if reactive:
        names |= {
            "Energy.Reactive.Export.Register",
            "Energy.Reactive.Import.Register",
            "Power.Reactive.Export",
            "Power.Reactive.Import",
        }
    return frozenset(names) if phases else frozenset({"Energy.Active.Import.Register"})


def wh(milli: int | None) -> int | None:
    """Whole watt hours of a register, rounded down."""
    return None if milli is None else milli // 1000


def _positive(value: float | None) -> float | None:
    return None if value is None else abs(max(value, 0.0))  # abs: nobody wants to read -0.0


def _negative(value: float | None) -> float | None:
    return None if value is None else abs(min(value, 0.0))


def _interval(now: int | None, before: int | None) -> int | None:
    return None if now is None or before is None else now // 1000 - before // 1000


def samples_of(
    wanted: MeasurandList, reading: MeterReading, offer: Offer | None = None, before: Interval | None = None
) -> tuple[Sample, ...]:
    """The samples of a reading that were asked for. What the meter does not tell is left out, never invented."""
    total: dict[str, float | None] = {
        "Energy.Active.Import.Register": wh(reading.import_mwh),
        "Energy.Active.Export.Register": wh(reading.export_mwh),
        "Energy.Reactive.Import.Register": wh(reading.reactive_import_mvarh),
        "Energy.Reactive.Export.Register": wh(reading.reactive_export_mvarh),
        "Energy.Active.Import.Interval": _interval(reading.import_mwh, before.import_mwh) if before else None,
        "Energy.Active.Export.Interval": _interval(reading.export_mwh, before.export_mwh) if before else None,
        "Power.Active.Import": _positive(reading.power_w),
        "Power.Active.Export": _negative(reading.power_w),
        "Power.Reactive.Import": _positive(reading.reactive_power_var),
        "Power.Reactive.Export": _negative(reading.reactive_power_var),
        "Power.Factor": reading.power_factor,
        "Frequency": reading.frequency_hz,
        "SoC": reading.soc_percent,
        "Temperature": reading.temperature_c,
        "Current.Offered": offer.current_a if offer else None,
        "Power.Offered": offer.current_a * offer.phases * offer.voltage_v if offer else None,
    }
    per_phase: dict[str, tuple[float | None, ...]] = {
        "Voltage": reading.voltage_v,
        "Current.Import": tuple(map(_positive, reading.current_a)),
        "Current.Export": tuple(map(_negative, reading.current_a)),
        "Power.Active.Import": tuple(map(_positive, reading.power_per_phase_w)),
        "Power.Active.Export": tuple(map(_negative, reading.power_per_phase_w)),
    }
    found: list[Sample] = []
    for measurand in wanted:
        if measurand.phase is None and (value := total.get(measurand.quantity)) is not None:
            found.append(Sample(measurand.quantity, round(value, 3)))
        names = _PER_PHASE.get(measurand.quantity, ())
        for name, value in zip(names, per_phase.get(measurand.quantity, ()), strict=False):
            if value is not None and measurand.means(name):
                found.append(Sample(measurand.quantity, round(value, 3), name))
    return tuple(found)
