"""A station and the reference central system in virtual time, where an hour passes in moments and the power may fail."""

import asyncio
import tempfile
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from csms.app import Csms
from csms.core.policy import Policy
from firmware.frame_rules import Rule
from firmware.scenarios import files
from firmware.scenarios.commands16 import KEYS
from firmware.scenarios.commands201 import VARIABLES
from firmware.scenarios.conversation import Conversation
from firmware.scenarios.eyes import look, remote_id
from firmware.scenarios.files import FileServer
from firmware.scenarios.format import Scenario
from firmware.scenarios.reference import entries, plan_of, reply_of, token_entry
from firmware.scenarios.runner import Run
from firmware.scenarios.stage import Entry, Impossible, Reply
from firmware.simulation.central import Central
from firmware.simulation.program import board, run_app
from firmware.simulation.runtime import Simulation
from firmware.simulation.site import Site
from hal.errors import HalError
from hal.mock.actions import perform

if TYPE_CHECKING:
    from firmware.frame_rules import FrameRules

CSMS_FIRST_S: Final = 0.7  # the central system is up before the station
HEARTBEAT_S: Final = 300
ANYWHERE: Final = "0.0.0.0"  # noqa: S104 - of a simulated host


class VirtualCentral:
    """The reference central system of a simulation, for one station."""

    def __init__(self, central: Central, station: str) -> None:
        self._central = central
        self._station = station

    async def command(self, action: str, payload: Mapping[str, Any], timeout_s: float) -> Reply:
        return reply_of(await self._central.command(self._station, action, dict(payload)))

    async def stop(self) -> None:
        self._central.kill()

    async def start(self) -> None:
        self._central.start()

    def close(self) -> None:
        self._running().disconnect(self._station)

    def set_token(self, token: str, status: str) -> None:
        self._running().tokens.put(token_entry(token, status))

    def set_faults(self, rules: Sequence[Mapping[str, Any]]) -> None:
        self._central.set_faults(self._station, plan_of(rules))

    def books(self) -> Sequence[Entry]:
        return entries(self._central.books, self._station)

    def _running(self) -> Csms:
        csms = self._central.csms
        if csms is None:
            raise Impossible("the central system does not run; start it first")
        return csms


class VirtualStage:
    """One station and one central system in a simulation."""

    def __init__(self, sim: Simulation, scenario: Scenario, protocol: str, disk: Path) -> None:
        head = scenario.head
        self._sim = sim
        self._latest_protocol = protocol
        self.crashes: list[BaseException] = []  # of the program
        self.frames: list[str] = []  # as people read them
        self.conversation = Conversation(sim.loop.time)
        self._reference = Central(
            sim,
            lambda _station: None,
            Policy(heartbeat_interval_s=int(head.settings.get("link.heartbeat-interval", HEARTBEAT_S))),
        )
        keys = {KEYS[name]: value for name, value in head.settings.items() if name in KEYS}
        variables = {VARIABLES[name].path: value for name, value in head.settings.items() if name not in KEYS}
        tables: dict[str, Mapping[str, Any]] = {
            "csms": {"protocols": (protocol,)},
            "firmware": {"unsigned": True},
            "ocpp201": variables,
        }
        self._site = Site(
            sim,
            0,
            url=self._reference.url,
            root=disk,
            board=board(),
            program=partial(run_app, settings=keys, tables=tables),
            started=lambda _site: None,
            crashed=lambda _site, error: self.crashes.append(error),
            on_frame=self._frame,
        )
        self.central = VirtualCentral(self._reference, self._site.identity)

    async def begin(self) -> None:
        """Start both sides."""
        self._reference.start()
        self._sim.processes.spawn(self._sim.host(files.HOST), FileServer().run, ANYWHERE, files.PORT, name="files")
        await asyncio.sleep(CSMS_FIRST_S)
        self._site.start()

    @property
    def protocol(self) -> str | None:
        app = self._site.app
        if app is not None and app.connection.link.status.protocol is not None:
            self._latest_protocol = app.connection.link.status.protocol
        return self._latest_protocol

    @property
    def files_url(self) -> str | None:
        return f"http://{files.HOST}:{files.PORT}"

    def now(self) -> datetime:
        return datetime.fromtimestamp(self._sim.wall_s(), UTC)

    async def wait(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def perform(self, path: str, body: Mapping[str, Any]) -> None:
        if path == "network":
            self._change_network(body)
            return
        try:
            perform(self._site.world, path, body)
        except HalError as error:
            raise Impossible(str(error)) from None

    def _change_network(self, body: Mapping[str, Any]) -> None:
        """The simulated network stands below the program, so that the mock world's own is not in its way."""
        network, ends = self._sim.network, (self._site.host.name, self._reference.host.name)
        match body.get("mode"):
            case "up":
                network.heal(*ends)
            case "down":
                network.refuse(*ends)
                network.cut(*ends)
            case "black_hole":
                network.black_hole(*ends)
        if "latency_s" in body:
            network.degrade(*ends, latency_s=body["latency_s"] or None)
        if "address" in body:
            network.forget_mapping(*ends)

    def seen(self, evse: int) -> Mapping[str, Any]:
        app = self._site.app
        return {} if app is None else look(app, evse)

    def transaction(self, evse: int) -> str | None:
        app = self._site.app
        return None if app is None else remote_id(app, evse)

    def meter_wh(self) -> int:
        return sum(evse.import_mwh() // 1000 for evse in self._site.world.evses)

    async def add_rule(self, rule: Rule) -> None:
        self._rules().add(rule)

    async def release(self) -> None:
        await self._within(self._rules().release)

    async def clear_rules(self) -> None:
        await self._within(self._rules().clear)

    async def _within(self, work: Callable[[], object]) -> None:
        """Do something as a part of the program."""

        async def run() -> None:
            work()

        await self._site.perform(run())

    def _rules(self) -> "FrameRules":
        app = self._site.app
        rules = None if app is None else app.connection.rules
        if rules is None:
            raise Impossible("the station's program does not run")
        return rules

    async def set_power(self, on: bool) -> None:
        if on:
            self._site.power_on()
            self._site.start()
        else:
            self._site.power_off()

    def _frame(self, _station: str, from_station: bool, text: str) -> None:
        self.conversation.hear(text, from_station=from_station)
        self.frames.append(f"{self._sim.loop.time():10.3f} {'>' if from_station else '<'} {text}")


def play(
    scenario: Scenario,
    protocol: str,
    *,
    seed: int = 1,
    changed: Callable[["Run", int], None] = lambda _run, _index: None,
) -> tuple[Run, Sequence[str]]:
    """Play a scenario in virtual time; returns how it went and every frame. The same seed gives the same course of events."""
    sim = Simulation(seed, keep_segments=False)
    with tempfile.TemporaryDirectory(prefix="wayside-scenario-") as disk:
        stage = VirtualStage(sim, scenario, protocol, Path(disk))
        run = Run(scenario, stage, changed=lambda index: changed(run, index))

        async def main(_: Simulation) -> None:
            await stage.begin()
            await run.play()

        sim.run(main)
    troubles = [f"the station's program failed: {error!r}" for error in stage.crashes] + sim.problems
    if troubles:
        run.trouble = troubles[0]
    return run, stage.frames
