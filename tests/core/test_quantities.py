"""What a reading becomes: only what was asked for and measured."""

import pytest

from firmware.core.facts import Sample
from firmware.core.quantities import (
    Interval,
    Measurand,
    Offer,
    parse_measurands,
    samples_of,
    supported_quantities,
)
from hal.types import MeterReading

READING = MeterReading(
    import_mwh=1_234_999,
    export_mwh=999,
    power_w=-50.0,
    power_per_phase_w=(-50.0, 0.0, None),
    current_a=(6.0, -1.5, 0.0),
    voltage_v=(230.1234, 231.0, None),
    power_factor=0.98,
    frequency_hz=50.0,
    soc_percent=40.0,
    temperature_c=21.5,
)


def _samples(text: str, offer: Offer | None = None, before: Interval | None = None) -> list[Sample]:
    return list(samples_of(parse_measurands(text), READING, offer, before))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", ()),
        (" , ", ()),
        ("soc", (Measurand("SoC"),)),
        ("Voltage.l1-n", (Measurand("Voltage", "L1-N"),)),
        ("Power.Factor", (Measurand("Power.Factor"),)),
        ("Energy.Active.Import.Register.L2", (Measurand("Energy.Active.Import.Register", "L2"),)),
    ],
)
def test_a_list_of_quantities_is_read(text: str, found: tuple[Measurand, ...]) -> None:
    """In any case of letters, with or without a phase, written back as the field spells it."""
    assert parse_measurands(text) == found
    assert parse_measurands(",".join(map(str, found))) == found


@pytest.mark.parametrize("text", ["Volts", "Voltage.L4", ".L1", "SoC.", "Voltage.L1.L2"])
def test_an_unknown_quantity_is_named(text: str) -> None:
    """The error tells which item it was."""
    with pytest.raises(ValueError, match=text.replace(".", r"\.")):
        parse_measurands(f"SoC,{text}")


def test_energy_is_whole_watt_hours_rounded_down() -> None:
    """So that differences are those of the meter's own display."""
    assert _samples("Energy.Active.Import.Register,Energy.Active.Export.Register") == [
        Sample("Energy.Active.Import.Register", 1234),
        Sample("Energy.Active.Export.Register", 0),
    ]


def test_direction_decides_between_import_and_export() -> None:
    """Power towards the grid is export and no import; a zero has no sign."""
    assert _samples("Power.Active.Import,Power.Active.Export") == [
        Sample("Power.Active.Import", 0.0),
        Sample("Power.Active.Import", 0.0, "L1"),
        Sample("Power.Active.Import", 0.0, "L2"),
        Sample("Power.Active.Export", 50.0),
        Sample("Power.Active.Export", 50.0, "L1"),
        Sample("Power.Active.Export", 0.0, "L2"),
    ]
    assert "-" not in "".join(str(sample.value) for sample in _samples("Power.Active.Export,Current.Export"))


@pytest.mark.parametrize(
    ("text", "phases"),
    [
        ("Voltage", ["L1-N", "L2-N"]),
        ("Voltage.L2", ["L2-N"]),
        ("Voltage.L2-N", ["L2-N"]),
        ("Voltage.L1-L2", []),
        ("Voltage.L3", []),
        ("Current.Import.L3", ["L3"]),
        ("Current.Import.N", []),
        ("SoC.L1", []),
    ],
)
def test_a_phase_gives_that_phase_only(text: str, phases: list[str]) -> None:
    """What was not measured, such as a voltage between phases, is left out."""
    assert [sample.phase for sample in _samples(text)] == phases


def test_an_offer_is_told_where_it_is_known() -> None:
    """Amperes per phase, and the power they make."""
    assert _samples("Current.Offered,Power.Offered") == []
    assert _samples("Current.Offered,Power.Offered", Offer(16.0, 3, 230.0)) == [
        Sample("Current.Offered", 16.0),
        Sample("Power.Offered", 11_040.0),
    ]


def test_an_interval_is_the_difference_of_what_displays_show() -> None:
    """1 234 Wh after 1 233 Wh is 1 Wh, whatever the milliwatt hours say; unknown before or now is left out."""
    both = "Energy.Active.Import.Interval,Energy.Active.Export.Interval"
    assert _samples(both, before=Interval(1_233_999, None)) == [Sample("Energy.Active.Import.Interval", 1)]
    assert _samples(both) == []


def test_what_a_meter_does_not_tell_is_left_out() -> None:
    """Nothing is ever 0 because it is unknown."""
    everything = parse_measurands(",".join(supported_quantities(3, soc=True, temperature=True, reactive=True)))
    assert samples_of(everything, MeterReading()) == ()


def test_a_phase_is_measured_where_meters_tell_the_quantity_on_it() -> None:
    """Voltages are told to neutral, and a phase alone means that; registers and the charge of a battery have no phases."""
    told = parse_measurands("Voltage,Voltage.L1,Voltage.L2-N,Current.Import.L3,Power.Active.Export.L1,SoC,RPM")
    assert all(measurand.measured for measurand in told)
    never = parse_measurands("SoC.L1,Voltage.L1-L2,Voltage.N,Current.Import.L1-N,Energy.Active.Import.Register.L1")
    assert not any(measurand.measured for measurand in never)


def test_a_station_claims_only_what_it_can_measure() -> None:
    """State of charge, temperature and reactive values depend on the hardware."""
    plain = supported_quantities(3, soc=False, temperature=False, reactive=False)
    rich = supported_quantities(3, soc=True, temperature=True, reactive=True)
    assert rich - plain == {
        "SoC",
        "Temperature",
        "Energy.Reactive.Export.Register",
        "Energy.Reactive.Import.Register",
        "Power.Reactive.Export",
        "Power.Reactive.Import",
    }
    assert supported_quantities(0, soc=True, temperature=True, reactive=True) == {"Energy.Active.Import.Register"}
