"""The firmware of the mock world is that of an A/B system with a boot loader that goes back."""

import asyncio
from pathlib import Path
from random import Random

import pytest

from hal.errors import DeviceLost, DeviceRefused
from hal.mock.devices import MockUpdater
from hal.mock.firmware import IMAGE_MARK
from hal.mock.state import MemoryStore
from hal.mock.world import World
from hal.registry import DriverContext
from hal.updater import Updater
from tests.hal.timing import clock_on, run


class Bench:
    """A world, its updater and an image."""

    def __init__(self, directory: Path) -> None:
        self.store = MemoryStore()
        self.image = directory / "new.img"
        self.image.write_text(f"{IMAGE_MARK}2.0.0\nrest")
        self.percent: list[int] = []
        self.plug_in()

    def plug_in(self) -> None:
        """A new program, maybe of a new start."""
        clock = clock_on(asyncio.get_running_loop())
        self.world = World(clock, store=self.store)
        context = DriverContext(clock=clock, rng=Random(1), world=self.world)
        self.updater: Updater = MockUpdater(context, version="1.0.0")

    async def installed(self) -> Updater:
        """With the image installed and the machine started again."""
        await self.updater.open()
        await self.updater.install(self.image, self.percent.append)
        await self.updater.restart()
        self.plug_in()
        await self.updater.open()
        return self.updater


OLD, NEW = ("A", "1.0.0"), ("B", "2.0.0")


async def running(updater: Updater) -> tuple[str, str | None]:
    """Slot and version."""
    now = await updater.running()
    return now.slot, now.version


def test_what_is_installed_runs_after_the_next_start_and_stays_when_confirmed(tmp_path: Path) -> None:
    """The world remembers it over programs."""

    async def main() -> None:
        bench = Bench(tmp_path)
        await bench.updater.open()
        assert await running(bench.updater) == OLD
        updater = await bench.installed()
        assert bench.percent == [0, 25, 50, 75, 100]
        assert await running(updater) == NEW
        await updater.confirm()
        await updater.restart()
        assert await running(updater) == NEW

    run(main())


def test_what_is_not_confirmed_is_left_at_the_next_start(tmp_path: Path) -> None:
    """Also when nobody said that it is bad."""

    async def main() -> None:
        updater = await Bench(tmp_path).installed()
        await updater.restart()
        assert await running(updater) == OLD

    run(main())


def test_what_is_bad_is_left_and_what_was_gone_back_to_needs_no_proof(tmp_path: Path) -> None:
    """After `fall_back` the old system runs, and keeps running."""

    async def main() -> None:
        updater = await Bench(tmp_path).installed()
        await updater.fall_back()
        assert await running(updater) == NEW
        for _ in range(2):
            await updater.restart()
            assert await running(updater) == OLD

    run(main())


def test_what_does_not_come_up_is_left_at_once(tmp_path: Path) -> None:
    """The boot loader starts the old system instead."""

    async def main() -> None:
        bench = Bench(tmp_path)
        bench.world.firmware.boot_fails = True
        updater = await bench.installed()
        assert await running(updater) == OLD

    run(main())


def test_failures_leave_the_running_system_as_it_is(tmp_path: Path) -> None:
    """No image, a place that cannot be written, a device that is gone."""

    async def main() -> None:
        bench = Bench(tmp_path)
        await bench.updater.open()
        stranger = tmp_path / "other.img"
        stranger.write_text("something else")
        with pytest.raises(DeviceRefused, match="first line"):
            await bench.updater.check(stranger)
        bench.world.firmware.install_fails = True
        with pytest.raises(DeviceRefused, match="cannot be written"):
            await bench.updater.install(bench.image, bench.percent.append)
        await bench.updater.restart()
        assert await running(bench.updater) == OLD
        bench.world.ports.named("updater").lose()
        with pytest.raises(DeviceLost):
            await bench.updater.running()

    run(main())
