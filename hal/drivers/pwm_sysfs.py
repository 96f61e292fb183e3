"""A pulse-width output of the kernel's PWM class (/sys/class/pwm)."""

import errno
from pathlib import Path

from hal.clock import Clock
from hal.errors import DeviceLost

EXPORT_TIMEOUT_S = 2.0  # udev gives the files of a new channel their group a moment after they appear
EXPORT_LOOK_S = 0.05
NANOSECONDS = 1_000_000_000


class SysfsPwm:
    """One channel, with a fixed period. Writing takes microseconds: these files are registers, not storage.

    `chip` is a directory such as /sys/class/pwm/pwmchip0. `inverted` is for a driver stage that turns the signal round.
    """

    def __init__(self, clock: Clock, chip: Path, channel: int, period_s: float, *, inverted: bool = False) -> None:
        self._clock = clock
        self._chip = chip
        self._channel = channel
        self._period_ns = round(period_s * NANOSECONDS)
        self._inverted = inverted
        self._folder = chip / f"pwm{channel}"

    async def open(self, duty: float) -> None:
        """Take the channel and let it run with this duty cycle (0 to 1). Raises DeviceLost."""
        if not self._folder.exists():
            self._write(self._chip / "export", str(self._channel))
        deadline = self._clock.monotonic() + EXPORT_TIMEOUT_S
        while True:
            try:
                self._write(self._folder / "duty_cycle", "0")  # a period below the old duty cycle would be refused
                break
            except DeviceLost:
                if self._clock.monotonic() >= deadline:
                    raise
                await self._clock.sleep(EXPORT_LOOK_S)
        self._write(self._folder / "period", str(self._period_ns))
        self.set(duty)
        self._write(self._folder / "enable", "1")

    def set(self, duty: float) -> None:
        """Change the duty cycle, 0 to 1. May be called from any thread. Raises DeviceLost."""
        share = 1.0 - duty if self._inverted else duty
        self._write(self._folder / "duty_cycle", str(round(share * self._period_ns)))

    def _write(self, file: Path, text: str) -> None:
        try:
            file.write_text(text, encoding="ascii")
        except OSError as error:
            why = _REASONS.get(error.errno or 0, error.strerror)
            raise DeviceLost(
                f"PWM channel {self._channel} of {self._chip}: writing {file.name} failed: {why}"
            ) from error


_REASONS = {
    errno.ENOENT: "there is no such file; is the PWM enabled in the device tree?",
    errno.EACCES: "permission denied; give the program's user the group of /sys/class/pwm by a udev rule",
    errno.EBUSY: "the kernel uses this channel itself",
}
