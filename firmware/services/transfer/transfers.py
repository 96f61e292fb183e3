"""Transfers with retries: the one entrance to this room."""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from firmware.services.transfer.errors import TransferError
from firmware.services.transfer.files import Limits, Progress
from firmware.services.transfer.location import Location
from firmware.services.transfer.timeouts import PATIENT, Timeouts, Tls
from hal.clock import Clock

log = logging.getLogger(__name__)

SCHEMES: Final = ("HTTP", "HTTPS", "FTP", "FTPS")
MOST_RETRIES: Final = 1000


@dataclass(frozen=True, slots=True)
class Retries:
    """How often to try again after the first attempt, and how long to wait before that. None leaves it to the station."""

    count: int | None = None
    interval_s: int | None = None

    @property
    def attempts(self) -> int:
        """All attempts."""
        return 1 + (2 if self.count is None else min(max(self.count, 0), MOST_RETRIES))

    @property
    def wait_s(self) -> float:
        """Seconds between two attempts."""
        return 60.0 if self.interval_s is None else float(max(self.interval_s, 1))


class Carrier(Protocol):
    """Moves one file once. Raises TransferError; ends at once when cancelled."""

    async def download(self, place: Location, path: Path, limits: Limits, progress: Progress) -> None:
        """Fetch a file, going on with what is there of it."""

    async def upload(self, place: Location, path: Path, progress: Progress) -> None:
        """Send a file."""


def _unheard(_done: int, _total: int | None) -> None:
    """Nobody wants to know."""


class Transfers:
    """Moves files, with retries."""

    def __init__(self, clock: Clock, tls: Tls, timeouts: Timeouts = PATIENT) -> None:
        """`tls` makes the context for HTTPS and FTPS, anew for each connection, so that new roots count at once."""
        self._clock = clock
        self._tls = tls
        self._timeouts = timeouts

    async def download(
        self,
        place: Location,
        path: Path,
        *,
        retries: Retries,
        limits: Limits,
        progress: Progress = _unheard,
    ) -> None:
        """Bring a file to `path`; an attempt goes on where the one before it broke off. Raises TransferError."""
        carrier = self._carrier(place.scheme)
        await self._try("download", place, retries, lambda: carrier.download(place, path, limits, progress))

    async def upload(self, place: Location, path: Path, *, retries: Retries, progress: Progress = _unheard) -> None:
        """Bring the file at `path` to a place, which may be a directory. Raises TransferError."""
        there = place.for_upload(path.name)
        carrier = self._carrier(there.scheme)
        await self._try("upload", there, retries, lambda: carrier.upload(there, path, progress))

    def _carrier(self, scheme: str) -> Carrier:
        """The one for a scheme, with its library: most runs of the program move no file."""
        if scheme in ("ftp", "ftps"):
            from firmware.services.transfer.ftp import FtpCarrier  # noqa: PLC0415

            return FtpCarrier(self._tls, self._timeouts)
        from firmware.services.transfer.http import HttpCarrier  # noqa: PLC0415

        return HttpCarrier(self._tls, self._timeouts)

    async def _try(self, what: str, place: Location, retries: Retries, attempt: Callable[[], Awaitable[None]]) -> None:
        for number in range(1, retries.attempts + 1):
            try:
                await attempt()
            except TransferError as error:
                last = number == retries.attempts or error.reason.is_final
                log.warning(
                    "%s failed attempt=%d of=%d reason=%s %s", what, number, retries.attempts, error.reason, error
                )
                if last:
                    raise
            else:
                log.info("%s done place=%s attempt=%d", what, place, number)
                return
            await self._clock.sleep(retries.wait_s)
