"""A station of this process in real time, against the reference central system beside it or against anybody's."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from csms.app import Csms
from firmware.app import Exit
from firmware.scenarios.files import FileServer
from firmware.scenarios.format import Scenario
from firmware.scenarios.live import LiveStage
from firmware.scenarios.reference import BesideUs
from firmware.scenarios.runner import Run
from firmware.scenarios.stage import NotHere

if TYPE_CHECKING:
    from firmware.app import App

LOOPBACK: Final = "127.0.0.1"


async def play(
    scenario: Scenario,
    open_app: Callable[[Path], Awaitable["App"]],
    directory: Path,
    *,
    csms: Csms | None,
    changed: Callable[[Run, int], None],
    ask: Callable[[str], None],
    longest_wait_s: float | None = None,
) -> Run:
    """Play a scenario on a new station whose files are in `directory`. `open_app` makes its program, again after each restart.

    `csms` is the central system that it connects to, None: one of which only the operator has the controls. `longest_wait_s` cuts waits
    that are longer.
    """
    files = await FileServer().open(LOOPBACK)
    files_url = f"http://{LOOPBACK}:{files.sockets[0].getsockname()[1]}"
    app = await open_app(directory)
    central = None if csms is None else BesideUs(csms, app.config.station.id)
    stage = LiveStage(app, central, ask=ask, files_url=files_url, longest_wait_s=longest_wait_s)
    run = Run(scenario, stage, changed=lambda index: changed(run, index))
    station = asyncio.create_task(_keep_running(app, open_app, directory, stage))
    playing = asyncio.create_task(_play(run, stage))
    try:
        await asyncio.wait({station, playing}, return_when=asyncio.FIRST_COMPLETED)
        if station.done() and station.exception() is not None:
            run.trouble = f"the station's program failed: {station.exception()!r}"
    finally:
        files.close()
        for task in (playing, station):
            task.cancel()
            await asyncio.wait([task])
    return run


async def _play(run: Run, stage: LiveStage) -> None:
    try:
        with stage.prepared(run.scenario.head.settings):
            await run.play()
    except NotHere as error:
        run.trouble = str(error)


async def _keep_running(
    app: "App", open_app: Callable[[Path], Awaitable["App"]], directory: Path, stage: LiveStage
) -> None:
    while await app.run() is Exit.RESTART:
        stage.detach()
        app = await open_app(directory)
        stage.attach(app)
