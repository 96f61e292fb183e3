"""Lamps and buzzers: on the kernel's LED class, or on GPIO lines."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from hal.drivers.gpio_lines import GpiodLines, Lines, OutputLine
from hal.drivers.lamp_patterns import PATTERNS, Light, Pattern
from hal.errors import DeviceLost
from hal.registry import DriverContext, driver
from hal.types import LampSign

log = logging.getLogger(__name__)

LEDS = Path("/sys/class/leds")


class Channel(Protocol):
    """One colour, or the buzzer. GPIO output lines are channels."""

    def set(self, active: bool) -> None:
        """On or off. Raises DeviceLost."""

    def close(self) -> None:
        """Off, and release. Never raises."""


class LedChannel:
    """An LED of the kernel, at full brightness or dark. Writing to its file takes microseconds: it is a register."""

    def __init__(self, folder: Path) -> None:
        self._brightness = folder / "brightness"
        self._name = folder.name
        try:
            (folder / "trigger").write_text("none", encoding="ascii")  # nobody else makes it flash
            self._full = (folder / "max_brightness").read_text(encoding="ascii").strip()
        except OSError as error:
            raise DeviceLost(f"LED {self._name}: {error.strerror}; `ls {folder.parent}` lists the names") from error

    def set(self, active: bool) -> None:
        """On or off."""
        try:
            self._brightness.write_text(self._full if active else "0", encoding="ascii")
        except OSError as error:
            raise DeviceLost(f"LED {self._name}: {error.strerror}") from error

    def close(self) -> None:
        """Dark."""
        try:
            self.set(False)
        except DeviceLost as error:
            log.info("lamp channel not dark at the end error=%s", error)


class PatternLamp:
    """Satisfies hal.lamp.Lamp. `channels` are made at each opening; colours that are missing are left out.

    A lamp with one colour flashes that one in every sign's rhythm.
    """

    def __init__(
        self, channels: Mapping[Light, Callable[[], Channel]], buzzer: Callable[[], Channel] | None = None
    ) -> None:
        if not channels:
            raise ValueError("a lamp needs at least one of red, green and blue")
        self._makers = channels
        self._buzzer_maker = buzzer
        self._channels: dict[Light, Channel] = {}
        self._buzzer: Channel | None = None
        self._lasting = LampSign.OFF
        self._timer: asyncio.TimerHandle | None = None
        self._passing = False
        self._broken = False

    async def open(self) -> None:
        """Take the channels, dark. Raises DeviceLost."""
        await self.close()
        try:
            for light, make in self._makers.items():
                self._channels[light] = make()
            if self._buzzer_maker is not None:
                self._buzzer = self._buzzer_maker()
        except DeviceLost:
            await self.close()
            raise
        self._lasting, self._broken = LampSign.OFF, False

    async def show(self, sign: LampSign) -> None:
        """Show a sign until the next one. During a passing sign a lasting one waits for its end."""
        pattern = PATTERNS[sign]
        if not pattern.passing:
            self._lasting = sign
            if self._passing:
                return
        self._begin(pattern)

    async def close(self) -> None:
        """Dark. Never raises."""
        self._stop()
        for channel in (*self._channels.values(), self._buzzer):
            if channel is not None:
                channel.close()
        self._channels.clear()
        self._buzzer = None

    def _begin(self, pattern: Pattern) -> None:
        self._stop()
        self._passing = pattern.passing
        self._step(pattern, 0)

    def _stop(self) -> None:
        self._passing = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _step(self, pattern: Pattern, index: int) -> None:
        if index == len(pattern.steps):
            if pattern.passing:
                self._begin(PATTERNS[self._lasting])
                return
            index = 0
        step = pattern.steps[index]
        self._set(step.light, sound=step.sound)
        if step.seconds is not None:
            self._timer = asyncio.get_running_loop().call_later(step.seconds, self._step, pattern, index + 1)

    def _set(self, light: Light, *, sound: bool) -> None:
        try:
            for colour, channel in self._channels.items():
                channel.set(bool(light) if len(self._channels) == 1 else colour in light)
            if self._buzzer is not None:
                self._buzzer.set(sound)
        except DeviceLost as error:
            if not self._broken:
                log.warning("lamp broken error=%s", error)
            self._broken = True


_COLOURS = (Light.RED, Light.GREEN, Light.BLUE)


@driver("lamp", "leds")
def led_lamp(
    context: DriverContext,
    red: str | None = None,
    green: str | None = None,
    blue: str | None = None,
    buzzer: str | None = None,
    folder: str = str(LEDS),
) -> PatternLamp:
    """A lamp on LEDs of the kernel, by their names in /sys/class/leds."""

    def maker(name: str) -> Callable[[], Channel]:
        return lambda: LedChannel(Path(folder) / name)

    return _lamp(maker, (red, green, blue), buzzer)


@driver("lamp", "gpio")
def gpio_lamp(
    context: DriverContext,
    red: str | None = None,
    green: str | None = None,
    blue: str | None = None,
    buzzer: str | None = None,
) -> PatternLamp:
    """A lamp on GPIO lines."""
    return make_gpio_lamp(GpiodLines(), (red, green, blue), buzzer)


def make_gpio_lamp(lines: Lines, colours: tuple[str | None, str | None, str | None], buzzer: str | None) -> PatternLamp:
    """A lamp on these lines: red, green, blue."""

    def maker(name: str) -> Callable[[], OutputLine]:
        return lambda: lines.output(name)

    return _lamp(maker, colours, buzzer)


def _lamp(
    maker: Callable[[str], Callable[[], Channel]], colours: tuple[str | None, ...], buzzer: str | None
) -> PatternLamp:
    channels = {light: maker(name) for light, name in zip(_COLOURS, colours, strict=True) if name is not None}
    return PatternLamp(channels, None if buzzer is None else maker(buzzer))
