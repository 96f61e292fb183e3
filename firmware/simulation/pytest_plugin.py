"""The pytest fixture `wayside`: plays a scene with virtual charge points in virtual time; see `firmware.simulation.testing`."""

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from firmware.simulation.testing import Stage


@pytest.fixture
def wayside() -> "Callable[..., Any]":
    """A function that plays `async def scene(stage)` and returns what the scene returns; `seed=` gives another course of events."""
    from firmware.simulation.testing import run_scene  # noqa: PLC0415 - the program is loaded only by tests that use it

    def play(scene: "Callable[[Stage], Coroutine[Any, Any, Any]]", *, seed: int = 1) -> Any:
        return run_scene(scene, seed=seed)

    return play
