"""A virtual charge point in virtual time, for people who write a central system and test it with pytest.

    def test_a_charge_is_billed(wayside):
        async def scene(stage):
            stage.serve(my_central_system, "0.0.0.0", 9000)        # any asyncio program, unmodified
            station = stage.charge_point("ws://csms:9000/ocpp")
            station.plug_in(1, "compact")
            station.tap("04A1B2C3")
            await stage.sleep(3600)                                 # an hour passes in milliseconds
            station.tap("04A1B2C3")
            ...
        wayside(scene)

The charge point is the whole program on a mock board. Use plain `ws://`; the central system must not start threads or block.
"""

import asyncio
import tempfile
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from firmware.simulation.program import board, run_app
from firmware.simulation.runtime import Process, Simulation
from firmware.simulation.runtime.network import Network
from firmware.simulation.site import Site
from hal.mock.car import Car
from hal.mock.evse import MockEvse
from hal.mock.world import World

T = TypeVar("T")
CSMS_HOST = "csms"


class VirtualChargePoint:
    """One charge point: the program, its mock board, and the people and vehicles at it. EVSEs are numbered from 1."""

    def __init__(self, site: Site) -> None:
        self._site = site

    @property
    def identity(self) -> str:
        """The last part of the URL with which it connects."""
        return self._site.identity

    @property
    def world(self) -> World:
        """The mock world, for everything that has no method here."""
        return self._site.world

    def plug_in(self, evse: int, car: str = "compact", *, soc_percent: float | None = None) -> None:
        """A vehicle of the garage arrives and plugs in. Raises hal.mock.errors.Impossible when the socket is taken."""
        spec = self._site.world.car(car).spec
        if soc_percent is not None:
            spec = replace(spec, soc_percent=soc_percent)
        self._evse(evse).plug("both", Car(spec, car))

    def unplug(self, evse: int) -> None:
        """It unplugs and leaves. Raises hal.mock.errors.Impossible while the cable is locked."""
        self._evse(evse).unplug("both")

    def pause_car(self, evse: int) -> None:
        """The vehicle stops asking for energy."""
        self._evse(evse).pause_car()

    def resume_car(self, evse: int) -> None:
        """The vehicle asks again."""
        self._evse(evse).resume_car()

    def tap(self, card: str) -> None:
        """Hold a card (hexadecimal digits) to the reader."""
        self._site.world.swipe(card)

    def energy_wh(self, evse: int) -> int:
        """The meter's register."""
        return self._evse(evse).import_mwh() // 1000

    def is_locked(self, evse: int) -> bool:
        """Whether the bolt holds the cable."""
        return bool(self._evse(evse).cable.bolt.value == "locked")

    def raise_fault(self, evse: int, code: str) -> None:
        """Let something break; codes are those of hal.types.FaultCode."""
        self._evse(evse).raise_fault(code)

    def clear_fault(self, evse: int, code: str) -> None:
        """Mend it."""
        self._evse(evse).clear_fault(code)

    def power_off(self) -> None:
        """Cut the power: the central system is not told."""
        self._site.power_off()

    def power_on(self) -> None:
        """Power is back; the program starts."""
        self._site.power_on()
        self._site.start()

    def state(self) -> dict[str, Any]:
        """What somebody who stands beside it could see."""
        return self._site.world.snapshot()

    def _evse(self, number: int) -> MockEvse:
        return self._site.world.evse(number)


class Stage:
    """The world of one scene."""

    def __init__(self, sim: Simulation, disk: Path) -> None:
        self._sim = sim
        self._disk = disk
        self._sites: list[Site] = []
        self.csms_host = sim.host(CSMS_HOST)
        self.failures: list[BaseException] = []  # of the charge points' programs
        self.frames: list[tuple[str, bool, str]] = []  # OCPP frames: station, whether it was the sender, text

    @property
    def time_s(self) -> float:
        """Virtual seconds since the scene began."""
        return self._sim.loop.time()

    @property
    def network(self) -> Network:
        """Cuts, black holes, slow and lossy paths: `network.cut("cp000", "csms")` and the like; hosts have lower-case names."""
        return self._sim.network

    def serve(self, main: Callable[..., Coroutine[Any, Any, Any]], *args: Any) -> Process:
        """Run an asyncio program as a process on the host `csms`; `kill(process)` ends it."""
        return self._sim.processes.spawn(self.csms_host, main, *args)

    def kill(self, process: Process) -> None:
        """SIGKILL."""
        self._sim.processes.kill(process)

    def charge_point(self, url: str, settings: Mapping[str, str] | None = None) -> VirtualChargePoint:
        """A charge point that connects to `url` (its identity is appended). `settings` are OCPP 1.6 configuration keys."""
        site = Site(
            self._sim,
            len(self._sites),
            url=url,
            root=self._disk,
            board=board(),
            program=partial(run_app, settings=settings),
            started=lambda _: None,
            crashed=lambda _, error: self.failures.append(error),
            on_frame=lambda station, sent, text: self.frames.append((station, sent, text)),
        )
        self._sites.append(site)
        site.start()
        return VirtualChargePoint(site)

    async def sleep(self, seconds: float) -> None:
        """Let virtual time pass."""
        await asyncio.sleep(seconds)

    async def until(self, condition: Callable[[], object], timeout_s: float = 3600.0, every_s: float = 0.1) -> None:
        """Let virtual time pass until something is true. Raises TimeoutError."""
        async with asyncio.timeout(timeout_s):
            while not condition():  # noqa: ASYNC110 - the condition is the caller's, and time costs nothing
                await asyncio.sleep(every_s)


def run_scene(scene: Callable[[Stage], Coroutine[Any, Any, T]], *, seed: int = 1) -> T:
    """Play a scene in virtual time and return what it returns. The same seed gives the same scene.

    Raises what the scene raises; an ExceptionGroup when a charge point's program failed meanwhile.
    """
    with tempfile.TemporaryDirectory(prefix="wayside-") as disk:
        sim = Simulation(seed)
        stages: list[Stage] = []

        async def main(_: Simulation) -> T:
            stages.append(Stage(sim, Path(disk)))
            return await scene(stages[0])

        result = sim.run(main)
    if stages[0].failures:
        raise BaseExceptionGroup("the charge point's program failed", stages[0].failures)
    return result
