"""Every scenario of the library passes in virtual time against the reference central system."""

import re
from pathlib import Path

import pytest

from firmware.scenarios import library
from firmware.scenarios.format import PROTOCOLS
from firmware.scenarios.report import Result
from firmware.scenarios.virtual import play

DOCUMENT = Path(__file__).parents[2] / "docs" / "scenarios.md"
CASES = [
    pytest.param(name, protocol, id=f"{name}-{protocol}")
    for name in library.names()
    for protocol in PROTOCOLS
    if library.get(name).fits(protocol)
]


@pytest.mark.parametrize(("name", "protocol"), CASES)
def test_a_scenario_of_the_library_passes(name: str, protocol: str) -> None:
    """Each file, under each version that it is for."""
    run, frames = play(library.get(name), protocol)
    problem = Result(run, protocol, 0.0).problem
    assert problem is None, "\n".join([problem or "", *frames[-15:]])


def test_the_library_has_the_situations_that_people_ask_for() -> None:
    """Twenty files at least, each with a title and a sentence about it, and most of them for both versions."""
    scenarios = [library.get(name) for name in library.names()]
    assert len(scenarios) >= 20
    assert all(scenario.head.about for scenario in scenarios)
    assert len({scenario.head.title for scenario in scenarios}) == len(scenarios)
    assert sum(len(scenario.head.protocols) == 2 for scenario in scenarios) >= 0.75 * len(scenarios)


def test_the_example_of_the_document_can_be_read() -> None:
    """What docs/scenarios.md shows first is a scenario, and it passes."""
    from firmware.scenarios.format import parse  # noqa: PLC0415 - beside its only use

    text = DOCUMENT.read_text()
    example = re.search(r"^```toml\n(title.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert example is not None
    run, _ = play(parse(example[1], name="example", source="docs/scenarios.md"), "ocpp1.6")
    assert Result(run, "ocpp1.6", 0.0).problem is None
