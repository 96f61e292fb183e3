"""Drivers are found by kind and name, and their options are checked against their signature."""

from importlib.metadata import EntryPoint
from pathlib import Path
from random import Random
from typing import Any

import pytest

from hal.errors import BadDeviceOptions, UnknownDriver
from hal.mock.devices import MockPilot
from hal.registry import DriverContext, Registry, driver
from tests.hal.timing import ManualTime, clock_on


@driver("meter", "made-up")
def made_up(context: DriverContext, unit: int, label: str = "") -> tuple[int, str]:
    """A driver of another distribution."""
    if unit > 247:
        raise ValueError(f"unit must be at most 247, is {unit}")
    return unit, label


@driver("meter", "takes-anything")
def takes_anything(context: DriverContext, **options: Any) -> dict[str, Any]:
    """A driver that checks its options itself."""
    return options


CONTEXT = DriverContext(clock=clock_on(ManualTime()), rng=Random(1))


@pytest.fixture
def registry() -> Registry:
    """A registry that finds this module as an entry point."""
    return Registry([EntryPoint(name="test", value=__name__, group="wayside.drivers")])


def test_built_in_drivers_are_found_without_entry_points() -> None:
    """The mock drivers come from the table."""
    assert Registry([]).factory("pilot", "mock") is MockPilot


def test_installed_distributions_are_looked_through_when_nothing_else_fits() -> None:
    """Without a list of its own, the registry asks what is installed."""
    with pytest.raises(UnknownDriver, match=r"no meter driver 'abacus'; installed: .*mock"):
        Registry().factory("meter", "abacus")


def test_entry_points_bring_drivers(registry: Registry) -> None:
    """A driver of another distribution is built with its options."""
    assert registry.build("meter", "made-up", CONTEXT, {"unit": 3, "label": "x"}) == (3, "x")
    assert "made-up" in registry.names("meter")


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"unit": 1, "colour": 2}, "has no option 'colour'; it takes: unit, label"),
        ({}, "missing a required argument: 'unit'"),
        ({"unit": 300}, "unit must be at most 247, is 300"),
    ],
)
def test_wrong_options_are_refused_by_name(registry: Registry, options: dict[str, Any], reason: str) -> None:
    """An unknown option, a missing one, and one that the driver refuses."""
    with pytest.raises(BadDeviceOptions, match=f"^meter driver 'made-up'.* {reason}"):
        registry.build("meter", "made-up", CONTEXT, options)


def test_a_driver_may_take_any_option(registry: Registry) -> None:
    """Keyword arguments of any name reach a driver that asks for them."""
    assert registry.build("meter", "takes-anything", CONTEXT, {"colour": 2}) == {"colour": 2}


def test_a_kind_that_does_not_exist_is_a_programming_error() -> None:
    """Marking a driver for it fails at import."""
    with pytest.raises(ValueError, match="unknown kind of device 'toaster'; one of meter, "):
        driver("toaster", "x")


def test_a_module_that_fails_to_load_fails_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second question does not turn a broken import into a driver that is not there."""
    (tmp_path / "broken_driver.py").write_text("import no_such_package\n")
    monkeypatch.syspath_prepend(tmp_path)
    registry = Registry([EntryPoint(name="test", value="broken_driver", group="wayside.drivers")])
    for _ in range(2):
        with pytest.raises(ModuleNotFoundError, match="no_such_package"):
            registry.factory("meter", "x")
