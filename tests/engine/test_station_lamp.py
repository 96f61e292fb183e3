"""The lamp of a whole station."""

import asyncio
from pathlib import Path

import pytest

from boards import find_board
from firmware.engine.station_lamp import FIRST
from hal.types import LampSign
from tests.station.play import OTHER_TAG, TAG, Play, play


def test_every_lasting_sign_has_its_place_in_the_order() -> None:
    """Signs that pass are answers to cards; darkness is nobody's state."""
    assert set(FIRST) == set(LampSign) - {LampSign.OFF, LampSign.TOKEN_ACCEPTED, LampSign.TOKEN_REFUSED}


def test_the_station_shows_a_free_place_before_anything_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One charges: still available. Both do: charging. A card is answered. One faulted of two is no fault of the station."""
    file = tmp_path / "board.toml"
    file.write_text(find_board("mock").read_text(encoding="utf-8") + '\n[lamp]\ndriver = "mock"\n', encoding="utf-8")
    monkeypatch.setattr("tests.station.play.find_board", lambda _name: file)

    async def scenario(stage: Play) -> None:
        def sign() -> LampSign:
            shown: LampSign = stage.world.lamp.sign
            return shown

        await stage.until(lambda: sign() is LampSign.AVAILABLE)
        stage.tap(TAG)
        await stage.until(lambda: sign() is LampSign.TOKEN_ACCEPTED)
        stage.plug()
        await stage.status("Charging")
        await stage.until(lambda: sign() is LampSign.AVAILABLE)
        await stage.charge(30, evse=2, tag=OTHER_TAG)
        await stage.until(lambda: sign() is LampSign.CHARGING)
        stage.do("evse/2/fault", code="over-temperature", active=True)
        await asyncio.sleep(1)
        assert sign() is LampSign.CHARGING
        stage.do("evse/1/fault", code="over-temperature", active=True)
        await stage.until(lambda: sign() is LampSign.FAULT)

    play(tmp_path / "state", scenario)
