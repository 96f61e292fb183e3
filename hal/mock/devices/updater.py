"""The mock updater."""

from collections.abc import Callable
from pathlib import Path

from hal.errors import DeviceRefused
from hal.mock.devices.place import world_of
from hal.mock.firmware import IMAGE_MARK
from hal.registry import DriverContext, driver
from hal.updater import RunningFirmware

STEPS = 4  # in which an installation tells its progress
LONGEST_LINE = 200


@driver("updater", "mock")
class MockUpdater:
    """Satisfies hal.updater.Updater. An image is any file that begins with the mark of `hal.mock.firmware` and a version."""

    def __init__(self, context: DriverContext, version: str | None = None) -> None:
        """`version` is what runs at first; by default nobody has written it down."""
        self._world = world_of(context)
        self._firmware = self._world.firmware
        self._port = self._firmware.ports.attach()
        self._clock = context.clock
        if version is not None and not any(self._firmware.versions.values()):
            self._firmware.versions[self._firmware.booted] = version

    async def open(self) -> None:
        """Connect."""
        self._port.open()

    async def running(self) -> RunningFirmware:
        """What runs now."""
        self._port.check()
        firmware = self._firmware
        return RunningFirmware(firmware.booted, firmware.versions[firmware.booted], str(firmware.boots))

    async def check(self, image: Path) -> str | None:
        """The version after the mark."""
        self._port.check()
        with image.open("rb") as file:
            line = file.readline(LONGEST_LINE).decode("utf-8", "replace")
        if not line.startswith(IMAGE_MARK) or not line.removeprefix(IMAGE_MARK).strip():
            raise DeviceRefused(
                f"{image.name} is no image for the mock updater; its first line must be {IMAGE_MARK!r} VERSION"
            )
        return line.removeprefix(IMAGE_MARK).strip()

    async def install(self, image: Path, progress: Callable[[int], None]) -> None:
        """Takes its time, then the other place has the new version."""
        version = await self.check(image)
        for step in range(STEPS):
            progress(100 * step // STEPS)
            await self._clock.sleep(self._firmware.install_s / STEPS)
            self._port.check()
        if self._firmware.install_fails:
            raise DeviceRefused(f"{image.name}: the other place cannot be written")
        assert version is not None
        self._firmware.install(version)
        progress(100)
        self._world.save()

    async def restart(self) -> None:
        """The mock machine is up again when the program is."""
        self._port.check()
        self._firmware.boot()
        self._world.save()

    async def confirm(self) -> None:
        """What runs stays."""
        self._port.check()
        self._firmware.trial = False
        self._world.save()

    async def fall_back(self) -> None:
        """The other place starts next."""
        self._port.check()
        self._firmware.fall_back()
        self._world.save()

    async def close(self) -> None:
        """Release."""
        self._port.close()
