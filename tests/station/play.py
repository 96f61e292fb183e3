"""Plays a whole station against a scripted central system, in virtual time."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, get_args

from boards import find_board, load_board
from firmware.app import App, Exit, Surroundings
from firmware.config import Profile, load_config
from firmware.core.values import Energy
from firmware.simulation.runtime import Simulation
from firmware.simulation.runtime.disk import Disk
from firmware.simulation.runtime.process import Process
from hal.mock.actions import perform
from hal.types import LockState
from tests.station.scripted import Scripted

TAG = "04A1B2C3D4E5F6"
# Without the security whitepaper, whose events would stand between the messages that most tests are about.
UNSECURED = ",".join(name for name in get_args(Profile) if name != "Security")
OTHER_TAG = "04FFEEDDCCBBAA"


class Play:
    """One station, one central system, and what people do at the pole."""

    def __init__(
        self,
        sim: Simulation,
        directory: Path,
        settings: Mapping[str, str],
        keys: dict[str, str],
        csms: Callable[[Callable[[], float]], Scripted] = Scripted,
    ) -> None:
        self.sim = sim
        self.settings = settings
        self.keys = keys
        self.disk = Disk(directory)
        self.station_host = sim.host("station")
        self.csms_host = sim.host("csms")
        self.csms = csms(sim.wall_s)
        self.exits: list[Exit] = []
        self._boots = 0
        self._app: App | None = None
        self._station: Process | None = None
        self._server: Process | None = None
        self._ready = asyncio.Event()

    # ---- the two ends -------------------------------------------------------------------------------------------------

    def start_csms(self) -> None:
        """The central system comes up."""
        self._server = self.sim.processes.spawn(self.csms_host, self.csms.run, name="csms")

    def stop_csms(self) -> None:
        """The central system dies."""
        assert self._server is not None
        self.sim.processes.kill(self._server)

    async def start_station(self) -> None:
        """The station is switched on, and its devices work."""
        self._boots += 1
        self._ready.clear()
        self._station = self.sim.processes.spawn(self.station_host, self._program, name="station")
        await self._ready.wait()
        await self.until(lambda: all(reader.port.is_open for reader in self.world.readers))

    async def kill_station(self) -> None:
        """SIGKILL."""
        assert self._station is not None
        self.sim.processes.kill(self._station)
        self.disk.freeze()
        self.disk.thaw()

    async def end_station(self) -> Exit:
        """SIGTERM."""
        assert self._station is not None
        self.app.stop()
        await self._station.wait()
        return self.exits[-1]

    async def _program(self) -> None:
        usual = {"csms.url": "ws://csms:9000/ocpp", "control.enabled": "false", "station.profiles": UNSECURED}
        overrides = {**usual, **self.settings}
        config = load_config(None, environment={}, overrides=overrides)
        config = config.model_copy(update={"ocpp16": self.keys})
        while True:
            around = Surroundings(
                self.sim.clock(f"boot-{self._boots}"),
                self.sim.chance(f"station-{self._boots}"),
                lambda: str(uuid.uuid4()),
                self.disk.path,
            )
            self._app = await App.open(config, load_board(find_board("mock")), around)
            self._ready.set()
            how = await self._app.run()
            self.exits.append(how)
            if how is Exit.STOP:
                return

    @property
    def alive(self) -> bool:
        """Whether the program runs."""
        return self._station is not None and self._station.alive and self._ready.is_set()

    @property
    def app(self) -> App:
        """The running program."""
        assert self._app is not None
        return self._app

    @property
    def world(self) -> Any:
        """Its mock world."""
        return self.app.board.world

    # ---- people at the pole ---------------------------------------------------------------------------------------------

    def do(self, path: str, **body: Any) -> dict[str, Any]:
        """Anything the mock world can do."""
        return perform(self.world, path, body)

    def plug(self, evse: int = 1, car: str | dict[str, Any] = "compact") -> None:
        """Connect a car."""
        self.do(f"evse/{evse}/plug", car=car)

    async def unplug(self, evse: int = 1) -> None:
        """Take the cable out, once it is free."""
        await self.until(lambda: self.app.engine.station.evses[evse].lock_state is not LockState.LOCKED)
        self.do(f"evse/{evse}/unplug")

    def tap(self, tag: str = TAG, *evses: int) -> None:
        """Hold a card to the reader."""
        self.do("token", token=tag, evses=list(evses or (1,)))

    async def charge(self, seconds: float = 600.0, evse: int = 1, tag: str = TAG) -> None:
        """Plug, tap, and let it charge for a while."""
        self.plug(evse)
        self.tap(tag, evse)
        await self.charging(evse)
        await asyncio.sleep(seconds)

    async def charging(self, evse: int = 1) -> None:
        """Wait until energy flows."""
        await self.until(lambda: self.app.engine.station.evses[evse].energy is Energy.FLOWING)

    async def finish(self, tag: str = TAG) -> None:
        """Tap, unplug, and wait until the central system knows."""
        self.tap(tag)
        await self.unplug()
        await self.delivered()

    async def charge_exactly(self) -> None:
        """The proof that nothing is broken or stuck: with a kind central system one more charge comes out exact."""
        self.csms.scripts.clear()
        await self.online()
        before, register = len(self.csms.transactions), self.meter_wh()
        await self.charge(120)
        await self.finish()
        (transaction,) = self.csms.transactions[before:]
        assert transaction["start"]["meterStart"] == register
        assert transaction["stop"]["meterStop"] == self.meter_wh() > register

    def status_now(self, evse: int = 1) -> str:
        """The status of a connector."""
        return self.app.translator.status_word(evse)

    async def status(self, word: str, evse: int = 1, timeout_s: float = 60.0) -> None:
        """Wait for a status."""
        try:
            await self.until(lambda: self.status_now(evse) == word, timeout_s)
        except TimeoutError:
            raise AssertionError(f"EVSE {evse} is {self.status_now(evse)}, not {word}") from None

    async def until(self, condition: Callable[[], Any], timeout_s: float = 60.0) -> None:
        """Wait, looking every 50 ms of virtual time."""
        async with asyncio.timeout(timeout_s):
            while not condition():
                await asyncio.sleep(0.05)

    async def online(self) -> None:
        """Wait until the central system accepts the station."""
        await self.until(lambda: self.app.engine.station.context.online, 600)

    async def offline(self) -> None:
        """The central system dies, and the station has noticed."""
        self.stop_csms()
        await self.until(lambda: not self.app.engine.station.context.online)

    async def set_key(self, name: str, value: str) -> None:
        """ChangeConfiguration, accepted."""
        assert await self.csms.ask("ChangeConfiguration", {"key": name, "value": value}) == {"status": "Accepted"}

    async def key(self, name: str) -> str | None:
        """The value of a key as GetConfiguration tells it."""
        answer = await self.csms.ask("GetConfiguration", {"key": [name]})
        value: str | None = answer["configurationKey"][0]["value"]
        return value

    async def delivered(self, timeout_s: float = 600.0) -> None:
        """Wait until the journal is empty."""
        await self.until(lambda: self.app.queue.stats().rows == 0, timeout_s)

    def meter_wh(self, evse: int = 1) -> int:
        """What the meter's display shows."""
        return int(self.world.evse(evse).import_mwh() // 1000)


Scenario = Callable[[Play], Awaitable[None]]


def play(
    directory: Path,
    scenario: Scenario,
    *,
    seed: int = 1,
    connected: bool | None = True,
    settings: Mapping[str, str] | None = None,
    keys: Mapping[str, str] | None = None,
    csms: Callable[[Callable[[], float]], Scripted] = Scripted,
) -> None:
    """Run a scenario. `settings` are those of the configuration file, `keys` those of OCPP 1.6. `csms` makes the central system.

    The station is online at its start; with `connected` False it is on without a central system, with None neither is started.
    """
    sim = Simulation(seed)

    async def main(sim: Simulation) -> None:
        stage = Play(sim, directory, settings or {}, dict(keys or {}), csms)
        if connected:
            stage.start_csms()
        if connected is not None:
            await stage.start_station()
        if connected:
            await stage.csms.heard("StatusNotification", stage.csms.statuses_at_boot)
            await stage.online()
        await scenario(stage)
        await stage.end_station()

    sim.run(main)
    assert sim.problems == []


__all__ = ["OTHER_TAG", "TAG", "Play", "play"]
