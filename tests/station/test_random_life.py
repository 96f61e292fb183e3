"""Whatever happens in whatever order: the rules of the core hold, and the books come out exact."""

from collections.abc import Iterable
from pathlib import Path

import pytest

from firmware.core import power
from firmware.core.evse import Evse
from firmware.core.transaction import Phase
from firmware.ocpp16 import status
from tests.station.play import Play, play
from tests.station.random_life import RandomLife

SEEDS = range(25)
STEPS = 40


def _live(directory: Path, seed: int) -> None:
    async def scenario(stage: Play) -> None:
        await RandomLife(stage, seed).live(STEPS)

    play(directory, scenario, seed=seed, keys={"AllowOfflineTxForUnknownId": "true"})


@pytest.mark.parametrize("seed", SEEDS)
def test_a_random_life_breaks_no_rule(tmp_path: Path, seed: int) -> None:
    """Plugs, tokens, commands, faults, limits, networks and crashes at random."""
    _live(tmp_path, seed)


def _found(directory: Path, seeds: Iterable[int], words: str) -> bool:
    """True when a life under one of these seeds, or of the others, finds what is wrong and says so."""
    for seed in dict.fromkeys([*seeds, *SEEDS]):
        try:
            _live(directory / str(seed), seed)
        except AssertionError as error:
            if words in str(error):
                return True
            raise
    return False


def test_energy_in_spite_of_a_fault_would_be_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The watch on energy can fail."""

    def careless(evse: Evse) -> bool:
        return evse.tx is not None and evse.tx.phase is Phase.OPEN and evse.tx.durable

    monkeypatch.setattr(power, "entitled", careless)
    assert _found(tmp_path, (16, 18, 23), "energy at EVSE")


def test_a_limit_that_nobody_keeps_would_be_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The watch on the station's limit can fail."""
    monkeypatch.setattr(power, "limit_a", lambda evse: evse.spec.max_current_a)
    assert _found(tmp_path, (2, 8, 11), "A for a limit of")


def test_a_step_that_the_table_does_not_have_would_be_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The comparison with the table of statuses can fail."""
    monkeypatch.setattr(status, "path", lambda start, goal: (goal,))
    assert _found(tmp_path, (0, 1, 6), "from Finishing to SuspendedEV")
