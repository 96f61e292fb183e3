"""The unmodified charge point program, as a simulated process runs it."""

import uuid
from collections.abc import Callable, Mapping
from random import Random
from typing import Any

from boards import BoardDescription, find_board, load_board
from firmware.app import App, Exit, Surroundings
from firmware.config import Config
from firmware.simulation.site import Environment

BOARD = "mock"


def board() -> BoardDescription:
    """The board of every simulated station, without its network device: the simulated network stands below the program.

    Every byte would pass a relay for nothing.
    """
    return load_board(find_board(BOARD)).model_copy(update={"network": None})


def _unchanged(_: App) -> None:
    """The program as it is."""


async def run_app(
    env: Environment,
    *,
    settings: Mapping[str, str] | None = None,
    tables: Mapping[str, Mapping[str, Any]] | None = None,
    change: Callable[[App], None] = _unchanged,
) -> Exit:
    """Run the program once, with the journal, the devices and the link that it has everywhere.

    `settings` are initial values of OCPP 1.6 keys, `tables` more of the configuration. `change` is for tests that break the program on
    purpose; it gets the application before it runs.
    """
    document: dict[str, Mapping[str, Any]] = {
        "station": {"id": env.identity},
        "csms": {"url": env.url, "protocols": (env.protocol,)},
        "control": {"enabled": False},
        "ocpp16": dict(settings or {}),
    }
    for name, table in (tables or {}).items():
        document[name] = {**document.get(name, {}), **table}
    config = Config.model_validate(document)
    around = Surroundings(
        env.world.clock,
        env.rng,
        lambda: new_id(env.rng),
        env.state_dir,
        world=env.world,
        free_bytes=env.free_bytes,
    )
    app = await App.open(config, board(), around)
    change(app)
    env.running(app)
    return await app.run()


def new_id(rng: Random) -> str:
    """A UUID of version 4 from the seed."""
    return str(uuid.UUID(int=rng.getrandbits(128), version=4))
