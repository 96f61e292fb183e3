"""The door to libgpiod: real gpiod settings, with the kernel's side stood in for, because test machines have no GPIO."""

import asyncio
import errno
import os
import sys
from pathlib import Path
from typing import Any, Self

import pytest

from hal.drivers.gpio_lines import GpiodLines, Pull
from hal.errors import DeviceLost
from tests.drivers.virtual import virtually

gpiod = pytest.importorskip("gpiod", reason="the gpiod library is an extra")


class Kernel:
    """What libgpiod finds: chips with named lines, and their levels. `refuse` is the error number of the next request."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.chips = {"gpiochip0": ["ID_SDA", "RELAY_1", "TWIN"], "gpiochip4": ["ESTOP_OK", "TWIN"]}
        self.requests: list[Request] = []
        self.refuse = 0
        for chip in (*self.chips, "gpiochip9"):
            (folder / chip).touch()

    def chip(self, path: str) -> "Chip":
        """gpiod.Chip."""
        name = Path(path).name
        if name not in self.chips:
            raise OSError(errno.EACCES, os.strerror(errno.EACCES))
        return Chip(self.chips[name])

    def request_lines(self, path: str, config: dict[str, Any], consumer: str) -> "Request":
        """gpiod.request_lines."""
        if self.refuse:
            raise OSError(self.refuse, os.strerror(self.refuse))
        ((line, settings),) = config.items()
        self.requests.append(Request(Path(path).name, line, settings, consumer))
        return self.requests[-1]


class Chip:
    """gpiod.Chip, as far as it is used."""

    def __init__(self, names: list[str]) -> None:
        self._names = names

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        pass

    def get_info(self) -> Any:
        """Number of lines."""
        return type("Info", (), {"num_lines": len(self._names)})

    def get_line_info(self, offset: int) -> Any:
        """Name of a line."""
        return type("Info", (), {"name": self._names[offset]})


class Request:
    """gpiod.LineRequest on a pipe."""

    def __init__(self, chip: str, line: str, settings: Any, consumer: str) -> None:
        self.chip, self.line, self.settings, self.consumer = chip, line, settings, consumer
        self.value = gpiod.line.Value.INACTIVE
        self.released = False
        self.gone = False
        self.fd, self._write_fd = os.pipe()

    def get_value(self, line: str) -> Any:
        """Level."""
        self._check(line)
        return self.value

    def set_value(self, line: str, value: Any) -> None:
        """Drive."""
        self._check(line)
        self.value = value

    def read_edge_events(self) -> list[Any]:
        """Empty the event queue."""
        self._check(self.line)
        return list(os.read(self.fd, 100))

    def release(self) -> None:
        """Give back."""
        self.released = True

    def edge(self, value: Any) -> None:
        """The level changes."""
        self.value = value
        os.write(self._write_fd, b"e")

    def _check(self, line: str) -> None:
        assert not self.released
        assert line == self.line
        if self.gone:
            raise OSError(errno.ENODEV, os.strerror(errno.ENODEV))


@pytest.fixture
def kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kernel:
    """A kernel with two chips, and a third that may not be opened."""
    result = Kernel(tmp_path)
    monkeypatch.setattr(gpiod, "Chip", result.chip)
    monkeypatch.setattr(gpiod, "request_lines", result.request_lines)
    return result


def ignore(_anything: object) -> None:
    """A listener that does not care."""


@virtually
async def test_an_output_is_found_by_name_and_starts_inactive(kernel: Kernel) -> None:
    """Driven, made inactive when released, and under our name in gpioinfo."""
    line = GpiodLines(kernel.folder).output("RELAY_1")
    (request,) = kernel.requests
    assert (request.chip, request.line, request.consumer) == ("gpiochip0", "RELAY_1", "wayside")
    assert request.settings.direction == gpiod.line.Direction.OUTPUT
    assert request.settings.output_value == gpiod.line.Value.INACTIVE
    assert not request.settings.active_low
    line.set(True)
    assert request.value == gpiod.line.Value.ACTIVE
    line.close()
    assert request.value == gpiod.line.Value.INACTIVE
    assert request.released


@virtually
async def test_an_active_low_input_with_a_resistor(kernel: Kernel) -> None:
    """The exclamation mark and the pull are settings of the kernel; changes come through the event loop."""
    levels: list[bool] = []
    line = GpiodLines(kernel.folder).input("!ESTOP_OK", pull=Pull.UP, on_change=levels.append, on_lost=ignore)
    (request,) = kernel.requests
    assert (request.chip, request.line) == ("gpiochip4", "ESTOP_OK")
    assert request.settings.direction == gpiod.line.Direction.INPUT
    assert request.settings.edge_detection == gpiod.line.Edge.BOTH
    assert request.settings.bias == gpiod.line.Bias.PULL_UP
    assert request.settings.active_low
    assert line.read() is False
    request.edge(gpiod.line.Value.ACTIVE)
    await asyncio.sleep(0.1)
    assert line.read() is True
    assert levels == [True]
    line.close()
    assert request.released


@virtually
async def test_an_input_whose_chip_vanishes_is_told_once(kernel: Kernel) -> None:
    """A USB expander is unplugged: DeviceLost, and no busy event loop."""
    losses: list[DeviceLost] = []
    line = GpiodLines(kernel.folder).input("ESTOP_OK", pull=Pull.AS_IS, on_change=ignore, on_lost=losses.append)
    (request,) = kernel.requests
    request.gone = True
    request.edge(gpiod.line.Value.ACTIVE)
    await asyncio.sleep(0.1)
    assert len(losses) == 1
    assert "its chip is gone" in str(losses[0])
    with pytest.raises(DeviceLost):
        line.read()
    line.close()


@virtually
async def test_an_output_whose_chip_vanishes_closes_without_raising(kernel: Kernel) -> None:
    """Setting it raises DeviceLost; closing does not."""
    line = GpiodLines(kernel.folder).output("RELAY_1")
    kernel.requests[0].gone = True
    with pytest.raises(DeviceLost, match="RELAY_1"):
        line.set(True)
    line.close()
    assert kernel.requests[0].released


@virtually
async def test_a_line_that_is_not_there_is_told_with_what_was_searched(kernel: Kernel) -> None:
    """No such name, and no chips at all."""
    with pytest.raises(DeviceLost, match=r"'NOPE' \(searched gpiochip0, gpiochip4, gpiochip9\)"):
        GpiodLines(kernel.folder).output("!NOPE")
    with pytest.raises(DeviceLost, match="no chip at all"):
        GpiodLines(kernel.folder / "empty").output("NOPE")


@virtually
async def test_a_name_on_two_chips_must_be_told_apart(kernel: Kernel) -> None:
    """The error names the choices, and a choice works."""
    with pytest.raises(DeviceLost, match="gpiochip0:TWIN, gpiochip4:TWIN"):
        GpiodLines(kernel.folder).output("TWIN")
    GpiodLines(kernel.folder).output("!gpiochip4:TWIN")
    assert (kernel.requests[0].chip, kernel.requests[0].settings.active_low) == ("gpiochip4", True)


@pytest.mark.parametrize(
    ("number", "words"), [(errno.EBUSY, "gpioinfo"), (errno.EACCES, "group gpio"), (errno.EIO, os.strerror(errno.EIO))]
)
@virtually
async def test_a_line_that_is_refused_says_why(kernel: Kernel, number: int, words: str) -> None:
    """In use, not permitted, or the kernel's own words."""
    kernel.refuse = number
    with pytest.raises(DeviceLost, match=words):
        GpiodLines(kernel.folder).output("RELAY_1")


@virtually
async def test_without_the_library_the_extra_is_named(kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    """The program starts without gpiod and says what to install."""
    monkeypatch.setitem(sys.modules, "gpiod", None)
    with pytest.raises(DeviceLost, match=r"wayside\[gpio\]"):
        GpiodLines(kernel.folder).output("RELAY_1")


def test_the_real_library_finds_no_chip_in_an_empty_folder(tmp_path: Path) -> None:
    """gpiod itself, not stood in for: a file that is no chip is skipped."""
    (tmp_path / "gpiochip0").touch()
    with pytest.raises(DeviceLost, match="searched gpiochip0"):
        GpiodLines(tmp_path).output("RELAY_1")
