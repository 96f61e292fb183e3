"""The same scenario under both versions leaves the same books: energy, times and tokens.

The central systems are those of another OCPP library. Registers are equal to the watt hour, and equal to what the meter's display
showed; times may differ by what the messages before a start take on the wire.
"""

from pathlib import Path
from typing import Any

import ocpp.messages
import pytest

from tests.parity.central import Central, Charge
from tests.parity.central16 import Central16
from tests.parity.central201 import Central201
from tests.parity.scenarios import SCENARIOS, Scenario, Scene
from tests.station.play import Play, play

TOLERANCE_S = 0.2


def books(directory: Path, scenario: Scenario, kind: type[Central]) -> list[Charge]:
    """Play a scenario against one central system and return its books."""
    directory.mkdir()
    centrals: list[Central] = []
    registers: list[tuple[int, int]] = []

    def make(now_s: Any) -> Any:
        centrals.append(kind(now_s))
        return centrals[0]

    async def act(stage: Play) -> None:
        for path in (stage.sim.network.path("station", "csms"), stage.sim.network.path("csms", "station")):
            path.jitter_s = 0.0
        stage.start_csms()
        await stage.start_station()
        await stage.online()
        scene = Scene(stage, centrals[0])
        await scene.wait(10)
        await scenario(scene)
        await stage.delivered()
        registers.extend(scene.registers)

    play(directory, act, connected=None, settings={"csms.protocols": kind.protocol}, csms=make)
    found = sorted(centrals[0].charges.values(), key=lambda charge: (charge.start_s, charge.evse))
    ends = [(charge.evse, charge.stop_wh) for charge in sorted(found, key=lambda charge: charge.stop_s or 0.0)]
    assert [end for end in ends if end in registers] == registers or not registers
    if isinstance(centrals[0], Central201):
        assert all(sorted(numbers) == list(range(len(numbers))) for numbers in centrals[0].sequences.values())
    return found


@pytest.fixture(autouse=True)
def _validation_on_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ocpp.messages, "ASYNC_VALIDATION", False)  # in threads it would leave virtual time


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda found: found.__name__)
def test_the_books_are_the_same_under_both_versions(tmp_path: Path, scenario: Scenario) -> None:
    """As many charges, at the same EVSEs, with the same tokens, times, registers and reasons."""
    old = books(tmp_path / "16", scenario, Central16)
    new = books(tmp_path / "201", scenario, Central201)
    assert [(one.evse, one.token, one.stop_token, one.reason) for one in old] == [
        (one.evse, one.token, one.stop_token, one.reason) for one in new
    ]
    for one, other in zip(old, new, strict=True):
        assert one.start_s == pytest.approx(other.start_s, abs=TOLERANCE_S)
        assert (one.start_wh, one.stop_wh) == (other.start_wh, other.stop_wh)
        assert (one.stop_s is None) == (other.stop_s is None)
        assert one.stop_s is None or one.stop_s == pytest.approx(other.stop_s, abs=TOLERANCE_S)


def test_there_are_at_least_thirty_scenarios() -> None:
    """Start orders, offline phases, resets, faults, remote commands, power cuts."""
    assert len(SCENARIOS) >= 30
