"""Plays a whole station that speaks OCPP 2.0.1 against the scripted central system, in virtual time."""

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, cast

from tests.ocpp201.scripted import Scripted201
from tests.station import play as station
from tests.station.play import OTHER_TAG, TAG, Play

Scenario = Callable[[Play, Scripted201], Awaitable[None]]


def play(directory: Path, scenario: Scenario, *, settings: Mapping[str, str] | None = None, **more: Any) -> None:
    """Run a scenario; `more` as for the play of OCPP 1.6."""

    async def act(stage: Play) -> None:
        await scenario(stage, cast("Scripted201", stage.csms))

    station.play(directory, act, settings={"csms.protocols": "ocpp2.0.1", **(settings or {})}, csms=Scripted201, **more)


__all__ = ["OTHER_TAG", "TAG", "Play", "Scripted201", "play"]
