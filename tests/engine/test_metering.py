"""Samples come exactly when they are due, none is skipped, and none comes twice."""

import asyncio
import itertools
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.station.play import Play, play


def _frames(stage: Play, context: str) -> list[datetime]:
    found: list[datetime] = []
    for call in stage.csms.named("MeterValues"):
        for value in call.payload["meterValue"]:
            contexts = {sample.get("context", "Sample.Periodic") for sample in value["sampledValue"]}
            if call.payload["connectorId"] == 1 and context in contexts:
                found.append(datetime.fromisoformat(value["timestamp"]))
    return found


def test_marks_are_exact_and_complete(tmp_path: Path) -> None:
    """Every minute on the minute, whatever else happens at the pole at that very moment."""

    async def scenario(stage: Play) -> None:
        stage.plug()
        stage.tap()
        await stage.status("Charging")
        for _ in range(600):  # something changes once a second, marks included
            await asyncio.sleep(1.0 - stage.sim.wall_s() % 1.0)
            stage.app.engine.apply(lambda station, now: station.reconsider(now))
        await stage.delivered()
        marks = _frames(stage, "Sample.Clock")
        assert len(marks) >= 9
        assert all(mark.second == 0 and mark.microsecond == 0 for mark in marks)
        assert [int(after.timestamp() - before.timestamp()) for before, after in itertools.pairwise(marks)] == [60] * (
            len(marks) - 1
        )
        samples = _frames(stage, "Sample.Periodic")
        assert len(samples) >= 58

    play(tmp_path, scenario, keys={"ClockAlignedDataInterval": "60", "MeterValueSampleInterval": "10"})


def test_a_slow_meter_costs_no_mark(tmp_path: Path) -> None:
    """A mark that falls into another reading is taken right after it, with its own time."""

    async def scenario(stage: Play) -> None:
        await asyncio.sleep(29.5 - stage.sim.wall_s() % 30)
        meter: Any = stage.app.board.evses[0].meter
        meter._answer_s = 1.5
        await stage.charge(301)
        await stage.delivered()
        marks = [int(mark.timestamp()) for mark in _frames(stage, "Sample.Clock") if mark.tzinfo is UTC]
        assert [after - before for before, after in itertools.pairwise(marks)] == [30] * (len(marks) - 1)
        assert len(marks) >= 9

    play(tmp_path, scenario, keys={"ClockAlignedDataInterval": "30", "MeterValueSampleInterval": "15"})


def test_samples_of_a_resumed_transaction_keep_coming(tmp_path: Path) -> None:
    """After a restart they count from the moment it was taken up, whatever else happens meanwhile."""

    async def scenario(stage: Play) -> None:
        await stage.charge(60)
        await stage.kill_station()
        await stage.start_station()
        await stage.status("Charging", timeout_s=120)
        before = len(_frames(stage, "Sample.Periodic"))
        for _ in range(130):
            await asyncio.sleep(1)
            stage.app.engine.apply(lambda station, now: station.reconsider(now))
        await stage.delivered()
        assert len(_frames(stage, "Sample.Periodic")) - before >= 6

    play(tmp_path, scenario, keys={"MeterValueSampleInterval": "20"})
