"""From the cause to the contactor's driver: no task of another kind comes in between, and the measurement of it measures."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from bench.deny import CAUSES, measure
from tests.station.play import Play, play

ROUNDS = 10


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("evse/1/pilot", {"forced": "B"}),
        ("evse/1/pilot", {"forced": "E"}),
        ("evse/1/fault", {"code": "ground-fault", "active": True}),
        ("evse/1/fault", {"code": "over-temperature", "active": True}),
        ("fault", {"code": "emergency-stop", "active": True}),
        ("evse/1/device", {"device": "pilot", "lost": True}),
        ("evse/1/device", {"device": "contactor", "lost": True}),
        ("limit", {"current_a": 5.9}),
    ],
    ids=lambda value: value if isinstance(value, str) else "-".join(str(item) for item in value.values()),
)
def test_a_cause_denies_before_any_time_passes(tmp_path: Path, path: str, body: dict[str, Any]) -> None:
    """In virtual time, in which only waiting takes any: between the driver that sees it and the one that denies nobody waits."""

    async def scenario(stage: Play) -> None:
        await stage.charge(60)
        contactor: Any = stage.app.board.evses[0].contactor
        told, denied_s = contactor.deny_now, []

        def deny_now() -> None:
            denied_s.append(asyncio.get_running_loop().time())
            told()

        contactor.deny_now = deny_now
        began_s = asyncio.get_running_loop().time()
        stage.do(path, **body)
        await asyncio.sleep(0.01)
        assert denied_s
        assert denied_s[0] == began_s

    play(tmp_path, scenario)


def test_every_cause_is_measured_under_load() -> None:
    """The benchmark's own rounds, a few of them, on real sockets, a real disk and real time."""
    taken, late = measure(ROUNDS)
    assert late
    assert set(taken) == {cause.name for cause in CAUSES}
    for values in taken.values():
        assert len(values) == ROUNDS
        assert values == sorted(values)
        assert values[0] > 0
