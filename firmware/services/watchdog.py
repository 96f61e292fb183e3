"""Feeds the watchdogs of the service manager and of the machine, while every loop that keeps charging safe still turns.

Each part is nudged, and has to tick before the next feeding. A blocked event loop feeds nothing either. What follows is not ours:
the service manager starts the program again, the machine's watchdog starts the machine again; both begin with denied contactors.

Sources: sd_notify(3), systemd.service(5) WatchdogSec=; the Linux kernel's watchdog API (Documentation/watchdog/watchdog-api.rst).
"""

import fcntl
import logging
import os
import socket
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from hal.clock import Clock

log = logging.getLogger(__name__)

FEEDINGS_PER_TIMEOUT = 3  # so that one late feeding does no harm
_SET_TIMEOUT = 0xC0045706  # WDIOC_SETTIMEOUT
_DISARM = b"V"  # the magic close


@dataclass(frozen=True, slots=True)
class Part:
    """A loop that must turn: `nudge` makes it turn once, `ticks` counts its turns."""

    name: str
    nudge: Callable[[], None]
    ticks: Callable[[], int]


class Feeder(Protocol):
    """A watchdog that wants to be fed every `timeout_s`; None when it only listens."""

    @property
    def timeout_s(self) -> float | None:
        """Seconds without feeding after which it bites."""

    def feed(self) -> None:
        """All is well. Never raises."""


class ServiceManager:
    """The service manager's notification socket. What it cannot be told is logged and lost: charging does not depend on it."""

    def __init__(self, address: str, timeout_s: float | None) -> None:
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self.timeout_s = timeout_s

    @classmethod
    def of(cls, environment: Mapping[str, str], pid: int) -> "ServiceManager | None":
        """The one that started the process `pid`, if it wants to hear."""
        address = environment.get("NOTIFY_SOCKET", "")
        if not address.startswith(("/", "@")):
            return None
        meant_for_us = environment.get("WATCHDOG_PID", str(pid)) == str(pid)
        micros = environment.get("WATCHDOG_USEC", "")
        armed = meant_for_us and micros.isdecimal() and int(micros) > 0
        return cls(address, int(micros) / 1e6 if armed else None)

    def ready(self) -> None:
        """The program has taken up what was left open, and charges."""
        self._tell(b"READY=1")

    def stopping(self) -> None:
        """The program ends because it was told to."""
        self._tell(b"STOPPING=1")

    def feed(self) -> None:
        """All is well."""
        self._tell(b"WATCHDOG=1")

    def _tell(self, message: bytes) -> None:
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK) as out:
                out.sendto(message, self._address)
        except OSError as error:
            log.warning("service manager not told message=%s error=%s", message.decode(), error)


class MachineWatchdog:
    """A watchdog device of the kernel. It is armed by `open`; only `disarm` ends that."""

    def __init__(self, device: Path, timeout_s: int) -> None:
        self._device = device
        self._fd = -1
        self.timeout_s: float | None = timeout_s

    def open(self) -> None:
        """Arm it. Raises OSError."""
        self._fd = os.open(self._device, os.O_WRONLY | os.O_CLOEXEC)
        assert self.timeout_s is not None
        try:
            fcntl.ioctl(self._fd, _SET_TIMEOUT, struct.pack("i", int(self.timeout_s)))
        except OSError as error:
            log.warning("watchdog keeps its own timeout device=%s error=%s", self._device, error)

    def feed(self) -> None:
        """All is well."""
        self._write(b"\0")

    def disarm(self) -> None:
        """The program ends because it was told to: the machine goes on. Without this it starts again. Never raises."""
        if self._fd >= 0:
            self._write(_DISARM)
            os.close(self._fd)
            self._fd = -1

    def _write(self, data: bytes) -> None:
        try:
            os.write(self._fd, data)
        except OSError as error:
            log.error("watchdog not written device=%s error=%s", self._device, error)


class Watchdog:
    """Feeds every feeder while all parts tick."""

    def __init__(self, clock: Clock, parts: Sequence[Part], feeders: Sequence[Feeder]) -> None:
        self._clock = clock
        self._parts = parts
        self._feeders = feeders
        self._seen: dict[str, int] = {}  # ticks of each part at the last nudge
        self._late: tuple[str, ...] = ()

    @property
    def late(self) -> tuple[str, ...]:
        """The parts that keep the watchdogs hungry."""
        return self._late

    async def run(self) -> None:
        """Feed for ever; returns at once when nobody wants to be fed."""
        timeouts = [feeder.timeout_s for feeder in self._feeders if feeder.timeout_s is not None]
        if not timeouts:
            return
        while True:
            self._look()
            if not self._late:
                for feeder in self._feeders:
                    if feeder.timeout_s is not None:
                        feeder.feed()
                for part in self._parts:
                    self._seen[part.name] = part.ticks()
            for part in self._parts:
                part.nudge()
            await self._clock.sleep(min(timeouts) / FEEDINGS_PER_TIMEOUT)

    def _look(self) -> None:
        late = tuple(part.name for part in self._parts if self._seen.get(part.name) == part.ticks())
        if late != self._late:
            if late:
                log.critical("watchdog not fed waiting_for=%s", ",".join(late))
            else:
                log.warning("watchdog fed again")
        self._late = late
