"""Plays scenarios on the program that runs here, one at a time, for people who watch."""

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from firmware.core.values import Plug
from firmware.scenarios.format import Scenario
from firmware.scenarios.live import LiveStage
from firmware.scenarios.runner import Run, TickState
from firmware.scenarios.stage import NotHere
from ocpp_client.link_status import LinkState, LinkStatus

if TYPE_CHECKING:
    from firmware.app import App

log = logging.getLogger(__name__)


class NotNow(Exception):
    """A scenario cannot be played now. The text says what to do first."""


class Player:
    """One for the life of the program. `changed` is called whenever `picture` has something new."""

    def __init__(self, app: "App", changed: Callable[[], None]) -> None:
        self._app = app
        self._changed = changed
        self._run: Run | None = None
        self._task: asyncio.Task[None] | None = None
        self._asked = ""  # of a person, for whom a step waits
        self._ended = ""  # how the last run ended
        app.connection.listen(self._link_changed)

    @property
    def playing(self) -> bool:
        """Whether a scenario is being played."""
        return self._task is not None

    def start(self, scenario: Scenario) -> None:
        """Play a scenario. Raises NotNow."""
        if self._task is not None:
            raise NotNow("a scenario is being played; stop it first")
        hindrance = self.hindrance(scenario)
        if hindrance is not None:
            raise NotNow(hindrance)
        busy = [evse.id for evse in self._app.engine.station.evses.values() if evse.plug is not Plug.UNPLUGGED]
        if busy:
            raise NotNow(f"EVSE {busy[0]} has a cable plugged in; unplug it first")
        stage = LiveStage(self._app, self._app.central, ask=self._ask)
        self._run = Run(scenario, stage, changed=self._ticked)
        self._ended = "running"
        self._task = asyncio.create_task(self._play(stage, self._run))
        self._changed()

    def hindrance(self, scenario: Scenario) -> str | None:
        """Why a scenario cannot be played on this station at all, if so."""
        protocol = self._app.translator.protocol
        if not scenario.fits(protocol):
            return f"this scenario is for {scenario.head.protocols[0]}, and the station speaks {protocol}"
        if scenario.restarts:
            return "the station or its central system restarts in this scenario; play it with: wayside scenario run"
        if scenario.needs_reference and self._app.central is None:
            return "only the reference central system can play its part in this scenario"
        return None

    def stop(self) -> bool:
        """End the run that is on; tells whether there was one."""
        if self._task is None:
            return False
        self._task.cancel()
        return True

    async def _play(self, stage: LiveStage, run: Run) -> None:
        self._ended = "stopped"
        try:
            with stage.prepared(run.scenario.head.settings):
                self._ended = "running"
                passed = await run.play()
            self._ended = "passed" if passed else "failed"
        except asyncio.CancelledError:
            self._ended = "stopped"
        except NotHere as error:
            run.trouble, self._ended = str(error), "failed"
        except Exception:
            log.exception("scenario ended by a defect name=%s", run.scenario.name)
            run.trouble, self._ended = "a defect of this program; its log says more", "failed"
        finally:
            self._task, self._asked = None, ""
            self._changed()

    def picture(self) -> dict[str, Any] | None:
        """How the newest run stands; None before the first."""
        run = self._run
        if run is None:
            return None
        return {
            "name": run.scenario.name,
            "title": run.scenario.head.title,
            "state": self._ended,
            "trouble": run.trouble,
            "asked": self._asked,
            "steps": [
                {
                    "title": tick.title,
                    "state": tick.state.value,
                    "why": tick.why,
                    "took_s": round(tick.took_s, 2) if tick.state is not TickState.AHEAD else None,
                }
                for tick in run.ticks
            ],
        }

    def _ask(self, text: str) -> None:
        self._asked = text
        self._changed()

    def _ticked(self, _index: int) -> None:
        self._asked = ""
        self._changed()

    def _link_changed(self, status: LinkStatus) -> None:
        if status.state is LinkState.STOPPED:
            self.stop()  # the program ends
