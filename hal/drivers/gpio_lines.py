"""General-purpose input and output lines, by name. The only file that imports gpiod (libgpiod 2).

A line is named as the board's device tree names it (`gpioinfo` lists the names): `"RELAY_1"`, with `!` before it when it is
active low (`"!ESTOP_OK"`), and with its chip when two chips use the same name (`"gpiochip4:GPIO17"`). Above this file a line is
active or inactive; which voltage that is, is said here once.

The protocols are the seam at which tests stand in: a kernel without GPIOLIB has not even simulated lines.
"""

import asyncio
import errno
import logging
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

from hal.errors import DeviceLost

log = logging.getLogger(__name__)

CONSUMER = "wayside"  # shown by gpioinfo as the user of the line
DEVICES = Path("/dev")


class Pull(StrEnum):
    """Resistor that the controller puts on an input."""

    AS_IS = "as-is"
    NONE = "none"
    UP = "up"
    DOWN = "down"


class OutputLine(Protocol):
    """A line that we drive."""

    def set(self, active: bool) -> None:
        """Drive it. May be called from any thread. Raises DeviceLost."""

    def close(self) -> None:
        """Make it inactive and release it. Never raises."""


class InputLine(Protocol):
    """A line that somebody else drives."""

    def read(self) -> bool:
        """True when it is active now. Raises DeviceLost."""

    def close(self) -> None:
        """Release it. Never raises."""


class Lines(Protocol):
    """Where lines come from."""

    def output(self, name: str) -> OutputLine:
        """A line to drive, inactive at first. Raises DeviceLost when it is not there or not free."""

    def input(
        self,
        name: str,
        *,
        pull: Pull,
        on_change: Callable[[bool], None],
        on_lost: Callable[[DeviceLost], None],
    ) -> InputLine:
        """A line to watch. `on_change` is called in the event loop with each new level, not debounced.

        `on_lost` is called at most once, when the line can no longer be read. Raises DeviceLost when it is not there or not
        free.
        """


class GpiodLines:
    """Lines of the kernel's GPIO character devices, found in `devices`."""

    def __init__(self, devices: Path = DEVICES) -> None:
        self._devices = devices

    def output(self, name: str) -> OutputLine:
        """A line to drive, inactive at first."""
        gpiod = _library()
        place = self._find(name)
        settings = gpiod.LineSettings(
            direction=gpiod.line.Direction.OUTPUT,
            active_low=place.active_low,
            output_value=gpiod.line.Value.INACTIVE,
        )
        return _Output(gpiod, place, _request(gpiod, place, settings))

    def input(
        self,
        name: str,
        *,
        pull: Pull,
        on_change: Callable[[bool], None],
        on_lost: Callable[[DeviceLost], None],
    ) -> InputLine:
        """A line to watch."""
        gpiod = _library()
        place = self._find(name)
        settings = gpiod.LineSettings(
            direction=gpiod.line.Direction.INPUT,
            edge_detection=gpiod.line.Edge.BOTH,
            bias=getattr(gpiod.line.Bias, _BIAS[pull]),
            active_low=place.active_low,
        )
        return _Input(gpiod, place, _request(gpiod, place, settings), on_change, on_lost)

    def _find(self, name: str) -> "_Place":
        """Where a line is. Raises DeviceLost when no chip has it, or several have."""
        gpiod = _library()
        bare = name.removeprefix("!")
        chip_name, colon, line_name = bare.rpartition(":")
        chips = [self._devices / chip_name] if colon else sorted(self._devices.glob("gpiochip*"))
        found = [chip for chip in chips if _has_line(gpiod, chip, line_name)]
        if len(found) == 1:
            return _Place(bare, str(found[0]), line_name, name.startswith("!"))
        if found:
            where = ", ".join(f"{chip.name}:{line_name}" for chip in found)
            raise DeviceLost(f"GPIO line {line_name!r} is on several chips; name one of {where}")
        searched = ", ".join(chip.name for chip in chips) or "no chip at all"
        raise DeviceLost(f"no GPIO line is named {line_name!r} (searched {searched}); `gpioinfo` lists the names")


@dataclass(frozen=True, slots=True)
class _Place:
    name: str  # as in the board file, without the sign
    chip: str
    line: str
    active_low: bool

    def lost(self, error: OSError) -> DeviceLost:
        """What an error of the kernel means for this line."""
        return DeviceLost(f"GPIO line {self.name!r} on {self.chip}: {_REASONS.get(error.errno or 0, error.strerror)}")


_REASONS = {
    errno.EBUSY: "another program or the kernel is using it; `gpioinfo` tells which",
    errno.EACCES: "permission denied; the program's user must be in the group gpio",
    errno.ENODEV: "its chip is gone",
}
_BIAS = {Pull.AS_IS: "AS_IS", Pull.NONE: "DISABLED", Pull.UP: "PULL_UP", Pull.DOWN: "PULL_DOWN"}


def _library() -> ModuleType:
    """The gpiod library. Raises DeviceLost when it is not installed."""
    try:
        import gpiod  # noqa: PLC0415 - an optional library, needed on boards with GPIO drivers only
    except ImportError:
        raise DeviceLost("GPIO lines need the gpiod library; install wayside[gpio]") from None
    return gpiod


def _has_line(gpiod: ModuleType, chip: Path, line: str) -> bool:
    try:
        with gpiod.Chip(str(chip)) as opened:
            infos = (opened.get_line_info(offset) for offset in range(opened.get_info().num_lines))
            return any(info.name == line for info in infos)
    except OSError as error:
        log.info("GPIO chip cannot be read chip=%s error=%s", chip, error.strerror)
        return False


def _request(gpiod: ModuleType, place: _Place, settings: Any) -> Any:
    try:
        return gpiod.request_lines(place.chip, {place.line: settings}, consumer=CONSUMER)
    except OSError as error:
        raise place.lost(error) from error


class _Output:
    def __init__(self, gpiod: ModuleType, place: _Place, request: Any) -> None:
        self._values = (gpiod.line.Value.INACTIVE, gpiod.line.Value.ACTIVE)
        self._place = place
        self._request = request

    def set(self, active: bool) -> None:
        """Drive it."""
        try:
            self._request.set_value(self._place.line, self._values[active])
        except OSError as error:
            raise self._place.lost(error) from error

    def close(self) -> None:
        """Make it inactive and release it."""
        try:
            self.set(False)
        except DeviceLost as error:
            log.warning("GPIO line released without being made inactive line=%s error=%s", self._place.name, error)
        self._request.release()


class _Input:
    def __init__(
        self,
        gpiod: ModuleType,
        place: _Place,
        request: Any,
        on_change: Callable[[bool], None],
        on_lost: Callable[[DeviceLost], None],
    ) -> None:
        self._active = gpiod.line.Value.ACTIVE
        self._place = place
        self._request = request
        self._on_change = on_change
        self._on_lost = on_lost
        self._fd: int = request.fd
        asyncio.get_running_loop().add_reader(self._fd, self._edges)

    def read(self) -> bool:
        """True when it is active now."""
        try:
            return bool(self._request.get_value(self._place.line) == self._active)
        except OSError as error:
            raise self._place.lost(error) from error

    def close(self) -> None:
        """Release it."""
        asyncio.get_running_loop().remove_reader(self._fd)
        self._request.release()

    def _edges(self) -> None:
        """Something has changed. The level is read and not added up from edges: the kernel drops edges when they come too fast."""
        try:
            self._request.read_edge_events()
            level = self.read()
        except OSError as error:  # DeviceLost is one
            asyncio.get_running_loop().remove_reader(self._fd)
            self._on_lost(error if isinstance(error, DeviceLost) else self._place.lost(error))
            return
        self._on_change(level)
