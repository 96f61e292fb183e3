"""The generator: what is committed is what it writes, and it stops at what it does not understand."""

import json
import sys
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

import ocpp_client
from ocpp_client import generate
from ocpp_client._generate.names import snake_case
from ocpp_client._generate.plan import V16, VERSIONS, VersionPlan
from ocpp_client._generate.read import Reader, SchemaSurprise
from ocpp_client._generate.spec import ObjectSpec

PACKAGE = Path(ocpp_client.__path__[0])


@pytest.mark.parametrize("plan", VERSIONS, ids=lambda plan: plan.package)
def test_running_it_again_changes_nothing(plan: VersionPlan) -> None:
    """The committed modules are exactly what the generator writes today: no hand edits, no leftovers."""
    committed = {path.name: path.read_text(encoding="utf-8") for path in (PACKAGE / plan.package).glob("*.py")}
    assert committed == generate.generate(plan)


@pytest.mark.parametrize("plan", VERSIONS, ids=lambda plan: plan.package)
def test_what_it_writes_stays_readable(plan: VersionPlan) -> None:
    """No module is longer than 500 lines or wider than 120 columns."""
    for name, text in generate.generate(plan).items():
        lines = text.splitlines()
        assert len(lines) <= 500, name
        assert max(map(len, lines)) <= 120, name


def test_writes_packages_into_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command writes a package for each version where it is told to."""
    monkeypatch.setattr(sys, "argv", ["generate", "--into", str(tmp_path)])
    generate.main()
    assert {path.name for path in tmp_path.iterdir()} == {"v16", "v201", "v21"}
    assert (tmp_path / "v16" / "core.py").read_text() == (PACKAGE / "v16" / "core.py").read_text()


def test_stops_when_plan_and_schemas_differ() -> None:
    """An action without a module, or a module's action without a schema, is named and nothing is written."""
    plan = VersionPlan(V16.package, V16.name, V16.timestamp, {"core": V16.modules["core"]})
    with pytest.raises(ValueError, match="UpdateFirmware"):
        generate.generate(plan)


@pytest.mark.parametrize(
    ("wire", "name"),
    [
        ("idTag", "id_tag"),
        ("csChargingProfiles", "cs_charging_profiles"),
        ("status", "status"),
        ("responderURL", "responder_url"),
        ("limit_L2", "limit_l2"),
        ("setpointReactive_L3", "setpoint_reactive_l3"),
        ("stateOfCharge", "state_of_charge"),
        ("fullSoC", "full_soc"),
        ("soC", "soc"),
        ("soH", "soh"),
        ("numEPriceLevels", "num_e_price_levels"),
        ("evMaxV2XEnergyRequest", "ev_max_v2x_energy_request"),
        ("v2xFreqWattCurve", "v2x_freq_watt_curve"),
        ("iso15118SchemaVersion", "iso15118_schema_version"),
        ("autonomousVRefEnable", "autonomous_v_ref_enable"),
        ("fixedPFAbsorb", "fixed_pf_absorb"),
        ("fixedPF", "fixed_pf"),
        ("evMaximumLevel1DCInjection", "ev_maximum_level1_dc_injection"),
        ("evSupportedDERControl", "ev_supported_der_control"),
        ("prioritizedEMAIDs", "prioritized_emaids"),
        ("hv10MinMeanValue", "hv10_min_mean_value"),
        ("language1", "language1"),
    ],
)
def test_makes_python_names_from_wire_names(wire: str, name: str) -> None:
    """Words are split where a person would split them."""
    assert snake_case(wire) == name


@pytest.mark.parametrize("plan", VERSIONS, ids=lambda plan: plan.package)
def test_no_two_fields_of_an_object_share_a_name(plan: VersionPlan) -> None:
    """Different wire names of one object give different Python names."""
    schemas = Reader(plan.timestamp).read(files("ocpp") / plan.package / "schemas")
    specs = [*schemas.types.values(), *(message for pair in schemas.messages.values() for message in pair)]
    for spec in specs:
        if isinstance(spec, ObjectSpec):
            names = [field.name for field in spec.fields]
            assert len(set(names)) == len(names), spec.name
            assert all(name.isidentifier() for name in names), spec.name


def _read(folder: Path, **schemas: dict[str, Any]) -> None:
    for name, schema in schemas.items():
        (folder / f"{name}.json").write_text(json.dumps({"type": "object", **schema}))
    Reader("Timestamp").read(folder)


@pytest.mark.parametrize(
    ("properties", "complaint"),
    [
        ({"a": {"type": "string", "pattern": "x"}}, "pattern"),
        ({"a": {"type": "string", "minLength": 1}}, "minLength"),
        ({"a": {"type": "number", "multipleOf": 0.5}}, r"0\.5"),
        ({"a": {"type": "integer", "minimum": 2}}, "starts at 2"),
        ({"a": {"type": ["string", "null"]}}, "null"),
        ({"a": {"oneOf": []}}, "oneOf"),
        ({"a": {"type": "array", "items": {"type": "string"}, "uniqueItems": True}}, "uniqueItems"),
    ],
)
def test_stops_at_a_rule_it_does_not_understand(tmp_path: Path, properties: dict[str, Any], complaint: str) -> None:
    """A keyword that would be lost stops the run and is named."""
    with pytest.raises(SchemaSurprise, match=complaint):
        _read(tmp_path, PingRequest={"properties": properties, "additionalProperties": False})


def test_stops_at_a_required_field_that_does_not_exist(tmp_path: Path) -> None:
    """A schema that requires a field it does not define cannot be met."""
    with pytest.raises(SchemaSurprise, match="ghost"):
        _read(tmp_path, PingRequest={"properties": {}, "required": ["ghost"], "additionalProperties": False})


def test_stops_at_one_name_for_two_shapes(tmp_path: Path) -> None:
    """Two definitions with one name and different fields need two names."""
    message = {"properties": {"a": {"$ref": "#/definitions/T"}}, "additionalProperties": False}
    one = {**message, "definitions": {"T": {"type": "string", "enum": ["x"]}}}
    two = {**message, "definitions": {"T": {"type": "string", "enum": ["y"]}}}
    with pytest.raises(SchemaSurprise, match="two shapes"):
        _read(tmp_path, PingRequest=one, PingResponse=two)
