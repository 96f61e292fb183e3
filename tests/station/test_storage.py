"""A disk without room refuses new charging with a status that says so, before a fact is lost."""

import asyncio
from pathlib import Path

from firmware.app import STORAGE_CHECK_S
from tests.station.play import OTHER_TAG, TAG, Play, play


def test_without_room_on_disk_nothing_new_begins_and_the_connectors_are_unavailable(tmp_path: Path) -> None:
    """Below the reserve: Unavailable, cards refused; a running charge goes on to its stop on disk."""

    async def scenario(stage: Play) -> None:
        await stage.charge(120, evse=2)
        context = stage.app.engine.station.context
        stage.app.engine.apply(lambda station, now: station.storage_changed(False, now))
        await stage.status("Unavailable", 1)
        assert stage.status_now(2) == "Charging"
        stage.plug(1)
        stage.tap(OTHER_TAG, 1)
        await asyncio.sleep(1)
        assert len(stage.csms.transactions) == 1
        stage.tap(TAG, 2)
        await stage.csms.heard("StopTransaction")
        await stage.until(lambda: context.storage_ok, 2 * STORAGE_CHECK_S)  # the next look finds room again
        await stage.status("Preparing", 1)

    play(tmp_path, scenario)
