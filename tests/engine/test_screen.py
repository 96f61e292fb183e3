"""The driver's display: what it says while people charge, and that nothing depends on it."""

import asyncio
from pathlib import Path

from firmware.engine.screen import DECISION_S, REFRESH_S, WORDS
from hal.types import LampSign
from tests.station.play import OTHER_TAG, Play, play


def test_every_sign_but_darkness_has_words() -> None:
    """No state of an EVSE leaves its line empty."""
    assert set(WORDS) == set(LampSign) - {LampSign.OFF}


def test_the_display_follows_a_charge(tmp_path: Path) -> None:
    """Available, card accepted, charging with its energy, finished; a key turns the next EVSE to the top."""

    async def scenario(stage: Play) -> None:
        def shown() -> tuple[str, ...]:
            lines: tuple[str, ...] = stage.world.display_lines
            return lines

        await stage.until(lambda: shown() == ("1 available", "2 available"))
        stage.tap()
        await stage.until(lambda: shown()[0] == "1 card accepted")
        await asyncio.sleep(DECISION_S)
        await stage.until(lambda: shown()[0] == "1 plug in, and show your card", 1)
        stage.plug()
        await stage.status("Charging")
        await asyncio.sleep(600 + REFRESH_S)
        assert shown()[0].startswith("1 charging, ")
        assert float(shown()[0].split()[2]) > 0.5
        stage.do("display/key", key="ok")
        await stage.until(lambda: shown()[0] == "2 available", 1)
        stage.tap()
        await asyncio.sleep(DECISION_S + 1)
        assert shown()[1] == "1 finished, please unplug"
        stage.do("evse/2/fault", code="leakage", active=True)
        await stage.until(lambda: shown()[0] == "2 fault: leakage", 1)

    play(tmp_path, scenario)


def test_a_lost_display_costs_nothing_and_says_what_holds_when_it_is_back(tmp_path: Path) -> None:
    """A charge begins and ends without it."""

    async def scenario(stage: Play) -> None:
        stage.do("device", device="display", lost=True)
        await stage.charge(60)
        stage.do("device", device="display", lost=False)
        await stage.until(lambda: stage.world.display_lines[:1] and "charging" in stage.world.display_lines[0], 60)
        stage.csms.scripts["Authorize"] = lambda call: {"idTagInfo": {"status": "Blocked"}}
        stage.tap(OTHER_TAG, 2)
        await stage.until(lambda: stage.world.display_lines[1] == "2 card refused")
        await stage.finish()

    play(tmp_path, scenario)
